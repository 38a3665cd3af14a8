package events

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"regulars/data"
)

// Types of events that change what a customer is shown. Any other type is
// taken as well: search, checkin, onboarding_step, live_enter, ….
const (
	typeImpression = "impression"
	typePurchase   = "purchase"
)

// viewTypes say that a shopper took an interest in an item.
var viewTypes = []string{"click", "view", "cart", "favourite", "share"}

// lineColumns are what a purchase may say beside the columns of an event: those
// of the order line that it becomes.
var lineColumns = []data.Column{
	{Name: "line_number", Kind: data.KindInt},
	{Name: "quantity", Kind: data.KindInt, Positive: true},
	{Name: "unit_price", Kind: data.KindMoney, NotBelow: true},
	{Name: "is_return", Kind: data.KindBool},
	{Name: "discount", Kind: data.KindMoney},
	{Name: "currency", Kind: data.KindString},
	{Name: "store", Kind: data.KindString},
}

// What each intake takes. Times that are missing are those of the arrival.
var (
	eventSchema   = optional(contract(data.Events), "ts").WithExtra(lineColumns...)
	contactSchema = optional(contract(data.Contacts), "campaign_id", "user_id", "ts", "channel", "arm")
	itemSchema    = data.Schema{Table: data.Items, Columns: []data.Column{
		{Name: "item_id", Kind: data.KindString, Required: true},
		{Name: "ts", Kind: data.KindTime},
		{Name: "in_stock", Kind: data.KindBool},
		{Name: "price", Kind: data.KindMoney, NotBelow: true},
		{Name: "available_from", Kind: data.KindTime},
	}}
	linkSchema = data.Schema{Table: data.Identities, Columns: []data.Column{
		{Name: "session_id", Kind: data.KindString},
		{Name: "source", Kind: data.KindString},
		{Name: "alias", Kind: data.KindString},
		{Name: "user_id", Kind: data.KindString, Required: true},
		{Name: "ts", Kind: data.KindTime},
	}}
)

// contract returns the schema of a table that data is known to have.
func contract(t data.Table) data.Schema {
	s, _ := data.SchemaOf(t)
	return s.WithExtra() // columns of its own
}

// optional returns the schema with some columns that need not be given.
func optional(s data.Schema, names ...string) data.Schema {
	for _, name := range names {
		s.Columns[s.Index(name)].Required = false
	}
	return s
}

// record is a row whose values are asked for by name.
type record struct {
	schema *data.Schema
	row    data.Row
}

func (r record) get(name string) data.Value { return r.row[r.schema.Index(name)] }

func (r record) text(name string) string { return r.get(name).Str() }

func (r record) has(name string) bool { return !r.get(name).IsNull() }

func (r record) set(name string, v data.Value) { r.row[r.schema.Index(name)] = v }

// tooEarly is before any event that a shop sends as it happens.
var tooEarly = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)

// ahead is how far a client's clock may be ahead of ours.
const ahead = 24 * time.Hour

// parse reads one JSON object as a record. Errors name the field and the rule,
// and are worded for the caller.
func parse(s *data.Schema, text json.RawMessage, now time.Time) (record, error) {
	r := record{s, make(data.Row, len(s.Columns))}
	if err := r.read(text); err != nil {
		return record{}, err
	}
	if reason := s.Validate(r.row); reason != "" {
		return record{}, errors.New(reason)
	}
	for i, c := range s.Columns {
		if v := r.row[i]; c.Kind == data.KindTime && c.Name != "available_from" && !v.IsNull() {
			if err := checkTime(c.Name, v.Time(), now); err != nil {
				return record{}, err
			}
		}
	}
	return r, nil
}

func checkTime(name string, t, now time.Time) error {
	switch {
	case t.Before(tooEarly):
		return fmt.Errorf("%s is before the year 2000", name)
	case t.After(now.Add(ahead)):
		return fmt.Errorf("%s is more than a day in the future", name)
	}
	return nil
}

// read takes the fields in. It is stricter than encoding/json: names are exact,
// and none may come twice.
func (r record) read(text json.RawMessage) error {
	d := json.NewDecoder(bytes.NewReader(text))
	if open, err := d.Token(); err != nil || open != json.Delim('{') {
		return errors.New("not a JSON object")
	}
	seen := make([]bool, len(r.row))
	for d.More() {
		token, err := d.Token()
		if err != nil {
			return errors.New("not a JSON object")
		}
		name, _ := token.(string)
		i := r.schema.Index(name)
		if i < 0 {
			return fmt.Errorf("unknown field %q: there are %s", clip(name), strings.Join(r.schema.ColumnNames(), ", "))
		}
		if seen[i] {
			return fmt.Errorf("field %q is given twice", name)
		}
		seen[i] = true
		var value json.RawMessage
		if err := d.Decode(&value); err != nil {
			return errors.New("not a JSON object")
		}
		if r.row[i], err = valueOf(&r.schema.Columns[i], value); err != nil {
			return err
		}
	}
	return nil
}

// clip keeps what a message quotes short.
func clip(s string) string {
	if len(s) <= 40 {
		return s
	}
	return strings.ToValidUTF8(s[:40], "") + "…"
}

// valueOf reads one JSON value as what the column holds. Null is as absent.
func valueOf(c *data.Column, text json.RawMessage) (data.Value, error) {
	if string(text) == "null" {
		return data.Null, nil
	}
	v, ok := data.Null, false
	switch c.Kind {
	case data.KindString:
		v, ok = stringOf(c, text)
	case data.KindInt:
		n, err := strconv.ParseInt(string(text), 10, 64)
		v, ok = data.Int(n), err == nil
	case data.KindFloat:
		var f float64
		ok = json.Unmarshal(text, &f) == nil
		v = data.Float(f)
	case data.KindBool:
		v, ok = data.Bool(text[0] == 't'), text[0] == 't' || text[0] == 'f'
	case data.KindTime:
		v, ok = timeOf(text)
	case data.KindMoney:
		m, err := data.ParseMoney(strings.Trim(string(text), `"`))
		v, ok = data.Amount(m), err == nil
	}
	if !ok {
		return data.Null, fmt.Errorf("%s is not %s", c.Name, wanted[c.Kind])
	}
	return v, nil
}

var wanted = map[data.Kind]string{
	data.KindString: "a text",
	data.KindInt:    "a whole number",
	data.KindFloat:  "a number",
	data.KindBool:   "true or false",
	data.KindTime:   "a time such as 2026-01-02T15:04:05Z",
	data.KindMoney:  "an amount such as 12.50, with four decimals at most",
}

// stringOf takes an id without the white space around it, as an import does.
func stringOf(c *data.Column, text json.RawMessage) (data.Value, bool) {
	var s string
	if json.Unmarshal(text, &s) != nil {
		return data.Null, false
	}
	if !c.IsID() {
		return data.String(s), true
	}
	if s = strings.TrimSpace(s); s == "" {
		return data.Null, true
	}
	return data.String(s), true
}

func timeOf(text json.RawMessage) (data.Value, bool) {
	var s string
	if json.Unmarshal(text, &s) != nil {
		return data.Null, false
	}
	t, err := time.Parse(time.RFC3339, s)
	if err != nil {
		return data.Null, false
	}
	return data.Time(t), true
}

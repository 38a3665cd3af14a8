package ingest

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"regulars/data"
	"regulars/data/lake"
)

// The columns of Online Retail II (D. Chen 2019, UCI Machine Learning
// Repository), as both the Parquet and the CSV form name them.
var retailHeaders = []string{"Invoice", "StockCode", "Description", "Quantity", "InvoiceDate", "Price", "Customer ID", "Country"}

var retailKinds = []data.Kind{data.KindString, data.KindString, data.KindString, data.KindInt, data.KindTime, data.KindMoney, data.KindString, data.KindString}

const (
	retailInvoice = iota
	retailStockCode
	retailDescription
	retailQuantity
	retailDate
	retailPrice
	retailCustomer
	retailCountry
)

// OnlineRetail imports the yearly files of Online Retail II, Parquet or CSV,
// into orders, items and users. A line is clean when it has a customer, a
// product code of five digits with optional letters, a price above 0 and a
// quantity other than 0; it is a return when the quantity is negative or the
// invoice begins with C. The line number is the line's place among all lines of
// its invoice, clean or not. An invoice that an earlier file of the same call
// held is a duplicate, whole.
//
// Items get the description of their latest clean line as title, users the
// country of theirs as region; both count as tables of their own.
func OnlineRetail(ctx context.Context, l *lake.Lake, files []string, o Options) (lake.Report, error) {
	s := newRetail()
	r := &run{ctx: ctx, options: o, as: "online-retail", open: openAny, finish: s.finish}
	r.plan = func(f foreign) (handler, error) {
		columns, err := retailColumns(f)
		if err != nil {
			return nil, err
		}
		s.files++
		file := s.files
		return func(im *lake.Import, b *batch) error { return s.take(im, b, columns, file) }, nil
	}
	return r.do(l, files)
}

func retailColumns(f foreign) ([]target, error) {
	out := make([]target, len(retailHeaders))
	for i, header := range retailHeaders {
		from := slices.Index(f.names(), header)
		if from < 0 {
			return nil, fmt.Errorf("%s has no column %q; its columns are %s, those of Online Retail II are %s",
				f.path(), header, list(f.names()), list(retailHeaders))
		}
		convert := converterOf(f.kinds()[from], retailKinds[i])
		if convert == nil {
			return nil, fmt.Errorf("%s: column %q is %s, not a %s", f.path(), header, f.types()[from], retailKinds[i])
		}
		out[i] = target{from, convert}
	}
	return out, nil
}

// invoice is what is known of one invoice so far.
type invoice struct {
	file  int   // that held it first
	lines int64 // seen, clean or not
}

// latest is the newest description of something; of two at one instant the
// later in file order.
type latest struct {
	ts    int64
	value data.Value
}

// retail is the state of one import over its files.
type retail struct {
	schema   data.Schema
	place    map[string]int // orders column → place in a row
	files    int
	invoices map[string]*invoice
	titles   map[string]latest // by item
	regions  map[string]latest // by user
	in       data.Row          // one line, converted
	arena    data.Row
	rows     []data.Row
	numbers  []int64
	origins  []int
}

func newRetail() *retail {
	schema, _ := data.SchemaOf(data.Orders)
	s := &retail{schema: schema, place: map[string]int{}, invoices: map[string]*invoice{},
		titles: map[string]latest{}, regions: map[string]latest{}, in: make(data.Row, len(retailHeaders))}
	for i, c := range schema.Columns {
		s.place[c.Name] = i
	}
	s.arena = make(data.Row, batchRows*len(schema.Columns))
	return s
}

func (s *retail) take(im *lake.Import, b *batch, columns []target, file int) error {
	for _, bad := range b.bad {
		if err := im.Reject(data.Orders, b.path, bad.number, bad.reason, bad.raw); err != nil {
			return err
		}
	}
	s.rows, s.numbers, s.origins = s.rows[:0], s.numbers[:0], s.origins[:0]
	var duplicates int64
	for i, row := range b.rows {
		known, reason := s.line(row, columns, file)
		if known {
			duplicates++
			continue
		}
		if reason != "" {
			if err := im.Reject(data.Orders, b.path, b.numbers[i], reason, b.raw(i)); err != nil {
				return err
			}
			continue
		}
		s.origins = append(s.origins, i)
		s.numbers = append(s.numbers, b.numbers[i])
	}
	if err := im.Duplicate(data.Orders, duplicates); err != nil {
		return err
	}
	return im.Write(lake.Batch{Schema: s.schema, Source: b.path, Rows: s.rows, Numbers: s.numbers,
		Raw: func(i int) string { return b.raw(s.origins[i]) }})
}

// line takes one line: it is known from an earlier file, or refused with a
// reason, or appended to s.rows.
func (s *retail) line(row data.Row, columns []target, file int) (known bool, reason string) {
	number := row[columns[retailInvoice].from]
	if number.IsNull() {
		return false, "Invoice is missing"
	}
	id, err := columns[retailInvoice].convert(number)
	if err != nil {
		return false, "Invoice " + err.Error()
	}
	inv := s.invoices[id.Str()]
	if inv == nil {
		inv = &invoice{file: file}
		s.invoices[id.Str()] = inv
	}
	if inv.file != file {
		return true, ""
	}
	inv.lines++
	if reason := s.convert(row, columns); reason != "" {
		return false, reason
	}
	if reason := unclean(s.in); reason != "" {
		return false, reason
	}
	s.note(s.in)
	s.rows = append(s.rows, s.order(s.in, inv.lines))
	return false, ""
}

func (s *retail) convert(row data.Row, columns []target) (reason string) {
	for i, c := range columns {
		s.in[i] = data.Null
		if row[c.from].IsNull() {
			continue
		}
		v, err := c.convert(row[c.from])
		if err != nil {
			return retailHeaders[i] + " " + err.Error()
		}
		s.in[i] = v
	}
	// The CSV form went through a tool that wrote customers as 13085.0.
	if c := s.in[retailCustomer]; !c.IsNull() {
		s.in[retailCustomer] = data.String(strings.TrimSuffix(strings.TrimSpace(c.Str()), ".0"))
	}
	return ""
}

// unclean says why a line is no clean order line, "" when it is.
func unclean(in data.Row) string {
	switch {
	case in[retailCustomer].Str() == "":
		return "Customer ID is missing"
	case !isProduct(in[retailStockCode].Str()):
		return "StockCode is not five digits with optional letters"
	case in[retailPrice].IsNull():
		return "Price is missing"
	case in[retailPrice].Money() <= 0:
		return "Price is not above 0"
	case in[retailQuantity].IsNull():
		return "Quantity is missing"
	case in[retailQuantity].Int() == 0:
		return "Quantity is 0"
	case in[retailDate].IsNull():
		return "InvoiceDate is missing"
	}
	return ""
}

func isProduct(code string) bool {
	if len(code) < 5 {
		return false
	}
	for i, r := range code {
		digit, letter := '0' <= r && r <= '9', 'a' <= r|0x20 && r|0x20 <= 'z'
		if i < 5 && !digit || i >= 5 && !letter {
			return false
		}
	}
	return true
}

// order makes the row of a clean line.
func (s *retail) order(in data.Row, line int64) data.Row {
	w, n := len(s.schema.Columns), len(s.rows)
	out := s.arena[n*w : (n+1)*w : (n+1)*w]
	clear(out)
	quantity := in[retailQuantity].Int()
	out[s.place["order_id"]] = in[retailInvoice]
	out[s.place["line_number"]] = data.Int(line)
	out[s.place["user_id"]] = in[retailCustomer]
	out[s.place["item_id"]] = in[retailStockCode]
	out[s.place["ts"]] = in[retailDate]
	out[s.place["quantity"]] = data.Int(max(quantity, -quantity))
	out[s.place["unit_price"]] = in[retailPrice]
	out[s.place["is_return"]] = data.Bool(quantity < 0 || strings.HasPrefix(in[retailInvoice].Str(), "C"))
	out[s.place["currency"]] = data.String("GBP")
	return out
}

// note keeps the latest title and region.
func (s *retail) note(in data.Row) {
	ts := in[retailDate].Micros()
	newer(s.titles, in[retailStockCode].Str(), latest{ts, in[retailDescription]})
	newer(s.regions, in[retailCustomer].Str(), latest{ts, in[retailCountry]})
}

// newer keeps the later of two; a line that does not say it takes nothing away.
func newer(m map[string]latest, id string, l latest) {
	old, ok := m[id]
	if !ok || old.value.IsNull() || !l.value.IsNull() && l.ts >= old.ts {
		m[id] = l
	}
}

// finish writes the items and users that the clean lines name.
func (s *retail) finish(im *lake.Import) error {
	if err := writeNamed(im, data.Items, "item_id", "title", s.titles); err != nil {
		return err
	}
	return writeNamed(im, data.Users, "user_id", "region", s.regions)
}

func writeNamed(im *lake.Import, t data.Table, id, attribute string, values map[string]latest) error {
	schema, _ := data.SchemaOf(t)
	at, of := schema.Index(id), schema.Index(attribute)
	var rows []data.Row
	for _, key := range slices.SortedFunc(maps.Keys(values), cmp.Compare[string]) {
		row := make(data.Row, len(schema.Columns))
		row[at] = data.String(key)
		if v := values[key].value; !v.IsNull() {
			// A title in another encoding must not cost the shop its item.
			row[of] = data.String(strings.ToValidUTF8(v.Str(), "\ufffd"))
		}
		rows = append(rows, row)
	}
	if len(rows) == 0 {
		return nil
	}
	return im.Write(lake.Batch{Schema: schema, Source: "derived from orders", First: 1, Rows: rows})
}

package data_test

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"regulars/data"
)

// The whole contract in one place: "!" required, "+" above 0, "0" not
// below; the key behind the arrow, in brackets the column without which rows
// compare in full, or, with "newest", supersede each other.
const contract = `orders: order_id! line_number:int64 user_id! item_id! ts!:timestamp quantity!+:int64 unit_price!0:money is_return!:bool channel store host_id live_id discount:money currency -> order_id line_number (line_number)
events: event_id user_id session_id item_id ts!:timestamp type! channel value:double recommendation_id placement position:int64 order_id host_id live_id -> event_id (event_id)
items: item_id! valid_from:timestamp title category brand price0:money unit_cost0:money in_stock:bool available_from:timestamp tags:list of strings -> item_id valid_from (valid_from newest)
users: user_id! valid_from:timestamp signed_up_at:timestamp region gender birth_year:int64 time_zone tier points:int64 referrer_id source acquisition_cost:money personalization_opt_out:bool -> user_id valid_from (valid_from newest)
consents: user_id! channel! granted!:bool ts!:timestamp ->
contacts: contact_id! campaign_id! user_id! ts!:timestamp channel! arm! propensity:double offer cost:money delivered_at:timestamp bounced_at:timestamp opened_at:timestamp clicked_at:timestamp unsubscribed_at:timestamp -> contact_id
promotions: promotion_id! starts_at!:timestamp ends_at!:timestamp kind! item_id category value:double -> promotion_id
feedback: user_id! ts!:timestamp kind! score:double item_id campaign_id text ->
identities: source! alias! user_id! ts:timestamp -> source alias
`

func TestSchemas(t *testing.T) {
	var b strings.Builder
	for _, s := range data.Schemas() {
		fmt.Fprintf(&b, "%s:", s.Table)
		for _, c := range s.Columns {
			b.WriteString(" " + c.Name)
			if c.Required {
				b.WriteByte('!')
			}
			if c.Positive {
				b.WriteByte('+')
			}
			if c.NotBelow {
				b.WriteByte('0')
			}
			if c.Kind != data.KindString {
				fmt.Fprintf(&b, ":%s", c.Kind)
			}
		}
		b.WriteString(" ->")
		for _, k := range s.Key {
			if s.Index(k) < 0 {
				t.Errorf("table %s has no key column %s", s.Table, k)
			}
			b.WriteString(" " + k)
		}
		switch {
		case s.Supersede:
			fmt.Fprintf(&b, " (%s newest)", s.KeyIfBy)
		case s.KeyIfBy != "":
			fmt.Fprintf(&b, " (%s)", s.KeyIfBy)
		}
		b.WriteByte('\n')
	}
	if b.String() != contract {
		t.Errorf("got\n%s\nwant\n%s", b.String(), contract)
	}
}

func TestWithExtraLeavesTheContractAlone(t *testing.T) {
	s, ok := data.SchemaOf(data.Users)
	if _, unknown := data.SchemaOf("user"); !ok || unknown {
		t.Fatal("tables are not told apart")
	}
	n := len(s.Columns)
	a, b := s.WithExtra(data.Column{Name: "a"}), s.WithExtra(data.Column{Name: "b"})
	if a.Index("a") != n || a.Index("b") != -1 || b.Index("b") != n || len(s.Columns) != n {
		t.Errorf("%v, %v, %v", a.ColumnNames(), b.ColumnNames(), s.ColumnNames())
	}
	if !slices.Contains(data.TableNames(), "users") {
		t.Errorf("%v", data.TableNames())
	}
}

func TestValidate(t *testing.T) {
	good := map[string]data.Value{"order_id": data.String("o"), "user_id": data.String("u"), "item_id": data.String("i"), "ts": data.Micros(1_300_000_000_000_000),
		"quantity": data.Int(1), "unit_price": data.Amount(1), "is_return": data.Bool(false)}
	s, _ := data.SchemaOf(data.Orders)
	extra := s.WithExtra(data.Column{Name: "score", Kind: data.KindFloat}, data.Column{Name: "words", Kind: data.KindList})
	row := func(changes map[string]data.Value) data.Row {
		r := make(data.Row, len(extra.Columns))
		for name, v := range good {
			r[extra.Index(name)] = v
		}
		for name, v := range changes {
			r[extra.Index(name)] = v
		}
		return r
	}
	type change = map[string]data.Value
	for _, test := range []struct {
		change change
		want   string
	}{
		{nil, ""},
		{change{"user_id": data.Null}, "user_id is missing"},
		{change{"user_id": data.String("")}, "user_id is empty"},
		{change{"user_id": data.Int(17850)}, "user_id is a int64, not a string"},
		{change{"user_id": data.String(strings.Repeat("x", 512))}, ""},
		{change{"user_id": data.String(strings.Repeat("x", 513))}, "user_id is longer than 512 bytes"},
		{change{"user_id": data.String("a\xff")}, "user_id is not valid UTF-8"},
		{change{"user_id": data.String("a\x00")}, "user_id holds a NUL byte"},
		{change{"store": data.String("")}, ""},
		{change{"store": data.String(strings.Repeat("x", 1<<20+1))}, "store is longer than 1048576 bytes"},
		{change{"quantity": data.Int(0)}, "quantity is not above 0"},
		{change{"quantity": data.Int(-1)}, "quantity is not above 0"},
		{change{"line_number": data.Int(0)}, ""},
		{change{"ts": data.Micros(0)}, "ts is outside 1971 to 2099"},
		{change{"ts": data.Micros(31_536_000_000_000)}, ""}, // 1971-01-01
		{change{"ts": data.Micros(31_535_999_999_999)}, "ts is outside 1971 to 2099"},
		{change{"ts": data.Micros(4_102_444_800_000_000)}, "ts is outside 1971 to 2099"}, // 2100-01-01
		{change{"ts": data.Micros(4_102_444_799_999_999)}, ""},
		{change{"unit_price": data.Amount(1_000_000_000_000_000_000)}, "unit_price is beyond what DECIMAL(18,4) can hold"},
		{change{"unit_price": data.Amount(0)}, ""},
		{change{"unit_price": data.Amount(-1)}, "unit_price is below 0"},
		{change{"unit_price": data.Amount(math.MinInt64)}, "unit_price is below 0"},
		{change{"discount": data.Amount(-1)}, ""},
		// 999,999,999,999,999,999 = 3 × 333,333,333,333,333,333
		{change{"quantity": data.Int(3), "unit_price": data.Amount(333_333_333_333_333_333)}, ""},
		{change{"quantity": data.Int(3), "unit_price": data.Amount(333_333_333_333_333_334)}, "quantity × unit_price is beyond DECIMAL(18,4)"},
		{change{"quantity": data.Int(1 << 62), "unit_price": data.Amount(4)}, "quantity × unit_price is beyond DECIMAL(18,4)"}, // 2⁶⁴
		{change{"quantity": data.Int(math.MaxInt64), "unit_price": data.Amount(0)}, ""},
		{change{"discount": data.Amount(math.MinInt64)}, "discount is beyond what DECIMAL(18,4) can hold"},
		{change{"score": data.Float(math.NaN())}, "score is not a finite number"},
		{change{"score": data.Float(math.Inf(-1))}, "score is not a finite number"},
		{change{"score": data.Float(0)}, ""},
		{change{"words": data.List([]string{"a", "\xff"})}, "words is not valid UTF-8"},
		{change{"words": data.List([]string{"a", "b\x00"})}, "words holds a NUL byte"},
		{change{"words": data.List([]string{strings.Repeat("x", 1<<19), strings.Repeat("y", 1<<19+1)})}, "words is longer than 1048576 bytes"},
		{change{"words": data.List(nil)}, ""},
	} {
		if got := extra.Validate(row(test.change)); got != test.want {
			t.Errorf("%v: %q, want %q", test.change, got, test.want)
		}
	}
	if got := s.Validate(data.Row{}); got != "row has 0 values, table orders has 14 columns" {
		t.Errorf("got %q", got)
	}
}

func TestValueEqual(t *testing.T) {
	values := []data.Value{data.Null, data.String(""), data.String("x"), data.Int(0), data.Int(1), data.Float(0), data.Bool(false), data.Bool(true),
		data.Micros(1), data.Amount(1), data.List(nil), data.List([]string{"x"}), data.List([]string{"x", ""})}
	for i, v := range values {
		for j, w := range values {
			if v.Equal(w) != (i == j) {
				t.Errorf("%+v equal to %+v: %v", v, w, v.Equal(w))
			}
		}
	}
	if !data.List(nil).Equal(data.List([]string{})) || !data.List([]string{"a"}).Equal(data.List([]string{"a"})) {
		t.Error("equal lists differ")
	}
}

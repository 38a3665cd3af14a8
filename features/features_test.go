package features_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"regulars/data"
	"regulars/features"
)

func TestCatalogue(t *testing.T) {
	groups, err := features.Catalogue()
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, g := range groups {
		names = append(names, g.Entity+"/"+g.Name)
		if g.Label || len(g.Features()) != len(g.Columns)-len(g.Keys) {
			t.Errorf("%s: label %v, %d features of %d columns with keys %v", g.File, g.Label, len(g.Features()), len(g.Columns), g.Keys)
		}
	}
	for _, want := range []string{"item/sales", "user/basket", "user/channels", "user/gaps", "user/returns", "user/rfm", "user/windows", "user_item/purchases"} {
		if !slices.Contains(names, want) {
			t.Errorf("shipped groups are %v: %s is missing", names, want)
		}
	}
	if !slices.IsSorted(names) {
		t.Errorf("shipped groups are not sorted: %v", names)
	}
	label, err := features.OrderLabel()
	if err != nil || !label.Label || label.Entity != "user" {
		t.Errorf("order label: label %v, entity %q, error %v", label.Label, label.Entity, err)
	}
}

const good = `-- group: tiny
-- entity: user
-- doc: A group
--     of one column.
-- needs: orders
-- key: user_id VARCHAR id | The customer.
-- column: lines BIGINT lines | Order lines.
SELECT as_of, user_id, COUNT(*) AS lines
FROM orders
GROUP BY as_of, user_id
ORDER BY as_of, user_id
`

func TestParse(t *testing.T) {
	g, err := features.Parse("sql/user/tiny.sql", good)
	if err != nil {
		t.Fatal(err)
	}
	if g.Name != "tiny" || g.Entity != "user" || g.Doc != "A group of one column." || !slices.Equal(g.Needs, []data.Table{data.Orders}) {
		t.Errorf("header read as %+v", g)
	}
	if want := (features.Column{Name: "lines", Type: "BIGINT", Unit: "lines", Doc: "Order lines."}); len(g.Columns) != 2 || g.Columns[1] != want {
		t.Errorf("columns read as %+v", g.Columns)
	}
	if !slices.Contains(g.Names(), "orders") || slices.Contains(g.Names(), "column") {
		t.Errorf("names of the query are %v", g.Names())
	}
	if err := features.Lint(g); err != nil {
		t.Error(err)
	}
}

func TestParseRefuses(t *testing.T) {
	tests := []struct{ old, new, want string }{
		{"-- entity: user", "-- entity: store", `entity "store" is none of`},
		{"-- entity: user", "-- entity: user_item", "must begin with [user_id item_id]"},
		{"-- group: tiny", "-- group: other", `header says group "other", the file is named "tiny"`},
		{"-- needs: orders", "-- needs: order", `tiny.sql:5: "order" is not a lake table`},
		{"-- needs: orders", "-- neds: orders", `tiny.sql:5: header field "neds"`},
		{"-- needs: orders", "-- needs orders", `tiny.sql:5: header line "needs orders"`},
		{"-- needs: orders\n", "", "no needs line"},
		{"lines BIGINT lines", "lines HUGEINT lines", `tiny.sql:7: column lines has type "HUGEINT"`},
		{"| Order lines.", "", "does not document a column"},
		{"-- column: lines", "-- column: user_id", "documented twice"},
		{"-- column: lines", "-- column: Lines", "not lower case"},
		{"-- column: lines BIGINT lines | Order lines.\n", "", "documents no column"},
	}
	for _, test := range tests {
		_, err := features.Parse("tiny.sql", strings.Replace(good, test.old, test.new, 1))
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%q for %q: error %v, want one with %q", test.new, test.old, err, test.want)
		}
		var where *features.SQLError
		if err != nil && !errors.As(err, &where) {
			t.Errorf("%q: error %T does not say where", test.new, err)
		}
	}
}

const selected = "COUNT(*) AS lines"

func TestLintRefuses(t *testing.T) {
	tests := []struct{ old, new, want string }{
		{selected, "AVG(quantity) AS lines", "tiny.sql:8: avg() is not allowed"},
		{selected, "stddev_samp(quantity) AS lines", "stddev_samp() is not allowed"},
		{selected, "SUM(CAST(unit_price AS DOUBLE)) AS lines", "SUM over DOUBLE"},
		{selected, "SUM(quantity / NULLIF(line_number, 0)) AS lines", "SUM over DOUBLE (/)"},
		{selected, "approx_quantile(quantity, .5) AS lines", "approx_quantile() is not allowed"},
		{selected, "list(ts ORDER BY ts) AS lines", "list() is not allowed"},
		{selected, "first(item_id) AS lines", "first() is not allowed"},
		{selected, "log(2) AS lines", "write ln"},
		{selected, "dayofweek(ts) AS lines", "use local_dow"},
		{selected, "EXTRACT(dow FROM ts) AS lines", "use local_dow"},
		{selected, "datediff(ts, ts) AS lines", "epoch days"},
		{selected, "now() AS lines", "the clock is out of reach"},
		{selected, "current_date AS lines", "CURRENT_DATE is not allowed"},
		{selected, "random() AS lines", "chance is out of reach"},
		{selected, "quantity::BIGINT AS lines", ":: is not portable"},
		{selected, "quantity // 2 AS lines", "// is not portable"},
		{selected, "1 / COUNT(*) AS lines", "a denominator must be NULLIF"},
		{selected, "1 / 0 AS lines", "a denominator must be NULLIF"},
		{selected, "*", "SELECT * is not allowed"},
		{selected, "orders.* ", "SELECT * is not allowed"},
		{selected, `"lines"`, "quoted name"},
		{selected, "(SELECT MAX(ts) FROM regulars_lake.orders) AS lines", "regulars_lake is not allowed"},
		{selected, "ROW_NUMBER() OVER (PARTITION BY user_id ORDER BY ts, channel DESC) AS lines", "NULLS FIRST or NULLS LAST"},
		{"FROM orders", "FROM read_parquet('x')", "read_parquet(… is no view"},
		{"FROM orders", "FROM read_parquet('x')", "read_parquet is not allowed"},
		{"FROM orders", "FROM 'orders.parquet'", "tiny.sql:9: 'orders.parquet' is no view"},
		{"FROM orders", "FROM main.orders", "main.… is no view"},
		{"FROM orders", "FROM events", "events is no view of this group"},
		{"FROM orders", "FROM future_orders", "future_orders is no view"},
		{"FROM orders", "FROM orders, orders o", "write JOIN"},
		{"FROM orders", "FROM orders AS a, orders o", "write JOIN"},
		{"FROM orders", "FROM (SELECT as_of FROM orders) a, orders", "write JOIN"},
		{"FROM orders", "FROM orders JOIN duckdb_tables() ON true", "duckdb_tables is not allowed"},
		{"FROM orders", "FROM orders QUALIFY 1 = 1", "QUALIFY is not allowed"},
		{"FROM orders", "FROM (TABLE orders)", "TABLE is not allowed"},
		{"ORDER BY as_of, user_id\n", "", "must end with ORDER BY as_of, user_id"},
		{"ORDER BY as_of, user_id\n", "ORDER BY user_id, as_of\n", "must end with ORDER BY as_of, user_id"},
		{"ORDER BY as_of, user_id\n", "ORDER BY as_of, user_id; DROP TABLE orders\n", "; is not allowed"},
		{"ORDER BY as_of, user_id\n", "ORDER BY as_of, user_id LIMIT 3\n", "must end with ORDER BY as_of, user_id"},
	}
	for _, test := range tests {
		g, err := features.Parse("tiny.sql", strings.Replace(good, test.old, test.new, 1))
		if err != nil {
			t.Fatal(err)
		}
		if err := features.Lint(g); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%q: error %v, want one with %q", test.new, err, test.want)
		}
	}
}

func TestLintAccepts(t *testing.T) {
	for _, expression := range []string{
		"COUNT(*) FILTER (WHERE quantity > 1 AND channel IS DISTINCT FROM 'a; // :: \"b\"') AS lines",
		"SUM(quantity) / NULLIF(COUNT(*), 0) AS lines",
		"SUM(quantity) / CAST(NULLIF(COUNT(*), 0) AS DOUBLE) AS lines",
		"COUNT(*) / 100.0 AS lines /* AVG(x) now() */",
		"COUNT(*) * 2 AS lines",
		"max_by(item_id, ts) AS lines",
		"percentile_cont(0.5) WITHIN GROUP (ORDER BY channel NULLS LAST) AS lines",
		"SUM(COUNT(*)) OVER (PARTITION BY user_id ORDER BY orders.day DESC ROWS BETWEEN 1 PRECEDING AND CURRENT ROW) AS lines",
	} {
		g, err := features.Parse("tiny.sql", strings.Replace(good, selected, expression, 1))
		if err != nil {
			t.Fatal(err)
		}
		if err := features.Lint(g); err != nil {
			t.Errorf("%s: %v", expression, err)
		}
	}
}

func TestLabelRequestCheck(t *testing.T) {
	r := features.LabelRequest{AsOf: []data.Day{100, 130}, Root: "x", HorizonDays: 20, GapDays: 5, Until: 155}
	if err := r.Check(); err != nil {
		t.Errorf("horizon that ends at the last known day: %v", err)
	}
	r.Until = 154
	if err := r.Check(); err == nil || !strings.Contains(err.Error(), "as_of 1970-05-11") || !strings.Contains(err.Error(), "1970-06-04") {
		t.Errorf("horizon beyond the known history: %v", err)
	}
	r.HorizonDays = 0
	if err := r.Check(); err == nil {
		t.Error("horizon 0 is accepted")
	}
}

func TestRequestCheck(t *testing.T) {
	label, err := features.OrderLabel()
	if err != nil {
		t.Fatal(err)
	}
	tiny, err := features.Parse("tiny.sql", good)
	if err != nil {
		t.Fatal(err)
	}
	groups := []features.Group{tiny}
	tests := []struct {
		request features.Request
		want    string
	}{
		{features.Request{AsOf: []data.Day{1}, Root: "x"}, "no groups"},
		{features.Request{Groups: groups, Root: "x"}, "no as_of"},
		{features.Request{Groups: groups, AsOf: []data.Day{1}}, "no root"},
		{features.Request{Groups: groups, AsOf: []data.Day{1, 1}, Root: "x"}, "1970-01-02 is given twice"},
		{features.Request{Groups: groups, AsOf: []data.Day{1}, Root: "x", Threads: -1}, "threads is -1"},
		{features.Request{Groups: []features.Group{label}, AsOf: []data.Day{1}, Root: "x"}, "is a label"},
	}
	for _, test := range tests {
		if err := test.request.Check(); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("error %v, want one with %q", err, test.want)
		}
	}
}

// FuzzParse: whatever stands in a file of the shop's own, reading it ends, and
// what is accepted has what an engine relies on.
func FuzzParse(f *testing.F) {
	f.Add(good)
	f.Add("-- group: tiny\n-- key: a\n--     b\nSELECT 'x")
	f.Add("/* ( SELECT ORDER BY ) , \" \x00 ORDER BY")
	f.Fuzz(func(t *testing.T, text string) {
		g, err := features.Parse("tiny.sql", text)
		lint := features.Lint(g)
		if err != nil || lint != nil {
			return
		}
		if len(g.Keys) == 0 || len(g.Features()) == 0 || len(g.Needs) == 0 {
			t.Errorf("accepted without keys, columns or tables: %+v", g)
		}
	})
}

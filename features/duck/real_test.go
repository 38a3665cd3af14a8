package duck_test

import (
	"context"
	"database/sql"
	"fmt"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	_ "github.com/duckdb/duckdb-go/v2"

	"regulars/data"
	"regulars/features"
	"regulars/features/duck"
)

// findData returns the folder of real data beside the project, or skips.
func findData(t testing.TB) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for ; ; dir = filepath.Dir(dir) {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			break
		}
	}
	found := filepath.Join(filepath.Dir(dir), "shared", "data")
	if _, err := os.Stat(filepath.Join(found, "online_retail_2010_2011.parquet")); err != nil {
		t.Skipf("real data is not at %s", found)
	}
	return found
}

func query(t testing.TB, text string) *sql.Rows {
	t.Helper()
	db, err := sql.Open("duckdb", "")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	rows, err := db.QueryContext(context.Background(), text)
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	t.Cleanup(func() { rows.Close() })
	return rows
}

func exec(t testing.TB, text string) {
	t.Helper()
	rows := query(t, text)
	for rows.Next() {
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
}

// retail writes the two Online Retail II files as one lake file of orders.
// Cleaning: product codes of five digits with optional letters, known customer,
// price above 0, quantity not 0; invoices of the first file win.
func retail(t testing.TB) map[data.Table][]string {
	t.Helper()
	dir := findData(t)
	out := filepath.Join(t.TempDir(), "orders.parquet")
	exec(t, fmt.Sprintf(`COPY (
WITH a AS (SELECT *, 1 AS f FROM '%[1]s/online_retail_2009_2010.parquet'), b AS (SELECT *, 2 AS f FROM '%[1]s/online_retail_2010_2011.parquet'),
u AS (FROM a UNION ALL (SELECT * FROM b WHERE Invoice NOT IN (SELECT Invoice FROM a)))
SELECT Invoice AS order_id, CAST(row_number() OVER (PARTITION BY Invoice) AS BIGINT) AS line_number, "Customer ID" AS user_id, StockCode AS item_id,
  timezone('UTC', InvoiceDate) AS ts, CAST(abs(Quantity) AS BIGINT) AS quantity, CAST(Price AS DECIMAL(18,4)) AS unit_price,
  (Quantity < 0 OR starts_with(Invoice, 'C')) AS is_return
FROM u WHERE "Customer ID" IS NOT NULL AND Price > 0 AND Quantity <> 0 AND regexp_full_match(StockCode, '[0-9]{5}[A-Za-z]*')
) TO '%[2]s' (FORMAT parquet)`, dir, strings.ReplaceAll(out, "'", "''")))
	return map[data.Table][]string{data.Orders: {out}}
}

// purchase is what the independent computation below keeps of an order line.
type purchase struct {
	order string
	day   data.Day
	pence int64 // ten-thousandths of the currency unit
}

// TestRetail compares RFM, windows and gaps on Online Retail II with Go code
// written from the definitions, and the label with the published counts.
func TestRetail(t *testing.T) {
	lake := retail(t)
	root := t.TempDir()
	asOf := []data.Day{day(t, "2010-09-09"), day(t, "2011-09-09")}
	var groups []features.Group
	for _, g := range catalogue(t) {
		if g.Name == "rfm" || g.Name == "windows" || g.Name == "gaps" {
			groups = append(groups, g)
		}
	}
	build(t, features.Request{Lake: lake, AsOf: asOf, Groups: groups, Root: root})
	bought := map[string][]purchase{}
	r := query(t, "SELECT user_id, order_id, epoch_us(ts), CAST(quantity * unit_price * 10000 AS BIGINT) FROM '"+lake[data.Orders][0]+"' WHERE NOT is_return")
	for r.Next() {
		var user string
		var p purchase
		var at int64
		if err := r.Scan(&user, &p.order, &at, &p.pence); err != nil {
			t.Fatal(err)
		}
		p.day = data.DayOfMicros(at)
		bought[user] = append(bought[user], p)
	}
	for _, d := range asOf {
		compareRetail(t, root, d, bought)
	}
	labelRetail(t, lake, asOf[1])
}

func compareRetail(t *testing.T, root string, d data.Day, bought map[string][]purchase) {
	file := func(group string) string { return "'" + features.Path(root, "user", group, d) + "' AS " + group }
	r := query(t, "SELECT user_id, recency_days, frequency, monetary, tenure_days, orders_90d, spend_90d, active_days_365d, COALESCE(gap_mean_days, -1), COALESCE(gap_std_days, -1), COALESCE(gap_max_days, -1), COALESCE(overdue_ratio, -1) FROM "+
		file("rfm")+" JOIN "+file("windows")+" USING (user_id) JOIN "+file("gaps")+" USING (user_id)")
	seen := 0
	for r.Next() {
		var user string
		got := make([]float64, 11)
		targets := []any{&user}
		for i := range got {
			targets = append(targets, &got[i])
		}
		if err := r.Scan(targets...); err != nil {
			t.Fatal(err)
		}
		for i, want := range expect(bought[user], d) {
			if math.Abs(got[i]-want) > 1e-9*(1+math.Abs(want)) {
				t.Fatalf("customer %s at %s, value %d is %v, want %v", user, d, i, got[i], want)
			}
		}
		seen++
	}
	buyers := 0
	for _, ps := range bought {
		if slices.ContainsFunc(ps, func(p purchase) bool { return p.day < d }) {
			buyers++
		}
	}
	if seen != buyers || seen == 0 {
		t.Errorf("at %s there are %d rows for %d buyers", d, seen, buyers)
	}
}

// expect computes the columns that compareRetail selects; -1 stands for null.
func expect(ps []purchase, d data.Day) []float64 {
	orders, orders90, days, days365 := map[string]bool{}, map[string]bool{}, map[data.Day]bool{}, map[data.Day]bool{}
	var spend, spend90 int64
	for _, p := range ps {
		if p.day >= d {
			continue
		}
		orders[p.order], days[p.day] = true, true
		spend += p.pence
		if p.day >= d-90 {
			orders90[p.order] = true
			spend90 += p.pence
		}
		if p.day >= d-365 {
			days365[p.day] = true
		}
	}
	sorted := slices.Sorted(maps.Keys(days))
	first, last := sorted[0], sorted[len(sorted)-1]
	out := []float64{float64(d - last), float64(len(orders)), float64(spend) / 1e4, float64(d - first), float64(len(orders90)), float64(spend90) / 1e4, float64(len(days365)), -1, -1, -1, -1}
	var gaps []float64
	for i := 1; i < len(sorted); i++ {
		gaps = append(gaps, float64(sorted[i]-sorted[i-1]))
	}
	if len(gaps) == 0 {
		return out
	}
	mean := 0.0
	for _, g := range gaps {
		mean += g / float64(len(gaps))
	}
	out[7], out[9], out[10] = mean, slices.Max(gaps), float64(d-last)/mean
	if len(gaps) > 1 {
		squares := 0.0
		for _, g := range gaps {
			squares += (g - mean) * (g - mean)
		}
		out[8] = math.Sqrt(squares / float64(len(gaps)-1))
	}
	return out
}

// labelRetail: 4,313 customers with an order in the 365 days before 2011-09-09,
// of whom .495 do not order in the 90 days after it (the published reference).
func labelRetail(t *testing.T, lake map[data.Table][]string, d data.Day) {
	root := t.TempDir()
	engine := duck.New()
	if _, err := engine.Labels(context.Background(), features.LabelRequest{Lake: lake, AsOf: []data.Day{d}, Root: root, HorizonDays: 90, Until: d + 90}); err != nil {
		t.Fatal(err)
	}
	var rows, churned int
	r := query(t, "SELECT COUNT(*), COUNT(*) FILTER (WHERE NOT ordered) FROM '"+features.Path(root, "user", features.LabelGroup(90, 0), d)+
		"' WHERE user_id IN (SELECT user_id FROM '"+lake[data.Orders][0]+"' WHERE NOT is_return AND epoch_us(ts) < "+fmt.Sprint(d.Micros())+" AND epoch_us(ts) >= "+fmt.Sprint((d-365).Micros())+")")
	for r.Next() {
		if err := r.Scan(&rows, &churned); err != nil {
			t.Fatal(err)
		}
	}
	if rate := float64(churned) / float64(rows); rows != 4313 || math.Abs(rate-.495) > .0005 {
		t.Errorf("%d customers, churn rate %.4f; published 4313 and .495", rows, rate)
	}
}

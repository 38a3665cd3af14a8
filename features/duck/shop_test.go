package duck_test

import (
	"context"
	"crypto/sha256"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"regulars/data"
	"regulars/features"
	"regulars/features/duck"
)

// line is one order line of a made-up shop; at is a timestamp in UTC.
type line struct {
	order, user, item, at string
	quantity              int
	price                 string
	isReturn              bool
	channel               string // "" = null
}

// writeOrders writes lines as a lake file of orders.
func writeOrders(t testing.TB, path string, lines []line) {
	t.Helper()
	rows := make([]string, len(lines))
	for i, l := range lines {
		channel := "NULL"
		if l.channel != "" {
			channel = "'" + l.channel + "'"
		}
		rows[i] = fmt.Sprintf("('%s', %d, '%s', '%s', TIMESTAMPTZ '%s+00', %d, %s, %v, %s)", l.order, i, l.user, l.item, l.at, l.quantity, l.price, l.isReturn, channel)
	}
	exec(t, "COPY (SELECT order_id, CAST(n AS BIGINT) AS line_number, user_id, item_id, ts, CAST(q AS BIGINT) AS quantity, CAST(p AS DECIMAL(18,4)) AS unit_price, r AS is_return, CAST(c AS VARCHAR) AS channel FROM (VALUES "+
		strings.Join(rows, ", ")+") AS v(order_id, n, user_id, item_id, ts, q, p, r, c)) TO '"+path+"' (FORMAT parquet)")
}

func lakeOf(t testing.TB, lines []line) map[data.Table][]string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "orders.parquet")
	writeOrders(t, path, lines)
	return map[data.Table][]string{data.Orders: {path}}
}

func day(t testing.TB, s string) data.Day {
	t.Helper()
	d, err := data.ParseDay(s)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func catalogue(t testing.TB) []features.Group {
	t.Helper()
	groups, err := features.Catalogue()
	if err != nil {
		t.Fatal(err)
	}
	return groups
}

// orderGroups are the groups that need no lake table but orders.
func orderGroups(t testing.TB) []features.Group {
	t.Helper()
	var out []features.Group
	for _, g := range catalogue(t) {
		if slices.Equal(g.Requires(), []data.Table{data.Orders}) {
			out = append(out, g)
		}
	}
	return out
}

func build(t testing.TB, r features.Request) features.Result {
	t.Helper()
	result, err := duck.New().Build(context.Background(), r)
	if err != nil {
		t.Fatal(err)
	}
	return result
}

// shop: at 2024-02-01, ann ordered on January 1, 11 and 31 and sent one line
// back, bob once at the last moment of January. At and after February 1 lie
// orders that nothing may see, and cat, who has only returned.
var shop = []line{
	{"o1", "ann", "tea", "2024-01-01 00:00:00", 2, "3.5", false, "web"},
	{"o1", "ann", "cup", "2024-01-01 00:00:00", 1, "10", false, "web"},
	{"o2", "ann", "tea", "2024-01-11 23:59:59.999999", 4, "3.5", false, "web"},
	{"o3", "ann", "tea", "2024-01-31 12:00:00", 1, "4.25", false, "shop"},
	{"o4", "ann", "cup", "2024-01-31 13:00:00", 1, "10", true, "shop"},
	{"o5", "bob", "pot", "2024-01-31 23:59:59.999999", 1, "20", false, ""},
	{"o6", "bob", "pot", "2024-02-01 00:00:00", 7, "20", false, "web"},
	{"o7", "cat", "pot", "2024-01-15 08:00:00", 1, "20", true, "web"},
	{"o8", "dan", "tea", "2024-03-01 00:00:00", 1, "3.5", false, "web"},
}

// rows reads columns of a feature table as text, a row a line, NULL as "-".
func rows(t testing.TB, root, entity, group, asOf string, columns ...string) string {
	t.Helper()
	parts := make([]string, len(columns))
	for i, c := range columns {
		parts[i] = "COALESCE(CAST(" + c + " AS VARCHAR), '-')"
	}
	r := query(t, "SELECT concat_ws(' ', "+strings.Join(parts, ", ")+") FROM '"+features.Path(root, entity, group, day(t, asOf))+"'")
	var out []string
	for r.Next() {
		var s string
		if err := r.Scan(&s); err != nil {
			t.Fatal(err)
		}
		out = append(out, s)
	}
	if err := r.Err(); err != nil {
		t.Fatal(err)
	}
	return strings.Join(out, "\n")
}

// TestShop compares every feature of the made-up shop with what was worked out by hand.
func TestShop(t *testing.T) {
	root := t.TempDir()
	result := build(t, features.Request{Lake: lakeOf(t, shop), AsOf: []data.Day{day(t, "2024-01-12"), day(t, "2024-02-01")}, Groups: catalogue(t), Root: root})
	if n := len(orderGroups(t)); len(result.Written) < 2*n || len(result.Written)+2*len(result.Skipped) != 2*len(catalogue(t)) {
		t.Errorf("wrote %d tables, skipped %v", len(result.Written), result.Skipped)
	}
	std := math.Sqrt(50) // of the gaps 10 and 20
	tests := []struct{ entity, group, asOf, columns, want string }{
		{"user", "rfm", "2024-02-01", "user_id recency_days frequency order_days monetary tenure_days", "ann 1 3 3 35.25 31\nbob 1 1 1 20.0 1"},
		{"user", "rfm", "2024-01-12", "user_id recency_days frequency order_days monetary tenure_days", "ann 1 2 2 31.0 11"},
		{"user", "windows", "2024-02-01", "user_id orders_7d orders_30d orders_90d orders_180d orders_365d", "ann 1 2 3 3 3\nbob 1 1 1 1 1"},
		{"user", "windows", "2024-02-01", "spend_7d spend_30d spend_90d spend_180d spend_365d", "4.25 18.25 35.25 35.25 35.25\n20.0 20.0 20.0 20.0 20.0"},
		{"user", "windows", "2024-02-01", "active_days_7d active_days_30d active_days_90d active_days_180d active_days_365d", "1 2 3 3 3\n1 1 1 1 1"},
		{"user", "windows", "2024-02-01", "orders_30d_of_90d orders_90d_of_180d orders_90d_of_365d spend_90d_of_180d spend_90d_of_365d", fmt.Sprint(2./3) + " 1.0 1.0 1.0 1.0\n1.0 1.0 1.0 1.0 1.0"},
		{"user", "windows", "2024-02-01", "spend_30d_of_90d", fmt.Sprint(18.25/35.25) + "\n1.0"},
		{"user", "gaps", "2024-02-01", "user_id gap_mean_days gap_std_days gap_max_days gap_last_days overdue_ratio", "ann 15.0 " + fmt.Sprint(std) + " 20 20 " + fmt.Sprint(1./15) + "\nbob - - - - -"},
		{"user", "gaps", "2024-01-12", "user_id gap_mean_days gap_std_days gap_max_days gap_last_days overdue_ratio", "ann 10.0 - 10 10 0.1"},
		{"user", "basket", "2024-02-01", "user_id lines_per_order units_per_order value_per_order value_per_unit distinct_items", "ann " + fmt.Sprint(4./3, 8./3) + " 11.75 4.40625 2\nbob 1.0 1.0 20.0 20.0 1"},
		{"user", "returns", "2024-02-01", "user_id return_lines return_value return_lines_share return_value_share", "ann 1 10.0 0.25 " + fmt.Sprint(10/35.25) + "\nbob 0 0.0 0.0 0.0"},
		{"user", "channels", "2024-02-01", "user_id channels main_channel_share", "ann 2 " + fmt.Sprint(2./3) + "\nbob 0 -"},
		{"user_item", "purchases", "2024-02-01", "user_id item_id day orders quantity", "ann cup 19723 1 1\nann tea 19723 1 2\nann tea 19733 1 4\nann tea 19753 1 1\nbob pot 19753 1 1"},
		{"item", "sales", "2024-02-01", "item_id lines orders customers units first_day last_day last_price", "cup 1 1 1 1 19723 19723 10.0\npot 1 1 1 1 19753 19753 20.0\ntea 3 3 1 7 19723 19753 4.25"},
		{"item", "sales", "2024-02-01", "lines_30d orders_60d customers_90d units_30d", "0 1 1 0\n1 1 1 1\n2 3 1 5"},
	}
	for _, test := range tests {
		got := rows(t, root, test.entity, test.group, test.asOf, strings.Fields(test.columns)...)
		if got != test.want {
			t.Errorf("%s/%s at %s, %s:\n%s\nwant\n%s", test.entity, test.group, test.asOf, test.columns, got, test.want)
		}
	}
}

func TestLabels(t *testing.T) {
	root := t.TempDir()
	asOf := day(t, "2024-02-01")
	for _, test := range []struct {
		horizon, gap int
		want         string
	}{
		{29, 0, "ann 0 0.0 false\nbob 1 140.0 true"}, // the order at as_of itself
		{28, 1, "ann 0 0.0 false\nbob 0 0.0 false"},  // left out by the gap
	} {
		_, err := duck.New().Labels(context.Background(), features.LabelRequest{Lake: lakeOf(t, shop), AsOf: []data.Day{asOf}, Root: root,
			HorizonDays: test.horizon, GapDays: test.gap, Until: day(t, "2024-03-01")})
		if err != nil {
			t.Fatal(err)
		}
		if got := rows(t, root, "user", features.LabelGroup(test.horizon, test.gap), "2024-02-01", "user_id", "orders", "spend", "ordered"); got != test.want {
			t.Errorf("horizon %d, gap %d:\n%s\nwant\n%s", test.horizon, test.gap, got, test.want)
		}
	}
}

// TestOptionalColumns: without the channel column the group is built with
// nulls; without orders everything is skipped, saying why.
func TestOptionalColumns(t *testing.T) {
	full := lakeOf(t, shop)
	bare := filepath.Join(t.TempDir(), "bare.parquet")
	exec(t, "COPY (SELECT * EXCLUDE (channel) FROM '"+full[data.Orders][0]+"') TO '"+bare+"' (FORMAT parquet)")
	root := t.TempDir()
	build(t, features.Request{Lake: map[data.Table][]string{data.Orders: {bare}}, AsOf: []data.Day{day(t, "2024-02-01")}, Groups: catalogue(t), Root: root})
	if got := rows(t, root, "user", "channels", "2024-02-01", "user_id", "channels", "main_channel_share"); got != "ann 0 -\nbob 0 -" {
		t.Errorf("without a channel column:\n%s", got)
	}
	result := build(t, features.Request{Lake: nil, AsOf: []data.Day{1}, Groups: catalogue(t), Root: t.TempDir()})
	if len(result.Written) != 0 || len(result.Skipped) != len(catalogue(t)) || !strings.HasPrefix(result.Skipped[0].Reason, "the lake has no ") {
		t.Errorf("without orders: wrote %v, skipped %v", result.Written, result.Skipped)
	}
}

// TestTimeZone: 2024-01-31 17:30 UTC is Thursday, 1 February, 01:30 in Shanghai.
func TestTimeZone(t *testing.T) {
	g, err := features.Parse("clock.sql", `-- group: clock
-- entity: user
-- doc: When.
-- needs: orders
-- key: user_id VARCHAR id | The customer.
-- column: clock INTEGER - | Local day, hour and weekday in one number.
SELECT as_of, user_id, CAST(MAX((local_day - day) * 1000 + local_hour * 10 + local_dow) AS INTEGER) AS clock
FROM orders GROUP BY as_of, user_id ORDER BY as_of, user_id`)
	if err != nil {
		t.Fatal(err)
	}
	lake := lakeOf(t, []line{{"o", "ann", "tea", "2024-01-31 17:30:00", 1, "1", false, ""}})
	for zone, want := range map[string]string{"Asia/Shanghai": "1013", "": "172", "America/New_York": "122"} {
		root := t.TempDir()
		build(t, features.Request{Lake: lake, AsOf: []data.Day{day(t, "2024-02-01")}, Groups: []features.Group{g}, Root: root, TimeZone: zone})
		if got := rows(t, root, "user", "clock", "2024-02-01", "clock"); got != want {
			t.Errorf("time zone %q gives %s, want %s", zone, got, want)
		}
	}
}

// digests returns the checksum of every table below root by relative path.
func digests(t testing.TB, root string) map[string][32]byte {
	t.Helper()
	out := map[string][32]byte{}
	err := filepath.WalkDir(root, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() || d.Name() == "_inputs.json" {
			return err
		}
		content, err := os.ReadFile(path)
		rel, _ := filepath.Rel(root, path)
		out[rel] = sha256.Sum256(content)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

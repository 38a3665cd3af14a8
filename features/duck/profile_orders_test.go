package duck_test

import (
	"bufio"
	"fmt"
	"maps"
	"math"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"regulars/data"
	"regulars/features"
)

// orderProfile names the groups that tell a customer or item by its orders.
var orderProfile = []string{
	"user/rfm_scores", "user/trends", "user/next_order", "user/first_last", "user/price", "user/price_level", "user/promotion_share", "user/channel_mix",
	"user/store_mix", "user/category_affinity", "user/brand_affinity", "user/replenishment", "user/daytime", "user/season",
	"user/live_orders", "user/value_level", "user/loyalty_kinds", "item/popularity", "item/repeat_purchase", "item/price_position",
	"item/item_returns", "item/age_stock", "user_item/interactions",
}

// profileGroups picks groups of the catalogue by "entity/name".
func profileGroups(t testing.TB, names ...string) []features.Group {
	t.Helper()
	var out []features.Group
	for _, g := range catalogue(t) {
		if slices.Contains(names, g.Entity+"/"+g.Name) {
			out = append(out, g)
		}
	}
	if len(out) != len(names) {
		t.Fatalf("the catalogue has %d of %d groups", len(out), len(names))
	}
	return out
}

// handTable is a lake table by hand: columns with their types, and a row a line.
type handTable struct {
	name          data.Table
	columns, rows string
}

// handmade is a shop in Asia/Shanghai seen at 2024-07-01, epoch day 19905.
//
// Ann bought on 2023-04-03, 2023-07-15, 2024-05-17, 2024-06-06 and 2024-06-26,
// which are 455, 352, 45, 25 and 5 days before; bob 3 days before, cat 90 and 80,
// dan 182, fay in the last microsecond. Eve has only returned.
var handmade = []handTable{
	{data.Orders, "order_id VARCHAR, user_id VARCHAR, item_id VARCHAR, ts TIMESTAMPTZ, quantity BIGINT, unit_price DECIMAL(18,4), is_return BOOLEAN, channel VARCHAR, store VARCHAR, host_id VARCHAR, live_id VARCHAR, discount DECIMAL(18,4)", `
a1 ann tea 2023-04-03_02:00:00 2 5 false web - - - -
a2 ann tea 2023-07-15_02:00:00 1 5 false store s1 - - -
a2 ann cup 2023-07-15_02:00:00 1 10 false store s1 - - -
a3 ann tea 2024-05-17_12:30:00 2 5 false web - - - 1
a4 ann tea 2024-06-06_13:30:00 3 5 false live - h1 l1 3
a5 ann tea 2024-06-26_02:00:00 1 6 false web - - - -
a5 ann pot 2024-06-26_02:00:00 1 20 false web - - - -
a6 ann cup 2024-03-23_02:00:00 1 10 true web - - - -
a7 ann tea 2024-07-01_00:00:00 50 5 false web s9 h9 l9 9
b1 bob cup 2024-06-28_16:30:00 3 8 false app - - - -
c1 cat pot 2024-04-02_04:00:00 1 30 false store s2 - - -
c2 cat pot 2024-04-12_04:00:00 1 30 false store s1 - - -
d1 dan mug 2024-01-01_00:00:00 4 1 false - - - - .4
d1 dan mug 2024-01-01_00:00:00 6 1 false - - - - .6
e1 eve pot 2024-06-21_00:00:00 1 30 true web - - - -
f1 fay tea 2024-06-30_23:59:59.999999 1 5 false wechat - - - -
g1 gus tea 2024-07-02_00:00:00 1 5 false web - - - -`},
	{data.Items, "item_id VARCHAR, valid_from TIMESTAMPTZ, category VARCHAR, brand VARCHAR, price DECIMAL(18,4), in_stock BOOLEAN, available_from TIMESTAMPTZ", `
tea 2023-01-01 drink leaf 5 true 2022-12-01
tea 2024-07-01 ware rust 99 false 2022-12-01
cup - ware clay 7 true -
pot 2023-06-01 ware iron 25 false -
bowl - ware clay 3 true 2024-08-01`},
	{data.Events, "event_id VARCHAR, user_id VARCHAR, item_id VARCHAR, ts TIMESTAMPTZ, type VARCHAR", `
1 ann tea 2024-06-21_10:00:00 view
2 ann tea 2024-06-21_11:00:00 click
3 ann tea 2024-06-21_11:00:01 cart
4 ann - 2024-06-21_11:00:02 share
5 bob pot 2024-04-02_09:00:00 favourite
6 - tea 2024-06-21_11:00:02 view
7 bob pot 2024-07-01_00:00:00 favourite
8 cat pot 2024-06-02_00:00:00 impression`},
	{data.Users, "user_id VARCHAR, valid_from TIMESTAMPTZ, signed_up_at TIMESTAMPTZ, referrer_id VARCHAR", `
ann 2023-01-01 2023-01-01 -
bob 2024-06-01 2024-06-01 ann
zed 2024-07-02 2024-07-02 ann
yan 2024-05-01 - ann`},
	{data.Feedback, "user_id VARCHAR, ts TIMESTAMPTZ, kind VARCHAR, score DOUBLE", `
cat 2024-05-01 nps 10
cat 2024-06-01 nps 6
cat 2024-07-01 nps 10
bob 2024-06-01 nps 9
dan 2024-06-01 rating 10`},
	{data.Promotions, "promotion_id VARCHAR, starts_at TIMESTAMPTZ, ends_at TIMESTAMPTZ, kind VARCHAR, item_id VARCHAR, category VARCHAR", `
p1 2024-05-17_12:00:00 2024-05-18_00:00:00 discount tea -
p2 2024-04-10 2024-04-13 bundle - ware
p3 2024-06-28 2024-07-05 points - -
p4 2024-07-01 2024-07-05 gift tea -`},
}

// handLake writes tables as lake files.
func handLake(t testing.TB, tables []handTable) map[data.Table][]string {
	t.Helper()
	lake := map[data.Table][]string{}
	for _, table := range tables {
		var selects, rows []string
		for i, column := range strings.Split(table.columns, ", ") {
			name, kind, _ := strings.Cut(column, " ")
			selects = append(selects, fmt.Sprintf("CAST(c%d AS %s) AS %s", i, kind, name))
		}
		for _, line := range strings.Split(strings.TrimSpace(table.rows), "\n") {
			var values []string
			for _, value := range strings.Fields(line) {
				values = append(values, handValue(value))
			}
			rows = append(rows, "("+strings.Join(values, ", ")+")")
		}
		names := make([]string, len(selects))
		for i := range names {
			names[i] = fmt.Sprintf("c%d", i)
		}
		path := filepath.Join(t.TempDir(), string(table.name)+".parquet")
		exec(t, "SET TimeZone = 'UTC'; COPY (SELECT "+strings.Join(selects, ", ")+" FROM (VALUES "+strings.Join(rows, ", ")+") v("+strings.Join(names, ", ")+")) TO '"+path+"' (FORMAT parquet)")
		lake[table.name] = []string{path}
	}
	return lake
}

func handValue(word string) string {
	if word == "-" {
		return "NULL"
	}
	return "'" + strings.ReplaceAll(word, "_", " ") + "'"
}

// compareTable checks all columns of a feature table; want has a row a line, "-"
// for null; numbers agree to 1e-9.
func compareTable(t *testing.T, root string, g features.Group, asOf, want string) {
	t.Helper()
	var columns []string
	for _, c := range g.Columns {
		columns = append(columns, c.Name)
	}
	got := strings.Split(rows(t, root, g.Entity, g.Name, asOf, columns...), "\n")
	wanted := strings.Split(strings.TrimSpace(want), "\n")
	if len(got) != len(wanted) {
		t.Errorf("%s/%s has %d rows, want %d:\n%s", g.Entity, g.Name, len(got), len(wanted), strings.Join(got, "\n"))
		return
	}
	for i, line := range wanted {
		gotFields, wantFields := strings.Fields(got[i]), strings.Fields(line)
		if len(wantFields) != len(columns) || len(gotFields) != len(columns) {
			t.Errorf("%s/%s row %d: %d columns, got %q, want %q", g.Entity, g.Name, i, len(columns), got[i], line)
			continue
		}
		for j, column := range columns {
			if !sameValue(gotFields[j], wantFields[j]) {
				t.Errorf("%s/%s row %d (%s): %s is %s, want %s", g.Entity, g.Name, i, gotFields[0], column, gotFields[j], wantFields[j])
			}
		}
	}
}

// sameValue compares text, and numbers by value; want may be a quotient "a/b".
func sameValue(got, want string) bool {
	if got == want {
		return true
	}
	a, err1 := strconv.ParseFloat(got, 64)
	numerator, denominator, divided := strings.Cut(want, "/")
	b, err2 := strconv.ParseFloat(numerator, 64)
	if divided && err2 == nil {
		var d float64
		d, err2 = strconv.ParseFloat(denominator, 64)
		b /= d
	}
	return err1 == nil && err2 == nil && math.Abs(a-b) <= 1e-9*(1+math.Abs(b))
}

// TestOrderProfile compares every value of the hand-made shop with what was worked
// out by hand from the definitions in the headers.
func TestOrderProfile(t *testing.T) {
	entropy := func(shares ...float64) string {
		sum := 0.0
		for _, p := range shares {
			sum -= p * math.Log(p)
		}
		return fmt.Sprint(sum)
	}
	decay := func(halfLife float64, ages ...float64) string {
		sum := 0.0
		for _, age := range ages {
			sum += math.Round(math.Pow(.5, age/halfLife)*1e9) / 1e9 // weights have nine digits
		}
		return fmt.Sprint(sum)
	}
	want := map[string]string{
		// share of worse customers: recency dan 0, cat .2, ann .4, bob .6, fay .8; orders bob dan fay 0, cat .6, ann .8; spend fay, dan, bob, cat, ann
		"user/rfm_scores": "ann 3 5 5 13 355\nbob 4 1 3 8 413\ncat 2 4 4 10 244\ndan 1 1 2 4 112\nfay 5 1 1 7 511",
		"user/trends": "ann 1 3 3/2 4 31 51 56.2/25.2 66.2/15.2\nbob 1 1 2 2 24 24 2 2\n" +
			"cat 0 2 1 3 0 60 1 3\ndan 0 0 1 1 0 0 1 1\nfay 1 1 2 2 5 5 2 2",
		// gaps: ann 450 days in 4, mean 112.5; cat 10 in 1; the shop's lower median is 10
		"user/next_order": "ann 92 19992 87 0 5/92\ncat 10 19835 0 70 8",
		"user/first_last": "ann 450 10 1 2 26 2 2 2.6 130/76\nbob 0 24 1 3 24 1 3 1 1\ncat 10 30 1 1 30 1 1 1 1\n" +
			"dan 0 10 2 10 10 2 10 1 1\nfay 0 5 1 1 5 1 1 1 1",
		// mean prices: tea 51/10, cup 34/4, pot 80/3, mug 1; drink 5.1, ware 114/7; a day's purchase of an item is reckoned to four digits
		"user/price_level":     "ann 76/81.0667 76/78.4714\nbob 24/25.5 24/48.8571\ncat 60/53.3334 60/32.5714\ndan 1 -\nfay 5/5.1 5/5.1",
		"user/price":           "ann 72/11 2/7 4/76\nbob 8 0 0\ncat 30 0 0\ndan .9 1 .1\nfay 5 0 0",
		"user/promotion_share": "ann 10 10/76 1\nbob 24 1 1\ncat 30 .5 1\ndan 0 0 0\nfay 5 1 1",
		"user/channel_mix": "ann 5 .6 0 .2 .2 0 " + entropy(.6, .2, .2) + " true\nbob 1 0 1 0 0 0 0 false\n" +
			"cat 2 0 0 1 0 0 0 false\nfay 1 0 0 0 0 1 0 false",
		"user/store_mix":         "ann 1 s1 1 0\ncat 2 s1 .5 " + entropy(.5, .5),
		"user/category_affinity": "ann 2 drink ware - 5/7 2/7 0 " + entropy(5./7, 2./7) + "\nbob 1 ware - - 1 0 0 0\ncat 1 ware - - 1 0 0 0\nfay 1 drink - - 1 0 0 0",
		"user/brand_affinity": "ann 3 leaf iron clay 5/7 1/7 1/7 " + entropy(5./7, 1./7, 1./7) + " multi\n" +
			"bob 1 clay - - 1 0 0 0 single\ncat 1 iron - - 1 0 0 0 single\nfay 1 leaf - - 1 0 0 0 single",
		"user/replenishment": "ann 1 46/76 112.5 112.5 1 0 -108\ncat 1 1 10 10 0 0 -",
		// Shanghai is eight hours ahead: bob's Friday 16:30 is Saturday half past midnight, fay's last of June a Monday
		"user/daytime": "ann 0 0 .6 0 0 .2 .2 .2 0 .2 .2 .2 .2 0 .2 10\nbob 1 0 0 0 0 0 0 0 0 0 0 0 1 0 1 0\n" +
			"cat 0 0 0 1 0 0 0 0 .5 0 0 .5 0 0 0 12\ndan 0 1 0 0 0 0 0 1 0 0 0 0 0 0 0 8\nfay 0 1 " + "0 0 0 0 0 " + "1 0 0 0 0 0 0 0 7",
		"user/season":      "ann 1 15 .25 1 10 2 41",
		"user/live_orders": "ann 1 .2 15/76 25 1 h1 1",
		"user/value_level": "ann .8 76/175 0 core\nbob .4 24/175 136/175 potential\ncat .6 60/175 76/175 potential\n" +
			"dan .2 10/175 160/175 long_tail\nfay 0 5/175 170/175 long_tail",
		"user/loyalty_kinds": "ann .8 2/7 1 0 1 - true false true emotional\nbob 0 0 0 0 0 true false false true emotional\n" +
			"cat .5 0 0 0 0 false false false false none\ndan 0 1 0 0 0 - false true false rational\nfay 0 0 0 0 0 - false false false none",
		"item/popularity": "cup 1 2 6/5 6/5 " + decay(30, 352, 3) + " .2 2 .25\nmug 0 1 1 5/5 " + decay(30, 182) + " 0 4 0\n" +
			"pot 1 3 6/5 8/5 " + decay(30, 90, 80, 5) + " .2 2 .25\ntea 2 5 8/6 9/5 " + decay(30, 455, 352, 45, 25, 5, 1) + " .6 1 .75",
		// the shop's repeat rate is 2 of 7
		"item/repeat_purchase": "cup 2 0 0 " + fmt.Sprint(20./7/12) + " - -\nmug 1 0 0 " + fmt.Sprint(20./7/11) + " - -\n" +
			"pot 2 1 .5 " + fmt.Sprint((1+20./7)/12) + " 10 10\ntea 2 1 .5 " + fmt.Sprint((1+20./7)/12) + " 112.5 113",
		// the undated price of cup does not count: it last sold at 8; bowl has none
		"item/price_position": "cup 8 false 2 0 16/33\npot 25 true 2 1 50/33\ntea 5 true 1 - 1",
		"item/item_returns": "cup 1 .25 " + fmt.Sprint((1+40./27)/24) + " 0 1\nmug 0 0 " + fmt.Sprint(40./27/30) + " - 0\n" +
			"pot 1 1/3 " + fmt.Sprint((1+40./27)/23) + " 1/3 1\ntea 0 0 " + fmt.Sprint(40./27/30) + " 0 0",
		"item/age_stock": "bowl - - - 0 - true\ncup 352 352 3 2 - true\nmug 182 182 182 1 - false\npot 90 90 5 3 false true\ntea 578 455 1 6 true true",
		"user_item/interactions": "ann cup 1 " + decay(90, 352) + " 0 0 0 0 0 0 19553 19553\nann pot 1 " + decay(90, 5) + " 0 0 0 0 0 0 19900 19900\n" +
			"ann tea 5 " + decay(90, 455, 352, 45, 25, 5) + " 2 " + decay(90, 10, 10) + " 1 " + decay(90, 10) + " 0 0 19450 19900\n" +
			"bob cup 1 " + decay(90, 3) + " 0 0 0 0 0 0 19902 19902\nbob pot 0 0 0 0 0 0 1 .5 19815 19815\n" +
			"cat pot 2 " + decay(90, 90, 80) + " 0 0 0 0 0 0 19815 19825\ndan mug 1 " + decay(90, 182) + " 0 0 0 0 0 0 19723 19723\n" +
			"fay tea 1 " + decay(90, 1) + " 0 0 0 0 0 0 19904 19904",
	}
	root := t.TempDir()
	groups := profileGroups(t, orderProfile...)
	build(t, features.Request{Lake: handLake(t, handmade), AsOf: []data.Day{day(t, "2024-07-01"), day(t, "2025-03-01")}, Groups: groups, Root: root, TimeZone: "Asia/Shanghai"})
	for _, g := range groups {
		compareTable(t, root, g, "2024-07-01", want[g.Entity+"/"+g.Name])
	}
	// Eight months later ann, who has spent most, has not come back.
	if got := rows(t, root, "user", "value_level", "2025-03-01", "user_id", "value_group"); got != "ann high_value\nbob long_tail\ncat long_tail\ndan long_tail\nfay long_tail\ngus long_tail" {
		t.Errorf("value groups at 2025-03-01:\n%s", got)
	}
}

// TestOrderProfileAlone: with orders alone, every group that needs nothing else
// is built, and what would come from other tables is null.
func TestOrderProfileAlone(t *testing.T) {
	root := t.TempDir()
	lake := handLake(t, handmade[:1])
	result := build(t, features.Request{Lake: lake, AsOf: []data.Day{day(t, "2024-07-01")}, Groups: profileGroups(t, orderProfile...), Root: root})
	var skipped []string
	for _, s := range result.Skipped {
		skipped = append(skipped, s.Group)
	}
	slices.Sort(skipped)
	if want := []string{"brand_affinity", "category_affinity", "price_level", "price_position", "promotion_share"}; !slices.Equal(skipped, want) {
		t.Errorf("skipped %v, want %v", skipped, want)
	}
	for _, test := range []struct{ entity, group, columns, want string }{
		{"user", "price", "user_id net_value_per_unit discount_line_share", "bob 8.0 0.0"},
		{"user", "loyalty_kinds", "user_id loyalty_promoter loyalty_emotional loyalty_kind", "bob - - none"},
		{"item", "age_stock", "item_id age_days in_stock listed", "cup 352 - false"},
	} {
		got := rows(t, root, test.entity, test.group, "2024-07-01", strings.Fields(test.columns)...)
		if !strings.Contains("\n"+got+"\n", "\n"+test.want+"\n") {
			t.Errorf("%s/%s with orders alone:\n%s\nwant a row %s", test.entity, test.group, got, test.want)
		}
	}
}

// TestOrderProfileExtremes: returns alone make empty tables; the earliest and the
// dearest order that the lake can hold, and gifts without a price, break nothing.
func TestOrderProfileExtremes(t *testing.T) {
	columns := handmade[0].columns
	items := handTable{data.Items, "item_id VARCHAR, valid_from TIMESTAMPTZ, category VARCHAR, brand VARCHAR, price DECIMAL(18,4)", "tea 1960-01-01 drink leaf 99999999999999.9999"}
	for name, orders := range map[string]string{
		"returns alone": "e1 eve tea 2024-06-21 1 30 true web s1 h1 l1 1",
		"dearest":       "o1 ann tea 1970-01-01 1 99999999999999.9999 false web s1 h1 l1 99999999999999.9999\no2 ann tea 2200-01-01 1 .0001 false web s1 h1 l1 -",
		"gift":          "o1 ann tea 2024-01-01 1 0 false - - - - -\no2 ann tea 2024-01-03 1 0 false - - - - 0",
	} {
		root := t.TempDir()
		result := build(t, features.Request{Lake: handLake(t, []handTable{{data.Orders, columns, orders}, items, handmade[5]}),
			AsOf: []data.Day{day(t, "2024-07-01"), day(t, "2200-06-01")}, Groups: profileGroups(t, orderProfile...), Root: root})
		for _, table := range result.Written {
			users := int64(1)
			switch {
			case name == "returns alone" && table.Group != "age_stock" && table.Group != "price_position":
				users = 0
			case slices.Contains([]string{"next_order", "replenishment"}, table.Group) && name == "dearest" && table.AsOf < day(t, "2200-01-01"),
				name == "gift" && slices.Contains([]string{"channel_mix", "store_mix", "live_orders"}, table.Group),
				name == "gift" && table.Group == "season" && table.AsOf < day(t, "2200-01-01"):
				users = 0
			}
			if table.Rows != users {
				t.Errorf("%s: %s/%s at %s has %d rows, want %d", name, table.Entity, table.Group, table.AsOf, table.Rows, users)
			}
		}
	}
}

// boughtRow is one order line that is no return, for the independent computation
// below; the amount is in ten-thousandths.
type boughtRow struct {
	item, order string
	day         data.Day
	hour        int
	amount      int64
}

// TestOrderProfileRetail compares the groups with Go code written from their
// definitions, on a third of the customers of Online Retail II, with brands made up
// from the product codes.
func TestOrderProfileRetail(t *testing.T) {
	lake := retail(t)
	third := filepath.Join(t.TempDir(), "third.parquet")
	exec(t, "COPY (SELECT * FROM '"+lake[data.Orders][0]+"' WHERE CAST(user_id AS INTEGER) % 3 = 0) TO '"+third+"' (FORMAT parquet)")
	lake[data.Orders] = []string{third}
	items := filepath.Join(t.TempDir(), "items.parquet")
	exec(t, "COPY (SELECT DISTINCT item_id, 'b' || substr(item_id, 4, 1) AS brand, substr(item_id, 1, 2) AS category FROM '"+lake[data.Orders][0]+"') TO '"+items+"' (FORMAT parquet)")
	lake[data.Items] = []string{items}
	d := day(t, "2011-09-09")
	names := []string{"user/rfm_scores", "user/next_order", "user/first_last", "user/brand_affinity", "user/replenishment", "user/daytime",
		"user/season", "user/trends", "user/value_level", "item/repeat_purchase", "user_item/interactions"}
	roots := []string{t.TempDir(), t.TempDir()}
	for i, root := range roots {
		build(t, features.Request{Lake: lake, AsOf: []data.Day{d}, Groups: profileGroups(t, names...), Root: root, Threads: i + 1})
	}
	if one, two := digests(t, roots[0]), digests(t, roots[1]); !maps.Equal(parquetOnly(one), parquetOnly(two)) {
		t.Error("one thread and two give different bytes")
	}
	history := readBought(t, lake[data.Orders][0], d)
	checkColumns := func(entity, group, columns string, want map[string][]float64) {
		t.Helper()
		compareColumns(t, rows(t, roots[0], entity, group, "2011-09-09", strings.Fields(columns)...), group+": "+columns, want)
	}
	facts := map[string]orderFacts{}
	for user, lines := range history {
		facts[user] = newOrderFacts(lines, d)
	}
	checkColumns("user", "rfm_scores", "user_id rfm_r rfm_f rfm_m", expectScores(facts))
	checkColumns("user", "value_level", "user_id spend_percentile spend_contribution spend_contribution_above", expectValue(facts))
	checkColumns("user", "next_order", "user_id expected_gap_days next_order_in_days next_order_overdue_days", expectNext(facts, d))
	perUser := func(f func(orderFacts) []float64) map[string][]float64 {
		out := map[string][]float64{}
		for user, facts := range facts {
			if row := f(facts); row != nil {
				out[user] = row
			}
		}
		return out
	}
	checkColumns("user", "first_last", "user_id first_basket_value last_basket_value first_basket_lines last_basket_lines", perUser(orderFacts.edges))
	checkColumns("user", "trends", "user_id orders_change_30d orders_trend_90d spend_change_90d spend_trend_30d", perUser(func(f orderFacts) []float64 { return f.trends(d) }))
	checkColumns("user", "season", "user_id season_ahead_orders season_ahead_spend", perUser(func(f orderFacts) []float64 { return f.season(d) }))
	checkColumns("user", "daytime", "user_id hours_12_13_share favourite_hour sunday_share", perUser(orderFacts.daytime))
	checkColumns("user", "replenishment", "user_id repeat_items repeat_cycle_mean_days repeat_cycle_median_days repeat_items_alive repeat_items_due", perUser(func(f orderFacts) []float64 { return f.replenishment(d) }))
	checkColumns("user", "brand_affinity", "user_id brands top_brand_1_share brand_entropy array_position(['single','multi','wide'],brand_loyalty)", perUser(orderFacts.brands))
	checkColumns("item", "repeat_purchase", "item_id buyers repeat_buyers COALESCE(repeat_cycle_median_days,-1)", expectRepeat(history))
	checkColumns("user_item", "interactions", "user_id||'/'||item_id purchases purchase_weight first_day last_day", expectInteractions(history, d))
}

func parquetOnly(files map[string][32]byte) map[string][32]byte {
	out := maps.Clone(files)
	maps.DeleteFunc(out, func(path string, _ [32]byte) bool { return !strings.HasSuffix(path, ".parquet") })
	return out
}

func compareColumns(t *testing.T, got, what string, want map[string][]float64) {
	t.Helper()
	seen := 0
	scanner := bufio.NewScanner(strings.NewReader(got))
	for scanner.Scan() {
		fields := strings.Fields(scanner.Text())
		row, ok := want[fields[0]]
		if !ok || len(row) != len(fields)-1 {
			t.Fatalf("%s: %s has %v, want %v", what, fields[0], fields[1:], row)
		}
		for i, w := range row {
			g, err := strconv.ParseFloat(fields[i+1], 64)
			if err != nil || math.Abs(g-w) > 1e-6*(1+math.Abs(w)) {
				t.Fatalf("%s: %s value %d is %s, want %v", what, fields[0], i, fields[i+1], w)
			}
		}
		seen++
	}
	if seen != len(want) || seen == 0 {
		t.Errorf("%s: %d rows, want %d", what, seen, len(want))
	}
}

func readBought(t *testing.T, path string, d data.Day) map[string][]boughtRow {
	t.Helper()
	out := map[string][]boughtRow{}
	r := query(t, "SELECT user_id, item_id, order_id, epoch_us(ts), CAST(quantity * unit_price * 10000 AS BIGINT) FROM '"+path+"' WHERE NOT is_return")
	for r.Next() {
		var user string
		var row boughtRow
		var at int64
		if err := r.Scan(&user, &row.item, &row.order, &at, &row.amount); err != nil {
			t.Fatal(err)
		}
		row.day, row.hour = data.DayOf(time.UnixMicro(at).UTC()), int(at/3_600_000_000%24)
		if row.day < d {
			out[user] = append(out[user], row)
		}
	}
	return out
}

// orderFacts is a customer's history, sorted by day.
type orderFacts struct {
	lines   []boughtRow
	days    []data.Day // distinct, sorted
	recency int
	orders  int
	spend   float64
}

func newOrderFacts(lines []boughtRow, d data.Day) orderFacts {
	slices.SortStableFunc(lines, func(a, b boughtRow) int { return int(a.day - b.day) })
	f := orderFacts{lines: lines}
	orders := map[string]bool{}
	for _, l := range lines {
		orders[fmt.Sprint(l.order, l.day)] = true
		f.spend += float64(l.amount) / 1e4
		f.days = append(f.days, l.day)
	}
	f.days = slices.Compact(f.days)
	f.orders, f.recency = len(orders), int(d-f.days[len(f.days)-1])
	return f
}

func expectScores(facts map[string]orderFacts) map[string][]float64 {
	var recency, orders, spend []float64
	for _, f := range facts {
		recency, orders, spend = append(recency, -float64(f.recency)), append(orders, float64(f.orders)), append(spend, f.spend)
	}
	score := func(all []float64) func(x float64) float64 {
		slices.Sort(all)
		return func(x float64) float64 {
			worse, _ := slices.BinarySearch(all, x-1e-7)
			return 1 + math.Min(4, math.Floor(float64(worse)/float64(len(all))*5+1e-12))
		}
	}
	r, f, m := score(recency), score(orders), score(spend)
	out := map[string][]float64{}
	for user, x := range facts {
		out[user] = []float64{r(-float64(x.recency)), f(float64(x.orders)), m(x.spend)}
	}
	return out
}

func expectValue(facts map[string]orderFacts) map[string][]float64 {
	var all []float64
	total := 0.0
	for _, f := range facts {
		all = append(all, f.spend)
		total += f.spend
	}
	slices.Sort(all)
	below := make([]float64, len(all)+1) // spend of the i poorest
	for i, x := range all {
		below[i+1] = below[i] + x
	}
	out := map[string][]float64{}
	for user, f := range facts {
		poorer, _ := slices.BinarySearch(all, f.spend-1e-7)
		upTo, _ := slices.BinarySearch(all, f.spend+1e-7)
		out[user] = []float64{float64(poorer) / float64(len(all)), f.spend / total, (total - below[upTo]) / total}
	}
	return out
}

func expectNext(facts map[string]orderFacts, d data.Day) map[string][]float64 {
	var means []float64
	for _, f := range facts {
		if n := len(f.days) - 1; n > 0 {
			means = append(means, math.Floor(float64(f.days[n]-f.days[0])/float64(n)+.5))
		}
	}
	slices.Sort(means)
	typical := means[(len(means)-1)/2]
	out := map[string][]float64{}
	for user, f := range facts {
		n := len(f.days) - 1
		if n == 0 {
			continue
		}
		gap := (float64(f.days[n]-f.days[0]) + typical) / float64(n+1)
		until := float64(f.days[n]-d) + math.Floor(gap+.5)
		out[user] = []float64{gap, math.Max(until, 0), math.Max(-until, 0)}
	}
	return out
}

func (f orderFacts) edges() []float64 {
	out := make([]float64, 4)
	for _, l := range f.lines {
		if l.day == f.days[0] {
			out[0] += float64(l.amount) / 1e4
			out[2]++
		}
		if l.day == f.days[len(f.days)-1] {
			out[1] += float64(l.amount) / 1e4
			out[3]++
		}
	}
	return out
}

// between returns orders and spend of the ages from < age ≤ to.
func (f orderFacts) between(d data.Day, from, to int) (orders, spend float64) {
	seen := map[string]bool{}
	for _, l := range f.lines {
		if age := int(d - l.day); age > from && age <= to {
			seen[fmt.Sprint(l.order, l.day)] = true
			spend += float64(l.amount) / 1e4
		}
	}
	return float64(len(seen)), spend
}

func (f orderFacts) trends(d data.Day) []float64 {
	o30, s30 := f.between(d, 0, 30)
	o60, s60 := f.between(d, 30, 60)
	o90, s90 := f.between(d, 0, 90)
	o180, s180 := f.between(d, 90, 180)
	mean := f.spend / float64(f.orders)
	return []float64{o30 - o60, (o90 + 1) / (o180 + 1), s90 - s180, (s30 + mean) / (s60 + mean)}
}

func (f orderFacts) season(d data.Day) []float64 {
	if d-f.days[0] < 365 {
		return nil
	}
	orders, spend := f.between(d, 275, 365)
	return []float64{orders, spend}
}

func (f orderFacts) daytime() []float64 {
	hours := map[string]int{} // of the first line of each order and day
	sundays := map[string]bool{}
	for _, l := range f.lines {
		key := fmt.Sprint(l.order, l.day)
		if h, ok := hours[key]; !ok || l.hour < h {
			hours[key] = l.hour
		}
		if (int(l.day)+4)%7 == 0 { // 1970-01-01 was a Thursday
			sundays[key] = true
		}
	}
	var counts [24]float64
	for _, h := range hours {
		counts[h]++
	}
	n, best := float64(len(hours)), 0
	for h := range counts {
		if counts[h] > counts[best] {
			best = h
		}
	}
	return []float64{(counts[12] + counts[13]) / n, float64(best), float64(len(sundays)) / n}
}

// itemDays returns the distinct days on which each item was bought, sorted.
func itemDays(lines []boughtRow) map[string][]data.Day {
	out := map[string][]data.Day{}
	for _, l := range lines {
		out[l.item] = append(out[l.item], l.day)
	}
	for item, days := range out {
		slices.Sort(days)
		out[item] = slices.Compact(days)
	}
	return out
}

func (f orderFacts) replenishment(d data.Day) []float64 {
	var cycles []float64
	var span, gaps, alive, due float64
	for _, days := range itemDays(f.lines) {
		n := len(days) - 1
		if n == 0 {
			continue
		}
		length, elapsed := float64(days[n]-days[0]), float64(d-days[n])
		cycle := length / float64(n)
		cycles = append(cycles, cycle)
		span, gaps = span+length, gaps+float64(n)
		if elapsed*float64(n) <= 3*length {
			alive++
			if elapsed-math.Floor(cycle+.5) > -14 {
				due++
			}
		}
	}
	if len(cycles) == 0 {
		return nil
	}
	slices.Sort(cycles)
	median := (cycles[(len(cycles)-1)/2] + cycles[len(cycles)/2]) / 2
	return []float64{float64(len(cycles)), span / gaps, median, alive, due}
}

// brands counts an item once an order and day; the class is coded 1 single, 2 multi, 3 wide.
func (f orderFacts) brands() []float64 {
	type purchase struct {
		item string
		day  data.Day
	}
	seen, counts := map[purchase]bool{}, map[string]float64{}
	total := 0.0
	for _, l := range f.lines {
		if p := (purchase{l.item, l.day}); !seen[p] {
			seen[p] = true
			counts[l.item[3:4]]++
			total++
		}
	}
	top, entropy := 0.0, 0.0
	for _, n := range counts {
		top = math.Max(top, n/total)
		entropy -= n / total * math.Log(n/total)
	}
	class := 2.
	if top >= .8 {
		class = 1
	} else if len(counts) >= 5 && top < .4 {
		class = 3
	}
	return []float64{float64(len(counts)), top, entropy, class}
}

func expectRepeat(history map[string][]boughtRow) map[string][]float64 {
	buyers, cycles := map[string]int{}, map[string][]float64{}
	for _, lines := range history {
		for item, days := range itemDays(lines) {
			buyers[item]++
			if n := len(days) - 1; n > 0 {
				cycles[item] = append(cycles[item], math.Floor(float64(days[n]-days[0])/float64(n)+.5))
			}
		}
	}
	out := map[string][]float64{}
	for item, n := range buyers {
		all, median := cycles[item], -1.
		if slices.Sort(all); len(all) > 0 {
			median = all[(len(all)-1)/2]
		}
		out[item] = []float64{float64(n), float64(len(all)), median}
	}
	return out
}

func expectInteractions(history map[string][]boughtRow, d data.Day) map[string][]float64 {
	out := map[string][]float64{}
	for user, lines := range history {
		seen := map[string]bool{}
		for _, l := range lines {
			key, once := user+"/"+l.item, fmt.Sprint(l.item, "/", l.order, "/", l.day)
			if seen[once] {
				continue
			}
			seen[once] = true
			row, ok := out[key]
			if !ok {
				row = []float64{0, 0, float64(l.day), float64(l.day)}
				out[key] = row
			}
			row[0]++
			row[1] += math.Pow(.5, float64(d-l.day)/90)
			row[2], row[3] = math.Min(row[2], float64(l.day)), math.Max(row[3], float64(l.day))
		}
	}
	return out
}

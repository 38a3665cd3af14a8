package duck_test

import (
	"context"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"regulars/data"
	"regulars/features"
	"regulars/features/duck"
)

// table writes a Parquet file of rows, each a list of SQL values for the columns,
// which are "name TYPE" pairs.
func table(t testing.TB, columns string, rows ...string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "table.parquet")
	var casts []string
	for i, c := range strings.Split(columns, ", ") {
		column, kind, _ := strings.Cut(c, " ")
		casts = append(casts, fmt.Sprintf("CAST(c%d AS %s) AS %s", i, kind, column))
	}
	from := "(VALUES (" + strings.Join(rows, "), (") + ")) AS v"
	if len(rows) == 0 {
		from = "(VALUES (" + strings.TrimSuffix(strings.Repeat("NULL, ", len(casts)), ", ") + ")) AS v"
	}
	names := make([]string, len(casts))
	for i := range names {
		names[i] = fmt.Sprint("c", i)
	}
	where := ""
	if len(rows) == 0 {
		where = " WHERE false"
	}
	exec(t, "COPY (SELECT "+strings.Join(casts, ", ")+" FROM "+from+"("+strings.Join(names, ", ")+")"+where+") TO '"+path+"' (FORMAT parquet)")
	return path
}

// see returns what a group of one text column shows at a date.
func see(t testing.TB, r features.Request, key, needs, query, asOf string) string {
	t.Helper()
	entity := map[string]string{"user_id": "user", "item_id": "item"}[key]
	if entity == "" {
		entity = "shop"
	}
	g, err := features.Parse("mine.sql", "-- group: mine\n-- entity: "+entity+"\n-- doc: A test.\n"+needs+"\n-- key: "+key+" VARCHAR id | The id.\n-- column: x VARCHAR - | A test.\n"+query)
	if err != nil {
		t.Fatal(err)
	}
	r.Groups, r.Root, r.AsOf = []features.Group{g}, t.TempDir(), []data.Day{day(t, "2000-01-01"), day(t, asOf)}
	build(t, r)
	return rows(t, r.Root, entity, "mine", asOf, key, "x")
}

const at = "TIMESTAMPTZ '2024-%s 00:00:00+00'"

// TestValidRows: an id has the row that was valid at as_of, an undated row counts
// as the oldest and keeps its mutable columns to itself, and what begins later is
// not there.
func TestValidRows(t *testing.T) {
	ts := func(monthDay string) string { return fmt.Sprintf(at, monthDay) }
	items := table(t, "item_id VARCHAR, valid_from TIMESTAMPTZ, category VARCHAR, price DECIMAL(18,4), in_stock BOOLEAN, available_from TIMESTAMPTZ, colour VARCHAR",
		"'tea', NULL, 'old', 1, true, "+ts("01-10")+", 'red'",
		"'tea', "+ts("02-01")+", 'feb', 2, true, "+ts("02-01")+", 'green'",
		"'tea', "+ts("03-01")+", 'mar', 3, false, "+ts("04-01")+", 'blue'",
		"'cup', "+ts("03-01")+", 'mar', 9, true, NULL, 'blue'",
		"'pot', NULL, 'twice', 5, true, NULL, 'red'",
		"'pot', NULL, 'twice', 6, true, NULL, 'red'")
	r := features.Request{Lake: map[data.Table][]string{data.Items: {items}}}
	const query = `SELECT as_of, item_id, COALESCE(category, '-') || ' ' || COALESCE(CAST(price AS VARCHAR), '-') || ' ' || COALESCE(CAST(in_stock AS VARCHAR), '-') || ' ' ||
COALESCE(CAST(available_from_day - as_of_day AS VARCHAR), '-') || ' ' || COALESCE(colour, '-') || COALESCE(CAST(available_from AS VARCHAR), '!') AS x FROM items ORDER BY as_of, item_id`
	short := strings.Replace(query, " || COALESCE(CAST(available_from AS VARCHAR), '!')", "", 1)
	for asOf, want := range map[string]string{
		"2024-01-10": "pot twice - - - -\ntea old - - - -", // available at as_of, not before
		"2024-02-01": "pot twice - - - -\ntea old - - -22 -",
		"2024-02-02": "pot twice - - - -\ntea feb 2.0000 true -1 green",
		"2024-03-02": "cup mar 9.0000 true - blue\npot twice - - - -\ntea mar 3.0000 false - blue",
		"2024-04-02": "cup mar 9.0000 true - blue\npot twice - - - -\ntea mar 3.0000 false -1 blue",
	} {
		if got := see(t, r, "item_id", "-- needs: items", short, asOf); got != want {
			t.Errorf("items at %s:\n%s\nwant\n%s", asOf, got, want)
		}
	}
	if got := see(t, r, "item_id", "-- needs: items", query, "2024-02-02"); !strings.Contains(got, "green2024-02-01 00:00:00") {
		t.Errorf("available_from at 2024-02-02: %s", got)
	}

	users := table(t, "user_id VARCHAR, valid_from TIMESTAMPTZ, signed_up_at TIMESTAMPTZ, region VARCHAR, tier VARCHAR, points BIGINT, referrer_id VARCHAR",
		"'ann', NULL, "+ts("01-01")+", 'north', 'gold', 7, 'bob'",
		"'ann', "+ts("02-01")+", "+ts("01-01")+", 'south', 'silver', 8, 'bob'",
		"'bob', NULL, "+ts("02-01")+", 'east', 'gold', 9, NULL",
		"'cat', NULL, NULL, 'west', 'gold', 1, 'ann2'")
	r = features.Request{Lake: map[data.Table][]string{data.Users: {users}}}
	const userQuery = `SELECT as_of, user_id, region || ' ' || COALESCE(tier, '-') || ' ' || COALESCE(CAST(points AS VARCHAR), '-') || ' ' || COALESCE(referrer_id, '-') AS x FROM users ORDER BY as_of, user_id`
	for asOf, want := range map[string]string{
		"2024-01-01": "cat west - - ann2",
		"2024-02-01": "ann north - - bob\ncat west - - ann2", // bob signs up at this very instant
		"2024-02-02": "ann south silver 8 bob\nbob east - - -\ncat west - - ann2",
	} {
		if got := see(t, r, "user_id", "-- needs: users", userQuery, asOf); got != want {
			t.Errorf("users at %s:\n%s\nwant\n%s", asOf, got, want)
		}
	}

	// cat and ann2 are ann from February 2 on: one row, which is ann's own; who
	// was referred by ann2 was referred by ann.
	r.Identities = map[data.Day][]features.Identity{day(t, "2024-02-02"): {{From: "ann2", To: "ann"}, {From: "bob", To: "bob"}}}
	if got, want := see(t, r, "user_id", "-- needs: users", userQuery, "2024-02-02"), "ann south silver 8 bob\nbob east - - -\ncat west - - ann"; got != want {
		t.Errorf("users, ann2 being ann:\n%s\nwant\n%s", got, want)
	}
	r.Identities = map[data.Day][]features.Identity{day(t, "2024-02-02"): {{From: "cat", To: "ann"}, {From: "ann2", To: "ann"}}}
	if got, want := see(t, r, "user_id", "-- needs: users", userQuery, "2024-02-02"), "ann south silver 8 bob\nbob east - - -"; got != want {
		t.Errorf("users, cat being ann:\n%s\nwant\n%s", got, want)
	}
	if got, want := see(t, r, "user_id", "-- needs: users", userQuery, "2024-02-01"), "ann north - - bob\ncat west - - ann2"; got != want {
		t.Errorf("users before cat was known to be ann:\n%s\nwant\n%s", got, want)
	}
	r.Identities = map[data.Day][]features.Identity{day(t, "2024-02-02"): {{From: "ann", To: "zoe"}, {From: "cat", To: "zoe"}}}
	if got, want := see(t, r, "user_id", "-- needs: users", userQuery, "2024-02-02"), "bob east - - -\nzoe south silver 8 bob"; got != want {
		t.Errorf("users, ann and cat being zoe:\n%s\nwant\n%s", got, want)
	}
}

// TestOtherTables: promotions are known from their start and their end from the
// end; what happened to a message after as_of is not known.
func TestOtherTables(t *testing.T) {
	ts := func(monthDay string) string { return fmt.Sprintf(at, monthDay) }
	promotions := table(t, "promotion_id VARCHAR, starts_at TIMESTAMPTZ, ends_at TIMESTAMPTZ, kind VARCHAR",
		"'a', "+ts("01-01")+", "+ts("01-05")+", 'gift'", "'b', "+ts("01-09")+", "+ts("01-20")+", 'gift'", "'c', "+ts("01-10")+", "+ts("01-20")+", 'gift'")
	r := features.Request{Lake: map[data.Table][]string{data.Promotions: {promotions}}}
	if got, want := see(t, r, "promotion_id", "-- needs: promotions", "SELECT as_of, promotion_id, CAST(starts_at_day - as_of_day AS VARCHAR) || COALESCE(CAST(ends_at_day - as_of_day AS VARCHAR), ' -') AS x FROM promotions ORDER BY as_of, promotion_id", "2024-01-10"),
		"a -9-5\nb -1 -"; got != want {
		t.Errorf("promotions: %q, want %q", got, want)
	}
	contacts := table(t, "contact_id VARCHAR, campaign_id VARCHAR, user_id VARCHAR, ts TIMESTAMPTZ, channel VARCHAR, arm VARCHAR, opened_at TIMESTAMPTZ, clicked_at TIMESTAMPTZ",
		"'m', 'c', 'ann', "+ts("01-01")+", 'email', 'a', "+ts("01-02")+", "+ts("01-10"), "'n', 'c', 'ann', "+ts("01-10")+", 'email', 'a', NULL, NULL")
	r = features.Request{Lake: map[data.Table][]string{data.Contacts: {contacts}}}
	if got, want := see(t, r, "contact_id", "-- needs: contacts", "SELECT as_of, contact_id, CAST(opened_at AS VARCHAR) || COALESCE(CAST(clicked_at AS VARCHAR), ' no') AS x FROM contacts ORDER BY as_of, contact_id", "2024-01-10"),
		"m 2024-01-02 00:00:00 no"; got != want {
		t.Errorf("contacts: %q, want %q", got, want)
	}
	for _, other := range []struct{ table, columns, row string }{
		{"consents", "user_id VARCHAR, channel VARCHAR, granted BOOLEAN, ts TIMESTAMPTZ", "'%s', 'sms', true, "},
		{"feedback", "user_id VARCHAR, kind VARCHAR, score DOUBLE, ts TIMESTAMPTZ", "'%s', 'nps', 9, "},
		{"events", "user_id VARCHAR, type VARCHAR, channel VARCHAR, ts TIMESTAMPTZ", "'%s', 'view', 'web', "},
	} {
		path := table(t, other.columns, fmt.Sprintf(other.row, "ann")+ts("01-09"), fmt.Sprintf(other.row, "bob")+ts("01-10"))
		r = features.Request{Lake: map[data.Table][]string{data.Table(other.table): {path}}}
		if got := see(t, r, "user_id", "-- needs: "+other.table, "SELECT as_of, user_id, 'seen' AS x FROM "+other.table+" ORDER BY as_of, user_id", "2024-01-10"); got != "ann seen" {
			t.Errorf("%s: %q", other.table, got)
		}
	}
}

// TestIdentities: two ids that are one person's have one row, summed as if the
// orders had carried one id from the first, at the dates when that is known.
func TestIdentities(t *testing.T) {
	merged := make([]line, len(shop))
	for i, l := range shop {
		merged[i] = l
		if l.user == "bob" || l.user == "dan" {
			merged[i].user = "ann"
		}
	}
	late, early := day(t, "2024-02-01"), day(t, "2024-01-12")
	one, two := t.TempDir(), t.TempDir()
	build(t, features.Request{Lake: lakeOf(t, merged), AsOf: []data.Day{early, late}, Groups: orderGroups(t), Root: one})
	r := features.Request{Lake: lakeOf(t, shop), AsOf: []data.Day{early, late}, Groups: orderGroups(t), Root: two,
		Identities: map[data.Day][]features.Identity{late: {{From: "bob", To: "ann"}, {From: "dan", To: "ann"}}}}
	build(t, r)
	want, got := digests(t, one), digests(t, two)
	if !maps.Equal(want, got) { // at the early date bob and dan have not ordered
		for f := range want {
			if want[f] != got[f] {
				t.Errorf("%s differs from that of orders under one id", f)
			}
		}
	}
	if got := rows(t, two, "user", "rfm", "2024-02-01", "user_id", "frequency"); got != "ann 4" {
		t.Errorf("frequency of ann, bob and dan: %s", got)
	}
	r.Identities[late] = append(r.Identities[late], features.Identity{From: "ann", To: "cat"})
	if _, err := duck.New().Build(context.Background(), r); err == nil || !strings.Contains(err.Error(), `"bob" is "ann", which is "cat"`) {
		t.Errorf("identities in a chain: error %v", err)
	}
}

// TestShared: the shared relations hold what their headers say.
func TestShared(t *testing.T) {
	lines := []line{
		{"o1", "ann", "tea", "2024-01-31 17:30:00", 2, "3.5", false, "web"},
		{"o1", "ann", "cup", "2024-01-31 17:29:00", 1, "10", false, "app"},
		{"o1", "ann", "cup", "2024-02-01 00:00:00", 1, "10", false, ""},
		{"o2", "ann", "tea", "2024-01-31 20:00:00", 5, "3", false, ""},
		{"o3", "ann", "tea", "2024-01-31 20:00:00", 4, "2", true, ""},
	}
	r := features.Request{Lake: lakeOf(t, lines), TimeZone: "Asia/Shanghai"}
	check := func(name, query, want string) {
		t.Helper()
		if got := see(t, r, "k", "-- uses: "+name, query, "2024-02-01"); got != want {
			t.Errorf("%s:\n%s\nwant\n%s", name, got, want)
		}
	}
	check("baskets", `SELECT as_of, user_id || ' ' || order_id || ' ' || CAST(as_of_day - day AS VARCHAR) AS k, CAST(local_day - day AS VARCHAR) || ' ' || CAST(local_hour AS VARCHAR) || ' ' || CAST(local_dow AS VARCHAR) || ' ' ||
CAST(lines AS VARCHAR) || ' ' || CAST(units AS VARCHAR) || ' ' || CAST(spend AS VARCHAR) || ' ' || CAST(discount AS VARCHAR) || ' ' || CAST(discounted_lines AS VARCHAR) || ' ' || COALESCE(channel, '-') || COALESCE(store || live_id || host_id, '-') AS x
FROM baskets ORDER BY as_of, k`, "ann o1 1 1 1 3 2 3 17.0000 0.0000 0 web-\nann o2 1 1 4 3 1 5 15.0000 0.0000 0 --")
	check("bought", `SELECT as_of, item_id AS k, CAST(as_of_day - day AS VARCHAR) || ' ' || CAST(orders AS VARCHAR) || ' ' || CAST(lines AS VARCHAR) || ' ' || CAST(units AS VARCHAR) || ' ' || CAST(spend AS VARCHAR) AS x
FROM bought ORDER BY as_of, k`, "cup 1 1 1 1 10.0000\ntea 1 2 2 7 22.0000")
	check("returned", `SELECT as_of, item_id AS k, CAST(lines AS VARCHAR) || ' ' || CAST(units AS VARCHAR) || ' ' || CAST(spend AS VARCHAR) AS x
FROM returned ORDER BY as_of, k`, "tea 1 4 8.0000")
}

// TestIncremental: what is unchanged is kept; a change of anything that decides
// a table, or of the table, or a crash between table and note, builds it anew.
func TestIncremental(t *testing.T) {
	lake, root := lakeOf(t, shop), t.TempDir()
	first, second := day(t, "2024-01-12"), day(t, "2024-02-01")
	rfm, err := features.Find(catalogue(t), "rfm")
	if err != nil {
		t.Fatal(err)
	}
	r := features.Request{Lake: lake, AsOf: []data.Day{first, second}, Groups: rfm, Root: root}
	count := func(what string, written, kept int) {
		t.Helper()
		result := build(t, r)
		if len(result.Written) != written || len(result.Kept) != kept {
			t.Errorf("%s: wrote %d, kept %d, want %d and %d", what, len(result.Written), len(result.Kept), written, kept)
		}
		for _, k := range result.Kept {
			if k.Rows == 0 || k.Path != features.Path(root, "user", "rfm", k.AsOf) {
				t.Errorf("%s: kept %+v", what, k)
			}
		}
	}
	count("new", 2, 0)
	count("unchanged", 0, 2)
	r.AsOf = append(r.AsOf, second+1)
	count("one more date", 1, 2)
	r.Force = true
	count("forced", 3, 0)
	r.Force = false
	r.TimeZone = "Asia/Shanghai"
	count("other time zone", 3, 0)
	r.Identities = map[data.Day][]features.Identity{second: {{From: "bob", To: "ann"}}}
	count("other identities at one date", 1, 2)
	r.Groups[0].SQL += "-- more\n"
	count("other text", 3, 0)
	writeOrders(t, lake[data.Orders][0], shop[:4])
	count("other lake file", 3, 0)
	r.Lake = map[data.Table][]string{data.Orders: lake[data.Orders], data.Events: {table(t, "type VARCHAR, ts TIMESTAMPTZ")}}
	count("a table that the group does not read", 0, 3)

	path := features.Path(root, "user", "rfm", second)
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	content[len(content)/3] ^= 1
	if err := os.WriteFile(path, content, 0o644); err != nil {
		t.Fatal(err)
	}
	count("damaged table", 1, 2)
	if err := os.Remove(filepath.Join(filepath.Dir(path), "_inputs.json")); err != nil {
		t.Fatal(err)
	}
	count("no note", 1, 2)

	// A crash after the table was renamed and before its note was: the note of
	// the table before does not fit.
	note, err := os.ReadFile(filepath.Join(filepath.Dir(path), "_inputs.json"))
	if err != nil {
		t.Fatal(err)
	}
	before := r.Lake
	r.Lake = lakeOf(t, shop)
	count("new lake", 3, 0)
	if err := os.WriteFile(filepath.Join(filepath.Dir(path), "_inputs.json"), note, 0o644); err != nil {
		t.Fatal(err)
	}
	r.Lake = before
	r.AsOf = []data.Day{second}
	count("note of another table", 1, 0)
}

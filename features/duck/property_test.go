package duck_test

import (
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"testing"

	"pgregory.net/rapid"

	"regulars/data"
	"regulars/features"
)

// checks makes rapid draw n times unless the command line says otherwise: every
// draw here is three whole builds.
func checks(t *testing.T, n int) {
	f := flag.Lookup("rapid.checks")
	if f.Value.String() != f.DefValue {
		return
	}
	if err := flag.Set(f.Name, strconv.Itoa(n)); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := flag.Set(f.Name, f.DefValue); err != nil {
			t.Error(err)
		}
	})
}

// TestNothingAtOrAfterAsOfIsSeen: records of any table appended, changed or
// removed at and after as_of, late duplicates of earlier ones, later versions of
// customers and items, what happened to a message later, undated values of
// columns that change: none of it changes a byte of any table of the catalogue.
func TestNothingAtOrAfterAsOfIsSeen(t *testing.T) {
	asOf := day(t, "2024-02-01")
	start := asOf.Micros() / 1e6
	dir := t.TempDir()
	n := 0
	checks(t, 2)
	groups := append(catalogue(t), peeking(t)...)
	rapid.Check(t, func(rt *rapid.T) {
		n++
		past := drawLake(rt, start-400*86400, start-1, 1, 25)
		tables := func(name string, lake shopLake) map[string][32]byte {
			root := filepath.Join(dir, fmt.Sprint(name, n))
			if err := os.MkdirAll(root, 0o755); err != nil {
				rt.Fatal(err)
			}
			defer os.RemoveAll(root)
			out := filepath.Join(root, "features")
			build(t, features.Request{Lake: lake.write(t, root), AsOf: []data.Day{asOf}, Groups: groups, Root: out,
				Identities: map[data.Day][]features.Identity{asOf: {{From: "dan", To: "ann"}}}})
			return digests(t, out)
		}
		before := tables("before", past)
		if len(before) != len(groups) {
			rt.Fatalf("%d tables of %d groups", len(before), len(groups))
		}
		for _, name := range []string{"one", "other"} {
			after := tables(name, later(rt, past, start))
			for f := range before {
				if before[f] != after[f] {
					rt.Fatalf("%s changed with later records:\n%v", f, past)
				}
			}
		}
	})
}

// peeking are groups that show every column of the tables as it is.
func peeking(t *testing.T) []features.Group {
	var out []features.Group
	for _, s := range data.Schemas() {
		if s.Table == data.Identities {
			continue
		}
		text := "'-'"
		for _, c := range s.Columns {
			if c.Kind != data.KindList {
				text += " || COALESCE(CAST(" + c.Name + " AS VARCHAR), '-')"
			}
		}
		g, err := features.Parse("see_"+string(s.Table)+".sql", "-- group: see_"+string(s.Table)+"\n-- entity: shop\n-- doc: All.\n-- needs: "+string(s.Table)+
			"\n-- key: x VARCHAR - | All.\n-- column: n BIGINT - | Rows.\nWITH texts AS (SELECT as_of, "+text+" AS x FROM "+string(s.Table)+") SELECT as_of, x, COUNT(*) AS n FROM texts GROUP BY as_of, x ORDER BY as_of, x")
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, g)
	}
	return out
}

// later returns the lake as it may be some time after the second start: nothing
// in it was known before start that is not in past.
func later(t *rapid.T, past shopLake, start int64) shopLake {
	out := shopLake{}
	for _, s := range data.Schemas() {
		rows, ok := past[s.Table]
		if !ok {
			continue
		}
		out[s.Table] = [][]string{}
		for _, row := range rows {
			out[s.Table] = append(out[s.Table], laterRow(t, s, row, start))
			if rapid.IntRange(0, 5).Draw(t, "late") == 0 { // the same again, at a later time
				twin := slices.Clone(row)
				twin[s.Index(timeOf(s.Table))] = moment(start + rapid.Int64Range(0, 9*86400).Draw(t, "delay"))
				out[s.Table] = append(out[s.Table], twin)
			}
		}
		for range rapid.IntRange(0, 6).Draw(t, "new") {
			row := drawRow(t, s, start, start+rapid.SampledFrom([]int64{0, 1, 86400, 900 * 86400}).Draw(t, "span"), false)
			row[s.Index(timeOf(s.Table))] = moment(start + rapid.Int64Range(0, 9*86400).Draw(t, "when"))
			out[s.Table] = slices.Insert(out[s.Table], rapid.IntRange(0, len(out[s.Table])).Draw(t, "place"), row)
		}
	}
	return out
}

// laterRow changes what of a record was not known before start.
func laterRow(t *rapid.T, s data.Schema, row []string, start int64) []string {
	out := slices.Clone(row)
	undated := s.Index("valid_from") >= 0 && row[s.Index("valid_from")] == "NULL"
	for i, c := range s.Columns {
		switch {
		case c.Name == timeOf(s.Table):
		case c.Kind == data.KindTime && row[i] != "NULL" && row[i] >= moment(start), // a later click, another end
			c.Kind == data.KindTime && s.Table == data.Contacts && row[i] == "NULL":
			out[i] = moment(start + rapid.Int64Range(0, 50*86400).Draw(t, c.Name))
		case undated && slices.Contains([]string{"price", "unit_cost", "in_stock", "tags", "tier", "points", "personalization_opt_out"}, c.Name):
			out[i] = drawValue(t, s.Table, c, start)
		}
	}
	return out
}

// manyOrders writes a shop of n order lines, customers of all sizes, spread over
// two years before 2024-02-01, in two files.
func manyOrders(t testing.TB, n int) map[data.Table][]string {
	t.Helper()
	var files []string
	for half := range 2 {
		path := filepath.Join(t.TempDir(), fmt.Sprintf("orders%d.parquet", half))
		exec(t, fmt.Sprintf(`COPY (
SELECT 'o' || (i // 3) AS order_id, CAST(i AS BIGINT) AS line_number, 'u' || CAST(floor(pow(hash(i // 3) %% 1000 / 1000.0, 3) * %[1]d / 20) AS BIGINT) AS user_id,
  'i' || (hash(i, 1) %% 997) AS item_id, TIMESTAMPTZ '2022-02-01 00:00:00+00' + to_seconds(CAST(hash(i // 3, 2) %% 63072000 AS BIGINT)) AS ts,
  CAST(1 + hash(i, 3) %% 9 AS BIGINT) AS quantity, CAST((hash(i, 4) %% 100000) / 10000 AS DECIMAL(18,4)) AS unit_price,
  hash(i, 5) %% 50 = 0 AS is_return, CASE hash(i // 3, 6) %% 3 WHEN 0 THEN 'web' WHEN 1 THEN 'shop' END AS channel
FROM range(%[2]d, %[3]d) AS r(i)) TO '%[4]s' (FORMAT parquet)`, n, half*n/2, (half+1)*n/2, path))
		files = append(files, path)
	}
	return map[data.Table][]string{data.Orders: files}
}

// TestSameBytes: neither the number of threads, nor the other dates of the run,
// nor the order of the files shows in any byte.
func TestSameBytes(t *testing.T) {
	lake := manyOrders(t, 150_000) // several row groups of DuckDB and of the files
	turned := map[data.Table][]string{data.Orders: {lake[data.Orders][1], lake[data.Orders][0]}}
	d := day(t, "2024-02-01")
	variants := map[string]features.Request{
		"one thread":           {Lake: lake, AsOf: []data.Day{d}, Threads: 1},
		"two threads":          {Lake: lake, AsOf: []data.Day{d}, Threads: 2},
		"files turned round":   {Lake: turned, AsOf: []data.Day{d}, Threads: 2},
		"among other dates":    {Lake: lake, AsOf: []data.Day{d - 90, d}, Threads: 2},
		"little memory, spill": {Lake: lake, AsOf: []data.Day{d}, Threads: 2, MemoryLimit: "200MB", TempDir: t.TempDir()},
	}
	var first map[string][32]byte
	for name, r := range variants {
		r.Groups, r.Root = catalogue(t), filepath.Join(t.TempDir(), "features")
		build(t, r)
		got := digests(t, r.Root)
		for file := range got {
			if filepath.Base(filepath.Dir(file)) != "as_of=2024-02-01" {
				delete(got, file)
			}
		}
		if first == nil {
			first = got
		}
		for file := range first {
			if len(got) != len(first) || got[file] != first[file] {
				t.Errorf("%s: %s differs", name, file)
			}
		}
	}
}

// TestDatesApart: a table built in one run with other dates is, to the byte, the
// one built alone, for the earlier dates too: nothing crosses from a later date.
func TestDatesApart(t *testing.T) {
	lake := wholeLake(t)
	days := []data.Day{day(t, "2023-03-01"), day(t, "2023-08-15"), day(t, "2024-02-01")}
	crossing := group(t, "BIGINT", `SELECT o.as_of, o.user_id, COUNT(p.ts) AS x FROM orders o JOIN orders p ON p.user_id = o.user_id GROUP BY o.as_of, o.user_id ORDER BY as_of, user_id`)
	groups := append(catalogue(t), crossing)
	together := t.TempDir()
	build(t, features.Request{Lake: lake, AsOf: days, Groups: groups, Root: together})
	want, alone := digests(t, together), map[string][32]byte{}
	for _, d := range days {
		root := t.TempDir()
		build(t, features.Request{Lake: lake, AsOf: []data.Day{d}, Groups: groups, Root: root})
		maps.Copy(alone, digests(t, root))
	}
	if len(alone) != len(days)*len(groups) {
		t.Errorf("%d tables", len(alone))
	}
	for f := range alone {
		if alone[f] != want[f] {
			t.Errorf("%s depends on the other dates of the run", f)
		}
	}
}

// TestPassesGiveTheSameBytes: where memory is short, dates are computed one after
// the other, and that must not show.
func TestPassesGiveTheSameBytes(t *testing.T) {
	lake := bigShop(t, 200_000)
	days := []data.Day{day(t, "2023-08-01"), day(t, "2023-11-01"), day(t, "2024-02-01")}
	groups := profileGroups(t, "user/brand_affinity", "user/lifecycle", "user/replenishment", "user/windows", "item/popularity")
	var found []map[string][32]byte
	for _, memory := range []string{"2GB", "120MB"} { // three dates at once, and one
		root := t.TempDir()
		build(t, features.Request{Lake: lake, AsOf: days, Groups: groups, Root: root, MemoryLimit: memory})
		found = append(found, parquetOnly(digests(t, root)))
	}
	if len(found[0]) != len(groups)*len(days) || !maps.Equal(found[0], found[1]) {
		t.Errorf("dates at once give %d files, one after the other %d, or other bytes", len(found[0]), len(found[1]))
	}
}

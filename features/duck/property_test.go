package duck_test

import (
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"pgregory.net/rapid"

	"regulars/data"
	"regulars/features"
)

// drawLine draws any order line with a time in the given range of seconds since 1970.
func drawLine(t *rapid.T, from, to int64) line {
	second := rapid.Int64Range(from, to).Draw(t, "second")
	return line{
		order:    rapid.SampledFrom([]string{"o1", "o2", "o3", "o9", "new"}).Draw(t, "order"),
		user:     rapid.SampledFrom([]string{"ann", "bob", "cat", "dan", "zoe"}).Draw(t, "user"),
		item:     rapid.SampledFrom([]string{"tea", "cup", "pot", "new"}).Draw(t, "item"),
		at:       time.Unix(second, 0).UTC().Format(time.DateTime),
		quantity: rapid.IntRange(1, 1_000_000).Draw(t, "quantity"),
		price:    fmt.Sprintf("%d.%04d", rapid.IntRange(0, 99999).Draw(t, "price"), rapid.IntRange(0, 9999).Draw(t, "pence")),
		isReturn: rapid.Bool().Draw(t, "return"),
		channel:  rapid.SampledFrom([]string{"", "web", "shop", "phone"}).Draw(t, "channel"),
	}
}

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
}

// TestNothingAtOrAfterAsOfIsSeen: whatever is added at or after as_of, to the
// orders or to another table, in the same file or in another one, no byte of any
// feature table changes.
func TestNothingAtOrAfterAsOfIsSeen(t *testing.T) {
	asOf := day(t, "2024-02-01")
	start := asOf.Micros() / 1e6
	dir := t.TempDir()
	n := 0
	checks(t, 6)
	groups := catalogue(t)
	rapid.Check(t, func(rt *rapid.T) {
		n++
		past := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) line { return drawLine(t, start-400*86400, start-1) }), 1, 30).Draw(rt, "past")
		future := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) line {
			return drawLine(t, start, start+rapid.SampledFrom([]int64{0, 1, 86400, 900 * 86400}).Draw(t, "span"))
		}), 1, 10).Draw(rt, "future")
		write := func(name string, lines []line) string {
			path := filepath.Join(dir, name)
			writeOrders(t, path, lines)
			return path
		}
		tables := func(name string, lake map[data.Table][]string) map[string][32]byte {
			root := filepath.Join(dir, fmt.Sprint(name, n))
			build(t, features.Request{Lake: lake, AsOf: []data.Day{asOf}, Groups: groups, Root: root})
			defer os.RemoveAll(root)
			return digests(t, root)
		}
		before := tables("before", map[data.Table][]string{data.Orders: {write("past.parquet", past)}})
		mixed := tables("mixed", map[data.Table][]string{data.Orders: {write("mixed.parquet", append(append([]line{}, future...), past...))}})
		apart := tables("apart", map[data.Table][]string{data.Orders: {write("future.parquet", future), write("past.parquet", past)}, data.Events: {write("events.parquet", future)}})
		if len(before) != len(groups) || !maps.Equal(before, mixed) || !maps.Equal(before, apart) {
			rt.Fatalf("later records changed features:\nalone %x\nmixed %x\napart %x", before, mixed, apart)
		}
	})
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

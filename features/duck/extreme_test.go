package duck_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"regulars/data"
	"regulars/features"
	"regulars/features/duck"
)

// TestExtremes: shops at the edge of what there is. Every group of the orders is
// built, checked by the engine to have finite numbers and one row a key.
func TestExtremes(t *testing.T) {
	long := strings.Repeat("x", 10<<20)
	asOf := day(t, "2024-02-01")
	one := line{"o", "ann", "tea", "2024-01-01 10:00:00", 1, "2.5", false, ""}
	returned := one
	returned.isReturn = true
	old, late := one, one
	old.at, late.at = "1970-01-01 00:00:00", "2200-12-31 23:59:59"
	wide := one
	wide.user, wide.item, wide.channel = long+"u", long+"i", long+"c"
	for _, test := range []struct {
		name  string
		lines []line
		want  string // rfm: customer (cut), recency, frequency, tenure
	}{
		{"nothing", nil, ""},
		{"one customer with one order", []line{one}, "ann 31 1 31"},
		{"all returns", []line{returned, returned}, ""},
		{"1970", []line{old, one}, "ann 31 1 19754"},
		{"2200", []line{late, one}, "ann 31 1 31"},
		{"10 MB strings", []line{wide, one}, "ann 31 1 31\nxxxxx 31 1 31"},
		{"names like SQL", []line{{"o'); DROP TABLE x; --", `"a`, "'b", "2024-01-01 10:00:00", 1, "1", false, "ü"}}, `"a 31 1 31`},
	} {
		lines := slices.Clone(test.lines)
		for i := range lines {
			lines[i].order = strings.ReplaceAll(lines[i].order, "'", "''")
			lines[i].item = strings.ReplaceAll(lines[i].item, "'", "''")
		}
		var lake map[data.Table][]string
		if len(lines) == 0 {
			s, _ := data.SchemaOf(data.Orders)
			path := filepath.Join(t.TempDir(), "orders.parquet")
			writeRows(t, path, s, nil)
			lake = map[data.Table][]string{data.Orders: {path}}
		} else {
			lake = lakeOf(t, lines)
		}
		root := t.TempDir()
		result, err := duck.New().Build(context.Background(), features.Request{Lake: lake, AsOf: []data.Day{asOf}, Groups: orderGroups(t), Root: root})
		if err != nil {
			t.Errorf("%s: %v", test.name, err)
			continue
		}
		if len(result.Written) != len(orderGroups(t)) {
			t.Errorf("%s: %d tables", test.name, len(result.Written))
		}
		got := rows(t, root, "user", "rfm", asOf.String(), "left(user_id, 5)", "recency_days", "frequency", "tenure_days")
		if got != test.want {
			t.Errorf("%s:\n%s\nwant\n%s", test.name, got, test.want)
		}
	}
}

// TestBadFiles: what is wrong with the lake is said exactly, and the table that
// stood before still stands.
func TestBadFiles(t *testing.T) {
	dir, root := t.TempDir(), t.TempDir()
	good := filepath.Join(dir, "a.parquet")
	writeOrders(t, good, shop)
	variant := func(file, columns string) string {
		path := filepath.Join(dir, file)
		exec(t, "COPY (SELECT "+columns+" FROM '"+good+"') TO '"+path+"' (FORMAT parquet)")
		return path
	}
	content, err := os.ReadFile(good)
	if err != nil {
		t.Fatal(err)
	}
	half := filepath.Join(dir, "half.parquet")
	if err := os.WriteFile(half, content[:len(content)/2], 0o644); err != nil {
		t.Fatal(err)
	}
	empty := filepath.Join(dir, "empty.parquet")
	if err := os.WriteFile(empty, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	twin := filepath.Join(dir, "twin.parquet")
	if err := os.WriteFile(twin, content, 0o644); err != nil {
		t.Fatal(err)
	}
	rfm, err := features.Find(catalogue(t), "rfm")
	if err != nil {
		t.Fatal(err)
	}
	r := features.Request{AsOf: []data.Day{day(t, "2024-02-01")}, Groups: rfm, Root: root, Lake: map[data.Table][]string{data.Orders: {good}}}
	build(t, r)
	before := digests(t, root)
	for _, test := range []struct {
		files []string
		want  string
	}{
		{[]string{good, half}, "lake table orders: read the columns of " + good + ", " + half + ": Invalid Input Error: No magic bytes found at end of file '" + half + "'"},
		{[]string{empty}, "lake table orders: read the columns of " + empty + ": Invalid Input Error: File '" + empty + "' too small to be a Parquet file"},
		{[]string{good, filepath.Join(dir, "gone.parquet")}, "lake table orders: open " + dir + "/gone.parquet: no such file or directory"},
		{[]string{variant("null.parquet", "* REPLACE (NULLIF(user_id, 'ann') AS user_id)")},
			"lake table orders: column user_id is null in 5 rows of " + dir + "/null.parquet: import the table again, so that such rows are quarantined"},
		{[]string{good, variant("type.parquet", "* REPLACE (CAST(ts AS VARCHAR) AS ts)")},
			"lake table orders: column ts holds VARCHAR in " + dir + "/type.parquet, not timestamp"},
		{[]string{good, variant("double.parquet", "* REPLACE (CAST(quantity AS DOUBLE) AS quantity)")},
			"lake table orders: column quantity holds DOUBLE in " + dir + "/double.parquet, not int64"},
		{[]string{good, good}, "lake table orders: " + good + " is listed twice"},
		{[]string{good, twin}, "lake table orders: " + good + " and " + twin + " are the same file twice: remove one"},
	} {
		r.Lake = map[data.Table][]string{data.Orders: test.files}
		_, err := duck.New().Build(context.Background(), r)
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("error %v\nwant one with %s", err, test.want)
		}
		if !maps.Equal(before, digests(t, root)) {
			t.Errorf("%v changed tables", test.files)
		}
	}
}

// TestOutOfMemory: a query that memory and disk cannot hold fails with what to
// do, and the tables that stood before still stand.
func TestOutOfMemory(t *testing.T) {
	root := t.TempDir()
	r := features.Request{Lake: manyOrders(t, 60_000), AsOf: []data.Day{day(t, "2024-02-01")}, Groups: orderGroups(t), Root: root, Threads: 2}
	build(t, r)
	before := digests(t, root)
	r.Groups = append(r.Groups, group(t, "BIGINT", `SELECT a.as_of, a.user_id, COUNT(DISTINCT a.order_id || b.order_id || a.item_id || b.item_id) AS x
FROM orders a JOIN orders b ON b.as_of = a.as_of GROUP BY a.as_of, a.user_id ORDER BY as_of, user_id`))
	r.Force, r.MemoryLimit = true, "25MB"
	_, err := duck.New().Build(context.Background(), r)
	if !errors.Is(err, duck.ErrMemory) || !strings.Contains(err.Error(), "out of memory: the SQL engine was given 25MB (machine.memory): give it more, or build fewer dates or groups at once") {
		t.Errorf("error %v", err)
	}
	if !maps.Equal(before, digests(t, root)) {
		t.Error("tables changed")
	}
	left, err := filepath.Glob(filepath.Join(root, ".*"))
	if err != nil || len(left) > 0 {
		t.Errorf("left behind: %v (%v)", left, err)
	}
}

func ExampleErrMemory() {
	err := fmt.Errorf("compute features user/rfm: %w: the SQL engine was given 1GB (machine.memory)", duck.ErrMemory)
	fmt.Println(errors.Is(err, duck.ErrMemory))
	// Output: true
}

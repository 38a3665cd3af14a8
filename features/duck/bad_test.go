package duck_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"regulars/data"
	"regulars/data/durable"
	"regulars/features"
	"regulars/features/duck"
)

// TestBadLake: what is wrong with a lake file is said with its name, and nothing is written.
func TestBadLake(t *testing.T) {
	whole := lakeOf(t, shop)[data.Orders][0]
	dir := t.TempDir()
	variant := func(name, columns string) string {
		path := filepath.Join(dir, name)
		exec(t, "COPY (SELECT "+columns+" FROM '"+whole+"') TO '"+path+"' (FORMAT parquet)")
		return path
	}
	content, err := os.ReadFile(whole)
	if err != nil {
		t.Fatal(err)
	}
	truncated := filepath.Join(dir, "truncated.parquet")
	if err := os.WriteFile(truncated, content[:len(content)/2], 0o644); err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		file string
		want []string
	}{
		{truncated, []string{"lake table orders", truncated}},
		{filepath.Join(dir, "absent.parquet"), []string{"lake table orders", "absent.parquet"}},
		{variant("no_ts.parquet", "* EXCLUDE (ts)"), []string{"no_ts.parquet has no column ts, which is required"}},
		{variant("text_ts.parquet", "* REPLACE (CAST(ts AS VARCHAR) AS ts)"), []string{"lake table orders", "column ts holds", "not timestamp"}},
		{variant("null_ts.parquet", "* REPLACE (CASE WHEN user_id <> 'ann' THEN ts END AS ts)"), []string{"column ts is null in 5 rows", "null_ts.parquet"}},
		{variant("float.parquet", "* REPLACE (CAST(quantity AS DOUBLE) AS quantity)"), []string{"column quantity holds DOUBLE in", "float.parquet, not int64: import the table again"}},
	}
	for _, test := range tests {
		root := t.TempDir()
		_, err := duck.New().Build(context.Background(), features.Request{Lake: map[data.Table][]string{data.Orders: {whole, test.file}},
			AsOf: []data.Day{day(t, "2024-02-01")}, Groups: catalogue(t), Root: root})
		for _, want := range test.want {
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%s: error %v, want one with %q", filepath.Base(test.file), err, want)
			}
		}
		if left := digests(t, root); len(left) > 0 {
			t.Errorf("%s left %d files behind", filepath.Base(test.file), len(left))
		}
	}
}

func group(t *testing.T, columns, query string) features.Group {
	t.Helper()
	g, err := features.Parse("mine.sql", "-- group: mine\n-- entity: user\n-- doc: A test.\n-- needs: orders\n-- key: user_id VARCHAR id | The customer.\n-- column: x "+columns+" - | A test.\n"+query)
	if err != nil {
		t.Fatal(err)
	}
	return g
}

// TestBadQuery: a feature file that does not do what its header says is named with its line.
func TestBadQuery(t *testing.T) {
	const end = "\nFROM orders\nGROUP BY as_of, user_id\nORDER BY as_of, user_id"
	tests := []struct{ columns, query, want string }{
		{"BIGINT", "SELECT as_of, user_id,\nCOUNT(nothing) AS x" + end, "mine.sql:8: "},
		{"BIGINT", "SELECT as_of, user_id,\nCOUNT(*) x x" + end, "mine.sql:8: "},
		{"BIGINT", "SELECT as_of, user_id, SUM(quantity) AS x" + end, "mine.sql: column x has type HUGEINT, documented as BIGINT: write CAST"},
		{"BIGINT", "SELECT as_of, user_id, COUNT(*) AS y" + end, "column 3 is y: the documentation says x"},
		{"BIGINT", "SELECT as_of, user_id, COUNT(*) AS x, 1 AS y" + end, "column y is not documented"},
		{"BIGINT", "SELECT as_of, user_id" + end, "column x is documented but not selected"},
		{"DOUBLE", "SELECT as_of, user_id, CAST('inf' AS DOUBLE) AS x" + end, "column x is null or not a finite number in 2 rows"},
		{"BIGINT", "SELECT as_of, NULLIF(user_id, 'ann') AS user_id, 1 AS x" + strings.Replace(end, "GROUP BY", "WHERE NOT is_return GROUP BY order_id,", 1), "has type INTEGER"},
		{"INTEGER", "SELECT as_of, user_id, 1 AS x FROM orders ORDER BY as_of, user_id", "keys (as_of, user_id) have several rows"},
		{"BIGINT", "SELECT as_of, user_id, COUNT(*) AS x FROM regulars_lake.orders", "mine.sql:7: regulars_lake is not allowed"},
	}
	for _, test := range tests {
		_, err := duck.New().Build(context.Background(), features.Request{Lake: lakeOf(t, shop[:6]), AsOf: []data.Day{day(t, "2024-02-01")},
			Groups: []features.Group{group(t, test.columns, test.query)}, Root: t.TempDir()})
		var where *features.SQLError
		if err == nil || !strings.Contains(err.Error(), test.want) || !errors.As(err, &where) {
			t.Errorf("%s\nerror %v, want one with %q", test.query, err, test.want)
		}
	}
}

// TestCancel: the end of the context interrupts a query that would run for hours.
func TestCancel(t *testing.T) {
	g := group(t, "BIGINT", `SELECT a.as_of, a.user_id, COUNT(*) AS x
FROM orders a CROSS JOIN orders b CROSS JOIN orders c CROSS JOIN orders d
WHERE a.quantity + b.quantity + c.quantity + d.quantity > 4
GROUP BY a.as_of, a.user_id ORDER BY as_of, user_id`)
	ctx, cancel := context.WithCancel(context.Background())
	root := t.TempDir()
	_, err := duck.New().Build(ctx, features.Request{Lake: manyOrders(t, 20_000), AsOf: []data.Day{day(t, "2024-02-01")}, Groups: []features.Group{g}, Root: root,
		Progress: func(_, _ int, what string) {
			if what == "user/mine" {
				cancel()
			}
		}})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("error %v, want context.Canceled", err)
	}
	if left := digests(t, root); len(left) > 0 {
		t.Errorf("%d files left behind", len(left))
	}
}

// TestFault: a disk that fails before the first rename leaves the tables that
// stood before; what a killed build left is gone after the next one.
func TestFault(t *testing.T) {
	root := t.TempDir()
	r := features.Request{Lake: lakeOf(t, shop[:3]), AsOf: []data.Day{day(t, "2024-02-01")}, Groups: catalogue(t), Root: root}
	build(t, r)
	before := digests(t, root)
	r.Lake = lakeOf(t, shop)
	full := errors.New("disk full")
	for _, op := range []durable.Op{durable.OpSync, durable.OpRename} {
		engine := duck.Engine{Disk: durable.FS{Fault: func(o durable.Op, _ string) error {
			if o == op {
				return full
			}
			return nil
		}}}
		if _, err := engine.Build(context.Background(), r); !errors.Is(err, full) {
			t.Errorf("failing %s: error %v", op, err)
		}
		if !maps.Equal(before, digests(t, root)) {
			t.Errorf("failing %s changed tables", op)
		}
	}
	leftover := filepath.Join(root, durable.TempPrefix+"build-killed")
	if err := os.MkdirAll(filepath.Join(leftover, "spill"), 0o755); err != nil {
		t.Fatal(err)
	}
	build(t, r)
	if _, err := os.Stat(leftover); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("leftover of a killed build: %v", err)
	}
	if maps.Equal(before, digests(t, root)) {
		t.Error("the build after the faults changed nothing")
	}
}

func ExampleEngine_Labels() {
	r := features.LabelRequest{AsOf: []data.Day{15000}, Root: "features", HorizonDays: 90, Until: 15050}
	_, err := duck.New().Labels(context.Background(), r)
	fmt.Println(err)
	// Output: labels: as_of 2011-01-26 with a gap of 0 and a horizon of 90 days needs history until 2011-04-26, which ends at 2011-03-17: choose an earlier as_of or a shorter horizon
}

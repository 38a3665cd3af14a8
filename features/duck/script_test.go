package duck_test

import (
	"context"
	"database/sql"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"regulars/data"
	"regulars/features"
	"regulars/features/duck"
)

// TestScript: for every group, running the printed SQL in a bare DuckDB gives the
// rows of the built table, in their order.
func TestScript(t *testing.T) {
	d, root := day(t, "2024-02-01"), t.TempDir()
	r := features.Request{Lake: wholeLake(t), AsOf: []data.Day{d}, Groups: catalogue(t), Root: root, TimeZone: "Asia/Shanghai",
		Identities: map[data.Day][]features.Identity{d: {{From: "bob", To: "ann"}}}}
	result := build(t, r)
	if len(result.Skipped) > 0 {
		t.Fatalf("skipped %v", result.Skipped)
	}
	for _, g := range r.Groups {
		sameAsScript(t, g, r, features.Path(root, g.Entity, g.Table(), d))
	}
	label, err := features.OrderLabel()
	if err != nil {
		t.Fatal(err)
	}
	early := day(t, "2023-10-01")
	if _, err := duck.New().Labels(context.Background(), features.LabelRequest{Lake: r.Lake, AsOf: []data.Day{early}, Root: root, TimeZone: r.TimeZone, HorizonDays: label.Horizon, Until: d}); err != nil {
		t.Fatal(err)
	}
	r.AsOf = []data.Day{early}
	sameAsScript(t, label, r, features.Path(root, "user", label.Table(), early))
}

// sameAsScript compares what the script of a group selects with its table.
func sameAsScript(t *testing.T, g features.Group, r features.Request, path string) {
	t.Helper()
	text, err := duck.Script(context.Background(), g, r)
	if err != nil {
		t.Fatal(err)
	}
	db, err := sql.Open("duckdb", "")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	conn, err := db.Conn(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	got := cells(t, conn, text)
	want := cells(t, conn, "SELECT DATE '"+r.AsOf[0].String()+"' AS as_of, * FROM read_parquet('"+path+"', hive_partitioning = false)")
	if got != want {
		t.Errorf("%s/%s: the script gives\n%s\nthe table holds\n%s", g.Entity, g.Name, got, want)
	}
}

func cells(t *testing.T, conn *sql.Conn, query string) string {
	t.Helper()
	r, err := conn.QueryContext(context.Background(), query)
	if err != nil {
		t.Fatalf("%v\n%s", err, query)
	}
	defer r.Close()
	names, err := r.Columns()
	if err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	fmt.Fprintln(&out, names)
	for r.Next() {
		values, targets := make([]any, len(names)), make([]any, len(names))
		for i := range values {
			targets[i] = &values[i]
		}
		if err := r.Scan(targets...); err != nil {
			t.Fatal(err)
		}
		fmt.Fprintln(&out, values)
	}
	return out.String()
}

// TestJoin: rows keep their order and columns; a row knows what was known at the
// start of its day; a stranger has nulls.
func TestJoin(t *testing.T) {
	dir := t.TempDir()
	spine := filepath.Join(dir, "spine.csv")
	if err := os.WriteFile(spine, []byte("note,user_id,ts\nz,bob,2024-02-01 12:00:00\na,ann,2024-01-12 00:00:00\n\"x,y\",ann,2024-02-01 23:59:59\nb,zoe,2024-02-01 00:00:00\nc,bob,2024-01-31 23:59:59\nd,bert,2024-02-01\nz,bob,2024-02-01 12:00:00\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	days, err := duck.SpineDays(context.Background(), spine)
	if err != nil || fmt.Sprint(days) != "[2024-01-12 2024-01-31 2024-02-01]" {
		t.Fatalf("days %v, error %v", days, err)
	}
	groups, err := features.Find(catalogue(t), "rfm")
	if err != nil {
		t.Fatal(err)
	}
	gaps, err := features.Find(catalogue(t), "gaps")
	if err != nil {
		t.Fatal(err)
	}
	for _, dates := range []int{1, 2, 0} {
		out := filepath.Join(dir, "out.parquet")
		r := duck.JoinRequest{Request: features.Request{Lake: lakeOf(t, shop), Groups: append(groups, gaps...),
			Identities: map[data.Day][]features.Identity{day(t, "2024-02-01"): {{From: "bert", To: "bob"}}}}, Spine: spine, Out: out, Dates: dates}
		result, err := duck.New().Join(context.Background(), r)
		if err != nil {
			t.Fatal(err)
		}
		if result.Rows != 7 || result.Unknown != 2 || result.Dates != 3 || result.Columns != 13 {
			t.Errorf("result %+v", result)
		}
		rows := query(t, "SELECT concat_ws(' ', note, user_id, CAST(ts AS DATE), COALESCE(CAST(frequency AS VARCHAR), '-'), COALESCE(CAST(gap_mean_days AS VARCHAR), '-')) FROM '"+out+"'")
		var got []string
		for rows.Next() {
			var s string
			if err := rows.Scan(&s); err != nil {
				t.Fatal(err)
			}
			got = append(got, s)
		}
		want := "z bob 2024-02-01 1 -|a ann 2024-01-12 2 10.0|x,y ann 2024-02-01 3 15.0|b zoe 2024-02-01 - -|c bob 2024-01-31 - -|d bert 2024-02-01 1 -|z bob 2024-02-01 1 -"
		if strings.Join(got, "|") != want {
			t.Errorf("%d dates a pass:\n%s\nwant\n%s", dates, strings.Join(got, "|"), want)
		}
	}
	left, err := filepath.Glob(filepath.Join(dir, ".tmp-*"))
	if err != nil || len(left) > 0 {
		t.Errorf("left behind: %v %v", left, err)
	}
}

func TestJoinRefuses(t *testing.T) {
	rfm, err := features.Find(catalogue(t), "rfm")
	if err != nil {
		t.Fatal(err)
	}
	sales, err := features.Find(catalogue(t), "sales")
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		text   string
		groups []features.Group
		want   string
	}{
		{"user_id,at\nann,2024-01-01\n", rfm, "spine.csv has no column ts: it has user_id, at"},
		{"user_id,ts\nann,2024-01-01\nbob,soon\n", rfm, "spine.csv: 1 rows have no user_id or no ts that is a time such as 2011-12-08 10:00:00, the first of them row 2"},
		{"user_id,ts\n,2024-01-01\n", rfm, "the first of them row 1"},
		{"user_id,ts,Frequency\nann,2024-01-01,1\n", rfm, "has a column frequency, which is a feature of group rfm too"},
		{"user_id,ts\nann,2024-01-01\n", sales, "group item/sales is not about one customer"},
		{"user_id,ts\nann,2024-01-01\n", nil, "no feature group to join"},
	} {
		dir := t.TempDir()
		spine := filepath.Join(dir, "spine.csv")
		if err := os.WriteFile(spine, []byte(test.text), 0o644); err != nil {
			t.Fatal(err)
		}
		_, err := duck.New().Join(context.Background(), duck.JoinRequest{Request: features.Request{Lake: lakeOf(t, shop), Groups: test.groups}, Spine: spine, Out: filepath.Join(dir, "out.parquet")})
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%q: error %v, want one with %q", test.text, err, test.want)
		}
		if left, _ := filepath.Glob(filepath.Join(dir, "*")); len(left) != 1 {
			t.Errorf("%q left %v", test.text, left)
		}
	}
}

package duck_test

import (
	"context"
	"database/sql"
	_ "embed"
	"encoding/json"
	"fmt"
	"os"
	process "os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"regulars/data"
	"regulars/features"
	"regulars/features/duck"
)

//go:embed testdata/reference.sql
var reference string

// bigShop writes a shop of n order lines, n / 20 customers of all sizes, three
// lines an order, two years before 2024-02-01, and its 20,000 items.
func bigShop(b testing.TB, n int) map[data.Table][]string {
	b.Helper()
	dir := b.TempDir()
	orders, items := filepath.Join(dir, "orders.parquet"), filepath.Join(dir, "items.parquet")
	exec(b, fmt.Sprintf(`COPY (
SELECT 'order-' || (i // 3) AS order_id, CAST(i %% 3 AS BIGINT) AS line_number, 'customer-' || CAST(floor(pow(hash(i // 3) %% 1000000 / 1000000.0, 2) * %[1]d) AS BIGINT) AS user_id,
  'item-' || CAST(floor(pow(hash(i, 1) %% 100000 / 100000.0, 2) * 20000) AS BIGINT) AS item_id,
  TIMESTAMPTZ '2022-02-01 00:00:00+00' + to_seconds(CAST(hash(i // 3, 2) %% 63072000 AS BIGINT)) AS ts,
  CAST(1 + hash(i, 3) %% 9 AS BIGINT) AS quantity, CAST((hash(i, 4) %% 100000) / 10000 AS DECIMAL(18,4)) AS unit_price,
  hash(i, 5) %% 50 = 0 AS is_return, CASE hash(i // 3, 6) %% 3 WHEN 0 THEN 'web' WHEN 1 THEN 'store' END AS channel
FROM range(%[2]d) AS r(i)) TO '%[3]s' (FORMAT parquet)`, n/20, n, orders))
	exec(b, fmt.Sprintf(`COPY (
SELECT 'item-' || i AS item_id, CAST(NULL AS TIMESTAMPTZ) AS valid_from, 'category-' || (i %% 50) AS category, 'brand-' || (i %% 400) AS brand
FROM range(20000) AS r(i)) TO '%s' (FORMAT parquet)`, items))
	return map[data.Table][]string{data.Orders: {orders}, data.Items: {items}}
}

// runReference computes testdata/reference.sql in a bare DuckDB.
func runReference(b *testing.B, lake map[data.Table][]string, days []data.Day, memory string, dir string) time.Duration {
	b.Helper()
	db, err := sql.Open("duckdb", "")
	if err != nil {
		b.Fatal(err)
	}
	defer db.Close()
	conn, err := db.Conn(context.Background())
	if err != nil {
		b.Fatal(err)
	}
	defer conn.Close()
	var dates []string
	for _, d := range days {
		dates = append(dates, "(DATE '"+d.String()+"')")
	}
	start := time.Now()
	for _, statement := range []string{
		"SET memory_limit = '" + memory + "'", "SET TimeZone = 'UTC'", fmt.Sprintf("SET threads = %d", runtime.GOMAXPROCS(0)),
		"SET temp_directory = '" + dir + "/spill'",
		"CREATE VIEW orders AS SELECT * FROM read_parquet('" + lake[data.Orders][0] + "')",
		"CREATE TABLE dates (as_of DATE)", "INSERT INTO dates VALUES " + strings.Join(dates, ", "),
		"COPY (" + reference + ") TO '" + dir + "/reference.parquet' (FORMAT parquet)",
	} {
		if _, err := conn.ExecContext(context.Background(), statement); err != nil {
			b.Fatal(err)
		}
	}
	return time.Since(start)
}

// childRun is what a child process is asked to build, and childResult what it says.
type (
	childRun struct {
		Lake    map[data.Table][]string
		AsOf    []data.Day
		Dir     string
		Memory  string
		Threads int
	}
	childResult struct {
		Seconds float64
		PeakMB  float64
		Tables  int
	}
)

const childVariable = "REGULARS_BENCH_CHILD"

// TestProfileChild is the child of BenchmarkProfile: a build has a process of its
// own, as where the program runs one, so that its memory is its own too.
func TestProfileChild(t *testing.T) {
	text := os.Getenv(childVariable)
	if text == "" {
		t.Skip("only a child of BenchmarkProfile")
	}
	var run childRun
	if err := json.Unmarshal([]byte(text), &run); err != nil {
		t.Fatal(err)
	}
	groups := slices.DeleteFunc(catalogue(t), func(g features.Group) bool { return g.Entity != "user" })
	start := time.Now()
	result, err := duck.New().Build(t.Context(), features.Request{Lake: run.Lake, AsOf: run.AsOf, Groups: groups, Root: filepath.Join(run.Dir, "features"),
		MemoryLimit: run.Memory, Threads: run.Threads, TempDir: filepath.Join(run.Dir, "spill"), Progress: trace()})
	if err != nil {
		t.Fatal(err)
	}
	out, err := json.Marshal(childResult{time.Since(start).Seconds(), peak(t), len(result.Written)})
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(run.Dir, "result.json"), out, 0o600); err != nil {
		t.Fatal(err)
	}
}

// runProfile builds the profile in a child process.
func runProfile(b *testing.B, run childRun) (out childResult) {
	b.Helper()
	text, err := json.Marshal(run)
	if err != nil {
		b.Fatal(err)
	}
	child := process.Command(os.Args[0], "-test.run", "^TestProfileChild$", "-test.timeout", "0")
	child.Env = append(os.Environ(), childVariable+"="+string(text))
	child.Stdout, child.Stderr = os.Stdout, os.Stderr
	if err := child.Run(); err != nil {
		b.Fatal(err)
	}
	result, err := os.ReadFile(filepath.Join(run.Dir, "result.json"))
	if err != nil {
		b.Fatal(err)
	}
	if err := json.Unmarshal(result, &out); err != nil {
		b.Fatal(err)
	}
	return out
}

// peak returns the largest resident memory of this process, MB; 0 where it cannot be told.
func peak(t testing.TB) float64 {
	text, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0
	}
	m := regexp.MustCompile(`VmHWM:\s+(\d+) kB`).FindSubmatch(text)
	if m == nil {
		return 0
	}
	kb, err := strconv.ParseFloat(string(m[1]), 64)
	if err != nil {
		t.Fatal(err)
	}
	return kb / 1024
}

// BenchmarkProfile builds the whole customer profile, which is every group of
// entity user that orders and items allow, at five dates, and reports how many
// times longer that takes than the reference query of the same rows. Sizes beyond
// a million order lines run up to REGULARS_BENCH_LINES.
func BenchmarkProfile(b *testing.B) {
	most := 1_000_000
	if text := os.Getenv("REGULARS_BENCH_LINES"); text != "" {
		var err error
		if most, err = strconv.Atoi(text); err != nil {
			b.Fatal(err)
		}
	}
	for _, n := range []int{1_000_000, 5_000_000, 20_000_000} {
		if n > most {
			break
		}
		lake := bigShop(b, n)
		for _, memory := range []string{"4GiB", "1GiB"} {
			b.Run(fmt.Sprintf("%dM/%s", n/1_000_000, memory), func(b *testing.B) { profile(b, lake, memory) })
		}
	}
}

func profile(b *testing.B, lake map[data.Table][]string, memory string) {
	var days []data.Day
	for i := range 5 {
		days = append(days, day(b, "2024-02-01")-data.Day(90*i))
	}
	var bare, built, high float64
	for b.Loop() {
		dir := b.TempDir()
		bare += runReference(b, lake, days, memory, dir).Seconds()
		result := runProfile(b, childRun{lake, days, dir, memory, runtime.GOMAXPROCS(0)})
		built += result.Seconds
		high = max(high, result.PeakMB)
		if result.Tables < 5*15 {
			b.Fatalf("%d tables", result.Tables)
		}
		if err := os.RemoveAll(dir); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(built/bare, "profile/reference")
	b.ReportMetric(bare/float64(b.N), "reference-s")
	b.ReportMetric(built/float64(b.N), "profile-s")
	b.ReportMetric(high, "peak-MB")
}

// trace prints the time of every step when REGULARS_BENCH_TRACE is set.
func trace() func(done, total int, what string) {
	if os.Getenv("REGULARS_BENCH_TRACE") == "" {
		return nil
	}
	start, last := time.Now(), ""
	return func(_, _ int, what string) {
		if last != "" {
			fmt.Printf("%8.2f s  %s\n", time.Since(start).Seconds(), last)
		}
		start, last = time.Now(), what
	}
}

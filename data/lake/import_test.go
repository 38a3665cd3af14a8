package lake_test

import (
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"regulars/data"
	"regulars/data/durable"
	"regulars/data/lake"
)

// drawRow draws a valid row whose first column makes it unlike all others.
func drawRow(t *rapid.T, s data.Schema, n int) data.Row {
	row := make(data.Row, len(s.Columns))
	for i, c := range s.Columns {
		if !c.Required && rapid.Bool().Draw(t, "null") {
			continue
		}
		row[i] = drawValue(t, c)
		if c.Kind == data.KindString && c.Required {
			row[i] = data.String(fmt.Sprintf("%d%s", n, row[i].Str()))
		}
	}
	return row
}

// text draws texts of any characters but the one that no text may hold.
func text(most int) *rapid.Generator[string] {
	return rapid.StringOfN(rapid.Rune().Filter(func(r rune) bool { return r != 0 }), 0, most, 4*most)
}

func drawValue(t *rapid.T, c data.Column) data.Value {
	switch { // a quantity times a price that money can hold
	case c.Positive:
		return data.Int(rapid.Int64Range(1, 9).Draw(t, c.Name))
	case c.NotBelow:
		return data.Amount(data.Money(rapid.Int64Range(0, 111_111_111_111_111_111).Draw(t, c.Name)))
	}
	switch c.Kind {
	case data.KindString:
		return data.String(text(20).Draw(t, c.Name))
	case data.KindInt:
		return data.Int(rapid.Int64Range(1, math.MaxInt64).Draw(t, c.Name))
	case data.KindFloat:
		return data.Float(rapid.Float64Range(-1e300, 1e300).Draw(t, c.Name))
	case data.KindBool:
		return data.Bool(rapid.Bool().Draw(t, c.Name))
	case data.KindTime:
		return data.Micros(rapid.Int64Range(day0, 4e15).Draw(t, c.Name))
	case data.KindMoney:
		return data.Amount(data.Money(rapid.Int64Range(-999_999_999_999_999_999, 999_999_999_999_999_999).Draw(t, c.Name)))
	}
	return data.List(rapid.SliceOfN(text(5), 0, 4).Draw(t, c.Name))
}

// What is written comes back, of every table, kind, null and list, and a
// second import of the same rows finds nothing new.
func TestRowsComeBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		dir, err := os.MkdirTemp("", "lake")
		if err != nil {
			t.Fatal(err)
		}
		defer os.RemoveAll(dir)
		s := rapid.SampledFrom(data.Schemas()).Draw(t, "table")
		s = s.WithExtra(data.Column{Name: "zz_text", Kind: data.KindString}, data.Column{Name: "zz_list", Kind: data.KindList})
		var rows []data.Row
		for n := range rapid.IntRange(1, 30).Draw(t, "rows") {
			rows = append(rows, drawRow(t, s, n))
		}
		if s.Table == data.Events { // every other column is optional: two rows could be equal
			rows = rows[:1]
		}
		l := open(t, dir, durable.FS{})
		b := lake.Batch{Schema: s, Source: "f", First: 1, Rows: rows}
		if got := importAll(t, l, lake.Source{}, b).Table(s.Table); got.Accepted != int64(len(rows)) {
			t.Fatalf("accepted %+v of %d", got, len(rows))
		}
		got, schema := readAll(t, l, s.Table)
		compare(t, s, rows, schema, got)
		if again := importAll(t, l, lake.Source{}, b).Table(s.Table); again.Duplicate != int64(len(rows)) {
			t.Fatalf("again: %+v", again)
		}
	})
}

func compare(t *rapid.T, s data.Schema, want []data.Row, gotSchema data.Schema, got []data.Row) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%d rows, want %d", len(got), len(want))
	}
	for r := range want {
		for i, c := range s.Columns {
			if v := got[r][gotSchema.Index(c.Name)]; !v.Equal(want[r][i]) {
				t.Fatalf("row %d, %s: %+v, want %+v", r, c.Name, v, want[r][i])
			}
		}
	}
}

func TestDuplicates(t *testing.T) {
	one, null := data.Int(1), data.Null
	contact := func(id string, us int64) data.Row {
		s, _ := data.SchemaOf(data.Contacts)
		row := make(data.Row, len(s.Columns))
		for _, c := range []string{"campaign_id", "user_id", "channel", "arm"} {
			row[s.Index(c)] = data.String("x")
		}
		row[s.Index("contact_id")], row[s.Index("ts")] = data.String(id), data.Micros(us)
		return row
	}
	consent := func(granted bool) data.Row {
		return data.Row{data.String("u"), data.String("email"), data.Bool(granted), data.Micros(day0)}
	}
	for _, test := range []struct {
		name string
		a, b lake.Batch
		dup  bool
	}{
		{"order and line, other user", batch(data.Orders, "f", order("o", one, "u", day0)), batch(data.Orders, "g", order("o", one, "v", day0)), true},
		{"other line", batch(data.Orders, "f", order("o", one, "u", day0)), batch(data.Orders, "g", order("o", data.Int(2), "u", day0)), false},
		{"no line, all the same", batch(data.Orders, "f", order("o", null, "u", day0)), batch(data.Orders, "g", order("o", null, "u", day0)), true},
		{"no line, other time", batch(data.Orders, "f", order("o", null, "u", day0)), batch(data.Orders, "g", order("o", null, "u", day0+1)), false},
		{"contact id", batch(data.Contacts, "f", contact("c", day0)), batch(data.Contacts, "g", contact("c", day0+1)), true},
		{"other contact id", batch(data.Contacts, "f", contact("c", day0)), batch(data.Contacts, "g", contact("d", day0)), false},
		{"consent, all columns", batch(data.Consents, "f", consent(true)), batch(data.Consents, "g", consent(true)), true},
		{"consent withdrawn", batch(data.Consents, "f", consent(true)), batch(data.Consents, "g", consent(false)), false},
	} {
		t.Run(test.name, func(t *testing.T) {
			want := int64(0)
			if test.dup {
				want = 1
			}
			table := test.a.Schema.Table
			if got := importAll(t, open(t, t.TempDir(), durable.FS{}), lake.Source{}, test.a, test.b).Table(table); got.Duplicate != want || got.Read != 2 {
				t.Errorf("in one import: %+v", got)
			}
			l := open(t, t.TempDir(), durable.FS{})
			importAll(t, l, lake.Source{}, test.a)
			if got := importAll(t, l, lake.Source{}, test.b).Table(table); got.Duplicate != want || got.Read != 1 {
				t.Errorf("in a second import: %+v", got)
			}
		})
	}
}

// An extra column makes no row a new one, whatever it holds.
func TestDuplicateWithAnotherColumn(t *testing.T) {
	l := open(t, t.TempDir(), durable.FS{})
	plain := batch(data.Orders, "f", order("o", data.Null, "u", day0))
	importAll(t, l, lake.Source{}, plain)
	wide := plain
	wide.Schema = plain.Schema.WithExtra(data.Column{Name: "coupon", Kind: data.KindString})
	wide.Rows = []data.Row{append(plain.Rows[0][:len(plain.Rows[0]):len(plain.Rows[0])], data.Null), append(plain.Rows[0][:len(plain.Rows[0]):len(plain.Rows[0])], data.String("c"))}
	if got := importAll(t, l, lake.Source{}, wide).Table(data.Orders); got.Duplicate != 2 {
		t.Errorf("got %+v", got)
	}
	wide.Rows[1][0] = data.String("p")
	importAll(t, l, lake.Source{}, wide)
	if got := importAll(t, l, lake.Source{}, plain).Table(data.Orders); got.Duplicate != 1 {
		t.Errorf("against a file with the column: %+v", got)
	}
	rows, s := readAll(t, l, data.Orders)
	if i := s.Index("coupon"); i < 0 || len(rows) != 2 || !rows[0][i].IsNull() || rows[1][i].Str() != "c" {
		t.Errorf("rows %v of %v", rows, s.ColumnNames())
	}
}

func TestQuarantine(t *testing.T) {
	dir := t.TempDir()
	l := open(t, dir, durable.FS{})
	bad := order("o", data.Int(1), "u", day0)
	bad[5] = data.Int(0) // quantity
	im, err := l.Begin()
	if err != nil {
		t.Fatal(err)
	}
	b := batch(data.Orders, "f.csv", order("o", data.Int(1), "u", day0), bad)
	b.First = 41
	if err := im.Write(b); err != nil {
		t.Fatal(err)
	}
	if err := im.Reject(data.Orders, "f.csv", 50, "ts is not a timestamp", `{"ts":"x"}`); err != nil {
		t.Fatal(err)
	}
	if err := im.Duplicate(data.Orders, 3); err != nil {
		t.Fatal(err)
	}
	report, err := im.Commit()
	if err != nil {
		t.Fatal(err)
	}
	want := "{Table:orders Read:6 Accepted:1 Duplicate:3 Quarantined:2 Reasons:map[quantity is not above 0:1 ts is not a timestamp:1] " +
		"QuarantineFile:quarantine/orders/import-000001-ID-0000.parquet Examples:[{Source:f.csv Row:42 Reason:quantity is not above 0} " +
		"{Source:f.csv Row:50 Reason:ts is not a timestamp}]}"
	if got := strings.Replace(fmt.Sprintf("%+v", report.Table(data.Orders)), report.ID, "ID", 1); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	p, err := lake.OpenParquet(filepath.Join(dir, report.Table(data.Orders).QuarantineFile))
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	r, err := p.Reader([]int{0, 1, 2, 3})
	if err != nil {
		t.Fatal(err)
	}
	rows, err := drain(r)
	if err != nil || len(rows) != 2 {
		t.Fatal(err, rows)
	}
	if got := lake.RowJSON([]string{"a", "b", "c", "d"}, rows[0]); !strings.HasPrefix(got, `{"a":"f.csv","b":42,"c":"quantity is not above 0","d":"{\"order_id\":\"o\",`) {
		t.Errorf("got %s", got)
	}
}

func TestKnownSource(t *testing.T) {
	dir := t.TempDir()
	l := open(t, dir, durable.FS{})
	src := lake.Source{Path: "f", SHA256: "abc", As: "csv orders", Rows: 1}
	first := importAll(t, l, src, batch(data.Orders, "f", order("o", data.Int(1), "u", day0)))
	if first.Sources[0].Known || first.ID == "" {
		t.Errorf("first: %+v", first)
	}
	before := tree(t, dir)
	if again := importAll(t, l, src); !again.Sources[0].Known || again.ID != "" {
		t.Errorf("again: %+v", again)
	}
	if tree(t, dir) != before {
		t.Error("a known source changed the workspace")
	}
	im, err := l.Begin()
	if err != nil {
		t.Fatal(err)
	}
	defer im.Abort()
	src.As = "csv users"
	if im.Known(src) {
		t.Error("the file is known as what it was never read as")
	}
	im.AddSource(src)
	if !im.Known(src) {
		t.Error("the file of this very import is not known")
	}
}

func TestAbortLeavesNothing(t *testing.T) {
	for _, existing := range []bool{false, true} {
		dir := t.TempDir()
		l := open(t, dir, durable.FS{})
		if existing {
			importAll(t, l, lake.Source{}, batch(data.Orders, "f", order("o", data.Int(1), "u", day0)))
		}
		before := tree(t, dir)
		im, err := l.Begin()
		if err != nil {
			t.Fatal(err)
		}
		if err := im.Write(batch(data.Orders, "g", order("p", data.Int(1), "u", day0), data.Row{})); err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(im.Abort(), im.Abort()); err != nil {
			t.Fatal(err)
		}
		if tree(t, dir) != before {
			t.Error("an aborted import left something")
		}
		if _, err := im.Commit(); err == nil {
			t.Error("an aborted import was committed")
		}
	}
}

// errKilled stands for a process that is killed: no later step happens either.
var errKilled = errors.New("killed")

// twoTables is an import whose halves must never be seen apart.
func twoTables(l *lake.Lake) error {
	im, err := l.Begin()
	if err != nil {
		return err
	}
	im.AddSource(lake.Source{Path: "f", SHA256: "abc", As: "test", Rows: 3})
	if err := im.Write(batch(data.Orders, "f", order("new", data.Int(1), "u", day0), data.Row{})); err != nil {
		return errors.Join(err, im.Abort())
	}
	s, _ := data.SchemaOf(data.Users)
	user := make(data.Row, len(s.Columns))
	user[0] = data.String("u")
	if err := im.Write(batch(data.Users, "f", user)); err != nil {
		return errors.Join(err, im.Abort())
	}
	_, err = im.Commit()
	return err
}

// seen returns "old" or "new", and fails on anything in between.
func seen(t *testing.T, dir string) string {
	t.Helper()
	files, err := open(t, dir, durable.FS{}).Files()
	if err != nil {
		t.Fatal(err)
	}
	switch len(files) {
	case 1:
		return "old"
	case 3:
		return "new"
	}
	t.Fatalf("half an import is visible: %+v", files)
	return ""
}

func TestKilledAtEveryStep(t *testing.T) {
	states := map[string]int{}
	final := ""
	for n := 0; ; n++ {
		dir := filepath.Join(t.TempDir(), "w")
		if err := os.Mkdir(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		importAll(t, open(t, dir, durable.FS{}), lake.Source{}, batch(data.Orders, "e", order("old", data.Int(1), "u", day0)))
		steps := 0
		err := twoTables(open(t, dir, durable.FS{Fault: func(durable.Op, string) error {
			seen(t, dir) // before every step a reader finds all or nothing
			if steps++; steps > n {
				return errKilled
			}
			return nil
		}}))
		states[seen(t, dir)]++
		if err != nil && !errors.Is(err, errKilled) {
			t.Fatal(err)
		}
		l := open(t, dir, durable.FS{})
		if err := l.Recover(); err != nil {
			t.Fatalf("step %d: %v", n, err)
		}
		after := seen(t, dir)
		if err != nil && strings.Contains(err.Error(), "is committed") != (after == "new") {
			t.Errorf("step %d: %s after the error %v", n, after, err)
		}
		if left, _ := filepath.Glob(filepath.Join(dir, "lake", ".tmp-*")); len(left) > 0 {
			t.Errorf("step %d: left %v", n, left)
		}
		if after == "old" {
			if err := twoTables(l); err != nil {
				t.Fatal(err)
			}
		}
		// However it went, the workspace ends with the same bytes.
		whole := strings.ReplaceAll(tree(t, dir), dir, "")
		if final == "" {
			final = whole
		} else if final != whole {
			t.Errorf("step %d: the workspace differs from the one of a smooth import", n)
		}
		if err == nil {
			break
		}
	}
	if states["old"] < 3 || states["new"] < 1 {
		t.Errorf("states after a kill: %v", states)
	}
}

func TestSameBytesHoweverCut(t *testing.T) {
	var rows []data.Row
	for i := range 135_000 { // more than a row group
		rows = append(rows, order(fmt.Sprint("o", i/3), data.Int(int64(i%3)), fmt.Sprint("u", i%97), day0+int64(i)*1e6))
	}
	sums := map[string]bool{}
	for _, cut := range []int{997, 4096, 135_000} {
		old := runtime.GOMAXPROCS(1 + cut%2)
		l := open(t, t.TempDir(), durable.FS{})
		var batches []lake.Batch
		for lo := 0; lo < len(rows); lo += cut {
			b := batch(data.Orders, "f", rows[lo:min(lo+cut, len(rows))]...)
			b.First = int64(lo + 1)
			batches = append(batches, b)
		}
		importAll(t, l, lake.Source{}, batches...)
		files, err := l.Files()
		runtime.GOMAXPROCS(old)
		if err != nil || len(files) != 1 {
			t.Fatal(err, files)
		}
		sums[files[0].SHA256+files[0].Path] = true
		got, _ := readAll(t, l, data.Orders)
		for i := range rows {
			if !got[i][0].Equal(rows[i][0]) || !got[i][1].Equal(rows[i][1]) || !got[i][2].Equal(rows[i][2]) || !got[i][4].Equal(rows[i][4]) {
				t.Fatalf("row %d: %v, want %v", i, got[i], rows[i])
			}
		}
	}
	if len(sums) != 1 {
		t.Errorf("%d different files from the same rows", len(sums))
	}
}

func TestWriteRefusesAnotherTable(t *testing.T) {
	im, err := open(t, t.TempDir(), durable.FS{}).Begin()
	if err != nil {
		t.Fatal(err)
	}
	defer im.Abort()
	expectError(t, im.Write(lake.Batch{Schema: data.Schema{Table: "ordres"}}), `there is no table "ordres"`, "orders, events")
	s, _ := data.SchemaOf(data.Users)
	s.Table = data.Orders
	expectError(t, im.Write(lake.Batch{Schema: s, Source: "f"}), "do not begin with those of the contract")
}

// item returns an undated row of items with one price, in cents.
func item(id string, cents int64) data.Row {
	s, _ := data.SchemaOf(data.Items)
	row := make(data.Row, len(s.Columns))
	row[s.Index("item_id")], row[s.Index("price")] = data.String(id), data.Amount(data.Money(cents*100))
	return row
}

// prices returns what the lake says of each item, in order.
func prices(t fataler, l *lake.Lake) string {
	t.Helper()
	rows, s := readAll(t, l, data.Items)
	var out []string
	for _, row := range rows {
		out = append(out, row[s.Index("item_id")].Str()+" "+row[s.Index("price")].Money().String())
	}
	return strings.Join(out, ", ")
}

// An undated row supersedes the one before it, in and between imports, also
// back to what it was once; what says nothing new is a duplicate.
func TestUndatedRowsSupersede(t *testing.T) {
	l := open(t, t.TempDir(), durable.FS{})
	for n, test := range []struct {
		rows                []data.Row
		accepted, duplicate int64
		want                string
	}{
		{[]data.Row{item("a", 100), item("b", 5)}, 2, 0, "a 1.0000, b 0.0500"},
		{[]data.Row{item("a", 100), item("b", 5)}, 0, 2, "a 1.0000, b 0.0500"},
		{[]data.Row{item("a", 200), item("b", 5)}, 1, 1, "a 1.0000, b 0.0500, a 2.0000"},
		{[]data.Row{item("a", 100)}, 1, 0, "a 1.0000, b 0.0500, a 2.0000, a 1.0000"},
		{[]data.Row{item("a", 100)}, 0, 1, "a 1.0000, b 0.0500, a 2.0000, a 1.0000"},
		{[]data.Row{item("b", 6), item("b", 6), item("b", 5)}, 2, 1, "a 1.0000, b 0.0500, a 2.0000, a 1.0000, b 0.0600, b 0.0500"},
	} {
		got := importAll(t, l, lake.Source{}, batch(data.Items, "f", test.rows...)).Table(data.Items)
		if got.Accepted != test.accepted || got.Duplicate != test.duplicate {
			t.Errorf("import %d: %+v", n, got)
		}
		if got := prices(t, l); got != test.want {
			t.Errorf("import %d: got %s, want %s", n, got, test.want)
		}
	}
}

// A dated row is known by id and date, beside whatever is undated.
func TestDatedRowsKeepTheirKey(t *testing.T) {
	l := open(t, t.TempDir(), durable.FS{})
	dated := func(cents, us int64) data.Row {
		row := item("a", cents)
		row[1] = data.Micros(us)
		return row
	}
	importAll(t, l, lake.Source{}, batch(data.Items, "f", dated(1, day0), item("a", 9)))
	got := importAll(t, l, lake.Source{}, batch(data.Items, "g", dated(2, day0), dated(2, day0+1), item("a", 9), item("a", 8))).Table(data.Items)
	if got.Duplicate != 2 || prices(t, l) != "a 0.0100, a 0.0900, a 0.0200, a 0.0800" {
		t.Errorf("%+v: %s", got, prices(t, l))
	}
}

// An order told as it happens has numbered lines; the export that follows may have
// none, other times and channels, and come before the lines that were told or behind them.
func TestOrdersAreKnownWithAndWithoutLineNumbers(t *testing.T) {
	line := func(id, item string, number int64, us int64) data.Row {
		row := order(id, data.Null, "u", us)
		s, _ := data.SchemaOf(data.Orders)
		row[s.Index("item_id")] = data.String(item)
		if number > 0 {
			row[s.Index("line_number")] = data.Int(number)
		}
		return row
	}
	returned := line("o", "a", 0, day0+9)
	s, _ := data.SchemaOf(data.Orders)
	returned[s.Index("is_return")] = data.Bool(true)
	for name, c := range map[string]struct {
		first, then         []data.Row
		accepted, duplicate int64
	}{
		"told first":            {[]data.Row{line("o", "a", 1, day0), line("o", "b", 2, day0)}, []data.Row{line("o", "b", 0, day0+1), line("o", "a", 0, day0+1)}, 0, 2},
		"exported first":        {[]data.Row{line("o", "a", 0, day0), line("o", "b", 0, day0)}, []data.Row{line("o", "a", 1, day0+1), line("o", "b", 2, day0+1)}, 0, 2},
		"another item":          {[]data.Row{line("o", "a", 1, day0)}, []data.Row{line("o", "b", 0, day0)}, 1, 0},
		"another order":         {[]data.Row{line("o", "a", 1, day0)}, []data.Row{line("p", "a", 0, day0)}, 1, 0},
		"sent back":             {[]data.Row{line("o", "a", 1, day0)}, []data.Row{returned}, 1, 0},
		"both without a number": {[]data.Row{line("o", "a", 0, day0)}, []data.Row{line("o", "a", 0, day0+1)}, 1, 0},
		"both with one":         {[]data.Row{line("o", "a", 1, day0)}, []data.Row{line("o", "a", 2, day0)}, 1, 0},
		"in one import":         {nil, []data.Row{line("o", "a", 1, day0), line("o", "a", 0, day0)}, 2, 0},
	} {
		l := open(t, t.TempDir(), durable.FS{})
		importAll(t, l, lake.Source{}, batch(data.Orders, "f", c.first...))
		got := importAll(t, l, lake.Source{}, batch(data.Orders, "g", c.then...)).Table(data.Orders)
		if got.Accepted != c.accepted || got.Duplicate != c.duplicate {
			t.Errorf("%s: %+v", name, got)
		}
	}
}

// The order of rows outlives files of other columns in between, more than ten
// imports, and files named by an earlier form of this program.
func TestPathOrderIsImportOrder(t *testing.T) {
	dir := t.TempDir()
	l := open(t, dir, durable.FS{})
	importAll(t, l, lake.Source{}, batch(data.Items, "f", item("a", 0)))
	files, err := l.Files(data.Items)
	if err != nil || len(files) != 1 {
		t.Fatal(files, err)
	}
	folder := filepath.Join(dir, "lake", "items")
	if err := os.Rename(filepath.Join(dir, "lake", filepath.FromSlash(files[0].Path)), filepath.Join(folder, "f0123456789abcde-0.parquet")); err != nil {
		t.Fatal(err)
	}
	want := []string{"a 0.0000"}
	for n := int64(1); n <= 12; n++ {
		plain := batch(data.Items, "f", item("a", 3*n))
		wide := batch(data.Items, "g", append(item("a", 3*n+1), data.String("x")))
		wide.Schema = wide.Schema.WithExtra(data.Column{Name: "colour", Kind: data.KindString})
		again := batch(data.Items, "h", item("a", 3*n+2))
		if got := importAll(t, l, lake.Source{}, plain, wide, again).Table(data.Items); got.Accepted != 3 {
			t.Fatalf("import %d: %+v", n, got)
		}
		for i := range int64(3) {
			want = append(want, "a "+data.Money((3*n+i)*100).String())
		}
	}
	if got := prices(t, l); got != strings.Join(want, ", ") {
		t.Errorf("got  %s\nwant %s", got, strings.Join(want, ", "))
	}
}

// However undated rows are cut into imports, the newest of an id is the last
// that came, and no two neighbours of one id are equal.
func TestNewestIsTheLast(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		dir, err := os.MkdirTemp("", "lake")
		if err != nil {
			t.Fatal(err)
		}
		defer os.RemoveAll(dir)
		l := open(t, dir, durable.FS{})
		last, want := map[string]data.Value{}, 0
		for range rapid.IntRange(1, 2).Draw(t, "imports") {
			var rows []data.Row
			for range rapid.IntRange(1, 7).Draw(t, "rows") {
				row := item(rapid.SampledFrom([]string{"a", "b"}).Draw(t, "id"), rapid.Int64Range(0, 2).Draw(t, "price"))
				if before, ok := last[row[0].Str()]; !ok || !before.Equal(row[5]) {
					want++
				}
				last[row[0].Str()] = row[5]
				rows = append(rows, row)
			}
			importAll(t, l, lake.Source{}, batch(data.Items, "f", rows...))
		}
		rows, _ := readAll(t, l, data.Items)
		found := map[string]data.Value{}
		for _, row := range rows {
			found[row[0].Str()] = row[5]
		}
		if len(rows) != want || fmt.Sprint(found) != fmt.Sprint(last) {
			t.Errorf("%d rows, want %d; newest %v, want %v", len(rows), want, found, last)
		}
	})
}

func TestReportShowsThreeBadRows(t *testing.T) {
	l := open(t, t.TempDir(), durable.FS{})
	bad := data.Row{}
	got := importAll(t, l, lake.Source{}, batch(data.Orders, "f", bad, bad, bad, bad), batch(data.Items, "f", item("a", 1)))
	if e := got.Table(data.Orders).Examples; len(e) != 3 || e[2].Row != 3 {
		t.Errorf("examples %+v", e)
	}
	if items := got.Table(data.Items); items.QuarantineFile != "" || items.Examples != nil {
		t.Errorf("no bad rows: %+v", items)
	}
}

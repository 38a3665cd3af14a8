package frame_test

import (
	"bytes"
	"context"
	"errors"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/parquet-go/parquet-go"

	"regulars/data/frame"
)

func write(t testing.TB, name string, content []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, content, 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

func read(t *testing.T, content string, like ...frame.Column) *frame.Table {
	t.Helper()
	got, err := frame.Read(t.Context(), write(t, "a.csv", []byte(content)), frame.Options{Like: like, LikePath: "first.csv"})
	if err != nil {
		t.Fatal(err)
	}
	return got
}

func sameNumbers(a, b []float64) bool {
	return slices.EqualFunc(a, b, func(x, y float64) bool { return x == y || math.IsNaN(x) && math.IsNaN(y) })
}

var nan = math.NaN()

// Every column of a CSV file is what all of its cells can be.
func TestKindsOfCSV(t *testing.T) {
	got := read(t, "n;b;t;s;mixed;nothing;code\n"+
		"1;true;2011-12-08;red; 5 ;;007\n"+
		"-2.5e3;FALSE;;;x;NA;8\n"+
		"NaN;;1970-01-02T12:00:00Z;NA;2011-12-08;;9\n"+
		"null;true;none;red;true;?;\n")
	want := []frame.Column{
		{Name: "n", Kind: frame.Number, Number: []float64{1, -2500, nan, nan}},
		{Name: "b", Kind: frame.Bool, Number: []float64{1, 0, nan, 1}},
		{Name: "t", Kind: frame.Time, Number: []float64{15316, nan, 1.5, nan}}, // days since 1970
		{Name: "s", Kind: frame.Text, Code: []int32{0, -1, 1, 0}, Levels: []string{"red", "NA"}},
		{Name: "mixed", Kind: frame.Text, Code: []int32{0, 1, 2, 3}, Levels: []string{"5", "x", "2011-12-08", "true"}},
		{Name: "nothing", Kind: frame.Number, Number: []float64{nan, nan, nan, nan}},
		{Name: "code", Kind: frame.Number, Number: []float64{7, 8, 9, nan}},
	}
	checkColumns(t, got, want)
	if !got.Columns[3].Missing(1) || got.Columns[3].Missing(2) || !got.Columns[0].Missing(2) || got.Find("MIXED") != 4 || got.Find("x") >= 0 {
		t.Error("Missing or Find is wrong")
	}
}

func checkColumns(t *testing.T, got *frame.Table, want []frame.Column) {
	t.Helper()
	if len(got.Columns) != len(want) {
		t.Fatalf("columns %v, want %d", got.Names(), len(want))
	}
	for i, w := range want {
		g := got.Columns[i]
		if g.Name != w.Name || g.Kind != w.Kind || !sameNumbers(g.Number, w.Number) || !slices.Equal(g.Code, w.Code) || !slices.Equal(g.Levels, w.Levels) {
			t.Errorf("column %d is %+v, want %+v", i, g, w)
		}
	}
}

func TestParquet(t *testing.T) {
	type row struct {
		I int32     `parquet:"i"`
		F *float64  `parquet:"f,optional"`
		B *bool     `parquet:"b,optional"`
		S *string   `parquet:"s,optional,dict"`
		T time.Time `parquet:"t,timestamp(millisecond)"`
		L []string  `parquet:"l,list"`
	}
	half, yes, word, weird := 0.5, true, "a", nan
	path := filepath.Join(t.TempDir(), "x.parquet")
	if err := parquet.WriteFile(path, []row{{I: 1, F: &half, B: &yes, S: &word, T: time.Unix(43200, 0)}, {I: -1, F: &weird, T: time.Unix(0, 0), L: []string{"x"}}}); err != nil {
		t.Fatal(err)
	}
	got, err := frame.Read(t.Context(), path, frame.Options{})
	if err != nil {
		t.Fatal(err)
	}
	checkColumns(t, got, []frame.Column{
		{Name: "i", Kind: frame.Number, Number: []float64{1, -1}}, {Name: "f", Kind: frame.Number, Number: []float64{0.5, nan}},
		{Name: "b", Kind: frame.Bool, Number: []float64{1, nan}}, {Name: "s", Kind: frame.Text, Code: []int32{0, -1}, Levels: []string{"a"}},
		{Name: "t", Kind: frame.Time, Number: []float64{0.5, 0}}})
	if !slices.Equal(got.Ignored, []string{"l"}) {
		t.Errorf("ignored columns are %v, want l", got.Ignored)
	}
}

// A column that another tool has written without a type, because it is empty, is
// empty.
func TestColumnWithoutType(t *testing.T) {
	schema := parquet.NewSchema("x", parquet.Group{"n": parquet.Leaf(parquet.DoubleType), "void": parquet.Optional(parquet.Leaf(parquet.NullType))})
	path := filepath.Join(t.TempDir(), "x.parquet")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	w := parquet.NewWriter(f, schema)
	if _, err := w.WriteRows([]parquet.Row{{parquet.DoubleValue(1).Level(0, 0, 0), parquet.NullValue().Level(0, 0, 1)}}); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(w.Close(), f.Close()); err != nil {
		t.Fatal(err)
	}
	got, err := frame.Read(t.Context(), path, frame.Options{Like: []frame.Column{{Name: "void", Kind: frame.Text}, {Name: "n"}, {Name: "void"}}})
	if err != nil {
		t.Fatal(err)
	}
	checkColumns(t, got, []frame.Column{{Name: "void", Kind: frame.Text, Code: []int32{-1}}, {Name: "n", Number: []float64{1}}, {Name: "void", Number: []float64{nan}}})
}

// A second file is read as the first, whatever it would be by itself.
func TestLike(t *testing.T) {
	like := []frame.Column{{Name: "s", Kind: frame.Text}, {Name: "n", Kind: frame.Number}, {Name: "b", Kind: frame.Bool}, {Name: "t", Kind: frame.Time}}
	got := read(t, "more,N,s,b,t\nx,true,1,0,2011-12-08\ny,,01,true,\n", like...)
	checkColumns(t, got, []frame.Column{
		{Name: "s", Kind: frame.Text, Code: []int32{0, 1}, Levels: []string{"1", "01"}}, {Name: "n", Kind: frame.Number, Number: []float64{1, nan}},
		{Name: "b", Kind: frame.Bool, Number: []float64{0, 1}}, {Name: "t", Kind: frame.Time, Number: []float64{15316, nan}}})
	for content, want := range map[string]string{
		"s,n\n1,2\n":                  "lacks the columns b, t, which first.csv has; its columns are s, n",
		"s,n,b\n1,2,1\n":              "has no column t, which first.csv has",
		"s,n,b,t\na,1,1,\na,two,1,\n": `row 2, column "n": "two" is not a number (in first.csv the column is a number)`,
		"s,n,b,t\na,1,1,tomorrow\n":   `row 1, column "t": "tomorrow" is not a timestamp`,
		"s,n,b,t\na,1e999,1,\n":       `row 1, column "n": the number is infinite`,
	} {
		_, err := frame.Read(t.Context(), write(t, "b.csv", []byte(content)), frame.Options{Like: like, LikePath: "first.csv"})
		if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "b.csv") {
			t.Errorf("%q gives %v, want %q", content, err, want)
		}
	}
}

func TestRefuses(t *testing.T) {
	for content, want := range map[string]string{
		"":                      "is empty",
		"a,b\n":                 "a.csv has no rows",
		"a,b\n1\n":              "a.csv has no rows that can be used; row 1: the line has more or fewer cells",
		"a\n1\ninf\n":           `row 2, column "a": the number is infinite`,
		"a,a\n1,2\n":            "two columns are named",
		"a,b\n\"1,2\n":          "never ends",
		"PAR1 and then nothing": "not a whole Parquet file",
		"\x1f\x8b and so on":    "gzip",
	} {
		_, err := frame.Read(t.Context(), write(t, "a.csv", []byte(content)), frame.Options{})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q gives %v, want %q", content, err, want)
		}
	}
	if _, err := frame.Read(t.Context(), filepath.Join(t.TempDir(), "none"), frame.Options{}); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a missing file gives %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := frame.Read(ctx, write(t, "a.csv", []byte("a\n1\n")), frame.Options{}); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled reading gives %v", err)
	}
	path := filepath.Join(t.TempDir(), "inf.parquet")
	type row struct {
		X float64 `parquet:"x"`
	}
	if err := parquet.WriteFile(path, []row{{1}, {math.Inf(-1)}}); err != nil {
		t.Fatal(err)
	}
	if _, err := frame.Read(t.Context(), path, frame.Options{}); err == nil || !strings.Contains(err.Error(), `row 2, column "x": the number is infinite`) {
		t.Errorf("an infinite number in Parquet gives %v", err)
	}
}

func TestLeftOutRows(t *testing.T) {
	got := read(t, "a,b\n1,2\n3\n4,5\n")
	if got.Left.Rows != 1 || got.Left.Examples[0].Number != 2 || !slices.Equal(got.Row, []int64{1, 3}) {
		t.Errorf("rows %v, left out %+v; want 1 and 3, and row 2", got.Row, got.Left)
	}
}

// checkTable holds what every table must keep, whatever the file.
func checkTable(t *testing.T, got *frame.Table) {
	t.Helper()
	if got.Rows == 0 || len(got.Row) != got.Rows || len(got.Columns) == 0 {
		t.Fatalf("%d rows, %d numbers, %d columns", got.Rows, len(got.Row), len(got.Columns))
	}
	for _, c := range got.Columns {
		if c.Kind == frame.Text && (len(c.Code) != got.Rows || c.Number != nil) || c.Kind != frame.Text && (len(c.Number) != got.Rows || c.Code != nil) {
			t.Fatalf("column %q of %s has %d numbers and %d codes of %d rows", c.Name, c.Kind, len(c.Number), len(c.Code), got.Rows)
		}
		for i, v := range c.Number {
			if math.IsInf(v, 0) || c.Kind == frame.Bool && v != 0 && v != 1 && !math.IsNaN(v) {
				t.Errorf("column %q row %d is %v", c.Name, i, v)
			}
		}
		for i, code := range c.Code {
			if code < -1 || int(code) >= len(c.Levels) || code >= 0 && strings.TrimSpace(c.Levels[code]) == "" {
				t.Errorf("column %q row %d has code %d of %d", c.Name, i, code, len(c.Levels))
			}
		}
	}
}

// checkFile wants an error that names the file, or a whole table.
func checkFile(t *testing.T, path string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	got, err := frame.Read(ctx, path, frame.Options{})
	if errors.Is(err, context.DeadlineExceeded) {
		t.Fatal("reading does not end")
	}
	if err != nil {
		if !strings.Contains(err.Error(), path) {
			t.Errorf("error %v does not name the file", err)
		}
		return
	}
	checkTable(t, got)
}

func FuzzCSV(f *testing.F) {
	for _, s := range []string{"a,b\n1,2\n", "a;b;c\n1;true;2011-12-08\n;;\n", "\ufeffx\ty\n\"a\tb\"\tc\n", "n\n1e400\nnan\n", "a,b\n\"1,2\n", "a\n0x1p-2\n1_0\n", ";;0\n2;true;"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, content []byte) { checkFile(t, write(t, "f.csv", content)) })
}

// A damaged Parquet file gives an error or a table, never a panic or a hang.
func FuzzParquet(f *testing.F) {
	type row struct {
		I int64     `parquet:"i"`
		S string    `parquet:"s,dict"`
		T time.Time `parquet:"t,timestamp(microsecond)"`
		F *float64  `parquet:"f,optional"`
		B bool      `parquet:"b"`
	}
	half := 0.5
	var whole bytes.Buffer
	if err := parquet.Write(&whole, []row{{1, "a", time.Unix(0, 0), nil, true}, {2, "b", time.Unix(1e9, 0), &half, false}, {1, "a", time.Unix(1e9, 0), nil, true}}); err != nil {
		f.Fatal(err)
	}
	for at := 4; at < whole.Len(); at += 29 {
		f.Add(at, byte(0xff), 0)
		f.Add(at, byte(0x10), at%11)
	}
	f.Fuzz(func(t *testing.T, at int, flip byte, cut int) {
		damaged := bytes.Clone(whole.Bytes())
		if at < 0 || at >= len(damaged) || cut < 0 || cut > len(damaged) {
			t.Skip()
		}
		damaged[at] ^= flip
		checkFile(t, write(t, "f.parquet", damaged[:len(damaged)-cut]))
	})
}

package lake_test

import (
	"bytes"
	"errors"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/parquet-go/parquet-go"

	"regulars/data"
	"regulars/data/durable"
	"regulars/data/lake"
)

// consent is a file of table consents as another program would write it.
type consent struct {
	User    string    `parquet:"user_id"`
	Channel string    `parquet:"channel"`
	Granted bool      `parquet:"granted"`
	TS      time.Time `parquet:"ts,timestamp(microsecond)"`
}

var may5 = consent{"u", "email", true, time.Date(2011, 5, 5, 23, 59, 59, 999_999_000, time.UTC)}

func TestFilesOfOtherPrograms(t *testing.T) {
	type withExtra struct {
		consent
		Note  string   `parquet:"note,optional"`
		Words []string `parquet:"words,list"`
	}
	dir := t.TempDir()
	writeParquet(t, filepath.Join(dir, "lake", "consents", "a.parquet"), []consent{may5})
	writeParquet(t, filepath.Join(dir, "lake", "consents", "year=2011", "b.parquet"), []withExtra{{may5, "hello", []string{"x", "y"}}, {consent: may5}})
	for _, hidden := range []string{"_c.parquet", ".d.parquet", "_deep/e.parquet", "f.csv"} {
		writeBytes(t, filepath.Join(dir, "lake", "consents", hidden), []byte("not a consent"))
	}
	l := open(t, dir, durable.FS{})
	files, err := l.Files()
	if err != nil {
		t.Fatal(err)
	}
	if len(files) != 2 || files[0].Path != "consents/a.parquet" || files[1].Path != "consents/year=2011/b.parquet" || files[1].Rows != 2 {
		t.Fatalf("got %+v", files)
	}
	rows, s := readAll(t, l, data.Consents)
	if got := strings.Join(s.ColumnNames(), ","); got != "user_id,channel,granted,ts,note,words" {
		t.Errorf("columns %s", got)
	}
	want := []string{
		`{"a":"u","b":"email","c":true,"d":"2011-05-05T23:59:59.999999Z","e":null,"f":null}`,
		`{"a":"u","b":"email","c":true,"d":"2011-05-05T23:59:59.999999Z","e":"hello","f":["x","y"]}`,
		`{"a":"u","b":"email","c":true,"d":"2011-05-05T23:59:59.999999Z","e":null,"f":[]}`,
	}
	for i, row := range rows {
		if got := lake.RowJSON([]string{"a", "b", "c", "d", "e", "f"}, row); got != want[i] {
			t.Errorf("row %d\ngot  %s\nwant %s", i, got, want[i])
		}
	}
}

func TestBadFiles(t *testing.T) {
	type noTime struct {
		User    string `parquet:"user_id"`
		Channel string `parquet:"channel"`
		Granted bool   `parquet:"granted"`
	}
	type millis struct {
		noTime
		TS time.Time `parquet:"ts,timestamp(millisecond)"`
	}
	type number struct {
		noTime
		TS int64 `parquet:"ts"`
	}
	type noteText struct {
		consent
		Note string `parquet:"note"`
	}
	type noteNumber struct {
		consent
		Note int64 `parquet:"note"`
	}
	type noteCase struct {
		consent
		Note string `parquet:"NOTE"`
	}
	var whole bytes.Buffer
	if err := parquet.Write(&whole, []consent{may5}); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		name  string
		make  func(t *testing.T, dir string)
		parts []string
	}{
		{"truncated", func(t *testing.T, dir string) {
			writeBytes(t, dir+"/x.parquet", whole.Bytes()[:whole.Len()-20])
		}, []string{"x.parquet", "not a whole Parquet file"}},
		{"empty", func(t *testing.T, dir string) { writeBytes(t, dir+"/x.parquet", nil) }, []string{"x.parquet", "not a whole Parquet file"}},
		{"text", func(t *testing.T, dir string) {
			writeBytes(t, dir+"/x.parquet", bytes.Repeat([]byte("user_id,channel\n"), 99))
		}, []string{"x.parquet", "not a whole Parquet file"}},
		{"missing column", func(t *testing.T, dir string) { writeParquet(t, dir+"/x.parquet", []noTime{{}}) },
			[]string{"x.parquet", `required column "ts" of table consents is missing`}},
		{"milliseconds", func(t *testing.T, dir string) { writeParquet(t, dir+"/x.parquet", []millis{{}}) },
			[]string{"x.parquet", `column "ts" is int64 timestamp`, "where table consents has int64 timestamp(unit=micros)"}},
		{"number", func(t *testing.T, dir string) { writeParquet(t, dir+"/x.parquet", []number{{}}) },
			[]string{"x.parquet", `column "ts" is int64`}},
		{"two types", func(t *testing.T, dir string) {
			writeParquet(t, dir+"/x.parquet", []noteText{{}})
			writeParquet(t, dir+"/y.parquet", []noteNumber{{}})
		}, []string{"x.parquet", "y.parquet", `column "note" is a string`, "int64"}},
		{"two cases", func(t *testing.T, dir string) {
			writeParquet(t, dir+"/x.parquet", []noteText{{}})
			writeParquet(t, dir+"/y.parquet", []noteCase{{}})
		}, []string{"x.parquet", "y.parquet", `"note"`, `"NOTE"`}},
	} {
		t.Run(test.name, func(t *testing.T) {
			dir := t.TempDir()
			test.make(t, filepath.Join(dir, "lake", "consents"))
			l := open(t, dir, durable.FS{})
			_, err := l.Files(data.Consents)
			expectError(t, err, test.parts...)
			_, _, err = l.Reader(data.Consents)
			expectError(t, err, test.parts...)
			im, err := l.Begin()
			if err != nil {
				t.Fatal(err)
			}
			expectError(t, im.Write(batch(data.Consents, "f")), test.parts...)
			if err := im.Abort(); err != nil {
				t.Error(err)
			}
		})
	}
}

func writeBytes(t fataler, path string, b []byte) {
	t.Helper()
	if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, b, 0o644)); err != nil {
		t.Fatal(err)
	}
}

// An import may not bring a column in another type than the lake has it.
func TestImportOfAnotherType(t *testing.T) {
	l := open(t, t.TempDir(), durable.FS{})
	b := batch(data.Orders, "first.csv", append(order("o", data.Int(1), "u", day0), data.String("x")))
	b.Schema = b.Schema.WithExtra(data.Column{Name: "coupon", Kind: data.KindString})
	importAll(t, l, lake.Source{}, b)
	b.Schema, _ = data.SchemaOf(data.Orders)
	b.Schema = b.Schema.WithExtra(data.Column{Name: "coupon", Kind: data.KindInt})
	b.Source = "second.csv"
	im, err := l.Begin()
	if err != nil {
		t.Fatal(err)
	}
	defer im.Abort()
	expectError(t, im.Write(b), "second.csv", "-0000.parquet", `column "coupon" is a string`)
}

func TestNotFiniteIsRefused(t *testing.T) {
	type score struct {
		User  string    `parquet:"user_id"`
		TS    time.Time `parquet:"ts,timestamp(microsecond)"`
		Kind  string    `parquet:"kind"`
		Score float64   `parquet:"score,optional"`
	}
	dir := t.TempDir()
	writeParquet(t, filepath.Join(dir, "lake", "feedback", "x.parquet"), []score{{"u", may5.TS, "nps", math.NaN()}})
	r, _, err := open(t, dir, durable.FS{}).Reader(data.Feedback)
	if err != nil {
		t.Fatal(err)
	}
	_, err = drain(r)
	expectError(t, err, "x.parquet", `column "score"`, "not finite")
}

func TestSpan(t *testing.T) {
	dir := t.TempDir()
	l := open(t, dir, durable.FS{})
	if _, _, ok, err := l.Span(data.Orders); ok || err != nil {
		t.Errorf("empty lake: %v %v", ok, err)
	}
	importAll(t, l, lake.Source{}, batch(data.Consents, "f",
		data.Row{data.String("u"), data.String("sms"), data.Bool(true), data.Time(time.Date(2011, 5, 9, 0, 0, 0, 0, time.UTC))}))
	check := func(first, last string) {
		t.Helper()
		f, l, ok, err := l.Span(data.Consents)
		if err != nil || !ok || f.String() != first || l.String() != last {
			t.Errorf("%v to %v (%v, %v), want %s to %s", f, l, ok, err, first, last)
		}
	}
	check("2011-05-09", "2011-05-09")
	// A file without statistics is read.
	earlier := may5
	earlier.TS = time.Date(1999, 12, 31, 0, 0, 0, 0, time.UTC)
	writeParquet(t, filepath.Join(dir, "lake", "consents", "x.parquet"), []consent{may5, earlier}, parquet.SkipPageBounds("ts"))
	check("1999-12-31", "2011-05-09")
	if _, _, ok, err := l.Span(data.Items); ok || err != nil {
		t.Errorf("a table without ts: %v %v", ok, err)
	}
}

func TestOpen(t *testing.T) {
	dir := t.TempDir()
	_, err := lake.Open(filepath.Join(dir, "none"), durable.FS{})
	expectError(t, err, "none", "no such file")
	writeBytes(t, filepath.Join(dir, "file"), nil)
	_, err = lake.Open(filepath.Join(dir, "file"), durable.FS{})
	expectError(t, err, "not a folder")
	_, err = open(t, dir, durable.FS{}).Paths("ordres")
	expectError(t, err, `there is no table "ordres"`)
}

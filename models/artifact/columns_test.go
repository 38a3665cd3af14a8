package artifact

import (
	"bytes"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/parquet-go/parquet-go"
	"pgregory.net/rapid"
)

func TestColumnsRoundTrip(t *testing.T) {
	dir := t.TempDir()
	rapid.Check(t, func(rt *rapid.T) {
		n := rapid.IntRange(0, 40).Draw(rt, "rows")
		f32 := rapid.SliceOfN(rapid.Float32Range(-1e30, 1e30), n, n).Draw(rt, "f32")
		f64 := rapid.SliceOfN(rapid.Float64Range(-1e300, 1e300), n, n).Draw(rt, "f64")
		i32 := rapid.SliceOfN(rapid.Int32(), n, n).Draw(rt, "i32")
		i64 := rapid.SliceOfN(rapid.Int64(), n, n).Draw(rt, "i64")
		text := rapid.SliceOfN(rapid.String(), n, n).Draw(rt, "text")
		path := filepath.Join(dir, "t.parquet")
		err := WriteColumns(path, NewColumn("z", f32), NewColumn("y", f64), NewColumn("b", i32), NewColumn("a", i64), NewColumn("c", text))
		if err != nil {
			rt.Fatal(err)
		}
		got, err := ReadColumns(path)
		if err != nil {
			rt.Fatal(err)
		}
		same(rt, got, "z", f32)
		same(rt, got, "y", f64)
		same(rt, got, "b", i32)
		same(rt, got, "a", i64)
		same(rt, got, "c", text)
		for i, name := range []string{"z", "y", "b", "a", "c"} {
			if got.List[i].Name() != name {
				rt.Fatalf("column %d is %q, written as %q", i, got.List[i].Name(), name)
			}
		}
	})
}

func same[T Cell](rt *rapid.T, c *Columns, name string, want []T) {
	got, err := Values[T](c, name)
	if err != nil || len(got) != len(want) || c.Rows != len(want) {
		rt.Fatalf("column %s: %d of %d values, %v", name, len(got), len(want), err)
	}
	if len(want) > 0 && !reflect.DeepEqual(got, want) {
		rt.Fatalf("column %s: %v, want %v", name, got, want)
	}
}

// TestColumnsAcrossRowGroups writes more rows than a row group holds, twice.
func TestColumnsAcrossRowGroups(t *testing.T) {
	n := rowGroupRows + 3000
	ids, weights := make([]string, n), make([]float32, n)
	for i := range ids {
		ids[i], weights[i] = strings.Repeat("i", i%7), float32(i)/3
	}
	var files [2][]byte
	for k := range files {
		path := filepath.Join(t.TempDir(), "t.parquet")
		if err := WriteColumns(path, NewColumn("id", ids), NewColumn("w", weights)); err != nil {
			t.Fatal(err)
		}
		c, err := ReadColumns(path)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := Values[float32](c, "w"); err != nil || !reflect.DeepEqual(got, weights) {
			t.Errorf("weights differ, %v", err)
		}
		if got, err := Values[string](c, "id"); err != nil || !reflect.DeepEqual(got, ids) {
			t.Errorf("ids differ, %v", err)
		}
		if files[k], err = os.ReadFile(path); err != nil {
			t.Fatal(err)
		}
	}
	if !bytes.Equal(files[0], files[1]) {
		t.Error("the same values gave other bytes")
	}
}

func TestWriteColumnsRefuses(t *testing.T) {
	nan, inf := math.NaN(), float32(math.Inf(-1))
	cases := map[string]struct {
		cols []Column
		want string
	}{
		"nothing":  {nil, "there is no column to write"},
		"NaN":      {[]Column{NewColumn("a", []float64{0, nan})}, `column "a" row 1 is not a finite number`},
		"infinity": {[]Column{NewColumn("a", []float32{inf})}, `column "a" row 0 is not a finite number`},
		"lengths":  {[]Column{NewColumn("a", []int32{1}), NewColumn("b", []int32{1, 2})}, `column "b" has 2 rows, column "a" has 1`},
		"twice":    {[]Column{NewColumn("a", []int32{1}), NewColumn("a", []int32{1})}, `two columns are named "a"`},
		"no name":  {[]Column{NewColumn("", []int32{1})}, "a column has no name"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "t.parquet")
			if err := WriteColumns(path, c.cols...); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v, want %q", err, c.want)
			}
			if _, err := os.Stat(path); err == nil {
				t.Error("a file was written all the same")
			}
		})
	}
}

func TestReadColumnsRefuses(t *testing.T) {
	write := func(write func(path string) error) func(t *testing.T, path string) {
		return func(t *testing.T, path string) {
			if err := write(path); err != nil {
				t.Fatal(err)
			}
		}
	}
	type row struct {
		A float64 `parquet:"a"`
	}
	type optional struct {
		A *float64 `parquet:"a,optional"`
	}
	type boolean struct {
		A bool `parquet:"a"`
	}
	cases := map[string]struct {
		make func(t *testing.T, path string)
		want string
	}{
		"NaN":      {write(func(p string) error { return parquet.WriteFile(p, []row{{1}, {2}, {math.NaN()}}) }), `t.parquet: column "a" row 2 is not a finite number`},
		"optional": {write(func(p string) error { return parquet.WriteFile(p, []optional{{nil}}) }), `t.parquet: column "a": it is nested, repeated or optional`},
		"boolean":  {write(func(p string) error { return parquet.WriteFile(p, []boolean{{true}}) }), `t.parquet: column "a": its type is BOOLEAN`},
		"text":     {write(func(p string) error { return os.WriteFile(p, []byte("a,b\n1,2\n"), 0o644) }), "t.parquet is not a readable Parquet file"},
		"empty":    {write(func(p string) error { return os.WriteFile(p, nil, 0o644) }), "t.parquet is not a readable Parquet file"},
		"cut": {write(func(p string) error {
			if err := parquet.WriteFile(p, []row{{1}}); err != nil {
				return err
			}
			text, err := os.ReadFile(p)
			if err != nil {
				return err
			}
			return os.WriteFile(p, text[:len(text)-9], 0o644)
		}), "t.parquet is not a readable Parquet file"},
		"missing": {func(*testing.T, string) {}, "t.parquet"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "t.parquet")
			c.make(t, path)
			if _, err := ReadColumns(path); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v, want %q", err, c.want)
			}
		})
	}
}

func TestValuesSaysWhatIsMissing(t *testing.T) {
	path := filepath.Join(t.TempDir(), "t.parquet")
	if err := WriteColumns(path, NewColumn("a", []int32{1})); err != nil {
		t.Fatal(err)
	}
	c, err := ReadColumns(path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Values[int64](c, "a"); err == nil || !strings.Contains(err.Error(), `column "a" holds []int32, not []int64`) {
		t.Error(err)
	}
	if _, err := Values[int32](c, "b"); err == nil || !strings.Contains(err.Error(), `column "b" is missing`) {
		t.Error(err)
	}
}

// What is null in a nullable column is null to other readers, even where the
// value behind it is NaN; ReadColumns takes required columns only.
func TestNullableColumns(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.parquet")
	values, texts := []float64{1.5, math.NaN(), 3}, []string{"a", "", "c"}
	none := func(i int) bool { return i == 1 }
	if err := WriteColumns(path, NewNullable("v", values, none), NewNullable("t", texts, none)); err != nil {
		t.Fatal(err)
	}
	type row struct {
		V *float64 `parquet:"v,optional"`
		T *string  `parquet:"t,optional"`
	}
	rows, err := parquet.ReadFile[row](path)
	if err != nil || len(rows) != 3 || rows[1].V != nil || rows[1].T != nil || *rows[2].V != 3 || *rows[0].T != "a" {
		t.Errorf("%+v, %v", rows, err)
	}
	if _, err := ReadColumns(path); err == nil || !strings.Contains(err.Error(), "optional") {
		t.Errorf("ReadColumns says %v", err)
	}
	if err := WriteColumns(path, NewNullable("v", values, func(int) bool { return false })); err == nil {
		t.Error("NaN passes as a value")
	}
}

package lake_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/deprecated"

	"regulars/data"
	"regulars/data/lake"
)

// Every form of the Parquet format document that a foreign file may use, with
// the value it stands for.
func TestForeignTypes(t *testing.T) {
	type row struct {
		I32    int32            `parquet:"i32"`
		U32    uint32           `parquet:"u32"`
		U64    uint64           `parquet:"u64"`
		F32    float32          `parquet:"f32"`
		F64    float64          `parquet:"f64"`
		Bool   bool             `parquet:"bool"`
		Bytes  []byte           `parquet:"bytes"`
		Date   int32            `parquet:"date,date"`
		Millis int64            `parquet:"millis,timestamp(millisecond)"`
		Nanos  int64            `parquet:"nanos,timestamp(nanosecond)"`
		Int96  deprecated.Int96 `parquet:"int96"`
		Dec2   int32            `parquet:"dec2,decimal(2:9)"`
		Dec6   int64            `parquet:"dec6,decimal(6:18)"`
		DecF   [5]byte          `parquet:"decf,decimal(2:10)"`
		Many   []string         `parquet:"many,list"`
		Opt    *string          `parquet:"opt,optional"`
		Enum   string           `parquet:"enum,enum"`
	}
	in := row{I32: -7, U32: 4_000_000_000, U64: 1 << 63, F32: 0.5, F64: -2.25, Bool: true, Bytes: []byte("b"),
		Date: 15000, Millis: 1_300_000_000_123, Nanos: 1_300_000_000_123_456_789,
		// Julian day 2455634 is 2011-03-13 (15046 days after 1970), one second after midnight.
		Int96: deprecated.Int96{1_000_000_000, 0, 2_455_634},
		Dec2:  -1050, Dec6: 1_234_567, DecF: [5]byte{0xff, 0xff, 0xff, 0xff, 0x38}, // -200
		Many: []string{"x", ""}, Enum: "e"}
	path := filepath.Join(t.TempDir(), "x.parquet")
	writeParquet(t, path, []row{in})
	p, err := lake.OpenParquet(path)
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	want := map[string]data.Value{
		"i32": data.Int(-7), "u32": data.Int(4_000_000_000), "u64": data.String("9223372036854775808"),
		"f32": data.Float(0.5), "f64": data.Float(-2.25), "bool": data.Bool(true), "bytes": data.String("b"),
		"date": data.Time(time.Date(2011, 1, 26, 0, 0, 0, 0, time.UTC)), "millis": data.Micros(1_300_000_000_123_000),
		"nanos": data.Micros(1_300_000_000_123_456), "int96": data.Time(time.Date(2011, 3, 13, 0, 0, 1, 0, time.UTC)),
		"dec2": data.Amount(-105_000), "dec6": data.String("1.234567"), "decf": data.Amount(-20_000),
		"many": data.List([]string{"x", ""}), "opt": data.Null, "enum": data.String("e"),
	}
	var columns []int
	for i := range p.Columns() {
		columns = append(columns, i)
	}
	r, err := p.Reader(columns)
	if err != nil {
		t.Fatal(err)
	}
	rows, err := drain(r)
	if err != nil || len(rows) != 1 || len(p.Columns()) != len(want) {
		t.Fatal(err, len(rows), len(p.Columns()))
	}
	for i, c := range p.Columns() {
		if got := rows[0][i]; !got.Equal(want[c.Name]) {
			t.Errorf("%s (%s): %+v, want %+v", c.Name, c.Type, got, want[c.Name])
		}
	}
}

func TestNestedColumnsCannotBeRead(t *testing.T) {
	type inner struct{ A, B int64 }
	type row struct {
		Struct inner   `parquet:"struct"`
		Many   []inner `parquet:"many,list"`
		Rep    []int64 `parquet:"rep"`
	}
	path := filepath.Join(t.TempDir(), "x.parquet")
	writeParquet(t, path, []row{{}})
	p, err := lake.OpenParquet(path)
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	for i, c := range p.Columns() {
		if c.Kind != data.KindNull {
			t.Errorf("%s is read as %s", c.Name, c.Kind)
		}
		_, err := p.Reader([]int{i})
		expectError(t, err, "x.parquet", c.Name, "cannot be read")
	}
}

// A damaged file gives an error or rows, never a panic.
func FuzzDamagedParquet(f *testing.F) {
	var whole bytes.Buffer
	if err := parquet.Write(&whole, []consent{may5, may5}); err != nil {
		f.Fatal(err)
	}
	f.Add(0, byte(0))
	for _, at := range []int{4, 20, 40, 80, whole.Len() / 2, whole.Len() - 30, whole.Len() - 6} {
		f.Add(at, byte(0xff))
	}
	f.Fuzz(func(t *testing.T, at int, b byte) {
		damaged := bytes.Clone(whole.Bytes())
		if at < 0 || at >= len(damaged) {
			t.Skip()
		}
		damaged[at] ^= b
		path := filepath.Join(t.TempDir(), "x.parquet")
		if err := os.WriteFile(path, damaged, 0o644); err != nil {
			t.Fatal(err)
		}
		p, err := lake.OpenParquet(path)
		if err != nil {
			if !strings.Contains(err.Error(), path) {
				t.Errorf("error %v does not name the file", err)
			}
			return
		}
		defer p.Close()
		for i := range p.Columns() {
			r, err := p.Reader([]int{i})
			if err != nil {
				continue
			}
			if _, err := drain(r); err != nil && !strings.Contains(err.Error(), path) {
				t.Errorf("error %v does not name the file", err)
			}
		}
	})
}

func TestRowJSON(t *testing.T) {
	row := data.Row{data.String("a\"\n<é\xff"), data.Float(1.5), data.Amount(-5), data.Null, data.List([]string{"x", "y"}), data.Bool(true)}
	got := lake.RowJSON([]string{"s", "f", "m", "n", "l", "b", "none"}, row)
	want := "{\"s\":\"a\\\"\\n<é\\ufffd\",\"f\":1.5,\"m\":-0.0005,\"n\":null,\"l\":[\"x\",\"y\"],\"b\":true}"
	if got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

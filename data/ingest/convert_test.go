package ingest

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"regulars/data"
)

func TestConvert(t *testing.T) {
	str, us := data.String, data.Micros
	noon := time.Date(2011, 12, 8, 12, 0, 0, 0, time.UTC).UnixMicro()
	day := time.Date(2011, 12, 8, 0, 0, 0, 0, time.UTC).UnixMicro()
	for _, test := range []struct {
		in   data.Value
		to   data.Kind
		want data.Value
		err  error
	}{
		{str(" x "), data.KindString, str(" x "), nil},
		{str("17"), data.KindInt, data.Int(17), nil},
		{str("-17.00"), data.KindInt, data.Int(-17), nil},
		{str("17.5"), data.KindInt, data.Null, errNotInt},
		{str("1.000.0"), data.KindInt, data.Null, errNotInt},
		{str("9223372036854775808"), data.KindInt, data.Null, errNotInt},
		{str(" "), data.KindInt, data.Null, nil},
		{str("1e3"), data.KindFloat, data.Float(1000), nil},
		{str("NaN"), data.KindFloat, data.Null, errNotFloat},
		{str("-Inf"), data.KindFloat, data.Null, errNotFloat},
		{str("1e999"), data.KindFloat, data.Null, errNotFloat},
		{str("YES"), data.KindBool, data.Bool(true), nil},
		{str("f"), data.KindBool, data.Bool(false), nil},
		{str("2"), data.KindBool, data.Null, errNotBool},
		{str("2011-12-08"), data.KindTime, us(day), nil},
		{str("2011-12-08 12:00:00"), data.KindTime, us(noon), nil},
		{str("2011-12-08 12:00:00.000001"), data.KindTime, us(noon + 1), nil},
		{str("2011-12-08T12:00:00"), data.KindTime, us(noon), nil},
		{str("2011-12-08T20:00:00.5+08:00"), data.KindTime, us(noon + 500_000), nil},
		{str("2011-12-08 20:00:00+08:00"), data.KindTime, us(noon), nil},
		{str("2011-12-08T12:00:00Z"), data.KindTime, us(noon), nil},
		{str("2011-12-08T12:00"), data.KindTime, us(noon), nil},
		{str("2011-12-08 12:00"), data.KindTime, us(noon), nil},
		{str("2011-12-08T12:00Z"), data.KindTime, us(noon), nil},
		{str("2011-12-08T13:00:00+0100"), data.KindTime, us(noon), nil},
		{str("2011-12-08 13:00:00 +0100"), data.KindTime, us(noon), nil},
		{str("2011-12-08 03:30:00.5-0830"), data.KindTime, us(noon + 500_000), nil},
		{str("2011-12-08 13:00+01"), data.KindTime, us(noon), nil},
		{str("2011-12-08 12:00:00 UTC"), data.KindTime, us(noon), nil},
		{str("2011-12-08 12:00 UTC"), data.KindTime, us(noon), nil},
		{str("2011/12/08"), data.KindTime, us(day), nil},
		{str("2011/12/08 12:00"), data.KindTime, us(noon), nil},
		{str("2011/12/08 12:00:00"), data.KindTime, us(noon), nil},
		{str("2011/12/08 12:00:00Z"), data.KindTime, us(noon), nil},
		{str("2011/12-08"), data.KindTime, data.Null, errNotTime},
		{str("2011-12-08 UTC"), data.KindTime, data.Null, errNotTime},
		{str("2011-12-08 12:00:00 CET"), data.KindTime, data.Null, errNotTime},
		{str("2011-12-08 12:00:00+0160"), data.KindTime, data.Null, errNotTime},
		{str("2011-12-08 12:00:00+1"), data.KindTime, data.Null, errNotTime},
		{str("2011-12-08 12:00:00+"), data.KindTime, data.Null, errNotTime},
		{str("2011-12-08 25:00"), data.KindTime, data.Null, errNotTime},
		{str("08/12/2011"), data.KindTime, data.Null, errNotTime},
		{str("2011-02-29"), data.KindTime, data.Null, errNotTime},
		{str("08.12.2011"), data.KindTime, data.Null, errNotTime},
		{str("1323345600"), data.KindTime, data.Null, errNotTime},
		{str("12.5"), data.KindMoney, data.Amount(125_000), nil},
		{str("12,5"), data.KindMoney, data.Null, errNotMoney},
		{str(`["a","b;c"]`), data.KindList, data.List([]string{"a", "b;c"}), nil},
		{str(`[1]`), data.KindList, data.Null, errNotList},
		{str("a; b"), data.KindList, data.List([]string{"a", "b"}), nil},
		{data.Int(17850), data.KindString, str("17850"), nil},
		{data.Int(2), data.KindMoney, data.Amount(20_000), nil},
		{data.Int(math.MaxInt64), data.KindMoney, data.Null, errNotMoney},
		{data.Int(1), data.KindBool, data.Bool(true), nil},
		{data.Int(2), data.KindBool, data.Null, errNotBool},
		{data.Float(17850), data.KindString, str("17850"), nil},
		{data.Float(0.25), data.KindString, str("0.25"), nil},
		{data.Float(math.NaN()), data.KindString, data.Null, errNotFloat},
		{data.Float(math.Inf(1)), data.KindFloat, data.Null, errNotFloat},
		{data.Float(2.5), data.KindInt, data.Null, errNotInt},
		{data.Float(math.NaN()), data.KindInt, data.Null, errNotInt},
		{data.Float(2.55), data.KindMoney, data.Amount(25_500), nil},
		{data.Float(math.NaN()), data.KindMoney, data.Null, errNotMoney},
		{data.Bool(true), data.KindString, str("true"), nil},
		{us(noon), data.KindString, str("2011-12-08T12:00:00Z"), nil},
		{data.Amount(178_500_000), data.KindString, str("17850"), nil},
		{data.Amount(-5_000), data.KindFloat, data.Float(-0.5), nil},
		{data.Amount(15_000), data.KindInt, data.Null, errNotInt},
		{data.List(nil), data.KindList, data.List(nil), nil},
	} {
		got, err := converterOf(test.in.Kind(), test.to)(test.in)
		if !errors.Is(err, test.err) || err == nil && !got.Equal(test.want) {
			t.Errorf("%+v to %s: %+v, %v; want %+v, %v", test.in, test.to, got, err, test.want, test.err)
		}
	}
}

// Every form that is named to the user is read, as the instant that it stands for.
func TestTimeFormats(t *testing.T) {
	second := time.Date(2006, 1, 2, 15, 4, 5, 0, time.UTC)
	for _, s := range TimeFormats() {
		want := second
		switch {
		case !strings.Contains(s, ":"):
			want = second.Truncate(24 * time.Hour)
		case !strings.Contains(s, ":05"):
			want = second.Truncate(time.Minute)
		case strings.Contains(s, "+"):
			want = second.Add(-time.Hour)
		case strings.Contains(s, "."):
			want = second.Add(999_999 * time.Microsecond)
		}
		if got, err := parseTime(s); err != nil || !got.Equal(data.Time(want)) {
			t.Errorf("%q: %v, %v; want %v", s, got.Time(), err, want)
		}
	}
}

// An instant written in any layout and any offset is read as itself.
func TestTimeWithOffset(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		offset := rapid.IntRange(-14*60, 14*60).Draw(t, "minutes")
		at := time.Unix(rapid.Int64Range(31_536_000, 4_102_444_799).Draw(t, "unix"), 0).In(time.FixedZone("", offset*60))
		layout := rapid.SampledFrom([]string{"2006-01-02 15:04:05", "2006-01-02T15:04:05", "2006/01/02 15:04:05"}).Draw(t, "layout")
		s := at.Format(layout + rapid.SampledFrom([]string{"-07:00", "-0700", " -0700", "Z07:00"}).Draw(t, "zone"))
		if got, err := parseTime(s); err != nil || got.Micros() != at.UnixMicro() {
			t.Fatalf("%q: %v, %v", s, got.Time(), err)
		}
	})
}

func TestSeparator(t *testing.T) {
	for head, want := range map[string]rune{
		"a,b\n1;2;3": ',', "a;b": ';', "a\tb\r\n": '\t', "a|b": '|', "single\n": ',', "": ',',
		"\"a,b,c\";d\n": ';', "\"a\nb,c,d\";e;f\n": ';', "price, EUR;quantity;day\n": ';', "a,b;c\n": ',',
	} {
		if got := separator([]byte(head)); got != want {
			t.Errorf("%q: %q, want %q", head, got, want)
		}
	}
}

func TestNeverConvertible(t *testing.T) {
	for from, to := range map[data.Kind][]data.Kind{
		data.KindInt:   {data.KindTime, data.KindList},
		data.KindFloat: {data.KindTime, data.KindList},
		data.KindBool:  {data.KindInt, data.KindFloat, data.KindTime, data.KindMoney, data.KindList},
		data.KindTime:  {data.KindInt, data.KindFloat, data.KindBool, data.KindMoney, data.KindList},
		data.KindMoney: {data.KindTime, data.KindBool, data.KindList},
		data.KindList:  {data.KindString, data.KindInt, data.KindMoney},
	} {
		for _, k := range to {
			if converterOf(from, k) != nil {
				t.Errorf("a %s becomes a %s", from, k)
			}
		}
	}
}

func TestSnake(t *testing.T) {
	for header, want := range map[string]string{"Customer ID": "customer_id", "CustomerID": "customer_id", "order-no.": "order_no",
		"  Price (£) ": "price", "already_snake": "already_snake", "商品 编号": "商品_编号", "x2Y": "x2_y", "%": ""} {
		if got := snake(header); got != want {
			t.Errorf("snake(%q) = %q, want %q", header, got, want)
		}
		if got := snake(snake(header)); got != want {
			t.Errorf("snake is not idempotent on %q: %q", header, got)
		}
	}
}

// Whatever the text, a parsed value is of its kind and finite, and what parses
// parses to the same again from its own text form.
func FuzzConvert(f *testing.F) {
	for _, s := range []string{"", "1", "-1.5", "2011-12-08 12:00:00.5+08:00", "yes", "[\"a\"]", "a;b", "2006/01/02 15:04-0830", "NaN", "1e400", "\xff", "0x1p-2"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		for k := data.KindString; k <= data.KindList; k++ {
			v, err := converterOf(data.KindString, k)(data.String(s))
			if err != nil {
				continue
			}
			if !v.IsNull() && v.Kind() != k {
				t.Errorf("%q as %s is a %s", s, k, v.Kind())
			}
			if x := v.Float(); v.Kind() == data.KindFloat && (math.IsNaN(x) || math.IsInf(x, 0)) {
				t.Errorf("%q gave %v", s, x)
			}
			if v.Kind() == data.KindMoney {
				if again, err := parseMoney(v.Money().String()); err != nil || !again.Equal(v) {
					t.Errorf("%q gave %v, which does not parse back: %v", s, v.Money(), err)
				}
			}
		}
	})
}

// Whatever the file, reading it ends, every row has the header's width, every
// bad row carries valid JSON, and row numbers run from 1 without a gap.
func FuzzCSV(f *testing.F) {
	for _, s := range []string{"a,b\n1,2\n", "\ufeffa\n\"x\"\"y\"\n", "a,b\n1\n\"2,3\n4\n", "a\n\"x\"y\nz\n", "a,a\n", "\n\n", "a\r\n1\r\n\r\n2", "\"a\nb\",c\n1,\"x\ny\"\n",
		"a;b\n1;\"2;3\"\n", "a\tb\n1\t2\n", "a|b\n1|2|3\n"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		path := filepath.Join(t.TempDir(), "f.csv")
		if err := os.WriteFile(path, text, 0o644); err != nil {
			t.Fatal(err)
		}
		c, err := openCSV(path)
		if err != nil {
			return
		}
		defer c.close()
		var b batch
		seen, highest := int64(0), int64(0)
		for {
			err := c.next(&b)
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				if !bytes.ContainsRune(text, '"') {
					t.Errorf("an error without a quote: %v", err)
				}
				return
			}
			for i, row := range b.rows {
				if len(row) != len(c.headers) {
					t.Errorf("row of %d cells under %d headers", len(row), len(c.headers))
				}
				highest = max(highest, b.numbers[i])
			}
			for _, bad := range b.bad {
				if !json.Valid([]byte(bad.raw)) {
					t.Errorf("raw is not JSON: %s", bad.raw)
				}
				highest = max(highest, bad.number)
			}
			seen += int64(len(b.rows) + len(b.bad))
		}
		if seen != highest {
			t.Errorf("%d rows, the last numbered %d", seen, highest)
		}
	})
}

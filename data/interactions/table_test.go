package interactions_test

import (
	"bytes"
	"context"
	"errors"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/parquet-go/parquet-go"

	"regulars/data"
	"regulars/data/interactions"
)

func write(t testing.TB, name string, content []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, content, 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

func read(t *testing.T, name, content string) *interactions.Table {
	t.Helper()
	table, err := interactions.Read(t.Context(), write(t, name, []byte(content)), nil)
	if err != nil {
		t.Fatal(err)
	}
	return table
}

func day(t testing.TB, s string) int32 {
	d, err := data.ParseDay(s)
	if err != nil {
		t.Fatal(err)
	}
	return int32(d)
}

func TestCSV(t *testing.T) {
	got := read(t, "a.csv", "User ID;item_id;weight;ts;order_id;else\n"+
		"u1;\"a;b\";1.5;2011-12-08T10:00:00Z;o1;x\n"+
		" u2 ;c;2;2011-12-09;;y\n"+
		"u1;c;1e-3;1323388800;o1;z\n")
	want := &interactions.Table{Path: got.Path, Users: []string{"u1", "u2"}, Items: []string{"a;b", "c"},
		User: []int32{0, 1, 0}, Item: []int32{0, 1, 1}, Weight: []float32{1.5, 2, 1e-3}, Order: []int32{0, -1, 0},
		Day: []int32{day(t, "2011-12-08"), day(t, "2011-12-09"), day(t, "2011-12-09")}, Read: 3, Quarantine: interactions.Quarantine{File: got.Path}}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
	if plain := read(t, "b.csv", "item_id,user_id\n1,2\n"); plain.Day != nil || plain.Order != nil || plain.Weight != nil || plain.Users[0] != "2" {
		t.Errorf("without optional columns: %+v", plain)
	}
}

const badTS = "ts is not a timestamp such as 2011-12-08 or 2011-12-08T13:45:00Z, a number such as 20111208, a count of days below 2932897, " +
	"or a number of seconds, milliseconds, microseconds or nanoseconds since 1970 that is not before 1990"

func TestQuarantine(t *testing.T) {
	got := read(t, "a.csv", "user_id,item_id,weight,ts\n"+
		"u,i,1,2011-12-08\n,i,1,2011-12-08\nu, ,1,2011-12-08\nu,i,NaN,2011-12-08\nu,i,-1,2011-12-08\nu,i,0,2011-12-08\n"+
		"u,i,,2011-12-08\nu,i,1,yesterday\nu,i,1,\nu,i,1e39,2011-12-08\nu,i,1e-60,2011-12-08\nu,i,1,1e300\nu,i\nu,j,2,2011-12-08\n")
	want := map[string]int64{"user_id is empty": 1, "item_id is empty": 1, "weight is not a finite number above 0": 5, "weight is empty": 1,
		"ts is empty": 1, "the line has more or fewer cells than the header": 1,
		badTS: 2}
	if !reflect.DeepEqual(got.Quarantine.Reasons, want) || got.Quarantine.Rows != 12 || len(got.User) != 2 || got.Read != 14 {
		t.Errorf("%d of %d rows kept, quarantined %v", len(got.User), got.Read, got.Quarantine)
	}
	// Rows that cannot be split are told with their batch, before the others of it.
	if rows := got.Quarantine.Examples; len(rows) != 5 || rows[0].Row != 13 || rows[1].Row != 2 || rows[4].Row != 5 {
		t.Errorf("examples are %v", rows)
	}
}

// TestTimes holds the same instant, 8 December 2011, in every form.
func TestTimes(t *testing.T) {
	at := time.Date(2011, 12, 8, 23, 59, 59, 0, time.UTC)
	want := day(t, "2011-12-08")
	for _, text := range []string{"2011-12-08", "2011-12-08 23:59", "2011-12-08T23:59:59.5Z", "2011-12-09T07:00:00+08:00", "2011/12/08",
		"1323388799", "1323388799.9", "1323388799000", "1323388799000000", "1323388799000000000", "1.323388799e9",
		"20111208", "20111208.0"} {
		if got := read(t, "a.csv", "user_id,item_id,ts\nu,i,"+text+"\n"); got.Day[0] != want {
			t.Errorf("%s is day %v, want %v", text, data.Day(got.Day[0]), data.Day(want))
		}
	}
	if got := read(t, "a.csv", "user_id,item_id,ts\nu,i,1969-12-30\nu,i,1970-01-01\n"); !slices.Equal(got.Day, []int32{-2, 0}) {
		t.Errorf("around 1970: %v", got.Day)
	}
	if got := read(t, "a.csv", "user_id,item_id,ts\nu,i,0\nu,i,45245\nu,i,45245.6\n"); !slices.Equal(got.Day, []int32{0, 45245, 45245}) {
		t.Errorf("counts of days are read as %v", got.Day)
	}
	// Row numbers and dates that there are not are no times: as seconds, each would
	// lie in or around 1970, all on one day or a few.
	implausible := []string{"3000000", "-86401", "20231332", "20230230", "631151999", "20111208.5"}
	got := read(t, "a.csv", "user_id,item_id,ts\nu,i,631152000\nu,i,"+strings.Join(implausible, "\nu,i,")+"\n")
	if got.Quarantine.Reasons[badTS] != int64(len(implausible)) || !slices.Equal(got.Day, []int32{day(t, "1990-01-01")}) {
		t.Errorf("days %v, left out %v", got.Day, got.Quarantine.Reasons)
	}
	check := func(name string, rows any, err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		got, err := interactions.Read(t.Context(), rows.(string), nil)
		if err != nil {
			t.Errorf("%s: %v", name, err)
		} else if got.Day[0] != want || got.Users[0] != "7" || got.Items[0] != "8" {
			t.Errorf("%s: day %v of user %q and item %q", name, data.Day(got.Day[0]), got.Users[0], got.Items[0])
		}
	}
	path := func() string { return filepath.Join(t.TempDir(), "x.parquet") }
	p := path()
	check("timestamp", p, parquet.WriteFile(p, []struct {
		User int32     `parquet:"user_id"`
		Item int64     `parquet:"item_id"`
		TS   time.Time `parquet:"ts,timestamp(microsecond)"`
	}{{7, 8, at}}))
	p = path()
	check("date", p, parquet.WriteFile(p, []struct {
		User string `parquet:"user_id"`
		Item string `parquet:"item_id"`
		TS   int32  `parquet:"ts,date"`
	}{{"7", "8", want}}))
	p = path()
	check("milliseconds", p, parquet.WriteFile(p, []struct {
		User float64 `parquet:"user_id"`
		Item *int64  `parquet:"item_id,optional"`
		TS   int64   `parquet:"ts"`
	}{{7, ptr[int64](8), at.UnixMilli()}}))
	p = path()
	check("text", p, parquet.WriteFile(p, []struct {
		User string `parquet:"user_id"`
		Item string `parquet:"item_id"`
		TS   string `parquet:"ts"`
	}{{"7", "8", "2011-12-08T23:59:59Z"}}))
}

func ptr[T any](x T) *T { return &x }

func TestParquetWeightsAndNulls(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.parquet")
	type row struct {
		Item   *string `parquet:"item_id,optional"`
		Weight float64 `parquet:"weight"`
		Wide   string  `parquet:"wide"`
		User   int64   `parquet:"user_id"`
	}
	if err := parquet.WriteFile(path, []row{{ptr("a"), 1, "x", 1_000_000_000}, {nil, 1, "x", 2}, {ptr("a"), math.NaN(), "x", 2}, {ptr(""), 1, "x", 2}, {ptr("b"), 0.5, "x", 2}}); err != nil {
		t.Fatal(err)
	}
	got, err := interactions.Read(t.Context(), path, nil)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(got.Users, []string{"1000000000", "2"}) || !slices.Equal(got.Weight, []float32{1, 0.5}) ||
		got.Quarantine.Reasons["item_id is empty"] != 2 || got.Quarantine.Reasons["weight is not a finite number above 0"] != 1 {
		t.Errorf("got %+v", got)
	}
}

func TestRefuses(t *testing.T) {
	for name, c := range map[string]struct{ content, want string }{
		"missing column": {"user,item\n1,2\n", "a.csv has no column user_id; its columns are user, item"},
		"no item":        {"user_id,item\n1,2\n", "a.csv has no column item_id; its columns are user_id, item"},
		"no rows":        {"user_id,item_id\n", "a.csv has no rows"},
		"empty":          {"", "a.csv: is empty"},
		"all bad":        {"user_id,item_id\n,1\n,2\n", "a.csv: none of its 2 rows can be used; row 1: user_id is empty"},
		"cut parquet":    {"PAR1 and then nothing", "a.csv: not a whole Parquet file"},
		"utf-16":         {"\xff\xfeu\x00", "UTF-16"},
	} {
		_, err := interactions.Read(t.Context(), write(t, "a.csv", []byte(c.content)), nil)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want %q", name, err, c.want)
		}
	}
	if _, err := interactions.Read(t.Context(), filepath.Join(t.TempDir(), "none.csv"), nil); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a missing file gives %v", err)
	}
	path := filepath.Join(t.TempDir(), "x.parquet")
	type row struct {
		User string   `parquet:"user_id"`
		Item []string `parquet:"item_id,list"`
	}
	if err := parquet.WriteFile(path, []row{{"u", []string{"a"}}}); err != nil {
		t.Fatal(err)
	}
	if _, err := interactions.Read(t.Context(), path, nil); err == nil || !strings.Contains(err.Error(), `column "item_id"`) {
		t.Errorf("a list as an id gives %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := interactions.Read(ctx, write(t, "a.csv", []byte("user_id,item_id\n1,2\n")), nil); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled reading gives %v", err)
	}
}

func TestItems(t *testing.T) {
	got, err := interactions.ReadItems(t.Context(), write(t, "i.csv", []byte("item_id,Title,price,tags\na,Mug,2.50,x;y\nb,,,\na,Cup,3,\n,Jug,1,\nc,Jar,dear,\nd,Pot,-1,\n")))
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(got.IDs, []string{"a", "b"}) || !slices.Equal(got.Title, []string{"Cup", ""}) || got.Price[0] != 3 || !math.IsNaN(got.Price[1]) ||
		got.Brand != nil || len(got.Tags) != 2 || got.Quarantine.Rows != 3 {
		t.Errorf("got %+v", got)
	}
	for content, want := range map[string]string{"item_id,colour\na,red\n": "none of the columns title", "id,title\na,b\n": "no column item_id", "item_id,title\n,b\n": "no row that can be used"} {
		if _, err := interactions.ReadItems(t.Context(), write(t, "i.csv", []byte(content))); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q gives %v, want %q", content, err, want)
		}
	}
}

// checkTable holds what every table must keep, whatever the file.
func checkTable(t *testing.T, got *interactions.Table) {
	t.Helper()
	n := len(got.User)
	if n == 0 || len(got.Item) != n || got.Day != nil && len(got.Day) != n || got.Weight != nil && len(got.Weight) != n || got.Order != nil && len(got.Order) != n {
		t.Fatalf("columns of different length: %d users, %d items, %d days, %d weights, %d orders", n, len(got.Item), len(got.Day), len(got.Weight), len(got.Order))
	}
	if int64(n)+got.Quarantine.Rows != got.Read {
		t.Errorf("%d rows read, %d kept and %d quarantined", got.Read, n, got.Quarantine.Rows)
	}
	for i := range n {
		if u, it := got.Users[got.User[i]], got.Items[got.Item[i]]; strings.TrimSpace(u) == "" || strings.TrimSpace(it) == "" {
			t.Errorf("row of user %q and item %q", u, it)
		}
		if got.Weight != nil && !(got.Weight[i] > 0 && got.Weight[i] <= math.MaxFloat32) {
			t.Errorf("weight %v", got.Weight[i])
		}
	}
}

// Whatever the text, reading gives an error that names the file, or a table
// whose counts add up.
func FuzzCSV(f *testing.F) {
	for _, s := range []string{"user_id,item_id\n1,2\n", "user_id;item_id;ts;weight;order_id\n1;2;2011-12-08;1;o\n", "\ufeffuser_id\titem_id\n\"a\tb\"\tc\n",
		"user_id,item_id,ts\n1,2,1e18\n1,2,-1e18\n", "user_id,item_id,weight\n1,2,1e400\n1,2,nan\n", "user_id,item_id\n\"1,2\n"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, content []byte) { checkFile(t, write(t, "f.csv", content)) })
}

func checkFile(t *testing.T, path string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	got, err := interactions.Read(ctx, path, nil)
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		t.Fatal("reading does not end")
	case err != nil && !strings.Contains(err.Error(), path):
		t.Errorf("error %v does not name the file", err)
	case err == nil:
		checkTable(t, got)
	}
}

// A damaged Parquet file gives an error or rows, never a panic or a hang.
func FuzzParquet(f *testing.F) {
	type row struct {
		User   int64     `parquet:"user_id"`
		Item   string    `parquet:"item_id,dict"`
		TS     time.Time `parquet:"ts,timestamp(millisecond)"`
		Weight *float64  `parquet:"weight,optional"`
	}
	var whole bytes.Buffer
	if err := parquet.Write(&whole, []row{{1, "a", time.Unix(0, 0), nil}, {2, "b", time.Unix(1e9, 0), ptr(2.5)}, {1, "a", time.Unix(1e9, 0), ptr(1.0)}}); err != nil {
		f.Fatal(err)
	}
	f.Add(0, byte(0), 0)
	for at := 4; at < whole.Len(); at += 37 {
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

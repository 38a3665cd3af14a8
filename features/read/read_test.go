package read_test

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/parquet-go/parquet-go"
	"pgregory.net/rapid"

	"regulars/data"
	"regulars/features"
	"regulars/features/matrix"
	"regulars/features/read"
)

const asOf data.Day = 15000

// write stores rows as a feature table, several row groups and pages long when
// there are more than a few rows.
func write[T any](t testing.TB, root, entity, group string, rows []T) string {
	t.Helper()
	path := features.Path(root, entity, group, asOf)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := parquet.WriteFile(path, rows, parquet.MaxRowsPerRowGroup(1000), parquet.PageBufferSize(512)); err != nil {
		t.Fatal(err)
	}
	return path
}

type rfm struct {
	User    string   `parquet:"user_id,optional"`
	Recency *int32   `parquet:"recency_days,optional"`
	Segment string   `parquet:"segment,optional"`
	Spend   *float64 `parquet:"monetary,optional"`
	Active  *bool    `parquet:"active,optional"`
	Seen    int32    `parquet:"seen,date"`
}

type gaps struct {
	User string   `parquet:"user_id,dict,optional"`
	Mean *float64 `parquet:"gap_mean_days,optional"`
}

func ptr[T any](v T) *T { return &v }

// same compares tables, NaN equal to NaN.
func same(a, b []float64) bool {
	return slices.EqualFunc(a, b, func(x, y float64) bool { return x == y || math.IsNaN(x) && math.IsNaN(y) })
}

func TestUsers(t *testing.T) {
	root := t.TempDir()
	write(t, root, "user", "rfm", []rfm{{"ann", ptr[int32](3), "a", ptr(2.5), ptr(true), 1}, {"bob", nil, "b", nil, ptr(false), 2}})
	write(t, root, "user", "gaps", []gaps{{"ann", nil}, {"cat", ptr(7.0)}})
	write(t, root, "user", "label_order_h90g0", []gaps{{"ann", ptr(1.0)}})
	nan := math.NaN()
	buyers, err := read.Users(root, nil, asOf)
	if want := []float64{nan, 3, 2.5, 1, nan, nan, nan, 0}; err != nil || !slices.Equal(buyers.IDs, []string{"ann", "bob"}) || !same(buyers.X.Data, want) {
		t.Errorf("those who have bought: %v (%v)", buyers, err)
	}
	table, err := read.Users(root, []string{"rfm", "gaps"}, asOf)
	if err != nil {
		t.Fatal(err)
	}
	if want := []string{"ann", "bob", "cat"}; !slices.Equal(table.IDs, want) {
		t.Errorf("ids %v, want %v", table.IDs, want)
	}
	if want := []string{"gap_mean_days", "recency_days", "monetary", "active"}; !slices.Equal(table.X.Names, want) {
		t.Errorf("features %v, want %v", table.X.Names, want)
	}
	if want := []float64{nan, 3, 2.5, 1, nan, nan, nan, 0, 7, nan, nan, nan}; table.X.Rows != 3 || !same(table.X.Data, want) {
		t.Errorf("values %v, want %v", table.X.Data, want)
	}
	if want := []string{"rfm.segment", "rfm.seen"}; !slices.Equal(table.Skipped, want) {
		t.Errorf("skipped %v, want %v", table.Skipped, want)
	}
	if one, err := read.Users(root, []string{"gaps"}, asOf); err != nil || len(one.IDs) != 2 {
		t.Errorf("one group: %v, %v", one, err)
	}
}

func TestUsersRefuses(t *testing.T) {
	tests := []struct {
		name string
		rows []gaps
		want string
	}{
		{"infinity", []gaps{{"a", nil}, {"b", ptr(math.Inf(1))}}, "column gap_mean_days: row 2: +Inf is not a finite number"},
		{"NaN that is no null", []gaps{{"a", ptr(math.NaN())}}, "column gap_mean_days: row 1: NaN is not a finite number"},
		{"twice", []gaps{{"a", nil}, {"a", nil}}, `row 2 ("a") does not come after row 1`},
		{"unsorted", []gaps{{"b", nil}, {"a", nil}}, `row 2 ("a") does not come after row 1 ("b")`},
		{"null id", []gaps{{"a", nil}, {"", nil}}, "column user_id: row 2 is null"},
	}
	for _, test := range tests {
		root := t.TempDir()
		path := write(t, root, "user", "gaps", test.rows)
		_, err := read.Users(root, nil, asOf)
		if err == nil || !strings.Contains(err.Error(), test.want) || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: error %v, want one with %s and %q", test.name, err, path, test.want)
		}
	}
}

func TestMissing(t *testing.T) {
	root := t.TempDir()
	write(t, root, "user", "gaps", []gaps{{"a", nil}})
	write(t, root, "user", "again", []gaps{{"a", nil}})
	if _, err := read.Users(root, []string{"rfm"}, asOf); !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), "user/rfm has no table at 2011-01-26") {
		t.Errorf("group that is not there: %v", err)
	}
	if _, err := read.Users(root, nil, asOf+1); err == nil || !strings.Contains(err.Error(), "2011-01-27") {
		t.Errorf("date without tables: %v", err)
	}
	if _, err := read.Users(root, nil, asOf); err == nil || !strings.Contains(err.Error(), "gap_mean_days of group gaps") {
		t.Errorf("two features of one name: %v", err)
	}
	if _, err := read.Labels(root, "gaps", asOf); err == nil || !strings.Contains(err.Error(), "no column orders") {
		t.Errorf("label table without its columns: %v", err)
	}
}

type label struct {
	User    string   `parquet:"user_id,optional"`
	Orders  int64    `parquet:"orders,optional"`
	Spend   *float64 `parquet:"spend,optional"`
	Ordered bool     `parquet:"ordered"`
}

func TestLabels(t *testing.T) {
	root := t.TempDir()
	write(t, root, "user", "label_x", []label{{"a", 2, ptr(9.5), true}, {"b", 0, ptr(0.0), false}})
	l, err := read.Labels(root, "label_x", asOf)
	if err == nil {
		t.Fatalf("a null (parquet's zero of an optional number) is read as a label: %v", l)
	}
	type required struct {
		User    string  `parquet:"user_id"`
		Orders  int64   `parquet:"orders"`
		Spend   float64 `parquet:"spend"`
		Ordered bool    `parquet:"ordered"`
	}
	write(t, root, "user", "label_y", []required{{"a", 2, 9.5, true}, {"b", 0, 0, false}})
	if l, err = read.Labels(root, "label_y", asOf); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(l.IDs, []string{"a", "b"}) || !slices.Equal(l.Ordered, []bool{true, false}) || !slices.Equal(l.Orders, []float64{2, 0}) || !slices.Equal(l.Spend, []float64{9.5, 0}) {
		t.Errorf("labels %+v", l)
	}
}

// plain and coded are the same purchases, without and with dictionaries.
type plain struct {
	User     string `parquet:"user_id,optional"`
	Item     string `parquet:"item_id,optional"`
	Day      int32  `parquet:"day"`
	Orders   int64  `parquet:"orders"`
	Quantity int64  `parquet:"quantity"`
}

type coded struct {
	User     string `parquet:"user_id,dict,optional"`
	Item     string `parquet:"item_id,dict"`
	Day      int32  `parquet:"day,dict"`
	Orders   int64  `parquet:"orders,dict,optional"`
	Quantity int64  `parquet:"quantity"`
}

// TestPurchases: whatever the encoding, the columns give the events that
// sorting the rows one by one gives.
func TestPurchases(t *testing.T) {
	root := t.TempDir()
	rapid.Check(t, func(rt *rapid.T) {
		keys := rapid.SliceOfNDistinct(rapid.Custom(func(t *rapid.T) plain {
			return plain{User: fmt.Sprint("u", rapid.IntRange(0, 300).Draw(t, "u")), Item: fmt.Sprint("i", rapid.IntRange(0, 40).Draw(t, "i")), Day: int32(rapid.IntRange(-3, 3).Draw(t, "day"))}
		}), 0, 3000, func(p plain) plain { return p }).Draw(rt, "keys")
		slices.SortFunc(keys, func(a, b plain) int {
			return strings.Compare(fmt.Sprintf("%s\x00%s\x00%09d", a.User, a.Item, a.Day+3), fmt.Sprintf("%s\x00%s\x00%09d", b.User, b.Item, b.Day+3))
		})
		codes := make([]coded, len(keys))
		var users, items []string
		for i := range keys {
			keys[i].Orders = int64(i%5 + 1)
			codes[i] = coded(keys[i])
			users, items = append(users, keys[i].User), append(items, keys[i].Item)
		}
		u, it := matrix.NewVocabulary(users), matrix.NewVocabulary(items)
		var list []matrix.Event
		for _, k := range keys {
			a, _ := u.Lookup(k.User)
			b, _ := it.Lookup(k.Item)
			list = append(list, matrix.Event{User: a, Item: b, Day: k.Day, Weight: float32(k.Orders)})
		}
		want, err := matrix.NewEvents(u.Len(), it.Len(), list)
		if err != nil {
			rt.Fatal(err)
		}
		check := func() {
			got, err := read.Purchases(root, asOf)
			if err != nil {
				rt.Fatal(err)
			}
			e := got.Events
			if !slices.Equal(got.Users.IDs(), u.IDs()) || !slices.Equal(got.Items.IDs(), it.IDs()) || !slices.Equal(e.Indptr, want.Indptr) ||
				!slices.Equal(e.Item, want.Item) || !slices.Equal(e.Day, want.Day) || !slices.Equal(e.Weight, want.Weight) {
				rt.Fatalf("%d purchases read differently from how they were written", len(keys))
			}
		}
		write(t, root, "user_item", "purchases", keys)
		check()
		write(t, root, "user_item", "purchases", codes)
		check()
	})
}

func TestPurchasesRefuses(t *testing.T) {
	tests := []struct {
		rows []plain
		want string
	}{
		{[]plain{{"b", "x", 1, 1, 1}, {"a", "x", 1, 1, 1}}, "interaction 1 does not come after"},
		{[]plain{{"a", "x", 1, 1, 1}, {"a", "x", 1, 1, 1}}, "interaction 1 does not come after"},
		{[]plain{{"a", "x", 1, 0, 1}}, "interaction 0 has weight 0"},
		{[]plain{{"a", "x", 1, 1, 1}, {"b", "", 1, 1, 1}}, "column item_id: row 2 is null"},
	}
	for _, test := range tests {
		root := t.TempDir()
		path := write(t, root, "user_item", "purchases", test.rows)
		if _, err := read.Purchases(root, asOf); err == nil || !strings.Contains(err.Error(), test.want) || !strings.Contains(err.Error(), path) {
			t.Errorf("error %v, want one with %s and %q", err, path, test.want)
		}
	}
}

// TestDamaged: a file cut anywhere is an error; a file with one flipped bit is
// at worst another answer (pages carry no checksum), never a panic.
func TestDamaged(t *testing.T) {
	root := t.TempDir()
	rows := make([]coded, 3000)
	for i := range rows {
		rows[i] = coded{User: fmt.Sprintf("u%06d", i/3), Item: fmt.Sprint("x", i%3), Day: 1, Orders: 1}
	}
	path := write(t, root, "user_item", "purchases", rows)
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	readAs := func(content []byte) error {
		if err := os.WriteFile(path, content, 0o644); err != nil {
			t.Fatal(err)
		}
		_, err := read.Purchases(root, asOf)
		return err
	}
	for cut := 0; cut < len(whole); cut += 1 + len(whole)/60 {
		if err := readAs(whole[:cut]); err == nil || !strings.Contains(err.Error(), path) {
			t.Errorf("file cut to %d of %d bytes: error %v", cut, len(whole), err)
		}
	}
	refused := 0
	for i := range 300 {
		flipped := bytes.Clone(whole)
		flipped[len(whole)-1-i*31%3000] ^= 1 << (i % 8) // in the footer, which has the most to break
		if readAs(flipped) != nil {
			refused++
		}
	}
	if refused == 0 {
		t.Error("no flipped bit of the footer is noticed")
	}
}

// BenchmarkPurchases reports rows a second, and how many times faster that is
// than parquet-go's generic reader of the same rows.
func BenchmarkPurchases(b *testing.B) {
	root := b.TempDir()
	rows := make([]coded, 500_000)
	for i := range rows {
		rows[i] = coded{User: fmt.Sprintf("u%07d", i/20), Item: fmt.Sprintf("i%05d", i%20*7+i/20%100*200), Day: int32(i % 700), Orders: 1}
	}
	slices.SortFunc(rows, func(x, y coded) int { return strings.Compare(x.User+x.Item, y.User+y.Item) })
	path := write(b, root, "user_item", "purchases", rows[:1])
	if err := parquet.WriteFile(path, rows, parquet.MaxRowsPerRowGroup(122_880)); err != nil { // as the engine writes
		b.Fatal(err)
	}
	var generic time.Duration
	for b.Loop() {
		if _, err := read.Purchases(root, asOf); err != nil {
			b.Fatal(err)
		}
		b.StopTimer()
		start := time.Now()
		if _, err := parquet.ReadFile[coded](path); err != nil {
			b.Fatal(err)
		}
		generic += time.Since(start)
		b.StartTimer()
	}
	perOp := float64(b.Elapsed().Nanoseconds()) / float64(b.N)
	b.ReportMetric(float64(len(rows))/perOp*1e9, "rows/s")
	b.ReportMetric(float64(generic.Nanoseconds())/float64(b.N)/perOp, "generic/ours")
}

func TestTexts(t *testing.T) {
	root := t.TempDir()
	write(t, root, "user", "rfm", []rfm{{User: "a", Segment: "new"}, {User: "b", Segment: "lost"}, {User: "c", Segment: "new"}})
	ids, values, err := read.Texts(root, "rfm", "segment", asOf)
	if err != nil || !slices.Equal(ids, []string{"a", "b", "c"}) || !slices.Equal(values, []string{"new", "lost", "new"}) {
		t.Errorf("%v %v, %v", ids, values, err)
	}
	path := write(t, root, "user", "rfm", []rfm{{User: "a", Segment: "new"}, {User: "b"}})
	if _, _, err := read.Texts(root, "rfm", "segment", asOf); err == nil || !strings.Contains(err.Error(), path) || !strings.Contains(err.Error(), "row 2 is null") {
		t.Errorf("a null gives %v", err)
	}
	if _, _, err := read.Texts(root, "rfm", "state", asOf); err == nil || !strings.Contains(err.Error(), "state") {
		t.Errorf("no such column gives %v", err)
	}
}

package read_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/parquet-go/parquet-go"

	"regulars/features/read"
)

type weighted struct {
	User     string   `parquet:"user_id,dict,optional"`
	Item     string   `parquet:"item_id,dict,optional"`
	Views    int64    `parquet:"views"`
	Purchase *float64 `parquet:"purchase_weight,optional"`
	View     float64  `parquet:"view_weight,dict"`
}

func TestInteractionWeights(t *testing.T) {
	root := t.TempDir()
	number := func(x float64) *float64 { return &x }
	write(t, root, "user_item", "interactions", []weighted{
		{"ann", "cup", 3, number(0.5), 0}, {"ann", "tea", 0, nil, 1.5}, {"bob", "pot", 1, number(0), 2.5}, {"cat", "cup", 2, number(2), 1.5}})
	for column, want := range map[string]string{
		"purchase_weight": "[0 1 1 2] [0 0] [0.5 2]",
		"view_weight":     "[0 1 2 3] [2 1 0] [1.5 2.5 1.5]",
		"views":           "[0 1 2 3] [0 1 0] [3 1 2]",
	} {
		w, err := read.InteractionWeights(root, column, asOf)
		if err != nil {
			t.Fatal(err)
		}
		if got := fmt.Sprint(w.CSR.Indptr, w.CSR.Indices, w.CSR.Values); got != want || w.CSR.Rows != 3 || w.CSR.Cols != 3 || !slices.Equal(w.Items.IDs(), []string{"cup", "pot", "tea"}) {
			t.Errorf("%s: %s, want %s (items %v)", column, got, want, w.Items.IDs())
		}
	}
	for _, test := range []struct {
		rows         []weighted
		column, want string
	}{
		{[]weighted{{"b", "x", 1, nil, 1}, {"a", "x", 1, nil, 1}}, "views", "row 2 does not come after row 1"},
		{[]weighted{{"a", "x", -1, nil, 1}}, "views", "row 1 is -1: a weight is finite and not below 0"},
		{[]weighted{{"a", "x", 1, nil, 1e300}}, "view_weight", "row 1 is 1e+300"},
		{[]weighted{{"a", "x", 1, nil, 1}}, "likes", "has no plain column likes"},
		{[]weighted{{"a", "x", 1, nil, 1}}, "item_id", "not a number"},
	} {
		path := write(t, root, "user_item", "interactions", test.rows)
		if _, err := read.InteractionWeights(root, test.column, asOf); err == nil || !strings.Contains(err.Error(), test.want) || !strings.Contains(err.Error(), path) {
			t.Errorf("error %v, want one with %q", err, test.want)
		}
	}
}

// BenchmarkInteractionWeights reads a table as the engine writes it into a CSR on
// one core at a time, and reports rows a second.
func BenchmarkInteractionWeights(b *testing.B) {
	root := b.TempDir()
	rows := make([]weighted, 1_000_000)
	half := 0.5
	for i := range rows {
		rows[i] = weighted{User: fmt.Sprintf("u%07d", i/20), Item: fmt.Sprintf("i%05d", i%20*7+i/20%100*200), Views: 1, Purchase: &half, View: float64(i%977) / 977}
	}
	slices.SortFunc(rows, func(x, y weighted) int { return strings.Compare(x.User+x.Item, y.User+y.Item) })
	path := write(b, root, "user_item", "interactions", rows[:1])
	if err := parquet.WriteFile(path, rows, parquet.MaxRowsPerRowGroup(122_880)); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if _, err := read.InteractionWeights(root, "view_weight", asOf); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(len(rows))*float64(b.N)/b.Elapsed().Seconds(), "rows/s")
}

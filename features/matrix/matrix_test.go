package matrix_test

import (
	"math"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"regulars/features/matrix"
)

func TestVocabulary(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		ids := rapid.SliceOf(rapid.SampledFrom([]string{"", "a", "B", "aa", "é", "10", "9", "\xff"})).Draw(t, "ids")
		v := matrix.NewVocabulary(ids)
		if !slices.IsSorted(v.IDs()) || len(v.IDs()) != v.Len() {
			t.Fatalf("ids %q are not in byte order", v.IDs())
		}
		for _, id := range ids {
			i, ok := v.Lookup(id)
			if !ok || v.ID(i) != id {
				t.Fatalf("id %q has number %d (%v), which is %q", id, i, ok, v.ID(i))
			}
		}
		distinct := map[string]bool{}
		for _, id := range ids {
			distinct[id] = true
		}
		if v.Len() != len(distinct) {
			t.Fatalf("%d ids, want %d", v.Len(), len(distinct))
		}
	})
	v := matrix.NewVocabulary([]string{"b", "a"})
	if _, ok := v.Lookup("c"); ok {
		t.Error("an unknown id is found")
	}
	if _, err := v.Require("c"); err == nil || !strings.Contains(err.Error(), `"c"`) {
		t.Errorf("an unknown id that must be known: %v", err)
	}
}

func TestDense(t *testing.T) {
	d := matrix.NewDense(3, []string{"x", "y"})
	copy(d.Data, []float64{1, 2, 3, 4, 5, 6})
	if !slices.Equal(d.Row(1), []float64{3, 4}) || !slices.Equal(d.Column(1), []float64{2, 4, 6}) || d.Cols() != 2 {
		t.Errorf("row 1 is %v, column 1 is %v", d.Row(1), d.Column(1))
	}
	if got := append(d.Row(0), 9); d.Data[2] != 3 {
		t.Errorf("appending to a row (%v) overwrote the next", got)
	}
	taken := d.Take([]int{2, 0, 2})
	if taken.Rows != 3 || !slices.Equal(taken.Data, []float64{5, 6, 1, 2, 5, 6}) {
		t.Errorf("rows 2, 0, 2 are %v", taken.Data)
	}
	both, err := matrix.Append(d, taken)
	if err != nil || both.Rows != 6 || !slices.Equal(both.Row(3), []float64{5, 6}) {
		t.Errorf("appended: %+v, %v", both, err)
	}
	if _, err := matrix.Append(d, matrix.NewDense(1, []string{"x", "z"})); err == nil {
		t.Error("tables of different features are appended")
	}
}

// drawEvents draws interactions of 6 users and 5 items.
func drawEvents(t *rapid.T) []matrix.Event {
	return rapid.SliceOf(rapid.Custom(func(t *rapid.T) matrix.Event {
		return matrix.Event{User: rapid.Int32Range(0, 5).Draw(t, "user"), Item: rapid.Int32Range(0, 4).Draw(t, "item"),
			Day: rapid.Int32Range(-5, 5).Draw(t, "day"), Weight: float32(rapid.IntRange(1, 8).Draw(t, "weight"))}
	})).Draw(t, "events")
}

// TestEvents compares the compressed form with loops over the plain list.
func TestEvents(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		list := drawEvents(t)
		from, to := rapid.Int32Range(-6, 6).Draw(t, "from"), rapid.Int32Range(-6, 6).Draw(t, "to")
		var all, between [6][5]float32
		inside := 0
		for _, e := range list {
			all[e.User][e.Item] += e.Weight
			if from <= e.Day && e.Day < to {
				between[e.User][e.Item] += e.Weight
				inside++
			}
		}
		events, err := matrix.NewEvents(6, 5, list)
		if err != nil {
			t.Fatal(err)
		}
		for u := range 6 {
			h := events.History(u)
			for i := 1; i < len(h.Item); i++ {
				if h.Item[i] < h.Item[i-1] || h.Item[i] == h.Item[i-1] && h.Day[i] < h.Day[i-1] {
					t.Fatalf("history %+v is not sorted by item and day", h)
				}
			}
		}
		some := events.Between(from, to)
		if events.Len() != len(list) || some.Len() != inside {
			t.Fatalf("%d events of %d, %d of %d between", events.Len(), len(list), some.Len(), inside)
		}
		if spread(events.CSR()) != all || spread(some.CSR()) != between {
			t.Fatalf("sums differ: %v want %v, between %v want %v", spread(events.CSR()), all, spread(some.CSR()), between)
		}
		transposed := events.CSR().Transpose()
		for c := range 5 {
			cols, vals := transposed.Row(c)
			for i, u := range cols {
				if vals[i] != all[u][c] || i > 0 && cols[i-1] >= u {
					t.Fatalf("row %d of the transpose is %v %v", c, cols, vals)
				}
			}
		}
		if back := transposed.Transpose(); spread(back) != all || back.NNZ() != transposed.NNZ() || back.Rows != 6 || back.Cols != 5 {
			t.Fatalf("transposed twice: %+v", back)
		}
	})
}

// spread writes a CSR matrix of 6 × 5 out in full.
func spread(m *matrix.CSR) (out [6][5]float32) {
	for r := range m.Rows {
		cols, vals := m.Row(r)
		for i, c := range cols {
			out[r][c] = vals[i]
		}
	}
	return out
}

func TestEventsRefuse(t *testing.T) {
	for _, e := range []matrix.Event{
		{User: -1, Weight: 1}, {User: 6, Weight: 1}, {Item: 5, Weight: 1}, {Item: -1, Weight: 1},
		{}, {Weight: -1}, {Weight: float32(math.NaN())}, {Weight: float32(math.Inf(1))},
	} {
		if _, err := matrix.NewEvents(6, 5, []matrix.Event{{Weight: 1}, e}); err == nil || !strings.Contains(err.Error(), "interaction 1") {
			t.Errorf("%+v: error %v", e, err)
		}
		if _, err := matrix.NewEventsFromColumns(6, 5, []int32{e.User}, []int32{e.Item}, []int32{0}, []float32{e.Weight}); err == nil {
			t.Errorf("%+v as a column is accepted", e)
		}
	}
}

func TestEventsFromColumns(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		list := drawEvents(t)
		slices.SortFunc(list, func(a, b matrix.Event) int {
			return int((a.User-b.User)*1000 + (a.Item-b.Item)*100 + (a.Day - b.Day))
		})
		var user, item, day []int32
		var weight []float32
		ascending := true
		for i, e := range list {
			user, item, day, weight = append(user, e.User), append(item, e.Item), append(day, e.Day), append(weight, e.Weight)
			if i > 0 && list[i-1].User == e.User && list[i-1].Item == e.Item && list[i-1].Day == e.Day {
				ascending = false
			}
		}
		got, err := matrix.NewEventsFromColumns(6, 5, user, item, day, weight)
		if ascending != (err == nil) {
			t.Fatalf("each once: %v, error %v", ascending, err)
		}
		if err != nil {
			return
		}
		want, err := matrix.NewEvents(6, 5, list)
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(got.Indptr, want.Indptr) || !slices.Equal(got.Item, want.Item) || !slices.Equal(got.Day, want.Day) || !slices.Equal(got.Weight, want.Weight) {
			t.Fatalf("columns give %+v, the list %+v", got, want)
		}
	})
	if _, err := matrix.NewEventsFromColumns(2, 2, []int32{1, 0}, []int32{0, 0}, []int32{0, 0}, []float32{1, 1}); err == nil || !strings.Contains(err.Error(), "interaction 1") {
		t.Errorf("users out of order: %v", err)
	}
	if _, err := matrix.NewEventsFromColumns(2, 2, []int32{1}, nil, nil, nil); err == nil {
		t.Error("columns of different length are accepted")
	}
}

package tifuknn_test

import (
	"errors"
	"math"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"regulars/features/matrix"
	"regulars/models"
	"regulars/models/tifuknn"
)

// baskets of six customers, oldest first.
var baskets = [][][]int32{
	{{0, 1}, {1, 2}, {0, 2, 3}},
	{{1}, {1, 4}, {0, 1}, {2}, {1, 5}},
	{{6, 0}, {6}, {6, 5}, {0}},
	{{2, 3}, {3}},
	{{4}},
	{{0, 1, 2}, {1, 2}, {2, 0}, {5}, {0, 6}, {1}},
}

func ofBaskets(user int32, list [][]int32) []matrix.Event {
	var out []matrix.Event
	for b, items := range list {
		for _, it := range items {
			out = append(out, matrix.Event{User: user, Item: it, Day: int32(10*b) + user, Weight: float32(1 + b)})
		}
	}
	return out
}

func paper(similarity string) tifuknn.Options {
	return tifuknn.Options{GroupSize: 2, WithinDecay: 0.9, GroupDecay: 0.7, Neighbours: 3, Similarity: similarity}
}

func fit(t testing.TB, similarity string) *tifuknn.Model {
	t.Helper()
	var list []matrix.Event
	for u, b := range baskets {
		list = append(list, ofBaskets(int32(u), b)...)
	}
	list = append(list, matrix.Event{User: 1, Item: 1, Day: 1, Weight: 1}) // a second purchase on one day
	ev, err := matrix.NewEvents(len(baskets), 7, list)
	if err != nil {
		t.Fatal(err)
	}
	m, err := tifuknn.Fit(t.Context(), ev, 100, paper(similarity), nil)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// The expected vectors and predictions come from a transcription of sections 4.1
// and 4.2 of the paper into numpy, dense and basket by basket: m = 2, r_b = 0.9,
// r_g = 0.7, k = 3, α = 0.7.
func TestAgainstThePaper(t *testing.T) {
	m := fit(t, tifuknn.Euclidean)
	for u, want := range [][]float64{
		{0.6, 0.575, 0.475, 0.25, 0, 0, 0},
		{0.11666667, 0.55166667, 0.15, 0, 0.105, 0.16666667, 0},
		{0.4075, 0, 0, 0, 0, 0.225, 0.5575},
		{0, 0, 0.45, 0.95, 0, 0, 0},
		{0, 0, 0, 0, 1, 0, 0},
		{0.3285, 0.32183333, 0.26016667, 0, 0, 0.11666667, 0.15},
	} {
		got := make([]float32, 7)
		items, values := m.Vectors.Row(u)
		for i, it := range items {
			got[it] = values[i]
		}
		requireNear(t, "vector", got, want)
	}
	for _, c := range []struct {
		similarity string
		baskets    [][]int32
		want       []float64
	}{
		{tifuknn.Euclidean, baskets[0], []float64{0.52451667, 0.54735, 0.42101667, 0.2, 0.0105, 0.02833333, 0.015}},
		{tifuknn.Cosine, baskets[0], []float64{0.52451667, 0.54735, 0.42101667, 0.2, 0.0105, 0.02833333, 0.015}},
		{tifuknn.Euclidean, [][]int32{{3}, {0, 4}}, []float64{0.4236, 0.03218333, 0.02601667, 0.315, 0.45, 0.03416667, 0.07075}},
		{tifuknn.Cosine, [][]int32{{3}, {0, 4}}, []float64{0.41, 0.0575, 0.0925, 0.435, 0.45, 0, 0}},
	} {
		ev, err := matrix.NewEvents(1, 7, ofBaskets(0, c.baskets))
		if err != nil {
			t.Fatal(err)
		}
		dst := make([]float32, 7)
		if err := fit(t, c.similarity).Score(ev.History(0), 100, dst); err != nil {
			t.Fatal(err)
		}
		requireNear(t, c.similarity, dst, c.want)
	}
}

func requireNear(t *testing.T, what string, got []float32, want []float64) {
	t.Helper()
	for i, x := range got {
		if math.Abs(float64(x)-want[i]) > 1e-6 {
			t.Errorf("%s: item %d is %v, want %v", what, i, x, want[i])
		}
	}
}

// Neighbours found through shared items and by length alone must be those of a
// search over everybody.
func TestNeighboursAgainstAllPairs(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		users, k := rapid.IntRange(1, 12).Draw(t, "users"), rapid.IntRange(1, 14).Draw(t, "k")
		list := []matrix.Event{{User: 0, Item: 0, Weight: 1}}
		for range rapid.IntRange(0, 40).Draw(t, "purchases") {
			list = append(list, matrix.Event{User: rapid.Int32Range(0, int32(users-1)).Draw(t, "user"), Item: rapid.Int32Range(0, 7).Draw(t, "item"),
				Day: rapid.Int32Range(0, 20).Draw(t, "day"), Weight: 1})
		}
		ev, err := matrix.NewEvents(users, 8, list)
		if err != nil {
			t.Fatal(err)
		}
		alpha := 0.25
		m, err := tifuknn.Fit(t.Context(), ev, 30, tifuknn.Options{Similarity: tifuknn.Euclidean, Neighbours: k, Alpha: &alpha}, nil)
		if err != nil {
			t.Fatal(err)
		}
		got := make([]float32, 8)
		if err := m.Score(ev.History(0), 30, got); err != nil {
			t.Fatal(err)
		}
		x := dense(m.Vectors)
		order := make([]int, len(x))
		distance := make([]float64, len(x))
		for r := range x {
			order[r] = r
			for i := range x[r] {
				distance[r] += (x[r][i] - x[0][i]) * (x[r][i] - x[0][i])
			}
		}
		slices.SortStableFunc(order, func(a, b int) int {
			if math.Abs(distance[a]-distance[b]) < 1e-9 {
				return 0
			}
			return int(math.Copysign(1, distance[a]-distance[b]))
		})
		k = min(k, len(order))
		if k < len(order) && distance[order[k]]-distance[order[k-1]] < 1e-9 {
			t.Skip("a tie decides who is a neighbour")
		}
		for i := range got {
			want := alpha * x[0][i]
			for _, r := range order[:k] {
				want += (1 - alpha) * x[r][i] / float64(k)
			}
			if math.Abs(float64(got[i])-want) > 1e-6 {
				t.Fatalf("item %d scores %v, want %v", i, got[i], want)
			}
		}
	})
}

func dense(v *matrix.CSR) [][]float64 {
	out := make([][]float64, v.Rows)
	for r := range out {
		out[r] = make([]float64, v.Cols)
		items, values := v.Row(r)
		for i, it := range items {
			out[r][it] = float64(values[i])
		}
	}
	return out
}

func TestExplain(t *testing.T) {
	m := fit(t, tifuknn.Cosine)
	h := matrix.History{Item: []int32{2, 3}, Day: []int32{5, 5}, Weight: []float32{1, 1}}
	for item, want := range map[int32]models.ReasonKind{3: models.ReasonAgain, 0: models.ReasonSimilar} {
		if r, ok := m.Explain(h, 100, item); !ok || r.Kind != want || r.Item != -1 {
			t.Errorf("item %d: %+v, %v; want kind %v", item, r, ok, want)
		}
	}
	for _, item := range []int32{-1, 7, 4} { // 4 is bought by no neighbour
		if r, ok := m.Explain(h, 100, item); ok {
			t.Errorf("item %d has reason %+v", item, r)
		}
	}
	if r, ok := m.Explain(matrix.History{}, 100, 0); ok {
		t.Errorf("without history there is reason %+v", r)
	}
}

// Of more customers than MaxUsers, an even sample is kept.
func TestMaxUsers(t *testing.T) {
	var list []matrix.Event
	for u := range int32(10) {
		list = append(list, matrix.Event{User: u, Item: u, Weight: 1})
	}
	ev, err := matrix.NewEvents(10, 10, list)
	if err != nil {
		t.Fatal(err)
	}
	var seen []int
	m, err := tifuknn.Fit(t.Context(), ev, 1, tifuknn.Options{MaxUsers: 4}, func(done, total int) { seen = append(seen, done, total) })
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(m.Vectors.Indices, []int32{0, 2, 5, 7}) {
		t.Errorf("kept customers %v", m.Vectors.Indices)
	}
	if !slices.Equal(seen, []int{0, 4, 4, 4}) {
		t.Errorf("progress %v", seen)
	}
}

func TestRefuses(t *testing.T) {
	ptr := func(f float64) *float64 { return &f }
	good := &matrix.CSR{Rows: 1, Cols: 2, Indptr: []int64{0, 1}, Indices: []int32{1}, Values: []float32{0.5}}
	for _, o := range []tifuknn.Options{{GroupSize: -1}, {WithinDecay: 1.1}, {WithinDecay: -1}, {GroupDecay: math.NaN()}, {Neighbours: -1},
		{Alpha: ptr(2)}, {Alpha: ptr(math.NaN())}, {Similarity: "jaccard"}, {MaxUsers: -1}} {
		var wrong *models.OptionError
		if _, err := tifuknn.New(o, good); !errors.As(err, &wrong) {
			t.Errorf("%+v gives %v, want an option error", o, err)
		}
	}
	for name, v := range map[string]*matrix.CSR{
		"nothing":    nil,
		"no rows":    {Cols: 2, Indptr: []int64{0}},
		"lengths":    {Rows: 1, Cols: 2, Indptr: []int64{0, 1}, Indices: []int32{1}},
		"row end":    {Rows: 2, Cols: 2, Indptr: []int64{0, 5, 1}, Indices: []int32{1}, Values: []float32{1}},
		"item":       {Rows: 1, Cols: 2, Indptr: []int64{0, 1}, Indices: []int32{2}, Values: []float32{1}},
		"order":      {Rows: 1, Cols: 2, Indptr: []int64{0, 2}, Indices: []int32{1, 0}, Values: []float32{1, 1}},
		"not number": {Rows: 1, Cols: 2, Indptr: []int64{0, 1}, Indices: []int32{1}, Values: []float32{float32(math.NaN())}},
	} {
		if _, err := tifuknn.New(tifuknn.Options{}, v); err == nil {
			t.Errorf("stored vectors with a wrong %s are accepted", name)
		}
	}
}

func TestBadHistories(t *testing.T) {
	m := fit(t, tifuknn.Cosine)
	for name, h := range map[string]matrix.History{
		"item below":  {Item: []int32{0, -1, 2}, Day: []int32{1, 1, 1}, Weight: []float32{1, 1, 1}},
		"item beyond": {Item: []int32{0, 1 << 30, 2}, Day: []int32{1, 1, 1}, Weight: []float32{1, 1, 1}},
		"no days":     {Item: []int32{0}, Weight: []float32{1}},
	} {
		if err := m.Score(h, 100, make([]float32, m.Items())); err == nil || errors.Is(err, models.ErrUnknown) {
			t.Errorf("%s gives %v, want an error that names it", name, err)
		}
		if r, ok := m.Explain(h, 100, 0); ok {
			t.Errorf("%s has reason %+v", name, r)
		}
	}
}

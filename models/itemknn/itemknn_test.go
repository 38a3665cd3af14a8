package itemknn

import (
	"context"
	"errors"
	"math"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"regulars/features/matrix"
	"regulars/models"
)

func events(t testing.TB, users, items int, list []matrix.Event) *matrix.Events {
	t.Helper()
	ev, err := matrix.NewEvents(users, items, list)
	if err != nil {
		t.Fatal(err)
	}
	return ev
}

func fitted(t testing.TB, ev *matrix.Events, now int32, o Options) *Model {
	t.Helper()
	m, err := Fit(t.Context(), ev, now, o, nil)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func number(f float64) *float64 { return &f }

// fiveByFour are the interactions that the published similarities below belong to.
func fiveByFour(t testing.TB) *matrix.Events {
	var list []matrix.Event
	for u, weights := range [][]float32{{1, 2, 0, 0}, {3, 0, 1, 0}, {0, 1, 1, 4}, {2, 2, 0, 1}, {0, 0, 5, 1}} {
		for i, w := range weights {
			if w > 0 {
				list = append(list, matrix.Event{User: int32(u), Item: int32(i), Day: 1, Weight: w})
			}
		}
	}
	return events(t, 5, 4, list)
}

// Cosine and BM25 are what implicit 0.7.3 gives (CosineRecommender and
// BM25Recommender with K1 = 1.2, B = 0.75); RP3β is written out with numpy:
// (P_iu^0.8 · P_ui^0.8) / users of the item^0.3. The diagonal is left out.
func TestPublishedSimilarities(t *testing.T) {
	for _, c := range []struct {
		o    Options
		want [4][4]float64
	}{
		{Options{Kind: KindCosine}, [4][4]float64{{0, .5345225, .1543033, .1259882}, {.5345225, 0, .06415, .4714045}, {.1543033, .06415, 0, .4082483}, {.1259882, .4714045, .4082483, 0}}},
		{Options{Kind: KindBM25}, [4][4]float64{{0, .1193929, .1217517, 0}, {.1193929, 0, 0, 0}, {.1217517, 0, 0, .1433655}, {0, 0, .1433655, 0}}},
		{Options{Alpha: number(0.8), Beta: number(0.3)}, [4][4]float64{{0, .2675014, .1362673, .082412}, {.3095074, 0, .0473333, .238841}, {.1204576, .036163, 0, .2406766}, {.082412, .2064257, .2722647, 0}}},
	} {
		m := fitted(t, fiveByFour(t), 2, c.o)
		dst := make([]float32, 4)
		for a, want := range c.want {
			if err := m.Similar(int32(a), dst); err != nil {
				t.Fatal(err)
			}
			for b, s := range dst {
				if math.Abs(float64(s)-want[b]) > 1e-6 {
					t.Errorf("%s: similarity of %d to %d is %v, want %v", m.Options.Kind, a, b, s, want[b])
				}
			}
		}
	}
}

// A history of items 0 and 1 with weights 1 and 3 counts .25^Alpha and .75^Alpha of
// the rows published above.
func TestScoreOfWalk(t *testing.T) {
	m := fitted(t, fiveByFour(t), 2, Options{Alpha: number(0.8), Beta: number(0.3)})
	dst := make([]float32, 4)
	if err := m.Score(matrix.History{Item: []int32{0, 1}, Day: []int32{0, 1}, Weight: []float32{1, 3}}, 2, dst); err != nil {
		t.Fatal(err)
	}
	first, second := math.Pow(0.25, 0.8), math.Pow(0.75, 0.8)
	for i, want := range []float64{second * .3095074, first * .2675014, first*.1362673 + second*.0473333, first*.082412 + second*.238841} {
		if math.Abs(float64(dst[i])-want) > 1e-6 {
			t.Errorf("item %d scores %v, want %v", i, dst[i], want)
		}
	}
}

// dense computes the cosine with decay and shrinkage by plain loops.
func dense(ev *matrix.Events, now int32, halfLife, shrink float64) (r [][]float64, similar [][]float64) {
	r, similar = make([][]float64, ev.Users), make([][]float64, ev.Items)
	for u := range r {
		r[u] = make([]float64, ev.Items)
		h := ev.History(u)
		for i, it := range h.Item {
			if h.Day[i] < now {
				r[u][it] += float64(h.Weight[i]) * math.Pow(0.5, float64(now-h.Day[i])/halfLife)
			}
		}
	}
	for a := range similar {
		similar[a] = make([]float64, ev.Items)
		for b := range similar {
			var ab, aa, bb, both float64
			for u := range r {
				ab, aa, bb = ab+r[u][a]*r[u][b], aa+r[u][a]*r[u][a], bb+r[u][b]*r[u][b]
				if r[u][a]*r[u][b] > 0 {
					both++
				}
			}
			if a != b && ab > 0 {
				similar[a][b] = ab / math.Sqrt(aa*bb) * both / (both + shrink)
			}
		}
	}
	return r, similar
}

// Scores, neighbours and reasons must be those of the dense computation, on any
// number of workers, and the n neighbours kept must be the n most similar.
func TestAgainstDense(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		list := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) matrix.Event {
			return matrix.Event{User: rapid.Int32Range(0, 7).Draw(t, "user"), Item: rapid.Int32Range(0, 6).Draw(t, "item"),
				Day: rapid.Int32Range(0, 12).Draw(t, "day"), Weight: float32(rapid.IntRange(1, 5).Draw(t, "weight"))}
		}), 1, 60).Draw(rt, "events")
		list = append(list, matrix.Event{User: 7, Item: 6, Day: 3, Weight: 2})
		shrink, n := rapid.SampledFrom([]float64{0, 1, 7.5}).Draw(rt, "shrink"), rapid.IntRange(1, 7).Draw(rt, "neighbours")
		ev := events(t, 8, 7, list)
		m := fitted(t, ev, 10, Options{Kind: KindCosine, HalfLifeDays: 4, Shrink: shrink, Neighbours: n, Workers: rapid.IntRange(1, 3).Draw(rt, "workers")})
		r, similar := dense(ev, 10, 4, shrink)
		for a := range similar {
			cols, vals := m.Near.Row(a)
			sorted := slices.Clone(similar[a])
			slices.Sort(sorted)
			slices.Reverse(sorted)
			kept := slices.Clone(vals)
			slices.Sort(kept)
			slices.Reverse(kept)
			if positive := slices.IndexFunc(append(sorted, 0), func(s float64) bool { return s == 0 }); len(cols) != min(n, positive) {
				rt.Fatalf("item %d keeps %d neighbours of %d, want at most %d", a, len(cols), positive, n)
			}
			for k, b := range cols {
				if math.Abs(float64(vals[k])-similar[a][b]) > 1e-6 || math.Abs(float64(kept[k])-sorted[k]) > 1e-6 {
					rt.Fatalf("item %d: neighbours %v %v, want of %v", a, cols, vals, similar[a])
				}
			}
		}
		checkScores(rt, m, ev, r)
	})
}

// checkScores holds Score and Explain against sums over all neighbours kept.
func checkScores(t *rapid.T, m *Model, ev *matrix.Events, r [][]float64) {
	dst, near := make([]float32, 7), make([]float32, 7)
	for u := range r {
		total := 0.0
		for _, x := range r[u] {
			total += x
		}
		err := m.Score(ev.History(u), 10, dst)
		if total == 0 {
			if !errors.Is(err, models.ErrUnknown) {
				t.Fatalf("user %d without a history before now: %v", u, err)
			}
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		for i, s := range dst {
			want, most, because := 0.0, 0.0, int32(-1)
			for a := range 7 {
				if r[u][a] > 0 {
					if err := m.Similar(int32(a), near); err != nil {
						t.Fatal(err)
					}
					part := r[u][a] / total * float64(near[i])
					want += part
					if part > most*(1+1e-6) {
						most, because = part, int32(a)
					}
				}
			}
			if math.Abs(float64(s)-want) > 1e-6 {
				t.Fatalf("user %d item %d scores %v, want %v", u, i, s, want)
			}
			reason, ok := m.Explain(ev.History(u), 10, int32(i))
			if ok != (want > 0) || ok && reason.Kind != models.ReasonBought {
				t.Fatalf("user %d item %d, score %v: reason %+v, %v", u, i, want, reason, ok)
			}
			if ok && reason.Item != because {
				if err := m.Similar(reason.Item, near); err != nil || math.Abs(r[u][reason.Item]/total*float64(near[i])-most) > 1e-6 {
					t.Fatalf("user %d item %d because of %d, want %d", u, i, reason.Item, because)
				}
			}
		}
	}
}

// A walk of probabilities (Alpha 1, Beta 0) starts anywhere and ends somewhere:
// with the way back to the item itself the row sums to 1.
func TestWalkSumsToOne(t *testing.T) {
	m := fitted(t, fiveByFour(t), 2, Options{Alpha: number(1), Beta: number(0)})
	r := [][]float64{{1, 2, 0, 0}, {3, 0, 1, 0}, {0, 1, 1, 4}, {2, 2, 0, 1}, {0, 0, 5, 1}}
	for a := range 4 {
		item, back := 0.0, 0.0
		for u := range r {
			item += r[u][a]
		}
		for u := range r {
			user := 0.0
			for _, x := range r[u] {
				user += x
			}
			back += r[u][a] / item * r[u][a] / user
		}
		_, vals := m.Near.Row(a)
		for _, v := range vals {
			back += float64(v)
		}
		if math.Abs(back-1) > 1e-6 {
			t.Errorf("walks from item %d sum to %v", a, back)
		}
	}
}

// Normalized similarities are the others, divided by the sum of what is kept.
func TestNormalize(t *testing.T) {
	ev := skewed(t, 60, 40, 500)
	plain, normal := fitted(t, ev, 2, Options{Neighbours: 7}), fitted(t, ev, 2, Options{Neighbours: 7, Normalize: true})
	if !slices.Equal(plain.Near.Indices, normal.Near.Indices) {
		t.Fatal("other neighbours are kept")
	}
	for a := range 40 {
		_, from := plain.Near.Row(a)
		_, to := normal.Near.Row(a)
		total := 0.0
		for _, s := range from {
			total += float64(s)
		}
		for i, s := range to {
			if want := float64(from[i]) / total; math.Abs(float64(s)-want) > 1e-6 {
				t.Errorf("item %d: similarity %v, want %v", a, s, want)
			}
		}
	}
}

// Of a user with more items than MaxUserItems the heaviest count, so that one
// reseller neither takes hours nor makes everything a neighbour of everything.
func TestMaxUserItems(t *testing.T) {
	var list []matrix.Event
	for i := range int32(50) {
		list = append(list, matrix.Event{User: 0, Item: i, Day: 1, Weight: 1 + float32(i)})
	}
	m := fitted(t, events(t, 1, 50, list), 2, Options{Kind: KindCosine, MaxUserItems: 5})
	if m.Near.NNZ() != 5*4 || m.Near.Indptr[45] != 0 {
		t.Errorf("%d neighbours, %d of them of items 0 to 44; want 20 among the last 5", m.Near.NNZ(), m.Near.Indptr[45])
	}
	for i := range list {
		list[i].Weight = 1
	}
	m = fitted(t, events(t, 1, 50, list), 2, Options{Kind: KindCosine, MaxUserItems: 5})
	if m.Near.NNZ() != 20 || m.Near.Indptr[5] == 20 {
		t.Errorf("of equal weights the first are preferred: %d neighbours, %d of items 0 to 4", m.Near.NNZ(), m.Near.Indptr[5])
	}
	if m.Customers[0] != 1 || m.Customers[49] != 1 {
		t.Error("items that do not count as neighbours are unknown")
	}
}

// What has decayed to nothing leaves an item known, without neighbours, and does
// not touch who is scored by it.
func TestDecayedToNothing(t *testing.T) {
	ev := events(t, 2, 3, []matrix.Event{{User: 0, Item: 0, Day: 0, Weight: 1}, {User: 0, Item: 1, Day: 0, Weight: 1},
		{User: 1, Item: 1, Day: 9999, Weight: 1}, {User: 1, Item: 2, Day: 9999, Weight: 1}})
	m := fitted(t, ev, 10_000, Options{HalfLifeDays: 1})
	dst := make([]float32, 3)
	if err := m.Score(ev.History(0), 10_000, dst); err != nil || dst[2] <= 0 || dst[0] != 0 {
		t.Errorf("an old customer gets %v (%v), want item 2 by item 1", dst, err)
	}
	if err := m.Similar(0, dst); err != nil || slices.Max(dst) != 0 {
		t.Errorf("an item last bought long ago is similar to %v (%v)", dst, err)
	}
}

func TestWorkers(t *testing.T) {
	ev := skewed(t, 300, 500, 5000)
	one, three := fitted(t, ev, 2, Options{Neighbours: 10, Workers: 1}), fitted(t, ev, 2, Options{Neighbours: 10, Workers: 3})
	if !slices.Equal(one.Near.Indptr, three.Near.Indptr) || !slices.Equal(one.Near.Indices, three.Near.Indices) || !slices.Equal(one.Near.Values, three.Near.Values) {
		t.Error("neighbours differ between 1 and 3 workers")
	}
}

func TestProgressAndCancel(t *testing.T) {
	ev, last := skewed(t, 300, 500, 5000), 0
	if _, err := Fit(t.Context(), ev, 2, Options{}, func(done, total int) {
		if done <= last || total != 500 {
			t.Errorf("progress %d of %d after %d", done, total, last)
		}
		last = done
	}); err != nil || last != 500 {
		t.Errorf("progress ends at %d of 500 (%v)", last, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	if _, err := Fit(ctx, ev, 2, Options{Workers: 1}, func(int, int) { cancel() }); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled on the way: %v", err)
	}
}

func TestRefuses(t *testing.T) {
	nan := math.NaN()
	for _, o := range []Options{{Kind: "pearson"}, {Neighbours: -1}, {Shrink: -1}, {Shrink: nan}, {HalfLifeDays: -1}, {HalfLifeDays: math.Inf(1)},
		{K1: number(0)}, {K1: number(nan)}, {B: number(1.1)}, {B: number(nan)}, {Alpha: number(-1)}, {Alpha: number(nan)}, {Beta: number(6)}, {Beta: number(nan)},
		{MaxUserItems: 1}, {Workers: -1}} {
		var wrong *models.OptionError
		if _, err := Fit(t.Context(), fiveByFour(t), 2, o, nil); !errors.As(err, &wrong) {
			t.Errorf("%+v gives %v, want an option error", o, err)
		}
	}
	good := func() (*matrix.CSR, []int32) {
		return &matrix.CSR{Rows: 2, Cols: 2, Indptr: []int64{0, 1, 2}, Indices: []int32{1, 0}, Values: []float32{1, 1}}, []int32{1, 1}
	}
	for name, spoil := range map[string]func(m *matrix.CSR, customers []int32){
		"negative customers": func(_ *matrix.CSR, c []int32) { c[0] = -1 },
		"item out of range":  func(m *matrix.CSR, _ []int32) { m.Indices[0] = 2 },
		"not a number":       func(m *matrix.CSR, _ []int32) { m.Values[0] = float32(nan) },
		"infinite":           func(m *matrix.CSR, _ []int32) { m.Values[1] = float32(math.Inf(1)) },
		"zero":               func(m *matrix.CSR, _ []int32) { m.Values[1] = 0 },
		"rows that run back": func(m *matrix.CSR, _ []int32) { m.Indptr[1] = 3 },
		"another size":       func(m *matrix.CSR, _ []int32) { m.Cols = 3 },
		"repeated neighbour": func(m *matrix.CSR, _ []int32) { m.Indptr[1], m.Indices[0], m.Indices[1] = 2, 1, 1 },
	} {
		m, customers := good()
		if _, err := New(Options{}, customers, m); err != nil {
			t.Fatal(err)
		}
		spoil(m, customers)
		if _, err := New(Options{}, customers, m); err == nil {
			t.Errorf("stored neighbours with %s are accepted", name)
		}
	}
	if _, err := New(Options{}, nil, &matrix.CSR{Indptr: []int64{0}}); err == nil {
		t.Error("a model of no items is accepted")
	}
}

// A stored model gives the scores of the one it was stored from.
func TestStored(t *testing.T) {
	ev := fiveByFour(t)
	m := fitted(t, ev, 2, Options{Neighbours: 2})
	again, err := New(m.Options, m.Customers, m.Near)
	if err != nil {
		t.Fatal(err)
	}
	a, b := make([]float32, 4), make([]float32, 4)
	if err := errors.Join(m.Score(ev.History(1), 2, a), again.Score(ev.History(1), 2, b)); err != nil || !slices.Equal(a, b) {
		t.Errorf("scores %v, stored and read %v (%v)", a, b, err)
	}
	for _, item := range []int32{-1, 4} {
		if err := m.Similar(item, a); !errors.Is(err, models.ErrUnknown) {
			t.Errorf("similar to item %d gives %v, want ErrUnknown", item, err)
		}
		if _, ok := m.Explain(ev.History(1), 2, item); ok {
			t.Errorf("there is a reason for item %d", item)
		}
	}
}

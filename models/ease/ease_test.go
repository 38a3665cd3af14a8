package ease

import (
	"cmp"
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"gonum.org/v1/gonum/mat"
	"pgregory.net/rapid"

	"regulars/features/matrix"
	"regulars/models"
	"regulars/models/internal/pairwise"
)

const today = 50

func random(t testing.TB, users, items, pairs int, seed uint64) *matrix.Events {
	t.Helper()
	rng := rand.New(rand.NewPCG(seed, 6))
	list := make([]matrix.Event, pairs)
	for i := range list {
		skewed := rng.Float64()
		list[i] = matrix.Event{User: rng.Int32N(int32(users)), Item: int32(skewed * skewed * float64(items)), Day: rng.Int32N(today), Weight: 1 + rng.Float32()}
	}
	ev, err := matrix.NewEvents(users, items, list)
	if err != nil {
		t.Fatal(err)
	}
	return ev
}

func fitted(t testing.TB, ev *matrix.Events, o Options) *Model {
	t.Helper()
	m, err := Fit(t.Context(), ev, today, o, nil)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// small is the shop of the published constants: six users, five items.
func small(t testing.TB) *matrix.Events {
	t.Helper()
	var list []matrix.Event
	for u, items := range [][]int32{{0, 1, 4}, {0, 1, 2}, {1, 2}, {0, 3, 4}, {2, 3}, {0, 1, 4}} {
		for _, i := range items {
			list = append(list, matrix.Event{User: int32(u), Item: i, Day: 1, Weight: 1})
		}
	}
	ev, err := matrix.NewEvents(6, 5, list)
	if err != nil {
		t.Fatal(err)
	}
	return ev
}

// The constants are numpy 2.4's: P = inv(YᵀY + L2·I), B = −P/diag(P) by columns,
// with Y the shop divided by row sums^UserNorm and column sums^ItemNorm, and B
// divided by the row item's and multiplied by the column item's sum^ItemNorm.
func TestAgainstNumpy(t *testing.T) {
	for _, c := range []struct {
		o    Options
		want [25]float64
	}{
		{Options{L2: 2}, [25]float64{
			0, 0.362116992, 0.040816327, 0.127877238, 0.4,
			0.342105263, 0, 0.393586006, -0.222506394, 0.2,
			0.036842105, 0.376044568, 0, 0.26342711, -0.2,
			0.131578947, -0.242339833, 0.300291545, 0, 0.2,
			0.436842105, 0.231197772, -0.241982507, 0.212276215, 0}},
		{Options{L2: 0.3, UserNorm: 0.25, ItemNorm: 0.5}, [25]float64{
			0, 0.326707687, 0.024642926, 0.10452692, 0.376563317,
			0.311949402, 0, 0.439809457, -0.25066326, 0.224136225,
			0.025110458, 0.469355739, 0, 0.335017445, -0.243833224,
			0.147157644, -0.36959029, 0.462870734, 0, 0.282499122,
			0.488927173, 0.304784876, -0.310696722, 0.260536511, 0}},
	} {
		m := fitted(t, small(t), c.o)
		for i := range int32(5) {
			for j := range int32(5) {
				if got, want := float64(m.Weight(i, j)), c.want[i*5+j]; math.Abs(got-want) > 2e-6 {
					t.Errorf("%+v: weight of %d for %d is %.7f, want %.7f", c.o, i, j, got, want)
				}
			}
		}
	}
}

// reference returns B computed by gonum, all at once or by neighbourhoods.
func reference(x *interactions, o Options) *mat.Dense {
	if len(x.known) <= o.MaxItems {
		return dense(x, o.L2)
	}
	b := mat.NewDense(len(x.known), len(x.known), nil)
	for j := range len(x.known) {
		own := slices.Sorted(slices.Values(append(nearest(x, j, o.Neighbourhood), int32(j))))
		part := &interactions{known: own, byUser: project(x.byUser, own)}
		for _, i := range own {
			part.scale = append(part.scale, x.scale[i])
		}
		at, _ := slices.BinarySearch(own, int32(j))
		for k, w := range mat.Col(nil, at, dense(part, o.L2)) {
			b.Set(int(own[k]), j, w)
		}
	}
	return b
}

// dense returns B computed by gonum in float64.
func dense(x *interactions, l2 float64) *mat.Dense {
	n := len(x.known)
	full := mat.NewDense(x.byUser.Rows, n, nil)
	for u := range x.byUser.Rows {
		items, weights := x.byUser.Row(u)
		for k, i := range items {
			full.Set(u, int(i), float64(weights[k]))
		}
	}
	var g, p mat.Dense
	g.Mul(full.T(), full)
	for i := range n {
		g.Set(i, i, g.At(i, i)+l2)
	}
	if err := p.Inverse(&g); err != nil {
		panic(err)
	}
	b := mat.NewDense(n, n, nil)
	for i := range n {
		for j := range n {
			if i != j {
				b.Set(i, j, -p.At(i, j)/p.At(j, j)*x.scale[j]/x.scale[i])
			}
		}
	}
	return b
}

// Whatever the shop and the options, weights are those of a dense computation, and
// a score is the history times them.
func TestAgainstDense(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		ev := random(t, rapid.IntRange(1, 30).Draw(rt, "users"), rapid.IntRange(1, 25).Draw(rt, "items"), rapid.IntRange(1, 200).Draw(rt, "pairs"), rapid.Uint64().Draw(rt, "seed"))
		o, err := Options{L2: rapid.Float64Range(0.5, 20).Draw(rt, "l2"), Weighted: rapid.Bool().Draw(rt, "weighted"), HalfLifeDays: rapid.SampledFrom([]float64{0, 10}).Draw(rt, "half-life"),
			UserNorm: rapid.SampledFrom([]float64{0, 0.25, 0.5}).Draw(rt, "user norm"), ItemNorm: rapid.SampledFrom([]float64{0, 0.3}).Draw(rt, "item norm"),
			MaxItems: rapid.SampledFrom([]int{0, 1}).Draw(rt, "max items")}.resolved()
		if err != nil {
			rt.Fatal(err)
		}
		now := rapid.Int32Range(1, today).Draw(rt, "now")
		m, err := Fit(t.Context(), ev, now, o, nil)
		x := newInteractions(ev, now, o)
		if len(x.known) == 0 {
			if !errors.Is(err, models.ErrNoData) {
				rt.Fatalf("nothing to learn from: %v", err)
			}
			return
		}
		if err != nil {
			rt.Fatal(err)
		}
		b := reference(x, o)
		user := rapid.IntRange(0, ev.Users-1).Draw(rt, "user")
		items, counts := o.counting().Append(nil, nil, ev.History(user), now)
		scores := make([]float32, ev.Items)
		if err := m.Score(ev.History(user), now, scores); (err != nil) != (len(items) == 0) {
			rt.Fatalf("%d items in the history: %v", len(items), err)
		}
		for j, item := range x.known {
			want := 0.0
			for k, own := range items {
				i, _ := slices.BinarySearch(x.known, own)
				want += float64(counts[k]) * b.At(i, j)
			}
			if got := float64(scores[item]); math.Abs(got-want) > 1e-4*(1+math.Abs(want)) {
				rt.Fatalf("score of item %d is %v, want %v", item, got, want)
			}
		}
	})
}

// More weights than allowed are cut to the largest of those that predict an item.
func TestNeighbours(t *testing.T) {
	ev := random(t, 60, 20, 500, 1)
	for _, max := range []int{0, 1} {
		all, few := fitted(t, ev, Options{L2: 3, MaxItems: max}), fitted(t, ev, Options{L2: 3, MaxItems: max, Neighbours: 4})
		for j := range int32(20) {
			var sizes []float64
			for i := range int32(20) {
				sizes = append(sizes, math.Abs(float64(all.Weight(i, j))))
			}
			slices.Sort(sizes)
			kept := 0
			for i := range int32(20) {
				switch w := few.Weight(i, j); {
				case w == 0:
				case w != all.Weight(i, j) || math.Abs(float64(w)) < sizes[16]:
					t.Errorf("item %d: weight of %d is %v, was %v; the fourth largest is %v", j, i, w, all.Weight(i, j), sizes[16])
				default:
					kept++
				}
			}
			if kept != 4 {
				t.Errorf("item %d keeps %d weights, want 4", j, kept)
			}
		}
	}
}

// A neighbourhood is the items of the largest cosine; the regression on it is the
// dense one of a shop that has nothing else.
func TestNeighbourhood(t *testing.T) {
	ev := random(t, 80, 15, 400, 2)
	o, err := Options{L2: 2, MaxItems: 1, Neighbourhood: 5}.resolved()
	if err != nil {
		t.Fatal(err)
	}
	x, m := newInteractions(ev, today, o), fitted(t, ev, o)
	b := reference(x, o)
	for i, row := range x.known {
		for j, column := range x.known {
			if got := float64(m.Weight(row, column)); math.Abs(got-b.At(i, j)) > 1e-5 {
				t.Errorf("weight of %d for %d is %v, want %v", row, column, got, b.At(i, j))
			}
		}
	}
}

// nearest returns the items of the largest cosine with j, of those that have
// anything in common with it.
func nearest(x *interactions, j, n int) []int32 {
	common, norm := make([]float64, len(x.known)), make([]float64, len(x.known))
	for u := range x.byUser.Rows {
		items, weights := x.byUser.Row(u)
		at, has := slices.BinarySearch(items, int32(j))
		for k, i := range items {
			norm[i] += float64(weights[k]) * float64(weights[k])
			if has {
				common[i] += float64(weights[k]) * float64(weights[at])
			}
		}
	}
	var order []int32
	for i, c := range common {
		if c > 0 && i != j {
			order = append(order, int32(i))
			common[i] = float64(float32(c / math.Sqrt(norm[i])))
		}
	}
	slices.SortStableFunc(order, func(a, b int32) int { return cmp.Compare(common[b], common[a]) })
	return order[:min(n, len(order))]
}

// project keeps the columns named, renumbered.
func project(m *matrix.CSR, columns []int32) *matrix.CSR {
	out := &matrix.CSR{Rows: m.Rows, Cols: len(columns), Indptr: make([]int64, 1)}
	for u := range m.Rows {
		items, weights := m.Row(u)
		for k, i := range items {
			if c, ok := slices.BinarySearch(columns, i); ok {
				out.Indices, out.Values = append(out.Indices, int32(c)), append(out.Values, weights[k])
			}
		}
		out.Indptr = append(out.Indptr, int64(len(out.Indices)))
	}
	return out
}

// A user with more than MaxUserItems items counts with the heaviest, of equals the
// rarest.
func TestMaxUserItems(t *testing.T) {
	list := []matrix.Event{{User: 0, Item: 0, Weight: 5}, {User: 0, Item: 1, Weight: 1}, {User: 0, Item: 2, Weight: 1}, {User: 0, Item: 3, Weight: 2}, {User: 1, Item: 1, Weight: 1}, {User: 1, Item: 3, Weight: 1}}
	ev, err := matrix.NewEvents(2, 4, list)
	if err != nil {
		t.Fatal(err)
	}
	x := newInteractions(ev, today, Options{Weighted: true})
	cut := cutRows(x, 3)
	if items, weights := cut.Row(0); !slices.Equal(items, []int32{0, 2, 3}) || !slices.Equal(weights, []float32{5, 1, 2}) {
		t.Errorf("user 0 keeps %v with %v", items, weights)
	}
	if items, _ := cut.Row(1); !slices.Equal(items, []int32{1, 3}) {
		t.Errorf("user 1 keeps %v", items)
	}
	if cutRows(x, 4) != x.byUser {
		t.Error("nothing to cut, yet the matrix is another")
	}
}

func TestWorkers(t *testing.T) {
	ev := random(t, 200, 300, 4000, 3)
	for _, max := range []int{0, 1} {
		one, three := fitted(t, ev, Options{L2: 5, MaxItems: max, Workers: 1}), fitted(t, ev, Options{L2: 5, MaxItems: max, Workers: 3})
		if !slices.Equal(one.Weights.Indices, three.Weights.Indices) || !slices.Equal(one.Weights.Values, three.Weights.Values) {
			t.Errorf("MaxItems %d: weights depend on the number of workers", max)
		}
	}
}

// A fit that is cancelled while it runs says so, in both forms; progress only rises.
func TestCancelAndProgress(t *testing.T) {
	ev := random(t, 200, 300, 4000, 4)
	for _, max := range []int{0, 1} {
		ctx, cancel := context.WithCancel(t.Context())
		if _, err := Fit(ctx, ev, today, Options{MaxItems: max}, func(int, int) { cancel() }); !errors.Is(err, context.Canceled) {
			t.Errorf("MaxItems %d: cancelled on the way: %v", max, err)
		}
		last := 0
		if _, err := Fit(t.Context(), ev, today, Options{MaxItems: max}, func(done, total int) {
			if done <= last || done > total {
				t.Errorf("progress %d of %d after %d", done, total, last)
			}
			last = done
		}); err != nil {
			t.Fatal(err)
		}
		if last != 1000 {
			t.Errorf("MaxItems %d: progress ends at %d of 1000", max, last)
		}
	}
}

func TestSimilarAndExplain(t *testing.T) {
	m := fitted(t, small(t), Options{L2: 2})
	got := make([]float32, 5)
	if err := m.Similar(0, got); err != nil {
		t.Fatal(err)
	}
	// Means of the constants of TestAgainstNumpy in both directions.
	for j, want := range []float64{0, 0.3521111, 0.0388292, 0.1297281, 0.4184211} {
		if math.Abs(float64(got[j])-want) > 1e-6 {
			t.Errorf("similarity of 0 and %d is %v, want %v", j, got[j], want)
		}
	}
	h := matrix.History{Item: []int32{0, 3}, Day: []int32{1, 1}, Weight: []float32{1, 1}}
	if r, ok := m.Explain(h, today, 4); !ok || r != (models.Reason{Kind: models.ReasonBought, Item: 0}) {
		t.Errorf("reason for item 4 is %+v, %v; item 0 adds 0.4, item 3 0.2", r, ok)
	}
	if r, ok := m.Explain(matrix.History{Item: []int32{3}, Day: []int32{1}, Weight: []float32{1}}, today, 1); ok {
		t.Errorf("item 3 speaks against item 1, yet %+v is the reason", r)
	}
	for _, item := range []int32{-1, 5, math.MaxInt32} {
		if _, ok := m.Explain(h, today, item); ok {
			t.Errorf("there is a reason for item %d of 5", item)
		}
		if err := m.Similar(item, got); !errors.Is(err, models.ErrUnknown) {
			t.Errorf("similar to item %d of 5: %v", item, err)
		}
	}
}

func TestOptions(t *testing.T) {
	ev := random(t, 5, 5, 20, 5)
	for _, o := range []Options{{L2: -1}, {L2: math.NaN()}, {L2: math.Inf(1)}, {HalfLifeDays: -1}, {HalfLifeDays: math.Inf(1)}, {UserNorm: -0.1}, {UserNorm: 1.1}, {ItemNorm: math.NaN()},
		{Neighbours: -1}, {Neighbours: 10_001}, {MaxItems: -1}, {MaxItems: 100_001}, {Neighbourhood: -1}, {Neighbourhood: 1025}, {MaxUserItems: 1}, {Workers: -1}} {
		var wrong *models.OptionError
		if _, err := Fit(t.Context(), ev, today, o, nil); !errors.As(err, &wrong) {
			t.Errorf("%+v: %v", o, err)
		}
	}
	fitted(t, ev, Options{Neighbours: 10_000, Neighbourhood: 1024, MaxItems: 1}) // more than there are items
}

// Weights beyond what float32 can hold are an error that says what to do, or finite
// weights; never a wrong number.
func TestHugeWeights(t *testing.T) {
	ev := random(t, 30, 10, 200, 6)
	for i := range ev.Weight {
		ev.Weight[i] = math.MaxFloat32
	}
	for _, max := range []int{0, 1} {
		m, err := Fit(t.Context(), ev, today, Options{Weighted: true, L2: 1e-9, MaxItems: max}, nil)
		if err != nil {
			if !errors.Is(err, errNotPositive) {
				t.Error(err)
			}
			continue
		}
		for _, w := range m.Weights.Values {
			if !(math.Abs(float64(w)) <= pairwise.Largest) {
				t.Fatalf("weight %v", w)
			}
		}
	}
}

func TestNewRefuses(t *testing.T) {
	csr := func(cols []int32, vals []float32) *matrix.CSR {
		return &matrix.CSR{Rows: 2, Cols: 2, Indptr: []int64{0, int64(len(cols)), int64(len(cols))}, Indices: cols, Values: vals}
	}
	good := csr([]int32{1}, []float32{0.5})
	if _, err := New(Options{}, []int32{1, 1}, good); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		customers []int32
		weights   *matrix.CSR
	}{
		"no items":          {nil, good},
		"negative":          {[]int32{1, -1}, good},
		"no weights":        {[]int32{1, 1}, nil},
		"other size":        {[]int32{1, 1, 1}, good},
		"diagonal":          {[]int32{1, 1}, csr([]int32{0}, []float32{1})},
		"item out of range": {[]int32{1, 1}, csr([]int32{2}, []float32{1})},
		"negative item":     {[]int32{1, 1}, csr([]int32{-1}, []float32{1})},
		"NaN":               {[]int32{1, 1}, csr([]int32{1}, []float32{float32(math.NaN())})},
		"infinite":          {[]int32{1, 1}, csr([]int32{1}, []float32{float32(math.Inf(1))})},
		"short values":      {[]int32{1, 1}, csr([]int32{1}, nil)},
		"falling pointers":  {[]int32{1, 1}, &matrix.CSR{Rows: 2, Cols: 2, Indptr: []int64{0, 2, 1}, Indices: []int32{1}, Values: []float32{1}}},
	} {
		if _, err := New(Options{}, c.customers, c.weights); err == nil {
			t.Errorf("%s is accepted", name)
		}
	}
	if _, err := New(Options{L2: -1}, []int32{1, 1}, good); err == nil {
		t.Error("a wrong option is accepted")
	}
}

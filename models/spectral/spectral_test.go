package spectral

import (
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
)

const today = 50

func number(x float64) *float64 { return &x }

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

// The constants are numpy 2.4's, by eigh of the dense AᵀA.
func TestAgainstNumpy(t *testing.T) {
	for _, c := range []struct {
		o    Options
		want [25]float64
	}{
		{Options{}, [25]float64{
			0., -0.00456451, -0.064580687, -0.026365139, 0.03456545,
			-0.00456451, 0., 0.037489183, 0., -0.021348807,
			-0.075651748, 0.04391595, 0., 0.03100637, 0.,
			-0.038600823, 0., 0.038752624, 0., 0.00483167,
			0.040491002, -0.025008631, 0., 0.003865868, 0.,
		}},
		{Options{UserNorm: number(0.5), HistoryNorm: number(0), ScoreNorm: number(0.5), Sharpening: number(0.4), Smoothing: 0.3, Factors: 2, Iterations: 50}, [25]float64{
			0., 0.472985406, 0.047468948, 0.093499926, 0.519016385,
			0.472985406, 0., 0.341880015, 0., 0.321627282,
			0.05481242, 0.394769038, 0., 0.357247616, 0.,
			0.132228863, 0., 0.437537185, 0., 0.132744486,
			0.599308499, 0.371383195, 0., 0.108385419, 0.,
		}},
	} {
		m := fitted(t, small(t), c.o)
		for i := range int32(5) {
			for j := range int32(5) {
				if got, want := float64(m.Weight(i, j)), c.want[i*5+j]; math.Abs(got-want) > 5e-6 {
					t.Errorf("%+v: weight of %d for %d is %.7f, want %.7f", c.o, i, j, got, want)
				}
			}
		}
	}
}

// dense returns the weights of the package documentation, computed by gonum with
// every eigenvector.
func dense(g *graph, o Options) *mat.Dense {
	n := len(g.known)
	a := mat.NewDense(g.byUser.Rows, n, nil)
	for u := range g.byUser.Rows {
		items, weights := g.byUser.Row(u)
		for k, i := range items {
			a.Set(u, int(i), float64(weights[k]))
		}
	}
	var gram mat.SymDense
	gram.SymOuterK(1, a.T())
	var e mat.EigenSym
	if !e.Factorize(&gram, true) {
		panic("no eigenvectors")
	}
	values := e.Values(nil)
	var v, shaped, f mat.Dense
	e.VectorsTo(&v)
	shaped.CloneFrom(&v)
	for k, value := range values {
		l := max(value/values[n-1], 0)
		for i := range n {
			shaped.Set(i, k, (l-*o.Sharpening*l*l)*v.At(i, k))
		}
	}
	f.Mul(&shaped, v.T())
	for i, own := range g.known {
		for j, other := range g.known {
			x := f.At(i, j) * math.Pow(float64(g.customers[own]), -*o.HistoryNorm) * math.Pow(float64(g.customers[other]), *o.ScoreNorm)
			if i == j || gram.At(i, j) == 0 {
				x = 0
			}
			f.Set(i, j, x)
		}
	}
	return &f
}

// Whatever the shop, a score is the history times weights computed densely.
func TestAgainstDense(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		ev := random(t, rapid.IntRange(1, 30).Draw(rt, "users"), rapid.IntRange(1, 25).Draw(rt, "items"), rapid.IntRange(1, 200).Draw(rt, "pairs"), rapid.Uint64().Draw(rt, "seed"))
		share := func(name string) *float64 { return number(rapid.SampledFrom([]float64{0, 0.3, 1}).Draw(rt, name)) }
		o, err := Options{Sharpening: share("sharpening"), UserNorm: share("user norm"), HistoryNorm: share("history norm"), ScoreNorm: share("score norm"),
			Weighted: rapid.Bool().Draw(rt, "weighted"), HalfLifeDays: rapid.SampledFrom([]float64{0, 30}).Draw(rt, "half-life")}.resolved()
		if err != nil {
			rt.Fatal(err)
		}
		now := rapid.Int32Range(1, today).Draw(rt, "now")
		m, err := Fit(t.Context(), ev, now, o, nil)
		g := newGraph(ev, now, o)
		if len(g.known) == 0 {
			if !errors.Is(err, models.ErrNoData) {
				rt.Fatalf("nothing to learn from: %v", err)
			}
			return
		}
		if err != nil {
			rt.Fatal(err)
		}
		w := dense(g, o)
		user := rapid.IntRange(0, ev.Users-1).Draw(rt, "user")
		items, counts := o.counting().Append(nil, nil, ev.History(user), now)
		scores := make([]float32, ev.Items)
		if err := m.Score(ev.History(user), now, scores); (err != nil) != (len(items) == 0) {
			rt.Fatalf("%d items in the history: %v", len(items), err)
		}
		for j, item := range g.known {
			want := 0.0
			for k, own := range items {
				i, _ := slices.BinarySearch(g.known, own)
				want += float64(counts[k]) * w.At(i, j)
			}
			if got := float64(scores[item]); math.Abs(got-want) > 1e-3*(1+math.Abs(want)) {
				rt.Fatalf("score of item %d is %v, want %v", item, got, want)
			}
		}
	})
}

// planted is a matrix with known singular values: an orthonormal basis of users,
// scaled, times one of items.
func planted(users, items int, singular []float64) *graph {
	rng := rand.New(rand.NewPCG(9, 9))
	basis := func(n int) *mat.Dense {
		x := mat.NewDense(n, len(singular), nil)
		for i := range n {
			for j := range singular {
				x.Set(i, j, rng.NormFloat64())
			}
		}
		var qr mat.QR
		qr.Factorize(x)
		var q mat.Dense
		qr.QTo(&q)
		return mat.DenseCopyOf(q.Slice(0, n, 0, len(singular)))
	}
	u, v := basis(users), basis(items)
	m := &matrix.CSR{Rows: users, Cols: items, Indptr: make([]int64, 1)}
	for r := range users {
		for c := range items {
			x := 0.0
			for k, s := range singular {
				x += u.At(r, k) * s * v.At(c, k)
			}
			m.Indices, m.Values = append(m.Indices, int32(c)), append(m.Values, float32(x))
		}
		m.Indptr = append(m.Indptr, int64(len(m.Indices)))
	}
	return &graph{byUser: m, byItem: m.Transpose(), known: make([]int32, items)}
}

// The search finds planted eigenvalues, orthonormal eigenvectors that belong to
// them, and no more than there are.
func TestSpectrum(t *testing.T) {
	singular := make([]float64, 60)
	for k := range singular {
		singular[k] = math.Pow(0.95, float64(k))
	}
	g := planted(150, 120, singular)
	for _, wanted := range []int{1, 10, 60, 100} {
		s, err := newSpectrum(t.Context(), g, Options{Factors: wanted, Iterations: 8, Workers: 2}, func() {})
		if err != nil {
			t.Fatal(err)
		}
		d := len(s.values)
		if d != min(wanted, 60) {
			t.Fatalf("%d eigenvectors of %d wanted, 60 there", d, wanted)
		}
		for k, got := range s.values {
			if want := singular[k] * singular[k]; math.Abs(got-want) > 2e-3*want {
				t.Errorf("eigenvalue %d is %v, want %v", k, got, want)
			}
		}
		requireEigenvectors(t, g, s)
	}
}

func requireEigenvectors(t *testing.T, g *graph, s *spectrum) {
	t.Helper()
	d := len(s.values)
	sub := &subspace{g: g, workers: 1, columns: d, basis: s.vectors}
	for i, x := range gramOf(s.vectors, d, 1) {
		want := 0.0
		if i/d == i%d {
			want = 1
		}
		if math.Abs(float64(x)-want) > 1e-4 {
			t.Fatalf("product of eigenvectors %d and %d is %v", i/d, i%d, x)
		}
	}
	byUser, err := sub.multiply(t.Context(), g.byUser, s.vectors)
	if err != nil {
		t.Fatal(err)
	}
	again, err := sub.multiply(t.Context(), g.byItem, byUser)
	if err != nil {
		t.Fatal(err)
	}
	for i, x := range again {
		if want := s.values[i%d] * float64(s.vectors[i]); math.Abs(float64(x)-want) > 0.02*s.values[i%d] {
			t.Fatalf("AᵀA turns entry %d of eigenvector %d into %v, want %v", i/d, i%d, x, want)
		}
	}
}

// The largest weights of an item stay, the others go.
func TestNeighbours(t *testing.T) {
	ev := random(t, 60, 20, 500, 1)
	all, few := fitted(t, ev, Options{}), fitted(t, ev, Options{Neighbours: 4})
	for i := range 20 {
		_, vals := all.Weights.Row(i)
		sizes := make([]float64, len(vals))
		for k, w := range vals {
			sizes[k] = math.Abs(float64(w))
		}
		slices.Sort(sizes)
		cols, kept := few.Weights.Row(i)
		if len(cols) != 4 {
			t.Errorf("item %d keeps %d weights, want 4", i, len(cols))
		}
		for k, j := range cols {
			if kept[k] != all.Weight(int32(i), j) || math.Abs(float64(kept[k])) < sizes[len(sizes)-4] {
				t.Errorf("item %d: weight for %d is %v, was %v; the fourth largest is %v", i, j, kept[k], all.Weight(int32(i), j), sizes[len(sizes)-4])
			}
		}
	}
}

// A user with more than MaxUserItems items counts with the heaviest, of equals the
// rarest.
func TestMaxUserItems(t *testing.T) {
	list := []matrix.Event{{User: 0, Item: 0, Weight: 5}, {User: 0, Item: 1, Weight: 1}, {User: 0, Item: 2, Weight: 1}, {User: 0, Item: 3, Weight: 2}, {User: 1, Item: 1, Weight: 1}, {User: 1, Item: 3, Weight: 1}}
	ev, err := matrix.NewEvents(2, 4, list)
	if err != nil {
		t.Fatal(err)
	}
	g := newGraph(ev, today, Options{Weighted: true, UserNorm: number(0), MaxUserItems: 3})
	for u, want := range [][]int32{{0, 2, 3}, {1, 3}} {
		if items, _ := g.byUser.Row(u); !slices.Equal(items, want) {
			t.Errorf("user %d keeps %v, want %v", u, items, want)
		}
	}
}

func TestSeedAndWorkers(t *testing.T) {
	ev := random(t, 200, 300, 4000, 3)
	same := func(a, b *Model) bool {
		return slices.Equal(a.Weights.Indices, b.Weights.Indices) && slices.Equal(a.Weights.Values, b.Weights.Values)
	}
	o := Options{Factors: 20, Workers: 1, Seed: 1}
	one := fitted(t, ev, o)
	o.Workers = 3
	if !same(one, fitted(t, ev, o)) {
		t.Error("weights depend on the number of workers")
	}
	o.Seed = 2
	if same(one, fitted(t, ev, o)) {
		t.Error("another seed gives the same bytes: it is not used")
	}
}

func TestCancelAndProgress(t *testing.T) {
	ev := random(t, 200, 300, 4000, 4)
	ctx, cancel := context.WithCancel(t.Context())
	if _, err := Fit(ctx, ev, today, Options{}, func(int, int) { cancel() }); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled on the way: %v", err)
	}
	last := 0
	if _, err := Fit(t.Context(), ev, today, Options{}, func(done, total int) {
		if done <= last || done > total {
			t.Errorf("progress %d of %d after %d", done, total, last)
		}
		last = done
	}); err != nil {
		t.Fatal(err)
	}
	if last != 1000 {
		t.Errorf("progress ends at %d of 1000", last)
	}
}

// With the exponents of history and score alike, similarity has one direction only.
func TestSimilarAndExplain(t *testing.T) {
	m := fitted(t, small(t), Options{})
	rows := make([][]float32, 5)
	for i := range rows {
		rows[i] = make([]float32, 5)
		if err := m.Similar(int32(i), rows[i]); err != nil {
			t.Fatal(err)
		}
	}
	for i := range rows {
		for j := range rows {
			if math.Abs(float64(rows[i][j]-rows[j][i])) > 1e-6 {
				t.Errorf("similarity of %d to %d is %v, back it is %v", i, j, rows[i][j], rows[j][i])
			}
		}
	}
	h := matrix.History{Item: []int32{0, 3}, Day: []int32{1, 1}, Weight: []float32{1, 1}}
	best := int32(0)
	if m.Weight(3, 4) > m.Weight(0, 4) {
		best = 3
	}
	if r, ok := m.Explain(h, today, 4); !ok || r != (models.Reason{Kind: models.ReasonBought, Item: best}) {
		t.Errorf("reason for item 4 is %+v, %v; item 0 adds %v, item 3 %v", r, ok, m.Weight(0, 4), m.Weight(3, 4))
	}
	for _, item := range []int32{-1, 5, math.MaxInt32} {
		if _, ok := m.Explain(h, today, item); ok {
			t.Errorf("there is a reason for item %d of 5", item)
		}
		if err := m.Similar(item, rows[0]); !errors.Is(err, models.ErrUnknown) {
			t.Errorf("similar to item %d of 5: %v", item, err)
		}
	}
}

func TestOptions(t *testing.T) {
	ev := random(t, 5, 5, 20, 5)
	for _, o := range []Options{{Factors: -1}, {Factors: 1025}, {Iterations: -1}, {Sharpening: number(-0.1)}, {Sharpening: number(1.1)}, {Smoothing: -1}, {Smoothing: math.Inf(1)},
		{UserNorm: number(2)}, {UserNorm: number(math.NaN())}, {HistoryNorm: number(-2)}, {ScoreNorm: number(math.NaN())}, {HalfLifeDays: -1}, {HalfLifeDays: math.Inf(1)},
		{Neighbours: -1}, {MaxUserItems: 1}, {Workers: -1}} {
		var wrong *models.OptionError
		if _, err := Fit(t.Context(), ev, today, o, nil); !errors.As(err, &wrong) {
			t.Errorf("%+v: %v", o, err)
		}
	}
	fitted(t, ev, Options{Factors: 1024, Neighbours: 1_000_000}) // more than there are items
}

// Weights beyond what float32 can hold give finite weights, never a wrong number.
func TestHugeWeights(t *testing.T) {
	ev := random(t, 30, 10, 200, 6)
	for i := range ev.Weight {
		ev.Weight[i] = math.MaxFloat32
		if i%3 == 0 {
			ev.Weight[i] = math.SmallestNonzeroFloat32
		}
	}
	m := fitted(t, ev, Options{Weighted: true})
	scores := make([]float32, 10)
	for u := range 30 {
		if err := m.Score(ev.History(u), today, scores); err != nil && !errors.Is(err, models.ErrUnknown) {
			t.Fatal(err)
		}
		for i, s := range scores {
			if math.IsNaN(float64(s)) || math.IsInf(float64(s), 0) {
				t.Fatalf("user %d: score of item %d is %v", u, i, s)
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
	if _, err := New(Options{Factors: -1}, []int32{1, 1}, good); err == nil {
		t.Error("a wrong option is accepted")
	}
}

package ials

import (
	"errors"
	"math"
	"math/rand/v2"
	"testing"

	"gonum.org/v1/gonum/mat"

	"regulars/features/matrix"
	"regulars/models"
)

func random(t testing.TB, users, items, pairs int) *matrix.Events {
	t.Helper()
	rng := rand.New(rand.NewPCG(5, 6))
	list := make([]matrix.Event, pairs)
	for i := range list {
		list[i] = matrix.Event{User: rng.Int32N(int32(users)), Item: rng.Int32N(int32(items)), Day: rng.Int32N(50), Weight: 1 + rng.Float32()}
	}
	ev, err := matrix.NewEvents(users, items, list)
	if err != nil {
		t.Fatal(err)
	}
	return ev
}

// denseLoss is the loss of Options written out over every pair, users × items.
func denseLoss(f *fit) float64 {
	d, loss := f.o.Factors, 0.0
	weight := mat.NewDense(f.byUser.Rows, f.byUser.Cols, nil)
	for u := range f.byUser.Rows {
		cols, roots := f.byUser.Row(u)
		for i, c := range cols {
			weight.Set(u, int(c), float64(roots[i])*float64(roots[i]))
		}
	}
	for u := range f.byUser.Rows {
		for i := range f.byUser.Cols {
			y := 0.0
			for j := range d {
				y += float64(f.users[u*d+j]) * float64(f.items[i*d+j])
			}
			loss += weight.At(u, i)*(y-1)*(y-1) + f.o.Unobserved*y*y
		}
	}
	return loss + ridgeLoss(f.o, f.byUser.CSR, f.users, f.byItem.known) + ridgeLoss(f.o, f.byItem.CSR, f.items, f.byUser.known)
}

func ridgeLoss(o Options, seen *matrix.CSR, factors []float32, partners int) float64 {
	loss := 0.0
	for r := range seen.Rows {
		n := float64(seen.Indptr[r+1] - seen.Indptr[r])
		scale := o.Regularization * math.Pow(n+o.Unobserved*float64(partners), *o.RegExponent)
		for _, x := range factors[r*o.Factors : (r+1)*o.Factors] {
			loss += scale * float64(x) * float64(x)
		}
	}
	return loss
}

func newTestFit(t *testing.T, o Options) *fit {
	t.Helper()
	o, err := o.resolved()
	if err != nil {
		t.Fatal(err)
	}
	return newFit(confidence(random(t, 25, 18, 120), 50, o), o)
}

// Every half sweep is an exact minimisation, of all coordinates or of one block
// after the other, so the loss never rises but for rounding.
func TestLossNeverRises(t *testing.T) {
	for _, o := range []Options{{Factors: 6}, {Factors: 30, Alpha: number(0), RegExponent: number(0)}, {Factors: 4, HalfLifeDays: 10, Unobserved: 2, RegExponent: number(0.5)},
		{Factors: 130}, {Factors: 150, Block: 1}, {Factors: 150, Block: 512}} {
		f := newTestFit(t, o)
		before := math.Inf(1)
		for range 10 {
			for _, half := range []func() error{
				func() error { return f.solveSide(t.Context(), f.byUser, f.users, f.items, f.byItem.known) },
				func() error { return f.solveSide(t.Context(), f.byItem, f.items, f.users, f.byUser.known) },
			} {
				if err := half(); err != nil {
					t.Fatal(err)
				}
				loss := denseLoss(f)
				if loss > before*(1+1e-6) {
					t.Fatalf("%+v: loss rises from %v to %v", o, before, loss)
				}
				before = loss
			}
		}
	}
}

// Each user row must solve the normal equations (Vᵀ W V + ridge) w = Vᵀ c with
// W = Unobserved + c over all items: all at once, by blocks when repeated, and
// with confidences that only float64 can hold.
func TestAgainstDenseNormalEquations(t *testing.T) {
	for name, c := range map[string]struct {
		o         Options
		repeat    int
		tolerance float64
	}{
		"exact":           {Options{Factors: 7, Alpha: number(2.5), HalfLifeDays: 20}, 1, 1e-4},
		"exact, many":     {Options{Factors: 128, Alpha: number(2.5)}, 1, 1e-4},
		"blocks":          {Options{Factors: 132, Block: 50, Alpha: number(2.5)}, 60, 1e-4},
		"one block":       {Options{Factors: 132, Block: 132, Alpha: number(2.5)}, 1, 1e-4},
		"huge confidence": {Options{Factors: 7, Alpha: number(1e6)}, 1, 1e-4},
	} {
		t.Run(name, func(t *testing.T) {
			o := c.o
			o.Unobserved, o.Regularization, o.RegExponent = 0.3, 0.03, number(0.7)
			f := newTestFit(t, o)
			spread(f)
			for range c.repeat {
				if err := f.solveSide(t.Context(), f.byUser, f.users, f.items, f.byItem.known); err != nil {
					t.Fatal(err)
				}
			}
			requireDenseSolution(t, f, c.tolerance)
		})
	}
}

// spread makes the items' factors as large as those of a fitted model.
func spread(f *fit) {
	scale := float32(10 / math.Sqrt(float64(f.o.Factors)) * 3)
	for i := range f.items {
		f.items[i] *= scale
	}
}

func requireDenseSolution(t *testing.T, f *fit, tolerance float64) {
	t.Helper()
	d := f.o.Factors
	v := mat.NewDense(f.byItem.Rows, d, nil)
	for i, x := range f.items {
		v.Set(i/d, i%d, float64(x))
	}
	for u := range f.byUser.Rows {
		cols, roots := f.byUser.Row(u)
		w, c := mat.NewDiagDense(f.byItem.Rows, nil), mat.NewVecDense(f.byItem.Rows, nil)
		for i := range f.byItem.Rows {
			w.SetDiag(i, f.o.Unobserved)
		}
		for i, col := range cols {
			w.SetDiag(int(col), f.o.Unobserved+float64(roots[i])*float64(roots[i]))
			c.SetVec(int(col), float64(roots[i])*float64(roots[i]))
		}
		var vw, a mat.Dense
		vw.Mul(v.T(), w)
		a.Mul(&vw, v)
		for j := range d {
			a.Set(j, j, a.At(j, j)+f.o.Regularization*math.Pow(float64(len(cols))+f.o.Unobserved*float64(f.byItem.known), *f.o.RegExponent))
		}
		var b, want mat.VecDense
		b.MulVec(v.T(), c)
		if err := want.SolveVec(&a, &b); err != nil {
			t.Fatal(err)
		}
		size := mat.Norm(&want, math.Inf(1))
		for j := range d {
			if got := float64(f.users[u*d+j]); math.Abs(got-want.AtVec(j)) > tolerance*size {
				t.Fatalf("user %d factor %d is %v, want %v of up to %v", u, j, got, want.AtVec(j), size)
			}
		}
	}
}

// Folding a history in gives what the user half of a sweep gives for that user.
func TestFoldInEqualsSweep(t *testing.T) {
	ev := random(t, 40, 30, 300)
	o := Options{Factors: 8, Iterations: 5, Seed: 3}
	m, err := Fit(t.Context(), ev, 50, o, nil)
	if err != nil {
		t.Fatal(err)
	}
	f := newFit(confidence(ev, 50, m.Options), m.Options)
	copy(f.items, m.Factors)
	if err := f.solveSide(t.Context(), f.byUser, f.users, f.items, f.byItem.known); err != nil {
		t.Fatal(err)
	}
	user := make([]float32, 8)
	for u := range ev.Users {
		if err := m.User(ev.History(u), 50, user); err != nil {
			t.Fatal(err)
		}
		for j, x := range user {
			if want := f.users[u*8+j]; math.Abs(float64(x-want)) > 1e-5*(1+math.Abs(float64(want))) {
				t.Fatalf("user %d factor %d folded in is %v, swept %v", u, j, x, want)
			}
		}
	}
}

// Two groups of customers with nothing in common: the items of one group are
// alike and unlike the other's.
func TestSimilar(t *testing.T) {
	var list []matrix.Event
	for u := range int32(40) {
		for i := range int32(5) {
			if (u+i)%5 != 0 {
				list = append(list, matrix.Event{User: u, Item: i + 5*(u%2), Day: 1, Weight: 1})
			}
		}
	}
	ev, err := matrix.NewEvents(40, 11, list)
	if err != nil {
		t.Fatal(err)
	}
	m, err := Fit(t.Context(), ev, 2, Options{Factors: 2}, nil)
	if err != nil {
		t.Fatal(err)
	}
	dst := make([]float32, 11)
	if err := m.Similar(2, dst); err != nil {
		t.Fatal(err)
	}
	for i, s := range dst {
		if same := i < 5; same && s < 0.8 || !same && s > 0.2 {
			t.Errorf("item %d is %v similar to item 2", i, s)
		}
	}
	for _, item := range []int32{10, -1, 11} {
		if err := m.Similar(item, dst); !errors.Is(err, models.ErrUnknown) {
			t.Errorf("item %d gives %v, want ErrUnknown", item, err)
		}
	}
}

// The result must not depend on the number of workers, and must on the seed.
func TestWorkersAndSeed(t *testing.T) {
	ev := random(t, 200, 100, 3000)
	fitted := func(workers int, seed uint64) []float32 {
		m, err := Fit(t.Context(), ev, 50, Options{Factors: 8, Iterations: 3, Workers: workers, Seed: seed}, nil)
		if err != nil {
			t.Fatal(err)
		}
		return m.Factors
	}
	one, five, other := fitted(1, 1), fitted(5, 1), fitted(1, 2)
	same := true
	for i := range one {
		if one[i] != five[i] {
			t.Fatalf("factor %d is %v with 1 worker, %v with 5", i, one[i], five[i])
		}
		same = same && one[i] == other[i]
	}
	if same {
		t.Error("another seed gives the same factors")
	}
}

func TestProgress(t *testing.T) {
	var seen []int
	if _, err := Fit(t.Context(), random(t, 5, 5, 10), 50, Options{Factors: 2, Iterations: 3}, func(done, total int) { seen = append(seen, done*10+total) }); err != nil {
		t.Fatal(err)
	}
	if len(seen) != 3 || seen[0] != 13 || seen[2] != 33 {
		t.Errorf("progress %v, want 1, 2, 3 of 3", seen)
	}
}

func TestRefuses(t *testing.T) {
	nan := math.NaN()
	for _, o := range []Options{{Factors: -1}, {Factors: 513}, {Block: -1}, {Block: 513}, {Iterations: -1}, {Alpha: number(-1)}, {Alpha: number(nan)}, {Unobserved: -1}, {Unobserved: nan},
		{Regularization: nan}, {Regularization: -1}, {RegExponent: number(2)}, {HalfLifeDays: -1}, {HalfLifeDays: math.Inf(1)}, {Workers: -1}} {
		var wrong *models.OptionError
		if _, err := Fit(t.Context(), random(t, 5, 5, 10), 50, o, nil); !errors.As(err, &wrong) {
			t.Errorf("%+v gives %v, want an option error", o, err)
		}
	}
	for _, factors := range [][]float32{nil, {1, 2, 3}, {1, float32(nan)}} {
		if _, err := New(Options{Factors: 2}, factors); err == nil {
			t.Errorf("stored factors %v are accepted", factors)
		}
	}
}

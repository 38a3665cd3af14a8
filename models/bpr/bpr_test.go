package bpr

import (
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

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

func fitted(t testing.TB, ev *matrix.Events, o Options) *Model {
	t.Helper()
	m, err := Fit(t.Context(), ev, 100, o, nil)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func random(t testing.TB, users, items, pairs int) *matrix.Events {
	rng := rand.New(rand.NewPCG(5, 6))
	list := make([]matrix.Event, pairs)
	for i := range list {
		list[i] = matrix.Event{User: rng.Int32N(int32(users)), Item: rng.Int32N(int32(items)), Day: rng.Int32N(100), Weight: 1}
	}
	return events(t, users, items, list)
}

// simulated draws a shop of known truth: every pair happens with probability
// σ(taste), taste = 2·⟨a_u, b_i⟩ − 2 with 3 standard normal factors on each side;
// a fifth of what happens is held back.
func simulated(t testing.TB, users, items int) (train *matrix.Events, held [][]int32, taste [][]float64) {
	rng := rand.New(rand.NewPCG(8, 9))
	draw := func(n int) [][3]float64 {
		out := make([][3]float64, n)
		for i := range out {
			out[i] = [3]float64{rng.NormFloat64(), rng.NormFloat64(), rng.NormFloat64()}
		}
		return out
	}
	a, b := draw(users), draw(items)
	held, taste = make([][]int32, users), make([][]float64, users)
	var list []matrix.Event
	for u := range users {
		taste[u] = make([]float64, items)
		for i := range items {
			taste[u][i] = 2*(a[u][0]*b[i][0]+a[u][1]*b[i][1]+a[u][2]*b[i][2]) - 2
			if rng.Float64() > 1/(1+math.Exp(-taste[u][i])) {
				continue
			}
			if rng.Float64() < 0.2 {
				held[u] = append(held[u], int32(i))
			} else {
				list = append(list, matrix.Event{User: int32(u), Item: int32(i), Day: 1, Weight: 1})
			}
		}
	}
	return events(t, users, items, list), held, taste
}

// areaUnderCurve is the mean over users of the share of pairs (held back, never
// happened) that the score orders rightly.
func areaUnderCurve(train *matrix.Events, held [][]int32, score func(u int) []float64) float64 {
	sum, n := 0.0, 0
	for u, positives := range held {
		has := train.History(u).Item
		if len(positives) == 0 || len(has) == 0 {
			continue
		}
		s, right, pairs := score(u), 0.0, 0.0
		for j := range s {
			if slices.Contains(has, int32(j)) || slices.Contains(positives, int32(j)) {
				continue
			}
			for _, i := range positives {
				pairs++
				if s[i] > s[j] {
					right++
				}
			}
		}
		sum, n = sum+right/pairs, n+1
	}
	return sum / float64(n)
}

// The best that any model can do with what is held back is to order by the taste
// that drew it. A model of more factors than the truth comes within 0.03 of
// that, both with the user factors that were trained and by fold-in.
func TestFindsKnownTruth(t *testing.T) {
	train, held, taste := simulated(t, 300, 200)
	o, err := Options{Factors: 8, Epochs: 60, Regularization: number(0.02)}.resolved()
	if err != nil {
		t.Fatal(err)
	}
	f := newFit(observe(train, 100, 0), o)
	for e := range o.Epochs {
		if err := f.epoch(t.Context(), e); err != nil {
			t.Fatal(err)
		}
	}
	m, err := New(o, f.items, f.bias)
	if err != nil {
		t.Fatal(err)
	}
	best := areaUnderCurve(train, held, func(u int) []float64 { return taste[u] })
	trained := areaUnderCurve(train, held, func(u int) []float64 {
		s := make([]float64, train.Items)
		for i := range s {
			s[i] = float64(dot(row(f.users, int32(u), o.Factors), row(f.items, int32(i), o.Factors)) + f.bias[i])
		}
		return s
	})
	folded := areaUnderCurve(train, held, func(u int) []float64 {
		dst, s := make([]float32, train.Items), make([]float64, train.Items)
		if err := m.Score(train.History(u), 100, dst); err != nil {
			t.Fatal(err)
		}
		for i, x := range dst {
			s[i] = float64(x)
		}
		return s
	})
	t.Logf("area under the curve: truth %.4f, trained %.4f, folded in %.4f", best, trained, folded)
	if best-trained > 0.03 || best-folded > 0.03 || trained > best || folded > best {
		t.Errorf("area under the curve: truth %.4f, trained %.4f, folded in %.4f", best, trained, folded)
	}
}

// criterion is that of Options for one sample, in float64.
func criterion(f *fit, u, i, j int32) float64 {
	d, x, norms := f.o.Factors, float64(f.bias[i])-float64(f.bias[j]), 0.0
	for k := range d {
		w, p, n := float64(f.users[int(u)*d+k]), float64(f.items[int(i)*d+k]), float64(f.items[int(j)*d+k])
		x += w * (p - n)
		norms += w*w + p*p + n*n
	}
	norms += float64(f.bias[i])*float64(f.bias[i]) + float64(f.bias[j])*float64(f.bias[j])
	return -math.Log1p(math.Exp(-x)) - *f.o.Regularization/2*norms
}

// A step must go along the gradient of the criterion, found here by differences.
func TestStepFollowsTheGradient(t *testing.T) {
	o, err := Options{Factors: 3, Regularization: number(0.3)}.resolved()
	if err != nil {
		t.Fatal(err)
	}
	f := newFit(observe(random(t, 4, 6, 12), 100, 0), o)
	rng := rand.New(rand.NewPCG(1, 1))
	for _, numbers := range [][]float32{f.users, f.items, f.bias} {
		for k := range numbers {
			numbers[k] = float32(rng.NormFloat64())
		}
	}
	const u, i, j, rate, h = 2, 1, 4, 1e-3, 1e-2
	before := [][]float32{slices.Clone(f.users), slices.Clone(f.items), slices.Clone(f.bias)}
	var slopes [][]float64
	for _, numbers := range [][]float32{f.users, f.items, f.bias} {
		s := make([]float64, len(numbers))
		for k, x := range numbers {
			numbers[k] = x + h
			up := criterion(f, u, i, j)
			numbers[k] = x - h
			s[k] = (up - criterion(f, u, i, j)) / (2 * h)
			numbers[k] = x
		}
		slopes = append(slopes, s)
	}
	f.step(u, i, j, rate)
	for side, numbers := range [][]float32{f.users, f.items, f.bias} {
		for k, x := range numbers {
			if got := float64(x-before[side][k]) / rate; math.Abs(got-slopes[side][k]) > 2e-3 {
				t.Errorf("side %d number %d moves by %v, the gradient is %v", side, k, got, slopes[side][k])
			}
		}
	}
}

// The mean criterion over all pairs of positives and negatives rises with epochs.
func TestCriterionRises(t *testing.T) {
	train, _, _ := simulated(t, 60, 50)
	o, err := Options{Factors: 4, Epochs: 40}.resolved()
	if err != nil {
		t.Fatal(err)
	}
	f := newFit(observe(train, 100, 0), o)
	mean := func() float64 {
		sum, n := 0.0, 0.0
		for u := range f.seen.Rows {
			cols, _ := f.seen.Row(u)
			for _, i := range cols {
				for j := range int32(50) {
					if !slices.Contains(cols, j) {
						sum, n = sum+criterion(f, int32(u), i, j), n+1
					}
				}
			}
		}
		return sum / n
	}
	last := mean()
	for e := range o.Epochs {
		if err := f.epoch(t.Context(), e); err != nil {
			t.Fatal(err)
		}
		if e%10 == 9 {
			if now := mean(); now <= last {
				t.Errorf("after %d epochs the criterion is %v, before %v", e+1, now, last)
			} else {
				last = now
			}
		}
	}
}

// A fold-in of many steps ends where the gradient over the user's own factors is
// nothing, which a concave criterion has only at its maximum; the default number
// of steps comes close to that.
func TestFoldInMaximises(t *testing.T) {
	train, _, _ := simulated(t, 80, 60)
	m := fitted(t, train, Options{Factors: 5, Epochs: 30})
	long, err := New(Options{Factors: 5, FoldSteps: 5000}, m.Factors, m.Bias)
	if err != nil {
		t.Fatal(err)
	}
	for u := range 20 {
		f := long.scratch.New().(*folder)
		if err := long.fold(f, train.History(u), 100); err != nil {
			t.Fatal(err)
		}
		copy(f.ahead, f.user)
		long.slope(f)
		for k, g := range f.gradient {
			if math.Abs(g) > 1e-5 {
				t.Errorf("user %d: gradient %v along factor %d", u, g, k)
			}
		}
		short := make([]float32, 5)
		if err := m.User(train.History(u), 100, short); err != nil {
			t.Fatal(err)
		}
		for k, x := range short {
			if math.Abs(float64(x-f.user[k])) > 0.05*(1+math.Sqrt(squares(f.user))) {
				t.Errorf("user %d factor %d: %v after the default steps, %v at the maximum", u, k, x, f.user[k])
			}
		}
	}
}

// The cells hold every positive once, and those of a round share no user block
// and no item block.
func TestCells(t *testing.T) {
	ev := random(t, 100, 1100, 3000)
	o, err := Options{HalfLifeDays: 30}.resolved()
	if err != nil {
		t.Fatal(err)
	}
	d := newData(observe(ev, 100, 30), o)
	if d.blocks != 4 {
		t.Fatalf("%d blocks of 1,100 items", d.blocks)
	}
	seen := map[positive]bool{}
	for n, c := range d.cells {
		for _, p := range c.positives {
			if seen[p] || int(p.user)%d.blocks != n/d.blocks || int(d.blockOf[p.item]) != n%d.blocks {
				t.Fatalf("%+v in cell %d, before %v", p, n, seen[p])
			}
			seen[p] = true
		}
	}
	if len(seen) != d.seen.NNZ() {
		t.Errorf("%d positives in cells, %d happened", len(seen), d.seen.NNZ())
	}
}

// The table's chances, added up, are those given.
func TestAlias(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		weights := rapid.SliceOfN(rapid.Float64Range(1e-6, 10), 1, 40).Draw(t, "weights")
		a, sum := newAlias(weights), 0.0
		chance := make([]float64, len(weights))
		for i, keep := range a.keep {
			keep = min(keep, 1)
			chance[i] += keep
			chance[a.other[i]] += 1 - keep
			sum += weights[i]
		}
		for i, w := range weights {
			if want := w / sum * float64(len(weights)); math.Abs(chance[i]-want) > 1e-9 {
				t.Fatalf("weight %d of %v is drawn with %v, want %v", i, weights, chance[i], want)
			}
		}
	})
}

// With decay, what was bought long ago hardly counts.
func TestDecay(t *testing.T) {
	var list []matrix.Event
	for u := range int32(40) {
		list = append(list, matrix.Event{User: u, Item: u % 10, Day: 99, Weight: 1}, matrix.Event{User: u, Item: 10 + u%10, Day: 0, Weight: 1})
	}
	m := fitted(t, events(t, 40, 20, list), Options{Factors: 2, HalfLifeDays: 5})
	if late, early := slices.Min(m.Bias[:10]), slices.Max(m.Bias[10:]); late <= early {
		t.Errorf("biases of what is bought now start at %v, of what was bought long ago end at %v", late, early)
	}
}

func TestWorkersAndSeed(t *testing.T) {
	ev := random(t, 200, 1100, 4000)
	run := func(workers int, seed uint64) *Model {
		return fitted(t, ev, Options{Factors: 8, Epochs: 3, Workers: workers, Seed: seed, HalfLifeDays: 50})
	}
	one, five, other := run(1, 1), run(5, 1), run(1, 2)
	if !slices.Equal(one.Factors, five.Factors) || !slices.Equal(one.Bias, five.Bias) {
		t.Error("factors differ between 1 and 5 workers")
	}
	if slices.Equal(one.Factors, other.Factors) {
		t.Error("another seed gives the same factors")
	}
}

// Two groups of customers with nothing in common.
func TestSimilar(t *testing.T) {
	var list []matrix.Event
	for u := range int32(40) {
		for i := range int32(5) {
			if (u+i)%5 != 0 {
				list = append(list, matrix.Event{User: u, Item: i + 5*(u%2), Day: 1, Weight: 1})
			}
		}
	}
	m := fitted(t, events(t, 40, 11, list), Options{Factors: 4})
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
	h := matrix.History{Item: []int32{0, 1}, Day: []int32{1, 1}, Weight: []float32{1, 1}}
	if err := m.Score(h, 100, dst); err != nil || dst[10] != slices.Min(dst[:10]) {
		t.Errorf("an item never sold scores %v of %v (%v)", dst[10], dst, err)
	}
}

func TestProgressAndCancel(t *testing.T) {
	var seen []int
	if _, err := Fit(t.Context(), random(t, 5, 5, 10), 100, Options{Factors: 2, Epochs: 3}, func(done, total int) { seen = append(seen, done*10+total) }); err != nil || !slices.Equal(seen, []int{13, 23, 33}) {
		t.Errorf("progress %v, want 1, 2, 3 of 3 (%v)", seen, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	if _, err := Fit(ctx, random(t, 5, 5, 10), 100, Options{}, func(int, int) { cancel() }); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled on the way: %v", err)
	}
}

func TestRefuses(t *testing.T) {
	nan := math.NaN()
	for _, o := range []Options{{Factors: -1}, {Factors: 513}, {Epochs: -1}, {LearningRate: -1}, {LearningRate: 2}, {LearningRate: nan}, {Regularization: number(-1)}, {Regularization: number(nan)},
		{HalfLifeDays: -1}, {HalfLifeDays: math.Inf(1)}, {HalfLifeDays: nan}, {Negatives: -1}, {FoldSteps: -1}, {Workers: -1}} {
		var wrong *models.OptionError
		if _, err := Fit(t.Context(), random(t, 5, 5, 10), 100, o, nil); !errors.As(err, &wrong) {
			t.Errorf("%+v gives %v, want an option error", o, err)
		}
	}
	for _, c := range []struct{ factors, bias []float32 }{{nil, nil}, {[]float32{1, 2, 3}, []float32{1}}, {[]float32{1, float32(nan)}, []float32{1}},
		{[]float32{1, 2}, []float32{float32(math.Inf(1))}}, {[]float32{1, 1e9}, []float32{1}}} {
		if _, err := New(Options{Factors: 2}, c.factors, c.bias); err == nil {
			t.Errorf("stored factors %v and biases %v are accepted", c.factors, c.bias)
		}
	}
}

// BenchmarkEpoch reports the time of a sample over that of the six passes over d
// numbers that it consists of, measured on numbers in cache in the same run.
func BenchmarkEpoch(b *testing.B) {
	o, err := Options{Workers: 1}.resolved()
	if err != nil {
		b.Fatal(err)
	}
	f := newFit(observe(random(b, 6000, 5000, 400_000), 100, 0), o)
	x, y := make([]float32, 64), make([]float32, 64)
	const rounds = 1_000_000
	start := time.Now()
	for range rounds {
		x[0] = 6 * dot(x, y)
	}
	bound := 6 * float64(time.Since(start).Nanoseconds()) / rounds
	e := 0
	for b.Loop() {
		if err := f.epoch(b.Context(), e%o.Epochs); err != nil {
			b.Fatal(err)
		}
		e++
	}
	perSample := float64(b.Elapsed().Nanoseconds()) / float64(b.N) / float64(f.positives)
	b.ReportMetric(perSample, "ns/sample")
	b.ReportMetric(perSample/bound, "times-the-bound")
}

package btyd_test

import (
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"gonum.org/v1/gonum/stat/distuv"
	"pgregory.net/rapid"

	"regulars/models"
	"regulars/models/btyd"
)

// history is one customer's calibration and what came after it.
type history struct {
	c     btyd.Customer
	later int     // orders in the horizon that follows
	spent float64 // in it
}

// simulate plays customers from the stories of the papers, first orders spread
// over the first 13 of 52 weeks. leaves draws, for a customer, what decides
// after each order whether it was the last, and when the customer leaves.
func simulate(n int, rng *rand.Rand, r, alpha float64, leaves func() (p, lifetime float64), horizon float64) []history {
	out := make([]history, n)
	for i := range out {
		h := &out[i]
		h.c.T = 52 - 13*rng.Float64()
		rate := distuv.Gamma{Alpha: r, Beta: alpha, Src: rng}.Rand()
		value := distuv.Gamma{Alpha: 4, Beta: 20, Src: rng}.Rand() // ν of order values: q 4, v 20
		p, lifetime := leaves()
		total := 0.0
		for t := rng.ExpFloat64() / rate; t < math.Min(lifetime, h.c.T+horizon); t += rng.ExpFloat64() / rate {
			worth := distuv.Gamma{Alpha: 6, Beta: value, Src: rng}.Rand()
			if t <= h.c.T {
				h.c.X, h.c.TX = h.c.X+1, t
				total += worth
			} else {
				h.later++
				h.spent += worth
			}
			if rng.Float64() < p {
				break
			}
		}
		if h.c.X > 0 {
			h.c.Mean = total / float64(h.c.X)
		}
	}
	return out
}

func geometric(n int, seed uint64, horizon float64) []history {
	rng := rand.New(rand.NewPCG(seed, 1))
	return simulate(n, rng, 0.5, 5, func() (float64, float64) {
		return distuv.Beta{Alpha: 0.8, Beta: 2.5, Src: rng}.Rand(), math.Inf(1)
	}, horizon)
}

func pareto(n int, seed uint64, horizon float64) []history {
	rng := rand.New(rand.NewPCG(seed, 2))
	return simulate(n, rng, 0.6, 6, func() (float64, float64) {
		return 0, rng.ExpFloat64() / distuv.Gamma{Alpha: 0.7, Beta: 12, Src: rng}.Rand()
	}, horizon)
}

func customers(h []history) []btyd.Customer {
	out := make([]btyd.Customer, len(h))
	for i := range h {
		out[i] = h[i].c
	}
	return out
}

// near says that every truth lies within four standard errors, and that those
// are of some use.
func near(t *testing.T, got []btyd.Parameter, truth []float64) {
	t.Helper()
	for i, p := range got {
		if !(p.StdErr > 0 && p.StdErr < p.Value) || math.Abs(p.Value-truth[i]) > 4*p.StdErr {
			t.Errorf("%s is %.4f ± %.4f, simulated with %v", p.Name, p.Value, p.StdErr, truth[i])
		}
	}
}

func TestRecoversWhatWasSimulated(t *testing.T) {
	for seed := range uint64(2) {
		m, err := btyd.FitBGNBD(t.Context(), customers(geometric(4000, seed, 0)), btyd.Options{})
		if err != nil {
			t.Fatal(err)
		}
		near(t, m.Parameters(), []float64{0.5, 5, 0.8, 2.5})
		simulated := customers(pareto(3000, seed, 0))
		p, err := btyd.FitParetoNBD(t.Context(), simulated, btyd.Options{})
		if err != nil {
			t.Fatal(err)
		}
		near(t, p.Parameters(), []float64{0.6, 6, 0.7, 12})
		g, err := btyd.FitGammaGamma(t.Context(), simulated, btyd.Options{})
		if err != nil {
			t.Fatal(err)
		}
		near(t, g.Parameters(), []float64{6, 4, 20})
	}
}

// The orders and the spend that follow the calibration are, summed, what was
// expected, and those of single customers lie in their ranges.
func TestForecastsWhatFollows(t *testing.T) {
	const horizon = 26
	for _, c := range []struct {
		name string
		h    []history
		fit  func(context.Context, []btyd.Customer) (btyd.Orders, error)
	}{
		{"bgnbd", geometric(5000, 9, horizon), func(ctx context.Context, c []btyd.Customer) (btyd.Orders, error) {
			return btyd.FitBGNBD(ctx, c, btyd.Options{})
		}},
		{"paretonbd", pareto(3000, 9, horizon), func(ctx context.Context, c []btyd.Customer) (btyd.Orders, error) {
			return btyd.FitParetoNBD(ctx, c, btyd.Options{})
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			known := customers(c.h)
			orders, err := c.fit(t.Context(), known)
			if err != nil {
				t.Fatal(err)
			}
			spend, err := btyd.FitGammaGamma(t.Context(), known, btyd.Options{})
			if err != nil {
				t.Fatal(err)
			}
			v := btyd.Value{Orders: orders, Spend: spend, Horizon: horizon}
			checkTotals(t, v, c.h)
			checkRanges(t, v, c.h[:1000])
		})
	}
}

// checkTotals allows sums to differ by four times what the differences of
// customers, each by chance, add up to.
func checkTotals(t *testing.T, v btyd.Value, h []history) {
	t.Helper()
	var orders, worth, later, spent, chance, luck float64
	for i := range h {
		o := v.Orders.Expected(h[i].c, v.Horizon)
		w, err := v.Of(h[i].c)
		if err != nil {
			t.Fatal(err)
		}
		orders, worth, later, spent = orders+o, worth+w, later+float64(h[i].later), spent+h[i].spent
		chance += (o - float64(h[i].later)) * (o - float64(h[i].later))
		luck += (w - h[i].spent) * (w - h[i].spent)
	}
	if math.Abs(orders-later) > 4*math.Sqrt(chance) || math.Abs(worth-spent) > 4*math.Sqrt(luck) || math.Sqrt(chance) > 0.05*later {
		t.Errorf("expected %.0f orders of %.0f, there were %.0f of %.0f (by chance ± %.0f of ± %.0f)", orders, worth, later, spent, math.Sqrt(chance), math.Sqrt(luck))
	}
}

func checkRanges(t *testing.T, v btyd.Value, h []history) {
	t.Helper()
	sampled, err := v.Sampled(200, 4)
	if err != nil {
		t.Fatal(err)
	}
	inside, ordered := 0, 0
	for i := range h {
		if h[i].c.X == 0 {
			continue // almost all of them spend nothing
		}
		r, err := btyd.Prediction(sampled, h[i].c, uint64(i))
		if err != nil {
			t.Fatal(err)
		}
		ordered++
		if h[i].spent >= r.Low && h[i].spent <= r.High {
			inside++
		}
	}
	if share := float64(inside) / float64(ordered); share < 0.92 || share > 0.995 {
		t.Errorf("%.3f of %d customers spend what was predicted with 95%%", share, ordered)
	}
}

// The interval of an expectation covers the expectation under the true
// parameters in about 95% of samples of customers.
func TestIntervalCoversTheTruth(t *testing.T) {
	truthOrders, err := btyd.NewBGNBD([]float64{0.5, 5, 0.8, 2.5}, btyd.Fitted{})
	if err != nil {
		t.Fatal(err)
	}
	truthSpend, err := btyd.NewGammaGamma([]float64{6, 4, 20}, btyd.Fitted{})
	if err != nil {
		t.Fatal(err)
	}
	c := btyd.Customer{X: 3, TX: 30, T: 45, Mean: 40}
	want, err := btyd.Value{Orders: truthOrders, Spend: truthSpend, Horizon: 52, Discount: 0.002}.Of(c)
	if err != nil {
		t.Fatal(err)
	}
	const tries = 40
	covered := 0
	for seed := range uint64(tries) {
		known := customers(geometric(800, 100+seed, 0))
		orders, err := btyd.FitBGNBD(t.Context(), known, btyd.Options{})
		if err != nil {
			t.Fatal(err)
		}
		spend, err := btyd.FitGammaGamma(t.Context(), known, btyd.Options{})
		if err != nil {
			t.Fatal(err)
		}
		sampled, err := btyd.Value{Orders: orders, Spend: spend, Horizon: 52, Discount: 0.002}.Sampled(200, seed)
		if err != nil {
			t.Fatal(err)
		}
		r, err := btyd.Interval(sampled, c)
		if err != nil {
			t.Fatal(err)
		}
		if want >= r.Low && want <= r.High {
			covered++
		}
	}
	if covered < tries*85/100 {
		t.Errorf("the 95%% interval covers the truth in %d of %d samples", covered, tries)
	}
}

// A discount at a rate of δ of a stream of constant expectation λ for ever after
// is worth λ/δ: a model in which nobody leaves.
func TestDiscount(t *testing.T) {
	m, err := btyd.NewParetoNBD([]float64{2, 10, 1e-9, 1e6}, btyd.Fitted{})
	if err != nil {
		t.Fatal(err)
	}
	c := btyd.Customer{X: 3, TX: 20, T: 30}
	rate := 5.0 / 40
	for _, delta := range []float64{0.01, 0.5, 3} {
		want := rate * (1 - math.Exp(-delta*100)) / delta
		if got := m.Discounted(c, 100, delta); math.Abs(got/want-1) > 1e-6 {
			t.Errorf("discount %v: %v, want %v", delta, got, want)
		}
	}
}

// What is learned depends neither on the order of customers nor on the workers.
func TestSameBytes(t *testing.T) {
	known := customers(pareto(800, 5, 0))
	one, err := btyd.FitParetoNBD(t.Context(), known, btyd.Options{Workers: 1})
	if err != nil {
		t.Fatal(err)
	}
	slices.Reverse(known)
	before := slices.Clone(known)
	three, err := btyd.FitParetoNBD(t.Context(), known, btyd.Options{Workers: 3})
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(one.Parameters(), three.Parameters()) || one.LogLikelihood != three.LogLikelihood {
		t.Errorf("%v with one worker, %v with three and the other way round", one.Parameters(), three.Parameters())
	}
	if !slices.Equal(known, before) {
		t.Error("the fit changed its customers")
	}
}

// Stored numbers make the same model again, damaged ones none.
func TestStored(t *testing.T) {
	m, err := btyd.FitBGNBD(t.Context(), customers(geometric(500, 1, 0)), btyd.Options{})
	if err != nil {
		t.Fatal(err)
	}
	again, err := btyd.NewBGNBD([]float64{m.R, m.Alpha, m.A, m.B}, m.Fitted)
	if err != nil || !slices.Equal(again.Parameters(), m.Parameters()) {
		t.Errorf("stored %v, read %v (%v)", m.Parameters(), again.Parameters(), err)
	}
	for _, bad := range []btyd.Fitted{{Covariance: []float64{1}}, {Covariance: make([]float64, 16)}, {Covariance: append(make([]float64, 15), math.NaN())}} {
		if _, err := btyd.NewBGNBD([]float64{1, 1, 1, 1}, bad); err == nil {
			t.Errorf("a covariance %v is accepted", bad.Covariance)
		}
	}
	for _, bad := range [][]float64{{1, 1, 1}, {1, 1, 1, 0}, {math.NaN(), 1, 1, 1}, {1, math.Inf(1), 1, 1}, nil} {
		if _, err := btyd.NewBGNBD(bad, btyd.Fitted{}); err == nil {
			t.Errorf("BG/NBD parameters %v are accepted", bad)
		}
		if _, err := btyd.NewParetoNBD(bad, btyd.Fitted{}); err == nil {
			t.Errorf("Pareto/NBD parameters %v are accepted", bad)
		}
	}
	for _, bad := range [][]float64{{1, 1}, {1, 1, -1}} {
		if _, err := btyd.NewGammaGamma(bad, btyd.Fitted{}); err == nil {
			t.Errorf("Gamma-Gamma parameters %v are accepted", bad)
		}
	}
}

// Too little to learn from is said to be so.
func TestTooLittle(t *testing.T) {
	once := []btyd.Customer{{T: 10}, {T: 0}, {T: 30}}
	for _, c := range [][]btyd.Customer{nil, once} {
		if _, err := btyd.FitBGNBD(t.Context(), c, btyd.Options{}); !errors.Is(err, models.ErrNoData) {
			t.Errorf("BG/NBD of %d customers gives %v", len(c), err)
		}
		if _, err := btyd.FitParetoNBD(t.Context(), c, btyd.Options{}); !errors.Is(err, models.ErrNoData) {
			t.Errorf("Pareto/NBD of %d customers gives %v", len(c), err)
		}
		if _, err := btyd.FitGammaGamma(t.Context(), c, btyd.Options{}); !errors.Is(err, models.ErrNoData) {
			t.Errorf("Gamma-Gamma of %d customers gives %v", len(c), err)
		}
	}
	alike := []btyd.Customer{{X: 1, TX: 1, T: 2, Mean: 5}, {X: 3, TX: 1, T: 2, Mean: 5}}
	if _, err := btyd.FitGammaGamma(t.Context(), alike, btyd.Options{}); !errors.Is(err, models.ErrNoData) {
		t.Errorf("orders of one value give %v", err)
	}
}

// Where the likelihood has no optimum within reach (customers too alike, one
// customer only, all of them loyal) the parameters stay finite and the answers
// sensible.
func TestFlatLikelihoods(t *testing.T) {
	regular := make([]btyd.Customer, 200)
	for i := range regular {
		regular[i] = btyd.Customer{X: 10, TX: 50, T: 52, Mean: 20 + float64(i%2)}
	}
	for name, known := range map[string][]btyd.Customer{
		"alike": regular, "one": {{X: 2, TX: 3, T: 5, Mean: 4}}, "newcomers": {{X: 1, TX: 1, T: 1, Mean: 4}, {}, {}, {}},
		"many orders": {{X: 5000, TX: 99, T: 100, Mean: 1}, {X: 1, TX: 1, T: 100, Mean: 1e9}, {T: 100}},
	} {
		b, err := btyd.FitBGNBD(t.Context(), known, btyd.Options{})
		if err != nil {
			t.Errorf("BG/NBD, %s: %v", name, err)
			continue
		}
		p, err := btyd.FitParetoNBD(t.Context(), known, btyd.Options{})
		if err != nil {
			t.Errorf("Pareto/NBD, %s: %v", name, err)
			continue
		}
		for _, m := range []btyd.Orders{b, p} {
			for _, q := range m.Parameters() {
				if !(q.Value > 0) || math.IsInf(q.Value, 0) || math.IsNaN(q.StdErr) {
					t.Errorf("%T, %s: %+v", m, name, q)
				}
			}
			if e := m.Expected(known[0], 52); !(e >= 0) || math.IsInf(e, 0) {
				t.Errorf("%T, %s: expects %v orders", m, name, e)
			}
		}
	}
	b, err := btyd.FitBGNBD(t.Context(), regular, btyd.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if e := b.Expected(regular[0], 52); math.Abs(e-10) > 1.5 {
		t.Errorf("who orders 10 times in 52 weeks, as all do, is expected to order %v times", e)
	}
}

func TestRefuses(t *testing.T) {
	good := btyd.Customer{X: 1, TX: 1, T: 2, Mean: 1}
	for _, bad := range []btyd.Customer{{X: -1, T: 1}, {X: 1, TX: 3, T: 2}, {X: 1, TX: -1, T: 2}, {X: 1, T: 2}, {TX: 1, T: 2}, {T: math.NaN()}, {T: math.Inf(1)}, {X: 1, TX: math.NaN(), T: 2}} {
		if _, err := btyd.FitBGNBD(t.Context(), []btyd.Customer{good, bad}, btyd.Options{}); err == nil {
			t.Errorf("%+v is accepted", bad)
		}
	}
	for _, mean := range []float64{0, -1, math.NaN(), math.Inf(1)} {
		if _, err := btyd.FitGammaGamma(t.Context(), []btyd.Customer{good, {X: 1, TX: 1, T: 2, Mean: mean}}, btyd.Options{}); err == nil {
			t.Errorf("a mean of %v is accepted", mean)
		}
	}
	var wrong *models.OptionError
	for _, o := range []btyd.Options{{MaxIterations: -1}, {Workers: -1}} {
		if _, err := btyd.FitBGNBD(t.Context(), []btyd.Customer{good}, o); !errors.As(err, &wrong) {
			t.Errorf("%+v gives %v", o, err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := btyd.FitParetoNBD(ctx, []btyd.Customer{good}, btyd.Options{}); !errors.Is(err, context.Canceled) {
		t.Errorf("a cancelled fit gives %v", err)
	}
}

func TestValueRefuses(t *testing.T) {
	orders, _ := btyd.NewBGNBD([]float64{1, 1, 1, 1}, btyd.Fitted{})
	wild, _ := btyd.NewGammaGamma([]float64{1, 0.5, 1}, btyd.Fitted{})
	v := btyd.Value{Orders: orders, Spend: wild, Horizon: 1}
	if _, err := v.Of(btyd.Customer{T: 1}); !errors.Is(err, models.ErrUnknown) {
		t.Errorf("order values without a mean give %v", err)
	}
	if w, err := v.Of(btyd.Customer{X: 2, TX: 1, T: 2, Mean: 3}); err != nil || !(w > 0) {
		t.Errorf("two orders known give %v, %v", w, err)
	}
	sampled, err := v.Sampled(3, 1)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := btyd.Interval(sampled, btyd.Customer{T: 1}); !errors.Is(err, models.ErrUnknown) {
		t.Errorf("an interval of what has no mean gives %v", err)
	}
	var wrong *models.OptionError
	if _, err := v.Sampled(0, 1); !errors.As(err, &wrong) {
		t.Errorf("no draws give %v", err)
	}
	for _, bad := range []btyd.Value{{Orders: orders, Spend: wild, Horizon: -1}, {Orders: orders, Spend: wild, Discount: math.NaN()}} {
		if _, err := bad.Of(btyd.Customer{T: 1}); !errors.As(err, &wrong) {
			t.Errorf("%+v gives %v", bad, err)
		}
	}
}

// Whatever customers there are, some of whom have ordered twice, every model can
// be fitted, and its answers are numbers.
func TestFitsAnything(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		known := []btyd.Customer{{X: 1, TX: 1, T: 2, Mean: 3}, {X: 2, TX: 1, T: 2, Mean: 4}}
		scale := math.Pow(10, float64(rapid.IntRange(-2, 3).Draw(t, "scale")))
		for range rapid.IntRange(0, 30).Draw(t, "more") {
			c := btyd.Customer{X: rapid.IntRange(0, 20).Draw(t, "x"), T: scale * rapid.Float64Range(0.1, 10).Draw(t, "T")}
			if c.X > 0 {
				c.TX, c.Mean = c.T*rapid.Float64Range(0.01, 1).Draw(t, "share"), scale*rapid.Float64Range(0.1, 10).Draw(t, "mean")
			}
			known = append(known, c)
		}
		b, err := btyd.FitBGNBD(t.Context(), known, btyd.Options{})
		if err != nil {
			t.Fatal(err)
		}
		p, err := btyd.FitParetoNBD(t.Context(), known, btyd.Options{})
		if err != nil {
			t.Fatal(err)
		}
		g, err := btyd.FitGammaGamma(t.Context(), known, btyd.Options{})
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range []btyd.Orders{b, p} {
			w, err := btyd.Value{Orders: m, Spend: g, Horizon: 5 * scale, Discount: 0.01 / scale}.Of(known[0])
			if errors.Is(err, models.ErrUnknown) {
				continue // values so different that they have no mean
			}
			if err != nil || !(w >= 0) || math.IsInf(w, 0) {
				t.Fatalf("%T: worth %v (%v)", m, w, err)
			}
		}
	})
}

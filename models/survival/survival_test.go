package survival_test

import (
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"reflect"
	"testing"

	"pgregory.net/rapid"

	"regulars/features/matrix"
	"regulars/models"
	"regulars/models/survival"
)

// weibull is a truth: the time from order to order of a customer with feature v
// has S(t) = exp(−(t/scale)^shape), scale = typical·e^(effect·v).
type weibull struct{ shape, typical, effect float64 }

func (w weibull) cumulative(t, v float64) float64 {
	return math.Pow(t/(w.typical*math.Exp(w.effect*v)), w.shape)
}

// within is P(order within h days | none in the first t days).
func (w weibull) within(t, h, v float64) float64 {
	return -math.Expm1(w.cumulative(t, v) - w.cumulative(t+h, v))
}

// quantile is the time from t on by which there is an order with probability q.
func (w weibull) quantile(t, q, v float64) float64 {
	return math.Pow(w.cumulative(t, v)-math.Log1p(-q), 1/w.shape)*w.typical*math.Exp(w.effect*v) - t
}

// draw makes n rows at moments up to 300 days after an order, with no order until
// then, and follows them for the given days.
func (w weibull) draw(n, follow int, seed uint64) (*matrix.Dense, []survival.Seen) {
	rng := rand.New(rand.NewPCG(seed, 11))
	x, seen := matrix.NewDense(n, []string{"days_since_order", "v"}), make([]survival.Seen, n)
	for i := range seen {
		t, v := math.Floor(300*rng.Float64()*rng.Float64()), float64(rng.IntN(3)-1)
		copy(x.Row(i), []float64{t, v})
		next := 1 + int(w.quantile(t, rng.Float64(), v))
		seen[i].Days = follow
		if next <= follow {
			seen[i].Next = next
		}
	}
	return x, seen
}

func fit(t *testing.T, x *matrix.Dense, seen []survival.Seen, o survival.Options) *survival.Model {
	t.Helper()
	m, err := survival.Fit(t.Context(), x, seen, o)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func course(t *testing.T, m *survival.Model, waited float64, row ...float64) survival.Course {
	t.Helper()
	c, err := m.Course(&matrix.Dense{Names: m.Names, Rows: 1, Data: row}, 0, waited)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// Constant, falling and rising hazards are learned from 90 days and told for any
// horizon, also beyond those days, for one who has waited as for one who has not.
func TestKnownHazards(t *testing.T) {
	for _, w := range []weibull{{1, 80, 0}, {1, 60, 0.7}, {0.6, 60, 0.4}, {1.8, 150, 0.3}} {
		x, seen := w.draw(12_000, 91, 3)
		m := fit(t, x, seen, survival.Options{Elapsed: "days_since_order", Horizon: 60})
		for _, v := range []float64{-1, 0, 1} {
			for _, since := range []float64{0, 14, 60, 150} {
				if w.shape < 1 && since == 0 {
					continue // the hazard begins infinite, which periods of a week cannot follow
				}
				for _, h := range []float64{1, 7, 30, 90, 180} {
					want := w.within(since, h, v)
					if got := course(t, m, 0, since, v).Within(h); math.Abs(got-want) > 0.015+0.06*math.Min(want, 1-want) {
						t.Errorf("%+v, v %v: within %v days after %v: %.4f, want %.4f", w, v, h, since, got, want)
					}
				}
				next := course(t, m, 0, since, v).Next()
				for q, day := range map[float64]survival.Day{0.1: next.Low, 0.5: next.Median} {
					want := w.quantile(since, q, v)
					if math.Abs(day.Days-want) > 4+0.15*want || day.Beyond {
						t.Errorf("%+v, v %v: quantile %v after %v days is %+v, want %.1f", w, v, q, since, day, want)
					}
				}
			}
		}
		p := make([]float64, x.Rows)
		if err := m.Probability(x, p); err != nil {
			t.Fatal(err)
		}
		if want := course(t, m, 0, x.Row(5)...).Within(60); p[5] != want {
			t.Errorf("Probability is %v, within the horizon %v", p[5], want)
		}
	}
}

// 80% of the customers order between the low and the high end.
func TestIntervalHolds(t *testing.T) {
	w := weibull{1.4, 70, 0.5}
	x, seen := w.draw(8000, 140, 5)
	m := fit(t, x, seen, survival.Options{Elapsed: "days_since_order"})
	fresh, after := w.draw(4000, 100_000, 6)
	inside := 0
	for i := range after {
		n := course(t, m, 0, fresh.Row(i)...).Next()
		if d := float64(after[i].Next); d > n.Low.Days && d <= n.High.Days+1 {
			inside++
		}
	}
	if share := float64(inside) / 4000; math.Abs(share-0.8) > 0.03 {
		t.Errorf("%.3f of the orders come within the interval, want .8", share)
	}
}

// The laws of probability, for models of any numbers: more days, more chance;
// quantiles in order and never in the past; waiting and looking ahead are one
// thing: S(a+b) = S(a)·S(b | a waited) where a is whole periods.
func TestLaws(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		number := rapid.Float64Range(-3, 3)
		m, err := survival.New(survival.Model{Names: []string{"since"}, Period: rapid.IntRange(1, 30).Draw(t, "period"), Horizon: 90,
			Intercept: number.Draw(t, "intercept"), Knots: []float64{2, 4}, Time: []float64{number.Draw(t, "t0"), number.Draw(t, "t1"), number.Draw(t, "t2")}})
		if err != nil {
			t.Fatal(err)
		}
		x := &matrix.Dense{Names: m.Names, Rows: 1, Data: []float64{rapid.Float64Range(0, 2000).Draw(t, "since")}}
		now, err := m.Course(x, 0, 0)
		if err != nil {
			t.Fatal(err)
		}
		short, long := rapid.Float64Range(0, 500).Draw(t, "short"), rapid.Float64Range(500, 2000).Draw(t, "long")
		if a, b := now.Within(short), now.Within(long); !(0 <= a && a <= b && b <= 1) {
			t.Fatalf("within %v days %v, within %v days %v", short, a, long, b)
		}
		waited := float64(m.Period * rapid.IntRange(0, 20).Draw(t, "waited"))
		later, err := m.Course(x, 0, waited)
		if err != nil {
			t.Fatal(err)
		}
		whole, parts := 1-now.Within(waited+short), (1-now.Within(waited))*(1-later.Within(short))
		if math.Abs(whole-parts) > 1e-12 {
			t.Fatalf("no order in %v days: %v, in two steps %v", waited+short, whole, parts)
		}
		n := later.Next()
		if !(0 <= n.Low.Days && n.Low.Days <= n.Median.Days && n.Median.Days <= n.High.Days) {
			t.Fatalf("next order %+v", n)
		}
		if p := later.Within(n.Median.Days); !n.Median.Beyond && n.Median.Days > 0 && math.Abs(p-0.5) > 1e-6 && later.Within(n.Median.Days-1e-6) > 0.5 {
			t.Fatalf("within the median of %v days %v", n.Median.Days, p)
		}
	})
}

// The features are those of as_of and the customer goes on waiting: with a falling
// hazard, the chance falls.
func TestWaiting(t *testing.T) {
	w := weibull{0.5, 60, 0}
	x, seen := w.draw(8000, 180, 3)
	m := fit(t, x, seen, survival.Options{Elapsed: "days_since_order"})
	last := 1.0
	for _, waited := range []float64{0, 20, 60, 120} {
		p := course(t, m, waited, 10, 0).Within(30)
		if !(p < last) {
			t.Errorf("after %v days of waiting the chance is %.4f, before it was %.4f", waited, p, last)
		}
		last = p
	}
}

// Too many periods are thinned out, and the answer stays.
func TestThinned(t *testing.T) {
	w := weibull{1, 80, 0.3}
	x, seen := w.draw(12_000, 91, 3)
	all := fit(t, x, seen, survival.Options{Elapsed: "days_since_order"})
	some := fit(t, x, seen, survival.Options{Elapsed: "days_since_order", MaxPeriods: 20_000})
	if reflect.DeepEqual(all, some) {
		t.Error("nothing was left out")
	}
	a, b := course(t, all, 0, 20, 1).Within(60), course(t, some, 0, 20, 1).Within(60)
	if math.Abs(a-b) > 0.04 {
		t.Errorf("from all rows %.4f, from some %.4f", a, b)
	}
}

// A period that is cut off by the end of what is known says nothing, even when
// there was an order in it: 6 days of every second week would otherwise seem busy.
func TestCutPeriods(t *testing.T) {
	w := weibull{1, 50, 0}
	x, seen := w.draw(8000, 34, 3) // four whole weeks and six days
	m := fit(t, x, seen, survival.Options{Elapsed: "days_since_order"})
	if got, want := course(t, m, 0, 100, 0).Within(34), w.within(100, 34, 0); math.Abs(got-want) > 0.03 {
		t.Errorf("within 34 days %.4f, want %.4f", got, want)
	}
}

func TestStored(t *testing.T) {
	x, seen := weibull{1, 50, 0.2}.draw(500, 60, 1)
	m := fit(t, x, seen, survival.Options{Elapsed: "days_since_order"})
	again, err := survival.New(*m)
	if err != nil || !reflect.DeepEqual(m, again) {
		t.Errorf("stored and read it differs (%v)", err)
	}
	for _, spoil := range []func(*survival.Model){
		func(m *survival.Model) { m.Elapsed = 2 }, func(m *survival.Model) { m.Period = 0 }, func(m *survival.Model) { m.Horizon = -1 },
		func(m *survival.Model) { m.Weights = nil }, func(m *survival.Model) { m.Time = m.Time[1:] }, func(m *survival.Model) { m.Intercept = math.NaN() },
		func(m *survival.Model) { m.Knots = []float64{3, 2, 1, 0} }, func(m *survival.Model) { m.Inputs = []survival.Input{{Column: 9, Std: 1}, {Std: 1}} },
	} {
		bad := *m
		spoil(&bad)
		if _, err := survival.New(bad); err == nil {
			t.Errorf("a stored model %+v is accepted", bad)
		}
	}
}

func TestRefuses(t *testing.T) {
	x, seen := weibull{1, 50, 0.2}.draw(100, 60, 1)
	minus, many := -1, 21
	for _, o := range []survival.Options{{Period: -1}, {Horizon: -1}, {Horizon: 5000}, {Follow: -1}, {Knots: &minus}, {Knots: &many}, {L2: -1}, {L2: math.NaN()}, {MaxPeriods: -1}, {Elapsed: "age"}} {
		var wrong *models.OptionError
		if _, err := survival.Fit(t.Context(), x, seen, o); !errors.As(err, &wrong) {
			t.Errorf("%+v gives %v, want an option error", o, err)
		}
	}
	for _, bad := range []survival.Seen{{Days: -1}, {Days: 5, Next: 6}, {Days: 5, Next: -1}} {
		seen[3] = bad
		if _, err := survival.Fit(t.Context(), x, seen, survival.Options{}); err == nil {
			t.Errorf("%+v is accepted", bad)
		}
	}
	for i := range seen {
		seen[i] = survival.Seen{Days: 6, Next: i % 2 * 3} // no week is known whole
	}
	if _, err := survival.Fit(t.Context(), x, seen, survival.Options{}); !errors.Is(err, models.ErrNoData) {
		t.Errorf("no whole period gives %v", err)
	}
	_, seen = weibull{1, 50, 0.2}.draw(100, 60, 1)
	m := fit(t, x, seen, survival.Options{})
	for _, waited := range []float64{-1, math.NaN(), math.Inf(1)} {
		if _, err := m.Course(x, 0, waited); err == nil {
			t.Errorf("%v days waited are accepted", waited)
		}
	}
	if _, err := m.Course(x, 100, 0); err == nil {
		t.Error("a row that there is not is accepted")
	}
	if _, err := m.Course(matrix.NewDense(1, []string{"v"}), 0, 0); !errors.Is(err, models.ErrColumns) {
		t.Errorf("other columns give %v", err)
	}
	for _, q := range []float64{0, 1, math.NaN()} {
		if _, err := course(t, m, 0, 1, 1).Quantile(q); err == nil {
			t.Errorf("quantile %v is accepted", q)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := survival.Fit(ctx, x, seen, survival.Options{}); !errors.Is(err, context.Canceled) {
		t.Errorf("a cancelled fit gives %v", err)
	}
}

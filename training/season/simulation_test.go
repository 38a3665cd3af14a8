package season_test

import (
	"math"
	"math/rand/v2"
	"testing"

	"regulars/data"
	"regulars/training/season"
)

// world is a shop whose daily log-odds of leaving are known: a season that is a
// peak before Christmas and a hollow in summer (no cosine), a trend, a random
// walk, and noise from window to window. Nothing of it follows the prior.
type world struct {
	peak, hollow float64 // log-odds
	slope        float64 // log-odds a year
	walk         float64 // per square root of a year
	noise        float64 // of a window of 90 days
	customers    int
	years        float64 // of windows before the target
	every        int     // days from window to window
}

const horizon = 90

// drawn is one history of a world, with what comes true.
type drawn struct {
	target  season.Target
	windows []season.Window
	truth   float64 // the rate that comes true
}

// draw makes a history. The model's mean is what it would be after a
// calibration on the last window: that window's own log-odds.
func (w world) draw(seed uint64) drawn {
	rng := rand.New(rand.NewPCG(seed, 7))
	days := int(w.years*365) + horizon
	daily, level := make([]float64, days), 0.4+0.4*rng.NormFloat64()
	begin := data.Day(14_000 + rng.IntN(365))
	for i := range daily {
		level += w.walk / math.Sqrt(365) * rng.NormFloat64()
		daily[i] = level + w.slope*float64(i)/365 + w.calendar(begin+data.Day(i)) + w.noise*math.Sqrt(horizon)*rng.NormFloat64()
	}
	at := days - horizon
	count := func(i int) season.Window {
		sum := 0.0
		for _, v := range daily[i : i+horizon] {
			sum += v
		}
		p, k := 1/(1+math.Exp(-sum/horizon)), 0
		for range w.customers {
			if rng.Float64() < p {
				k++
			}
		}
		return season.Window{AsOf: begin + data.Day(i), Customers: w.customers, Events: k}
	}
	d := drawn{truth: share(count(at))}
	for i := at - horizon; i >= 0; i -= w.every {
		d.windows = append(d.windows, count(i))
	}
	d.target = season.Target{AsOf: begin + data.Day(at), Horizon: horizon, Customers: w.customers, Expected: share(d.windows[0])}
	return d
}

func (w world) calendar(d data.Day) float64 {
	switch y := d.Time().YearDay(); {
	case y >= 310 && y < 355:
		return -w.peak
	case y >= 180 && y < 240:
		return w.hollow
	}
	return 0
}

func share(w season.Window) float64 {
	return min(max(float64(w.Events)/float64(w.Customers), 0.001), 0.999)
}

// tally is how forecasts did over many histories: shares of truths in the
// intervals, and mean errors of the rate.
type tally struct{ n, in80, in95, error, uncorrected float64 }

func (w world) run(t testing.TB, seeds int) tally {
	var s tally
	for seed := range seeds {
		d := w.draw(uint64(seed))
		f, err := season.Predict(d.target, d.windows)
		if err != nil {
			t.Fatal(err)
		}
		s.n++
		s.error += math.Abs(f.Rate - d.truth)
		s.uncorrected += math.Abs(d.target.Expected - d.truth)
		if f.Low80 <= d.truth && d.truth <= f.High80 {
			s.in80++
		}
		if f.Low95 <= d.truth && d.truth <= f.High95 {
			s.in95++
		}
	}
	return tally{s.n, s.in80 / s.n, s.in95 / s.n, s.error / s.n, s.uncorrected / s.n}
}

// Where there is a season the forecast must beat the model that knows of none
// by far, and where there is none cost hardly anything.
func TestErrorOfForecasts(t *testing.T) {
	for _, c := range []struct {
		world
		most float64 // mean error as a multiple of that without correction
	}{
		{world{peak: 1, hollow: 0.5, walk: 0.1, noise: 0.05, years: 1.25}, 0.75},
		{world{peak: 1, hollow: 0.5, walk: 0.1, noise: 0.05, years: 2}, 0.5},
		{world{peak: 1, hollow: 0.5, walk: 0.1, noise: 0.05, years: 3}, 0.45},
		{world{peak: 1, hollow: 0.5, slope: 0.3, walk: 0.1, noise: 0.05, years: 3}, 0.45},
		{world{walk: 0.1, noise: 0.08, years: 1.25}, 1.2},
		{world{walk: 0.1, noise: 0.08, years: 2}, 1.15},
		{world{walk: 0.1, noise: 0.08, years: 3}, 1.1},
	} {
		c.customers, c.every = 3000, horizon
		if s := c.run(t, 60); !(s.error <= c.most*s.uncorrected) {
			t.Errorf("%+v: mean error %.4f, uncorrected %.4f", c.world, s.error, s.uncorrected)
		}
	}
}

// The truth lies in the intervals about as often as they say, over worlds that
// the prior does not describe. In any one of them the share may be further off.
func TestCoverage(t *testing.T) {
	var in80, in95, n float64
	for _, years := range []float64{1.25, 2, 3} {
		for _, peak := range []float64{0, 0.5, 1, 1.5} {
			for _, walk := range []float64{0.05, 0.2} {
				w := world{peak: peak, hollow: peak / 2, walk: walk, noise: 0.06, customers: 2000, years: years, every: horizon}
				s := w.run(t, 25)
				in80, in95, n = in80+s.in80*s.n, in95+s.in95*s.n, n+s.n
			}
		}
	}
	if in80/n < 0.72 || in80/n > 0.9 || in95/n < 0.91 {
		t.Errorf("of %v truths %.3f lie within the 80%% intervals and %.3f within the 95%% intervals", n, in80/n, in95/n)
	}
}

// Windows every month overlap, which must not be taken for more than it is.
func TestCoverageOfOverlappingWindows(t *testing.T) {
	w := world{peak: 1, hollow: 0.5, walk: 0.15, noise: 0.05, customers: 2000, years: 2, every: 30}
	if s := w.run(t, 60); s.in80 < 0.72 || s.in95 < 0.9 || !(s.error <= 0.6*s.uncorrected) {
		t.Errorf("%+v", s)
	}
}

// Within a year there is no telling a season: the model's own answer, and an
// interval that holds the truth of seasonal shops all the same.
func TestShortHistory(t *testing.T) {
	w := world{peak: 0.8, hollow: 0.4, walk: 0.1, noise: 0.05, customers: 2000, years: 0.75, every: horizon}
	if s := w.run(t, 50); s.in80 < 0.8 || math.Abs(s.error-s.uncorrected) > 1e-9 {
		t.Errorf("%+v", s)
	}
}

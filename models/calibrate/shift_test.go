package calibrate_test

import (
	"errors"
	"math"
	"testing"

	"pgregory.net/rapid"

	"regulars/models"
	"regulars/models/calibrate"
)

// scipy.optimize.brentq(lambda d: expit(logit(p)+d).mean()-0.3, -9, 9, xtol=1e-14)
func TestShiftAgainstScipy(t *testing.T) {
	m, err := calibrate.FitShift([]float64{0.05, 0.2, 0.5, 0.77, 0.9, 0.99}, 0.3)
	if err != nil || math.Abs(m.By+2.229265525054) > 1e-9 {
		t.Errorf("%+v, %v", m, err)
	}
}

// Labels drawn where true ones are rarer than in the rows that probabilities
// were right for: the shift is the difference of the classes' log-odds.
func TestShiftRecoversPrior(t *testing.T) {
	// Of 1,000 rows with p = 0.8 and 1,000 with p = 0.2, keep a quarter of the true ones.
	kept := func(p float64) (rate, rows float64) { return p / 4 / (p/4 + 1 - p), p/4 + 1 - p }
	high, nHigh := kept(0.8)
	low, nLow := kept(0.2)
	var p []float64
	for range int(math.Round(1000 * nHigh)) {
		p = append(p, 0.8)
	}
	for range int(math.Round(1000 * nLow)) {
		p = append(p, 0.2)
	}
	m, err := calibrate.FitShift(p, (high*nHigh+low*nLow)/(nHigh+nLow))
	if err != nil || math.Abs(m.By-math.Log(0.25)) > 1e-9 || math.Abs(m.Apply(0.8)-high) > 1e-9 {
		t.Errorf("%+v, %v; want a shift by log ¼", m, err)
	}
}

func TestShiftProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := rapid.SliceOfN(rapid.Float64Range(0, 1), 1, 50).Draw(t, "p")
		rate := rapid.Float64Range(0.001, 0.999).Draw(t, "rate")
		m, err := calibrate.FitShift(p, rate)
		if err != nil {
			t.Fatal(err)
		}
		mean, last := 0.0, 0.0
		for _, v := range p {
			mean += m.Apply(v) / float64(len(p))
		}
		if math.Abs(mean-rate) > 2*calibrate.Edge {
			t.Fatalf("the mean is %v, want %v", mean, rate)
		}
		for v := 0.0; v <= 1; v += 1.0 / 64 {
			got := m.Apply(v)
			if !(got >= calibrate.Edge && got <= 1-calibrate.Edge && got >= last) {
				t.Fatalf("%v becomes %v after %v", v, got, last)
			}
			last = got
		}
		if again, err := calibrate.NewShift(m.By); err != nil || *again != *m {
			t.Fatalf("stored as %+v: %v", again, err)
		}
	})
}

// A Platt map with the shift in it, and one after the other, are the same map.
func TestShiftAfterOthers(t *testing.T) {
	p, y := rows()
	platt, err := calibrate.FitPlatt(p, y)
	if err != nil {
		t.Fatal(err)
	}
	isotonic, err := calibrate.FitIsotonic(p, y)
	if err != nil {
		t.Fatal(err)
	}
	for i := range p {
		p[i] = platt.Apply(p[i])
	}
	shift, err := calibrate.FitShift(p, 0.25)
	if err != nil {
		t.Fatal(err)
	}
	one, two := platt.Shifted(shift), calibrate.Chain{platt, shift}
	for v := 1.0 / 64; v < 1; v += 1.0 / 64 { // apart from the edges, to which Chain keeps after each map
		if math.Abs(one.Apply(v)-two.Apply(v)) > 1e-9 || math.Abs(two.Apply(v)-shift.Apply(platt.Apply(v))) > 1e-15 {
			t.Errorf("%v becomes %v and %v", v, one.Apply(v), two.Apply(v))
		}
		if got := (calibrate.Chain{isotonic, shift}).Apply(v); got != shift.Apply(isotonic.Apply(v)) {
			t.Errorf("%v becomes %v by the isotonic map and the shift", v, got)
		}
	}
	if (calibrate.Chain{}).Apply(0) != calibrate.Edge {
		t.Error("a chain without maps does not keep to the edges")
	}
}

func TestShiftRefuses(t *testing.T) {
	for name, c := range map[string]struct {
		p    []float64
		rate float64
		none bool
	}{
		"no rows": {nil, 0.5, true}, "nan": {[]float64{math.NaN()}, 0.5, false}, "above 1": {[]float64{1.1}, 0.5, false},
		"rate 0": {[]float64{0.5}, 0, false}, "rate 1": {[]float64{0.5}, 1, false}, "rate nan": {[]float64{0.5}, math.NaN(), false},
	} {
		if m, err := calibrate.FitShift(c.p, c.rate); err == nil || errors.Is(err, models.ErrNoData) != c.none {
			t.Errorf("%s: %+v, %v", name, m, err)
		}
	}
	for _, by := range []float64{math.NaN(), math.Inf(1), 28, -28} {
		if _, err := calibrate.NewShift(by); err == nil {
			t.Errorf("a stored shift by %v is accepted", by)
		}
	}
}

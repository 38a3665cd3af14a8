package calibrate_test

import (
	"errors"
	"math"
	"math/rand/v2"
	"testing"

	"pgregory.net/rapid"

	"regulars/models"
	"regulars/models/calibrate"
)

// rows are those of the scikit-learn constants below:
//
//	i = np.arange(400); p = ((i*37) % 101 + 1) / 103; y = ((i*53+11) % 97) / 97 < p*p + 0.1
func rows() (p []float64, y []bool) {
	for i := range 400 {
		p = append(p, float64(i*37%101+1)/103)
		y = append(y, float64((i*53+11)%97)/97 < p[i]*p[i]+0.1)
	}
	return p, y
}

// LogisticRegression(C=inf, tol=1e-13) on log(p/(1-p)), every row twice: as a
// positive with weight t and as a negative with 1-t, t Platt's smoothed target.
func TestPlattAgainstScikitLearn(t *testing.T) {
	m, err := calibrate.FitPlatt(rows())
	if err != nil || math.Abs(m.A+0.385377571) > 1e-6 || math.Abs(m.B-1.107887257) > 1e-6 {
		t.Errorf("%+v, %v; want A −0.385377571, B 1.107887257", m, err)
	}
}

// IsotonicRegression(out_of_bounds="clip").fit(p, y).predict([0, .1, .25, .333, .5, .61, .75, .9, 1]);
// 0 and 1 come out at the edge instead.
func TestIsotonicAgainstScikitLearn(t *testing.T) {
	m, err := calibrate.FitIsotonic(rows())
	if err != nil {
		t.Fatal(err)
	}
	at := []float64{0, 0.1, 0.25, 0.333, 0.5, 0.61, 0.75, 0.9, 1}
	want := []float64{calibrate.Edge, 0.065420561, 0.065420561, 0.274916667, 0.406779661, 0.406779661, 0.75, 1 - calibrate.Edge, 1 - calibrate.Edge}
	for i, p := range at {
		if got := m.Apply(p); math.Abs(got-want[i]) > 1e-8 {
			t.Errorf("%v becomes %v, want %v", p, got, want[i])
		}
	}
}

// Simulated truth: raw log-odds twice too far out and shifted. Both maps must
// recover the probability that the labels were drawn with.
func TestRecoversTruth(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	const n = 40_000
	raw, y := make([]float64, n), make([]bool, n)
	sigmoid := func(z float64) float64 { return 1 / (1 + math.Exp(-z)) }
	for i := range n {
		z := rng.NormFloat64()
		raw[i], y[i] = sigmoid(2*z+0.8), rng.Float64() < sigmoid(z)
	}
	platt, err := calibrate.FitPlatt(raw, y)
	if err != nil || math.Abs(platt.B-0.5) > 0.03 || math.Abs(platt.A+0.4) > 0.04 {
		t.Fatalf("%+v, %v; want A −0.4, B 0.5", platt, err)
	}
	isotonic, err := calibrate.FitIsotonic(raw, y)
	if err != nil {
		t.Fatal(err)
	}
	for _, z := range []float64{-1.5, -0.5, 0, 0.5, 1.5} {
		if got := isotonic.Apply(sigmoid(2*z + 0.8)); math.Abs(got-sigmoid(z)) > 0.06 {
			t.Errorf("isotonic gives %v where the truth is %v", got, sigmoid(z))
		}
	}
}

// Whatever the rows: inside the edges, never decreasing, and stored points accepted.
func TestProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(2, 60).Draw(t, "rows")
		raw, y := make([]float64, n), make([]bool, n)
		for i := range n {
			raw[i], y[i] = rapid.Float64Range(0, 1).Draw(t, "p"), rapid.Bool().Draw(t, "y")
		}
		y[0], y[1] = true, false
		platt, err := calibrate.FitPlatt(raw, y)
		if err != nil {
			t.Fatal(err)
		}
		isotonic, err := calibrate.FitIsotonic(raw, y)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := calibrate.NewIsotonic(isotonic.X, isotonic.Y); err != nil {
			t.Fatal(err)
		}
		for _, m := range []calibrate.Map{platt, isotonic} {
			last := 0.0
			for p := 0.0; p <= 1; p += 1.0 / 64 {
				got := m.Apply(p)
				if !(got >= calibrate.Edge && got <= 1-calibrate.Edge) || got < last-1e-12 {
					t.Fatalf("%T: %v becomes %v after %v", m, p, got, last)
				}
				last = got
			}
		}
	})
}

func TestRefuses(t *testing.T) {
	for name, c := range map[string]struct {
		raw  []float64
		y    []bool
		none bool
	}{
		"one class": {[]float64{0.1, 0.2}, []bool{true, true}, true}, "no rows": {nil, nil, true},
		"nan": {[]float64{math.NaN(), 0.2}, []bool{true, false}, false}, "lengths": {[]float64{0.1}, nil, false},
	} {
		_, platt := calibrate.FitPlatt(c.raw, c.y)
		_, isotonic := calibrate.FitIsotonic(c.raw, c.y)
		if platt == nil || isotonic == nil || errors.Is(platt, models.ErrNoData) != c.none {
			t.Errorf("%s: errors %v and %v", name, platt, isotonic)
		}
	}
	if _, err := calibrate.NewPlatt(math.NaN(), 1); err == nil {
		t.Error("a stored Platt map with NaN is accepted")
	}
	if _, err := calibrate.NewPlatt(0, -1); err == nil {
		t.Error("a stored Platt map that turns the order round is accepted")
	}
	if _, err := calibrate.NewIsotonic([]float64{0.5, 0.2}, []float64{0, 1}); err == nil {
		t.Error("stored points out of order are accepted")
	}
}

// Raw probabilities that rank the wrong way round must not turn the order over.
func TestPlattWrongWayRound(t *testing.T) {
	m, err := calibrate.FitPlatt([]float64{0.1, 0.2, 0.8, 0.9}, []bool{true, true, false, false})
	if err != nil || m.B != 0 || math.Abs(m.Apply(0.3)-0.5) > 1e-9 {
		t.Errorf("%+v, %v; want the constant one half", m, err)
	}
}

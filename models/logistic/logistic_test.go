package logistic_test

import (
	"errors"
	"math"
	"testing"

	"regulars/features/matrix"
	"regulars/models"
	"regulars/models/logistic"
)

// rows are those of the scikit-learn constants below:
//
//	i = np.arange(400)
//	X = np.stack([(i*29 % 53)/10, i*31 % 47 - 20, i % 2], 1)
//	y = ((i*53+11) % 97)/97 < 1/(1+np.exp(-(.5*(X[:,0]-2.6) - .08*X[:,1] + .7*X[:,2] - .3)))
//	S = (X-X.mean(0))/X.std(0)
func rows() (*matrix.Dense, []bool) {
	x, y := matrix.NewDense(400, []string{"a", "b", "c"}), make([]bool, 400)
	for i := range y {
		a, b, c := float64(i*29%53)/10, float64(i*31%47-20), float64(i%2)
		copy(x.Row(i), []float64{a, b, c})
		y[i] = float64((i*53+11)%97)/97 < 1/(1+math.Exp(-(0.5*(a-2.6)-0.08*b+0.7*c-0.3)))
	}
	return x, y
}

func close(a, b, tolerance float64) bool { return math.Abs(a-b) <= tolerance }

// LogisticRegression(C=C, tol=1e-12, max_iter=10000).fit(S, y), with C = 1/L2.
func TestAgainstScikitLearn(t *testing.T) {
	x, y := rows()
	for _, c := range []struct {
		l2, intercept float64
		want          [3]float64
	}{
		{1, -0.183318265, [3]float64{-0.572728414, -1.862770067, 0.521803612}},
		{20, -0.148254203, [3]float64{-0.356506351, -1.250544277, 0.323049474}},
	} {
		m, err := logistic.Fit(t.Context(), x, y, logistic.Options{L2: c.l2})
		if err != nil {
			t.Fatal(err)
		}
		if !close(m.Intercept, c.intercept, 1e-6) || len(m.Terms) != 3 {
			t.Errorf("L2 %v: intercept %v of %d terms, want %v", c.l2, m.Intercept, len(m.Terms), c.intercept)
		}
		for j, term := range m.Terms {
			if term.Column != j || !close(term.Coefficient, c.want[j], 1e-6) {
				t.Errorf("L2 %v: coefficient of column %d is %v, want %v", c.l2, term.Column, term.Coefficient, c.want[j])
			}
		}
	}
}

// A column with missing values: the value term is standardised over the present
// ones, and the indicator learns that missing rows are all positive.
func TestMissingIndicator(t *testing.T) {
	x, y := matrix.NewDense(200, []string{"v"}), make([]bool, 200)
	for i := range y {
		x.Row(i)[0], y[i] = float64(i%10), i%20 < 10
		if i%4 == 0 {
			x.Row(i)[0], y[i] = math.NaN(), true
		}
	}
	m, err := logistic.Fit(t.Context(), x, y, logistic.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if len(m.Terms) != 2 || m.Terms[0].Missing || !m.Terms[1].Missing || m.Terms[1].Coefficient <= 0 {
		t.Fatalf("terms %+v, want a value and a positive indicator", m.Terms)
	}
	if mean := m.Terms[1].Mean; !close(mean, 0.25, 1e-12) {
		t.Errorf("a quarter is missing, the indicator's mean is %v", mean)
	}
	probe := matrix.NewDense(2, []string{"v"})
	probe.Row(0)[0], probe.Row(1)[0] = math.NaN(), m.Terms[0].Mean
	p := make([]float64, 2)
	if err := m.Probability(probe, p); err != nil || p[0] < 0.85 || p[1] > 0.65 {
		t.Errorf("missing row %v, average row %v (%v)", p[0], p[1], err)
	}
}

// Skewed columns go through the signed logarithm, even ones do not, constant
// and absent ones are dropped.
func TestPreparation(t *testing.T) {
	x, y := matrix.NewDense(300, []string{"even", "skewed", "negative", "constant", "absent"}), make([]bool, 300)
	for i := range y {
		grows := math.Exp(float64(i%30) / 4)
		copy(x.Row(i), []float64{float64(i % 7), grows, -grows, 2, math.NaN()})
		y[i] = i*7%5 < 2
	}
	m, err := logistic.Fit(t.Context(), x, y, logistic.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if len(m.Terms) != 3 || m.Terms[0].Log || !m.Terms[1].Log || !m.Terms[2].Log {
		t.Errorf("terms %+v: want even as it is, skewed and negative by logarithm", m.Terms)
	}
	plain, err := logistic.Fit(t.Context(), x, y, logistic.Options{NoLog: true})
	if err != nil || plain.Terms[1].Log {
		t.Errorf("NoLog keeps a logarithm (%v)", err)
	}
}

// Separable classes have no finite optimum without a penalty; the penalty must
// keep it finite, and smaller for a larger penalty.
func TestPenaltyShrinks(t *testing.T) {
	x, y := matrix.NewDense(20, []string{"v"}), make([]bool, 20)
	for i := range y {
		x.Row(i)[0], y[i] = float64(i), i >= 10
	}
	last := math.Inf(1)
	for _, l2 := range []float64{1e-6, 0.01, 1, 100} {
		m, err := logistic.Fit(t.Context(), x, y, logistic.Options{L2: l2})
		if err != nil {
			t.Fatal(err)
		}
		if b := m.Terms[0].Coefficient; !(b > 0 && b < last) {
			t.Errorf("L2 %v: coefficient %v after %v", l2, b, last)
		} else {
			last = b
		}
	}
}

func TestRefuses(t *testing.T) {
	x, y := rows()
	for _, o := range []logistic.Options{{L2: -1}, {L2: math.NaN()}, {L2: math.Inf(1)}, {L1: -1}, {L1: math.NaN()}, {L1: math.Inf(1)}, {MaxIterations: -1}} {
		var wrong *models.OptionError
		if _, err := logistic.Fit(t.Context(), x, y, o); !errors.As(err, &wrong) {
			t.Errorf("%+v gives %v, want an option error", o, err)
		}
	}
	for _, term := range []logistic.Term{{Column: 1, Std: 1}, {Column: -1, Std: 1}, {Std: 0}, {Std: 1, Coefficient: math.NaN()}, {Std: math.NaN()}} {
		if _, err := logistic.New([]string{"a"}, []logistic.Term{term}, 0); err == nil {
			t.Errorf("a stored term %+v is accepted", term)
		}
	}
}

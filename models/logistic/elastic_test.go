package logistic_test

import (
	"math"
	"testing"

	"pgregory.net/rapid"

	"regulars/features/matrix"
	"regulars/models/logistic"
)

// wideRows are rows with two more columns, (i*17 % 41)/7 and i*13 % 29.
func wideRows() (*matrix.Dense, []bool) {
	narrow, y := rows()
	x := matrix.NewDense(narrow.Rows, []string{"a", "b", "c", "d", "e"})
	for i := range x.Rows {
		copy(x.Row(i), narrow.Row(i))
		x.Row(i)[3], x.Row(i)[4] = float64(i*17%41)/7, float64(i*13%29)
	}
	return x, y
}

// LogisticRegression(penalty="elasticnet", solver="saga", C=1/(L1+L2),
// l1_ratio=L1/(L1+L2), tol=1e-14, max_iter=400000).fit(S, y)
func TestElasticNetAgainstScikitLearn(t *testing.T) {
	x, y := wideRows()
	for _, c := range []struct {
		l1, l2, intercept float64
		want              [5]float64
	}{
		{5, 1, -0.17178173, [5]float64{-0.44816287, -1.66689349, 0.40062876, -0.00847332, 0}},
		{20, 5, -0.14480078, [5]float64{-0.16029664, -1.18686736, 0.1220473, 0, 0}},
		{20, 1e-9, -0.15072555, [5]float64{-0.1784085, -1.2957872, 0.13644568, 0, 0}},
		{60, 1e-9, -0.1228893, [5]float64{0, -0.68974113, 0, 0, 0}},
	} {
		m, err := logistic.Fit(t.Context(), x, y, logistic.Options{L1: c.l1, L2: c.l2})
		if err != nil {
			t.Fatal(err)
		}
		if !close(m.Intercept, c.intercept, 1e-7) || len(m.Terms) != 5 {
			t.Errorf("L1 %v, L2 %v: intercept %v of %d terms, want %v", c.l1, c.l2, m.Intercept, len(m.Terms), c.intercept)
		}
		for j, term := range m.Terms {
			if !close(term.Coefficient, c.want[j], 1e-7) || (c.want[j] == 0) != (term.Coefficient == 0) {
				t.Errorf("L1 %v, L2 %v: coefficient of column %d is %v, want %v", c.l1, c.l2, j, term.Coefficient, c.want[j])
			}
		}
	}
}

// At the optimum the slope of the smooth loss is −L1·sign(β) where β is not 0,
// and at most L1 in size where it is (the conditions of Karush, Kuhn and Tucker);
// a vanishing L1 gives what no L1 gives.
func TestElasticNetIsOptimal(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n, cols := rapid.IntRange(20, 80).Draw(t, "rows"), rapid.IntRange(1, 6).Draw(t, "columns")
		x, y := matrix.NewDense(n, []string{"a", "b", "c", "d", "e", "f"}[:cols]), make([]bool, n)
		for i := range x.Data {
			x.Data[i] = rapid.Float64Range(-3, 3).Draw(t, "value")
		}
		for i := range y {
			y[i] = i == 0 || i > 1 && rapid.Bool().Draw(t, "label")
		}
		o := logistic.Options{L1: math.Exp(rapid.Float64Range(-3, 3).Draw(t, "l1")), L2: math.Exp(rapid.Float64Range(-3, 2).Draw(t, "l2")), NoLog: true}
		m, err := logistic.Fit(t.Context(), x, y, o)
		if err != nil {
			t.Fatal(err)
		}
		checkOptimal(t, m, x, y, o)
		slight, err := logistic.Fit(t.Context(), x, y, logistic.Options{L1: 1e-12, L2: o.L2, NoLog: true})
		if err != nil {
			t.Fatal(err)
		}
		none, err := logistic.Fit(t.Context(), x, y, logistic.Options{L2: o.L2, NoLog: true})
		if err != nil {
			t.Fatal(err)
		}
		for j := range none.Terms {
			if !close(none.Terms[j].Coefficient, slight.Terms[j].Coefficient, 1e-5) {
				t.Fatalf("coefficient %d is %v without L1, %v with a trace of it", j, none.Terms[j].Coefficient, slight.Terms[j].Coefficient)
			}
		}
	})
}

func checkOptimal(t *rapid.T, m *logistic.Model, x *matrix.Dense, y []bool, o logistic.Options) {
	p := make([]float64, x.Rows)
	if err := m.Probability(x, p); err != nil {
		t.Fatal(err)
	}
	for _, term := range m.Terms {
		slope := o.L2 * term.Coefficient
		for i := range p {
			residual := p[i]
			if y[i] {
				residual--
			}
			slope += residual * (x.Row(i)[term.Column] - term.Mean) / term.Std
		}
		want := -math.Copysign(o.L1, term.Coefficient)
		if term.Coefficient == 0 && math.Abs(slope) > o.L1+1e-4 || term.Coefficient != 0 && math.Abs(slope-want) > 1e-4 {
			t.Fatalf("L1 %v, L2 %v: coefficient %v with slope %v", o.L1, o.L2, term.Coefficient, slope)
		}
	}
}

package logistic_test

import (
	"math"
	"testing"

	"regulars/features/matrix"
	"regulars/models/logistic"
)

// By hand: column a has a value (mean 2, deviation 4) and an indicator (mean 0.25,
// deviation 0.5), column b goes through the logarithm, column c has no term.
func TestContributionsByHand(t *testing.T) {
	m, err := logistic.New([]string{"a", "b", "c"}, []logistic.Term{
		{Column: 0, Mean: 2, Std: 4, Coefficient: 3}, {Column: 0, Missing: true, Mean: 0.25, Std: 0.5, Coefficient: -2},
		{Column: 1, Log: true, Mean: 1, Std: 2, Coefficient: 0.5},
	}, -0.75)
	if err != nil {
		t.Fatal(err)
	}
	x := matrix.NewDense(2, []string{"a", "b", "c"})
	copy(x.Data, []float64{8, math.Expm1(3), 5, math.NaN(), math.NaN(), math.NaN()})
	got := make([]float64, 8)
	if err := m.Contributions(x, got); err != nil {
		t.Fatal(err)
	}
	want := []float64{3*1.5 - 2*-0.5, 0.5 * 1, 0, -0.75, -2 * 1.5, 0, 0, -0.75}
	for i := range want {
		if math.Abs(got[i]-want[i]) > 1e-12 {
			t.Errorf("number %d is %v, want %v", i, got[i], want[i])
		}
	}
}

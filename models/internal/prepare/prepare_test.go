package prepare_test

import (
	"errors"
	"math"
	"testing"

	"regulars/features/matrix"
	"regulars/models"
	"regulars/models/internal/prepare"
)

// Of the inputs made from a table, each has mean 0 and deviation 1 over it (for
// those without missing values), a missing cell counts as the mean, and nothing
// is farther than a million deviations.
func TestInputs(t *testing.T) {
	x := matrix.NewDense(100, []string{"even", "skewed", "holed", "constant"})
	for i := range x.Rows {
		copy(x.Row(i), []float64{float64(i % 9), math.Exp(float64(i) / 9), float64(i % 5), 7})
		if i%4 == 0 {
			x.Row(i)[2] = math.NaN()
		}
	}
	inputs := prepare.Inputs(x, true)
	if len(inputs) != 4 || inputs[0].Log || !inputs[1].Log || inputs[2].Missing || !inputs[3].Missing || inputs[3].Column != 2 {
		t.Fatalf("inputs %+v: want even, skewed by logarithm, holed and its indicator", inputs)
	}
	for j, in := range inputs {
		sum, squares, n := 0.0, 0.0, 0.0
		for i := range x.Rows {
			cell := x.Row(i)[in.Column]
			if math.IsNaN(cell) && !in.Missing {
				if v := in.Value(cell); v != 0 {
					t.Errorf("a missing cell is %v, want the mean, 0", v)
				}
				continue
			}
			v := in.Value(cell)
			sum, squares, n = sum+v, squares+v*v, n+1
		}
		if math.Abs(sum/n) > 1e-12 || math.Abs(squares/n-1) > 1e-12 {
			t.Errorf("input %d has mean %v and variance %v", j, sum/n, squares/n)
		}
	}
	if v := inputs[0].Value(math.MaxFloat64); v != 1e6 {
		t.Errorf("the largest number is %v deviations off", v)
	}
}

func TestRefuses(t *testing.T) {
	x := matrix.NewDense(2, []string{"a"})
	if err := prepare.CheckRows(x, []bool{true}); err == nil {
		t.Error("one label for two rows is accepted")
	}
	if err := prepare.CheckRows(x, []bool{true, true}); !errors.Is(err, models.ErrNoData) {
		t.Errorf("one class gives %v", err)
	}
	x.Row(1)[0] = math.Inf(-1)
	if err := prepare.CheckRows(x, []bool{true, false}); err == nil {
		t.Error("an infinite value is accepted")
	}
	if err := prepare.Fill([]prepare.Input{{Std: 1}}, x, 1, make([]float64, 1)); err == nil {
		t.Error("an infinite value is filled in")
	}
	for _, bad := range []prepare.Input{{Column: 1, Std: 1}, {Column: -1, Std: 1}, {}, {Std: math.Inf(1)}, {Std: 1, Mean: math.NaN()}} {
		if err := bad.Check(1); err == nil {
			t.Errorf("%+v is accepted", bad)
		}
	}
}

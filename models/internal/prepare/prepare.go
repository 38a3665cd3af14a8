package prepare

import (
	"fmt"
	"math"
	"slices"

	"regulars/features/matrix"
	"regulars/models"
)

// skewed is the skewness in size beyond which a column goes through a logarithm.
const skewed = 1.0

// farthest bounds a prepared value, in standard deviations, so that values near
// the end of float64 never add up to a NaN.
const farthest = 1e6

// Input is one prepared column. Its value is (f(x) − Mean) / Std with f the
// identity or the signed log1p; a missing x is 0, the mean. A Missing input is 1
// where x is missing and 0 elsewhere, likewise standardised.
type Input struct {
	Column    int  // number of the column of training
	Missing   bool // the indicator, not the value
	Log       bool // signed log1p before standardisation
	Mean, Std float64
}

// Value returns the input's value for a cell of its column.
func (t *Input) Value(x float64) float64 {
	if !t.Missing && math.IsNaN(x) {
		return 0
	}
	return min(max((t.shape(x)-t.Mean)/t.Std, -farthest), farthest)
}

// Check returns an error when the input cannot be one of a table with so many
// columns.
func (t *Input) Check(columns int) error {
	if t.Column < 0 || t.Column >= columns || !(t.Std > 0) || math.IsInf(t.Std, 0) || math.IsNaN(t.Mean) || math.IsInf(t.Mean, 0) {
		return fmt.Errorf("an input from column %d of %d with mean %v and deviation %v is not valid", t.Column, columns, t.Mean, t.Std)
	}
	return nil
}

func (t *Input) shape(x float64) float64 {
	switch {
	case t.Missing && math.IsNaN(x):
		return 1
	case t.Missing:
		return 0
	case t.Log:
		return math.Copysign(math.Log1p(math.Abs(x)), x)
	}
	return x
}

// Inputs makes the inputs of x. A column of which all present values are equal
// gives no value input; a column with some but not all values missing gives an
// indicator. The logarithm is taken where the skewness of the present values is
// beyond 1 in size and the logarithm lowers it.
func Inputs(x *matrix.Dense, logs bool) []Input {
	var inputs []Input
	for j := range x.Names {
		column := x.Column(j)
		value := Input{Column: j}
		plain := value.moments(column)
		if logs && math.Abs(plain.skewness()) > skewed {
			logged := Input{Column: j, Log: true}
			if after := logged.moments(column); math.Abs(after.skewness()) < math.Abs(plain.skewness()) {
				value, plain = logged, after
			}
		}
		inputs = value.appendTo(inputs, plain)
		missing := Input{Column: j, Missing: true}
		inputs = missing.appendTo(inputs, missing.moments(column))
	}
	return inputs
}

// appendTo standardises the input and appends it unless it is constant.
func (t Input) appendTo(inputs []Input, m moments) []Input {
	t.Mean, t.Std = m.mean, math.Sqrt(m.second)
	if m.n == 0 || !(t.Std > 1e-12*math.Max(1, math.Abs(t.Mean))) || math.IsInf(t.Std, 0) {
		return inputs
	}
	return append(inputs, t)
}

// moments are the count, mean and central moments (divided by n) of present values.
type moments struct{ n, mean, second, third float64 }

func (m moments) skewness() float64 {
	if m.second == 0 {
		return 0
	}
	return m.third / math.Pow(m.second, 1.5)
}

func (t *Input) moments(column []float64) moments {
	var m moments
	for _, x := range column {
		if t.Missing || !math.IsNaN(x) {
			m.n++
			m.mean += t.shape(x)
		}
	}
	m.mean /= math.Max(1, m.n)
	for _, x := range column {
		if t.Missing || !math.IsNaN(x) {
			d := t.shape(x) - m.mean
			m.second += d * d
			m.third += d * d * d
		}
	}
	m.second /= math.Max(1, m.n)
	m.third /= math.Max(1, m.n)
	return m
}

// Fill writes the inputs of row i of x into dst, which has length len(inputs). An
// infinite value is an error that names its column.
func Fill(inputs []Input, x *matrix.Dense, i int, dst []float64) error {
	row := x.Row(i)
	for j := range inputs {
		v := row[inputs[j].Column]
		if math.IsInf(v, 0) {
			return fmt.Errorf("row %d of column %q is %v: it must be finite or missing", i, x.Names[inputs[j].Column], v)
		}
		dst[j] = inputs[j].Value(v)
	}
	return nil
}

// CheckRows returns an error unless there is one label a row, both classes
// occur (else it wraps models.ErrNoData) and no value is infinite.
func CheckRows(x *matrix.Dense, y []bool) error {
	if len(y) != x.Rows {
		return fmt.Errorf("%d labels for %d rows", len(y), x.Rows)
	}
	if !slices.Contains(y, true) || !slices.Contains(y, false) {
		return fmt.Errorf("all %d labels are the same: %w", len(y), models.ErrNoData)
	}
	for i := range x.Rows {
		for j, v := range x.Row(i) {
			if math.IsInf(v, 0) {
				return fmt.Errorf("row %d of column %q is %v: it must be finite or missing", i, x.Names[j], v)
			}
		}
	}
	return nil
}

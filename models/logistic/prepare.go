package logistic

import (
	"math"

	"regulars/features/matrix"
)

// skewed is the skewness in size beyond which a column goes through a logarithm.
const skewed = 1.0

// farthest bounds a prepared value, in standard deviations, so that values near
// the end of float64 never add up to a NaN.
const farthest = 1e6

// Term is one prepared column and its coefficient. Its value is
// (f(x) − Mean) / Std with f the identity or the signed log1p; a missing x is 0,
// the mean. A Missing term is 1 where x is missing and 0 elsewhere, likewise
// standardised.
type Term struct {
	Column      int  // number of the column of training
	Missing     bool // the indicator, not the value
	Log         bool // signed log1p before standardisation
	Mean, Std   float64
	Coefficient float64
}

func (t *Term) value(x float64) float64 {
	if !t.Missing && math.IsNaN(x) {
		return 0
	}
	return min(max((t.shape(x)-t.Mean)/t.Std, -farthest), farthest)
}

func (t *Term) shape(x float64) float64 {
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

// prepare makes the terms of x. A column of which all present values are equal
// gives no value term; a column with some but not all values missing gives an
// indicator. The logarithm is taken where the skewness of the present values is
// beyond 1 in size and the logarithm lowers it.
func prepare(x *matrix.Dense, logs bool) []Term {
	var terms []Term
	for j := range x.Names {
		column := x.Column(j)
		value := Term{Column: j}
		plain := value.moments(column)
		if logs && math.Abs(plain.skewness()) > skewed {
			logged := Term{Column: j, Log: true}
			if after := logged.moments(column); math.Abs(after.skewness()) < math.Abs(plain.skewness()) {
				value, plain = logged, after
			}
		}
		terms = value.appendTo(terms, plain)
		missing := Term{Column: j, Missing: true}
		terms = missing.appendTo(terms, missing.moments(column))
	}
	return terms
}

// appendTo standardises the term and appends it unless it is constant.
func (t Term) appendTo(terms []Term, m moments) []Term {
	t.Mean, t.Std = m.mean, math.Sqrt(m.second)
	if m.n == 0 || !(t.Std > 1e-12*math.Max(1, math.Abs(t.Mean))) || math.IsInf(t.Std, 0) {
		return terms
	}
	return append(terms, t)
}

// moments are the count, mean and central moments (divided by n) of present values.
type moments struct{ n, mean, second, third float64 }

func (m moments) skewness() float64 {
	if m.second == 0 {
		return 0
	}
	return m.third / math.Pow(m.second, 1.5)
}

func (t *Term) moments(column []float64) moments {
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

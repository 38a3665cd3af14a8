package logistic

import (
	"regulars/features/matrix"
	"regulars/models/internal/prepare"
)

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

func (t *Term) input() prepare.Input {
	return prepare.Input{Column: t.Column, Missing: t.Missing, Log: t.Log, Mean: t.Mean, Std: t.Std}
}

// terms makes the terms of x, their coefficients to be learned.
func terms(x *matrix.Dense, logs bool) []Term {
	inputs := prepare.Inputs(x, logs)
	out := make([]Term, len(inputs))
	for j, t := range inputs {
		out[j] = Term{Column: t.Column, Missing: t.Missing, Log: t.Log, Mean: t.Mean, Std: t.Std}
	}
	return out
}

func (m *Model) inputs() []prepare.Input {
	out := make([]prepare.Input, len(m.Terms))
	for j := range m.Terms {
		out[j] = m.Terms[j].input()
	}
	return out
}

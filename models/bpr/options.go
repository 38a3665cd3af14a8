package bpr

import (
	"math"

	"regulars/models"
)

// Options of Fit. The zero value is the default written at each field. The
// criterion is, over positives i of user u and items j that u does not have,
//
//	mean of ln σ(x_ui − x_uj) − Regularization/2·(‖w_u‖² + ‖h_i‖² + ‖h_j‖² + b_i² + b_j²),  x_ui = w_u·h_i + b_i
type Options struct {
	Factors        int      // dimension d; 0 = 64, at most 512
	Epochs         int      // passes of as many samples as there are positives; 0 = 100
	LearningRate   float64  // of a gradient step, falling to a tenth over the epochs; 0 = 0.05
	Regularization *float64 // nil = 0.01
	HalfLifeDays   float64  // a positive is drawn half as often when its latest day is that old; 0 = no decay
	Negatives      int      // items that a fold-in ranks the history above, at most; 0 = 200
	FoldSteps      int      // gradient steps of a fold-in; 0 = 30
	Seed           uint64   // of the initial factors and of all samples
	Workers        int      // 0 = GOMAXPROCS; the result does not depend on it
}

// resolved are the options with every default filled in.
func (o Options) resolved() (Options, error) {
	for _, d := range []struct {
		field *int
		value int
	}{{&o.Factors, 64}, {&o.Epochs, 100}, {&o.Negatives, 200}, {&o.FoldSteps, 30}} {
		if *d.field == 0 {
			*d.field = d.value
		}
	}
	if o.LearningRate == 0 {
		o.LearningRate = 0.05
	}
	if o.Regularization == nil {
		o.Regularization = number(0.01)
	}
	return o, o.check()
}

func number(f float64) *float64 { return &f }

func (o Options) check() error {
	bad := func(option string, value any, want string) error {
		return &models.OptionError{Model: "bpr", Option: option, Value: value, Want: want}
	}
	switch {
	case o.Factors < 1 || o.Factors > 512:
		return bad("Factors", o.Factors, "between 1 and 512")
	case o.Epochs < 1:
		return bad("Epochs", o.Epochs, "at least 1")
	case !(o.LearningRate > 0) || o.LearningRate > 1:
		return bad("LearningRate", o.LearningRate, "above 0 and at most 1")
	case !(*o.Regularization >= 0) || *o.Regularization > 1:
		return bad("Regularization", *o.Regularization, "between 0 and 1")
	case !(o.HalfLifeDays >= 0) || math.IsInf(o.HalfLifeDays, 0):
		return bad("HalfLifeDays", o.HalfLifeDays, "0 (no decay) or a finite number of days")
	case o.Negatives < 1 || o.Negatives > 100_000:
		return bad("Negatives", o.Negatives, "between 1 and 100,000")
	case o.FoldSteps < 1 || o.FoldSteps > 10_000:
		return bad("FoldSteps", o.FoldSteps, "between 1 and 10,000")
	case o.Workers < 0:
		return bad("Workers", o.Workers, "0 (all cores) or more")
	}
	return nil
}

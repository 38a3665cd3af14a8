package churn

import (
	"context"

	"regulars/features/matrix"
	"regulars/models"
	"regulars/models/calibrate"
	"regulars/models/gap"
)

// Away says how likely there is no order: the opposite of what a gap model says.
type Away struct{ Gap *gap.Model }

var (
	_ models.Classifier  = Away{}
	_ models.Contributor = Away{}
)

// Probability writes the probability of no order within the horizon.
func (a Away) Probability(x *matrix.Dense, dst []float64) error {
	if err := a.Gap.Probability(x, dst); err != nil {
		return err
	}
	for i, p := range dst {
		dst[i] = 1 - p
	}
	return nil
}

// Contributions writes what speaks for no order.
func (a Away) Contributions(x *matrix.Dense, dst []float64) error {
	if err := a.Gap.Contributions(x, dst); err != nil {
		return err
	}
	for i, c := range dst {
		dst[i] = -c
	}
	return nil
}

// gapRecipe learns from order days alone, of all customers known when the labels
// of the rows are.
func (j *Job) gapRecipe() Recipe {
	return Recipe{Family: Gap, fit: func(ctx context.Context, r Rows) (models.Classifier, error) {
		m, err := gap.Fit(ctx, r.X.Names, r.Orders, r.Known, gap.Options{Horizon: j.HorizonDays})
		if err != nil {
			return nil, err
		}
		return Away{m}, nil
	}}
}

// Unmeasured makes a model for a shop whose history is too short, or whose
// customers are too few, to choose and measure one: gaps between orders, drawn
// towards their mean by how few customers there are. why says what is lacking.
func (j *Job) Unmeasured(ctx context.Context, r Rows, why Why) (*Model, error) {
	recipe := j.gapRecipe()
	m, err := recipe.fit(ctx, r)
	if err != nil {
		return nil, err
	}
	p := make([]float64, r.X.Rows)
	if err := m.Probability(r.X, p); err != nil {
		return nil, err
	}
	sum := 1.0 // and one who stays: as Laplace would
	for _, v := range p {
		sum += v
	}
	out := &Model{Calibrated: calibrate.Calibrated{Base: m}, Recipe: recipe, Map: &Calibration{}, Method: Gap, Why: why}
	out.Map.cautious(r.X.Rows, sum/float64(r.X.Rows+2))
	out.Calibrated.Map = out.Map
	return out, nil
}

package baserate

import (
	"context"
	"fmt"

	"regulars/features/matrix"
	"regulars/models"
)

// Model is a constant probability for tables with the given columns.
type Model struct {
	Names []string
	Rate  float64 // strictly between 0 and 1
}

var (
	_ models.Classifier  = (*Model)(nil)
	_ models.Contributor = (*Model)(nil)
)

// Fit takes the share of true labels with Laplace's correction,
// (true + 1) / (rows + 2), so that it is never 0 or 1. y holds one label a row
// of x. No rows give ErrNoData.
func Fit(ctx context.Context, x *matrix.Dense, y []bool) (*Model, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if len(y) != x.Rows {
		return nil, fmt.Errorf("base rate: %d labels for %d rows", len(y), x.Rows)
	}
	if len(y) == 0 {
		return nil, fmt.Errorf("base rate: no rows: %w", models.ErrNoData)
	}
	positive := 0
	for _, label := range y {
		if label {
			positive++
		}
	}
	return &Model{Names: x.Names, Rate: float64(positive+1) / float64(len(y)+2)}, nil
}

// New returns the model of stored numbers.
func New(names []string, rate float64) (*Model, error) {
	if !(rate > 0 && rate < 1) {
		return nil, fmt.Errorf("base rate: rate is %v: it must lie strictly between 0 and 1", rate)
	}
	return &Model{Names: names, Rate: rate}, nil
}

// Probability writes the rate for every row.
func (m *Model) Probability(x *matrix.Dense, dst []float64) error {
	if err := models.CheckColumns(m.Names, x.Names); err != nil {
		return err
	}
	if len(dst) != x.Rows {
		return fmt.Errorf("base rate: room for %d probabilities, there are %d rows", len(dst), x.Rows)
	}
	for i := range dst {
		dst[i] = m.Rate
	}
	return nil
}

// Contributions writes 0 for every column and the log-odds of the rate.
func (m *Model) Contributions(x *matrix.Dense, dst []float64) error {
	if err := models.CheckContributions(m.Names, x, dst); err != nil {
		return fmt.Errorf("base rate: %w", err)
	}
	clear(dst)
	each := x.Cols() + 1
	for i := range x.Rows {
		dst[(i+1)*each-1] = models.LogOdds(m.Rate)
	}
	return nil
}

package ease

import (
	"regulars/features/matrix"
	"regulars/models"
	"regulars/models/internal/pairwise"
)

// Model holds the weights between items. Make it with Fit, or with New from stored
// numbers.
type Model struct {
	Options Options // with defaults filled in; Workers has no meaning here
	pairwise.Model
}

var (
	_ models.Recommender = (*Model)(nil)
	_ models.Similar     = (*Model)(nil)
	_ models.Explainer   = (*Model)(nil)
)

// New returns the model of stored options, customers (one an item) and weights
// (items × items, columns ascending, no diagonal, all finite).
func New(o Options, customers []int32, weights *matrix.CSR) (*Model, error) {
	o, err := o.resolved()
	if err != nil {
		return nil, err
	}
	m, err := pairwise.New("ease", o.counting(), customers, weights)
	if err != nil {
		return nil, err
	}
	return &Model{o, m}, nil
}

func (o Options) counting() pairwise.Counting {
	return pairwise.Counting{HalfLifeDays: o.HalfLifeDays, Weighted: o.Weighted}
}

// Similar writes the mean of the weights in both directions. Without any it is 0.
func (m *Model) Similar(item int32, dst []float32) error {
	if err := m.CheckSimilar(item, dst); err != nil {
		return err
	}
	for i := range dst {
		dst[i] = m.Weight(int32(i), item) / 2
	}
	cols, vals := m.Weights.Row(int(item))
	for k, j := range cols {
		dst[j] += vals[k] / 2
	}
	return nil
}

package average

import (
	"errors"
	"fmt"
	"math"

	"regulars/features/matrix"
	"regulars/models"
)

// Model averages the log-odds of its members (the logarithmic opinion pool of
// Genest and Zidek, Combining Probability Distributions, Statistical Science 1,
// 1986, with equal weights).
type Model struct {
	Members []models.Classifier
}

var (
	_ models.Classifier  = (*Model)(nil)
	_ models.Contributor = (*Model)(nil)
)

// New returns the average of members, of which there must be one.
func New(members ...models.Classifier) (*Model, error) {
	if len(members) == 0 {
		return nil, errors.New("average: there are no members")
	}
	for i, m := range members {
		if m == nil {
			return nil, fmt.Errorf("average: member %d is missing", i)
		}
	}
	return &Model{Members: members}, nil
}

// Probability writes 1 / (1 + e^−z), z the mean of the members' log-odds.
func (m *Model) Probability(x *matrix.Dense, dst []float64) error {
	if len(dst) != x.Rows {
		return fmt.Errorf("average: room for %d probabilities of %d rows", len(dst), x.Rows)
	}
	sum, one := make([]float64, x.Rows), make([]float64, x.Rows)
	for i, member := range m.Members {
		if err := member.Probability(x, one); err != nil {
			return fmt.Errorf("average: member %d: %w", i, err)
		}
		for j, p := range one {
			sum[j] += models.LogOdds(p)
		}
	}
	for j, z := range sum {
		dst[j] = 1 / (1 + math.Exp(-z/float64(len(m.Members))))
	}
	return nil
}

// Contributions writes the mean of the members' contributions, which is what
// each column adds to the mean of the log-odds. A member that cannot say gives an
// error wrapping errors.ErrUnsupported.
func (m *Model) Contributions(x *matrix.Dense, dst []float64) error {
	if err := models.CheckContributions(x.Names, x, dst); err != nil {
		return fmt.Errorf("average: %w", err)
	}
	sum, one := make([]float64, len(dst)), make([]float64, len(dst))
	for i, member := range m.Members {
		c, ok := member.(models.Contributor)
		if !ok {
			return fmt.Errorf("average: member %d (%T) has no contributions: %w", i, member, errors.ErrUnsupported)
		}
		if err := c.Contributions(x, one); err != nil {
			return fmt.Errorf("average: member %d: %w", i, err)
		}
		for j, v := range one {
			sum[j] += v
		}
	}
	for j, v := range sum {
		dst[j] = v / float64(len(m.Members))
	}
	return nil
}

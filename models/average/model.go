package average

import (
	"errors"
	"fmt"
	"math"

	"regulars/features/matrix"
	"regulars/models"
)

// Edge is how close to 0 and 1 a member's probability counts: a single member
// that is certain does not decide alone.
const Edge = 1e-6

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
			sum[j] += logit(p)
		}
	}
	for j, z := range sum {
		dst[j] = 1 / (1 + math.Exp(-z/float64(len(m.Members))))
	}
	return nil
}

func logit(p float64) float64 {
	p = min(max(p, Edge), 1-Edge)
	return math.Log(p) - math.Log1p(-p)
}

// Contributions writes the mean of the members' contributions, which is what
// each column adds to the mean of the log-odds. Where a member's probability lies
// beyond Edge, its contributions are drawn in alike. A member that cannot say
// gives an error wrapping models.ErrUnknown.
func (m *Model) Contributions(x *matrix.Dense, dst []float64) error {
	width := len(x.Names) + 1
	if len(dst) != x.Rows*width {
		return fmt.Errorf("average: room for %d numbers, %d rows need %d", len(dst), x.Rows, x.Rows*width)
	}
	clear(dst)
	one := make([]float64, len(dst))
	for i, member := range m.Members {
		c, ok := member.(models.Contributor)
		if !ok {
			return fmt.Errorf("average: member %d (%T) has no contributions: %w", i, member, models.ErrUnknown)
		}
		if err := c.Contributions(x, one); err != nil {
			return fmt.Errorf("average: member %d: %w", i, err)
		}
		for r := range x.Rows {
			m.add(dst[r*width:(r+1)*width], one[r*width:(r+1)*width])
		}
	}
	return nil
}

// add adds a member's share of one row.
func (m *Model) add(dst, one []float64) {
	z := 0.0
	for _, c := range one {
		z += c
	}
	scale := 1 / float64(len(m.Members))
	if most := logit(1); math.Abs(z) > most {
		scale *= most / math.Abs(z)
	}
	for j, c := range one {
		dst[j] += scale * c
	}
}

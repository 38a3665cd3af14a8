package churn

import (
	"cmp"
	"context"
	"errors"
	"math"
	"slices"

	"regulars/features/matrix"
	"regulars/models"
)

// A Reason is a column that drives a customer's probability.
type Reason struct {
	Column       int
	Contribution float64 // to the log-odds of leaving
}

// Strongest returns the n columns of the largest contributions of one row, of
// each group of columns one at most, since columns of a group say much the same.
// group holds one number a column.
func Strongest(contributions []float64, group []int, n int) []Reason {
	all := make([]Reason, len(group))
	for c := range group {
		all[c] = Reason{c, contributions[c]}
	}
	slices.SortStableFunc(all, func(a, b Reason) int { return cmp.Compare(math.Abs(b.Contribution), math.Abs(a.Contribution)) })
	var out []Reason
	for _, r := range all {
		if len(out) == n || r.Contribution == 0 {
			break
		}
		if !slices.ContainsFunc(out, func(o Reason) bool { return group[o.Column] == group[r.Column] }) {
			out = append(out, r)
		}
	}
	return out
}

// chunk is how many rows are explained at a time.
const chunk = 4096

// Explain calls each for every row of x in order, with what its columns
// contribute to the log-odds (the slice is used again). ok is false where the
// model cannot say.
func Explain(ctx context.Context, m models.Classifier, x *matrix.Dense, each func(row int, contributions []float64) error) (ok bool, err error) {
	c, ok := m.(models.Contributor)
	if !ok {
		return false, nil
	}
	width := len(x.Names) + 1
	dst := make([]float64, min(chunk, x.Rows)*width)
	for from := 0; from < x.Rows; from += chunk {
		if err := ctx.Err(); err != nil {
			return true, err
		}
		to := min(from+chunk, x.Rows)
		part := &matrix.Dense{Names: x.Names, Rows: to - from, Data: x.Data[from*len(x.Names) : to*len(x.Names)]}
		err := c.Contributions(part, dst[:(to-from)*width])
		if errors.Is(err, errors.ErrUnsupported) {
			return false, nil
		}
		if err != nil {
			return true, err
		}
		for r := from; r < to; r++ {
			if err := each(r, dst[(r-from)*width:(r-from+1)*width-1]); err != nil {
				return true, err
			}
		}
	}
	return true, nil
}

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

// A Reason is a group of columns that drives a customer's probability, and the
// column that speaks for it.
type Reason struct {
	Group        int
	Column       int     // of the group's, the one with the largest contribution in its direction
	Contribution float64 // of the whole group to the log-odds of leaving
}

// Strongest returns the n groups of the largest contributions of one row. Columns
// of a group say much the same, and what they add is spread over them by chance
// of fitting: only together they weigh what their subject weighs. group holds one
// number a column, from 0.
func Strongest(contributions []float64, group []int, n int) []Reason {
	all := reasons(contributions, group)
	slices.SortStableFunc(all, func(a, b Reason) int { return cmp.Compare(math.Abs(b.Contribution), math.Abs(a.Contribution)) })
	all = slices.DeleteFunc(all, func(r Reason) bool { return r.Contribution == 0 })
	return all[:min(n, len(all))]
}

// reasons adds up the contributions of each group and finds who speaks for it.
func reasons(contributions []float64, group []int) []Reason {
	var out []Reason
	for c, g := range group {
		for len(out) <= g {
			out = append(out, Reason{Group: len(out)})
		}
		out[g].Contribution += contributions[c]
	}
	said := make([]bool, len(out))
	for c, g := range group {
		r, v := &out[g], contributions[c]
		if (v > 0) == (r.Contribution > 0) && (!said[g] || math.Abs(v) > math.Abs(contributions[r.Column])) {
			r.Column, said[g] = c, true
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

package gbdt

import (
	"fmt"
	"math"
	"slices"

	"regulars/features/matrix"
	"regulars/models"
)

// maxCategory keeps the bit sets of categorical splits small.
const maxCategory = 1 << 20

// Data are the rows to learn from or to validate on.
type Data struct {
	X           *matrix.Dense
	Categorical []int     // numbers of the columns that hold categories: whole numbers from 0 to 2^20
	Y           []float64 // one label a row
	Weight      []float64 // nil = 1 each; at least 0 and finite, not all 0
	Group       []int32   // LambdaRank: how many rows each group has; the rows of a group stand together
}

// categorical says of each column whether it holds categories.
func (d *Data) categorical() ([]bool, error) {
	out := make([]bool, d.X.Cols())
	for _, j := range d.Categorical {
		if j < 0 || j >= len(out) {
			return nil, fmt.Errorf("gbdt: categorical column %d of %d columns", j, len(out))
		}
		out[j] = true
	}
	return out, nil
}

// check refuses what cannot be learnt from, naming row and column.
func (d *Data) check(o *Options) error {
	if d.X == nil || d.X.Rows == 0 {
		return fmt.Errorf("gbdt: no rows: %w", models.ErrNoData)
	}
	if d.X.Cols() == 0 {
		return fmt.Errorf("gbdt: no columns: %w", models.ErrNoData)
	}
	if d.X.Rows > math.MaxInt32 {
		return fmt.Errorf("gbdt: %d rows: at most %d", d.X.Rows, math.MaxInt32)
	}
	if len(d.Y) != d.X.Rows {
		return fmt.Errorf("gbdt: %d labels for %d rows", len(d.Y), d.X.Rows)
	}
	if err := d.checkLabels(o); err != nil {
		return err
	}
	if err := d.checkWeights(); err != nil {
		return err
	}
	if err := d.checkGroups(o); err != nil {
		return err
	}
	return d.checkValues()
}

func (d *Data) checkLabels(o *Options) error {
	hi, whole := math.MaxFloat64, true
	switch o.Objective {
	case Binary:
		hi = 1
	case Multiclass:
		hi = float64(o.Classes - 1)
	case LambdaRank:
		hi = maxGrade
	default:
		whole = false
	}
	lo := 0.0
	if o.Objective == Regression {
		lo = -math.MaxFloat64
	}
	for i, y := range d.Y {
		if !(y >= lo && y <= hi) || whole && y != math.Trunc(y) {
			return fmt.Errorf("gbdt: label of row %d is %v, which %s cannot learn from", i, y, o.Objective)
		}
	}
	return nil
}

func (d *Data) checkWeights() error {
	if d.Weight == nil {
		return nil
	}
	if len(d.Weight) != d.X.Rows {
		return fmt.Errorf("gbdt: %d weights for %d rows", len(d.Weight), d.X.Rows)
	}
	sum := 0.0
	for i, w := range d.Weight {
		if !(w >= 0) || math.IsInf(w, 0) {
			return fmt.Errorf("gbdt: weight of row %d is %v: it must be finite and at least 0", i, w)
		}
		sum += w
	}
	if sum == 0 || math.IsInf(sum, 0) {
		return fmt.Errorf("gbdt: the weights add up to %v: %w", sum, models.ErrNoData)
	}
	return nil
}

func (d *Data) checkGroups(o *Options) error {
	if o.Objective != LambdaRank {
		return nil
	}
	sum := 0
	for i, n := range d.Group {
		if n < 1 {
			return fmt.Errorf("gbdt: group %d has %d rows", i, n)
		}
		sum += int(n)
	}
	if sum != d.X.Rows {
		return fmt.Errorf("gbdt: groups of %d rows together for %d rows: lambdarank needs the group of every row", sum, d.X.Rows)
	}
	return nil
}

func (d *Data) checkValues() error {
	categorical, err := d.categorical()
	if err != nil {
		return err
	}
	for i := range d.X.Rows {
		for j, v := range d.X.Row(i) {
			if v-v != 0 && !math.IsNaN(v) {
				return infinite(i, d.X.Names[j], v)
			}
			if categorical[j] && (v < 0 || v > maxCategory || v != math.Trunc(v)) && !math.IsNaN(v) {
				return fmt.Errorf("gbdt: row %d of the categorical column %q is %v: it must be a whole number from 0 to %d, or missing", i, d.X.Names[j], v, maxCategory)
			}
		}
	}
	return nil
}

func infinite(row int, column string, v float64) error {
	return fmt.Errorf("gbdt: row %d of column %q is %v: it must be finite or missing", row, column, v)
}

// checkClasses refuses labels that are all the same where classes are told apart.
func (d *Data) checkClasses(o *Options) error {
	if o.Objective != Binary && o.Objective != Multiclass {
		return nil
	}
	if lo, hi := slices.Min(d.Y), slices.Max(d.Y); lo == hi {
		return fmt.Errorf("gbdt: all %d labels are %v: %w", len(d.Y), lo, models.ErrNoData)
	}
	return nil
}

// weight returns the weight of row i.
func (d *Data) weight(i int) float64 {
	if d.Weight == nil {
		return 1
	}
	return d.Weight[i]
}

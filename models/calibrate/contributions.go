package calibrate

import (
	"errors"
	"fmt"
	"math"

	"regulars/features/matrix"
	"regulars/models"
)

var _ models.Contributor = (*Calibrated)(nil)

// Contributions writes what each column adds to the log-odds of the calibrated
// probability: what it adds to that of Base times what a unit of raw log-odds is
// worth, for a Platt map B, for any other its mean slope between the base of the
// row and the row. The log-odds before any column take the rest: for a Platt map
// A + B·(those of Base), where no probability is held at an edge. A Base that
// cannot say what its columns contribute gives an error that wraps
// errors.ErrUnsupported.
func (c *Calibrated) Contributions(x *matrix.Dense, dst []float64) error {
	base, ok := c.Base.(models.Contributor)
	if !ok {
		return fmt.Errorf("calibrate: a model of type %T does not say what columns contribute: %w", c.Base, errors.ErrUnsupported)
	}
	if err := base.Contributions(x, dst); err != nil {
		return err
	}
	p := make([]float64, x.Rows)
	if err := c.Probability(x, p); err != nil {
		return err
	}
	each := x.Cols() + 1
	for i := range p {
		scaleTo(dst[i*each:(i+1)*each], c.worth, logit(p[i]))
	}
	return nil
}

// scaleTo multiplies contributions by what they are worth, and lets the log-odds
// before any column take the rest to those of the row.
func scaleTo(phi []float64, worth func(before, row float64) float64, logOdds float64) {
	columns, row := phi[:len(phi)-1], 0.0
	for _, v := range phi {
		row += v
	}
	scale, rest := worth(phi[len(columns)], row), logOdds
	for j := range columns {
		columns[j] *= scale
		rest -= columns[j]
	}
	phi[len(columns)] = rest
}

// worth is the slope of the map in log-odds, between two that are far enough apart,
// else about them.
func (c *Calibrated) worth(before, row float64) float64 {
	if platt, ok := c.Map.(*Platt); ok {
		return platt.B
	}
	const least = 1e-3
	if math.Abs(row-before) < least {
		before, row = row-least, row+least
	}
	return (c.mapped(row) - c.mapped(before)) / (row - before)
}

// mapped is the map in log-odds.
func (c *Calibrated) mapped(z float64) float64 { return logit(c.Map.Apply(sigmoid(z))) }

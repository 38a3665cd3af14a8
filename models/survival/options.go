package survival

import (
	"cmp"
	"fmt"
	"math"

	"regulars/models"
)

// Options of Fit. The zero value is the default written at each field.
type Options struct {
	// Elapsed names the column that holds the days since the last order; "" =
	// none, every row begins at 0. Missing values count as its median.
	Elapsed string
	Period  int     // days in which there is one chance to order; 0 = 7
	Horizon int     // days that Probability looks ahead; 0 = 90
	Follow  int     // days of a row that are learned from at most; 0 = 2·Horizon
	Knots   *int    // bends of the hazard's logarithm over the logarithm of time; nil = 4
	L2      float64 // penalty of the logistic regression; 0 = 1
	// MaxPeriods bounds the work: of more person-periods, evenly spread rows are
	// learned from. 0 = 200000
	MaxPeriods int
}

func (o Options) resolved() (Options, error) {
	if o.Knots == nil {
		knots := 4
		o.Knots = &knots
	}
	o.Period = cmp.Or(o.Period, 7)
	o.Horizon = cmp.Or(o.Horizon, 90)
	o.Follow = cmp.Or(o.Follow, 2*o.Horizon)
	o.MaxPeriods = cmp.Or(o.MaxPeriods, 200_000)
	for _, f := range []struct {
		name          string
		value, lo, hi int
	}{
		{"Period", o.Period, 1, 366}, {"Horizon", o.Horizon, 1, longest}, {"Follow", o.Follow, 1, 2 * longest},
		{"Knots", *o.Knots, 0, 20}, {"MaxPeriods", o.MaxPeriods, 1, math.MaxInt32},
	} {
		if f.value < f.lo || f.value > f.hi {
			return o, &models.OptionError{Model: "survival", Option: f.name, Value: f.value, Want: fmt.Sprintf("between %d and %d", f.lo, f.hi)}
		}
	}
	if !(o.L2 >= 0) || math.IsInf(o.L2, 0) {
		return o, &models.OptionError{Model: "survival", Option: "L2", Value: o.L2, Want: "above 0 and finite"}
	}
	return o, nil
}

// longest is how many days ahead anything is said about: ten years.
const longest = 3653

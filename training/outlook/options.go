package outlook

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"regulars/models"
)

// Options of Evaluate and Fit. The zero value is the default written at each field.
type Options struct {
	Horizons     []int    // days of the return probabilities, ascending; nil = 30, 90, 180
	ValueDays    int      // days that the customer lifetime value looks ahead; 0 = 365
	DiscountRate *float64 // a year: later money counts less; nil = 0.1
	Draws        int      // futures played through for an interval of a value; 0 = 400
	Samples      int      // bootstrap samples of an interval in the report; 0 = 300
	Seed         uint64
	Workers      int // 0 = GOMAXPROCS; results do not depend on it
}

func (o Options) resolved() (Options, error) {
	if o.Horizons == nil {
		o.Horizons = []int{30, 90, 180}
	}
	if o.DiscountRate == nil {
		rate := 0.1
		o.DiscountRate = &rate
	}
	o.ValueDays = cmp.Or(o.ValueDays, 365)
	o.Draws = cmp.Or(o.Draws, 400)
	o.Samples = cmp.Or(o.Samples, 300)
	for i, h := range o.Horizons {
		if h < 1 || h > longest || i > 0 && h <= o.Horizons[i-1] {
			return o, &models.OptionError{Model: "outlook", Option: "Horizons", Value: o.Horizons, Want: "ascending days between 1 and 730"}
		}
	}
	if !(*o.DiscountRate >= 0) || math.IsInf(*o.DiscountRate, 0) {
		return o, &models.OptionError{Model: "outlook", Option: "DiscountRate", Value: *o.DiscountRate, Want: "at least 0 and finite"}
	}
	for _, f := range []struct {
		name      string
		value, to int
	}{{"ValueDays", o.ValueDays, 3653}, {"Draws", o.Draws, 100_000}, {"Samples", o.Samples, 100_000}} {
		if f.value < 1 || f.value > f.to {
			return o, &models.OptionError{Model: "outlook", Option: f.name, Value: f.value, Want: fmt.Sprintf("between 1 and %d", f.to)}
		}
	}
	if o.Workers < 0 {
		return o, &models.OptionError{Model: "outlook", Option: "Workers", Value: o.Workers, Want: "at least 0"}
	}
	return o, nil
}

// longest is how many days ahead a course goes.
const longest = 730

// courseDays is the grid of a course.
var courseDays = []int{7, 14, 21, 30, 45, 60, 75, 90, 120, 150, 180, 240, 300, 365, 545, 730}

// CourseDays returns the days, from as_of on, at which Customer.Course says how
// likely there was no order yet.
func CourseDays() []int { return slices.Clone(courseDays) }

package gap

import (
	"cmp"
	"math"

	"regulars/models"
)

// Options of Fit. The zero value is the default written at each field.
type Options struct {
	// Elapsed names the column that holds the days since the last order; "" =
	// recency_days. A missing value counts as the median of the customers.
	Elapsed string
	// Expected names the column that holds the expected days from one order to the
	// next; "" = expected_gap_days. Missing = the customer ordered on one day only.
	Expected string
	Horizon  int // days that Probability looks ahead; 0 = 90
	// PriorGaps is how many gaps of the shop's typical length are added to a
	// customer's own, as in the feature group next_order; 0 = 1.
	PriorGaps float64
	// PriorOrders is how many observed orders the shop's base rate counts as, where
	// it is blended with the curve; 0 = 20.
	PriorOrders float64
}

func (o Options) resolved() (Options, error) {
	o.Elapsed = cmp.Or(o.Elapsed, "recency_days")
	o.Expected = cmp.Or(o.Expected, "expected_gap_days")
	o.Horizon = cmp.Or(o.Horizon, 90)
	o.PriorGaps = cmp.Or(o.PriorGaps, 1)
	o.PriorOrders = cmp.Or(o.PriorOrders, 20)
	switch {
	case o.Elapsed == o.Expected:
		return o, &models.OptionError{Model: "gap", Option: "Expected", Value: o.Expected, Want: "another column than Elapsed"}
	case o.Horizon < 1 || o.Horizon > longest:
		return o, &models.OptionError{Model: "gap", Option: "Horizon", Value: o.Horizon, Want: "between 1 and 3653"}
	}
	for _, f := range []struct {
		name  string
		value float64
	}{{"PriorGaps", o.PriorGaps}, {"PriorOrders", o.PriorOrders}} {
		if !(f.value > 0) || math.IsInf(f.value, 0) {
			return o, &models.OptionError{Model: "gap", Option: f.name, Value: f.value, Want: "above 0 and finite"}
		}
	}
	return o, nil
}

// longest is how many days ahead Probability may look: ten years.
const longest = 3653

package btyd

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"regulars/models"
)

// Customer is what the models know of a customer: the orders after the first,
// those of one day counted once.
type Customer struct {
	X    int     // repeat orders: one less than all
	TX   float64 // time from the first order to the last; 0 when X is 0
	T    float64 // time from the first order to the end of what is known
	Mean float64 // mean value of the repeat orders; only GammaGamma looks at it
}

func (c Customer) check() error {
	switch {
	case c.X < 0:
		return fmt.Errorf("%d repeat orders", c.X)
	case !(c.T >= 0) || math.IsInf(c.T, 0):
		return fmt.Errorf("known for a time of %v: it must be finite and not below 0", c.T)
	case !(c.TX >= 0 && c.TX <= c.T):
		return fmt.Errorf("the last order is %v after the first, of a time of %v: it must lie within", c.TX, c.T)
	case c.X == 0 && c.TX != 0:
		return fmt.Errorf("no repeat order, yet the last is %v after the first", c.TX)
	case c.X > 0 && c.TX == 0:
		return fmt.Errorf("%d repeat orders at the instant of the first: orders of one instant count once", c.X)
	}
	return nil
}

// group is some customers of whom the same is known.
type group struct {
	Customer
	n float64
}

// grouped checks the customers and counts equal ones, in a fixed order, so that
// the order in which they are given does not matter.
func grouped(customers []Customer) ([]group, error) {
	repeats := 0
	sorted := slices.Clone(customers)
	for i, c := range customers {
		if err := c.check(); err != nil {
			return nil, fmt.Errorf("btyd: customer %d: %w", i, err)
		}
		if c.X > 0 {
			repeats++
		}
		sorted[i].Mean = 0
	}
	if repeats == 0 {
		return nil, fmt.Errorf("btyd: none of %d customers has ordered twice: %w", len(customers), models.ErrNoData)
	}
	return counted(sorted), nil
}

func counted(customers []Customer) []group {
	slices.SortFunc(customers, func(a, b Customer) int {
		return cmp.Or(a.X-b.X, cmp.Compare(a.TX, b.TX), cmp.Compare(a.T, b.T), cmp.Compare(a.Mean, b.Mean))
	})
	var out []group
	for _, c := range customers {
		if last := len(out) - 1; last >= 0 && out[last].Customer == c {
			out[last].n++
			continue
		}
		out = append(out, group{c, 1})
	}
	return out
}

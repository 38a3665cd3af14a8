package outlook

import (
	"context"
	"math"
	"math/rand/v2"

	"regulars/features/matrix"
	"regulars/models/btyd"
)

// values are the lifetime values of the rows of a table. The work does not grow
// with customers but with how different their pasts are. Orders expected depend on
// repeat orders, last and first day alone and are computed once for each that
// occurs. Futures are played through once a cell: repeat orders exact up to ten,
// then, like the times since the last and the first order, in steps of a tenth; a
// customer's interval is that of the cell × what the customer's orders are worth
// over what those of the cell's are. Cells have a seed of their own each, so that
// neither the customers nor the workers at hand change an interval.
type values struct {
	customers []btyd.Customer
	value     btyd.Value
	orders    map[btyd.Customer]float64 // discounted, by a customer without mean
	ranges    map[cell]btyd.Range
}

// cell stands for customers who look alike.
type cell struct{ x, since, known int }

const (
	exactOrders = 10
	step        = 0.1 // of the logarithm
	pools       = 16  // times the draws that are made of the parameters, so that cells do not share the chance in one set of them
)

func logStep(v float64) int { return int(math.Round(math.Log1p(v) / step)) }

func cellOf(c btyd.Customer) cell {
	out := cell{x: c.X, known: logStep(c.T)}
	if c.X > exactOrders {
		out.x = exactOrders + int(math.Round(math.Log(float64(c.X)/exactOrders)/step))
	}
	if c.X > 0 { // with one order there is nothing between the last and the first
		out.since = logStep(c.T - c.TX)
	}
	return out
}

// customer is the one whom futures are played through for, orders worth mean.
func (k cell) customer(mean float64) btyd.Customer {
	c := btyd.Customer{X: k.x, T: math.Expm1(step * float64(k.known)), Mean: mean}
	if k.x > exactOrders {
		c.X = int(math.Round(exactOrders * math.Exp(step*float64(k.x-exactOrders))))
	}
	if c.X > 0 {
		since := math.Expm1(step * float64(k.since))
		c.T = max(c.T, since+1/week)
		c.TX = c.T - since
	}
	return c
}

func (k cell) seed(of uint64) uint64 {
	return of ^ (uint64(k.x)<<40 | uint64(k.since)<<20 | uint64(k.known))
}

func (m *Model) values(ctx context.Context, x *matrix.Dense, workers int) (*values, error) {
	customers, err := customersOf(x)
	if err != nil {
		return nil, err
	}
	v := &values{customers: customers, value: m.valuing.value(m.o.ValueDays, *m.o.DiscountRate),
		orders: map[btyd.Customer]float64{}, ranges: map[cell]btyd.Range{}}
	pasts, cells := v.distinct()
	orders, ranges := make([]float64, len(pasts)), make([]btyd.Range, len(cells))
	if err := parallel(ctx, len(pasts), workers, func(i int) error {
		orders[i] = v.value.Orders.Discounted(pasts[i], v.value.Horizon, v.value.Discount)
		return nil
	}); err != nil {
		return nil, err
	}
	sampled, err := v.value.Sampled(pools*m.o.Draws, m.o.Seed)
	if err != nil {
		return nil, err
	}
	usual := v.usual()
	err = parallel(ctx, len(cells), workers, func(i int) (err error) {
		seed := cells[i].seed(m.o.Seed)
		at := rand.New(rand.NewPCG(seed, 0x706f6f6c)).IntN((pools-1)*m.o.Draws + 1)
		ranges[i], err = btyd.Prediction(sampled[at:at+m.o.Draws], cells[i].customer(usual), seed)
		return err
	})
	for i, c := range pasts {
		v.orders[c] = orders[i]
	}
	for i, k := range cells {
		v.ranges[k] = ranges[i]
	}
	return v, err
}

// distinct returns the pasts and the cells that occur, each once.
func (v *values) distinct() (pasts []btyd.Customer, cells []cell) {
	for _, c := range v.customers {
		k := cellOf(c)
		c.Mean = 0
		if _, ok := v.orders[c]; !ok {
			v.orders[c] = 0
			pasts = append(pasts, c)
		}
		if _, ok := v.ranges[k]; !ok {
			v.ranges[k] = btyd.Range{}
			cells = append(cells, k)
		}
	}
	return pasts, cells
}

// usual is the worth of an order of a customer of whom nothing is known, or about
// that where order values vary so much that it has no mean.
func (v *values) usual() float64 {
	g := v.value.Spend
	if mean, err := g.Mean(btyd.Customer{}); err == nil {
		return mean
	}
	return g.P * g.V / g.Q
}

// of returns the value of a row; nil where the values of orders have no mean.
func (v *values) of(row int) (*Value, error) {
	c := v.customers[row]
	k := cellOf(c)
	worth, err := v.value.Spend.Mean(c)
	if isUnknown(err) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	likewise, err := v.value.Spend.Mean(k.customer(v.usual()))
	if isUnknown(err) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	r := v.ranges[k]
	c.Mean = 0
	return &Value{Amount: worth * v.orders[c], Low: r.Low * worth / likewise, High: r.High * worth / likewise}, nil
}

package outlook

import (
	"context"
	"fmt"
	"math"

	"regulars/features/matrix"
	"regulars/models"
	"regulars/models/btyd"
)

// valueColumns are what a customer's past orders are summed up by.
var valueColumns = []string{"order_days", recencyColumn, tenureColumn, monetaryColumn, "first_basket_value"}

const (
	week      = 7.0   // days; the unit of time of the value models
	yearWeeks = 52.18 // as in btyd.Value
	// leastAmount stands for the mean of orders that were all free: the smallest sum
	// of money that the lake can hold.
	leastAmount = 1e-4
	valueRows   = 20_000 // customers that the value models are fitted on, evenly spread
)

// valuing is a buy-till-you-die model of orders with one of their values.
type valuing struct {
	orders btyd.Orders
	name   string
	spend  *btyd.GammaGamma
}

// customersOf sums up each row's past, in weeks.
func customersOf(x *matrix.Dense) ([]btyd.Customer, error) {
	same, err := selected(x, valueColumns)
	if err != nil {
		return nil, err
	}
	out := make([]btyd.Customer, x.Rows)
	for i := range out {
		row := same.Row(i)
		orders, recency, tenure, spent, first := row[0], row[1], row[2], row[3], row[4]
		if !(orders >= 1) || !(recency >= 0) || !(tenure >= recency) || orders > 1 && !(tenure > recency) {
			return nil, fmt.Errorf("outlook: row %d: %v order days, the last %v days ago, the first %v", i, orders, recency, tenure)
		}
		c := btyd.Customer{X: int(orders) - 1, T: tenure / week}
		if c.X > 0 {
			c.TX = (tenure - recency) / week
			c.Mean = leastAmount
			if later := (spent - first) / float64(c.X); later > leastAmount {
				c.Mean = later
			}
		}
		out[i] = c
	}
	return out, nil
}

// fitValue fits both models of orders and keeps the likelier.
func (r *run) fitValue(ctx context.Context, x *matrix.Dense) (*valuing, error) {
	all, err := customersOf(x.Take(spread(x.Rows, valueRows)))
	if err != nil {
		return nil, err
	}
	o := btyd.Options{Workers: r.o.Workers}
	out := &valuing{}
	likelihood := math.Inf(-1)
	bg, err := btyd.FitBGNBD(ctx, all, o)
	if err == nil {
		out.orders, out.name, likelihood = bg, "bgnbd", bg.LogLikelihood
	}
	pareto, second := btyd.FitParetoNBD(ctx, all, o)
	if second == nil && pareto.LogLikelihood > likelihood {
		out.orders, out.name = pareto, "paretonbd"
	}
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	if out.orders == nil {
		return nil, fmt.Errorf("%w: %w", err, models.ErrNoData)
	}
	if out.spend, err = btyd.FitGammaGamma(ctx, all, o); err != nil {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		return nil, fmt.Errorf("%w: %w", err, models.ErrNoData)
	}
	return out, nil
}

func (v *valuing) value(days int, yearly float64) btyd.Value {
	return btyd.Value{Orders: v.orders, Spend: v.spend, Horizon: float64(days) / week, Discount: math.Log1p(yearly) / yearWeeks}
}

// reportValue measures the spend expected in the horizon, by everybody, undiscounted.
func (r *run) reportValue(ctx context.Context) (*Target, error) {
	d := len(r.Dates) - 2
	rows := &r.Dates[d]
	if rows.Labels == nil {
		return nil, fmt.Errorf("nobody's spend after %s is known: %w", rows.AsOf, models.ErrNoData)
	}
	m, err := r.fitValue(ctx, rows.X)
	if err != nil {
		return nil, err
	}
	take := spread(len(rows.IDs), maxMeasured)
	customers, err := customersOf(rows.X.Take(take))
	if err != nil {
		return nil, err
	}
	p, rate, actual := make([]float64, len(take)), make([]float64, len(take)), pick(rows.Labels.Spend, take)
	spent := pick(column(rows.X, monetaryColumn), take)
	value := m.value(r.Horizon, 0)
	for i, c := range customers {
		if p[i], err = value.Of(c); err != nil {
			return nil, err
		}
		rate[i] = max(0, spent[i]) / max(c.T*week, float64(r.Horizon)) * float64(r.Horizon)
		if math.IsNaN(rate[i]) {
			rate[i] = 0
		}
	}
	t := &Target{Name: "value within the horizon", TestAsOf: rows.AsOf.String(), Days: r.Horizon}
	for i, f := range [][]float64{p, rate} {
		t.Results = append(t.Results, Result{Model: []string{m.name + " and gammagamma", "own-rate"}[i], Baseline: i > 0, Rows: len(f), Metrics: measures(len(f), r.o, map[string]func([]int) float64{
			"correlation": correlationOf(f, actual), "bias": biasOf(f, actual), "mae": meanOf(absoluteErrors(f, actual))})})
	}
	return t, nil
}

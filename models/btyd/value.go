package btyd

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"gonum.org/v1/gonum/mat"

	"regulars/models"
)

// Orders is a model of when customers order: BGNBD or ParetoNBD.
type Orders interface {
	// Alive returns the probability that the customer has not left.
	Alive(c Customer) float64
	// Rate returns the orders expected per unit of time at a time u from now.
	Rate(c Customer, u float64) float64
	// Expected returns the orders expected within a horizon from now.
	Expected(c Customer, horizon float64) float64
	// Discounted is Expected where an order at u from now counts e^(−rate·u).
	Discounted(c Customer, horizon, rate float64) float64
	// Parameters returns the estimates in the order of the paper.
	Parameters() []Parameter

	theta() []float64
	with(theta []float64) Orders
	draw(c Customer, horizon float64, rng *rand.Rand, times []float64) []float64
	spread() *Fitted
}

// Value is what customers are worth: orders and what they bring.
type Value struct {
	Orders  Orders
	Spend   *GammaGamma
	Horizon float64 // the time that is counted, from now
	// Discount is the continuous rate at which later money counts less: a rate of
	// 10% a year is ln(1.1)/52.18 where the unit is a week.
	Discount float64
}

// A Range is what a quantity lies between with 95% probability.
type Range struct{ Low, High float64 }

// Of returns the discounted spend expected of a customer within the horizon.
func (v Value) Of(c Customer) (float64, error) {
	if err := v.check(c); err != nil {
		return 0, err
	}
	mean, err := v.Spend.Mean(c)
	if err != nil {
		return 0, err
	}
	return mean * v.Orders.Discounted(c, v.Horizon, v.Discount), nil
}

func (v Value) check(c Customer) error {
	if !(v.Horizon >= 0) || math.IsInf(v.Horizon, 0) {
		return &models.OptionError{Model: "btyd", Option: "Horizon", Value: v.Horizon, Want: "at least 0 and finite"}
	}
	if !(v.Discount >= 0) || math.IsInf(v.Discount, 0) {
		return &models.OptionError{Model: "btyd", Option: "Discount", Value: v.Discount, Want: "at least 0 and finite"}
	}
	if err := c.check(); err != nil {
		return fmt.Errorf("btyd: %w", err)
	}
	if c.X > 0 && (!(c.Mean > 0) || math.IsInf(c.Mean, 0)) {
		return fmt.Errorf("btyd: a mean order value of %v: it must be above 0 and finite", c.Mean)
	}
	return nil
}

// Sampled returns models whose parameters are drawn around the estimates as
// surely as the data leave them (normal in their logarithms): what Interval and
// Prediction are taken from. Parameters without a covariance stay as they are.
// Equal seeds give equal draws.
func (v Value) Sampled(draws int, seed uint64) ([]Value, error) {
	if draws < 1 {
		return nil, &models.OptionError{Model: "btyd", Option: "draws", Value: draws, Want: "at least 1"}
	}
	rng := rand.New(rand.NewPCG(seed, 0x62747964))
	orders, err := sampler(v.Orders.theta(), v.Orders.spread())
	if err != nil {
		return nil, err
	}
	spend, err := sampler(v.Spend.theta(), &v.Spend.Fitted)
	if err != nil {
		return nil, err
	}
	out := make([]Value, draws)
	for i := range out {
		out[i] = v
		out[i].Orders = v.Orders.with(orders(rng))
		theta := spend(rng)
		out[i].Spend = &GammaGamma{P: theta[0], Q: theta[1], V: theta[2]}
	}
	return out, nil
}

// sampler returns what draws parameters.
func sampler(theta []float64, f *Fitted) (func(rng *rand.Rand) []float64, error) {
	if f.Covariance == nil {
		return func(*rand.Rand) []float64 { return slices.Clone(theta) }, nil
	}
	root, err := f.root(len(theta))
	if err != nil {
		return nil, err
	}
	return func(rng *rand.Rand) []float64 {
		step, out := mat.NewVecDense(len(theta), nil), make([]float64, len(theta))
		for i := range theta {
			step.SetVec(i, rng.NormFloat64())
		}
		step.MulVec(root, step)
		for i, t := range theta {
			out[i] = t * math.Exp(min(max(step.AtVec(i), -farthest), farthest))
		}
		return out
	}, nil
}

// farthest bounds how far a drawn logarithm lies from its estimate: a parameter
// that the data do not determine at all must not leave the numbers.
const farthest = 5.0

// Interval returns where the expectation Value.Of lies, given how surely the
// parameters are known. It says nothing of the chance in what one customer does:
// that is Prediction.
func Interval(sampled []Value, c Customer) (Range, error) {
	var values []float64
	for _, v := range sampled {
		if x, err := v.Of(c); err == nil {
			values = append(values, x)
		} else if err := v.check(c); err != nil {
			return Range{}, err
		}
	}
	if 2*len(values) <= len(sampled) {
		return Range{}, fmt.Errorf("btyd: order values have a mean in %d of %d draws: %w", len(values), len(sampled), models.ErrUnknown)
	}
	return rangeOf(values), nil
}

// Prediction returns where the discounted spend of this one customer will lie:
// one future of the customer is played through for every sampled model.
func Prediction(sampled []Value, c Customer, seed uint64) (Range, error) {
	rng := rand.New(rand.NewPCG(seed, 0x667574757265))
	values := make([]float64, len(sampled))
	var times []float64
	for i, v := range sampled {
		if err := v.check(c); err != nil {
			return Range{}, err
		}
		times = v.Orders.draw(c, v.Horizon, rng, times[:0])
		values[i] = v.spent(c, times, rng)
	}
	if len(values) == 0 {
		return Range{}, fmt.Errorf("btyd: no sampled models: %w", models.ErrUnknown)
	}
	return rangeOf(values), nil
}

// spent draws the values of orders at the given times, discounted.
func (v Value) spent(c Customer, times []float64, rng *rand.Rand) float64 {
	sum, rate := 0.0, v.Spend.draw(c, rng)
	for _, t := range times {
		sum += math.Exp(-v.Discount*t) * v.Spend.order(rate, rng)
	}
	return sum
}

// rangeOf returns the 2.5% and 97.5% quantiles; values is sorted in place.
func rangeOf(values []float64) Range {
	slices.Sort(values)
	at := func(q float64) float64 {
		place := q * float64(len(values)-1)
		i := int(place)
		if i+1 == len(values) {
			return values[i]
		}
		return values[i] + (place-float64(i))*(values[i+1]-values[i])
	}
	return Range{at(0.025), at(0.975)}
}

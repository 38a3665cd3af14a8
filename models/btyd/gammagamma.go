package btyd

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"

	"gonum.org/v1/gonum/mathext"
	"gonum.org/v1/gonum/stat/distuv"

	"regulars/models"
)

// GammaGamma is the model of the value of an order of Fader and Hardie, The
// Gamma-Gamma Model of Monetary Value (2013): orders of a customer are worth
// z ~ Gamma(P, ν), customers have ν ~ Gamma(Q, V), whatever their rate of orders.
type GammaGamma struct {
	P, Q, V float64
	Fitted
}

var gammaNames = []string{"p", "q", "v"}

// FitGammaGamma finds the parameters of the greatest likelihood (equation 1a)
// from the customers with repeat orders; the others are not looked at. There must
// be some whose Mean differs, else the error wraps models.ErrNoData. A Mean
// of a customer with repeat orders that is not above 0 is an error.
func FitGammaGamma(ctx context.Context, customers []Customer, o Options) (*GammaGamma, error) {
	var repeat []Customer
	sum := 0.0
	for i, c := range customers {
		if c.X <= 0 {
			continue
		}
		if !(c.Mean > 0) || math.IsInf(c.Mean, 0) {
			return nil, fmt.Errorf("btyd: customer %d: a mean order value of %v: it must be above 0 and finite", i, c.Mean)
		}
		repeat = append(repeat, Customer{X: c.X, Mean: c.Mean})
		sum += math.Log(c.Mean)
	}
	groups := counted(repeat)
	if len(repeat) == 0 || oneMean(groups) {
		return nil, fmt.Errorf("btyd: no two customers with repeat orders of different value: %w", models.ErrNoData)
	}
	typical := math.Exp(sum / float64(len(repeat)))
	theta, f, err := estimate(ctx, groups, gammaDensity, [][]float64{{3, 3, typical}, {10, 3, 0.3 * typical}, {1, 2, typical}}, o)
	if err != nil {
		return nil, err
	}
	return NewGammaGamma(theta, f)
}

func oneMean(groups []group) bool {
	for _, g := range groups {
		if g.Mean != groups[0].Mean {
			return false
		}
	}
	return true
}

// NewGammaGamma returns the model of stored parameters p, q and v.
func NewGammaGamma(theta []float64, f Fitted) (*GammaGamma, error) {
	if err := checkLength(gammaNames, theta); err != nil {
		return nil, err
	}
	return &GammaGamma{theta[0], theta[1], theta[2], f}, f.check(gammaNames, theta)
}

// Parameters returns p, q and v.
func (m *GammaGamma) Parameters() []Parameter { return m.parameters(gammaNames, m.theta()) }

func (m *GammaGamma) theta() []float64 { return []float64{m.P, m.Q, m.V} }

func gammaDensity(theta []float64) func(c *group, grad []float64) float64 {
	p, q, v := theta[0], theta[1], theta[2]
	lgQ, psiQ := lgamma(q), mathext.Digamma(q)
	return func(c *group, grad []float64) float64 {
		x, total := float64(c.X), float64(c.X)*c.Mean
		psi, inner := mathext.Digamma(p*x+q), math.Log(v+total)
		grad[0] += c.n * p * x * (psi - mathext.Digamma(p*x) + math.Log(total) - inner)
		grad[1] += c.n * q * (psi - psiQ + math.Log(v) - inner)
		grad[2] += c.n * (q - v*(p*x+q)/(v+total))
		return lgamma(p*x+q) - lgamma(p*x) - lgQ + q*math.Log(v) + p*x*math.Log(total) - math.Log(c.Mean) - (p*x+q)*inner
	}
}

// Mean returns what the customer's next orders are worth on average (equation
// 5): between the customer's own mean and that of all. Where the values of orders
// vary so much that there is no mean (P·X + Q ≤ 1) the error wraps
// models.ErrUnknown.
func (m *GammaGamma) Mean(c Customer) (float64, error) {
	x := float64(c.X)
	if m.P*x+m.Q <= 1 {
		return 0, fmt.Errorf("btyd: order values with q = %v have no mean: %w", m.Q, models.ErrUnknown)
	}
	return m.P * (m.V + c.total()) / (m.P*x + m.Q - 1), nil
}

// total is the value of the repeat orders.
func (c Customer) total() float64 {
	if c.X == 0 {
		return 0
	}
	return float64(c.X) * c.Mean
}

// draw returns the rate ν of the customer's order values, as chance would have it.
func (m *GammaGamma) draw(c Customer, rng *rand.Rand) float64 {
	return distuv.Gamma{Alpha: m.Q + m.P*float64(c.X), Beta: m.V + c.total(), Src: rng}.Rand()
}

// order draws the value of one order of a customer with the given rate.
func (m *GammaGamma) order(rate float64, rng *rand.Rand) float64 {
	return distuv.Gamma{Alpha: m.P, Beta: rate, Src: rng}.Rand()
}

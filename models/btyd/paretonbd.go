package btyd

import (
	"context"
	"math"
	"math/rand/v2"

	"gonum.org/v1/gonum/mathext"
	"gonum.org/v1/gonum/stat/distuv"
)

// ParetoNBD is the Pareto/NBD model of Schmittlein, Morrison and Colombo, Counting
// Your Customers (Management Science 33, 1987): a customer orders at a rate
// λ ~ Gamma(R, Alpha), and leaves at a rate μ ~ Gamma(S, Beta).
type ParetoNBD struct {
	R, Alpha, S, Beta float64
	Fitted
}

var paretoNames = []string{"r", "alpha", "s", "beta"}

// FitParetoNBD finds the parameters of the greatest likelihood. It needs a
// customer who has ordered twice, else the error wraps models.ErrNoData.
func FitParetoNBD(ctx context.Context, customers []Customer, o Options) (*ParetoNBD, error) {
	groups, err := grouped(customers)
	if err != nil {
		return nil, err
	}
	alpha, known := usualGap(groups), 0.0
	for _, g := range groups {
		known += g.n * g.T / float64(len(customers))
	}
	theta, f, err := estimate(ctx, groups, paretoDensity, [][]float64{{1, alpha, 1, known}, {0.3, 0.3 * alpha, 0.3, 0.3 * known}}, o)
	if err != nil {
		return nil, err
	}
	return NewParetoNBD(theta, f)
}

// NewParetoNBD returns the model of stored parameters r, alpha, s and beta.
func NewParetoNBD(theta []float64, f Fitted) (*ParetoNBD, error) {
	if err := checkLength(paretoNames, theta); err != nil {
		return nil, err
	}
	return &ParetoNBD{theta[0], theta[1], theta[2], theta[3], f}, f.check(paretoNames, theta)
}

// Parameters returns r, alpha, s and beta.
func (m *ParetoNBD) Parameters() []Parameter { return m.parameters(paretoNames, m.theta()) }

func (m *ParetoNBD) theta() []float64 { return []float64{m.R, m.Alpha, m.S, m.Beta} }

func (m *ParetoNBD) with(theta []float64) Orders {
	return &ParetoNBD{R: theta[0], Alpha: theta[1], S: theta[2], Beta: theta[3]}
}

// paretoDensity is the logarithm of
//
//	Γ(r+x)/Γ(r)·α^r·β^s·[ (α+T)^−(r+x)·(β+T)^−s + s·∫ (α+τ)^−(r+x)·(β+τ)^−(s+1) dτ ],
//
// the integral from tx to T over when the customer left. Fader and Hardie, A Note
// on Deriving the Pareto/NBD Model (2005), write it as a difference of two ₂F₁;
// integrated by numbers it has nothing to cancel, and so do its derivatives.
func paretoDensity(theta []float64) func(c *group, grad []float64) float64 {
	r, alpha, s, beta := theta[0], theta[1], theta[2], theta[3]
	lgR, psiR := lgamma(r), mathext.Digamma(r)
	return func(c *group, grad []float64) float64 {
		x := float64(c.X)
		e, i := ends(r, alpha, s, beta, c.Customer, true)
		total := e.value + s*i.value
		grad[0] += c.n * r * (mathext.Digamma(r+x) - psiR + math.Log(alpha) + (e.r+s*i.r)/total)
		grad[1] += c.n * (r + alpha*(e.alpha+s*i.alpha)/total)
		grad[2] += c.n * s * (math.Log(beta) + (e.s+s*i.s+i.value)/total)
		grad[3] += c.n * (s + beta*(e.beta+s*i.beta)/total)
		return lgamma(r+x) - lgR + r*math.Log(alpha) + s*math.Log(beta) -
			(r+x)*math.Log(alpha+c.TX) - s*math.Log(beta+c.TX) + math.Log(total)
	}
}

// end is a likelihood over (α+tx)^−(r+x)·(β+tx)^−s, with derivatives of the
// likelihood over the same.
type end struct{ value, r, alpha, s, beta float64 }

func (e *end) add(weight, x, r, alpha, s, beta, t, more float64) {
	e.value += weight
	e.r -= weight * math.Log(alpha+t)
	e.s -= weight * math.Log(beta+t)
	e.alpha -= weight * (r + x) / (alpha + t)
	e.beta -= weight * (s + more) / (beta + t)
}

// ends returns the parts of the likelihood of being there still, and of having
// left since the last order, without its factor s. The integral runs over
// z = ln((γ+τ)/(γ+tx)), γ the smaller of α and β, in panels as narrow as the
// integrand is steep, until nothing is left to add. Derivatives, which cost more
// than the values, are taken where asked for.
func ends(r, alpha, s, beta float64, c Customer, derive bool) (stayed, left end) {
	x := float64(c.X)
	height := func(t float64) float64 {
		return math.Exp(-(r+x)*math.Log((alpha+t)/(alpha+c.TX)) - s*math.Log((beta+t)/(beta+c.TX)))
	}
	stayed.add(height(c.T), x, r, alpha, s, beta, c.T, 0)
	if c.T == c.TX {
		return stayed, left
	}
	gamma := math.Min(alpha, beta)
	for z, end := 0.0, math.Log((gamma+c.T)/(gamma+c.TX)); z < end; {
		from := (gamma + c.TX) * math.Exp(z)
		t := from - gamma
		width := math.Min(end-z, 3/(1+(r+x)*from/(alpha+t)+s*from/(beta+t)))
		before := left.value
		for k, node := range nodes {
			g := (gamma + c.TX) * math.Exp(z+width*node)
			t := math.Min(math.Max(g-gamma, c.TX), c.T)
			weight := width * weights[k] * height(t) * g / (beta + t)
			if !derive {
				left.value += weight
				continue
			}
			left.add(weight, x, r, alpha, s, beta, t, 1)
		}
		if z += width; z+width == z {
			break
		}
		if (left.value-before)*(end-z) < 1e-17*width*(left.value+stayed.value/s) {
			break
		}
	}
	return stayed, left
}

// Alive returns the probability that the customer has not left.
func (m *ParetoNBD) Alive(c Customer) float64 {
	stayed, left := ends(m.R, m.Alpha, m.S, m.Beta, c, false)
	return stayed.value / (stayed.value + m.S*left.value)
}

// Rate returns the orders expected per unit of time at a time u from now:
// P(alive)·E[λ]·E[e^(−μu)].
func (m *ParetoNBD) Rate(c Customer, u float64) float64 {
	return m.Alive(c) * (m.R + float64(c.X)) / (m.Alpha + c.T) * math.Exp(-m.S*math.Log1p(u/(m.Beta+c.T)))
}

// Expected returns the orders expected within a horizon from now (equation 41 of
// the note, taken to its limit at S = 1). It is 0 for a horizon of 0 or less.
func (m *ParetoNBD) Expected(c Customer, horizon float64) float64 {
	if !(horizon > 0) {
		return 0
	}
	// (1 − (1+w)^(1−s))/(s−1) = ln(1+w) · (1−e^−y)/y with y = (s−1)·ln(1+w)
	l := math.Log1p(horizon / (m.Beta + c.T))
	share := 1.0
	if y := (m.S - 1) * l; y != 0 {
		share = -math.Expm1(-y) / y
	}
	return m.Alive(c) * (m.R + float64(c.X)) / (m.Alpha + c.T) * (m.Beta + c.T) * l * share
}

// Discounted is Expected where an order at a time u from now counts e^(−rate·u).
func (m *ParetoNBD) Discounted(c Customer, horizon, rate float64) float64 {
	wane := (m.Beta + c.T) / (1 + m.S)
	return m.Alive(c) * (m.R + float64(c.X)) / (m.Alpha + c.T) * integral(horizon, wane, rate, func(u float64) float64 {
		return math.Exp(-m.S * math.Log1p(u/(m.Beta+c.T)))
	})
}

func (m *ParetoNBD) draw(c Customer, horizon float64, rng *rand.Rand, times []float64) []float64 {
	if rng.Float64() >= m.Alive(c) {
		return times
	}
	rate := distuv.Gamma{Alpha: m.R + float64(c.X), Beta: m.Alpha + c.T, Src: rng}.Rand()
	leave := distuv.Gamma{Alpha: m.S, Beta: m.Beta + c.T, Src: rng}.Rand()
	horizon = math.Min(horizon, rng.ExpFloat64()/leave)
	for t := rng.ExpFloat64() / rate; t <= horizon; t += rng.ExpFloat64() / rate {
		times = append(times, t)
	}
	return times
}

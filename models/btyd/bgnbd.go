package btyd

import (
	"context"
	"math"
	"math/rand/v2"

	"gonum.org/v1/gonum/mathext"
	"gonum.org/v1/gonum/stat/distuv"
)

// BGNBD is the beta-geometric/NBD model of Fader, Hardie and Lee, "Counting Your
// Customers" the Easy Way (Marketing Science 24, 2005): a customer orders at a
// rate λ ~ Gamma(R, Alpha), and leaves after an order with probability
// p ~ Beta(A, B).
type BGNBD struct {
	R, Alpha, A, B float64
	Fitted
}

var bgnbdNames = []string{"r", "alpha", "a", "b"}

// FitBGNBD finds the parameters of the greatest likelihood (equation 6). It needs
// a customer who has ordered twice, else the error wraps models.ErrNoData.
func FitBGNBD(ctx context.Context, customers []Customer, o Options) (*BGNBD, error) {
	groups, err := grouped(customers)
	if err != nil {
		return nil, err
	}
	alpha := usualGap(groups)
	theta, f, err := estimate(ctx, groups, bgnbdDensity, [][]float64{{1, alpha, 1, 2}, {0.3, 0.3 * alpha, 0.5, 5}}, o)
	if err != nil {
		return nil, err
	}
	return NewBGNBD(theta, f)
}

// usualGap is the time in which a customer orders once, on average.
func usualGap(groups []group) float64 {
	time, orders := 0.0, 0.0
	for _, g := range groups {
		time += g.n * g.T
		orders += g.n * float64(g.X)
	}
	return time / orders
}

// NewBGNBD returns the model of stored parameters r, alpha, a and b.
func NewBGNBD(theta []float64, f Fitted) (*BGNBD, error) {
	if err := checkLength(bgnbdNames, theta); err != nil {
		return nil, err
	}
	return &BGNBD{theta[0], theta[1], theta[2], theta[3], f}, f.check(bgnbdNames, theta)
}

// Parameters returns r, alpha, a and b.
func (m *BGNBD) Parameters() []Parameter { return m.parameters(bgnbdNames, m.theta()) }

func (m *BGNBD) theta() []float64 { return []float64{m.R, m.Alpha, m.A, m.B} }

func (m *BGNBD) with(theta []float64) Orders {
	return &BGNBD{R: theta[0], Alpha: theta[1], A: theta[2], B: theta[3]}
}

// bgnbdDensity is ln of equation 6, the two ways of having made no order since
// the last added up on the logarithmic scale.
func bgnbdDensity(theta []float64) func(c *group, grad []float64) float64 {
	r, alpha, a, b := theta[0], theta[1], theta[2], theta[3]
	lgR, lgB, lgAB := lgamma(r), lgamma(b), lgamma(a+b)
	psiR, psiB, psiAB := mathext.Digamma(r), mathext.Digamma(b), mathext.Digamma(a+b)
	return func(c *group, grad []float64) float64 {
		x := float64(c.X)
		stayed, left := -(r+x)*math.Log(alpha+c.T), math.Inf(-1)
		if c.X > 0 {
			left = math.Log(a/(b+x-1)) - (r+x)*math.Log(alpha+c.TX)
		}
		both := logAdd(stayed, left)
		w, v := math.Exp(stayed-both), math.Exp(left-both)
		psiABX := mathext.Digamma(a + b + x)
		grad[0] += c.n * r * (mathext.Digamma(r+x) - psiR + math.Log(alpha) - w*math.Log(alpha+c.T) - v*math.Log(alpha+c.TX))
		grad[1] += c.n * alpha * (r/alpha - (r+x)*(w/(alpha+c.T)+v/(alpha+c.TX)))
		grad[2] += c.n * (a*(psiAB-psiABX) + v)
		grad[3] += c.n * b * (psiAB - psiABX + mathext.Digamma(b+x) - psiB)
		if c.X > 0 {
			grad[3] -= c.n * b * v / (b + x - 1)
		}
		return lgamma(r+x) - lgR + r*math.Log(alpha) + lgAB + lgamma(b+x) - lgB - lgamma(a+b+x) + both
	}
}

// Alive returns the probability that the customer will order again some day, 1
// for one who has ordered only once: in this model one leaves after a repeat
// order only.
func (m *BGNBD) Alive(c Customer) float64 {
	if c.X == 0 {
		return 1
	}
	x := float64(c.X)
	return 1 / (1 + m.A/(m.B+x-1)*math.Exp((m.R+x)*math.Log((m.Alpha+c.T)/(m.Alpha+c.TX))))
}

// Rate returns the orders expected per unit of time at a time u from now:
// P(alive)·E[λ·e^(−λpu)], where λ ~ Gamma(R+X, Alpha+T) and p ~ Beta(A, B+X) are
// what is known of a customer who is still there.
func (m *BGNBD) Rate(c Customer, u float64) float64 {
	x, scale := float64(c.X), m.Alpha+c.T
	return m.Alive(c) * (m.R + x) / scale * betaPower(m.A, m.B+x, m.R+x+1, u/scale)
}

// Expected returns the orders expected within a horizon from now, equation 10 as
// the integral of Rate, which has no singularity at A = 1. It is 0 for a horizon
// of 0 or less.
func (m *BGNBD) Expected(c Customer, horizon float64) float64 {
	return m.Discounted(c, horizon, 0)
}

// Discounted is Expected where an order at a time u from now counts e^(−rate·u).
func (m *BGNBD) Discounted(c Customer, horizon, rate float64) float64 {
	x, scale := float64(c.X), m.Alpha+c.T
	wane := scale / (1 + (m.R+x)*m.A/(m.A+m.B+x))
	return m.Alive(c) * (m.R + x) / scale * integral(horizon, wane, rate, func(u float64) float64 {
		return betaPower(m.A, m.B+x, m.R+x+1, u/scale)
	})
}

// betaPower is E[(1+p·w)^−k] for p ~ Beta(a, b), w ≥ 0: ₂F₁(k, a; a+b; −w). Of
// its two forms with an argument in [0, 1) (Abramowitz & Stegun 15.3.4, 15.3.5)
// it takes the one whose terms fall, unless they alternate for long and cancel.
func betaPower(a, b, k, w float64) float64 {
	if w > far {
		return betaIntegral(a, b, k, w)
	}
	z := w / (1 + w)
	power, first, second := k, k, b
	if k >= a && a+b-k > -2 {
		power, first, second = a, a, a+b-k
	}
	sum, scale := hypergeometric(first, second, a+b, z)
	return sum * math.Exp(scale-power*math.Log1p(w))
}

// far is where the series of betaPower, of about 35·w terms, gives way to an
// integral.
const far = 500.0

// betaIntegral is betaPower as an integral over y = ln(p/(1−p)), in panels; below
// and above them (1+p·w)^−k is 1 and (1+w)^−k, and the tails are those of powers.
func betaIntegral(a, b, k, w float64) float64 {
	const beyond = 32.0 // e^−32 is below the accuracy of float64 even times a large k
	from, to := -math.Log(w)-math.Log1p(k)-math.Log1p(a+b)-beyond, beyond+math.Log1p(k)+math.Log1p(a+b)
	whole := lgamma(a) + lgamma(b) - lgamma(a+b)
	sum := math.Exp(a*from-whole)/a + math.Exp(-b*to-k*math.Log1p(w)-whole)/b
	panels := math.Ceil((to - from) * math.Max(1, math.Sqrt(1+max(a, b, k))/4))
	width := (to - from) / panels
	for p := 0.0; p < panels; p++ {
		for i, node := range nodes {
			y := from + (p+node)*width
			up, down := math.Log1p(math.Exp(-y)), math.Log1p(math.Exp(y)) // −ln p and −ln(1−p)
			sum += weights[i] * width * math.Exp(-a*up-b*down-k*math.Log1p(w*math.Exp(-up))-whole)
		}
	}
	return sum
}

// hypergeometric sums the series of ₂F₁(a, b; c; z) for 0 ≤ z < 1, until what is
// left of it is below the accuracy of float64. The value is sum·e^scale.
func hypergeometric(a, b, c, z float64) (sum, scale float64) {
	const large = 0x1p500
	sum, term := 1.0, 1.0
	for n := 0.0; n < 1e6; n++ {
		ratio := (a + n) * (b + n) / ((c + n) * (n + 1)) * z
		term *= ratio
		sum += term
		if sum > large {
			sum, term, scale = sum/large, term/large, scale+math.Log(large)
		}
		if bound := math.Max(math.Abs(ratio), z); math.Abs(term)*bound <= 1e-15*math.Abs(sum)*(1-bound) {
			break
		}
	}
	return sum, scale
}

// draw appends the times of the customer's orders within the horizon, as chance
// would have it, to times.
func (m *BGNBD) draw(c Customer, horizon float64, rng *rand.Rand, times []float64) []float64 {
	if rng.Float64() >= m.Alive(c) {
		return times
	}
	x := float64(c.X)
	rate := distuv.Gamma{Alpha: m.R + x, Beta: m.Alpha + c.T, Src: rng}.Rand()
	leave := distuv.Beta{Alpha: m.A, Beta: m.B + x, Src: rng}.Rand()
	for t := rng.ExpFloat64() / rate; t <= horizon; t += rng.ExpFloat64() / rate {
		times = append(times, t)
		if rng.Float64() < leave {
			break
		}
	}
	return times
}

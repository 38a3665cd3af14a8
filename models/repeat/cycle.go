package repeat

import "math"

const (
	// A gap between purchases that come at random has an exponential law: the
	// variance of its logarithm is π²/6 and the mean is ln(mean gap) − γ.
	randomVariance = math.Pi * math.Pi / 6
	eulerGamma     = 0.5772156649015329

	// strays is the share of gaps that follow no cycle. It keeps an item that is
	// long overdue at what memoryless purchases would give.
	strays = 1e-6

	// usualSpread is the largest standard deviation of the logarithm of a gap
	// that is still called a cycle: half of the gaps lie within a factor of 1.6. It
	// holds for the law, which starts from that of all customers, and ownSpread for
	// the customer's own gaps, within a factor of 1.4, before they are told of it.
	usualSpread = 0.7
	ownSpread   = 0.5

	// firstTenth is the quantile of the normal law below which a tenth of it lies.
	firstTenth = -1.2815515655446004
)

// A cycle is the law of the days until a customer buys an item again: the
// logarithm of the gap has this mean and variance (log-normal).
type cycle struct {
	mean, variance float64
}

// gapSum collects logarithms of gaps in days.
type gapSum struct {
	n, sum, squares float64
}

func (g *gapSum) add(days float64) {
	y := math.Log(days)
	g.n++
	g.sum += y
	g.squares += y * y
}

// about returns Σ (y − m)².
func (g gapSum) about(m float64) float64 {
	return math.Max(0, g.squares-2*m*g.sum+g.n*m*m)
}

// even reports whether gaps, two or more, are alike enough to tell the customer.
func (g gapSum) even() bool {
	return g.n >= 2 && g.about(g.sum/g.n) <= (g.n-1)*ownSpread*ownSpread
}

// update returns the law after seeing gaps, when the prior weighs as much as
// pseudo gaps: the posterior means of the normal model with unknown mean and
// variance (Gelman et al., Bayesian Data Analysis, section 3.3).
func (c cycle) update(g gapSum, pseudo float64) cycle {
	if g.n == 0 {
		return c
	}
	own := g.sum / g.n
	mean := (pseudo*c.mean + g.sum) / (pseudo + g.n)
	between := pseudo * g.n / (pseudo + g.n) * (own - c.mean) * (own - c.mean)
	return cycle{mean: mean, variance: (pseudo*c.variance + g.about(own) + between) / (pseudo + g.n)}
}

// regularity is 0 where gaps vary as much as random purchases do, or more, and
// 1 where they are always the same.
func (c cycle) regularity() float64 {
	return math.Max(0, 1-c.variance/randomVariance)
}

// kept reports whether gaps are alike enough to be called a cycle.
func (c cycle) kept() bool { return c.variance <= usualSpread*usualSpread }

// over reports whether a cycle is near its end so many days after a purchase:
// one gap in ten has ended by then.
func (c cycle) over(elapsed float64) bool {
	return elapsed >= math.Floor(math.Exp(c.mean+firstTenth*math.Sqrt(c.variance)))
}

// days is the median gap.
func (c cycle) days() float64 { return math.Exp(c.mean) }

// survival is the probability that a gap is longer than t days.
func (c cycle) survival(t float64) float64 {
	if t <= 0 {
		return 1
	}
	sd := math.Sqrt(math.Max(c.variance, 1e-4))
	return 0.5 * math.Erfc((math.Log(t)-c.mean)/sd/math.Sqrt2)
}

// lift is how much likelier a purchase within the horizon is, elapsed days after
// the last one, than if purchases came at random at the same mean logarithm of
// the gap: above 1 when it is due, far below 1 just after a purchase. A gap of n
// days ends somewhere in [n−½, n+½).
func (c cycle) lift(elapsed, horizon float64) float64 {
	scale := math.Exp(c.mean + eulerGamma)
	atRandom := func(t float64) float64 { return math.Exp(-math.Max(t, 0) / scale) }
	gone := func(t float64) float64 { return (1-strays)*c.survival(t) + strays*atRandom(t) }
	from, to := elapsed-0.5, elapsed+horizon-0.5
	alive := gone(from)
	if alive < 1e-300 {
		return 1 // beyond what float64 can tell, strays alone are left
	}
	return (1 - gone(to)/alive) / -math.Expm1(-horizon/scale)
}

package season

import (
	"errors"
	"math"

	"gonum.org/v1/gonum/mat"
)

// The residual of a window that begins t years before the target is, in log-odds,
//
//	r(t) = μ + β·t + d(t) + s(t) + e(t) + sampling error,
//
// the basic structural model of Harvey (1989, section 2.3.3) with components as
// Gaussian processes (Rasmussen and Williams 2006, sections 2.2 and 5.4.3):
//
//	μ ~ N(0, level²), the model's own answer being the centre
//	β ~ N(0, trend²)
//	d, a random walk, averaged over the horizon: cov = drift²·E min(u, v), with u and v
//	   drawn from the two windows, in years back from the target's end
//	s, with the period of a year, the first harmonics of a daily season averaged over
//	   the horizon: cov = season²·Σ wₕ·(sin(πhH)/(πhH))²·cos(2πh(t−t′)), H in years
//	e, noise of days averaged over the horizon: cov = noise²·(share of days in common)
//	sampling: the variance of an empirical log-odds, correlated as e is.
//
// Given season, drift and noise the forecast is the best linear unbiased
// prediction (Robinson 1991). These sizes are not known and there are few
// windows to tell, so the forecast is averaged over a grid of them, with weights
// from the likelihood and a half-Cauchy prior (Gelman 2006, section 3.2).
const (
	levelSize = 0.3 // log-odds
	trendSize = 0.2 // log-odds a year
	harmonics = 3   // weights fall with the square of the number: a season is smooth
)

// sizes are standard deviations in log-odds.
type sizes struct{ season, drift, noise float64 }

// Scales of the half-Cauchy priors: half of all shops lie below. They were chosen
// on simulated shops of 20 to 36 months with and without season, trend and drift.
var scales = sizes{season: 0.5, drift: 0.1, noise: 0.08}

// ladder is what each size may be; even steps in logarithms.
var ladder = [...]float64{0.025, 0.05, 0.1, 0.2, 0.4, 0.8, 1.6}

// process holds covariances between windows (n × n) apart from the sizes that
// multiply them, and with the target (n).
type process struct {
	residual                      []float64
	fixed, drift, season, overlap *mat.SymDense
	// The same at the target: of the season with each window and with itself, of
	// the drift with any window and with itself, and of its own sampling error.
	target                                       []float64
	ownSeason, driftAhead, ownDrift, ownSampling float64
}

func newProcess(t Target, windows []Window) *process {
	length := float64(t.Horizon) / yearDays
	p := &process{ownSeason: seasonal(0, t.Horizon), driftAhead: length / 2, ownDrift: wandering(0, 0, length),
		ownSampling: 1 / (float64(t.Customers) * t.Expected * (1 - t.Expected))}
	n := len(windows)
	if n == 0 {
		return p
	}
	for _, m := range []**mat.SymDense{&p.fixed, &p.drift, &p.season, &p.overlap} {
		*m = mat.NewSymDense(n, nil)
	}
	for i, w := range windows {
		p.residual = append(p.residual, w.residual(t.Expected))
		p.target = append(p.target, seasonal(t.years(w), t.Horizon))
		for j := range i + 1 {
			p.relate(t, windows, i, j)
		}
	}
	return p
}

// years is how long before the target a window begins.
func (t Target) years(w Window) float64 { return float64(t.AsOf-w.AsOf) / yearDays }

// relate sets the covariances of two windows, of which i is the later one or both are the same.
func (p *process) relate(t Target, windows []Window, i, j int) {
	a, b := windows[i], windows[j]
	ya, yb, common := t.years(a), t.years(b), max(0, 1-float64(a.AsOf-b.AsOf)/float64(t.Horizon))
	p.fixed.SetSym(i, j, levelSize*levelSize+trendSize*trendSize*ya*yb+common*math.Sqrt(a.sampling()*b.sampling()))
	p.drift.SetSym(i, j, wandering(ya, yb, float64(t.Horizon)/yearDays))
	p.season.SetSym(i, j, seasonal(ya-yb, t.Horizon))
	p.overlap.SetSym(i, j, common)
}

// residual is the empirical log-odds (Cox and Snell 1989, section 2.1.6: half a
// case is added to both sides) less the log-odds expected.
func (w Window) residual(unknown float64) float64 {
	expected := w.Expected
	if expected == 0 {
		expected = unknown
	}
	yes, no := float64(w.Events)+0.5, float64(w.Customers-w.Events)+0.5
	return math.Log(yes/no) - logit(expected)
}

// sampling is the variance of the empirical log-odds (Gart and Zweifel 1967).
func (w Window) sampling() float64 {
	n, k := float64(w.Customers), float64(w.Events)
	return (n + 1) * (n + 2) / (n * (k + 1) * (n - k + 1))
}

// seasonal is the covariance of two windows so many years apart, for a daily
// season of variance 1.
func seasonal(years float64, horizon int) float64 {
	sum, weights := 0.0, 0.0
	for h := 1.0; h <= harmonics; h++ {
		half := math.Pi * h * float64(horizon) / yearDays
		average := math.Sin(half) / half
		sum += average * average * math.Cos(2*math.Pi*h*years) / (h * h)
		weights += 1 / (h * h)
	}
	return sum / weights
}

// wandering is the covariance of a random walk averaged over two windows that
// begin a and b years before the target, the walk being 0 at the target's end:
// the middle of the later window, less what they have in common.
func wandering(a, b, length float64) float64 {
	common := max(0, length-math.Abs(a-b))
	return min(a, b) + length/2 - common*common*common/(6*length*length)
}

// posterior returns what the windows say of the residual of the target.
func (p *process) posterior() (mixture, error) {
	var out mixture
	for _, season := range ladder {
		for _, drift := range ladder {
			for _, noise := range ladder {
				c, err := p.given(sizes{season, drift, noise})
				if err != nil {
					return nil, err
				}
				out = append(out, c)
			}
		}
	}
	return out.normalised(), nil
}

// given predicts for known sizes.
func (p *process) given(s sizes) (component, error) {
	c := component{sizes: s, log: s.logPrior(),
		variance: levelSize*levelSize + s.season*s.season*p.ownSeason + s.drift*s.drift*p.ownDrift + s.noise*s.noise + p.ownSampling}
	n := len(p.residual)
	if n == 0 {
		return c, nil
	}
	var cholesky mat.Cholesky
	if !cholesky.Factorize(p.covariance(s)) {
		return c, errors.New("the windows' covariance is singular: give fewer of them")
	}
	return c, p.condition(&c, &cholesky)
}

// covariance is that of the windows' residuals.
func (p *process) covariance(s sizes) *mat.SymDense {
	n := len(p.residual)
	k := mat.NewSymDense(n, nil)
	for i := range n {
		for j := range i + 1 {
			k.SetSym(i, j, p.fixed.At(i, j)+s.drift*s.drift*p.drift.At(i, j)+s.season*s.season*p.season.At(i, j)+s.noise*s.noise*p.overlap.At(i, j))
		}
	}
	return k
}

// condition takes the windows into account.
func (p *process) condition(c *component, k *mat.Cholesky) error {
	n := len(p.residual)
	residual, level, season := mat.NewVecDense(n, p.residual), mat.NewVecDense(n, nil), mat.NewVecDense(n, nil)
	for i, v := range p.target {
		level.SetVec(i, levelSize*levelSize+c.sizes.drift*c.sizes.drift*p.driftAhead)
		season.SetVec(i, c.sizes.season*c.sizes.season*v)
	}
	var weighted, both, explained mat.VecDense
	both.AddVec(level, season)
	if err := errors.Join(k.SolveVecTo(&weighted, residual), k.SolveVecTo(&explained, &both)); err != nil {
		return err
	}
	c.level, c.season = mat.Dot(level, &weighted), mat.Dot(season, &weighted)
	c.variance -= mat.Dot(&both, &explained)
	c.log -= (mat.Dot(residual, &weighted) + k.LogDet()) / 2
	return nil
}

// logPrior is that of a step of the ladder, up to a constant: the density
// times the width of the step.
func (s sizes) logPrior() float64 {
	return halfCauchy(s.season, scales.season) + halfCauchy(s.drift, scales.drift) + halfCauchy(s.noise, scales.noise)
}

func halfCauchy(v, scale float64) float64 { return math.Log(v) - math.Log1p(v*v/(scale*scale)) }

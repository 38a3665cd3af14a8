package gbdt

import (
	"fmt"
	"math"

	"regulars/models"
)

// An objective is a loss and its first two derivatives by the raw score. Scores,
// gradients and hessians are class by class: that of row i for class k is at
// k·rows + i.
type objective interface {
	// start returns the raw score of each class that fits the labels best when
	// nothing else is known.
	start(d *Data) ([]float64, error)
	gradients(d *Data, scores, g, h []float64, workers int)
	// loss is what early stopping watches: lower is better.
	loss(d *Data, scores []float64) float64
}

func newObjective(o *Options) objective {
	switch o.Objective {
	case Multiclass:
		return softmax{o.Classes}
	case Regression:
		return regression
	case Poisson:
		return poisson(o.PoissonMaxDelta)
	case Tweedie:
		return tweedie(o.TweediePower)
	case LambdaRank:
		return ranking{o.TruncationLevel}
	}
	return binary
}

// pointwise is an objective whose loss is a sum over rows, of one score each.
type pointwise struct {
	link    func(mean float64) float64 // the raw score that predicts a mean
	derive  func(y, s float64) (g, h float64)
	perUnit func(y, s float64) float64 // loss of a row of weight 1
}

func (p pointwise) start(d *Data) ([]float64, error) {
	s := p.link(mean(d, func(i int) float64 { return d.Y[i] }))
	if math.IsInf(s, 0) || math.IsNaN(s) {
		return nil, fmt.Errorf("gbdt: the labels with weight are all the same or their mean is out of range: %w", models.ErrNoData)
	}
	return []float64{s}, nil
}

// mean is the weighted mean of a value of each row.
func mean(d *Data, value func(i int) float64) float64 {
	sum, weights := 0.0, 0.0
	for i := range d.Y {
		w := d.weight(i)
		sum += w * value(i)
		weights += w
	}
	return sum / weights
}

func (p pointwise) gradients(d *Data, scores, g, h []float64, workers int) {
	parallelRows(workers, len(d.Y), func(from, to int) {
		for i := from; i < to; i++ {
			g[i], h[i] = p.derive(d.Y[i], scores[i])
			if d.Weight != nil {
				g[i] *= d.Weight[i]
				h[i] *= d.Weight[i]
			}
		}
	})
}

func (p pointwise) loss(d *Data, scores []float64) float64 {
	return mean(d, func(i int) float64 { return p.perUnit(d.Y[i], scores[i]) })
}

var binary = pointwise{
	link: func(m float64) float64 { return math.Log(m / (1 - m)) },
	derive: func(y, s float64) (float64, float64) {
		p := sigmoid(s)
		return p - y, p * (1 - p)
	},
	perUnit: func(y, s float64) float64 { return math.Max(s, 0) + math.Log1p(math.Exp(-math.Abs(s))) - y*s },
}

func sigmoid(z float64) float64 { return 1 / (1 + math.Exp(-z)) }

var regression = pointwise{
	link:    func(m float64) float64 { return m },
	derive:  func(y, s float64) (float64, float64) { return s - y, 1 },
	perUnit: func(y, s float64) float64 { return (s - y) * (s - y) },
}

// poisson inflates the hessian by e^delta, as LightGBM does, so that steps stay short.
func poisson(delta float64) objective {
	return pointwise{
		link: math.Log,
		derive: func(y, s float64) (float64, float64) {
			e := math.Exp(s)
			return e - y, e * math.Exp(delta)
		},
		perUnit: func(y, s float64) float64 { return math.Exp(s) - y*s },
	}
}

// tweedie is the deviance of a Tweedie distribution of power ρ (Yang et al. 2018, equation 6).
func tweedie(power float64) objective {
	return pointwise{
		link: math.Log,
		derive: func(y, s float64) (float64, float64) {
			a, b := math.Exp((1-power)*s), math.Exp((2-power)*s)
			return b - y*a, (2-power)*b - (1-power)*y*a
		},
		perUnit: func(y, s float64) float64 {
			return math.Exp((2-power)*s)/(2-power) - y*math.Exp((1-power)*s)/(1-power)
		},
	}
}

// softmax is the log loss of several classes. The hessian is the diagonal one
// times K/(K−1) (Friedman 2001, section 4.6).
type softmax struct{ classes int }

func (m softmax) start(d *Data) ([]float64, error) {
	out := make([]float64, m.classes)
	for k := range out {
		share := mean(d, func(i int) float64 {
			if int(d.Y[i]) == k {
				return 1
			}
			return 0
		})
		out[k] = math.Log(math.Max(share, 1e-15)) // a class without rows
	}
	return out, nil
}

func (m softmax) gradients(d *Data, scores, g, h []float64, workers int) {
	n, factor := len(d.Y), float64(m.classes)/float64(m.classes-1)
	parallelRows(workers, n, func(from, to int) {
		p := make([]float64, m.classes)
		for i := from; i < to; i++ {
			for k := range p {
				p[k] = scores[k*n+i]
			}
			normalize(p)
			w := d.weight(i)
			for k, q := range p {
				h[k*n+i] = w * factor * q * (1 - q)
				if int(d.Y[i]) == k {
					q--
				}
				g[k*n+i] = w * q
			}
		}
	})
}

// normalize turns raw scores into probabilities.
func normalize(p []float64) {
	most := p[0]
	for _, v := range p {
		most = max(most, v)
	}
	sum := 0.0
	for k, v := range p {
		p[k] = math.Exp(v - most)
		sum += p[k]
	}
	for k := range p {
		p[k] /= sum
	}
}

func (m softmax) loss(d *Data, scores []float64) float64 {
	n, p := len(d.Y), make([]float64, m.classes)
	return mean(d, func(i int) float64 {
		for k := range p {
			p[k] = scores[k*n+i]
		}
		normalize(p)
		return -math.Log(math.Max(p[int(d.Y[i])], 1e-300))
	})
}

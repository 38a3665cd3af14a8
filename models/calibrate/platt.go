package calibrate

import (
	"fmt"
	"math"
)

// Platt is the map 1 / (1 + e^−(A + B·logit(p))), with B at least 0.
type Platt struct {
	A, B float64
}

var _ Map = (*Platt)(nil)

// FitPlatt fits A and B by maximum likelihood with smoothed targets
// (n₊+1)/(n₊+2) and 1/(n₋+2), as in Platt 1999, section 2.2, on the log-odds of
// the raw probabilities. Both classes must occur (else ErrNoData). Where raw
// probabilities rank the wrong way round or are all equal, B is 0 and the map a
// constant.
func FitPlatt(raw []float64, y []bool) (*Platt, error) {
	positive, err := check(raw, y)
	if err != nil {
		return nil, err
	}
	n := float64(len(y))
	high := (float64(positive) + 1) / (float64(positive) + 2)
	low := 1 / (n - float64(positive) + 2)
	x, target, mean := make([]float64, len(raw)), make([]float64, len(raw)), 0.0
	for i, p := range raw {
		x[i], target[i] = logit(p), low
		if y[i] {
			target[i] = high
		}
		mean += target[i] / n
	}
	if m := newton(x, target, logit(mean)); m.B > 0 {
		return NewPlatt(m.A, m.B)
	}
	return NewPlatt(logit(mean), 0)
}

// NewPlatt returns the map of stored numbers.
func NewPlatt(a, b float64) (*Platt, error) {
	if math.IsNaN(a) || math.IsInf(a, 0) || !(b >= 0) || math.IsInf(b, 0) {
		return nil, fmt.Errorf("calibrate: Platt map with A %v, B %v: both must be finite and B not below 0", a, b)
	}
	return &Platt{A: a, B: b}, nil
}

// newton maximises the log likelihood, which is concave, by Newton steps that
// are halved until they gain; it starts from the constant map.
func newton(x, target []float64, a float64) Platt {
	m := Platt{A: a}
	loss := m.loss(x, target)
	for range 100 {
		step, ok := m.step(x, target)
		if !ok {
			return m
		}
		next, nextLoss := m, math.Inf(1)
		for scale := 1.0; scale > 1e-10 && !(nextLoss <= loss); scale /= 2 {
			next = Platt{A: m.A + scale*step.A, B: m.B + scale*step.B}
			nextLoss = next.loss(x, target)
		}
		if !(nextLoss < loss) {
			return m
		}
		done := loss-nextLoss < 1e-14*(1+loss)
		if m, loss = next, nextLoss; done {
			return m
		}
	}
	return m
}

func (m Platt) loss(x, target []float64) float64 {
	s := 0.0
	for i, t := range target {
		z := m.A + m.B*x[i]
		s += math.Max(z, 0) + math.Log1p(math.Exp(-math.Abs(z))) - t*z
	}
	return s
}

// step is the Newton direction, and false when the curvature vanishes.
func (m Platt) step(x, target []float64) (Platt, bool) {
	var ga, gb, haa, hab, hbb float64
	for i, t := range target {
		p := sigmoid(m.A + m.B*x[i])
		w := p * (1 - p)
		ga, gb = ga+t-p, gb+(t-p)*x[i]
		haa, hab, hbb = haa+w, hab+w*x[i], hbb+w*x[i]*x[i]
	}
	det := haa*hbb - hab*hab
	if !(det > 1e-12*haa*hbb) {
		return Platt{}, false
	}
	return Platt{A: (hbb*ga - hab*gb) / det, B: (haa*gb - hab*ga) / det}, true
}

func sigmoid(z float64) float64 { return 1 / (1 + math.Exp(-z)) }

// Apply maps one probability.
func (m *Platt) Apply(p float64) float64 {
	return inside(sigmoid(m.A + m.B*logit(p)))
}

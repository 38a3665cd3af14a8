package calibrate

import (
	"fmt"
	"math"

	"regulars/models"
)

// Shift is the map that adds By to the log-odds of every probability: what
// Bayes' rule asks for where the share of true labels is another than that of
// the rows a model was calibrated on and all else is equal (Saerens, Latinne
// and Decaestecker 2002, equation 4, in log-odds).
type Shift struct {
	By float64
}

var _ Map = (*Shift)(nil)

// mostShift is how far log-odds may be moved: from one edge to the other.
var mostShift = 2 * math.Log((1-Edge)/Edge)

// FitShift returns the shift after which the mean of the probabilities is rate,
// which must lie in [Edge, 1−Edge]. Without probabilities the error wraps
// ErrNoData.
func FitShift(p []float64, rate float64) (*Shift, error) {
	if !(rate >= Edge && rate <= 1-Edge) {
		return nil, fmt.Errorf("calibrate: shift to a mean of %v: it must lie in [%v, 1 − %v]", rate, Edge, Edge)
	}
	if len(p) == 0 {
		return nil, fmt.Errorf("calibrate: shift of no probabilities: %w", models.ErrNoData)
	}
	odds, low, high := make([]float64, len(p)), math.Inf(1), math.Inf(-1)
	for i, v := range p {
		if !(v >= 0 && v <= 1) {
			return nil, fmt.Errorf("calibrate: probability of row %d is %v: it must lie in [0, 1]", i, v)
		}
		odds[i] = logit(inside(v))
		low, high = min(low, logit(rate)-odds[i]), max(high, logit(rate)-odds[i])
	}
	return NewShift(bisect(odds, rate, low, high))
}

// bisect finds where the mean of the shifted probabilities, which rises with
// the shift, passes rate. At low every row is at most rate, at high at least.
func bisect(odds []float64, rate, low, high float64) float64 {
	for {
		middle := low + (high-low)/2
		if middle <= low || middle >= high {
			return middle
		}
		if meanAt(odds, middle) < rate {
			low = middle
		} else {
			high = middle
		}
	}
}

func meanAt(odds []float64, shift float64) float64 {
	s := 0.0
	for _, z := range odds {
		s += sigmoid(z + shift)
	}
	return s / float64(len(odds))
}

// NewShift returns the map of a stored number.
func NewShift(by float64) (*Shift, error) {
	if !(math.Abs(by) <= mostShift) {
		return nil, fmt.Errorf("calibrate: shift by %v in log-odds: it must lie within ±%.1f", by, mostShift)
	}
	return &Shift{By: by}, nil
}

// Apply maps one probability.
func (m *Shift) Apply(p float64) float64 {
	return inside(sigmoid(logit(inside(p)) + m.By))
}

// Shifted returns Platt's map followed by a shift, which is a Platt map again
// and is stored as one; it keeps to the edges only at the end.
func (m *Platt) Shifted(s *Shift) *Platt { return &Platt{A: m.A + s.By, B: m.B} }

// Chain is one map after the other, the first one first; without any it only
// keeps to the edges.
type Chain []Map

var _ Map = Chain(nil)

// Apply maps one probability.
func (c Chain) Apply(p float64) float64 {
	for _, m := range c {
		p = m.Apply(p)
	}
	return inside(p)
}

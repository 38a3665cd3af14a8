package churn

import (
	"context"
	"fmt"
	"math"

	"regulars/models"
	"regulars/models/calibrate"
)

// Calibration maps what a classifier says to what is published. It never
// decreases: first what rows of a later date than those of training say, then
// the season of the horizon, then caution where there is little data.
type Calibration struct {
	Platt    *calibrate.Platt    `json:"platt,omitempty"`
	Isotonic *calibrate.Isotonic `json:"isotonic,omitempty"`
	Shift    float64             `json:"shift"`  // of the log-odds, for the season
	Weight   float64             `json:"weight"` // of the model's word, in (0, 1]; the rest is the base rate
	Rate     float64             `json:"rate"`   // that base rate, in (0, 1)
}

var _ calibrate.Map = (*Calibration)(nil)

// Check refuses stored numbers that cannot be.
func (c *Calibration) Check() error {
	switch {
	case math.IsNaN(c.Shift) || math.IsInf(c.Shift, 0):
		return fmt.Errorf("calibration: shift %v", c.Shift)
	case !(c.Weight > 0 && c.Weight <= 1):
		return fmt.Errorf("calibration: weight %v: it must lie above 0 and up to 1", c.Weight)
	case !(c.Rate > 0 && c.Rate < 1):
		return fmt.Errorf("calibration: base rate %v: it must lie between 0 and 1", c.Rate)
	case c.Platt != nil && c.Isotonic != nil:
		return fmt.Errorf("calibration: by Platt and isotonic at once")
	case c.Platt != nil:
		_, err := calibrate.NewPlatt(c.Platt.A, c.Platt.B)
		return err
	case c.Isotonic != nil:
		_, err := calibrate.NewIsotonic(c.Isotonic.X, c.Isotonic.Y)
		return err
	}
	return nil
}

// Apply maps one probability.
func (c *Calibration) Apply(p float64) float64 {
	p = c.unshifted(p)
	if c.Shift != 0 {
		p = 1 / (1 + math.Exp(-(math.Log(p) - math.Log1p(-p) + c.Shift)))
	}
	p = c.Weight*p + (1-c.Weight)*c.Rate
	return min(max(p, calibrate.Edge), 1-calibrate.Edge)
}

func (c *Calibration) unshifted(p float64) float64 {
	switch {
	case c.Platt != nil:
		return c.Platt.Apply(p)
	case c.Isotonic != nil:
		return c.Isotonic.Apply(p)
	}
	return min(max(p, calibrate.Edge), 1-calibrate.Edge)
}

// A fitter makes a map from raw probabilities and labels.
type fitter func(raw []float64, left []bool) (*Calibration, error)

// byShift keeps the raw odds and moves them to the rate of the labels, smoothed as
// Laplace would, so that labels of one kind will do.
func byShift(raw []float64, left []bool) (*Calibration, error) {
	n := 1.0
	for _, l := range left {
		if l {
			n++
		}
	}
	m, err := calibrate.FitShift(raw, n/float64(len(left)+2))
	if err != nil {
		return nil, err
	}
	return &Calibration{Shift: m.By, Weight: 1}, nil
}

func byPlatt(raw []float64, left []bool) (*Calibration, error) {
	m, err := calibrate.FitPlatt(raw, left)
	return &Calibration{Platt: m, Weight: 1}, err
}

func byIsotonic(raw []float64, left []bool) (*Calibration, error) {
	m, err := calibrate.FitIsotonic(raw, left)
	return &Calibration{Isotonic: m, Weight: 1}, err
}

// plattLabels is from how many labels of the rarer kind on a slope is learned: with
// fewer it follows the chance in them, and often levels everybody.
const plattLabels = 50

// isotonicRows is from how many rows on a step function is tried, which has many
// more freedoms than Platt's two numbers.
const isotonicRows = 1000

// folds is how many parts the choice rows are cut into, so that no row's
// probability was calibrated by the row itself.
const folds = 5

// fitters are what so many labels can carry.
func fitters(left []bool, count []int) []fitter {
	switch {
	case rarer(left) < plattLabels:
		return []fitter{byShift}
	case len(count) < isotonicRows:
		return []fitter{byPlatt}
	}
	return []fitter{byPlatt, byIsotonic}
}

// calibrated returns the map with the smallest mean cross-fitted log loss of the
// rows that count, and the loss of each of them.
func calibrated(ctx context.Context, raw []float64, left []bool, count []int) (*Calibration, []float64, error) {
	var best fitter
	var losses []float64
	least := math.Inf(1)
	for _, fit := range fitters(left, count) {
		each, err := crossLosses(ctx, fit, raw, left, count)
		if err != nil {
			return nil, nil, err
		}
		if loss := mean(each); loss < least {
			best, losses, least = fit, each, loss
		}
	}
	if best == nil {
		return nil, nil, fmt.Errorf("no calibration has a finite loss: %w", models.ErrNoData)
	}
	c, err := best(raw, left)
	return c, losses, err
}

func crossLosses(ctx context.Context, fit fitter, raw []float64, left []bool, count []int) ([]float64, error) {
	p := make([]float64, len(raw))
	for fold := range folds {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		m, err := fit(outside(raw, fold), outside(left, fold))
		if err != nil { // of one class: too few rows to choose a model by
			return nil, err
		}
		for i := fold; i < len(raw); i += folds {
			p[i] = m.Apply(raw[i])
		}
	}
	return losses(pick(p, count), pick(left, count)), nil
}

// losses returns the log loss of each row.
func losses(p []float64, left []bool) []float64 {
	out := make([]float64, len(p))
	for i, v := range p {
		if left[i] {
			out[i] = -math.Log(v)
		} else {
			out[i] = -math.Log1p(-v)
		}
	}
	return out
}

func outside[T any](values []T, fold int) []T {
	var out []T
	for i, v := range values {
		if i%folds != fold {
			out = append(out, v)
		}
	}
	return out
}

// doubt is how many customers the base rate counts for: where a map rests on as
// many of the rarer kind, the model's word has half the weight.
const doubt = 10

// cautious draws a map towards the base rate by how many labels of the rarer
// kind it rests on.
func (c *Calibration) cautious(rarer int, rate float64) {
	n := float64(max(rarer, 1))
	c.Weight, c.Rate = n/(n+doubt), rate
}

// rarer counts the labels of the rarer kind.
func rarer(left []bool) int {
	n := 0
	for _, l := range left {
		if l {
			n++
		}
	}
	return min(n, len(left)-n)
}

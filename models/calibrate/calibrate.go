package calibrate

import (
	"fmt"
	"math"

	"regulars/features/matrix"
	"regulars/models"
)

// Edge is how close to 0 and 1 a calibrated probability may come: beyond it
// there is never the data to tell certainty from likelihood.
const Edge = 1e-6

// rawEdge keeps the log-odds of a raw 0 or 1 finite.
const rawEdge = 1e-9

// A Map turns a raw probability in [0, 1] into one in [Edge, 1−Edge]. It never
// decreases, so a ranking keeps its order.
type Map interface {
	Apply(p float64) float64
}

// Calibrated is a classifier followed by a map.
type Calibrated struct {
	Base models.Classifier
	Map  Map
}

var _ models.Classifier = (*Calibrated)(nil)

// Probability writes the mapped probabilities of Base.
func (c *Calibrated) Probability(x *matrix.Dense, dst []float64) error {
	if err := c.Base.Probability(x, dst); err != nil {
		return err
	}
	for i, p := range dst {
		dst[i] = c.Map.Apply(p)
	}
	return nil
}

func inside(p float64) float64 { return min(max(p, Edge), 1-Edge) }

func logit(p float64) float64 {
	p = min(max(p, rawEdge), 1-rawEdge)
	return math.Log(p) - math.Log1p(-p)
}

// check returns the number of true labels. Without both classes there is
// nothing to calibrate by and the error wraps ErrNoData.
func check(raw []float64, y []bool) (positive int, err error) {
	if len(raw) != len(y) {
		return 0, fmt.Errorf("calibrate: %d probabilities for %d labels", len(raw), len(y))
	}
	for i, p := range raw {
		if !(p >= 0 && p <= 1) {
			return 0, fmt.Errorf("calibrate: probability of row %d is %v: it must lie in [0, 1]", i, p)
		}
		if y[i] {
			positive++
		}
	}
	if positive == 0 || positive == len(y) {
		return 0, fmt.Errorf("calibrate: all %d labels are the same: %w", len(y), models.ErrNoData)
	}
	return positive, nil
}

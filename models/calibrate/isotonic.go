package calibrate

import (
	"cmp"
	"fmt"
	"slices"
	"sort"
)

// Isotonic is the best never-decreasing map, linear between its points and
// constant beyond them.
type Isotonic struct {
	X []float64 // raw probabilities, strictly ascending
	Y []float64 // calibrated probabilities, ascending
}

var _ Map = (*Isotonic)(nil)

// block is a run of raw probabilities that share one calibrated value.
type block struct{ low, high, positive, rows float64 }

func (b block) rate() float64 { return b.positive / b.rows }

// FitIsotonic fits by pooling adjacent violators (Ayer et al. 1955), which
// minimises the squared error. Both classes must occur (else ErrNoData).
func FitIsotonic(raw []float64, y []bool) (*Isotonic, error) {
	if _, err := check(raw, y); err != nil {
		return nil, err
	}
	var pooled []block
	for _, b := range distinct(raw, y) {
		pooled = append(pooled, b)
		for n := len(pooled); n > 1 && pooled[n-2].rate() >= pooled[n-1].rate(); n = len(pooled) {
			last := pooled[n-1]
			pooled = pooled[:n-1]
			pooled[n-2].high = last.high
			pooled[n-2].positive += last.positive
			pooled[n-2].rows += last.rows
		}
	}
	m := &Isotonic{}
	for _, b := range pooled {
		m.X, m.Y = append(m.X, b.low), append(m.Y, b.rate())
		if b.high > b.low {
			m.X, m.Y = append(m.X, b.high), append(m.Y, b.rate())
		}
	}
	return m, nil
}

// distinct groups the rows by raw probability, ascending.
func distinct(raw []float64, y []bool) []block {
	order := make([]int, len(raw))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(raw[a], raw[b]) })
	var out []block
	for _, i := range order {
		if n := len(out); n == 0 || out[n-1].high != raw[i] {
			out = append(out, block{low: raw[i], high: raw[i]})
		}
		b := &out[len(out)-1]
		b.rows++
		if y[i] {
			b.positive++
		}
	}
	return out
}

// NewIsotonic returns the map of stored points.
func NewIsotonic(x, y []float64) (*Isotonic, error) {
	if len(x) == 0 || len(x) != len(y) {
		return nil, fmt.Errorf("calibrate: isotonic map with %d and %d coordinates: there must be as many, and at least one", len(x), len(y))
	}
	for i := range x {
		rising := i == 0 || x[i-1] < x[i] && y[i-1] <= y[i]
		if !(rising && x[i] >= 0 && x[i] <= 1 && y[i] >= 0 && y[i] <= 1) {
			return nil, fmt.Errorf("calibrate: point %d of the isotonic map (%v, %v) must lie in [0, 1] and above the one before", i, x[i], y[i])
		}
	}
	return &Isotonic{X: x, Y: y}, nil
}

// Apply maps one probability.
func (m *Isotonic) Apply(p float64) float64 {
	i := sort.SearchFloat64s(m.X, p)
	switch {
	case i == 0:
		return inside(m.Y[0])
	case i == len(m.X):
		return inside(m.Y[i-1])
	}
	share := (p - m.X[i-1]) / (m.X[i] - m.X[i-1])
	return inside(m.Y[i-1] + share*(m.Y[i]-m.Y[i-1]))
}

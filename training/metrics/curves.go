package metrics

import (
	"fmt"
	"math"
)

// Point is a point of a curve.
type Point struct{ X, Y float64 }

// Curves are what is drawn of probabilities and labels.
type Curves struct {
	ROC       []Point // X: share of the negatives above a threshold, Y: of the positives; from (0, 0) to (1, 1)
	Precision []Point // X: recall, Y: precision, at falling thresholds
	Gains     []Point // X: share of the rows ranked highest, Y: share of the positives among them; from (0, 0) to (1, 1)
	Reliable  []Bin   // bins of equal mass by rising probability
	Histogram []int   // rows by probability, equal steps from 0 to 1
	Rows      int
	Positives int
}

// Bin is some of the rows, next to each other by probability.
type Bin struct {
	Rows        float64
	Probability float64 // mean
	Rate        float64 // observed
	Low, High   float64 // 95% interval of Rate by Wilson 1927
}

// histogramSteps is how finely probabilities are counted.
const histogramSteps = 40

// CurvesOf returns curves of at most so many points each (2 at least); probability
// and label are as in Classification, and both classes must occur (else
// ErrUndefined). Points left out lie between those kept, as close as an even
// step allows; rows of equal probability stay together, so no curve depends on the
// order of rows.
func CurvesOf(probability []float64, label []bool, points int) (*Curves, error) {
	t, err := tallyOf(probability, label)
	if err != nil {
		return nil, err
	}
	rows, positive := sum(t.rows), sum(t.positive)
	if positive == 0 || positive == rows {
		return nil, fmt.Errorf("curves over rows of one class: %w", ErrUndefined)
	}
	if points < 2 {
		return nil, fmt.Errorf("a curve of %d points: it needs 2 at least", points)
	}
	c := &Curves{Rows: int(rows), Positives: int(positive), Histogram: t.histogram()}
	c.ROC, c.Precision, c.Gains = t.curves(rows, positive, points)
	for _, b := range t.bins(rows) {
		c.Reliable = append(c.Reliable, b.bin())
	}
	return c, nil
}

// curves walks the thresholds downwards.
func (t *tally) curves(rows, positive float64, points int) (roc, precision, gains []Point) {
	r, p, g := newThinned(points, 2), newThinned(points, 1), newThinned(points, 1)
	r.add(Point{}, 0)
	g.add(Point{}, 0)
	taken, hits := 0.0, 0.0
	for i := len(t.p) - 1; i >= 0; i-- {
		taken += t.rows[i]
		hits += t.positive[i]
		recall, fall := hits/positive, (taken-hits)/(rows-positive)
		r.add(Point{fall, recall}, fall+recall)
		g.add(Point{taken / rows, recall}, taken/rows)
		p.add(Point{recall, hits / taken}, recall)
	}
	return r.end(), p.end(), g.end()
}

// thinned keeps of a curve the first point, the last, and those between that lie a
// step further than the one kept before.
type thinned struct {
	points   int // at most
	step, at float64
	kept     []Point
	last     Point
}

// newThinned is for a curve of the given length.
func newThinned(points int, length float64) *thinned {
	return &thinned{points: points, step: length / float64(points-1), at: math.Inf(-1)}
}

func (t *thinned) add(p Point, at float64) {
	t.last = p
	if at >= t.at+t.step {
		t.kept, t.at = append(t.kept, p), at
	}
}

func (t *thinned) end() []Point {
	n := len(t.kept)
	if n == t.points { // only a point that ends as far as the last
		n--
	}
	if n > 0 && t.kept[n-1] == t.last {
		return t.kept[:n]
	}
	return append(t.kept[:n], t.last)
}

// bin is of no rows where there are fewer than bins: of a share of one, then.
func (b massBin) bin() Bin {
	out := Bin{Rows: b.rows, Probability: b.probability / b.rows, Rate: b.positive / b.rows}
	out.Low, out.High = wilson(out.Rate, b.rows)
	return out
}

// wilson is the 95% interval of a share observed in n rows (Wilson 1927).
func wilson(share, n float64) (low, high float64) {
	const z = 1.959963984540054
	middle := (share + z*z/(2*n)) / (1 + z*z/n)
	half := z / (1 + z*z/n) * math.Sqrt(share*(1-share)/n+z*z/(4*n*n))
	return max(0, middle-half), min(1, middle+half)
}

func (t *tally) histogram() []int {
	out := make([]int, histogramSteps)
	for g, p := range t.p {
		out[min(int(p*histogramSteps), histogramSteps-1)] += int(t.rows[g])
	}
	return out
}

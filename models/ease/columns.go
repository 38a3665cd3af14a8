package ease

import (
	"fmt"
	"math"

	"regulars/features/matrix"
	"regulars/models/internal/pairwise"
)

// column holds the weights that predict one item, by ascending item.
type column struct {
	items   []int32
	weights []float32
}

// columns holds B by predicted item, over the items that occur.
type columns struct{ list []column }

func newColumns(n int) *columns { return &columns{make([]column, n)} }

// set may be called for different items at once.
func (c *columns) set(j int, w column) { c.list[j] = w }

func (c *columns) checkFinite() error {
	for _, col := range c.list {
		for _, w := range col.weights {
			if !(math.Abs(float64(w)) <= pairwise.Largest) {
				return fmt.Errorf("a weight is %v: %w", w, errNotPositive)
			}
		}
	}
	return nil
}

// byHistory returns B over the whole vocabulary by the item of the history, freeing
// the columns on the way.
func (c *columns) byHistory(known []int32, items int) *matrix.CSR {
	m := &matrix.CSR{Rows: items, Cols: items, Indptr: make([]int64, items+1)}
	for _, col := range c.list {
		for _, i := range col.items {
			m.Indptr[known[i]+1]++
		}
	}
	for i := range items {
		m.Indptr[i+1] += m.Indptr[i]
	}
	next := append([]int64(nil), m.Indptr[:items]...)
	m.Indices, m.Values = make([]int32, m.Indptr[items]), make([]float32, m.Indptr[items])
	for j, col := range c.list {
		for k, i := range col.items {
			at := &next[known[i]]
			m.Indices[*at], m.Values[*at] = known[j], col.weights[k]
			*at++
		}
		c.list[j] = column{}
	}
	return m
}

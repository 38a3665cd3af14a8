package ease

import (
	"context"
	"errors"
	"math"

	"regulars/models/internal/kernel"
	"regulars/models/internal/pairwise"
)

var errNotPositive = errors.New("the items' Gram matrix cannot be inverted in float32: raise L2, or leave weights out")

// denseWeights returns the weights B = I − P·diag(1/diag P), P = (XᵀX + L2·I)⁻¹
// (Steck 2019, equation 8), by predicted item. P takes the place of XᵀX, so that
// memory is items² × 4 bytes beside the data and the result.
func denseWeights(ctx context.Context, x *interactions, o Options, report func(done, total int)) (*columns, error) {
	n := len(x.known)
	cube := float64(n) * float64(n) * float64(n)
	m := &meter{total: cube + 2*pricePerRow*float64(n), report: report}
	p := kernel.Zeros(n * n)
	if err := fillGram(ctx, x, o, p, m); err != nil {
		return nil, err
	}
	err := kernel.InvertSPD(ctx, n, p, n, o.Workers, m.add)
	if errors.Is(err, kernel.ErrNotPositive) {
		return nil, errNotPositive
	}
	if err != nil {
		return nil, err
	}
	return takeWeights(ctx, x, o, p, m)
}

// pricePerRow is how many operations of the inversion take as long as filling or
// reading a row, roughly.
const pricePerRow = 1e6

// fillGram writes the lower triangle of XᵀX + L2·I into g. A row is one worker's,
// which adds up its users in order.
func fillGram(ctx context.Context, x *interactions, o Options, g []float32, m *meter) error {
	n := len(x.known)
	return pairwise.InChunks(ctx, n, 16, o.Workers, none, func(_ struct{}, from, to int) {
		for i := from; i < to; i++ {
			row := g[i*n : i*n+i+1]
			users, weights := x.byItem.Row(i)
			for k, u := range users {
				addTo(row, weights[k], x, int(u))
			}
			row[i] += float32(o.L2)
		}
		m.add(pricePerRow * float64(to-from))
	})
}

func none() struct{} { return struct{}{} }

// addTo adds weight times the items of the user that lie within row.
func addTo(row []float32, weight float32, x *interactions, user int) {
	items, weights := x.byUser.Row(user)
	for k, item := range items {
		if int(item) >= len(row) {
			return
		}
		row[item] += weight * weights[k]
	}
}

// takeWeights reads the weights off P, keeping the largest o.Neighbours to predict
// an item.
func takeWeights(ctx context.Context, x *interactions, o Options, p []float32, m *meter) (*columns, error) {
	n := len(x.known)
	out := newColumns(n)
	err := pairwise.InChunks(ctx, n, 16, o.Workers, func() *picker { return &picker{size: make([]float32, n)} }, func(s *picker, from, to int) {
		for j := from; j < to; j++ {
			row := p[j*n : (j+1)*n]
			out.set(j, s.pick(x, row, j, o.Neighbours))
		}
		m.add(pricePerRow * float64(to-from))
	})
	if err != nil {
		return nil, err
	}
	return out, out.checkFinite()
}

// picker finds the largest weights of a column.
type picker struct {
	size     []float32
	best     []int32
	selector kernel.Selector
}

// pick returns the at most keep largest weights that predict item j, given row j
// of P.
func (s *picker) pick(x *interactions, row []float32, j, keep int) column {
	for i, v := range row {
		s.size[i] = float32(math.Abs(float64(v)) / x.scale[i])
	}
	s.selector.Reset(min(keep, len(row)), []int32{int32(j)})
	s.selector.Offer(s.size, 0)
	s.best = s.selector.TakeNumbers(s.best[:0])
	c := column{items: make([]int32, 0, len(s.best)), weights: make([]float32, 0, len(s.best))}
	for _, i := range s.best {
		if w := -float64(row[i]) / float64(row[j]) * x.scale[j] / x.scale[i]; w != 0 {
			c.items = append(c.items, i)
			c.weights = append(c.weights, float32(w))
		}
	}
	return c
}

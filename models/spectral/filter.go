package spectral

import (
	"context"
	"math"
	"slices"

	"regulars/features/matrix"
	"regulars/models/internal/kernel"
	"regulars/models/internal/pairwise"
)

// filter holds what a row of F is made of.
type filter struct {
	g       *graph
	o       Options
	largest float64   // eigenvalue of AᵀA, by which F is scaled
	vectors []float32 // items × factors
	shaped  []float32 // the same times what F adds to the linear term at each eigenvalue
	factors int
	out, in []float64 // customers^ScoreNorm and customers^−HistoryNorm
}

func newFilter(g *graph, s *spectrum, o Options) *filter {
	f := &filter{g: g, o: o, largest: s.values[0], vectors: s.vectors, shaped: make([]float32, len(s.vectors)), factors: len(s.values)}
	for k, value := range s.values {
		lambda := value / f.largest
		add := float32(o.Smoothing - *o.Sharpening*lambda*lambda)
		for i := k; i < len(f.shaped); i += f.factors {
			f.shaped[i] = add * s.vectors[i]
		}
	}
	for _, item := range g.known {
		n := float64(g.customers[item])
		f.out = append(f.out, math.Pow(n, *o.ScoreNorm))
		f.in = append(f.in, math.Pow(n, -*o.HistoryNorm))
	}
	return f
}

// weights returns F by the item of the history, over the whole vocabulary.
func (f *filter) weights(ctx context.Context, items int, step func(rows int)) (*matrix.CSR, error) {
	n := len(f.g.known)
	rows := make([]row, n)
	err := pairwise.InChunks(ctx, n, 16, f.o.Workers, func() *accumulator { return &accumulator{sum: make([]float32, n)} }, func(a *accumulator, from, to int) {
		for i := from; i < to && ctx.Err() == nil; i++ {
			a.multiply(ctx, f.g, i)
			rows[i] = a.take(f, i)
		}
		step(to - from)
	})
	if err != nil {
		return nil, err
	}
	return f.join(rows, items), nil
}

// row holds the weights of one item, by ascending other item.
type row struct {
	items   []int32
	weights []float32
}

// join puts the rows together, freeing them on the way.
func (f *filter) join(rows []row, items int) *matrix.CSR {
	m := &matrix.CSR{Rows: items, Cols: items, Indptr: make([]int64, items+1)}
	for i, r := range rows {
		m.Indptr[f.g.known[i]+1] = int64(len(r.items))
	}
	for i := range items {
		m.Indptr[i+1] += m.Indptr[i]
	}
	m.Indices, m.Values = make([]int32, m.Indptr[items]), make([]float32, m.Indptr[items])
	for i, r := range rows {
		at := m.Indptr[f.g.known[i]]
		for k, c := range r.items {
			m.Indices[at+int64(k)] = f.g.known[c]
		}
		copy(m.Values[at:], r.weights)
		rows[i] = row{}
	}
	return m
}

// accumulator is one row of AᵀA, and which of it is not zero.
type accumulator struct {
	sum     []float32
	touched []int32
	weights []float32
	sizes   []float32
	best    []int32
}

// usersBetweenLooks is after how many users of an item a cancelled context is seen.
const usersBetweenLooks = 1 << 12

func (a *accumulator) multiply(ctx context.Context, g *graph, item int) {
	users, weights := g.byItem.Row(item)
	for k, u := range users {
		if k%usersBetweenLooks == usersBetweenLooks-1 && ctx.Err() != nil {
			return
		}
		cols, vals := g.byUser.Row(int(u))
		for i, c := range cols {
			if a.sum[c] == 0 {
				a.touched = append(a.touched, c)
			}
			a.sum[c] += weights[k] * vals[i]
		}
	}
}

// take turns the row into one of F, keeps the largest weights and clears it.
func (a *accumulator) take(f *filter, item int) row {
	slices.Sort(a.touched)
	a.touched = slices.Compact(a.touched)
	own := f.shaped[item*f.factors : (item+1)*f.factors]
	a.weights, a.sizes = a.weights[:0], a.sizes[:0]
	for _, c := range a.touched {
		low := kernel.Dot(own, f.vectors[int(c)*f.factors:(int(c)+1)*f.factors])
		w := (float64(a.sum[c])/f.largest + float64(low)) * f.in[item] * f.out[c]
		a.sum[c] = 0
		if int(c) == item {
			w = 0
		}
		a.weights = append(a.weights, float32(w))
		a.sizes = append(a.sizes, float32(math.Abs(w)))
	}
	a.best = kernel.TopK(a.sizes, min(f.o.Neighbours, len(a.sizes)), nil, a.best[:0])
	slices.Sort(a.best)
	r := row{make([]int32, 0, len(a.best)), make([]float32, 0, len(a.best))}
	for _, k := range a.best {
		if a.weights[k] != 0 {
			r.items, r.weights = append(r.items, a.touched[k]), append(r.weights, a.weights[k])
		}
	}
	a.touched = a.touched[:0]
	return r
}

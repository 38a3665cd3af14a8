package ials

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"runtime"
	"sync"
	"sync/atomic"

	"regulars/features/matrix"
	"regulars/models"
	"regulars/models/internal/kernel"
)

// Fit learns item factors from the interactions before day now. The same data,
// options and seed give the same bytes for any number of workers. An iteration
// costs about nnz·d² + (users+items)·d³/6 fused operations (d up to 128), and Fit
// holds 16 bytes a distinct pair beside the factors of users and items. Without
// any interaction the error wraps ErrNoData; a wrong option is an *OptionError.
// progress may be nil; it is called after every iteration.
func Fit(ctx context.Context, ev *matrix.Events, now int32, o Options, progress func(done, total int)) (*Model, error) {
	o, err := o.resolved()
	if err != nil {
		return nil, err
	}
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("ials: %w", err)
	}
	seen := confidence(ev, now, o)
	if seen.NNZ() == 0 {
		return nil, fmt.Errorf("ials: no interaction before day %d: %w", now, models.ErrNoData)
	}
	f := newFit(seen, o)
	for it := range o.Iterations {
		if err := f.sweep(ctx); err != nil {
			return nil, err
		}
		if progress != nil {
			progress(it+1, o.Iterations)
		}
	}
	f.byUser, f.byItem, f.users = side{}, side{}, nil
	return New(o, f.items)
}

// side is one direction of the interactions, cut into pieces of about equal work
// that workers take one by one: piece p is the rows cuts[p] to cuts[p+1].
type side struct {
	*matrix.CSR
	cuts  []int32
	known int // rows with entries
}

// pieceWork, in entries, is small enough to balance the load and to notice a
// cancelled context within a second; a row costs about rowWork entries of itself.
const (
	pieceWork = 1 << 15
	rowWork   = 32
)

func newSide(m *matrix.CSR) side {
	s := side{CSR: m, cuts: []int32{0}}
	work := int64(0)
	for r := range m.Rows {
		n := m.Indptr[r+1] - m.Indptr[r]
		if n > 0 {
			s.known++
		}
		if work += n + rowWork; work >= pieceWork || r+1 == m.Rows {
			s.cuts, work = append(s.cuts, int32(r+1)), 0
		}
	}
	return s
}

// fit holds the state of the alternation: both sides' factors, row-major, n × d.
type fit struct {
	o              Options
	byUser, byItem side
	users, items   []float32
}

func newFit(seen *matrix.CSR, o Options) *fit {
	if o.Workers == 0 {
		o.Workers = runtime.GOMAXPROCS(0)
	}
	f := &fit{o: o, byUser: newSide(seen), byItem: newSide(seen.Transpose())}
	f.users = kernel.Zeros(seen.Rows * o.Factors)
	f.items = kernel.Zeros(seen.Cols * o.Factors)
	f.initItems()
	return f
}

// initItems draws the items that occur from a normal distribution with standard
// deviation 0.1/√d (Rendle et al. 2021); users are solved first and start at 0.
func (f *fit) initItems() {
	d := f.o.Factors
	std := 0.1 / math.Sqrt(float64(d))
	rng := rand.New(rand.NewPCG(f.o.Seed, 0x69616c73))
	for i := range f.byItem.Rows {
		known := f.byItem.Indptr[i+1] > f.byItem.Indptr[i]
		for j := range d {
			if x := rng.NormFloat64() * std; known {
				f.items[i*d+j] = float32(x)
			}
		}
	}
}

// sweep solves every user for the items, then every item for the users.
func (f *fit) sweep(ctx context.Context) error {
	if err := f.solveSide(ctx, f.byUser, f.users, f.items, f.byItem.known); err != nil {
		return fmt.Errorf("ials: user factors: %w", err)
	}
	if err := f.solveSide(ctx, f.byItem, f.items, f.users, f.byUser.known); err != nil {
		return fmt.Errorf("ials: item factors: %w", err)
	}
	return nil
}

// solveSide improves every row of dst, given src. Rows are independent, so the
// order in which workers take them does not matter.
func (f *fit) solveSide(ctx context.Context, seen side, dst, src []float32, partners int) error {
	gram := gramOf(src, f.o.Factors, f.o.Unobserved, f.o.Workers)
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var next atomic.Int64
	var wg sync.WaitGroup
	for range min(f.o.Workers, len(seen.cuts)-1) {
		wg.Go(func() {
			s := newSolver(f.o, gram, src)
			for p := next.Add(1); p < int64(len(seen.cuts)) && ctx.Err() == nil; p = next.Add(1) {
				if err := s.rows(ctx, seen.CSR, int(seen.cuts[p-1]), int(seen.cuts[p]), dst, partners); err != nil {
					cancel(err)
					return
				}
			}
		})
	}
	wg.Wait()
	return context.Cause(ctx)
}

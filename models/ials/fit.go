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
)

// chunk is how many rows a worker takes at once: small enough to balance heavy
// rows and to notice a cancelled context within a second.
const chunk = 32

// Fit learns item factors from the interactions before day now. The same data,
// options and seed give the same bytes for any number of workers. Cost of an
// iteration: about nnz·d² + (users+items)·d³/3 fused operations. Without any
// interaction the error wraps ErrNoData; a wrong option is an *OptionError.
// progress may be nil; it is called after every iteration.
func Fit(ctx context.Context, ev *matrix.Events, now int32, o Options, progress func(done, total int)) (*Model, error) {
	o, err := o.resolved()
	if err != nil {
		return nil, err
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
	return f.model()
}

// confidence returns 1 + Alpha·r for every pair seen before now: Users × Items.
func confidence(ev *matrix.Events, now int32, o Options) *matrix.CSR {
	m := &matrix.CSR{Rows: ev.Users, Cols: ev.Items, Indptr: make([]int64, ev.Users+1)}
	for u := range ev.Users {
		m.Indices, m.Values = appendConfidence(m.Indices, m.Values, ev.History(u), now, o)
		m.Indptr[u+1] = int64(len(m.Indices))
	}
	return m
}

// appendConfidence appends the distinct items of h before now, ascending, and
// their confidence. A sum of weights beyond float32 stays at its largest value.
func appendConfidence(items []int32, conf []float32, h matrix.History, now int32, o Options) ([]int32, []float32) {
	for i := 0; i < len(h.Item); {
		item, r, before := h.Item[i], 0.0, false
		for ; i < len(h.Item) && h.Item[i] == item; i++ {
			if age := now - h.Day[i]; age > 0 {
				r += float64(h.Weight[i]) * decay(age, o.HalfLifeDays)
				before = true
			}
		}
		if before {
			items = append(items, item)
			conf = append(conf, float32(math.Min(1+*o.Alpha*r, maxConfidence)))
		}
	}
	return items, conf
}

// maxConfidence keeps the normal equations solvable in float64.
const maxConfidence = 1e9

func decay(age int32, halfLife float64) float64 {
	if halfLife == 0 {
		return 1
	}
	return math.Exp2(-float64(age) / halfLife)
}

// fit holds the state of the alternation: both sides' factors, row-major, n × d.
type fit struct {
	o            Options
	byUser       *matrix.CSR
	byItem       *matrix.CSR
	users, items []float64
	knownUsers   int
	knownItems   int
	workers      int
}

func newFit(seen *matrix.CSR, o Options) *fit {
	f := &fit{o: o, byUser: seen, byItem: seen.Transpose(), workers: o.Workers}
	if f.workers == 0 {
		f.workers = runtime.GOMAXPROCS(0)
	}
	f.knownUsers, f.knownItems = nonEmpty(f.byUser), nonEmpty(f.byItem)
	f.users = make([]float64, seen.Rows*o.Factors)
	f.items = make([]float64, seen.Cols*o.Factors)
	f.initItems()
	return f
}

// initItems draws the items that occur from a normal distribution with standard
// deviation 0.1/√d (Rendle et al. 2021); users are solved first and need no start.
func (f *fit) initItems() {
	d := f.o.Factors
	std := 0.1 / math.Sqrt(float64(d))
	rng := rand.New(rand.NewPCG(f.o.Seed, 0x69616c73))
	for i := range f.byItem.Rows {
		known := f.byItem.Indptr[i+1] > f.byItem.Indptr[i]
		for j := range d {
			if x := rng.NormFloat64() * std; known {
				f.items[i*d+j] = x
			}
		}
	}
}

func nonEmpty(m *matrix.CSR) int {
	n := 0
	for r := range m.Rows {
		if m.Indptr[r+1] > m.Indptr[r] {
			n++
		}
	}
	return n
}

// sweep solves every user for the items, then every item for the users.
func (f *fit) sweep(ctx context.Context) error {
	if err := f.solveSide(ctx, f.byUser, f.users, f.items, f.knownItems); err != nil {
		return fmt.Errorf("ials: user factors: %w", err)
	}
	if err := f.solveSide(ctx, f.byItem, f.items, f.users, f.knownUsers); err != nil {
		return fmt.Errorf("ials: item factors: %w", err)
	}
	return nil
}

// solveSide writes the best row of dst for every row of seen, given src. Rows
// are independent, so the order in which workers take them does not matter.
func (f *fit) solveSide(ctx context.Context, seen *matrix.CSR, dst, src []float64, partners int) error {
	d := f.o.Factors
	gram := gramOf(src, d, f.o.Unobserved)
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var next atomic.Int64
	var wg sync.WaitGroup
	for range f.workers {
		wg.Go(func() {
			s := newSolver(d)
			for lo := int(next.Add(chunk) - chunk); lo < seen.Rows && ctx.Err() == nil; lo = int(next.Add(chunk) - chunk) {
				for r := lo; r < min(lo+chunk, seen.Rows); r++ {
					cols, conf := seen.Row(r)
					if err := s.solve(dst[r*d:(r+1)*d], gram, src, cols, conf, f.o.ridge(len(cols), partners)); err != nil {
						cancel(fmt.Errorf("row %d: %w", r, err))
						return
					}
				}
			}
		})
	}
	wg.Wait()
	return context.Cause(ctx)
}

// ridge is λ·(n + α0·partners)^ν for a row with n entries.
func (o Options) ridge(n, partners int) float64 {
	return o.Regularization * math.Pow(float64(n)+o.Unobserved*float64(partners), *o.RegExponent)
}

func (f *fit) model() (*Model, error) {
	factors := make([]float32, len(f.items))
	for i, x := range f.items {
		factors[i] = float32(x)
	}
	return New(f.o, factors)
}

package itemknn

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"

	"regulars/features/matrix"
	"regulars/models"
)

// chunk is how many items a worker takes at once; usersBetweenLooks is how many
// users of one item it goes through before it looks whether it was cancelled.
const (
	chunk             = 64
	usersBetweenLooks = 4096
)

// Fit finds the neighbours of every item in the interactions before day now. The
// result is the same for any number of workers. Cost: Σ n² over users with n items
// (at most MaxUserItems). Memory: about 20 bytes a pair of user and item, 16 bytes
// a neighbour and 20 bytes an item and worker. Without any interaction the error
// wraps ErrNoData; a wrong option is an *OptionError. progress may be nil; it is
// called, never concurrently, as items are done.
func Fit(ctx context.Context, ev *matrix.Events, now int32, o Options, progress func(done, total int)) (*Model, error) {
	o, err := o.resolved()
	if err != nil {
		return nil, err
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	r, customers := pairs(ev, now, o)
	if !slices.ContainsFunc(customers, func(n int32) bool { return n > 0 }) {
		return nil, fmt.Errorf("itemknn: no interaction before day %d: %w", now, models.ErrNoData)
	}
	p := &product{factors: weigh(r, o), o: o, progress: progress}
	near, err := p.run(ctx)
	if err != nil {
		return nil, err
	}
	return New(o, customers, near)
}

// product multiplies the two factors row by row (Gustavson 1978) and keeps the
// largest entries of each row.
type product struct {
	factors
	o        Options
	progress func(done, total int)
	next     atomic.Int64
	lock     sync.Mutex
	done     int
	parts    []part // one a chunk of items
}

// part is a run of finished rows.
type part struct {
	ends    []int // end of each row in the slices
	indices []int32
	values  []float32
}

func (p *product) run(ctx context.Context) (*matrix.CSR, error) {
	items := p.to.Cols
	p.parts = make([]part, (items+chunk-1)/chunk)
	workers := p.o.Workers
	if workers == 0 {
		workers = runtime.GOMAXPROCS(0)
	}
	var wg sync.WaitGroup
	for range min(workers, len(p.parts)) {
		wg.Go(func() { p.work(ctx) })
	}
	wg.Wait()
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	return p.join(), nil
}

func (p *product) work(ctx context.Context) {
	items := p.to.Cols
	a := &accumulator{cells: make([]cell, items)}
	for c := int(p.next.Add(1)) - 1; c < len(p.parts); c = int(p.next.Add(1)) - 1 {
		lo, hi := c*chunk, min((c+1)*chunk, items)
		for item := lo; item < hi; item++ {
			if ctx.Err() != nil || !a.multiply(ctx, p.factors, item) {
				return
			}
			a.take(p.scale, item, p.o.Shrink, p.o.Neighbours)
			if p.o.Normalize {
				a.normalize()
			}
			p.parts[c].add(a.best)
		}
		p.report(hi - lo)
	}
}

func (p *product) report(items int) {
	if p.progress == nil {
		return
	}
	p.lock.Lock()
	defer p.lock.Unlock()
	p.done += items
	p.progress(p.done, p.to.Cols)
}

func (t *part) add(row []neighbour) {
	for _, n := range row {
		t.indices, t.values = append(t.indices, n.item), append(t.values, n.similarity)
	}
	t.ends = append(t.ends, len(t.indices))
}

// join puts the rows together, letting go of each part once copied.
func (p *product) join() *matrix.CSR {
	items, n := p.to.Cols, 0
	for _, t := range p.parts {
		n += len(t.indices)
	}
	m := &matrix.CSR{Rows: items, Cols: items, Indptr: make([]int64, 1, items+1),
		Indices: make([]int32, 0, n), Values: make([]float32, 0, n)}
	for c, t := range p.parts {
		before := len(m.Indices)
		for _, end := range t.ends {
			m.Indptr = append(m.Indptr, int64(before+end))
		}
		m.Indices, m.Values = append(m.Indices, t.indices...), append(m.Values, t.values...)
		p.parts[c] = part{}
	}
	return m
}

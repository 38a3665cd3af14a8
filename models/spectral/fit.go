package spectral

import (
	"context"
	"fmt"
	"runtime"
	"sync"

	"regulars/features/matrix"
	"regulars/models"
)

// Fit learns the filter from the interactions before day now. The same data,
// options and seed give the same bytes for any number of workers. Cost: a few
// products of the interactions with Factors vectors, and Factors operations for
// each pair of items that somebody has both of; memory (users + items)·Factors·8
// bytes and Neighbours·16 bytes an item. Without any interaction the error wraps
// ErrNoData; a wrong option is an *OptionError. progress may be nil.
func Fit(ctx context.Context, ev *matrix.Events, now int32, o Options, progress func(done, total int)) (*Model, error) {
	o, err := o.resolved()
	if err != nil {
		return nil, err
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	g := newGraph(ev, now, o)
	if len(g.known) == 0 {
		return nil, fmt.Errorf("spectral: no interaction before day %d: %w", now, models.ErrNoData)
	}
	if o.Workers == 0 {
		o.Workers = runtime.GOMAXPROCS(0)
	}
	m := &meter{total: 2 * o.Iterations * len(g.known), report: progress}
	s, err := newSpectrum(ctx, g, o, func() { m.add(len(g.known)) })
	if err != nil {
		return nil, fmt.Errorf("spectral: eigenvectors of %d items: %w", len(g.known), err)
	}
	w, err := newFilter(g, s, o).weights(ctx, ev.Items, func(rows int) { m.add(o.Iterations * rows) })
	if err != nil {
		return nil, fmt.Errorf("spectral: weights of %d items: %w", len(g.known), err)
	}
	return New(o, g.customers, w)
}

// meter adds up what is finished and reports it in thousandths of the whole.
type meter struct {
	mu          sync.Mutex
	done, total int
	told        int
	report      func(done, total int)
}

func (m *meter) add(n int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.done += n
	if now := int(1000 * int64(m.done) / int64(m.total)); m.report != nil && now > m.told {
		m.told = now
		m.report(now, 1000)
	}
}

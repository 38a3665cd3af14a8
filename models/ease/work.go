package ease

import (
	"context"
	"sync"
	"sync/atomic"
)

// meter adds up finished operations and reports them in thousandths of the whole.
type meter struct {
	mu          sync.Mutex
	done, total float64
	told        int
	report      func(done, total int)
}

func (m *meter) add(operations float64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.done += operations
	if now := min(int(1000*m.done/m.total), 1000); m.report != nil && now > m.told {
		m.told = now
		m.report(now, 1000)
	}
}

// inChunks calls work for [0, n) in pieces of the given size, each on one of the
// workers, which get a scratch of their own. A piece's place alone decides what it
// does, so the order in which workers take them does not matter.
func inChunks[S any](ctx context.Context, n, size, workers int, scratch func() S, work func(s S, from, to int)) error {
	var next atomic.Int64
	var wg sync.WaitGroup
	for range max(1, min(workers, (n+size-1)/size)) {
		wg.Go(func() {
			s := scratch()
			for ctx.Err() == nil {
				from := int(next.Add(int64(size))) - size
				if from >= n {
					return
				}
				work(s, from, min(from+size, n))
			}
		})
	}
	wg.Wait()
	return context.Cause(ctx)
}

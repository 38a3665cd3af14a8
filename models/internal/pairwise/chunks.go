package pairwise

import (
	"context"
	"sync"
	"sync/atomic"
)

// InChunks calls work for [0, n) in pieces of the given size, each on one of the
// workers, which get a scratch of their own. A piece's place alone decides what it
// does, so the order in which workers take them does not matter.
func InChunks[S any](ctx context.Context, n, size, workers int, scratch func() S, work func(s S, from, to int)) error {
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

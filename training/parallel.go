package training

import (
	"context"
	"runtime"
	"sync/atomic"

	"golang.org/x/sync/errgroup"
)

func (p *Pipeline) workers() int {
	if p.Options.Workers > 0 {
		return p.Options.Workers
	}
	return runtime.GOMAXPROCS(0)
}

// parallel calls work(i) for every i below n on several goroutines, each with
// its own work made by newWork, so that scratch memory is not shared. The
// results must not depend on the order. The first error stops it.
func parallel(ctx context.Context, workers, n int, newWork func() func(i int) error) error {
	g, ctx := errgroup.WithContext(ctx)
	var next atomic.Int64
	for range min(workers, n) {
		g.Go(func() error {
			work := newWork()
			for i := int(next.Add(1) - 1); i < n; i = int(next.Add(1) - 1) {
				if err := ctx.Err(); err != nil {
					return err
				}
				if err := work(i); err != nil {
					return err
				}
			}
			return nil
		})
	}
	return g.Wait()
}

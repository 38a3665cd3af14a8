package kernel

import (
	"sync"
	"sync/atomic"
)

// workspace is the scratch of one goroutine.
type workspace struct {
	a, b, c []float32
}

var workspaces = sync.Pool{New: func() any { return new(workspace) }}

// atLeast returns a slice of n numbers, reusing s. Slices begin on a cache line,
// which the allocator gives to everything of 32 KiB and more.
func atLeast(s []float32, n int) []float32 {
	if cap(s) < n {
		return make([]float32, n, max(n, 1<<13))
	}
	return s[:n]
}

// inParallel runs work for every task below tasks on at most workers goroutines.
// Tasks write to different places, so that their order does not matter.
func inParallel(workers, tasks int, work func(ws *workspace, task int)) {
	workers = min(workers, tasks)
	var next atomic.Int64
	run := func() {
		ws := workspaces.Get().(*workspace)
		defer workspaces.Put(ws)
		for t := int(next.Add(1) - 1); t < tasks; t = int(next.Add(1) - 1) {
			work(ws, t)
		}
	}
	var wg sync.WaitGroup
	for range workers - 1 {
		wg.Go(run)
	}
	run()
	wg.Wait()
}

package gbdt

import (
	"sync"
	"sync/atomic"
)

// chunkRows is how many rows a worker takes at a time.
const chunkRows = 4096

// parallel calls do(task) for each task below n, on at most so many workers.
// Tasks must not depend on each other.
func parallel(workers, n int, do func(task int)) {
	if workers = min(workers, n); workers <= 1 {
		for task := range n {
			do(task)
		}
		return
	}
	var next atomic.Int64
	work := func() {
		for task := int(next.Add(1) - 1); task < n; task = int(next.Add(1) - 1) {
			do(task)
		}
	}
	var wg sync.WaitGroup
	for range workers - 1 {
		wg.Go(work)
	}
	work()
	wg.Wait()
}

// parallelRows calls do(from, to) for the chunks of rows 0 … n−1.
func parallelRows(workers, n int, do func(from, to int)) {
	parallel(workers, (n+chunkRows-1)/chunkRows, func(c int) {
		do(c*chunkRows, min(n, (c+1)*chunkRows))
	})
}

//go:build unix

package kernel

import (
	"fmt"
	"math"
	"math/rand/v2"
	"syscall"
	"testing"
	"time"
)

// share runs work as a benchmark and reports its best rate as a part of the best
// rate of the instruction set in use, measured before and after. Other work on
// the machine spoils that, so the same is reported of the processor time used.
func share(b *testing.B, workers int, ops float64, work func()) {
	shareAfter(b, workers, ops, func() {}, work)
}

// shareAfter is share with something done before every round that does not count:
// its processor time is measured alone and taken off.
func shareAfter(b *testing.B, workers int, ops float64, prepare, work func()) {
	before, alone := PeakFMA(workers), PeakFMA(1)
	prepare()
	work()
	const preparations = 1000
	preparing := processorSeconds()
	for range preparations {
		prepare()
	}
	preparing = (processorSeconds() - preparing) / preparations
	fastest, rounds := math.Inf(1), 0.0
	used := processorSeconds()
	for b.Loop() {
		prepare()
		start := time.Now()
		work()
		fastest = min(fastest, time.Since(start).Seconds())
		rounds++
	}
	used = (processorSeconds()-used)/rounds - preparing
	b.ReportMetric(ops/fastest/max(before, PeakFMA(workers)), "of-peak")
	b.ReportMetric(ops/used/max(alone, PeakFMA(1)), "of-peak-by-processor-time")
	b.ReportMetric(ops/fastest/1e9, "GFLOP/s")
	b.ReportMetric(0, "ns/op")
}

// processorSeconds is the time that all threads of this process have run.
func processorSeconds() float64 {
	var r syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &r); err != nil {
		return math.NaN()
	}
	return time.Duration(r.Utime.Nano() + r.Stime.Nano()).Seconds()
}

func BenchmarkGemm(b *testing.B) {
	for _, c := range []struct{ m, n, k int }{{512, 512, 512}, {1024, 1024, 1024}, {2048, 2048, 2048}, {256, 160_000, 64}} {
		x, y, z := noise(c.m*c.k, 1), noise(c.k*c.n, 2), Zeros(c.m*c.n)
		for _, trans := range []bool{false, true} {
			ldb := c.n
			if trans {
				ldb = c.k
			}
			b.Run(fmt.Sprintf("%dx%dx%d/trans=%v", c.m, c.n, c.k, trans), func(b *testing.B) {
				share(b, 2, 2*float64(c.m)*float64(c.n)*float64(c.k), func() {
					Gemm(false, trans, c.m, c.n, c.k, 1, x, c.k, y, ldb, 0, z, c.n, 2)
				})
			})
		}
	}
}

// The rank-k update counts one triangle: rows·n² operations.
func BenchmarkSyrkRows(b *testing.B) {
	const table, rows = 5000, 1000
	rng := rand.New(rand.NewPCG(1, 2))
	idx := make([]int32, rows)
	for i := range idx {
		idx[i] = rng.Int32N(table)
	}
	w := noise(rows, 3)
	for _, n := range []int{64, 128} {
		x, c := noise(table*n, 4), make([]float32, n*n)
		b.Run(fmt.Sprint("n=", n), func(b *testing.B) {
			share(b, 1, rows*float64(n*n), func() { SyrkRows(n, idx, w, x, n, c, n) })
		})
	}
}

// full copies the lower triangle to the upper.
func full(n int, a []float32) []float32 {
	mirror(n, a, n, 1)
	return a
}

func BenchmarkCholesky(b *testing.B) {
	for _, n := range []int{64, 128, 256} {
		from, a := full(n, spd(n, 5)), make([]float32, n*n)
		b.Run(fmt.Sprint("n=", n), func(b *testing.B) {
			shareAfter(b, 1, float64(n*n*n)/3, func() { copy(a, from) }, func() {
				if !Cholesky(n, a, n) {
					b.Fatal("not positive definite")
				}
			})
		})
	}
}

func BenchmarkNormal(b *testing.B) {
	const table = 5000
	rng := rand.New(rand.NewPCG(1, 2))
	for _, n := range []int{64, 128} {
		x, y := noise(table*n, 4), make([]float32, n)
		g := full(n, spd(n, 5))
		s := NewNormal(n, true)
		for _, rows := range []int{0, 10, 50, 400} {
			idx, w := make([]int32, rows), make([]float32, rows)
			for i := range idx {
				idx[i], w[i] = rng.Int32N(table), rng.Float32()
			}
			b.Run(fmt.Sprintf("n=%d/rows=%d", n, rows), func(b *testing.B) {
				share(b, 1, 16*(float64(rows*n*n)+float64(n*n*n)/3), func() {
					for range 16 {
						s.Start(g, n)
						s.Add(idx, w, w, x, n)
						s.Hold(1, y, 0, nil)
					}
					s.Flush(nil)
				})
			})
		}
	}
}

func BenchmarkLarge(b *testing.B) {
	const n = 4000
	from, a := make([]float32, n*n), make([]float32, n*n)
	x := noise(n*64, 6)
	Gemm(false, true, n, n, 64, 1, x, 64, x, 64, 0, from, n, 2)
	for i := range n {
		from[i*n+i] += 10
	}
	b.Run("invert", func(b *testing.B) {
		share(b, 2, n*n*n, func() {
			copy(a, from)
			if err := InvertSPD(b.Context(), n, a, n, 2, nil); err != nil {
				b.Fatal(err)
			}
		})
	})
}

func BenchmarkTopK(b *testing.B) {
	scores := noise(160_000, 8)
	idx := make([]int32, 0, 100)
	for b.Loop() {
		idx = TopK(scores, 100, nil, idx)
	}
}

//go:build unix

package ials

import (
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"runtime"
	"slices"
	"strconv"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"regulars/features/matrix"
	"regulars/models/internal/kernel"
)

// The largest simulated shop; smaller ones keep its proportions.
const (
	fullInteractions = 17_000_000
	fullUsers        = 360_000
	fullItems        = 160_000
)

// benchmarkSize is REGULARS_BENCH_INTERACTIONS, by default a million.
func benchmarkSize(b *testing.B) int {
	text := os.Getenv("REGULARS_BENCH_INTERACTIONS")
	if text == "" {
		return 1_000_000
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 {
		b.Fatalf("REGULARS_BENCH_INTERACTIONS is %q: it must be a number above 0", text)
	}
	return n
}

// skewed simulates about the given number of interactions, no pair twice: users
// are log-normally active, items sell by rank^-0.55, their numbers in no order of rank.
func skewed(users, items, interactions int) *matrix.Events {
	rng := rand.New(rand.NewPCG(1, 2))
	ev := &matrix.Events{Users: users, Items: items, Indptr: make([]int64, users+1),
		Item: make([]int32, 0, interactions+interactions/16)}
	mean := float64(interactions) / float64(users) / math.Exp(0.5)
	for u := range users {
		n := min(1+int(mean*math.Exp(rng.NormFloat64())), items/4+1)
		from := len(ev.Item)
		for range n {
			rank := int(math.Pow(rng.Float64(), 1/0.45) * float64(items))
			ev.Item = append(ev.Item, int32(rank*99_991%items))
		}
		slices.Sort(ev.Item[from:])
		ev.Item = ev.Item[:from+len(slices.Compact(ev.Item[from:]))]
		ev.Indptr[u+1] = int64(len(ev.Item))
	}
	ev.Day, ev.Weight = make([]int32, ev.Len()), make([]float32, ev.Len())
	for i := range ev.Weight {
		ev.Weight[i] = 1 + rng.Float32()
	}
	return ev
}

func resolvedOptions(b *testing.B, o Options) Options {
	o, err := o.resolved()
	if err != nil {
		b.Fatal(err)
	}
	return o
}

// BenchmarkEpoch reports how many times longer an iteration takes than its
// 2·nnz·d² + (users+items)·d³/3 operations at the rate of the machine.
func BenchmarkEpoch(b *testing.B) {
	for _, n := range []int{1_000_000, 5_000_000, fullInteractions} {
		if n > benchmarkSize(b) {
			break
		}
		users, items := fullUsers*n/fullInteractions, fullItems*n/fullInteractions
		ev := skewed(users, items, n)
		o := resolvedOptions(b, Options{})
		f := newFit(confidence(ev, 1, o), o)
		b.Run(fmt.Sprintf("interactions=%dM", n/1_000_000), func(b *testing.B) {
			d := float64(o.Factors)
			bound := 2*float64(f.byUser.NNZ())*d*d + float64(users+items)*d*d*d/3
			fastest := timesBound(b, f.o.Workers, bound, func() error { return f.sweep(b.Context()) })
			b.ReportMetric(fastest, "s/epoch")
		})
	}
}

// BenchmarkBlocks measures an iteration at d = 256 for several block sizes.
func BenchmarkBlocks(b *testing.B) {
	const n = 500_000
	ev := skewed(fullUsers*n/fullInteractions, fullItems*n/fullInteractions, n)
	for _, block := range []int{32, 64, 128, 256} {
		o := resolvedOptions(b, Options{Factors: 256, Block: block})
		f := newFit(confidence(ev, 1, o), o)
		b.Run(fmt.Sprint("block=", block), func(b *testing.B) {
			for b.Loop() {
				if err := f.sweep(b.Context()); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkMemory reports the largest heap while fitting, the interactions given
// included, the factors of users and items not.
func BenchmarkMemory(b *testing.B) {
	n := benchmarkSize(b)
	ev := skewed(fullUsers*n/fullInteractions, fullItems*n/fullInteractions, n)
	for b.Loop() {
		runtime.GC()
		var before runtime.MemStats
		runtime.ReadMemStats(&before)
		peak := watchHeap()
		m, err := Fit(b.Context(), ev, 1, Options{Iterations: 1}, nil)
		if err != nil {
			b.Fatal(err)
		}
		held := float64(peak()-before.HeapAlloc) + 12*float64(ev.Len())
		factors := 4 * float64(m.Options.Factors) * float64(ev.Users+ev.Items)
		b.ReportMetric((held-factors)/float64(ev.Len()), "B/interaction")
	}
}

// watchHeap samples the heap until the function it returns is asked for the largest.
func watchHeap() func() uint64 {
	var largest atomic.Uint64
	stop, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		var s runtime.MemStats
		for {
			runtime.ReadMemStats(&s)
			largest.Store(max(largest.Load(), s.HeapAlloc))
			select {
			case <-stop:
				return
			case <-time.After(10 * time.Millisecond):
			}
		}
	}()
	return func() uint64 { close(stop); <-done; return largest.Load() }
}

// BenchmarkTopK ranks 160,000 items for customers, what they have left out, and
// reports how many times longer it takes than the 2·users·items·d operations of
// the products: for 20,000 customers, or for all where the largest shop is asked for.
func BenchmarkTopK(b *testing.B) {
	users := 20_000
	if benchmarkSize(b) >= fullInteractions {
		users = fullUsers
	}
	o := resolvedOptions(b, Options{})
	ev := skewed(users, fullItems, users*fullInteractions/fullUsers)
	rng := rand.New(rand.NewPCG(3, 4))
	factors := make([]float32, fullItems*o.Factors)
	for i := range factors {
		factors[i] = float32(rng.NormFloat64()) / 8
	}
	m, err := New(o, factors)
	if err != nil {
		b.Fatal(err)
	}
	all := make([]int32, users)
	for u := range all {
		all[u] = int32(u)
	}
	workers := runtime.GOMAXPROCS(0)
	bound := 2 * float64(users) * fullItems * float64(o.Factors)
	fastest := timesBound(b, workers, bound, func() error {
		return m.TopK(b.Context(), ev, all, 1, 100, true, workers, func(_ int32, items []int32, _ []float32) error {
			if len(items) != 100 {
				return fmt.Errorf("%d items", len(items))
			}
			return nil
		})
	})
	b.ReportMetric(fastest/float64(users)*1e6, "µs/user")
}

// timesBound runs work as a benchmark, reports how many times longer the fastest
// round took than the operations would at the rate of the machine, measured
// before and after, and returns its seconds. Other work on the machine spoils
// that, so the same is reported of the processor time used.
func timesBound(b *testing.B, workers int, ops float64, work func() error) float64 {
	before, alone := kernel.PeakFMA(workers), kernel.PeakFMA(1)
	fastest, least := math.Inf(1), math.Inf(1)
	for b.Loop() {
		start, used := time.Now(), processorSeconds(b)
		if err := work(); err != nil {
			b.Fatal(err)
		}
		fastest, least = min(fastest, time.Since(start).Seconds()), min(least, processorSeconds(b)-used)
	}
	b.ReportMetric(fastest*max(before, kernel.PeakFMA(workers))/ops, "times-bound")
	b.ReportMetric(least*max(alone, kernel.PeakFMA(1))/ops, "times-bound-by-processor-time")
	return fastest
}

// processorSeconds is the time that all threads of this process have run.
func processorSeconds(b *testing.B) float64 {
	var r syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &r); err != nil {
		b.Fatal(err)
	}
	return time.Duration(r.Utime.Nano() + r.Stime.Nano()).Seconds()
}

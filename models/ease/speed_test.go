//go:build unix

package ease

import (
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"syscall"
	"testing"
	"time"

	"regulars/features/matrix"
	"regulars/models/internal/kernel"
)

// catalogue is a simulated shop in which every item occurs, popular ones much
// more often: 50 purchases an item.
func catalogue(b *testing.B, items int) *matrix.Events {
	rng := rand.New(rand.NewPCG(1, 2))
	users := 2 * items
	list := make([]matrix.Event, 0, 50*items)
	for n := range cap(list) {
		item := int32(n)
		if n >= items {
			x := rng.Float64()
			item = int32(x * x * float64(items))
		}
		y := rng.Float64()
		list = append(list, matrix.Event{User: int32(y * y * float64(users)), Item: item, Day: 1, Weight: 1})
	}
	ev, err := matrix.NewEvents(users, items, list)
	if err != nil {
		b.Fatal(err)
	}
	return ev
}

// BenchmarkFit reports how many times the bound a whole fit takes: items³
// operations at the measured rate of fused multiply-adds on two cores. Other work on
// the machine spoils that, so the same is reported of the processor time used. The
// size is REGULARS_BENCH_ITEMS, or 10,000.
func BenchmarkFit(b *testing.B) {
	items := 10_000
	if s := os.Getenv("REGULARS_BENCH_ITEMS"); s != "" {
		n, err := strconv.Atoi(s)
		if err != nil {
			b.Fatal(err)
		}
		items = n
	}
	ev := catalogue(b, items)
	b.Run(fmt.Sprint("items=", items), func(b *testing.B) {
		cube := float64(items) * float64(items) * float64(items)
		peak, alone := kernel.PeakFMA(2), kernel.PeakFMA(1)
		for b.Loop() {
			start, before := time.Now(), processorSeconds(b)
			fitted(b, ev, Options{Workers: 2})
			seconds, used := time.Since(start).Seconds(), processorSeconds(b)-before
			peak, alone = max(peak, kernel.PeakFMA(2)), max(alone, kernel.PeakFMA(1))
			b.ReportMetric(seconds*peak/cube, "of-bound")
			b.ReportMetric(used*alone/cube, "of-bound-by-processor-time")
			b.ReportMetric(peak/1e9, "peak-GFLOP/s")
		}
	})
}

// processorSeconds is the time that all threads of this process have run.
func processorSeconds(b *testing.B) float64 {
	var r syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &r); err != nil {
		b.Fatal(err)
	}
	return time.Duration(r.Utime.Nano() + r.Stime.Nano()).Seconds()
}

// BenchmarkNeighbourhoods reports what an item costs beyond MaxItems.
func BenchmarkNeighbourhoods(b *testing.B) {
	const items = 20_000
	ev := catalogue(b, items)
	for b.Loop() {
		fitted(b, ev, Options{MaxItems: 1, Workers: 2})
	}
	b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N)/items, "µs/item")
}

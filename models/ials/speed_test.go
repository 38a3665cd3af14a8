package ials

import (
	"math/rand/v2"
	"testing"

	"regulars/features/matrix"
)

func skewed(b testing.TB, users, items, pairs int) *matrix.Events {
	rng := rand.New(rand.NewPCG(1, 2))
	list := make([]matrix.Event, pairs)
	for i := range list {
		u, v := rng.Float64(), rng.Float64()
		list[i] = matrix.Event{User: int32(u * u * float64(users)), Item: int32(v * v * float64(items)), Day: 1, Weight: 1}
	}
	ev, err := matrix.NewEvents(users, items, list)
	if err != nil {
		b.Fatal(err)
	}
	return ev
}

// BenchmarkIteration measures a sweep over a shop of 5,800 × 4,600 at d = 64 in
// fused operations a nanosecond (nnz·d² + rows·d³/6 of them), the figure to
// hold against the machine's own rate.
func BenchmarkIteration(b *testing.B) {
	ev := skewed(b, 5800, 4600, 480_000)
	o, err := Options{}.resolved()
	if err != nil {
		b.Fatal(err)
	}
	f := newFit(confidence(ev, 2, o), o)
	for b.Loop() {
		if err := f.sweep(b.Context()); err != nil {
			b.Fatal(err)
		}
	}
	d := float64(o.Factors)
	ops := 2*float64(f.byUser.NNZ())*d*d/2 + float64(f.byUser.Rows+f.byItem.Rows)*d*d*d/6
	b.ReportMetric(ops*float64(b.N)/float64(b.Elapsed().Nanoseconds()), "FMA/ns")
}

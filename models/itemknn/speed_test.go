package itemknn

import (
	"math/rand/v2"
	"testing"
	"time"

	"regulars/features/matrix"
)

// skewed draws pairs of users and items of which some are far more active.
func skewed(t testing.TB, users, items, pairs int) *matrix.Events {
	rng := rand.New(rand.NewPCG(1, 2))
	list := make([]matrix.Event, pairs)
	for i := range list {
		u, v := rng.Float64(), rng.Float64()
		list[i] = matrix.Event{User: int32(u * u * float64(users)), Item: int32(v * v * float64(items)), Day: 1, Weight: 1}
	}
	return events(t, users, items, list)
}

// BenchmarkFit compares a fit with the least that its product could cost: as many
// additions, Σ n² over users with n items, to random places of a dense row of the
// same length, measured in the same run on one core.
func BenchmarkFit(b *testing.B) {
	ev := skewed(b, 6000, 5000, 400_000)
	var additions int64
	for u := range ev.Users {
		items, _ := ev.History(u).Sum()
		additions += int64(len(items)) * int64(len(items))
	}
	for b.Loop() {
		fitted(b, ev, 2, Options{Workers: 1})
	}
	perFit := float64(b.Elapsed().Nanoseconds()) / float64(b.N)
	b.ReportMetric(perFit/float64(additions), "ns/addition")
	b.ReportMetric(perFit/(float64(additions)*scatterCost(ev.Items)), "times-the-bound")
}

// scatterCost measures the nanoseconds of one addition to a random place.
func scatterCost(items int) float64 {
	rng := rand.New(rand.NewPCG(3, 4))
	places, row := make([]int32, 1<<16), make([]float64, items)
	for i := range places {
		places[i] = rng.Int32N(int32(items))
	}
	const rounds = 200
	start := time.Now()
	for range rounds {
		for _, p := range places {
			row[p] += 1.5
		}
	}
	return float64(time.Since(start).Nanoseconds()) / float64(rounds*len(places))
}

package metrics

import (
	"math"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"regulars/features/matrix"
)

// TestListMetricsAgainstPairs compares the short cuts of diversity and Gini with
// what they stand for: the cosine of every pair, the difference of every pair.
func TestListMetricsAgainstPairs(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		const users, items = 7, 6
		var list []matrix.Event
		var had [items][users]float64
		for range rapid.IntRange(1, 30).Draw(t, "n") {
			u, i := rapid.Int32Range(0, users-1).Draw(t, "user"), rapid.Int32Range(0, items-1).Draw(t, "item")
			list = append(list, matrix.Event{User: u, Item: i, Day: rapid.Int32Range(0, 2).Draw(t, "day"), Weight: 1})
			had[i][u] = 1
		}
		train, err := matrix.NewEvents(users, items, list)
		if err != nil {
			t.Fatal(err)
		}
		shown := rapid.Permutation([]int32{0, 1, 2, 3, 4, 5}).Draw(t, "list")[:rapid.IntRange(0, items).Draw(t, "length")]
		c := newGround(train).crowd()
		for j, got := range c.diversity(shown, []int{1, 3, 10}) {
			if want := pairwise(had[:], shown[:min(len(shown), []int{1, 3, 10}[j])]); math.Abs(got-want) > 1e-9 || math.IsNaN(got) != math.IsNaN(want) {
				t.Fatalf("diversity of %v is %v, by pairs %v", shown, got, want)
			}
		}
		if slices.Max(c.weight) != 0 {
			t.Fatal("the crowd is not cleared")
		}
		counts := rapid.SliceOfN(rapid.Int32Range(0, 9), 1, 8).Draw(t, "counts")
		differences, total := 0.0, int64(0)
		for _, a := range counts {
			total += int64(a)
			for _, b := range counts {
				differences += math.Abs(float64(a - b))
			}
		}
		if want := differences / (2 * float64(len(counts)) * float64(total)); total > 0 && math.Abs(gini(counts, total)-want) > 1e-9 {
			t.Fatalf("gini of %v is %v, by pairs %v", counts, gini(counts, total), want)
		}
	})
}

// pairwise is 1 − the mean cosine over pairs of rows; NaN without a pair. A row
// of zeros has nothing in common with any other.
func pairwise(had [][7]float64, list []int32) float64 {
	sum, pairs := 0.0, 0.0
	for a, i := range list {
		for _, j := range list[a+1:] {
			var ij, ii, jj float64
			for u := range had[i] {
				ij, ii, jj = ij+had[i][u]*had[j][u], ii+had[i][u], jj+had[j][u]
			}
			if pairs++; ij > 0 {
				sum += ij / math.Sqrt(ii*jj)
			}
		}
	}
	return 1 - sum/pairs
}

// BenchmarkTopK reports how much longer it takes to pick 20 of 40,000 scores
// than to look at each of them once.
func BenchmarkTopK(b *testing.B) {
	scores := make([]float32, 40_000)
	for i := range scores {
		scores[i] = float32((i*7919)%40_009) / 3
	}
	excluded := []int32{5, 700, 701, 9000, 39_999}
	var look time.Duration
	most := float32(0)
	for b.Loop() {
		if len(TopK(scores, 20, excluded)) != 20 {
			b.Fatal("a short list")
		}
		b.StopTimer()
		begun := time.Now()
		for _, s := range scores {
			if s > most {
				most = s
			}
		}
		look += time.Since(begun)
		b.StartTimer()
	}
	if most == 0 {
		b.Fatal("no score was looked at")
	}
	b.ReportMetric(float64(b.Elapsed())/float64(look), "x-one-look")
}

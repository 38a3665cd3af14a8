package content

import (
	"math"

	"regulars/features/matrix"
)

// floor is the recent popularity below which an item is not discounted further.
const floor = 0.001

// recentShare returns for each item Σ 2^(−age/halfLife) over its customers, with
// the age of the last purchase of each, relative to the item that has most: in
// [0, 1]. Ages count from the last day anything happened. Items that nobody ever
// bought have no popularity yet, and get the mean of the others.
func recentShare(ev *matrix.Events, now int32, halfLife float64) []float32 {
	latest := int32(math.MinInt32)
	for _, d := range ev.Day {
		if d < now {
			latest = max(latest, d)
		}
	}
	sums, sold := make([]float64, ev.Items), make([]bool, ev.Items)
	for u := range ev.Users {
		h := ev.History(u)
		for i := 0; i < len(h.Item); {
			item, last := h.Item[i], -1
			for ; i < len(h.Item) && h.Item[i] == item; i++ {
				if h.Day[i] < now {
					last = i
				}
			}
			if last >= 0 {
				sold[item] = true
				sums[item] += math.Exp2((float64(h.Day[last]) - float64(latest)) / halfLife)
			}
		}
	}
	return fillShares(sums, sold)
}

func fillShares(sums []float64, sold []bool) []float32 {
	most, sum, n := 0.0, 0.0, 0.0
	for i, s := range sums {
		if sold[i] {
			most, sum, n = math.Max(most, s), sum+s, n+1
		}
	}
	out := make([]float32, len(sums))
	for i, s := range sums {
		if !sold[i] {
			s = sum / n
		}
		out[i] = float32(s / most)
	}
	return out
}

// factors is what each item's cosine is multiplied with.
func factors(share []float32, power float64) []float32 {
	out := make([]float32, len(share))
	for i, s := range share {
		out[i] = float32(math.Pow((float64(s)+floor)/(1+floor), power))
	}
	return out
}

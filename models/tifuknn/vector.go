package tifuknn

import (
	"math"
	"slices"

	"regulars/features/matrix"
)

// vector appends the personal item frequency vector of the history before now:
// items ascending, with
//
//	v = (1/G)·Σ_{g=1..G} r_g^{G−g} · (1/|g|)·Σ_{j=1..|g|} r_b^{|g|−j} · basket_{g,j}
//
// over G groups of consecutive baskets (Hu et al. 2020, section 4.1). An item
// counts once a basket, whatever its weight. scratch is reused.
func (o Options) vector(items []int32, values []float32, h matrix.History, now int32, scratch []int32) ([]int32, []float32, []int32) {
	days := basketDays(scratch[:0], h, now)
	for i := 0; i < len(h.Item); {
		item, sum := h.Item[i], 0.0
		last := int32(math.MinInt32)
		for first := true; i < len(h.Item) && h.Item[i] == item; i++ {
			if day := h.Day[i]; day < now && (first || day != last) {
				at, _ := slices.BinarySearch(days, day)
				sum += o.weight(at, len(days))
				first, last = false, day
			}
		}
		if v := float32(sum); v > 0 {
			items, values = append(items, item), append(values, v)
		}
	}
	return items, values, days
}

// basketDays returns the distinct days of h before now, ascending.
func basketDays(days []int32, h matrix.History, now int32) []int32 {
	for _, d := range h.Day {
		if d < now {
			days = append(days, d)
		}
	}
	slices.Sort(days)
	return slices.Compact(days)
}

// weight is what basket number at of n (0 = oldest) counts. Groups are filled
// from the latest basket backwards.
func (o Options) weight(at, n int) float64 {
	fromEnd := n - 1 - at
	groups := (n + o.GroupSize - 1) / o.GroupSize
	group, within := fromEnd/o.GroupSize, fromEnd%o.GroupSize
	size := o.GroupSize
	if group == groups-1 {
		size = n - group*o.GroupSize
	}
	return math.Pow(o.WithinDecay, float64(within)) / float64(size) *
		math.Pow(o.GroupDecay, float64(group)) / float64(groups)
}

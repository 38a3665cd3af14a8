package itemknn

import (
	"cmp"
	"math"
	"slices"

	"regulars/features/matrix"
)

// least is the weight below which a pair has decayed to nothing: far below any
// that could matter, far above where its square leaves float64.
const least = 1e-30

// pairs returns the decayed weight of every user and item before now, Users ×
// Items, cut to o.MaxUserItems a user, and the distinct users of each item,
// which are counted whether their weight has decayed or not.
func pairs(ev *matrix.Events, now int32, o Options) (m *matrix.CSR, customers []int32) {
	m = &matrix.CSR{Rows: ev.Users, Cols: ev.Items, Indptr: make([]int64, ev.Users+1)}
	customers = make([]int32, ev.Items)
	var items []int32
	var weights []float32
	for u := range ev.Users {
		items, weights = appendPairs(items[:0], weights[:0], ev.History(u), now, o.HalfLifeDays)
		for _, it := range items {
			customers[it]++
		}
		items, weights = heaviest(items, weights, o.MaxUserItems)
		for i, w := range weights {
			if w >= least {
				m.Indices, m.Values = append(m.Indices, items[i]), append(m.Values, w)
			}
		}
		m.Indptr[u+1] = int64(len(m.Indices))
	}
	return m, customers
}

// appendPairs appends the distinct items of h before now, ascending, and the sum
// of their weights, each halved every halfLife days since its day. A sum beyond
// float32 stays at its largest value.
func appendPairs(items []int32, weights []float32, h matrix.History, now int32, halfLife float64) ([]int32, []float32) {
	for i := 0; i < len(h.Item); {
		item, r, before := h.Item[i], 0.0, false
		for ; i < len(h.Item) && h.Item[i] == item; i++ {
			if h.Day[i] < now {
				r += float64(h.Weight[i]) * decay(int64(now)-int64(h.Day[i]), halfLife)
				before = true
			}
		}
		if before {
			items = append(items, item)
			weights = append(weights, float32(math.Min(r, math.MaxFloat32)))
		}
	}
	return items, weights
}

func decay(age int64, halfLife float64) float64 {
	if halfLife == 0 {
		return 1
	}
	return math.Exp2(-float64(age) / halfLife)
}

// heaviest keeps the n entries of largest weight, by ascending item. Of equal
// weights a fixed scattering of the numbers decides, so that no end of the
// vocabulary is preferred.
func heaviest(items []int32, weights []float32, n int) ([]int32, []float32) {
	if len(items) <= n {
		return items, weights
	}
	order := make([]int, len(items))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int {
		return cmp.Or(cmp.Compare(weights[b], weights[a]), cmp.Compare(scatter(items[a]), scatter(items[b])))
	})
	order = order[:n]
	slices.Sort(order)
	for i, from := range order {
		items[i], weights[i] = items[from], weights[from]
	}
	return items[:n], weights[:n]
}

// scatter is a bijection of 32-bit numbers (the finaliser of MurmurHash3).
func scatter(item int32) uint32 {
	h := uint32(item)
	h = (h ^ h>>16) * 0x85ebca6b
	h = (h ^ h>>13) * 0xc2b2ae35
	return h ^ h>>16
}

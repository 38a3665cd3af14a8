package pairwise

import (
	"cmp"
	"math"
	"slices"

	"regulars/features/matrix"
)

// What an item of a history may count: less has decayed to nothing, and the
// square of more leaves float32 within a few users.
const (
	least = 1e-30
	most  = 1e6
)

// Counting says what the items of a history count.
type Counting struct {
	HalfLifeDays float64 // 0 = no decay
	Weighted     bool    // the decayed sum of the weights, and not the decay of the latest
}

// Append appends the distinct items of h before now, ascending, and what each
// counts.
func (c Counting) Append(items []int32, weights []float32, h matrix.History, now int32) ([]int32, []float32) {
	for i := 0; i < len(h.Item); {
		item, sum, latest := h.Item[i], 0.0, 0.0
		for ; i < len(h.Item) && h.Item[i] == item; i++ {
			if h.Day[i] < now {
				d := c.decay(int64(now) - int64(h.Day[i]))
				sum += float64(h.Weight[i]) * d
				latest = max(latest, d)
			}
		}
		if !c.Weighted {
			sum = latest
		}
		if sum > least {
			items = append(items, item)
			weights = append(weights, float32(min(sum, most)))
		}
	}
	return items, weights
}

func (c Counting) decay(age int64) float64 {
	if c.HalfLifeDays == 0 {
		return 1
	}
	return math.Exp2(-float64(age) / c.HalfLifeDays)
}

// Read returns what every user has before now (Users × Items) and the distinct
// users of each item.
func (c Counting) Read(ev *matrix.Events, now int32) (m *matrix.CSR, customers []int32) {
	m = &matrix.CSR{Rows: ev.Users, Cols: ev.Items, Indptr: make([]int64, ev.Users+1)}
	for u := range ev.Users {
		m.Indices, m.Values = c.Append(m.Indices, m.Values, ev.History(u), now)
		m.Indptr[u+1] = int64(len(m.Indices))
	}
	customers = make([]int32, ev.Items)
	for _, item := range m.Indices {
		customers[item]++
	}
	return m, customers
}

// Renumber numbers the items that somebody has, changes m to these numbers and
// returns the vocabulary number of each, ascending.
func Renumber(m *matrix.CSR, customers []int32) (known []int32) {
	number := make([]int32, len(customers))
	for item, n := range customers {
		if n > 0 {
			number[item] = int32(len(known))
			known = append(known, int32(item))
		}
	}
	for i, item := range m.Indices {
		m.Indices[i] = number[item]
	}
	m.Cols = len(known)
	return known
}

// Heaviest returns the places of the entries that stay where a row may have limit
// of them, ascending: those of the largest weight, of equals the one whose item
// has fewer customers, which says more.
func Heaviest(weights []float32, limit int, customers func(place int) int32) []int {
	places := make([]int, len(weights))
	for k := range places {
		places[k] = k
	}
	if len(places) <= limit {
		return places
	}
	slices.SortFunc(places, func(a, b int) int {
		return cmp.Or(cmp.Compare(weights[b], weights[a]), cmp.Compare(customers(a), customers(b)), a-b)
	})
	places = places[:limit]
	slices.Sort(places)
	return places
}

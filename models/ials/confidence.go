package ials

import (
	"math"

	"regulars/features/matrix"
)

// confidence returns the root of 1 + Alpha·r for every pair seen before now: Users ×
// Items. Rows times it give the normal equations without another weight. It
// counts first, so that no more than 8 bytes a pair are ever held.
func confidence(ev *matrix.Events, now int32, o Options) *matrix.CSR {
	m := &matrix.CSR{Rows: ev.Users, Cols: ev.Items, Indptr: make([]int64, ev.Users+1)}
	for u := range ev.Users {
		m.Indptr[u+1] = m.Indptr[u] + distinct(ev.History(u), now)
	}
	n := m.Indptr[ev.Users]
	m.Indices, m.Values = make([]int32, 0, n), make([]float32, 0, n)
	for u := range ev.Users {
		m.Indices, m.Values = appendRoots(m.Indices, m.Values, ev.History(u), now, o)
	}
	return m
}

// distinct counts the items of h before now.
func distinct(h matrix.History, now int32) (n int64) {
	last := int32(-1)
	for i, item := range h.Item {
		if item != last && h.Day[i] < now {
			n, last = n+1, item
		}
	}
	return n
}

// appendRoots appends the distinct items of h before now, ascending, and the roots
// of their confidence. A confidence beyond maxConfidence stays there.
func appendRoots(items []int32, roots []float32, h matrix.History, now int32, o Options) ([]int32, []float32) {
	for i := 0; i < len(h.Item); {
		item, r, before := h.Item[i], 0.0, false
		for ; i < len(h.Item) && h.Item[i] == item; i++ {
			if h.Day[i] < now {
				r += float64(h.Weight[i]) * decay(int64(now)-int64(h.Day[i]), o.HalfLifeDays)
				before = true
			}
		}
		if before {
			items = append(items, item)
			roots = append(roots, float32(math.Sqrt(math.Min(1+*o.Alpha*r, maxConfidence))))
		}
	}
	return items, roots
}

// maxConfidence keeps the normal equations solvable in float64.
const maxConfidence = 1e9

func decay(age int64, halfLife float64) float64 {
	if halfLife == 0 {
		return 1
	}
	return math.Exp2(-float64(age) / halfLife)
}

// ridge is λ·(n + α0·partners)^ν for a row with n entries.
func (o Options) ridge(n, partners int) float64 {
	return o.Regularization * math.Pow(float64(n)+o.Unobserved*float64(partners), *o.RegExponent)
}

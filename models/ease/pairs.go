package ease

import (
	"math"

	"regulars/features/matrix"
)

// What a pair may count: less has decayed to nothing, and the square of more
// leaves float32 within a few users.
const (
	least = 1e-30
	most  = 1e6
)

// appendPairs appends the distinct items of h before now, ascending, and what each
// counts.
func (o Options) appendPairs(items []int32, weights []float32, h matrix.History, now int32) ([]int32, []float32) {
	for i := 0; i < len(h.Item); {
		item, sum, latest := h.Item[i], 0.0, 0.0
		for ; i < len(h.Item) && h.Item[i] == item; i++ {
			if h.Day[i] < now {
				d := o.decay(int64(now) - int64(h.Day[i]))
				sum += float64(h.Weight[i]) * d
				latest = max(latest, d)
			}
		}
		if !o.Weighted {
			sum = latest
		}
		if sum > least {
			items = append(items, item)
			weights = append(weights, float32(min(sum, most)))
		}
	}
	return items, weights
}

func (o Options) decay(age int64) float64 {
	if o.HalfLifeDays == 0 {
		return 1
	}
	return math.Exp2(-float64(age) / o.HalfLifeDays)
}

// interactions is the training matrix over the items that occur.
type interactions struct {
	byUser, byItem *matrix.CSR // normalised; items by their number in known
	known          []int32     // the vocabulary number of each item that occurs, ascending
	scale          []float64   // (distinct users)^ItemNorm of each
	customers      []int32     // distinct users of every item of the vocabulary
}

func newInteractions(ev *matrix.Events, now int32, o Options) *interactions {
	x := &interactions{customers: make([]int32, ev.Items),
		byUser: &matrix.CSR{Rows: ev.Users, Indptr: make([]int64, ev.Users+1)}}
	m := x.byUser
	for u := range ev.Users {
		m.Indices, m.Values = o.appendPairs(m.Indices, m.Values, ev.History(u), now)
		m.Indptr[u+1] = int64(len(m.Indices))
	}
	for _, item := range m.Indices {
		x.customers[item]++
	}
	x.renumber(o)
	x.normalise(o)
	x.byItem = m.Transpose()
	return x
}

// renumber leaves the items out that nobody has.
func (x *interactions) renumber(o Options) {
	number := make([]int32, len(x.customers))
	for item, n := range x.customers {
		if n > 0 {
			number[item] = int32(len(x.known))
			x.known = append(x.known, int32(item))
			x.scale = append(x.scale, math.Pow(float64(n), o.ItemNorm))
		}
	}
	for i, item := range x.byUser.Indices {
		x.byUser.Indices[i] = number[item]
	}
	x.byUser.Cols = len(x.known)
}

func (x *interactions) normalise(o Options) {
	if o.UserNorm == 0 && o.ItemNorm == 0 {
		return
	}
	for u := range x.byUser.Rows {
		items, weights := x.byUser.Row(u)
		user := math.Pow(float64(len(items)), o.UserNorm)
		for i, item := range items {
			weights[i] = float32(float64(weights[i]) / user / x.scale[item])
		}
	}
}

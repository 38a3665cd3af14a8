package spectral

import (
	"cmp"
	"math"
	"slices"

	"regulars/features/matrix"
)

// What a pair may count: less has decayed to nothing, and histories of more could
// leave float32.
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

// graph is the matrix A of the package documentation, before it is scaled, over
// the items that occur.
type graph struct {
	byUser, byItem *matrix.CSR // items by their number in known
	known          []int32     // the vocabulary number of each item that occurs, ascending
	customers      []int32     // distinct users of every item of the vocabulary
}

func newGraph(ev *matrix.Events, now int32, o Options) *graph {
	g := &graph{customers: make([]int32, ev.Items), byUser: &matrix.CSR{Rows: ev.Users, Indptr: make([]int64, ev.Users+1)}}
	m := g.byUser
	for u := range ev.Users {
		m.Indices, m.Values = o.appendPairs(m.Indices, m.Values, ev.History(u), now)
		m.Indptr[u+1] = int64(len(m.Indices))
	}
	for _, item := range m.Indices {
		g.customers[item]++
	}
	g.cut(o.MaxUserItems)
	g.renumber()
	g.normalise(*o.UserNorm)
	g.byItem = m.Transpose()
	return g
}

// cut leaves at most limit items to every user: those of the largest weight, of
// equals the rarer, which say more.
func (g *graph) cut(limit int) {
	m, end := g.byUser, int64(0)
	for u := range m.Rows {
		items, weights := m.Row(u)
		m.Indptr[u] = end
		for _, k := range g.heaviest(items, weights, limit) {
			m.Indices[end], m.Values[end] = items[k], weights[k]
			end++
		}
	}
	m.Indptr[m.Rows] = end
	m.Indices, m.Values = m.Indices[:end], m.Values[:end]
}

// heaviest returns the places of the entries that stay, ascending.
func (g *graph) heaviest(items []int32, weights []float32, limit int) []int {
	places := make([]int, len(items))
	for k := range places {
		places[k] = k
	}
	if len(places) <= limit {
		return places
	}
	slices.SortFunc(places, func(a, b int) int {
		return cmp.Or(cmp.Compare(weights[b], weights[a]), cmp.Compare(g.customers[items[a]], g.customers[items[b]]), a-b)
	})
	places = places[:limit]
	slices.Sort(places)
	return places
}

// renumber leaves the items out that nobody has.
func (g *graph) renumber() {
	number := make([]int32, len(g.customers))
	for item, n := range g.customers {
		if n > 0 {
			number[item] = int32(len(g.known))
			g.known = append(g.known, int32(item))
		}
	}
	for i, item := range g.byUser.Indices {
		g.byUser.Indices[i] = number[item]
	}
	g.byUser.Cols = len(g.known)
}

// normalise divides by the norms, and by the largest weight, so that products of
// decayed weights stay within float32.
func (g *graph) normalise(userNorm float64) {
	m := g.byUser
	if len(m.Values) == 0 {
		return
	}
	heaviest := float64(slices.Max(m.Values))
	for u := range m.Rows {
		items, weights := m.Row(u)
		scale := heaviest * math.Pow(float64(len(items)), userNorm)
		for k, item := range items {
			weights[k] = float32(float64(weights[k]) / scale / math.Sqrt(float64(g.customers[g.known[item]])))
		}
	}
}

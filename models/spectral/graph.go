package spectral

import (
	"math"
	"slices"

	"regulars/features/matrix"
	"regulars/models/internal/pairwise"
)

// graph is the matrix A of the package documentation, before it is scaled, over
// the items that occur.
type graph struct {
	byUser, byItem *matrix.CSR // items by their number in known
	known          []int32     // the vocabulary number of each item that occurs, ascending
	customers      []int32     // distinct users of every item of the vocabulary
}

func newGraph(ev *matrix.Events, now int32, o Options) *graph {
	g := &graph{}
	g.byUser, g.customers = o.counting().Read(ev, now)
	g.cut(o.MaxUserItems)
	g.known = pairwise.Renumber(g.byUser, g.customers)
	g.normalise(*o.UserNorm)
	g.byItem = g.byUser.Transpose()
	return g
}

// cut leaves at most limit items to every user: those of the largest weight, of
// equals the rarer, which say more.
func (g *graph) cut(limit int) {
	m, end := g.byUser, int64(0)
	for u := range m.Rows {
		items, weights := m.Row(u)
		m.Indptr[u] = end
		for _, k := range pairwise.Heaviest(weights, limit, func(k int) int32 { return g.customers[items[k]] }) {
			m.Indices[end], m.Values[end] = items[k], weights[k]
			end++
		}
	}
	m.Indptr[m.Rows] = end
	m.Indices, m.Values = m.Indices[:end], m.Values[:end]
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

package ease

import (
	"context"
	"math"
	"slices"

	"regulars/features/matrix"
	"regulars/models/internal/kernel"
	"regulars/models/internal/pairwise"
)

// partnersPerMember says how many partners of an item are remembered for each
// member of a neighbourhood: what two members have in common must be known too.
const partnersPerMember = 4

// nearWeights solves, for each item, the regression on its Neighbourhood: the items
// that it has most in common with. Memory is at most items × 4·Neighbourhood × 8
// bytes.
func nearWeights(ctx context.Context, x *interactions, o Options, report func(done, total int)) (*columns, error) {
	m := &meter{total: 2 * float64(len(x.known)), report: report}
	g, err := newGram(ctx, x, o, m)
	if err != nil {
		return nil, err
	}
	out := newColumns(len(x.known))
	err = pairwise.InChunks(ctx, len(x.known), 16, o.Workers, func() *regression { return newRegression(len(x.known), o.Neighbourhood) }, func(s *regression, from, to int) {
		for j := from; j < to; j++ {
			out.set(j, s.solve(g, x, j, o))
		}
		m.add(float64(to - from))
	})
	if err != nil {
		return nil, err
	}
	return out, out.checkFinite()
}

// gram is XᵀX with the largest entries of each row, the diagonal apart.
type gram struct {
	diagonal []float32
	rows     []column  // ascending
	best     [][]int32 // of each row, the places of the neighbourhood, ascending
}

func newGram(ctx context.Context, x *interactions, o Options, m *meter) (*gram, error) {
	n := len(x.known)
	byUser, byItem := x.byUser, x.byItem
	if cut := cutRows(x, o.MaxUserItems); cut != byUser {
		byUser, byItem = cut, cut.Transpose()
	}
	g := &gram{diagonal: diagonal(x.byItem), rows: make([]column, n), best: make([][]int32, n)}
	err := pairwise.InChunks(ctx, n, 16, o.Workers, func() *accumulator { return &accumulator{sum: make([]float32, n)} }, func(s *accumulator, from, to int) {
		for i := from; i < to && ctx.Err() == nil; i++ {
			s.multiply(ctx, byUser, byItem, i)
			g.rows[i], g.best[i] = s.take(g.diagonal, i, o.Neighbourhood)
		}
		m.add(float64(to - from))
	})
	return g, err
}

func diagonal(byItem *matrix.CSR) []float32 {
	out := make([]float32, byItem.Rows)
	for i := range out {
		_, weights := byItem.Row(i)
		for _, w := range weights {
			out[i] += w * w
		}
	}
	return out
}

// cutRows leaves at most limit items to every user: those of the largest weight, of
// equals the rarer, which say more. It returns the matrix itself where nothing
// is cut.
func cutRows(x *interactions, limit int) *matrix.CSR {
	m := x.byUser
	out := &matrix.CSR{Rows: m.Rows, Cols: m.Cols, Indptr: make([]int64, m.Rows+1)}
	for u := range m.Rows {
		out.Indptr[u+1] = out.Indptr[u] + min(m.Indptr[u+1]-m.Indptr[u], int64(limit))
	}
	if out.Indptr[m.Rows] == m.Indptr[m.Rows] {
		return m
	}
	for u := range m.Rows {
		items, weights := m.Row(u)
		for _, k := range pairwise.Heaviest(weights, limit, func(k int) int32 { return x.customers[x.known[items[k]]] }) {
			out.Indices = append(out.Indices, items[k])
			out.Values = append(out.Values, weights[k])
		}
	}
	return out
}

// accumulator is one row of XᵀX, and which of it is not zero.
type accumulator struct {
	sum     []float32
	touched []int32
	order   []float32
	picked  []int32
}

// usersBetweenLooks is after how many users of an item a cancelled context is seen.
const usersBetweenLooks = 1 << 12

func (a *accumulator) multiply(ctx context.Context, byUser, byItem *matrix.CSR, item int) {
	users, weights := byItem.Row(item)
	for k, u := range users {
		if k%usersBetweenLooks == usersBetweenLooks-1 && ctx.Err() != nil {
			return
		}
		cols, vals := byUser.Row(int(u))
		for i, c := range cols {
			if a.sum[c] == 0 {
				a.touched = append(a.touched, c)
			}
			a.sum[c] += weights[k] * vals[i]
		}
	}
}

// take moves the entries with the largest cosine out of the row and clears it.
// best are the places among them of the members of the neighbourhood.
func (a *accumulator) take(diagonal []float32, item, members int) (row column, best []int32) {
	slices.Sort(a.touched)
	a.touched = slices.DeleteFunc(slices.Compact(a.touched), func(c int32) bool { return int(c) == item || a.sum[c] == 0 })
	a.order = a.order[:0]
	for _, c := range a.touched {
		a.order = append(a.order, float32(float64(a.sum[c])/math.Sqrt(float64(diagonal[c]))))
	}
	a.picked = kernel.TopK(a.order, min(partnersPerMember*members, len(a.order)), nil, a.picked[:0])
	a.picked, best = sortKeepingBest(a.picked, members)
	for _, k := range a.picked {
		row.items = append(row.items, a.touched[k])
		row.weights = append(row.weights, a.sum[a.touched[k]])
	}
	a.sum[item] = 0
	for _, c := range a.touched {
		a.sum[c] = 0
	}
	a.touched = a.touched[:0]
	return row, best
}

// sortKeepingBest sorts places that come by merit, and says where the first few of
// them went.
func sortKeepingBest(places []int32, first int) (sorted, best []int32) {
	chosen := append([]int32(nil), places[:min(first, len(places))]...)
	slices.Sort(chosen)
	slices.Sort(places)
	at := 0
	for i, p := range places {
		if at < len(chosen) && chosen[at] == p {
			best = append(best, int32(i))
			at++
		}
	}
	return places, best
}

// regression is the scratch to solve one item's.
type regression struct {
	place []int32 // place of an item in the neighbourhood; -1 = not in it
	a     []float32
	lda   int
	b     []float32
	size  []float32
	best  []int32

	selector kernel.Selector
}

func newRegression(items, members int) *regression {
	return &regression{place: slices.Repeat([]int32{-1}, items), a: make([]float32, members*members), lda: members,
		b: make([]float32, members), size: make([]float32, members)}
}

// solve returns the weights that predict item j from its neighbourhood N:
// (G_NN + L2·I)⁻¹·G_Nj.
func (s *regression) solve(g *gram, x *interactions, j int, o Options) column {
	near := column{}
	for _, k := range g.best[j] {
		near.items = append(near.items, g.rows[j].items[k])
		near.weights = append(near.weights, g.rows[j].weights[k])
	}
	for k, item := range near.items {
		s.place[item] = int32(k)
	}
	b := s.b[:len(near.items)]
	// Entries that a row of g has dropped make the matrix less than the Gram matrix
	// it stands for, perhaps not positive definite: a larger ridge mends that.
	for ridge := float32(o.L2); ; ridge *= 2 {
		s.fill(g, near.items, ridge)
		if kernel.Cholesky(len(b), s.a, s.lda) {
			break
		}
	}
	for _, item := range near.items {
		s.place[item] = -1
	}
	copy(b, near.weights)
	kernel.CholeskySolve(len(b), s.a, s.lda, b)
	return s.keep(x, near.items, b, j, o.Neighbours)
}

// fill writes the upper triangle of G_NN + ridge·I.
func (s *regression) fill(g *gram, members []int32, ridge float32) {
	for p, item := range members {
		clear(s.a[p*s.lda+p : p*s.lda+len(members)])
		s.a[p*s.lda+p] = g.diagonal[item] + ridge
	}
	for p, item := range members {
		row := g.rows[item]
		for k, other := range row.items {
			if q := int(s.place[other]); q >= 0 {
				s.a[min(p, q)*s.lda+max(p, q)] = row.weights[k]
			}
		}
	}
}

// keep returns the largest weights of b, brought back to interactions that are not
// normalised by item.
func (s *regression) keep(x *interactions, members []int32, b []float32, j, keep int) column {
	for k, w := range b {
		b[k] = float32(float64(w) * x.scale[j] / x.scale[members[k]])
		s.size[k] = float32(math.Abs(float64(b[k])))
	}
	s.selector.Reset(min(keep, len(b)), nil)
	s.selector.Offer(s.size[:len(b)], 0)
	s.best = s.selector.TakeNumbers(s.best[:0])
	c := column{make([]int32, len(s.best)), make([]float32, len(s.best))}
	for i, k := range s.best {
		c.items[i], c.weights[i] = members[k], b[k]
	}
	return c
}

package gbdt

import (
	"fmt"
	"runtime"

	"gonum.org/v1/gonum/integrate/quad"

	"regulars/features/matrix"
)

// Contributions are the Shapley values of the game in which a column that is not
// in the coalition is averaged over the training rows at each node (Lundberg et
// al. 2018, "Consistent individualized feature attribution for tree ensembles";
// the path-dependent TreeSHAP). A leaf of value v plays the game
//
//	v · Π_{j in S} o_j · Π_{j not in S} z_j
//
// where j runs over the columns on its path, o_j is 1 when the row takes the leaf's
// side at each of their nodes, else 0, and z_j is the share of training rows that
// do. The Shapley value of such a product is
//
//	v · (o_i − z_i) · ∫₀¹ Π_{j≠i} (z_j + t·(o_j − z_j)) dt,
//
// a polynomial in t, so that Gauss-Legendre quadrature with half as many points as
// columns on the path is exact. The integrand at the points is multiplied together
// on the way down the tree and added up on the way back.

// pathTree is a tree laid out for that. An edge leads from a node to a child and
// stands after the edge above it.
type pathTree struct {
	tree    *Tree
	mean    float64   // of the leaves over the training rows
	width   int       // quadrature points, a multiple of 4
	weights []float64 // of the points
	edges   []edge
	tables  []float64 // len(edges) × 4 × width, see addTables
}

type edge struct {
	node   int32 // that it leaves
	left   bool
	leaf   bool // that it leads to one
	column int32
	parent int32   // the edge above, −1 at the root
	same   int32   // the nearest edge above on the same column, −1 for none
	share  float64 // z: of the training rows that keep to the path at its nodes of this column
	shrink float64 // share over that of the edge named same
	value  float64 // of the leaf
}

// newPathTrees prepares every tree; it is done once a model.
func (m *Model) newPathTrees() []pathTree {
	out := make([]pathTree, len(m.Trees))
	for i := range out {
		out[i] = newPathTree(&m.Trees[i])
	}
	return out
}

func newPathTree(t *Tree) pathTree {
	p := pathTree{tree: t, mean: t.expected()}
	if len(t.Feature) == 0 {
		return p
	}
	p.addEdges()
	p.width = ((p.columnsOnPath()+1)/2 + 3) / 4 * 4
	points := make([]float64, p.width)
	p.weights = make([]float64, p.width)
	quad.Legendre{}.FixedLocations(points, p.weights, 0, 1)
	p.addTables(points)
	return p
}

// expected is the mean leaf value over the training rows.
func (t *Tree) expected() float64 {
	sum, rows := 0.0, 0.0
	for i, v := range t.LeafValue {
		sum += v * float64(t.LeafCount[i])
		rows += float64(t.LeafCount[i])
	}
	if rows == 0 {
		return t.LeafValue[0]
	}
	return sum / rows
}

// count returns the training rows of a child.
func (t *Tree) count(child int32) float64 {
	if child < 0 {
		return float64(t.LeafCount[^child])
	}
	return float64(t.InternalCount[child])
}

func (p *pathTree) addEdges() {
	t := p.tree
	above := make([]int32, len(t.Feature)) // the edge that leads to a node
	above[0] = -1
	for i := range t.Feature {
		for side, child := range [2]int32{t.Left[i], t.Right[i]} {
			e := edge{node: int32(i), left: side == 0, leaf: child < 0, column: t.Feature[i], parent: above[i]}
			e.shrink = t.count(child) / max(float64(t.InternalCount[i]), 1)
			e.share = e.shrink
			if e.same = p.nearest(e.parent, e.column); e.same >= 0 {
				e.share *= p.edges[e.same].share
			}
			if e.leaf {
				e.value = t.LeafValue[^child]
			} else {
				above[child] = int32(len(p.edges))
			}
			p.edges = append(p.edges, e)
		}
	}
}

// nearest returns the first edge on a column, going up.
func (p *pathTree) nearest(from, column int32) int32 {
	for from >= 0 && p.edges[from].column != column {
		from = p.edges[from].parent
	}
	return from
}

// columnsOnPath is the most different columns that a path has.
func (p *pathTree) columnsOnPath() int {
	counts, most := make([]int, len(p.edges)), 0
	for i := range p.edges {
		e := &p.edges[i]
		if e.parent >= 0 {
			counts[i] = counts[e.parent]
		}
		if e.same < 0 {
			counts[i]++
		}
		most = max(most, counts[i])
	}
	return most
}

// addTables writes, for each edge and point t, what the factor of its column is
// multiplied by on the way down and what the sum on the way up is multiplied by to
// give the contribution, less what the edge above on the same column gives to the
// same leaves: first for a row that keeps to the path, then for one that leaves it
// here. One that left it before multiplies by shrink and adds nothing.
func (p *pathTree) addTables(points []float64) {
	for i := range p.edges {
		e, before := &p.edges[i], 1.0
		if e.same >= 0 {
			before = p.edges[e.same].share
		}
		table := make([]float64, 4*p.width)
		for q, t := range points {
			kept, keptBefore := e.share+(1-e.share)*t, before+(1-before)*t
			gainBefore := (1 - before) / keptBefore
			table[q] = kept / keptBefore
			table[p.width+q] = (1-e.share)/kept - gainBefore
			table[2*p.width+q] = (1 - t) * e.share / keptBefore
			table[3*p.width+q] = -1/(1-t) - gainBefore
		}
		p.tables = append(p.tables, table...)
	}
}

// scratch is the working space of one goroutine.
type scratch struct {
	left     []bool // by node
	lost     []bool // by edge: the row has left the path
	products []float64
	sums     []float64
}

func (s *scratch) resize(nodes, edges, width int) {
	if len(s.products) < edges*width || len(s.lost) < edges {
		s.products, s.sums = make([]float64, edges*width), make([]float64, edges*width)
		s.left, s.lost = make([]bool, nodes), make([]bool, edges)
	}
	clear(s.sums[:edges*width])
}

// add adds the contributions of the tree for one row to phi, whose last number is
// the mean.
func (p *pathTree) add(row, phi []float64, s *scratch) {
	phi[len(phi)-1] += p.mean
	if p.width == 0 {
		return
	}
	s.resize(len(p.tree.Feature), len(p.edges), p.width)
	for i := range p.tree.Feature {
		s.left[i] = p.tree.goesLeft(i, row[p.tree.Feature[i]])
	}
	p.down(s)
	p.up(phi, s)
}

// down multiplies the factors together from the root to the leaves.
func (p *pathTree) down(s *scratch) {
	w := p.width
	for i := range p.edges {
		e := &p.edges[i]
		from, to := p.weights, s.products[i*w:(i+1)*w]
		if e.parent >= 0 {
			from = s.products[int(e.parent)*w:][:w]
		}
		if e.same >= 0 && s.lost[e.same] {
			s.lost[i] = true
			scaleInto(to, from, e.shrink)
			continue
		}
		table := p.tables[4*w*i:][:w]
		if s.lost[i] = s.left[e.node] != e.left; s.lost[i] {
			table = p.tables[4*w*i+2*w:][:w]
		}
		multiplyInto(to, from, table)
	}
}

// up adds the leaves together towards the root and takes the contributions off.
func (p *pathTree) up(phi []float64, s *scratch) {
	w := p.width
	for i := len(p.edges) - 1; i >= 0; i-- {
		e := &p.edges[i]
		sums := s.sums[i*w : (i+1)*w]
		if e.leaf {
			scaleInto(sums, s.products[i*w:(i+1)*w], e.value)
		}
		if e.same < 0 || !s.lost[e.same] {
			table := p.tables[4*w*i+w:][:w]
			if s.lost[i] {
				table = p.tables[4*w*i+3*w:][:w]
			}
			phi[e.column] += dot(sums, table)
		}
		if e.parent >= 0 {
			addInto(s.sums[int(e.parent)*w:][:w], sums)
		}
	}
}

// The lengths of these are multiples of 4.

func scaleInto(to, from []float64, by float64) {
	for ; len(to) >= 4 && len(from) >= 4; to, from = to[4:], from[4:] {
		to[0], to[1], to[2], to[3] = from[0]*by, from[1]*by, from[2]*by, from[3]*by
	}
}

func multiplyInto(to, a, b []float64) {
	for ; len(to) >= 4 && len(a) >= 4 && len(b) >= 4; to, a, b = to[4:], a[4:], b[4:] {
		to[0], to[1], to[2], to[3] = a[0]*b[0], a[1]*b[1], a[2]*b[2], a[3]*b[3]
	}
}

func addInto(to, a []float64) {
	for ; len(to) >= 4 && len(a) >= 4; to, a = to[4:], a[4:] {
		to[0] += a[0]
		to[1] += a[1]
		to[2] += a[2]
		to[3] += a[3]
	}
}

func dot(a, b []float64) float64 {
	var s0, s1, s2, s3 float64
	for ; len(a) >= 4 && len(b) >= 4; a, b = a[4:], b[4:] {
		s0 += a[0] * b[0]
		s1 += a[1] * b[1]
		s2 += a[2] * b[2]
		s3 += a[3] * b[3]
	}
	return s0 + s1 + (s2 + s3)
}

// Contributions writes, for one row, what each column adds to the raw score of each
// class, and the mean score after the columns: Classes × (columns + 1) numbers,
// which add up to the raw scores of Predict.
func (m *Model) Contributions(row []float64, dst []float64) error {
	if len(row) != len(m.Names) {
		return fmt.Errorf("gbdt: a row of %d columns, trained on %d", len(row), len(m.Names))
	}
	return m.ContributionTable(&matrix.Dense{Names: m.Names, Rows: 1, Data: row}, dst)
}

// ContributionTable writes what Contributions does for each row of x, row by row.
func (m *Model) ContributionTable(x *matrix.Dense, dst []float64) error {
	each := m.Classes * (len(m.Names) + 1)
	if err := m.checkRows(x, len(dst), each); err != nil {
		return err
	}
	paths := m.explain()
	blocks := (x.Rows + blockRows - 1) / blockRows
	parallel(runtime.GOMAXPROCS(0), blocks, func(b int) {
		m.contribute(paths, x, b*blockRows, min(x.Rows, (b+1)*blockRows), dst)
	})
	return nil
}

// contribute does the rows from up to to, all of them tree by tree.
func (m *Model) contribute(paths []pathTree, x *matrix.Dense, from, to int, dst []float64) {
	var s scratch
	columns := len(m.Names) + 1
	clear(dst[from*m.Classes*columns : to*m.Classes*columns])
	for t := range paths {
		for i := from; i < to; i++ {
			at := (i*m.Classes + t%m.Classes) * columns
			paths[t].add(x.Row(i), dst[at:at+columns], &s)
		}
	}
}

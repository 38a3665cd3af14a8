package shapley

import "gonum.org/v1/gonum/integrate/quad"

// Split is a node of a tree: a row goes Left or Right. A child c ≥ 0 is the split c,
// which stands behind this one; a child c < 0 is the leaf ^c.
type Split struct {
	Column      int32
	Left, Right int32
	Rows        float64 // of training
}

// Leaf is where rows end.
type Leaf struct{ Value, Rows float64 }

// The game of path-dependent TreeSHAP averages a column that is not in the
// coalition over the training rows at each node. A leaf of value v plays
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

// Tree is a tree laid out for that. An edge leads from a split to a child and
// stands after the edge above it. It is safe for concurrent use.
type Tree struct {
	splits  int
	mean    float64   // of the leaves over the training rows
	width   int       // quadrature points, a multiple of 4
	weights []float64 // of the points
	edges   []edge
	tables  []float64 // len(edges) × 4 × width, see addTables
}

type edge struct {
	split  int32 // that it leaves
	left   bool
	leaf   bool // that it leads to one
	column int32
	parent int32   // the edge above, −1 at the root
	same   int32   // the nearest edge above on the same column, −1 for none
	share  float64 // z: of the training rows that keep to the path at its splits of this column
	shrink float64 // share over that of the edge named same
	value  float64 // of the leaf
}

// NewTree lays a tree out, the root first among the splits; without splits it has
// one leaf. Every split and leaf must have one parent.
func NewTree(splits []Split, leaves []Leaf) *Tree {
	t := &Tree{splits: len(splits), mean: mean(leaves)}
	if len(splits) == 0 {
		return t
	}
	t.addEdges(splits, leaves)
	t.width = ((t.columnsOnPath()+1)/2 + 3) / 4 * 4
	points := make([]float64, t.width)
	t.weights = make([]float64, t.width)
	quad.Legendre{}.FixedLocations(points, t.weights, 0, 1)
	t.addTables(points)
	return t
}

// mean is that of the leaves over the training rows.
func mean(leaves []Leaf) float64 {
	sum, rows := 0.0, 0.0
	for _, l := range leaves {
		sum += l.Value * l.Rows
		rows += l.Rows
	}
	if rows == 0 {
		return leaves[0].Value
	}
	return sum / rows
}

func (t *Tree) addEdges(splits []Split, leaves []Leaf) {
	above := make([]int32, len(splits)) // the edge that leads to a split
	above[0] = -1
	for i, s := range splits {
		for side, child := range [2]int32{s.Left, s.Right} {
			e := edge{split: int32(i), left: side == 0, leaf: child < 0, column: s.Column, parent: above[i]}
			rows := 0.0
			if e.leaf {
				e.value, rows = leaves[^child].Value, leaves[^child].Rows
			} else {
				above[child], rows = int32(len(t.edges)), splits[child].Rows
			}
			e.shrink = rows / max(s.Rows, 1)
			e.share = e.shrink
			if e.same = t.nearest(e.parent, e.column); e.same >= 0 {
				e.share *= t.edges[e.same].share
			}
			t.edges = append(t.edges, e)
		}
	}
}

// nearest returns the first edge on a column, going up.
func (t *Tree) nearest(from, column int32) int32 {
	for from >= 0 && t.edges[from].column != column {
		from = t.edges[from].parent
	}
	return from
}

// columnsOnPath is the most different columns that a path has.
func (t *Tree) columnsOnPath() int {
	counts, most := make([]int, len(t.edges)), 0
	for i := range t.edges {
		e := &t.edges[i]
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

// addTables writes, for each edge and point, what the factor of its column is
// multiplied by on the way down and what the sum on the way up is multiplied by to
// give the contribution, less what the edge above on the same column gives to the
// same leaves: first for a row that keeps to the path, then for one that leaves it
// here. One that left it before multiplies by shrink and adds nothing.
func (t *Tree) addTables(points []float64) {
	for i := range t.edges {
		e, before := &t.edges[i], 1.0
		if e.same >= 0 {
			before = t.edges[e.same].share
		}
		table := make([]float64, 4*t.width)
		for q, at := range points {
			kept, keptBefore := e.share+(1-e.share)*at, before+(1-before)*at
			gainBefore := (1 - before) / keptBefore
			table[q] = kept / keptBefore
			table[t.width+q] = (1-e.share)/kept - gainBefore
			table[2*t.width+q] = (1 - at) * e.share / keptBefore
			table[3*t.width+q] = -1/(1-at) - gainBefore
		}
		t.tables = append(t.tables, table...)
	}
}

// Scratch is the working space of one goroutine.
type Scratch struct {
	left     []bool // by split
	lost     []bool // by edge: the row has left the path
	products []float64
	sums     []float64
}

// Left returns room for the side that a row takes at each split of the tree: true
// is left. It is to be filled before Add.
func (s *Scratch) Left(t *Tree) []bool {
	if len(s.left) < t.splits {
		s.left = make([]bool, t.splits)
	}
	return s.left[:t.splits]
}

func (s *Scratch) resize(edges, width int) {
	if len(s.products) < edges*width || len(s.lost) < edges {
		s.products, s.sums = make([]float64, edges*width), make([]float64, edges*width)
		s.lost = make([]bool, edges)
	}
	clear(s.sums[:edges*width])
}

// Add adds the contributions of the tree, for the row whose sides are in s.Left, to
// phi: one number a column, then the mean. They add up to the value of the leaf
// that the row falls into.
func (t *Tree) Add(phi []float64, s *Scratch) {
	phi[len(phi)-1] += t.mean
	if t.width == 0 {
		return
	}
	s.resize(len(t.edges), t.width)
	t.down(s)
	t.up(phi, s)
}

// down multiplies the factors together from the root to the leaves.
func (t *Tree) down(s *Scratch) {
	w := t.width
	for i := range t.edges {
		e := &t.edges[i]
		from, to := t.weights, s.products[i*w:(i+1)*w]
		if e.parent >= 0 {
			from = s.products[int(e.parent)*w:][:w]
		}
		if e.same >= 0 && s.lost[e.same] {
			s.lost[i] = true
			scaleInto(to, from, e.shrink)
			continue
		}
		table := t.tables[4*w*i:][:w]
		if s.lost[i] = s.left[e.split] != e.left; s.lost[i] {
			table = t.tables[4*w*i+2*w:][:w]
		}
		multiplyInto(to, from, table)
	}
}

// up adds the leaves together towards the root and takes the contributions off.
func (t *Tree) up(phi []float64, s *Scratch) {
	w := t.width
	for i := len(t.edges) - 1; i >= 0; i-- {
		e := &t.edges[i]
		sums := s.sums[i*w : (i+1)*w]
		if e.leaf {
			scaleInto(sums, s.products[i*w:(i+1)*w], e.value)
		}
		if e.same < 0 || !s.lost[e.same] {
			table := t.tables[4*w*i+w:][:w]
			if s.lost[i] {
				table = t.tables[4*w*i+3*w:][:w]
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

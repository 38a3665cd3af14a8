package gbdt

import (
	"math"

	"regulars/features/matrix"
)

// blockRows is how many rows go through the trees together: their keys and the
// nodes of a tree stay in the nearest cache.
const blockRows = 64

// walker holds the trees in a form that is fast to walk. Values are compared as
// integers (keys) in the order of the floats, so that a step needs no branch: the
// children of a node stand side by side, and a leaf is a node that leads to itself.
type walker struct {
	classes int
	slots   []slot
	trees   []walkTree
	nodes   []walkNode
	values  []float64 // of the leaf that a node is
	sets    [][]uint32
}

// slot is a column with one treatment of missing values; a row has a key for each.
type slot struct {
	column      int32
	missing     uint8
	left        bool // missing values go left
	categorical bool // the key is the category, −1 for none
}

type walkNode struct {
	threshold int64 // the key goes to child, above it to child+1
	slot      int32 // ^slot at a categorical node, whose threshold is the number of a set
	child     uint32
}

type walkTree struct {
	from, to, depth int
	categorical     bool
}

// key maps floats to integers of the same order; −0 and 0 are one.
func key(v float64) int64 {
	bits := int64(math.Float64bits(v + 0))
	return bits ^ int64(uint64(bits>>63)>>1)
}

// unkey undoes key.
func unkey(k int64) float64 {
	return math.Float64frombits(uint64(k ^ int64(uint64(k>>63)>>1)))
}

func newWalker(m *Model) *walker {
	w := &walker{classes: m.Classes}
	known := map[slot]int32{}
	for i := range m.Trees {
		w.add(&m.Trees[i], known)
	}
	return w
}

// add lays a tree out breadth first.
func (w *walker) add(t *Tree, known map[slot]int32) {
	from := len(w.nodes)
	type place struct {
		child int32
		at    uint32
	}
	queue := []place{{-1, 0}}
	if len(t.Feature) > 0 {
		queue[0].child = 0
	}
	w.grow(1)
	for len(queue) > 0 {
		p := queue[0]
		queue = queue[1:]
		n := &w.nodes[from+int(p.at)]
		if p.child < 0 {
			*n = walkNode{threshold: math.MaxInt64, child: p.at}
			w.values[from+int(p.at)] = t.LeafValue[^p.child]
			continue
		}
		*n = w.step(t, int(p.child), known)
		n.child = uint32(len(w.nodes) - from)
		queue = append(queue, place{t.Left[p.child], n.child}, place{t.Right[p.child], n.child + 1})
		w.grow(2)
	}
	w.trees = append(w.trees, walkTree{from, len(w.nodes), t.depth(), len(t.CatBoundaries) > 1})
}

func (w *walker) grow(n int) {
	w.nodes = append(w.nodes, make([]walkNode, n)...)
	w.values = append(w.values, make([]float64, n)...)
}

// step is node i of a tree, its children not yet placed.
func (w *walker) step(t *Tree, i int, known map[slot]int32) walkNode {
	s := slot{column: t.Feature[i], missing: t.missing(i), left: t.defaultLeft(i)}
	if t.categorical(i) {
		s = slot{column: t.Feature[i], categorical: true}
	}
	at, ok := known[s]
	if !ok {
		at = int32(len(w.slots))
		known[s] = at
		w.slots = append(w.slots, s)
	}
	if !s.categorical {
		return walkNode{threshold: key(t.Threshold[i]), slot: at}
	}
	w.sets = append(w.sets, t.set(i))
	return walkNode{threshold: int64(len(w.sets) - 1), slot: ^at}
}

// keys writes the key of each slot for one row.
func (w *walker) keys(row []float64, dst []int64) {
	for i := range w.slots {
		s := &w.slots[i]
		v := row[s.column]
		switch {
		case s.categorical:
			dst[i] = category(v)
		case math.IsNaN(v) && s.missing == missingNaN || s.missing == missingZero && !(math.Abs(v) > zeroLimit):
			dst[i] = math.MaxInt64
			if s.left {
				dst[i] = math.MinInt64
			}
		case math.IsNaN(v):
			dst[i] = 0
		default:
			dst[i] = key(v)
		}
	}
}

// category is the whole part of a value, −1 for one that no set can hold.
func category(v float64) int64 {
	if !(v > -1 && v < math.MaxInt32) {
		return -1
	}
	return int64(v)
}

// score writes the sum of the leaves of rows from up to to.
func (w *walker) score(x *matrix.Dense, from, to int, dst []float64) {
	clear(dst)
	width := max(1, len(w.slots))
	keys := make([]int64, blockRows*width)
	for at := from; at < to; at += blockRows {
		n := min(blockRows, to-at)
		for i := range n {
			w.keys(x.Row(at+i), keys[i*width:(i+1)*width])
		}
		w.block(keys, width, n, dst[(at-from)*w.classes:])
	}
}

// block walks n rows of keys down every tree, four at a time so that the
// processor has something to do while it waits.
func (w *walker) block(keys []int64, width, n int, dst []float64) {
	for t, tree := range w.trees {
		nodes, values := w.nodes[tree.from:tree.to], w.values[tree.from:tree.to]
		class := t % w.classes
		i := 0
		for ; i+4 <= n && !tree.categorical; i += 4 {
			a, b, c, d := walk4(nodes, tree.depth, keys[i*width:(i+1)*width], keys[(i+1)*width:(i+2)*width],
				keys[(i+2)*width:(i+3)*width], keys[(i+3)*width:(i+4)*width])
			dst[i*w.classes+class] += values[a]
			dst[(i+1)*w.classes+class] += values[b]
			dst[(i+2)*w.classes+class] += values[c]
			dst[(i+3)*w.classes+class] += values[d]
		}
		for ; i < n; i++ {
			dst[i*w.classes+class] += values[w.walk(nodes, keys[i*width:(i+1)*width])]
		}
	}
}

// walk takes one row to its leaf.
func (w *walker) walk(nodes []walkNode, keys []int64) uint32 {
	at := uint32(0)
	for {
		n := &nodes[at]
		next := n.child
		if n.slot >= 0 {
			next += above(keys[n.slot], n.threshold)
		} else if !member(w.sets[n.threshold], keys[^n.slot]) {
			next++
		}
		if next == at {
			return at
		}
		at = next
	}
}

// member reports whether a category is in a set of bits.
func member(set []uint32, c int64) bool {
	return uint64(c)/32 < uint64(len(set)) && set[c/32]>>(c%32)&1 != 0
}

// walk4 takes four rows to their leaves by the numeric nodes of a tree. Every few
// steps it looks whether all have arrived, which most have long before the depth of
// the tree.
func walk4(nodes []walkNode, depth int, k0, k1, k2, k3 []int64) (a, b, c, d uint32) {
	const steps = 4
	k1, k2, k3 = k1[:len(k0)], k2[:len(k0)], k3[:len(k0)]
	for ; depth > 0; depth -= steps {
		for range steps { // too many do no harm
			n := &nodes[a]
			a = n.child + above(k0[uint32(n.slot)], n.threshold)
			n = &nodes[b]
			b = n.child + above(k1[uint32(n.slot)], n.threshold)
			n = &nodes[c]
			c = n.child + above(k2[uint32(n.slot)], n.threshold)
			n = &nodes[d]
			d = n.child + above(k3[uint32(n.slot)], n.threshold)
		}
		if nodes[a].threshold&nodes[b].threshold&nodes[c].threshold&nodes[d].threshold == math.MaxInt64 {
			break
		}
	}
	return a, b, c, d
}

// above is 1 where k is above the threshold, else 0.
func above(k, threshold int64) uint32 {
	r := uint32(0)
	if k > threshold {
		r = 1
	}
	return r
}

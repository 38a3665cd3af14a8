package gbdt

import (
	"context"
	"math"
	"slices"
)

// histogramBudget bounds the histograms kept for leaves not yet split, in bytes;
// beyond it they are added up again when they are needed.
const histogramBudget = 1 << 30

// parallelWork is how many rows a worker should have at least.
const parallelWork = 8192

// leaf is one of the tree being grown: rows from up to to of the grower's order.
type leaf struct {
	node
	from, to int
	depth    int
	parent   int32 // node whose child it is; −1 at the root
	right    bool
	value    float64
	best     split
	sums     histogram // nil when it was not kept
}

// grower holds what is reused from tree to tree.
type grower struct {
	t         *table
	o         *Options
	gradients []pair  // of every row, in units
	order     []int32 // the rows, those of a leaf together and ascending
	sorted    []pair  // gradients in the order of a leaf's rows
	side      [2][]int32
	use       []bool // columns that this tree may split
	spare     []histogram
	partial   []histogram // of groups × further chunks
	kept      int         // histograms in leaves
	budget    int         // bytes that they may take

	search search
	tree   *Tree
	leaves []leaf
	left   [][256]bool // by node: the bins that go left
	column []int       // by node
}

func newGrower(t *table, o *Options) *grower {
	return &grower{t: t, o: o, gradients: make([]pair, t.rows), order: make([]int32, t.rows), sorted: make([]pair, t.rows),
		side: [2][]int32{make([]int32, t.rows), make([]int32, t.rows)}, use: make([]bool, len(t.columns)), budget: histogramBudget}
}

// grow returns the tree for gradients g and h on the given rows; leaf values are
// not yet shrunk.
func (gr *grower) grow(ctx context.Context, g, h []float64, rows []int32) (*Tree, error) {
	s, sum, err := quantize(g, h, rows, gr.gradients, gr.o.Workers)
	if err != nil {
		return nil, err
	}
	gr.search = newSearch(gr.o, s)
	if !finite(gr.search.leafGain(sum, gr.o.L2)) {
		return nil, errDiverged
	}
	gr.order = gr.order[:copy(gr.order[:cap(gr.order)], rows)]
	gr.left, gr.column = gr.left[:0], gr.column[:0]
	gr.tree = &Tree{Shrinkage: 1}
	root := leaf{node: node{sum, len(rows), unlimited}, to: len(rows), parent: -1}
	root.value = gr.search.value(sum, gr.o.L2, unlimited)
	gr.leaves = append(gr.leaves[:0], root)
	gr.lookAt(&gr.leaves[0], nil)
	for len(gr.leaves) < gr.o.NumLeaves {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		l := gr.next()
		if l < 0 {
			break
		}
		gr.divide(l)
	}
	for i := range gr.leaves {
		gr.release(&gr.leaves[i])
	}
	return gr.finished(), nil
}

// next returns the leaf of highest gain, −1 when none can be split.
func (gr *grower) next() int {
	at, most := -1, 0.0
	for i := range gr.leaves {
		if g := gr.leaves[i].best.gain; g > most {
			at, most = i, g
		}
	}
	return at
}

// divide splits leaf l: it becomes the left child, the right one is appended.
func (gr *grower) divide(l int) {
	parent := gr.leaves[l]
	middle := gr.addNode(l, &parent)
	left, right := gr.children(&parent, middle)
	gr.leaves[l] = left
	gr.leaves = append(gr.leaves, right)
	small, large := &gr.leaves[l], &gr.leaves[len(gr.leaves)-1]
	if small.rows > large.rows {
		small, large = large, small
	}
	if gr.final(small) {
		gr.release(&parent)
		return
	}
	gr.lookAt(small, nil)
	if parent.sums == nil {
		gr.lookAt(large, nil)
	} else {
		large.sums = parent.sums
		gr.lookAt(large, small.sums)
	}
	gr.bound(small)
	gr.bound(large)
}

// final reports whether no child is looked at any more.
func (gr *grower) final(l *leaf) bool {
	return gr.o.MaxDepth > 0 && l.depth >= gr.o.MaxDepth || len(gr.leaves) == gr.o.NumLeaves
}

func (gr *grower) children(parent *leaf, middle int) (left, right leaf) {
	b := &parent.best
	left = leaf{node: node{b.left, middle - parent.from, parent.limits}, from: parent.from, to: middle, value: b.leftValue}
	right = leaf{node: node{parent.sum.minus(b.left), parent.to - middle, parent.limits}, from: middle, to: parent.to, value: b.rightValue, right: true}
	left.depth, right.depth = parent.depth+1, parent.depth+1
	left.parent = int32(len(gr.tree.Feature) - 1)
	right.parent = left.parent
	half := b.leftValue/2 + b.rightValue/2
	switch gr.t.columns[b.column].monotone {
	case 1:
		left.limits.hi, right.limits.lo = half, half
	case -1:
		left.limits.lo, right.limits.hi = half, half
	}
	return left, right
}

// addNode appends the node that splits leaf l and sorts its rows; it returns
// where those of the right child begin.
func (gr *grower) addNode(l int, p *leaf) (middle int) {
	b, t := &p.best, gr.tree
	bins := gr.t.columns[b.column]
	if b.noMissing { // the heavier side
		b.missingLeft = b.left.h >= p.sum.h-b.left.h
	}
	goes := leftBins(b, bins)
	middle = gr.partition(p.from, p.to, b.column, &goes)
	gr.left, gr.column = append(gr.left, goes), append(gr.column, b.column)

	at := int32(len(t.Feature))
	if p.parent >= 0 && p.right {
		t.Right[p.parent] = at
	} else if p.parent >= 0 {
		t.Left[p.parent] = at
	}
	t.Feature = append(t.Feature, int32(bins.column))
	t.Gain = append(t.Gain, b.gain)
	t.Left, t.Right = append(t.Left, int32(^l)), append(t.Right, int32(^len(gr.leaves)))
	t.InternalValue = append(t.InternalValue, p.value)
	t.InternalWeight = append(t.InternalWeight, float64(p.sum.h)*gr.search.unit.h)
	t.InternalCount = append(t.InternalCount, int32(p.rows))
	gr.addDecision(b, bins)
	return middle
}

func (gr *grower) addDecision(b *split, bins *bins) {
	t := gr.tree
	if !bins.categorical {
		decision := uint8(missingNaN << missingShift)
		if b.missingLeft {
			decision |= decisionDefaultLeft
		}
		t.Decision = append(t.Decision, decision)
		t.Threshold = append(t.Threshold, min(bins.upper[b.bin], math.MaxFloat64))
		return
	}
	t.Decision = append(t.Decision, decisionCategorical|missingNaN<<missingShift)
	if len(t.CatBoundaries) == 0 {
		t.CatBoundaries = []int32{0}
	}
	t.Threshold = append(t.Threshold, float64(len(t.CatBoundaries)-1))
	t.CatBits = append(t.CatBits, bitset(b.set, bins.categories)...)
	t.CatBoundaries = append(t.CatBoundaries, int32(len(t.CatBits)))
}

// bitset returns the bits of the categories of the given bins.
func bitset(set []uint8, categories []int32) []uint32 {
	var out []uint32
	for _, b := range set {
		c := categories[b]
		for int(c/32) >= len(out) {
			out = append(out, 0)
		}
		out[c/32] |= 1 << (c % 32)
	}
	return out
}

// leftBins says of each bin whether it goes left.
func leftBins(b *split, bins *bins) (out [256]bool) {
	if bins.categorical {
		for _, c := range b.set {
			out[c] = true
		}
		return out
	}
	for i := range b.bin + 1 {
		out[i] = true
	}
	if bins.missing {
		out[bins.missingBin()] = b.missingLeft
	}
	return out
}

// partition sorts the rows of a leaf into those that go left and those that go
// right, each in their order, and returns where the right ones begin.
func (gr *grower) partition(from, to, column int, goes *[256]bool) int {
	words, shift := gr.t.groups[column/groupSize], 8*uint(column%groupSize)
	chunks := max(1, min(gr.o.Workers*4, (to-from)/parallelWork))
	bound := func(c int) int { return from + (to-from)*c/chunks }
	counts := make([]int, chunks+1)
	parallel(gr.o.Workers, chunks, func(c int) {
		lo, hi := bound(c), bound(c+1)
		counts[c+1] = sift(gr.order[lo:hi], words, shift, goes, gr.side[0][lo:hi], gr.side[1][lo:hi])
	})
	for c := range chunks {
		counts[c+1] += counts[c]
	}
	middle := from + counts[chunks]
	parallel(gr.o.Workers, chunks, func(c int) {
		lo, n := bound(c), counts[c+1]-counts[c]
		copy(gr.order[from+counts[c]:], gr.side[0][lo:lo+n])
		copy(gr.order[middle+lo-from-counts[c]:], gr.side[1][lo:bound(c+1)-n])
	})
	return middle
}

// sift writes each row to one side without branching and returns how many are left.
func sift(rows []int32, words []uint64, shift uint, goes *[256]bool, left, right []int32) int {
	n := 0
	left, right = left[:len(rows)], right[:len(rows)]
	for i, r := range rows {
		k := 0
		if goes[uint8(words[r]>>(shift&63))] {
			k = 1
		}
		left[n], right[i-n] = r, r
		n += k
	}
	return n
}

// lookAt finds the best split of a leaf. Its histogram is that in l.sums less the
// one of its sibling, or added up anew where there is no sibling's.
func (gr *grower) lookAt(l *leaf, sibling histogram) {
	fresh := sibling == nil
	if fresh {
		l.sums = gr.take()
		gr.addUp(l)
	}
	found := make([]split, len(gr.t.columns))
	parallel(gr.o.Workers, len(gr.t.groups), func(g int) {
		from := g * groupSize
		to := from + gr.t.width(g)
		if !fresh {
			l.sums.subtract(gr.t, sibling, from, to)
		}
		for c := from; c < to; c++ {
			if gr.use[c] {
				found[c] = gr.search.best(l.sums.column(c, gr.t.columns[c].count), gr.t.columns[c], c, &l.node)
			}
		}
	})
	l.best = split{}
	for _, s := range found {
		if s.gain > l.best.gain {
			l.best = s
		}
	}
}

// addUp fills the histogram of a leaf from its rows.
func (gr *grower) addUp(l *leaf) {
	rows := gr.order[l.from:l.to]
	sorted := gr.sorted[:len(rows)]
	chunks := max(1, min(gr.o.Workers, len(rows)/parallelWork))
	parallelRows(min(gr.o.Workers, chunks), len(rows), func(from, to int) {
		for i, r := range rows[from:to] {
			sorted[from+i] = gr.gradients[r]
		}
	})
	groups := len(gr.t.groups)
	for len(gr.partial) < groups*(chunks-1) {
		gr.partial = append(gr.partial, make(histogram, groupSize*stride))
	}
	parallel(gr.o.Workers, groups*chunks, func(task int) {
		g, c := task%groups, task/groups
		sums := l.sums[g*groupSize*stride : (g+1)*groupSize*stride]
		if c > 0 {
			sums = gr.partial[(c-1)*groups+g]
		}
		from, to := len(rows)*c/chunks, len(rows)*(c+1)/chunks
		gr.addGroup(g, rows[from:to], sorted[from:to], sums)
	})
	parallel(gr.o.Workers, groups, func(g int) {
		for c := 1; c < chunks; c++ {
			l.sums.addGroup(gr.t, g, gr.partial[(c-1)*groups+g])
		}
	})
}

// addGroup sets the histogram of the columns of group g.
func (gr *grower) addGroup(g int, rows []int32, sorted []pair, sums histogram) {
	used := false
	for c := range gr.t.width(g) {
		clear(sums.column(c, gr.t.columns[g*groupSize+c].count))
		used = used || gr.use[g*groupSize+c]
	}
	if used {
		accumulate(gr.t.groups[g], rows, sorted, gr.t.width(g) <= 4, (*[groupSize * stride]int64)(sums))
	}
}

// take returns a histogram to be filled.
func (gr *grower) take() histogram {
	gr.kept++
	if n := len(gr.spare); n > 0 {
		h := gr.spare[n-1]
		gr.spare = gr.spare[:n-1]
		return h
	}
	return make(histogram, len(gr.t.groups)*groupSize*stride)
}

func (gr *grower) release(l *leaf) {
	if l.sums != nil {
		gr.spare = append(gr.spare, l.sums)
		gr.kept--
		l.sums = nil
	}
}

// bound gives back the histogram of a leaf that cannot be split, or that would
// take too much memory to keep.
func (gr *grower) bound(l *leaf) {
	if l.best.gain <= 0 || gr.kept*len(gr.t.groups)*groupSize*stride*8 > gr.budget {
		gr.release(l)
	}
}

// finished writes the leaves into the tree.
func (gr *grower) finished() *Tree {
	t := gr.tree
	for i := range gr.leaves {
		l := &gr.leaves[i]
		t.LeafValue = append(t.LeafValue, l.value)
		t.LeafWeight = append(t.LeafWeight, float64(l.sum.h)*gr.search.unit.h)
		t.LeafCount = append(t.LeafCount, int32(l.rows))
	}
	return t
}

// update adds the values of the tree to the scores of every row.
func (gr *grower) update(t *Tree, scores []float64) {
	parallel(gr.o.Workers, len(gr.leaves), func(l int) {
		for _, r := range gr.order[gr.leaves[l].from:gr.leaves[l].to] {
			scores[r] += t.LeafValue[l]
		}
	})
	if len(gr.order) == gr.t.rows {
		return
	}
	grown := slices.Clone(gr.order)
	slices.Sort(grown)
	parallelRows(gr.o.Workers, gr.t.rows, func(from, to int) {
		next, _ := slices.BinarySearch(grown, int32(from))
		for i := int32(from); i < int32(to); i++ {
			if next < len(grown) && grown[next] == i {
				next++
				continue
			}
			scores[i] += t.LeafValue[gr.leafOf(t, i)]
		}
	})
}

// leafOf walks a binned row down the tree.
func (gr *grower) leafOf(t *Tree, row int32) int32 {
	at := int32(0)
	if len(t.Feature) == 0 {
		return 0
	}
	for at >= 0 {
		if gr.left[at][gr.t.bin(gr.column[at], row)] {
			at = t.Left[at]
		} else {
			at = t.Right[at]
		}
	}
	return ^at
}

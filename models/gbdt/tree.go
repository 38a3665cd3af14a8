package gbdt

import (
	"fmt"
	"math"
)

// The bits of Tree.Decision.
const (
	decisionCategorical = 1 << 0
	decisionDefaultLeft = 1 << 1
	missingShift        = 2 // two bits: missingNone, missingZero or missingNaN
)

// What counts as missing at a node; a NaN that does not is taken for 0.
const (
	missingNone = 0
	missingZero = 1
	missingNaN  = 2
)

// Tree holds nodes and leaves in arrays, as LightGBM's text format does. Node 0 is
// the root; a tree without nodes is its single leaf. A child c ≥ 0 is a node that
// stands after its parent, a child c < 0 is leaf ^c.
type Tree struct {
	// One for each node. A row goes left when its value is at most Threshold, or,
	// at a categorical node, when its category is in the set that Threshold numbers.
	Feature        []int32
	Gain           []float64
	Threshold      []float64
	Decision       []uint8
	Left, Right    []int32
	InternalValue  []float64 // what the node would predict were it a leaf
	InternalWeight []float64 // sum of hessians
	InternalCount  []int32   // rows in training

	// One for each leaf.
	LeafValue  []float64
	LeafWeight []float64
	LeafCount  []int32

	// Set i of categories is the bits of CatBits[CatBoundaries[i]:CatBoundaries[i+1]],
	// category c being bit c%32 of word c/32.
	CatBoundaries []int32
	CatBits       []uint32

	Shrinkage float64 // what the values have been multiplied by already
}

// categorical reports whether node i is split by category.
func (t *Tree) categorical(i int) bool { return t.Decision[i]&decisionCategorical != 0 }

func (t *Tree) defaultLeft(i int) bool { return t.Decision[i]&decisionDefaultLeft != 0 }

func (t *Tree) missing(i int) uint8 { return t.Decision[i] >> missingShift & 3 }

// set returns the bits of the categories that go left at node i.
func (t *Tree) set(i int) []uint32 {
	s := int(t.Threshold[i])
	return t.CatBits[t.CatBoundaries[s]:t.CatBoundaries[s+1]]
}

// goesLeft decides node i for the value of its column.
func (t *Tree) goesLeft(i int, v float64) bool {
	if t.categorical(i) {
		return member(t.set(i), category(v))
	}
	missing := t.missing(i)
	if math.IsNaN(v) && missing != missingNaN {
		v = 0
	}
	if math.IsNaN(v) || missing == missingZero && math.Abs(v) <= zeroLimit {
		return t.defaultLeft(i)
	}
	return v <= t.Threshold[i]
}

// check makes sure that every walk ends in a leaf, each node and leaf having one
// parent that stands before it, and that all numbers are usable.
func (t *Tree) check(columns int) error {
	nodes, leaves := len(t.Feature), len(t.LeafValue)
	if leaves != nodes+1 {
		return fmt.Errorf("%d leaves for %d nodes", leaves, nodes)
	}
	if err := t.checkLengths(nodes, leaves); err != nil {
		return err
	}
	if err := t.checkSets(); err != nil {
		return err
	}
	if err := t.checkChildren(nodes, leaves); err != nil {
		return err
	}
	for i := range nodes {
		if err := t.checkNode(i, columns); err != nil {
			return err
		}
	}
	for i, v := range t.LeafValue {
		if !finite(v) || t.LeafCount[i] < 0 {
			return fmt.Errorf("leaf %d has value %v and %d rows", i, v, t.LeafCount[i])
		}
	}
	if !finite(t.Shrinkage) {
		return fmt.Errorf("shrinkage %v", t.Shrinkage)
	}
	return nil
}

func finite(v float64) bool { return v-v == 0 }

func (t *Tree) checkLengths(nodes, leaves int) error {
	for _, l := range []struct {
		name      string
		have, all int
	}{
		{"gains", len(t.Gain), nodes}, {"thresholds", len(t.Threshold), nodes}, {"decision types", len(t.Decision), nodes},
		{"left children", len(t.Left), nodes}, {"right children", len(t.Right), nodes}, {"node values", len(t.InternalValue), nodes},
		{"node weights", len(t.InternalWeight), nodes}, {"node counts", len(t.InternalCount), nodes},
		{"leaf weights", len(t.LeafWeight), leaves}, {"leaf counts", len(t.LeafCount), leaves},
	} {
		if l.have != l.all {
			return fmt.Errorf("%d %s, want %d", l.have, l.name, l.all)
		}
	}
	return nil
}

func (t *Tree) checkSets() error {
	last := int32(0)
	for i, b := range t.CatBoundaries {
		if i == 0 && b != 0 || b < last || int(b) > len(t.CatBits) {
			return fmt.Errorf("boundary %d of the category sets is %d: they must rise from 0 to %d", i, b, len(t.CatBits))
		}
		last = b
	}
	if int(last) != len(t.CatBits) {
		return fmt.Errorf("category sets end at %d of %d words", last, len(t.CatBits))
	}
	return nil
}

func (t *Tree) checkChildren(nodes, leaves int) error {
	seenNode, seenLeaf := make([]bool, nodes), make([]bool, leaves)
	for i := range 2 * nodes {
		parent, c := i/2, t.Left[i/2]
		if i%2 == 1 {
			c = t.Right[parent]
		}
		seen, at := seenNode, int(c)
		if c < 0 {
			seen, at = seenLeaf, int(^c)
		}
		if at >= len(seen) || c >= 0 && at <= parent || seen[at] {
			return fmt.Errorf("node %d has child %d: it must be a leaf or a node behind it, and nobody else's", parent, c)
		}
		seen[at] = true
	}
	return nil
}

func (t *Tree) checkNode(i, columns int) error {
	if f := int(t.Feature[i]); f < 0 || f >= columns {
		return fmt.Errorf("node %d splits column %d of %d", i, f, columns)
	}
	v := t.Threshold[i]
	if math.IsNaN(v) {
		return fmt.Errorf("node %d has threshold %v", i, v)
	}
	if t.categorical(i) && !(v >= 0 && v < float64(len(t.CatBoundaries)-1) && v == math.Trunc(v)) {
		return fmt.Errorf("node %d has category set %v of %d", i, v, max(0, len(t.CatBoundaries)-1))
	}
	if m := t.missing(i); m > missingNaN || t.Decision[i] > 15 {
		return fmt.Errorf("node %d has decision type %d", i, t.Decision[i])
	}
	if t.InternalCount[i] < 0 || !finite(t.InternalValue[i]) || !finite(t.InternalWeight[i]) || math.IsNaN(t.Gain[i]) {
		return fmt.Errorf("node %d has value %v, weight %v, gain %v and %d rows", i, t.InternalValue[i], t.InternalWeight[i], t.Gain[i], t.InternalCount[i])
	}
	return nil
}

// leaf returns the number of the leaf that a row falls into.
func (t *Tree) leaf(row []float64) int32 {
	if len(t.Feature) == 0 {
		return 0
	}
	at := int32(0)
	for at >= 0 {
		if t.goesLeft(int(at), row[t.Feature[at]]) {
			at = t.Left[at]
		} else {
			at = t.Right[at]
		}
	}
	return ^at
}

// depth is the number of nodes on the longest path.
func (t *Tree) depth() int {
	depth := make([]int, len(t.Feature))
	most := 0
	for i := range depth { // parents come first
		depth[i]++
		most = max(most, depth[i])
		for _, c := range [2]int32{t.Left[i], t.Right[i]} {
			if c >= 0 {
				depth[c] = depth[i]
			}
		}
	}
	return most
}

// scale multiplies the values by a rate.
func (t *Tree) scale(rate float64) {
	for i := range t.LeafValue {
		t.LeafValue[i] *= rate
	}
	for i := range t.InternalValue {
		t.InternalValue[i] *= rate
	}
	t.Shrinkage *= rate
}

// shift adds a constant to the values, which are from then on not only shrunk.
func (t *Tree) shift(by float64) {
	for i := range t.LeafValue {
		t.LeafValue[i] += by
	}
	for i := range t.InternalValue {
		t.InternalValue[i] += by
	}
	t.Shrinkage = 1
}

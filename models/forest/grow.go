package forest

import (
	"cmp"
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"

	"github.com/sjwhitworth/golearn/base"
	"github.com/sjwhitworth/golearn/trees"
)

const leaf = -1

// golearn names the two sides of a numeric split, and our two classes, so.
const (
	atMost = "0"
	above  = "1"
)

// growTree lets golearn grow one tree on a bootstrap sample and flattens it.
func growTree(ctx context.Context, columns [][]float64, y []bool, o Options, number uint64) (t Tree, err error) {
	defer func() { // golearn panics where it cannot go on
		if p := recover(); p != nil {
			err = fmt.Errorf("golearn: %v", p)
		}
	}()
	g := newGrower(ctx, columns, y, o, number)
	if err := g.fillGrid(); err != nil {
		return Tree{}, err
	}
	root := trees.InferID3Tree(g.grid, g)
	if err := ctx.Err(); err != nil {
		return Tree{}, err
	}
	g.flatten(root, &t)
	return t, nil
}

// grower is the split rule that golearn asks at every node. golearn drops a
// column once it has been split on, which suits categories but not numbers; so
// its grid holds one empty column a level, into which the values of the column
// chosen at a node are written. The level is then what golearn splits and drops.
type grower struct {
	ctx    context.Context
	o      Options
	seed   uint64
	values [][]float64 // columns of the sample
	ranks  [][]int32   // of each value among the distinct values of its column
	label  []bool

	grid   *base.DenseInstances
	levels []base.Attribute
	slots  []base.AttributeSpec // where the levels are stored
	number base.AttributeSpec   // where a row keeps its number in the sample
	chosen map[*trees.DecisionTreeRule]int32
}

func newGrower(ctx context.Context, columns [][]float64, y []bool, o Options, number uint64) *grower {
	rng := rand.New(rand.NewPCG(o.Seed, number))
	g := &grower{ctx: ctx, o: o, seed: rng.Uint64(), chosen: map[*trees.DecisionTreeRule]int32{}}
	sample := drawSample(rng, len(y), o)
	for _, r := range sample {
		g.label = append(g.label, y[r])
	}
	for _, column := range columns {
		values := make([]float64, len(sample))
		for i, r := range sample {
			values[i] = column[r]
		}
		g.values, g.ranks = append(g.values, values), append(g.ranks, ranksOf(values))
	}
	return g
}

// drawSample draws rows with replacement; for a tree that stands alone without.
func drawSample(rng *rand.Rand, rows int, o Options) []int {
	if o.alone {
		sample := rng.Perm(rows)[:min(o.SampleRows, rows)]
		slices.Sort(sample)
		return sample
	}
	sample := make([]int, min(o.SampleRows, rows))
	for i := range sample {
		sample[i] = rng.IntN(rows)
	}
	return sample
}

func ranksOf(values []float64) []int32 {
	distinct := slices.Compact(slices.Sorted(slices.Values(values)))
	ranks := make([]int32, len(values))
	for i, v := range values {
		r, _ := slices.BinarySearch(distinct, v)
		ranks[i] = int32(r)
	}
	return ranks
}

// fillGrid makes golearn's table: the levels, the row number and the class.
func (g *grower) fillGrid() error {
	g.grid = base.NewDenseInstances()
	for level := range g.o.MaxDepth {
		a := base.NewFloatAttribute("level " + strconv.Itoa(level))
		g.levels, g.slots = append(g.levels, a), append(g.slots, g.grid.AddAttribute(a))
	}
	g.number = g.grid.AddAttribute(base.NewFloatAttribute("row"))
	class := base.NewCategoricalAttribute()
	class.SetName("label")
	no, yes := class.GetSysValFromString(atMost), class.GetSysValFromString(above)
	at := g.grid.AddAttribute(class)
	if err := g.grid.AddClassAttribute(class); err != nil {
		return fmt.Errorf("golearn: %w", err)
	}
	if err := g.grid.Extend(len(g.label)); err != nil {
		return fmt.Errorf("golearn: %w", err)
	}
	for i, label := range g.label {
		g.grid.Set(g.number, i, base.PackFloatToBytes(float64(i)))
		if g.grid.Set(at, i, no); label {
			g.grid.Set(at, i, yes)
		}
	}
	return nil
}

// GenerateSplitRule chooses the split of one node, nil to make it a leaf. golearn
// visits nodes and rows in the order of Go maps, so the random columns come from
// a hash of the rows in the node and not from a running stream.
func (g *grower) GenerateSplitRule(node base.FixedDataGrid) *trees.DecisionTreeRule {
	columns, n := node.Size()
	if n < 2*g.o.MinLeaf || g.ctx.Err() != nil {
		return nil
	}
	rows := make([]int32, n)
	for i := range rows {
		rows[i] = int32(base.UnpackBytesToFloat(node.Get(g.number, i)))
	}
	slices.Sort(rows)
	best := g.bestSplit(rows)
	if best.feature == leaf {
		return nil
	}
	level := len(g.levels) - (columns - 2) // the row number and the class are always there
	for _, r := range rows {
		g.grid.Set(g.slots[level], int(r), base.PackFloatToBytes(g.values[best.feature][r]))
	}
	rule := &trees.DecisionTreeRule{SplitAttr: g.levels[level], SplitVal: best.threshold}
	g.chosen[rule] = best.feature
	return rule
}

type candidate struct {
	feature   int32
	threshold float64
	gain      float64
}

// bestSplit tries FeaturesPerSplit random columns, and more of them only while
// none can be split.
func (g *grower) bestSplit(rows []int32) candidate {
	best := candidate{feature: leaf}
	keys := make([]uint64, len(rows))
	for tried, f := range rand.New(rand.NewPCG(g.seed, hash(rows))).Perm(len(g.values)) {
		if tried >= g.o.FeaturesPerSplit && best.feature != leaf {
			break
		}
		if c := g.splitOf(int32(f), rows, keys); c.feature != leaf && (best.feature == leaf || c.gain > best.gain) {
			best = c
		}
	}
	return best
}

// hash is FNV-1a over the row numbers.
func hash(rows []int32) uint64 {
	h := uint64(14695981039346656037)
	for _, r := range rows {
		h = (h ^ uint64(uint32(r))) * 1099511628211
	}
	return h
}

// splitOf finds the threshold of column f that lowers the Gini impurity most:
// with n rows and p true labels on each side, it maximises Σ (p² + (n−p)²)/n.
func (g *grower) splitOf(f int32, rows []int32, keys []uint64) candidate {
	total := 0
	for i, r := range rows {
		keys[i] = uint64(g.ranks[f][r])<<32 | uint64(r)
		if g.label[r] {
			total++
		}
	}
	slices.Sort(keys)
	best := candidate{feature: leaf}
	positive := 0
	for i := 1; i < len(keys); i++ {
		if g.label[uint32(keys[i-1])] {
			positive++
		}
		if i < g.o.MinLeaf || len(keys)-i < g.o.MinLeaf || keys[i-1]>>32 == keys[i]>>32 {
			continue
		}
		gain := purity(i, positive) + purity(len(keys)-i, total-positive)
		if best.feature == leaf || gain > best.gain {
			low, high := g.values[f][uint32(keys[i-1])], g.values[f][uint32(keys[i])]
			best = candidate{feature: f, threshold: between(low, high), gain: gain}
		}
	}
	return best
}

func purity(n, positive int) float64 {
	p, q := float64(positive), float64(n-positive)
	return (p*p + q*q) / float64(n)
}

// between returns the middle of low < high, and low where rounding would reach high.
func between(low, high float64) float64 {
	if middle := low/2 + high/2; middle >= low && middle < high {
		return middle
	}
	return low
}

// flatten appends the node and its descendants, parents first, and returns the
// node's number.
func (g *grower) flatten(node *trees.DecisionTreeNode, t *Tree) int32 {
	at := int32(len(t.Feature))
	yes, no := node.ClassDist[above], node.ClassDist[atMost]
	t.Feature, t.Threshold = append(t.Feature, leaf), append(t.Threshold, 0)
	t.Left, t.Right = append(t.Left, leaf), append(t.Right, leaf)
	t.Value, t.Cover = append(t.Value, g.share(yes, no)), append(t.Cover, int32(yes+no))
	if node.Children == nil {
		return at
	}
	t.Feature[at], t.Threshold[at] = g.chosen[node.SplitRule], node.SplitRule.SplitVal
	left := g.flatten(node.Children[atMost], t)
	right := g.flatten(node.Children[above], t)
	t.Left[at], t.Right[at] = left, right
	return at
}

// share is the probability of a node. What a whole forest averages out, a single
// tree must smooth (Laplace), or a pure leaf would be certain.
func (g *grower) share(yes, no int) float64 {
	if g.o.alone {
		return float64(yes+1) / float64(yes+no+2)
	}
	return float64(yes) / float64(cmp.Or(yes+no, 1))
}

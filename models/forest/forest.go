package forest

import (
	"context"
	"fmt"
	"math"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"

	"regulars/features/matrix"
	"regulars/models"
)

// Options of Fit. The zero value is the default written at each field.
type Options struct {
	Trees            int    // 0 = 50
	SampleRows       int    // rows drawn with replacement for each tree, at most as many as there are; 0 = 4000
	FeaturesPerSplit int    // columns tried at a node; 0 = √columns, rounded up
	MinLeaf          int    // smallest number of sampled rows in a leaf; 0 = 20
	MaxDepth         int    // splits on the longest path; 0 = 10, at most 30
	Seed             uint64 // of samples and feature subsets
	Workers          int    // 0 = GOMAXPROCS; the result does not depend on it

	alone bool // a single tree: its rows drawn without replacement, its leaves smoothed
}

// Model is a set of trees over imputed columns.
type Model struct {
	Names  []string  // the columns of training, in order
	Impute []float64 // median of each column in training, what a missing value counts as
	Trees  []Tree

	explain func() []explained // made when first asked for
}

// Tree holds its nodes in arrays, the root at 0. A node with Feature −1 is a
// leaf; otherwise a row goes Left when its value is at most Threshold.
type Tree struct {
	Feature     []int32
	Threshold   []float64
	Left, Right []int32   // −1 at leaves
	Value       []float64 // share of true labels among the sampled rows of the node
	Cover       []int32   // sampled rows of the node; nil in a model stored without, which cannot say what columns contribute
}

var (
	_ models.Classifier  = (*Model)(nil)
	_ models.Contributor = (*Model)(nil)
)

// newModel is the model before its trees are grown.
func newModel(x *matrix.Dense, trees int) *Model {
	m := &Model{Names: x.Names, Impute: medians(x), Trees: make([]Tree, trees)}
	m.explain = sync.OnceValue(m.newExplained)
	return m
}

// Fit grows the trees on rows of x (missing = NaN) and one label a row. It needs
// both classes (else ErrNoData). The same data, options and seed give the same
// trees for any number of workers.
func Fit(ctx context.Context, x *matrix.Dense, y []bool, o Options) (*Model, error) {
	o, err := o.resolved(x.Cols())
	if err != nil {
		return nil, err
	}
	if err := check(x, y); err != nil {
		return nil, err
	}
	m := newModel(x, o.Trees)
	filled, err := m.fill(x)
	if err != nil {
		return nil, err
	}
	return m, m.grow(ctx, filled, y, o)
}

func (o Options) resolved(columns int) (Options, error) {
	defaults := func(v *int, d int) {
		if *v == 0 {
			*v = d
		}
	}
	defaults(&o.Trees, 50)
	defaults(&o.SampleRows, 4000)
	defaults(&o.FeaturesPerSplit, int(math.Ceil(math.Sqrt(float64(columns)))))
	defaults(&o.MinLeaf, 20)
	defaults(&o.MaxDepth, 10)
	for _, f := range []struct {
		name          string
		value, lo, hi int
	}{
		{"Trees", o.Trees, 1, 10_000}, {"SampleRows", o.SampleRows, 2, math.MaxInt32}, {"FeaturesPerSplit", o.FeaturesPerSplit, min(1, columns), math.MaxInt32},
		{"MinLeaf", o.MinLeaf, 1, math.MaxInt32}, {"MaxDepth", o.MaxDepth, 1, 30}, {"Workers", o.Workers, 0, math.MaxInt32},
	} {
		if f.value < f.lo || f.value > f.hi {
			return o, &models.OptionError{Model: "forest", Option: f.name, Value: f.value, Want: fmt.Sprintf("between %d and %d", f.lo, f.hi)}
		}
	}
	o.FeaturesPerSplit = min(o.FeaturesPerSplit, columns)
	if o.Workers == 0 {
		o.Workers = runtime.GOMAXPROCS(0)
	}
	return o, nil
}

func check(x *matrix.Dense, y []bool) error {
	if len(y) != x.Rows {
		return fmt.Errorf("forest: %d labels for %d rows", len(y), x.Rows)
	}
	if x.Cols() == 0 {
		return fmt.Errorf("forest: no columns: %w", models.ErrNoData)
	}
	if !slices.Contains(y, true) || !slices.Contains(y, false) {
		return fmt.Errorf("forest: all %d labels are the same: %w", len(y), models.ErrNoData)
	}
	return nil
}

// medians returns the lower median of the present values of each column, 0 for
// a column without any.
func medians(x *matrix.Dense) []float64 {
	out := make([]float64, x.Cols())
	for j := range out {
		present := slices.DeleteFunc(x.Column(j), math.IsNaN)
		if len(present) > 0 {
			slices.Sort(present)
			out[j] = present[(len(present)-1)/2]
		}
	}
	return out
}

// fill returns the columns of x with medians in place of missing values.
func (m *Model) fill(x *matrix.Dense) ([][]float64, error) {
	out := make([][]float64, x.Cols())
	for j := range out {
		out[j] = x.Column(j)
		for i, v := range out[j] {
			if math.IsInf(v, 0) {
				return nil, fmt.Errorf("forest: row %d of column %q is %v: it must be finite or missing", i, x.Names[j], v)
			}
			if math.IsNaN(v) {
				out[j][i] = m.Impute[j]
			}
		}
	}
	return out, nil
}

// grow fits the trees in parallel; each has a random stream of its own.
func (m *Model) grow(ctx context.Context, columns [][]float64, y []bool, o Options) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var next atomic.Int64
	var wg sync.WaitGroup
	for range min(o.Workers, o.Trees) {
		wg.Go(func() {
			for t := int(next.Add(1) - 1); t < o.Trees && ctx.Err() == nil; t = int(next.Add(1) - 1) {
				tree, err := growTree(ctx, columns, y, o, uint64(t))
				if err != nil {
					cancel(fmt.Errorf("forest: tree %d: %w", t, err))
					return
				}
				m.Trees[t] = tree
			}
		})
	}
	wg.Wait()
	return context.Cause(ctx)
}

// New returns the model of stored numbers, checked so that no walk down a tree
// can leave it or go round in circles.
func New(names []string, impute []float64, trees []Tree) (*Model, error) {
	if len(impute) != len(names) || len(trees) == 0 {
		return nil, fmt.Errorf("forest: %d medians for %d columns and %d trees", len(impute), len(names), len(trees))
	}
	for j, v := range impute {
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return nil, fmt.Errorf("forest: median of column %q is %v: it must be a finite number", names[j], v)
		}
	}
	for t := range trees {
		if err := trees[t].check(len(names)); err != nil {
			return nil, fmt.Errorf("forest: tree %d: %w", t, err)
		}
	}
	m := &Model{Names: names, Impute: impute, Trees: trees}
	m.explain = sync.OnceValue(m.newExplained)
	return m, nil
}

// check relies on children standing behind their parent, as flattening writes them.
func (t *Tree) check(columns int) error {
	n := len(t.Feature)
	if n == 0 || len(t.Threshold) != n || len(t.Left) != n || len(t.Right) != n || len(t.Value) != n {
		return fmt.Errorf("arrays of %d, %d, %d, %d and %d nodes", n, len(t.Threshold), len(t.Left), len(t.Right), len(t.Value))
	}
	for i, f := range t.Feature {
		switch {
		case !(t.Value[i] >= 0 && t.Value[i] <= 1):
			return fmt.Errorf("node %d has value %v outside [0, 1]", i, t.Value[i])
		case f == leaf:
			continue
		case f < 0 || int(f) >= columns || math.IsNaN(t.Threshold[i]) || math.IsInf(t.Threshold[i], 0):
			return fmt.Errorf("node %d splits column %d of %d at %v", i, f, columns, t.Threshold[i])
		case int(t.Left[i]) <= i || int(t.Left[i]) >= n || int(t.Right[i]) <= i || int(t.Right[i]) >= n:
			return fmt.Errorf("node %d has children %d and %d: they must lie behind it, below %d", i, t.Left[i], t.Right[i], n)
		}
	}
	return t.checkCover()
}

// checkCover wants the rows of a node to be those of its children, every node
// but the root to be the child of one, and no node without rows.
func (t *Tree) checkCover() error {
	if t.Cover == nil {
		return nil
	}
	if len(t.Cover) != len(t.Feature) {
		return fmt.Errorf("%d row counts for %d nodes", len(t.Cover), len(t.Feature))
	}
	parents := make([]int, len(t.Feature))
	for i, f := range t.Feature {
		if t.Cover[i] < 1 || i > 0 && parents[i] != 1 {
			return fmt.Errorf("node %d has %d rows and %d parents", i, t.Cover[i], parents[i])
		}
		if f == leaf {
			continue
		}
		l, r := t.Left[i], t.Right[i]
		if int64(t.Cover[l])+int64(t.Cover[r]) != int64(t.Cover[i]) {
			return fmt.Errorf("node %d has %d rows, its children %d and %d", i, t.Cover[i], t.Cover[l], t.Cover[r])
		}
		parents[l]++
		parents[r]++
	}
	return nil
}

// Probability writes the mean, over trees, of the share of true labels in the
// leaf that a row falls into.
func (m *Model) Probability(x *matrix.Dense, dst []float64) error {
	if err := models.CheckColumns(m.Names, x.Names); err != nil {
		return err
	}
	if len(dst) != x.Rows {
		return fmt.Errorf("forest: room for %d probabilities, there are %d rows", len(dst), x.Rows)
	}
	row := make([]float64, len(m.Names))
	for i := range dst {
		if err := m.fillRow(x, i, row); err != nil {
			return err
		}
		sum := 0.0
		for t := range m.Trees {
			sum += m.Trees[t].value(row)
		}
		dst[i] = sum / float64(len(m.Trees))
	}
	return nil
}

// fillRow writes row i of x with medians in place of missing values.
func (m *Model) fillRow(x *matrix.Dense, i int, dst []float64) error {
	for j, v := range x.Row(i) {
		if math.IsInf(v, 0) {
			return fmt.Errorf("forest: row %d of column %q is %v: it must be finite or missing", i, m.Names[j], v)
		}
		if dst[j] = v; math.IsNaN(v) {
			dst[j] = m.Impute[j]
		}
	}
	return nil
}

func (t *Tree) value(row []float64) float64 {
	at := int32(0)
	for t.Feature[at] != leaf {
		if row[t.Feature[at]] > t.Threshold[at] {
			at = t.Right[at]
		} else {
			at = t.Left[at]
		}
	}
	return t.Value[at]
}

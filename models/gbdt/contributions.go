package gbdt

import (
	"runtime"

	"regulars/features/matrix"
	"regulars/models/internal/shapley"
)

// newExplained lays every tree out for contributions; it is done once a model.
func (m *Model) newExplained() []*shapley.Tree {
	out := make([]*shapley.Tree, len(m.Trees))
	for i := range out {
		out[i] = m.Trees[i].explained()
	}
	return out
}

func (t *Tree) explained() *shapley.Tree {
	splits, leaves := make([]shapley.Split, len(t.Feature)), make([]shapley.Leaf, len(t.LeafValue))
	for i := range splits {
		splits[i] = shapley.Split{Column: t.Feature[i], Left: t.Left[i], Right: t.Right[i], Rows: float64(t.InternalCount[i])}
	}
	for i := range leaves {
		leaves[i] = shapley.Leaf{Value: t.LeafValue[i], Rows: float64(t.LeafCount[i])}
	}
	return shapley.NewTree(splits, leaves)
}

// Contributions writes what each column adds to the log-odds of Probability, and
// the mean log-odds of the training rows after the columns. The model must be of a
// binary objective.
func (m *Model) Contributions(x *matrix.Dense, dst []float64) error {
	if err := m.checkProbability(); err != nil {
		return err
	}
	if err := m.RawContributions(x, dst); err != nil {
		return err
	}
	if scale := m.perRaw(); scale != 1 {
		for i := range dst {
			dst[i] *= scale
		}
	}
	return nil
}

// perRaw is what a unit of raw score is in log-odds.
func (m *Model) perRaw() float64 {
	if m.Average && len(m.Trees) > 0 {
		return m.link.slope / float64(m.Rounds())
	}
	return m.link.slope
}

// RawContributions writes, for each row of x, what each column adds to the raw
// score of each class, and the mean score after the columns: Classes × (columns + 1)
// numbers, which add up to the raw scores of Predict. They are the Shapley values
// of path-dependent TreeSHAP.
func (m *Model) RawContributions(x *matrix.Dense, dst []float64) error {
	each := m.Classes * (len(m.Names) + 1)
	if err := m.checkRows(x, len(dst), each); err != nil {
		return err
	}
	trees := m.explain()
	blocks := (x.Rows + blockRows - 1) / blockRows
	parallel(runtime.GOMAXPROCS(0), blocks, func(b int) {
		m.contribute(trees, x, b*blockRows, min(x.Rows, (b+1)*blockRows), dst)
	})
	return nil
}

// contribute does the rows from up to to, all of them tree by tree.
func (m *Model) contribute(trees []*shapley.Tree, x *matrix.Dense, from, to int, dst []float64) {
	var s shapley.Scratch
	columns := len(m.Names) + 1
	clear(dst[from*m.Classes*columns : to*m.Classes*columns])
	for t, tree := range trees {
		for i := from; i < to; i++ {
			at := (i*m.Classes + t%m.Classes) * columns
			m.Trees[t].sides(x.Row(i), s.Left(tree))
			tree.Add(dst[at:at+columns], &s)
		}
	}
}

// sides writes which nodes a row would leave to the left.
func (t *Tree) sides(row []float64, left []bool) {
	for i, f := range t.Feature {
		left[i] = t.goesLeft(i, row[f])
	}
}

package forest

import (
	"errors"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"

	"regulars/features/matrix"
	"regulars/models"
	"regulars/models/internal/shapley"
)

// explained is a tree laid out for contributions, with the column and threshold of
// each of its splits.
type explained struct {
	*shapley.Tree
	column    []int32
	threshold []float64
}

// newExplained returns nil where a tree does not know the rows of its nodes.
func (m *Model) newExplained() []explained {
	out := make([]explained, len(m.Trees))
	for t := range m.Trees {
		if m.Trees[t].Cover == nil {
			return nil
		}
		out[t] = m.Trees[t].explained()
	}
	return out
}

func (t *Tree) explained() explained {
	var e explained
	var splits []shapley.Split
	var leaves []shapley.Leaf
	number := make([]int32, len(t.Feature)) // of a node among the splits, or that of a leaf as ^leaf
	for i, f := range t.Feature {
		if f == leaf {
			number[i] = ^int32(len(leaves))
			leaves = append(leaves, shapley.Leaf{Value: t.Value[i], Rows: float64(t.Cover[i])})
			continue
		}
		number[i] = int32(len(splits))
		splits = append(splits, shapley.Split{Column: f, Left: t.Left[i], Right: t.Right[i], Rows: float64(t.Cover[i])})
		e.column, e.threshold = append(e.column, f), append(e.threshold, t.Threshold[i])
	}
	for i := range splits {
		splits[i].Left, splits[i].Right = number[splits[i].Left], number[splits[i].Right]
	}
	e.Tree = shapley.NewTree(splits, leaves)
	return e
}

// explainRows is how many rows a worker takes at a time.
const explainRows = 64

// Contributions writes what each column adds to the log-odds of Probability, then
// the log-odds of the mean probability of the sampled rows; both add up. What they
// are taken from are the Shapley values of path-dependent TreeSHAP of the
// probability, averaged over the trees as the probability is, scaled to log-odds:
// the step of a row from the mean is shared between columns in proportion to what
// each adds to the probability. A missing value counts as the median, as in
// Probability. A model stored without the rows of its nodes gives an error that
// wraps errors.ErrUnsupported.
func (m *Model) Contributions(x *matrix.Dense, dst []float64) error {
	if err := models.CheckContributions(m.Names, x, dst); err != nil {
		return fmt.Errorf("forest: %w", err)
	}
	trees := m.explain()
	if trees == nil {
		return fmt.Errorf("forest: the stored model lacks the rows of its nodes, which contributions need; train it again: %w", errors.ErrUnsupported)
	}
	blocks := (x.Rows + explainRows - 1) / explainRows
	failed := make([]error, blocks)
	var next atomic.Int64
	var wg sync.WaitGroup
	for range min(runtime.GOMAXPROCS(0), blocks) {
		wg.Go(func() {
			for b := int(next.Add(1) - 1); b < blocks; b = int(next.Add(1) - 1) {
				failed[b] = m.contribute(trees, x, b*explainRows, min(x.Rows, (b+1)*explainRows), dst)
			}
		})
	}
	wg.Wait()
	return errors.Join(failed...)
}

// contribute does the rows from up to to.
func (m *Model) contribute(trees []explained, x *matrix.Dense, from, to int, dst []float64) error {
	var s shapley.Scratch
	row := make([]float64, x.Cols())
	for i := from; i < to; i++ {
		if err := m.fillRow(x, i, row); err != nil {
			return err
		}
		phi := dst[i*(x.Cols()+1) : (i+1)*(x.Cols()+1)]
		clear(phi)
		for t := range trees {
			trees[t].add(row, phi, &s)
		}
		for j := range phi {
			phi[j] /= float64(len(trees))
		}
		shapley.ToLogOdds(phi)
	}
	return nil
}

func (e *explained) add(row, phi []float64, s *shapley.Scratch) {
	left := s.Left(e.Tree)
	for i, c := range e.column {
		left[i] = row[c] <= e.threshold[i]
	}
	e.Add(phi, s)
}

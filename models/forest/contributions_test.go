package forest

import (
	"errors"
	"math"
	"math/rand/v2"
	"testing"

	"pgregory.net/rapid"

	"regulars/features/matrix"
	"regulars/models"
	"regulars/models/modeltest"
)

// given is the mean of the tree over its sampled rows, given the columns in the
// coalition: the game of path-dependent TreeSHAP (Lundberg, Erion, Lee 2018,
// algorithm 1).
func (t *Tree) given(at int32, row []float64, coalition uint) float64 {
	f := t.Feature[at]
	l, r := t.Left[at], t.Right[at]
	switch {
	case f == leaf:
		return t.Value[at]
	case coalition>>f&1 == 0:
		return (float64(t.Cover[l])*t.given(l, row, coalition) + float64(t.Cover[r])*t.given(r, row, coalition)) / float64(t.Cover[at])
	case row[f] > t.Threshold[at]:
		return t.given(r, row, coalition)
	}
	return t.given(l, row, coalition)
}

// Contributions are the Shapley values of the forest's probability, by definition,
// stretched so that they reach its log-odds.
func TestContributionsAreShapleyValues(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		x, y, _ := shop(rapid.IntRange(60, 300).Draw(t, "rows"), 5, rapid.Uint64().Draw(t, "seed"))
		m, err := Fit(t.Context(), x, y, Options{Trees: 4, MinLeaf: rapid.IntRange(1, 20).Draw(t, "leaf"), MaxDepth: rapid.IntRange(1, 8).Draw(t, "depth")})
		if err != nil {
			t.Fatal(err)
		}
		one := x.Take([]int{rapid.IntRange(0, x.Rows-1).Draw(t, "row")})
		want := make([]float64, 6)
		for i := range m.Trees {
			tree := &m.Trees[i]
			for j, v := range modeltest.Shapley(5, func(s uint) float64 { return tree.given(0, one.Row(0), s) }) {
				want[j] += v / 4
			}
		}
		p, got := make([]float64, 1), make([]float64, 6)
		if err := errors.Join(m.Probability(one, p), m.Contributions(one, got)); err != nil {
			t.Fatal(err)
		}
		if math.Abs(p[0]-want[5]) < 1e-3 {
			t.Skip("too near the mean for the quotient below")
		}
		stretch := (models.LogOdds(p[0]) - models.LogOdds(want[5])) / (p[0] - want[5])
		for j := range 5 {
			if math.Abs(got[j]-want[j]*stretch) > 1e-9*max(1, stretch) {
				t.Fatalf("column %d: %v, by definition %v", j, got[j], want[j]*stretch)
			}
		}
		if math.Abs(got[5]-models.LogOdds(want[5])) > 1e-9*max(1, stretch) {
			t.Fatalf("base %v, the log-odds of the mean are %v", got[5], models.LogOdds(want[5]))
		}
	})
}

// The rows of a node are those that a walk of the sample leads through it: of a
// single tree on fewer rows than it samples, all.
func TestCoverCountsRows(t *testing.T) {
	x, y, _ := shop(600, 4, 3)
	m, err := FitTree(t.Context(), x, y, TreeOptions{MinLeaf: 10})
	if err != nil {
		t.Fatal(err)
	}
	tree := &m.Trees[0]
	count := make([]int32, len(tree.Feature))
	for i := range x.Rows {
		at := int32(0)
		for count[at]++; tree.Feature[at] != leaf; count[at]++ {
			if x.Row(i)[tree.Feature[at]] > tree.Threshold[at] {
				at = tree.Right[at]
			} else {
				at = tree.Left[at]
			}
		}
	}
	for i, n := range count {
		if n != tree.Cover[i] {
			t.Errorf("node %d has %d rows, the tree says %d", i, n, tree.Cover[i])
		}
	}
}

func TestStoredCover(t *testing.T) {
	tree := func(cover ...int32) []Tree {
		return []Tree{{Feature: []int32{0, leaf, leaf}, Threshold: []float64{1, 0, 0}, Left: []int32{1, -1, -1}, Right: []int32{2, -1, -1}, Value: []float64{0.5, 0, 1}, Cover: cover}}
	}
	for name, cover := range map[string][]int32{"short": {2, 1}, "does not add up": {5, 2, 2}, "no rows": {4, 4, 0}, "overflow": {-2, math.MaxInt32, math.MaxInt32}} {
		if _, err := New([]string{"a"}, []float64{0}, tree(cover...)); err == nil {
			t.Errorf("%s: rows %v are accepted", name, cover)
		}
	}
	shared := tree(4, 2, 2)
	shared[0].Right[0] = 1
	if _, err := New([]string{"a"}, []float64{0}, shared); err == nil {
		t.Error("a node with two parents is accepted beside rows")
	}
	without, err := New([]string{"a"}, []float64{0}, tree())
	if err != nil {
		t.Fatal(err)
	}
	x := matrix.NewDense(2, []string{"a"})
	if err := without.Contributions(x, make([]float64, 4)); !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("contributions without the rows of nodes give %v, want ErrUnsupported", err)
	}
	with, err := New([]string{"a"}, []float64{0}, tree(4, 2, 2))
	if err != nil {
		t.Fatal(err)
	}
	phi := make([]float64, 4)
	if err := with.Contributions(x, phi); err != nil || phi[1] != models.LogOdds(0.5) {
		t.Errorf("contributions %v, %v; the base is one half", phi, err)
	}
}

// BenchmarkContributions reports rows explained a second beside rows scored.
func BenchmarkContributions(b *testing.B) {
	x, y, _ := shop(8000, 30, 7)
	m, err := Fit(b.Context(), x, y, Options{})
	if err != nil {
		b.Fatal(err)
	}
	some := x.Take(rand.New(rand.NewPCG(1, 1)).Perm(8000)[:500])
	dst := make([]float64, 500*31)
	for b.Loop() {
		if err := m.Contributions(some, dst); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.N)*500/b.Elapsed().Seconds(), "rows/s")
}

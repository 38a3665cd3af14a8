package gbdt_test

import (
	"errors"
	"math"
	"math/rand/v2"
	"testing"

	"pgregory.net/rapid"

	"regulars/features/matrix"
	"regulars/models/gbdt"
	"regulars/models/modeltest"
)

// conditional is the mean of the tree over the training rows, given the columns in
// the coalition: the game whose Shapley values path-dependent TreeSHAP gives
// (Lundberg et al. 2018, algorithm 1).
func conditional(t *gbdt.Tree, child int32, row []float64, coalition uint) float64 {
	if child < 0 {
		return t.LeafValue[^child]
	}
	count := func(c int32) float64 {
		if c < 0 {
			return float64(t.LeafCount[^c])
		}
		return float64(t.InternalCount[c])
	}
	l, r := t.Left[child], t.Right[child]
	if coalition>>t.Feature[child]&1 == 1 {
		if left(t, int(child), row[t.Feature[child]]) {
			return conditional(t, l, row, coalition)
		}
		return conditional(t, r, row, coalition)
	}
	return (count(l)*conditional(t, l, row, coalition) + count(r)*conditional(t, r, row, coalition)) / (count(l) + count(r))
}

// left decides a node of a tree that was grown here.
func left(t *gbdt.Tree, node int, v float64) bool {
	if t.Decision[node]&1 == 0 {
		if math.IsNaN(v) {
			return t.Decision[node]&2 != 0
		}
		return v <= t.Threshold[node]
	}
	s := int(t.Threshold[node])
	for w, word := range t.CatBits[t.CatBoundaries[s]:t.CatBoundaries[s+1]] {
		for c := range 32 {
			if word>>c&1 == 1 && v == float64(32*w+c) {
				return true
			}
		}
	}
	return false
}

func TestContributionsAreShapleyValues(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := simulated(rapid.IntRange(50, 400).Draw(t, "rows"), gbdt.Regression, rapid.Uint64().Draw(t, "seed"))
		m, err := gbdt.Fit(t.Context(), d, nil, gbdt.Options{Objective: gbdt.Regression, Rounds: 3, MinDataInLeaf: rapid.IntRange(1, 10).Draw(t, "leaf"),
			NumLeaves: rapid.IntRange(2, 24).Draw(t, "leaves"), MinDataPerGroup: 5}, nil)
		if err != nil {
			t.Fatal(err)
		}
		row := probes(gbdt.Regression).Row(rapid.IntRange(0, 15).Draw(t, "row"))
		row[2], row[3] = math.Trunc(row[2]), math.Trunc(row[3]) // left looks for whole categories
		want := make([]float64, len(row)+1)
		for i := range m.Trees {
			root := int32(0)
			if len(m.Trees[i].Feature) == 0 {
				root = ^0
			}
			for j, v := range modeltest.Shapley(len(row), func(s uint) float64 { return conditional(&m.Trees[i], root, row, s) }) {
				want[j] += v
			}
		}
		got := make([]float64, len(row)+1)
		if err := m.RawContributions(&matrix.Dense{Names: m.Names, Rows: 1, Data: row}, got); err != nil {
			t.Fatal(err)
		}
		for j := range got {
			if math.Abs(got[j]-want[j]) > 1e-11 {
				t.Fatalf("column %d: %v, by definition %v", j, got[j], want[j])
			}
		}
	})
}

// TestContributionsAddUp uses trees whose paths hold dozens of columns.
func TestContributionsAddUp(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	names := make([]string, 60)
	for j := range names {
		names[j] = string(rune('A' + j))
	}
	d := gbdt.Data{X: matrix.NewDense(3000, names), Y: make([]float64, 3000)}
	for i := range d.Y {
		for j := range d.X.Row(i) {
			if rng.IntN(20) == 0 { // rare, so that the tree is a long chain
				d.X.Row(i)[j] = 1
				d.Y[i] += 1 + float64(j)/10
			}
		}
	}
	m := fitted(t, d, gbdt.Options{Objective: gbdt.Regression, NumLeaves: 200, MinDataInLeaf: 1, Rounds: 5})
	got := make([]float64, d.X.Rows*61)
	if err := m.RawContributions(d.X, got); err != nil {
		t.Fatal(err)
	}
	for i, want := range predict(t, m, d.X, true) {
		sum := 0.0
		for _, v := range got[i*61 : (i+1)*61] {
			sum += v
		}
		if math.Abs(sum-want) > 1e-9 {
			t.Fatalf("row %d: contributions add up to %v, the score is %v", i, sum, want)
		}
	}
	deepest := 0
	for i := range m.Trees {
		deepest = max(deepest, longestPath(&m.Trees[i], 0))
	}
	if deepest < 25 {
		t.Errorf("the longest path has %d nodes: too few to show anything", deepest)
	}
}

func longestPath(t *gbdt.Tree, child int32) int {
	if child < 0 {
		return 0
	}
	return 1 + max(longestPath(t, t.Left[child]), longestPath(t, t.Right[child]))
}

// Of a binary objective contributions add up to the log-odds of the probability,
// whatever its sigmoid and whether trees are added up or averaged.
func TestContributionsAreLogOdds(t *testing.T) {
	d := simulated(300, gbdt.Binary, 4)
	grown := fitted(t, d, gbdt.Options{Rounds: 8, NumLeaves: 6, MinDataInLeaf: 5})
	for _, average := range []bool{false, true} {
		m, err := gbdt.New(gbdt.Model{Names: grown.Names, Infos: grown.Infos, Objective: "binary sigmoid:0.7", Classes: 1, Average: average, Trees: grown.Trees})
		if err != nil {
			t.Fatal(err)
		}
		each := d.X.Cols() + 1
		p, phi := make([]float64, d.X.Rows), make([]float64, d.X.Rows*each)
		if err := errors.Join(m.Probability(d.X, p), m.Contributions(d.X, phi)); err != nil {
			t.Fatal(err)
		}
		for i := range p {
			sum := 0.0
			for _, v := range phi[i*each : (i+1)*each] {
				sum += v
			}
			if math.Abs(sum-math.Log(p[i]/(1-p[i]))) > 1e-9 {
				t.Fatalf("averaged %v, row %d: contributions add up to %v, the log-odds are %v", average, i, sum, math.Log(p[i]/(1-p[i])))
			}
		}
	}
	regression := fitted(t, simulated(100, gbdt.Regression, 4), gbdt.Options{Objective: gbdt.Regression, Rounds: 2})
	if err := regression.Contributions(d.X, make([]float64, d.X.Rows*(d.X.Cols()+1))); err == nil {
		t.Error("a regression explains a probability")
	}
}

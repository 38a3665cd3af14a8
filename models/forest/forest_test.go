package forest

import (
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"reflect"
	"testing"
	"time"

	"regulars/features/matrix"
	"regulars/models"
)

// shop draws rows of p standard normal columns; the probability of a true label
// depends on the first three, not linearly.
func shop(rows, p int, seed uint64) (*matrix.Dense, []bool, []float64) {
	names := make([]string, p)
	for j := range names {
		names[j] = string(rune('a' + j))
	}
	x, y, truth := matrix.NewDense(rows, names), make([]bool, rows), make([]float64, rows)
	rng := rand.New(rand.NewPCG(seed, 9))
	for i := range rows {
		r := x.Row(i)
		for j := range r {
			r[j] = rng.NormFloat64()
		}
		truth[i] = 1 / (1 + math.Exp(-(1.5*r[0] + math.Abs(r[1])*2 - 1.6 + r[0]*r[2])))
		y[i] = rng.Float64() < truth[i]
	}
	return x, y, truth
}

// The forest must come close to the probabilities that the labels were drawn
// with, on rows it has not seen.
func TestApproachesTruth(t *testing.T) {
	x, y, _ := shop(4000, 8, 1)
	m, err := Fit(t.Context(), x, y, Options{Seed: 1})
	if err != nil {
		t.Fatal(err)
	}
	fresh, _, truth := shop(2000, 8, 2)
	p := make([]float64, fresh.Rows)
	if err := m.Probability(fresh, p); err != nil {
		t.Fatal(err)
	}
	mean, off, spread := 0.0, 0.0, 0.0
	for _, v := range truth {
		mean += v / float64(len(truth))
	}
	for i := range p {
		off += (p[i] - truth[i]) * (p[i] - truth[i])
		spread += (truth[i] - mean) * (truth[i] - mean)
	}
	if r2 := 1 - off/spread; r2 < 0.8 {
		t.Errorf("the forest explains %.3f of the variance of the true probabilities, want 0.8", r2)
	}
}

// One tree on all distinct values of one column must find the best Gini split,
// here found by trying every threshold.
func TestSplitIsBest(t *testing.T) {
	rng := rand.New(rand.NewPCG(4, 4))
	for range 50 {
		n := 40
		x, y := make([]float64, n), make([]bool, n)
		for i := range n {
			x[i] = float64(rng.IntN(15))
			y[i] = rng.Float64() < x[i]/15
		}
		g := &grower{o: Options{MinLeaf: 3}, values: [][]float64{x}, ranks: [][]int32{ranksOf(x)}, label: y}
		rows := make([]int32, n)
		for i := range rows {
			rows[i] = int32(i)
		}
		got := g.splitOf(0, rows, make([]uint64, n))
		best := math.Inf(-1)
		for cut := 0.5; cut < 15; cut++ {
			best = max(best, gini(x, y, cut, 3))
		}
		if math.IsInf(best, -1) {
			continue
		}
		if at := gini(x, y, got.threshold, 3); math.Abs(at-best) > 1e-9 {
			t.Fatalf("threshold %v gains %v, the best gains %v", got.threshold, at, best)
		}
	}
}

// gini is minus the weighted impurity after a cut, −Inf when a side is too small.
func gini(x []float64, y []bool, cut float64, minLeaf int) float64 {
	var n, p [2]float64
	for i := range x {
		side := 0
		if x[i] > cut {
			side = 1
		}
		n[side]++
		if y[i] {
			p[side]++
		}
	}
	if n[0] < float64(minLeaf) || n[1] < float64(minLeaf) {
		return math.Inf(-1)
	}
	impurity := 0.0
	for s := range 2 {
		share := p[s] / n[s]
		impurity += n[s] * 2 * share * (1 - share)
	}
	return -impurity
}

func TestTreesKeepTheirLimits(t *testing.T) {
	x, y, _ := shop(3000, 6, 3)
	m, err := Fit(t.Context(), x, y, Options{Trees: 5, MaxDepth: 4, MinLeaf: 50, Seed: 2})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := New(m.Names, m.Impute, m.Trees); err != nil {
		t.Errorf("own trees are refused: %v", err)
	}
	for i := range m.Trees {
		tree := &m.Trees[i]
		if d := depth(tree, 0); d < 2 || d > 4 {
			t.Errorf("tree %d is %d deep, at most 4 allowed", i, d)
		}
		reused := map[int32]int{}
		for _, f := range tree.Feature {
			reused[f]++
		}
		if len(reused) < 3 {
			t.Errorf("tree %d splits on %v only", i, reused)
		}
	}
}

func depth(t *Tree, at int32) int {
	if t.Feature[at] == leaf {
		return 0
	}
	return 1 + max(depth(t, t.Left[at]), depth(t, t.Right[at]))
}

// golearn walks Go maps: many fits of the same data must still be equal.
func TestSameTreesEveryTime(t *testing.T) {
	x, y, _ := shop(1500, 6, 4)
	var first *Model
	for n := range 4 {
		m, err := Fit(t.Context(), x, y, Options{Trees: 6, Seed: 3, Workers: 1 + n})
		if err != nil {
			t.Fatal(err)
		}
		if first == nil {
			first = m
		}
		if !reflect.DeepEqual(first.Trees, m.Trees) {
			t.Fatalf("fit %d grew other trees", n)
		}
	}
	other, err := Fit(t.Context(), x, y, Options{Trees: 6, Seed: 4})
	if err != nil || reflect.DeepEqual(first.Trees, other.Trees) {
		t.Errorf("another seed grew the same trees (%v)", err)
	}
}

func TestCancelledWithinASecond(t *testing.T) {
	x, y, _ := shop(8000, 20, 5)
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := Fit(ctx, x, y, Options{Trees: 2000}); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("cancelled fit gives %v", err)
	}
}

func TestRefuses(t *testing.T) {
	x, y, _ := shop(50, 3, 6)
	for _, o := range []Options{{Trees: -1}, {SampleRows: 1}, {FeaturesPerSplit: -2}, {MinLeaf: -1}, {MaxDepth: 31}, {Workers: -1}} {
		var wrong *models.OptionError
		if _, err := Fit(t.Context(), x, y, o); !errors.As(err, &wrong) {
			t.Errorf("%+v gives %v, want an option error", o, err)
		}
	}
	if _, err := Fit(t.Context(), matrix.NewDense(50, nil), y, Options{}); !errors.Is(err, models.ErrNoData) {
		t.Errorf("no columns give %v", err)
	}
	good := func() Tree {
		return Tree{Feature: []int32{0, leaf, leaf}, Threshold: []float64{1, 0, 0}, Left: []int32{1, -1, -1}, Right: []int32{2, -1, -1}, Value: []float64{0.5, 0, 1}}
	}
	for name, spoil := range map[string]func(*Tree){
		"cycle":         func(t *Tree) { t.Left[0] = 0 },
		"beyond":        func(t *Tree) { t.Right[0] = 3 },
		"column":        func(t *Tree) { t.Feature[0] = 1 },
		"value":         func(t *Tree) { t.Value[2] = 1.5 },
		"nan value":     func(t *Tree) { t.Value[2] = math.NaN() },
		"nan threshold": func(t *Tree) { t.Threshold[0] = math.NaN() },
		"short":         func(t *Tree) { t.Value = t.Value[:2] },
		"empty":         func(t *Tree) { *t = Tree{} },
	} {
		tree := good()
		if _, err := New([]string{"a"}, []float64{0}, []Tree{tree}); err != nil {
			t.Fatal(err)
		}
		spoil(&tree)
		if _, err := New([]string{"a"}, []float64{0}, []Tree{tree}); err == nil {
			t.Errorf("%s: a spoilt tree is accepted", name)
		}
	}
}

// BenchmarkFit grows the default forest on 16,000 × 30 and reports sampled rows
// (trees × SampleRows) a second.
func BenchmarkFit(b *testing.B) {
	x, y, _ := shop(16_000, 30, 7)
	for b.Loop() {
		if _, err := Fit(b.Context(), x, y, Options{}); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.N)*50*4000/b.Elapsed().Seconds(), "samples/s")
}

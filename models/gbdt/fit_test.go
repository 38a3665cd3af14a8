package gbdt_test

import (
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"regulars/features/matrix"
	"regulars/models"
	"regulars/models/gbdt"
)

// TestWorkers needs rows enough to be divided among workers.
func TestWorkers(t *testing.T) {
	for _, objective := range objectives {
		d := simulated(40_000, objective, 11)
		var first string
		for _, workers := range []int{1, 2, 5} {
			m := fitted(t, d, gbdt.Options{Objective: objective, Classes: classes(objective), Rounds: 4, BaggingFraction: 0.9, FeatureFraction: 0.9, Seed: 3, Workers: workers})
			if got := text(t, m); first == "" {
				first = got
			} else if got != first {
				t.Errorf("%s: %d workers give another model than one", objective, workers)
			}
		}
		other := text(t, fitted(t, d, gbdt.Options{Objective: objective, Classes: classes(objective), Rounds: 4, BaggingFraction: 0.9, FeatureFraction: 0.9, Seed: 4}))
		if other == first {
			t.Errorf("%s: another seed gives the same model", objective)
		}
	}
}

// TestLeavesHoldTheirRows sends the training rows down the trees and compares with
// the counts, the hessians and the limits asked for.
func TestLeavesHoldTheirRows(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := simulated(rapid.IntRange(30, 3000).Draw(t, "rows"), gbdt.Regression, rapid.Uint64().Draw(t, "seed"))
		o := gbdt.Options{Objective: gbdt.Regression, Rounds: 3, NumLeaves: rapid.IntRange(2, 40).Draw(t, "leaves"), MaxDepth: rapid.IntRange(0, 6).Draw(t, "depth"),
			MinDataInLeaf: rapid.IntRange(1, 50).Draw(t, "least"), MinDataPerGroup: 10, MaxBins: rapid.IntRange(2, 255).Draw(t, "bins"),
			MinGain: rapid.SampledFrom([]float64{0, 5}).Draw(t, "gain")}
		m, err := gbdt.Fit(t.Context(), d, nil, o, nil)
		if err != nil {
			t.Fatal(err)
		}
		for i := range m.Trees {
			tree := &m.Trees[i]
			counts := make([]int32, len(tree.LeafCount))
			for r := range d.X.Rows {
				counts[leafOf(tree, d.X.Row(r))]++
			}
			if !slices.Equal(counts, tree.LeafCount) {
				t.Fatalf("rows in the leaves: %v, the tree says %v", counts, tree.LeafCount)
			}
			if len(counts) == 1 {
				continue
			}
			if least := slices.Min(counts); len(counts) > o.NumLeaves || int(least) < o.MinDataInLeaf {
				t.Fatalf("%d leaves of at least %d rows", len(counts), least)
			}
			if depth := longestPath(tree, 0); o.MaxDepth > 0 && depth > o.MaxDepth {
				t.Fatalf("depth %d", depth)
			}
			if o.MinGain > 0 && slices.Min(tree.Gain) <= 0 {
				t.Fatalf("gains %v", tree.Gain)
			}
		}
	})
}

func leafOf(t *gbdt.Tree, row []float64) int32 {
	at := int32(0)
	if len(t.Feature) == 0 {
		return 0
	}
	for at >= 0 {
		if left(t, int(at), row[t.Feature[at]]) {
			at = t.Left[at]
		} else {
			at = t.Right[at]
		}
	}
	return ^at
}

// TestKnownFunction is Friedman's first benchmark (1991): y = 10 sin(πx₁x₂) +
// 20(x₃−½)² + 10x₄ + 5x₅ + noise of variance 1, five more columns mean nothing.
func TestKnownFunction(t *testing.T) {
	draw := func(rows int, seed uint64) (gbdt.Data, []float64) {
		rng := rand.New(rand.NewPCG(seed, 0))
		d := gbdt.Data{X: matrix.NewDense(rows, strings.Split("abcdefghij", "")), Y: make([]float64, rows)}
		truth := make([]float64, rows)
		for i := range rows {
			x := d.X.Row(i)
			for j := range x {
				x[j] = rng.Float64()
			}
			truth[i] = 10*math.Sin(math.Pi*x[0]*x[1]) + 20*(x[2]-0.5)*(x[2]-0.5) + 10*x[3] + 5*x[4]
			d.Y[i] = truth[i] + rng.NormFloat64()
		}
		return d, truth
	}
	train, _ := draw(5000, 1)
	m := fitted(t, train, gbdt.Options{Objective: gbdt.Regression, Rounds: 300, LearningRate: 0.05})
	test, truth := draw(2000, 2)
	sum := 0.0
	for i, v := range predict(t, m, test.X, false) {
		sum += (v - truth[i]) * (v - truth[i]) / 2000
	}
	if sum > 0.5 { // the function itself has variance 23.8, the noise 1
		t.Errorf("mean squared distance from the function is %.3f", sum)
	}
	importance := m.Importance()
	if slices.Min(importance[:5]) < 10*slices.Max(importance[5:]) {
		t.Errorf("importance %.0f: columns that mean nothing have too much", importance)
	}
}

// TestMeans compares what the objectives predict, over all training rows, with the
// mean of the labels: first-order optimality of their intercepts.
func TestMeans(t *testing.T) {
	for _, objective := range []string{gbdt.Binary, gbdt.Regression, gbdt.Poisson} {
		d := simulated(3000, objective, 21)
		m := fitted(t, d, gbdt.Options{Objective: objective, Rounds: 60})
		got, want := 0.0, 0.0
		for i, v := range predict(t, m, d.X, false) {
			got += v / 3000
			want += d.Y[i] / 3000
		}
		if math.Abs(got-want) > 0.01*want {
			t.Errorf("%s: mean prediction %.4f, mean label %.4f", objective, got, want)
		}
	}
}

func TestMonotone(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := simulated(800, gbdt.Binary, rapid.Uint64().Draw(t, "seed"))
		m, err := gbdt.Fit(t.Context(), d, nil, gbdt.Options{Rounds: 20, NumLeaves: rapid.IntRange(2, 40).Draw(t, "leaves"), MinDataInLeaf: 5, MinDataPerGroup: 10,
			Monotone: "-steady,+zeros", L1: rapid.SampledFrom([]float64{0, 0.5}).Draw(t, "l1")}, nil)
		if err != nil {
			t.Fatal(err)
		}
		x := matrix.NewDense(60, names)
		base := d.X.Row(rapid.IntRange(0, 799).Draw(t, "row"))
		for _, c := range []struct {
			column int
			sign   float64
		}{{0, -1}, {4, 1}} {
			for i := range x.Rows {
				copy(x.Row(i), base)
				x.Row(i)[c.column] = float64(i-30) / 10
			}
			dst := make([]float64, x.Rows)
			if err := m.Predict(x, true, dst); err != nil {
				t.Fatal(err)
			}
			for i := 1; i < len(dst); i++ {
				if c.sign*(dst[i]-dst[i-1]) < -1e-12 {
					t.Fatalf("column %d from %v to %v: score from %v to %v", c.column, x.Row(i - 1)[c.column], x.Row(i)[c.column], dst[i-1], dst[i])
				}
			}
		}
	})
}

func TestEarlyStopping(t *testing.T) {
	train, valid := simulated(500, gbdt.Binary, 31), simulated(500, gbdt.Binary, 32)
	o := gbdt.Options{Rounds: 400, LearningRate: 0.3, EarlyStopping: 10}
	rounds := 0
	m, err := gbdt.Fit(t.Context(), train, &valid, o, func(done, total int) { rounds = done })
	if err != nil {
		t.Fatal(err)
	}
	if rounds != m.Rounds()+10 || rounds >= 400 {
		t.Fatalf("stopped after %d rounds with %d kept", rounds, m.Rounds())
	}
	loss := func(rounds int) float64 {
		o := o
		o.Rounds = rounds
		sum := 0.0
		for i, s := range predict(t, fitted(t, train, o), valid.X, true) {
			sum += math.Log1p(math.Exp(s)) - valid.Y[i]*s
		}
		return sum
	}
	best := loss(m.Rounds())
	for _, other := range []int{1, m.Rounds() - 1, m.Rounds() + 1, rounds} {
		if loss(other) < best {
			t.Errorf("%d rounds have a lower validation loss than the %d kept", other, m.Rounds())
		}
	}
}

// TestWeights compares rows of weight k with rows that come k times. Tweedie is not
// among them: its hessians differ so much that the rows estimated from them do too.
func TestWeights(t *testing.T) {
	for _, objective := range []string{gbdt.Binary, gbdt.Multiclass, gbdt.Regression, gbdt.Poisson} {
		d := simulated(300, objective, 41)
		for i := range d.X.Data {
			d.X.Data[i] = math.Round(d.X.Data[i]) // few values, so that both have the same bins
		}
		for i := range d.X.Rows {
			d.X.Row(i)[1] = math.Abs(d.X.Row(i)[1])
		}
		d.Categorical = nil // how many rows a category has counts there, not their weight
		d.Weight = make([]float64, 300)
		var repeated []int
		for i := range d.Weight {
			d.Weight[i] = float64(i % 3)
			for range i % 3 {
				repeated = append(repeated, i)
			}
		}
		r := gbdt.Data{X: d.X.Take(repeated)}
		for _, i := range repeated {
			r.Y = append(r.Y, d.Y[i])
		}
		o := gbdt.Options{Objective: objective, Classes: classes(objective), Rounds: 5, MinDataInLeaf: 1, MinDataInBin: 1, MinSumHessian: new(float64), L2: 1}
		*o.MinSumHessian = 3
		near(t, objective, predict(t, fitted(t, d, o), r.X, true), predict(t, fitted(t, r, o), r.X, true), 1e-9)
	}
}

func TestBadData(t *testing.T) {
	good := func() gbdt.Data { return simulated(60, gbdt.Binary, 51) }
	for _, c := range []struct {
		name   string
		change func(d *gbdt.Data, o *gbdt.Options)
		want   string
	}{
		{"no table", func(d *gbdt.Data, _ *gbdt.Options) { d.X = nil }, "no rows"},
		{"no columns", func(d *gbdt.Data, _ *gbdt.Options) { d.X, d.Categorical = matrix.NewDense(60, nil), nil }, "no columns"},
		{"label missing", func(d *gbdt.Data, _ *gbdt.Options) { d.Y[7] = math.NaN() }, "label of row 7"},
		{"label infinite", func(d *gbdt.Data, o *gbdt.Options) { d.Y[7], o.Objective = math.Inf(1), gbdt.Regression }, "label of row 7"},
		{"label below zero", func(d *gbdt.Data, o *gbdt.Options) { d.Y[7], o.Objective = -1, gbdt.Tweedie }, "label of row 7"},
		{"class beyond the last", func(d *gbdt.Data, o *gbdt.Options) { d.Y[7], o.Objective, o.Classes = 3, gbdt.Multiclass, 3 }, "label of row 7"},
		{"half a grade", func(d *gbdt.Data, o *gbdt.Options) { d.Y[7], o.Objective = 0.5, gbdt.LambdaRank }, "label of row 7"},
		{"one class", func(d *gbdt.Data, _ *gbdt.Options) { clear(d.Y) }, "all 60 labels are 0"},
		{"one class has all the weight", func(d *gbdt.Data, _ *gbdt.Options) { d.Weight = slices.Clone(d.Y) }, "all the same"},
		{"nothing counted", func(d *gbdt.Data, o *gbdt.Options) { clear(d.Y); o.Objective = gbdt.Poisson }, "all the same"},
		{"weight below zero", func(d *gbdt.Data, _ *gbdt.Options) { d.Weight = make([]float64, 60); d.Weight[3] = -1 }, "weight of row 3"},
		{"no weight", func(d *gbdt.Data, _ *gbdt.Options) { d.Weight = make([]float64, 60) }, "add up to 0"},
		{"too few weights", func(d *gbdt.Data, _ *gbdt.Options) { d.Weight = make([]float64, 59) }, "59 weights"},
		{"no groups", func(d *gbdt.Data, o *gbdt.Options) { o.Objective = gbdt.LambdaRank }, "group of every row"},
		{"empty group", func(d *gbdt.Data, o *gbdt.Options) { o.Objective, d.Group = gbdt.LambdaRank, []int32{60, 0} }, "group 1 has 0 rows"},
		{"infinite value", func(d *gbdt.Data, _ *gbdt.Options) { d.X.Row(9)[0] = math.Inf(-1) }, `row 9 of column "steady"`},
		{"category below zero", func(d *gbdt.Data, _ *gbdt.Options) { d.X.Row(9)[2] = -1 }, `row 9 of the categorical column "category"`},
		{"category of half", func(d *gbdt.Data, _ *gbdt.Options) { d.X.Row(9)[2] = 0.5 }, `row 9 of the categorical column "category"`},
		{"huge category", func(d *gbdt.Data, _ *gbdt.Options) { d.X.Row(9)[2] = 1e9 }, `row 9 of the categorical column "category"`},
		{"no such categorical column", func(d *gbdt.Data, _ *gbdt.Options) { d.Categorical = []int{6} }, "categorical column 6"},
	} {
		d, o := good(), gbdt.Options{}
		c.change(&d, &o)
		if _, err := gbdt.Fit(t.Context(), d, nil, o, nil); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want one with %q", c.name, err, c.want)
		}
	}
}

func TestBadOptions(t *testing.T) {
	below := -1.0
	for option, o := range map[string]gbdt.Options{
		"Objective": {Objective: "hinge"}, "Classes": {Objective: gbdt.Multiclass, Classes: 1}, "Rounds": {Rounds: -1}, "NumLeaves": {NumLeaves: 1},
		"MaxDepth": {MaxDepth: -1}, "MinDataInLeaf": {MinDataInLeaf: -3}, "MaxBins": {MaxBins: 256}, "LearningRate": {LearningRate: math.NaN()},
		"MinSumHessian": {MinSumHessian: &below}, "L1": {L1: -1}, "L2": {L2: math.Inf(1)}, "BaggingFraction": {BaggingFraction: 1.1},
		"FeatureFraction": {FeatureFraction: -0.5}, "CatSmooth": {CatSmooth: &below}, "TweediePower": {TweediePower: 2}, "Monotone": {Monotone: "steady"},
		"EarlyStopping": {EarlyStopping: -1}, "Workers": {Workers: -1},
	} {
		refused(t, option, o)
	}
	refused(t, "Monotone", gbdt.Options{Monotone: "+category"})
	refused(t, "Monotone", gbdt.Options{Monotone: "+unheard of"})
}

func refused(t *testing.T, option string, o gbdt.Options) {
	t.Helper()
	_, err := gbdt.Fit(t.Context(), simulated(60, gbdt.Binary, 1), nil, o, nil)
	var wrong *models.OptionError
	if !errors.As(err, &wrong) || wrong.Option != option {
		t.Errorf("%s: error %v", option, err)
	}
}

// TestNothingToSplit gives models of one leaf that predict the mean.
func TestNothingToSplit(t *testing.T) {
	for name, d := range map[string]gbdt.Data{
		"two rows":       {X: &matrix.Dense{Names: []string{"a"}, Rows: 2, Data: []float64{1, 2}}, Y: []float64{0, 3}},
		"constant":       {X: matrix.NewDense(100, []string{"a"}), Y: append(make([]float64, 50), slices.Repeat([]float64{3}, 50)...)},
		"always missing": {X: &matrix.Dense{Names: []string{"a"}, Rows: 2, Data: []float64{math.NaN(), math.NaN()}}, Y: []float64{0, 3}, Categorical: []int{0}},
		"label constant": {X: &matrix.Dense{Names: []string{"a"}, Rows: 2, Data: []float64{1, 2}}, Y: []float64{1.5, 1.5}},
	} {
		m := reread(t, text(t, fitted(t, d, gbdt.Options{Objective: gbdt.Regression, BaggingFraction: 0.9})))
		for _, v := range predict(t, m, d.X, false) {
			if v != 1.5 || m.Rounds() != 1 {
				t.Errorf("%s: %d rounds predict %v", name, m.Rounds(), v)
			}
		}
	}
}

// TestExtremes has labels and weights at the ends of the range.
func TestExtremes(t *testing.T) {
	d := simulated(300, gbdt.Regression, 61)
	for i := range d.Y {
		d.Y[i] *= 1e100
	}
	m := fitted(t, d, gbdt.Options{Objective: gbdt.Regression, Rounds: 50})
	left, total := 0.0, 0.0
	for i, v := range predict(t, m, d.X, false) {
		left += math.Abs(v-d.Y[i]) / 1e100
		total += math.Abs(d.Y[i]) / 1e100
	}
	if !(left < total/2) {
		t.Errorf("labels of 1e100: %v of %v is left", left, total)
	}
	d = simulated(300, gbdt.Binary, 61)
	d.Weight = make([]float64, 300)
	for i := range d.Weight {
		d.Weight[i] = math.Pow(10, float64(i%100))
	}
	fitted(t, d, gbdt.Options{})
	d = simulated(300, gbdt.Regression, 61)
	if _, err := gbdt.Fit(t.Context(), d, nil, gbdt.Options{Objective: gbdt.Regression, LearningRate: 900}, nil); err == nil || !strings.Contains(err.Error(), "LearningRate") {
		t.Errorf("scores without bounds: %v", err)
	}
}

func TestCancelledWhileFitting(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	_, err := gbdt.Fit(ctx, simulated(500, gbdt.Binary, 1), nil, gbdt.Options{Rounds: 1_000_000}, func(done, _ int) {
		if done == 3 {
			cancel()
		}
	})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
}

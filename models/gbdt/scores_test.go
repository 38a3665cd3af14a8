package gbdt

import (
	"math"
	"math/rand/v2"
	"testing"

	"regulars/features/matrix"
)

// TestScoresWhileFitting compares the scores kept while fitting, where rows go down
// the trees by their bins, with those of the finished model, where they go by their
// values: of the rows that trees were grown on, of those left out of the bag and of
// validation rows.
func TestScoresWhileFitting(t *testing.T) {
	rng := rand.New(rand.NewPCG(8, 8))
	draw := func(rows int) Data {
		d := Data{X: matrix.NewDense(rows, []string{"a", "b", "c", "d"}), Categorical: []int{2, 3}, Y: make([]float64, rows)}
		for i := range rows {
			x := d.X.Row(i)
			copy(x, []float64{rng.NormFloat64(), math.Round(rng.NormFloat64()), float64(rng.IntN(300)), float64(rng.IntN(4))})
			d.Y[i] = x[0] + math.Sin(x[2]) + x[3]
			if x[rng.IntN(4)] > 1 {
				x[rng.IntN(4)] = math.NaN()
			}
		}
		return d
	}
	train, valid := draw(20_000), draw(500)
	o, err := Options{Objective: Regression, BaggingFraction: 0.5, BaggingFreq: 2, FeatureFraction: 0.7, MinDataPerGroup: 20, Workers: 3}.resolved()
	if err != nil {
		t.Fatal(err)
	}
	b, err := newBooster(t.Context(), &train, &valid, &o)
	if err != nil {
		t.Fatal(err)
	}
	for round := range 10 {
		if _, err := b.round(t.Context(), round); err != nil {
			t.Fatal(err)
		}
	}
	b.best = len(b.trees)
	m, err := b.model()
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		x    *matrix.Dense
		kept []float64
	}{{train.X, b.scores}, {valid.X, b.later}} {
		got := make([]float64, c.x.Rows)
		if err := m.Predict(c.x, true, got); err != nil {
			t.Fatal(err)
		}
		for i := range got {
			if math.Abs(got[i]-c.kept[i]) > 1e-9 {
				t.Fatalf("row %d (%v): the model gives %v, while fitting it was %v", i, c.x.Row(i), got[i], c.kept[i])
			}
		}
	}
}

// TestHistogramsNotKept grows the same tree when no histogram may be kept.
func TestHistogramsNotKept(t *testing.T) {
	rng := rand.New(rand.NewPCG(9, 9))
	d := Data{X: matrix.NewDense(1000, []string{"a", "b"}), Y: make([]float64, 1000)}
	for i := range d.Y {
		d.X.Row(i)[0], d.X.Row(i)[1] = rng.NormFloat64(), rng.NormFloat64()
		d.Y[i] = d.X.Row(i)[0] * d.X.Row(i)[1]
	}
	o, err := Options{Objective: Regression}.resolved()
	if err != nil {
		t.Fatal(err)
	}
	var texts []string
	for _, budget := range []int{histogramBudget, 0} {
		b, err := newBooster(t.Context(), &d, nil, &o)
		if err != nil {
			t.Fatal(err)
		}
		b.grower.budget = budget
		if _, err := b.round(t.Context(), 0); err != nil {
			t.Fatal(err)
		}
		if kept := b.grower.kept; kept != 0 {
			t.Errorf("%d histograms are still held", kept)
		}
		texts = append(texts, b.trees[0].text())
	}
	if texts[0] != texts[1] {
		t.Errorf("without histograms of parents the tree is another:\n%s\n%s", texts[0], texts[1])
	}
}

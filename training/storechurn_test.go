package training

import (
	"errors"
	"math"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"regulars/data/durable"
	"regulars/features/matrix"
	"regulars/models"
	"regulars/models/artifact"
	"regulars/models/calibrate"
	"regulars/models/forest"
	"regulars/models/logistic"
)

func storedChurn(t *testing.T, kind string, m models.Classifier) models.Classifier {
	t.Helper()
	store := artifact.NewStore(filepath.Join(t.TempDir(), "models"), durable.FS{}, time.Now)
	version, err := store.Publish(artifact.Manifest{Name: "m", Kind: kind, AsOf: "2011-12-08"}, func(dir string) error {
		return saveChurn(dir, m, &calibrate.Platt{A: 0.1, B: 0.9})
	})
	if err != nil {
		t.Fatal(err)
	}
	a, err := store.Open("m", version)
	if err != nil {
		t.Fatal(err)
	}
	again, err := loadChurn(a)
	if err != nil {
		t.Fatal(err)
	}
	return again
}

// A stored model scores and explains to the bit as before. A forest stored
// before nodes had their rows scores the same and cannot explain.
func TestStoredChurnExplains(t *testing.T) {
	x, y := matrix.NewDense(400, []string{"a", "b"}), make([]bool, 400)
	rng := rand.New(rand.NewPCG(2, 2))
	for i := range y {
		x.Row(i)[0], x.Row(i)[1] = rng.NormFloat64(), rng.NormFloat64()
		y[i] = x.Row(i)[0]+rng.NormFloat64() > 0
	}
	trees, err := forest.Fit(t.Context(), x, y, forest.Options{Trees: 5})
	if err != nil {
		t.Fatal(err)
	}
	line, err := logistic.Fit(t.Context(), x, y, logistic.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for kind, m := range map[string]models.Classifier{kindForest: trees, kindLogistic: line} {
		fresh, stored := &calibrate.Calibrated{Base: m, Map: &calibrate.Platt{A: 0.1, B: 0.9}}, storedChurn(t, kind, m).(*calibrate.Calibrated)
		want, got := make([]float64, 3*x.Rows), make([]float64, 3*x.Rows)
		if err := errors.Join(fresh.Contributions(x, want), stored.Contributions(x, got)); err != nil || !slices.Equal(want, got) {
			t.Errorf("%s: contributions change when it is stored (%v)", kind, err)
		}
	}
	old := slices.Clone(trees.Trees)
	for i := range old {
		old[i].Cover = nil
	}
	without, err := forest.New(trees.Names, trees.Impute, old)
	if err != nil {
		t.Fatal(err)
	}
	stored := storedChurn(t, kindForest, without).(*calibrate.Calibrated)
	p := make([]float64, x.Rows)
	if err := stored.Probability(x, p); err != nil || math.IsNaN(p[0]) {
		t.Errorf("a forest without the rows of its nodes scores %v, %v", p[0], err)
	}
	if err := stored.Contributions(x, make([]float64, 3*x.Rows)); !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("a forest without the rows of its nodes explains: %v", err)
	}
}

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
	"regulars/models/average"
	"regulars/models/calibrate"
	"regulars/models/forest"
	"regulars/models/gbdt"
	"regulars/models/logistic"
	"regulars/models/mlp"
	"regulars/training/churn"
)

// testCalibration does everything that a calibration can.
var testCalibration = &churn.Calibration{Platt: &calibrate.Platt{A: 0.1, B: 0.9}, Shift: -0.2, Weight: 0.9, Rate: 0.4}

func storedChurn(t *testing.T, kind string, m models.Classifier) models.Classifier {
	t.Helper()
	store := artifact.NewStore(filepath.Join(t.TempDir(), "models"), durable.FS{}, time.Now)
	version, err := store.Publish(artifact.Manifest{Name: "m", Kind: kind, AsOf: "2011-12-08"}, func(dir string) error {
		return saveChurn(dir, &churn.Model{Calibrated: calibrate.Calibrated{Base: m}, Map: testCalibration})
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
	boosted, err := gbdt.Fit(t.Context(), gbdt.Data{X: x, Y: numbers(y)}, nil, gbdt.Options{Rounds: 20}, nil)
	if err != nil {
		t.Fatal(err)
	}
	both, err := average.New(line, boosted)
	if err != nil {
		t.Fatal(err)
	}
	for kind, m := range map[string]models.Classifier{kindForest: trees, kindLogistic: line, kindTrees: boosted, kindAverage: both} {
		fresh, stored := &calibrate.Calibrated{Base: m, Map: testCalibration}, storedChurn(t, kind, m).(*calibrate.Calibrated)
		want, got := make([]float64, 3*x.Rows), make([]float64, 3*x.Rows)
		if err := errors.Join(fresh.Contributions(x, want), stored.Contributions(x, got)); err != nil || !slices.Equal(want, got) {
			t.Errorf("%s: contributions change when it is stored (%v)", kind, err)
		}
	}
	nets, err := mlp.Fit(t.Context(), x, y, mlp.Options{Nets: 2, Epochs: 2})
	if err != nil {
		t.Fatal(err)
	}
	want, got := make([]float64, x.Rows), make([]float64, x.Rows)
	if err := errors.Join((&calibrate.Calibrated{Base: nets, Map: testCalibration}).Probability(x, want), storedChurn(t, kindNets, nets).Probability(x, got)); err != nil || !slices.Equal(want, got) {
		t.Errorf("nets say another thing when they are stored (%v)", err)
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

func numbers(y []bool) []float64 {
	out := make([]float64, len(y))
	for i, v := range y {
		if v {
			out[i] = 1
		}
	}
	return out
}

package mlp_test

import (
	"errors"
	"math"
	"math/rand/v2"
	"reflect"
	"testing"

	"regulars/features/matrix"
	"regulars/models"
	"regulars/models/logistic"
	"regulars/models/mlp"
)

// interaction draws rows whose log-odds are 3·a·b, which no sum of functions of
// a and of b can tell, and returns the log loss of the true probabilities.
func interaction(n int, seed uint64) (x *matrix.Dense, y []bool, best float64) {
	rng := rand.New(rand.NewPCG(seed, 5))
	x, y = matrix.NewDense(n, []string{"a", "b", "noise"}), make([]bool, n)
	for i := range y {
		a, b := rng.NormFloat64(), rng.NormFloat64()
		copy(x.Row(i), []float64{a, b, rng.NormFloat64()})
		p := 1 / (1 + math.Exp(-3*a*b))
		y[i] = rng.Float64() < p
		best += lossOf(p, y[i]) / float64(n)
	}
	return x, y, best
}

func lossOf(p float64, y bool) float64 {
	if !y {
		p = 1 - p
	}
	return -math.Log(math.Max(p, 1e-15))
}

func loss(t *testing.T, m models.Classifier, x *matrix.Dense, y []bool) float64 {
	t.Helper()
	p := make([]float64, x.Rows)
	if err := m.Probability(x, p); err != nil {
		t.Fatal(err)
	}
	s := 0.0
	for i := range p {
		s += lossOf(p[i], y[i]) / float64(len(p))
	}
	return s
}

// A net comes near the log loss of the true probabilities on new rows, where a
// linear model learns next to nothing.
func TestLearnsAnInteraction(t *testing.T) {
	x, y, _ := interaction(6000, 1)
	fresh, truth, best := interaction(4000, 2)
	for _, o := range []mlp.Options{{Seed: 1}, {Hidden: 16, Hidden2: 8, Seed: 1}, {Later: 0.2, Seed: 1}} {
		m, err := mlp.Fit(t.Context(), x, y, o)
		if err != nil {
			t.Fatal(err)
		}
		if got := loss(t, m, fresh, truth); got > best+0.02 {
			t.Errorf("%+v: log loss %.4f on new rows, the truth has %.4f", o, got, best)
		}
	}
	linear, err := logistic.Fit(t.Context(), x, y, logistic.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if got := loss(t, linear, fresh, truth); got < best+0.15 {
		t.Errorf("a linear model has log loss %.4f, the truth %.4f: there is nothing to show here", got, best)
	}
}

// A large net on few rows learns them by heart; stopping early keeps it sensible.
func TestStopsEarly(t *testing.T) {
	x, y, _ := interaction(300, 3)
	fresh, truth, _ := interaction(3000, 4)
	none := 0.0
	o := mlp.Options{Hidden: 64, Epochs: 200, Rate: 0.02, Decay: &none, Nets: 1, Seed: 2}
	heart, err := mlp.Fit(t.Context(), x, y, o)
	if err != nil {
		t.Fatal(err)
	}
	o.Later = 0.3
	early, err := mlp.Fit(t.Context(), x, y, o)
	if err != nil {
		t.Fatal(err)
	}
	by, stopped := loss(t, heart, fresh, truth), loss(t, early, fresh, truth)
	if !(stopped < math.Ln2 && stopped < by-0.03) {
		t.Errorf("log loss on new rows %.3f by heart, %.3f stopped early", by, stopped)
	}
}

func TestDecayShrinks(t *testing.T) {
	x, y, _ := interaction(500, 1)
	size := func(decay float64) float64 {
		m, err := mlp.Fit(t.Context(), x, y, mlp.Options{Decay: &decay, Nets: 1, Seed: 1})
		if err != nil {
			t.Fatal(err)
		}
		s := 0.0
		for _, w := range m.Nets[0].Layers[0].Weights {
			s += w * w
		}
		return s
	}
	if none, much := size(0), size(20); !(much < none/4) {
		t.Errorf("weights of size %v without decay, %v with much of it", none, much)
	}
}

// The nets depend on the seed, and not on the workers; stored they are the same.
func TestSeedAndStorage(t *testing.T) {
	x, y, _ := interaction(300, 1)
	fit := func(o mlp.Options) *mlp.Model {
		m, err := mlp.Fit(t.Context(), x, y, o)
		if err != nil {
			t.Fatal(err)
		}
		return m
	}
	one := fit(mlp.Options{Seed: 1, Epochs: 2, Workers: 1})
	if !reflect.DeepEqual(one, fit(mlp.Options{Seed: 1, Epochs: 2, Workers: 3})) {
		t.Error("three workers make other nets than one")
	}
	if reflect.DeepEqual(one, fit(mlp.Options{Seed: 2, Epochs: 2})) {
		t.Error("another seed makes the same nets")
	}
	if reflect.DeepEqual(one.Nets[0], one.Nets[1]) {
		t.Error("two nets of a committee are the same")
	}
	again, err := mlp.New(one.Names, one.Inputs, one.Nets)
	if err != nil || !reflect.DeepEqual(one, again) {
		t.Errorf("stored and read it differs (%v)", err)
	}
}

func TestRefuses(t *testing.T) {
	x, y, _ := interaction(50, 1)
	below := -1.0
	for _, o := range []mlp.Options{{Hidden: -1}, {Hidden2: -1}, {Nets: -1}, {Epochs: -1}, {Batch: -1}, {Workers: -1}, {Rate: -1}, {Rate: math.NaN()}, {Decay: &below}, {Later: 0.9}, {Later: math.NaN()}} {
		var wrong *models.OptionError
		if _, err := mlp.Fit(t.Context(), x, y, o); !errors.As(err, &wrong) {
			t.Errorf("%+v gives %v, want an option error", o, err)
		}
	}
	for i := range y {
		y[i] = i >= 40
	}
	if _, err := mlp.Fit(t.Context(), x, y, mlp.Options{Later: 0.2}); !errors.Is(err, models.ErrNoData) {
		t.Errorf("one class in what is learned from gives %v", err)
	}
	in := []mlp.Input{{Std: 1}}
	layer := func(weights, units int) mlp.Layer { return mlp.Layer{make([]float64, weights), make([]float64, units)} }
	good := mlp.Net{Layers: []mlp.Layer{layer(2, 2), layer(2, 1)}}
	if _, err := mlp.New([]string{"a"}, in, []mlp.Net{good}); err != nil {
		t.Errorf("a good net is refused: %v", err)
	}
	nan := mlp.Net{Layers: []mlp.Layer{{[]float64{math.NaN()}, []float64{0}}, layer(1, 1)}}
	for _, bad := range []mlp.Net{{}, nan, {Layers: []mlp.Layer{layer(1, 1)}}, {Layers: []mlp.Layer{layer(2, 2), layer(4, 2)}}, {Layers: []mlp.Layer{layer(3, 2), layer(2, 1)}}} {
		if _, err := mlp.New([]string{"a"}, in, []mlp.Net{good, bad}); err == nil {
			t.Errorf("a stored net %+v is accepted", bad)
		}
	}
	if _, err := mlp.New([]string{"a"}, in, nil); err == nil {
		t.Error("no nets are accepted")
	}
	if _, err := mlp.New([]string{"a"}, []mlp.Input{{Column: 1, Std: 1}}, []mlp.Net{good}); err == nil {
		t.Error("an input of a column that there is not is accepted")
	}
}

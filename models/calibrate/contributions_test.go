package calibrate_test

import (
	"context"
	"errors"
	"math"
	"testing"

	"regulars/features/matrix"
	"regulars/models"
	"regulars/models/calibrate"
	"regulars/models/logistic"
	"regulars/models/modeltest"
)

func overLogistic(ctx context.Context, x *matrix.Dense, y []bool, fit func([]float64, []bool) (calibrate.Map, error)) (models.Classifier, error) {
	base, err := logistic.Fit(ctx, x, y, logistic.Options{})
	if err != nil {
		return nil, err
	}
	raw := make([]float64, x.Rows)
	if err := base.Probability(x, raw); err != nil {
		return nil, err
	}
	m, err := fit(raw, y)
	return &calibrate.Calibrated{Base: base, Map: m}, err
}

func TestConformanceOverContributor(t *testing.T) {
	for name, fit := range map[string]func([]float64, []bool) (calibrate.Map, error){
		"platt":    func(raw []float64, y []bool) (calibrate.Map, error) { return calibrate.FitPlatt(raw, y) },
		"isotonic": func(raw []float64, y []bool) (calibrate.Map, error) { return calibrate.FitIsotonic(raw, y) },
	} {
		t.Run(name, func(t *testing.T) {
			modeltest.Classifier(t, func(ctx context.Context, x *matrix.Dense, y []bool) (models.Classifier, error) {
				return overLogistic(ctx, x, y, fit)
			}, true)
		})
	}
}

// line is a logistic model of the columns as they are: contributions to raw
// log-odds are 1·a and 2·b, before them 0.3.
func line(t *testing.T) *logistic.Model {
	t.Helper()
	m, err := logistic.New([]string{"a", "b"}, []logistic.Term{{Column: 0, Std: 1, Coefficient: 1}, {Column: 1, Std: 1, Coefficient: 2}}, 0.3)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func TestPlattContributions(t *testing.T) {
	platt, err := calibrate.NewPlatt(-0.4, 0.5)
	if err != nil {
		t.Fatal(err)
	}
	c := &calibrate.Calibrated{Base: line(t), Map: platt}
	x := matrix.NewDense(2, []string{"a", "b"})
	copy(x.Data, []float64{1, -3, 0, 0})
	got := make([]float64, 6)
	if err := c.Contributions(x, got); err != nil {
		t.Fatal(err)
	}
	for i, want := range []float64{0.5, -3, -0.4 + 0.5*0.3, 0, 0, -0.4 + 0.5*0.3} {
		if math.Abs(got[i]-want) > 1e-12 {
			t.Errorf("number %d is %v, want %v", i, got[i], want)
		}
	}
}

// Where a map says the same of all, nothing contributes; where it rises, signs and
// proportions stay and the sum is that of the calibrated probability.
func TestIsotonicContributions(t *testing.T) {
	isotonic, err := calibrate.NewIsotonic([]float64{0, 0.4, 0.6, 1}, []float64{0.2, 0.2, 0.7, 0.7})
	if err != nil {
		t.Fatal(err)
	}
	c := &calibrate.Calibrated{Base: line(t), Map: isotonic}
	x := matrix.NewDense(3, []string{"a", "b"})
	copy(x.Data, []float64{3, -4, 1, 1, 2, -1}) // the last contributes nothing in all
	got := make([]float64, 9)
	if err := c.Contributions(x, got); err != nil {
		t.Fatal(err)
	}
	if ratio := got[1] / got[0]; got[0] <= 0 || math.Abs(ratio+8.0/3) > 1e-9 || math.Abs(got[0]+got[1]+got[2]-math.Log(0.25)) > 1e-9 {
		t.Errorf("down the rise: %v", got[:3])
	}
	if before := models.LogOdds(isotonic.Apply(1 / (1 + math.Exp(-0.3)))); math.Abs(got[2]-before) > 1e-9 || math.Abs(got[5]-before) > 1e-9 {
		t.Errorf("before any column: %v and %v, want %v", got[2], got[5], before)
	}
	if math.Abs(got[3]*2-got[4]) > 1e-9 || got[6] <= 0 || math.Abs(got[6]+got[7]) > 1e-9 {
		t.Errorf("further rows: %v", got[3:])
	}
	flat, err := calibrate.NewIsotonic([]float64{0, 1}, []float64{0.3, 0.3})
	if err != nil {
		t.Fatal(err)
	}
	c.Map = flat
	if err := c.Contributions(x, got); err != nil || got[0] != 0 || got[4] != 0 || math.Abs(got[8]-models.LogOdds(0.3)) > 1e-9 {
		t.Errorf("one probability for all: %v, %v", got, err)
	}
}

func TestContributionsOfWhatHasNone(t *testing.T) {
	c := &calibrate.Calibrated{Base: firstColumn{[]string{"a"}}, Map: &calibrate.Platt{B: 1}}
	if err := c.Contributions(matrix.NewDense(1, []string{"a"}), make([]float64, 2)); !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("a model without contributions gives %v, want ErrUnsupported", err)
	}
}

package calibrate_test

import (
	"context"
	"errors"
	"math"
	"testing"

	"regulars/features/matrix"
	"regulars/models"
	"regulars/models/calibrate"
	"regulars/models/modeltest"
)

// firstColumn is a classifier that needs no fitting: the sigmoid of the first
// column, a missing value counting as 0.
type firstColumn struct{ names []string }

func (c firstColumn) Probability(x *matrix.Dense, dst []float64) error {
	if err := models.CheckColumns(c.names, x.Names); err != nil {
		return err
	}
	if len(dst) != x.Rows {
		return errors.New("wrong length")
	}
	for i := range dst {
		v := x.Row(i)[0]
		if math.IsInf(v, 0) {
			return errors.New("infinite value")
		}
		if dst[i] = 0.5; !math.IsNaN(v) {
			dst[i] = 1 / (1 + math.Exp(-v))
		}
	}
	return nil
}

func calibrated(ctx context.Context, x *matrix.Dense, y []bool, fit func([]float64, []bool) (calibrate.Map, error)) (models.Classifier, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	base, raw := firstColumn{x.Names}, make([]float64, x.Rows)
	if err := base.Probability(x, raw); err != nil {
		return nil, err
	}
	m, err := fit(raw, y)
	if err != nil {
		return nil, err
	}
	return &calibrate.Calibrated{Base: base, Map: m}, nil
}

func TestConformance(t *testing.T) {
	fits := map[string]func(raw []float64, y []bool) (calibrate.Map, error){
		"platt":    func(raw []float64, y []bool) (calibrate.Map, error) { return calibrate.FitPlatt(raw, y) },
		"isotonic": func(raw []float64, y []bool) (calibrate.Map, error) { return calibrate.FitIsotonic(raw, y) },
	}
	for name, fit := range fits {
		t.Run(name, func(t *testing.T) {
			modeltest.Classifier(t, func(ctx context.Context, x *matrix.Dense, y []bool) (models.Classifier, error) {
				return calibrated(ctx, x, y, fit)
			}, true)
		})
	}
}

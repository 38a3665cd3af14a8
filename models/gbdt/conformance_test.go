package gbdt_test

import (
	"context"
	"testing"

	"regulars/features/matrix"
	"regulars/models"
	"regulars/models/gbdt"
	"regulars/models/modeltest"
)

func TestConformance(t *testing.T) {
	modeltest.Classifier(t, func(ctx context.Context, x *matrix.Dense, y []bool) (models.Classifier, error) {
		return gbdt.Fit(ctx, gbdt.Data{X: x, Y: numbers(y)}, nil, gbdt.Options{Rounds: 40, BaggingFraction: 0.8, Seed: 1}, nil)
	}, true)
}

// numbers turns labels into 0 and 1.
func numbers(y []bool) []float64 {
	out := make([]float64, len(y))
	for i, v := range y {
		if v {
			out[i] = 1
		}
	}
	return out
}

package mlp_test

import (
	"context"
	"testing"

	"regulars/features/matrix"
	"regulars/models"
	"regulars/models/mlp"
	"regulars/models/modeltest"
)

func TestConformance(t *testing.T) {
	modeltest.Classifier(t, func(ctx context.Context, x *matrix.Dense, y []bool) (models.Classifier, error) {
		return mlp.Fit(ctx, x, y, mlp.Options{Seed: 1})
	}, true)
}

func TestConformanceTwoLayers(t *testing.T) {
	modeltest.Classifier(t, func(ctx context.Context, x *matrix.Dense, y []bool) (models.Classifier, error) {
		return mlp.Fit(ctx, x, y, mlp.Options{Hidden: 8, Hidden2: 4, Later: 0.1, Nets: 2, Seed: 1})
	}, true)
}

package forest_test

import (
	"context"
	"testing"

	"regulars/features/matrix"
	"regulars/models"
	"regulars/models/forest"
	"regulars/models/modeltest"
)

func TestConformance(t *testing.T) {
	modeltest.Classifier(t, func(ctx context.Context, x *matrix.Dense, y []bool) (models.Classifier, error) {
		return forest.Fit(ctx, x, y, forest.Options{Trees: 20, Seed: 1})
	}, true)
}

func TestTreeConformance(t *testing.T) {
	modeltest.Classifier(t, func(ctx context.Context, x *matrix.Dense, y []bool) (models.Classifier, error) {
		return forest.FitTree(ctx, x, y, forest.TreeOptions{Seed: 1})
	}, true)
}

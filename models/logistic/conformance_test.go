package logistic_test

import (
	"context"
	"testing"

	"regulars/features/matrix"
	"regulars/models"
	"regulars/models/logistic"
	"regulars/models/modeltest"
)

func TestConformance(t *testing.T) {
	modeltest.Classifier(t, func(ctx context.Context, x *matrix.Dense, y []bool) (models.Classifier, error) {
		return logistic.Fit(ctx, x, y, logistic.Options{})
	}, true)
}

func TestConformanceElasticNet(t *testing.T) {
	modeltest.Classifier(t, func(ctx context.Context, x *matrix.Dense, y []bool) (models.Classifier, error) {
		return logistic.Fit(ctx, x, y, logistic.Options{L1: 2})
	}, true)
}

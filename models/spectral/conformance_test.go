package spectral_test

import (
	"context"
	"testing"

	"regulars/features/matrix"
	"regulars/models"
	"regulars/models/modeltest"
	"regulars/models/spectral"
)

func TestConformance(t *testing.T) {
	for name, o := range map[string]spectral.Options{
		"default":      {},
		"few factors":  {Factors: 2, Weighted: true, HalfLifeDays: 60},
		"few weights":  {Neighbours: 8},
		"short search": {Iterations: 1},
	} {
		t.Run(name, func(t *testing.T) {
			modeltest.Recommender(t, func(ctx context.Context, ev *matrix.Events, now int32) (models.Recommender, error) {
				return spectral.Fit(ctx, ev, now, o, nil)
			}, modeltest.Abilities{FindsWithheld: true, Personal: true, NeedsHistory: true})
		})
	}
}

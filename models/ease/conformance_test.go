package ease_test

import (
	"context"
	"testing"

	"regulars/features/matrix"
	"regulars/models"
	"regulars/models/ease"
	"regulars/models/modeltest"
)

func TestConformance(t *testing.T) {
	for name, o := range map[string]ease.Options{
		"default":        {},
		"small penalty":  {L2: 1},
		"weighted":       {Weighted: true, HalfLifeDays: 60, L2: 5},
		"normalised":     {UserNorm: 0.25, ItemNorm: 0.3, L2: 0.1},
		"neighbourhoods": {MaxItems: 1, Neighbourhood: 20, L2: 1},
	} {
		t.Run(name, func(t *testing.T) {
			modeltest.Recommender(t, func(ctx context.Context, ev *matrix.Events, now int32) (models.Recommender, error) {
				return ease.Fit(ctx, ev, now, o, nil)
			}, modeltest.Abilities{FindsWithheld: true, Personal: true, NeedsHistory: true})
		})
	}
}

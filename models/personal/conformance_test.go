package personal_test

import (
	"context"
	"testing"

	"regulars/features/matrix"
	"regulars/models"
	"regulars/models/modeltest"
	"regulars/models/personal"
)

func TestConformance(t *testing.T) {
	for name, o := range map[string]personal.Options{"top": {}, "decayed with popularity": {HalfLifeDays: 20, Prior: 0.5, PriorDays: 30}} {
		t.Run(name, func(t *testing.T) {
			modeltest.Recommender(t, func(ctx context.Context, ev *matrix.Events, now int32) (models.Recommender, error) {
				return personal.Fit(ctx, ev, now, o)
			}, modeltest.Abilities{Personal: true, NeedsHistory: o.Prior == 0})
		})
	}
}

package bpr_test

import (
	"context"
	"testing"

	"regulars/features/matrix"
	"regulars/models"
	"regulars/models/bpr"
	"regulars/models/modeltest"
)

func TestConformance(t *testing.T) {
	for name, o := range map[string]bpr.Options{"default": {}, "few factors": {Factors: 3, HalfLifeDays: 60}} {
		t.Run(name, func(t *testing.T) {
			modeltest.Recommender(t, func(ctx context.Context, ev *matrix.Events, now int32) (models.Recommender, error) {
				return bpr.Fit(ctx, ev, now, o, nil)
			}, modeltest.Abilities{FindsWithheld: true, Personal: true, NeedsHistory: true})
		})
	}
}

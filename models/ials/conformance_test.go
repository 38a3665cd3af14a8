package ials_test

import (
	"context"
	"testing"

	"regulars/features/matrix"
	"regulars/models"
	"regulars/models/ials"
	"regulars/models/modeltest"
)

func TestConformance(t *testing.T) {
	for name, o := range map[string]ials.Options{"default": {}, "few factors": {Factors: 3, Iterations: 20, HalfLifeDays: 60},
		"more factors than items, by blocks": {Factors: 144, Block: 40, Iterations: 6}} {
		t.Run(name, func(t *testing.T) {
			modeltest.Recommender(t, func(ctx context.Context, ev *matrix.Events, now int32) (models.Recommender, error) {
				return ials.Fit(ctx, ev, now, o, nil)
			}, modeltest.Abilities{FindsWithheld: true, Personal: true, NeedsHistory: true})
		})
	}
}

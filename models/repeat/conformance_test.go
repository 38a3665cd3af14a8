package repeat_test

import (
	"context"
	"testing"

	"regulars/features/matrix"
	"regulars/models"
	"regulars/models/modeltest"
	"regulars/models/repeat"
)

func TestConformance(t *testing.T) {
	zero := 0.0
	for name, o := range map[string]repeat.Options{"default": {}, "history alone": {Prior: &zero, HalfLifeDays: 20}} {
		t.Run(name, func(t *testing.T) {
			modeltest.Recommender(t, func(ctx context.Context, ev *matrix.Events, now int32) (models.Recommender, error) {
				return repeat.Fit(ctx, ev, now, o, nil)
			}, modeltest.Abilities{Personal: true, NeedsHistory: o.Prior != nil})
		})
	}
}

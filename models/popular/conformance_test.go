package popular_test

import (
	"context"
	"testing"

	"regulars/features/matrix"
	"regulars/models"
	"regulars/models/modeltest"
	"regulars/models/popular"
)

func TestConformance(t *testing.T) {
	for name, o := range map[string]popular.Options{"all time": {}, "recent": {WindowDays: 10}} {
		t.Run(name, func(t *testing.T) {
			modeltest.Recommender(t, func(ctx context.Context, ev *matrix.Events, now int32) (models.Recommender, error) {
				return popular.Fit(ctx, ev, now, o)
			}, modeltest.Abilities{})
		})
	}
}

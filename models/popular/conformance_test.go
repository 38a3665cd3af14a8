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

func TestTrendingConformance(t *testing.T) {
	modeltest.Recommender(t, func(ctx context.Context, ev *matrix.Events, now int32) (models.Recommender, error) {
		return popular.FitTrending(ctx, ev, now, popular.TrendOptions{})
	}, modeltest.Abilities{})
}

func TestGroupsConformance(t *testing.T) {
	for name, g := range map[string]int32{"a group": 1, "an empty group": 2, "not known": -1} {
		t.Run(name, func(t *testing.T) {
			modeltest.Recommender(t, func(ctx context.Context, ev *matrix.Events, now int32) (models.Recommender, error) {
				group := make([]int32, ev.Users)
				for u := range group {
					group[u] = int32(u%3) - 1 // −1, 0, 1
				}
				m, err := popular.FitGroups(ctx, ev, now, group, 3, popular.GroupOptions{WindowDays: 50})
				if err != nil {
					return nil, err
				}
				return m.For(g), nil
			}, modeltest.Abilities{})
		})
	}
}

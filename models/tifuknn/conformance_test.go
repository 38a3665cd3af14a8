package tifuknn_test

import (
	"context"
	"testing"

	"regulars/features/matrix"
	"regulars/models"
	"regulars/models/modeltest"
	"regulars/models/tifuknn"
)

func TestConformance(t *testing.T) {
	for name, o := range map[string]tifuknn.Options{"default": {Neighbours: 8}, "euclidean": {Similarity: tifuknn.Euclidean, Neighbours: 8, GroupSize: 3}, "few customers": {MaxUsers: 3}} {
		t.Run(name, func(t *testing.T) {
			modeltest.Recommender(t, func(ctx context.Context, ev *matrix.Events, now int32) (models.Recommender, error) {
				return tifuknn.Fit(ctx, ev, now, o, nil)
			}, modeltest.Abilities{Personal: true, NeedsHistory: true, FindsWithheld: name != "few customers"})
		})
	}
}

package itemknn_test

import (
	"context"
	"testing"

	"regulars/features/matrix"
	"regulars/models"
	"regulars/models/itemknn"
	"regulars/models/modeltest"
)

func TestConformance(t *testing.T) {
	for name, o := range map[string]itemknn.Options{
		"default": {}, "cosine": {Kind: itemknn.KindCosine, Shrink: 5}, "bm25": {Kind: itemknn.KindBM25, HalfLifeDays: 60},
		"few neighbours": {Neighbours: 9, HalfLifeDays: 5, Normalize: true}, "more neighbours than items": {Neighbours: 1 << 30},
	} {
		t.Run(name, func(t *testing.T) {
			modeltest.Recommender(t, func(ctx context.Context, ev *matrix.Events, now int32) (models.Recommender, error) {
				return itemknn.Fit(ctx, ev, now, o, nil)
			}, modeltest.Abilities{FindsWithheld: true, Personal: true, NeedsHistory: true})
		})
	}
}

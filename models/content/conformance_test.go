package content_test

import (
	"context"
	"math"
	"testing"

	"regulars/features/matrix"
	"regulars/models"
	"regulars/models/content"
	"regulars/models/modeltest"
)

// colours are attributes for n items in which even and odd ones have nothing in
// common.
func colours(n int) content.Attributes {
	a := content.Attributes{Price: make([]float64, n)}
	for i := range n {
		a.Title = append(a.Title, [2]string{"white square", "black square"}[i%2])
		a.Category = append(a.Category, [2]string{"White", "Black"}[i%2])
		a.Price[i] = math.NaN()
	}
	return a
}

func TestConformance(t *testing.T) {
	for name, o := range map[string]content.Options{"default": {}, "few terms": {ProfileTerms: 2, HalfLifeDays: 5}} {
		t.Run(name, func(t *testing.T) {
			modeltest.Recommender(t, func(ctx context.Context, ev *matrix.Events, now int32) (models.Recommender, error) {
				return content.Fit(ctx, ev, colours(ev.Items), now, o, nil)
			}, modeltest.Abilities{Personal: true, NeedsHistory: true, FindsWithheld: true})
		})
	}
}

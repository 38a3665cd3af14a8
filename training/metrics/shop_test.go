package metrics_test

import (
	"math"
	"testing"

	"regulars/features/matrix"
	"regulars/models"
	"regulars/models/ials"
	"regulars/models/personal"
	"regulars/models/popular"
	"regulars/training/metrics"
	"regulars/training/retailtest"
)

// TestShop holds the whole chain, from interactions to metrics, against figures
// computed with numpy on the same rows: train before 2011-09-09, truth the
// distinct items of the next 30 days. A tolerance of 1e-6 means that ties were
// broken alike there; the figures for new items are published to four digits and
// with ties broken in an unknown way.
func TestShop(t *testing.T) {
	shop := retailtest.Read(t)
	fitted := func(fit retailtest.Fit) *metrics.Ranking {
		t.Helper()
		return shop.Measure(t, "2011-09-09", fit)
	}
	byCounts := func(o personal.Options) *metrics.Ranking {
		t.Helper()
		return fitted(func(train *matrix.Events, now int32) (models.Recommender, error) {
			return personal.Fit(t.Context(), train, now, o)
		})
	}
	all := fitted(func(train *matrix.Events, now int32) (models.Recommender, error) {
		return popular.Fit(t.Context(), train, now, popular.Options{})
	})
	if len(all.Users) != 1073 || all.Defined("new:recall@10") != 986 {
		t.Errorf("%d customers, %d with new items; want 1,073 and 986", len(all.Users), all.Defined("new:recall@10"))
	}
	top := byCounts(personal.Options{})
	filled := byCounts(personal.Options{Prior: 1})
	decayed := byCounts(personal.Options{HalfLifeDays: 240, Prior: 0.3, PriorDays: 60})
	for _, c := range []struct {
		name, key  string
		r          *metrics.Ranking
		want, near float64
	}{
		{"popular", "recall@10", all, 0.035345446, 1e-6}, {"popular", "ndcg@10", all, 0.092710787, 1e-6},
		{"popular", "new:recall@10", all, 0.0185, 1e-4}, {"popular", "new:ndcg@10", all, 0.0341, 1e-4},
		{"personal top", "recall@10", top, 0.148527715, 1e-6}, {"personal top", "ndcg@10", top, 0.298534049, 1e-6},
		{"with popularity", "recall@10", filled, 0.157110294, 1e-6}, {"with popularity", "ndcg@10", filled, 0.324943743, 1e-6},
		{"decayed", "recall@10", decayed, 0.164135941, 1e-6}, {"decayed", "ndcg@10", decayed, 0.339584399, 1e-6},
	} {
		if got := retailtest.Mean(t, c.r, c.key); math.Abs(got-c.want) > c.near {
			t.Errorf("%s: %s is %.9f, want %.9f", c.name, c.key, got, c.want)
		}
	}
	// The options were chosen on the 30 days after 2011-06-11. The bar is 1.6 times
	// what recent popularity reaches with items that are new to the customer.
	alpha := 40.0
	factors := fitted(func(train *matrix.Events, now int32) (models.Recommender, error) {
		return ials.Fit(t.Context(), train, now, ials.Options{Iterations: 5, Alpha: &alpha, Unobserved: 3, HalfLifeDays: 30}, nil)
	})
	if got := retailtest.Mean(t, factors, "new:recall@10"); got < 0.042 {
		t.Errorf("ials: new:recall@10 is %.4f, want 0.042", got)
	}
}

package ease_test

import (
	"math"
	"testing"

	"regulars/features/matrix"
	"regulars/models"
	"regulars/models/ease"
	"regulars/training/retailtest"
)

// TestRetail holds the figures of the reference (numpy, the same rows): trained
// before 2011-09-09, truth the distinct items of the next 30 days. They are
// published to four digits.
func TestRetail(t *testing.T) {
	shop := retailtest.Read(t)
	for _, c := range []struct {
		o    ease.Options
		want [4]float64
	}{
		{ease.Options{L2: 300, Neighbours: 10_000}, [4]float64{0.1089, 0.2308, 0.0517, 0.0797}},
		{ease.Options{L2: 1000, Neighbours: 10_000}, [4]float64{0.1056, 0.2318, 0.0525, 0.0807}},
	} {
		r := shop.Measure(t, "2011-09-09", func(train *matrix.Events, now int32) (models.Recommender, error) {
			return ease.Fit(t.Context(), train, now, c.o, nil)
		})
		for i, key := range []string{"recall@10", "ndcg@10", "new:recall@10", "new:ndcg@10"} {
			if got := retailtest.Mean(t, r, key); math.Abs(got-c.want[i]) > 1e-4 {
				t.Errorf("L2 %v: %s is %.5f, want %.4f", c.o.L2, key, got, c.want[i])
			}
		}
	}
}

package retailtest

import (
	"testing"

	"regulars/data"
	"regulars/features/matrix"
	"regulars/models"
	"regulars/training/metrics"
	"regulars/training/split"
)

// horizon is for how many days after a cut the truth is what customers bought.
const horizon = 30

// Fit learns from what lies before now, in days since 1970.
type Fit func(train *matrix.Events, now int32) (models.Recommender, error)

// Measure fits on what lies before the day named cut, and compares the ten best
// for each customer with the distinct items of the 30 days from it on.
func (s *Shop) Measure(t testing.TB, cut string, fit Fit) *metrics.Ranking {
	t.Helper()
	day, err := data.ParseDay(cut)
	if err != nil {
		t.Fatal(err)
	}
	now := int32(day)
	train, truth, _, err := split.Ranking(s.Events, now, horizon)
	if err != nil {
		t.Fatal(err)
	}
	m, err := fit(train, now)
	if err != nil {
		t.Fatal(err)
	}
	r, err := metrics.Evaluate(t.Context(), m, train, truth, now, []int{10}, metrics.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// Mean is the mean of a metric over the customers that it is defined for.
func Mean(t testing.TB, r *metrics.Ranking, key string) float64 {
	t.Helper()
	mean, err := r.Mean(key)
	if err != nil {
		t.Fatal(err)
	}
	return mean
}

package popular_test

import (
	"errors"
	"math"
	"testing"

	"regulars/features/matrix"
	"regulars/models"
	"regulars/models/popular"
)

func events(t *testing.T) *matrix.Events {
	t.Helper()
	ev, err := matrix.NewEvents(3, 4, []matrix.Event{
		{User: 0, Item: 0, Day: 1, Weight: 50}, {User: 0, Item: 0, Day: 9, Weight: 50}, // one keen customer
		{User: 1, Item: 1, Day: 2, Weight: 1}, {User: 2, Item: 1, Day: 2, Weight: 1},
		{User: 1, Item: 2, Day: 9, Weight: 1}, {User: 2, Item: 3, Day: 10, Weight: 1}, // item 3 only at day 10
	})
	if err != nil {
		t.Fatal(err)
	}
	return ev
}

// Expected: customers in the window + customers of all time / (2+1).
func TestScores(t *testing.T) {
	for _, c := range []struct {
		window int
		want   [4]float64
	}{
		{0, [4]float64{1 + 1./3, 2 + 2./3, 1 + 1./3, 0}},
		{1, [4]float64{1 + 1./3, 2. / 3, 1 + 1./3, 0}},
		{8, [4]float64{1 + 1./3, 2 + 2./3, 1 + 1./3, 0}},
		{math.MaxInt, [4]float64{1 + 1./3, 2 + 2./3, 1 + 1./3, 0}},
	} {
		m, err := popular.Fit(t.Context(), events(t), 10, popular.Options{WindowDays: c.window})
		if err != nil {
			t.Fatal(err)
		}
		for i, s := range m.Scores {
			if math.Abs(float64(s)-c.want[i]) > 1e-6 {
				t.Errorf("window of %d days: item %d scores %v, want %v", c.window, i, s, c.want[i])
			}
		}
	}
}

func TestRefuses(t *testing.T) {
	var wrong *models.OptionError
	if _, err := popular.Fit(t.Context(), events(t), 10, popular.Options{WindowDays: -1}); !errors.As(err, &wrong) || wrong.Option != "WindowDays" {
		t.Errorf("a negative window gives %v", err)
	}
	for _, scores := range [][]float32{nil, {1, float32(math.NaN())}, {float32(math.Inf(1))}} {
		if _, err := popular.New(scores); err == nil {
			t.Errorf("stored scores %v are accepted", scores)
		}
	}
}

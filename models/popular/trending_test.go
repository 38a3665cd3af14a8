package popular_test

import (
	"errors"
	"math"
	"math/rand/v2"
	"testing"

	"regulars/features/matrix"
	"regulars/models"
	"regulars/models/popular"
)

// buyers adds n different customers of an item on a day.
func buyers(list []matrix.Event, item, day int32, n int) []matrix.Event {
	for u := range int32(n) {
		list = append(list, matrix.Event{User: u, Item: item, Day: day, Weight: 1})
	}
	return list
}

// Lately 8, 4, 0 and 0 customers, before 2, 4, 6 and 0: growth is 12/12, so that
// the lifts are 9/3, 5/5, 1/7 and 1. Item 0 alone is rising.
func TestTrendingByHand(t *testing.T) {
	var list []matrix.Event
	for item, n := range [][2]int{{8, 2}, {4, 4}, {0, 6}, {0, 0}} {
		list = buyers(buyers(list, int32(item), 95, n[0]), int32(item), 85, n[1])
	}
	list = buyers(list, 3, 100, 8) // today is not lately
	list = buyers(list, 3, 79, 8)  // before the days before
	ev, err := matrix.NewEvents(8, 4, list)
	if err != nil {
		t.Fatal(err)
	}
	m, err := popular.FitTrending(t.Context(), ev, 100, popular.TrendOptions{WindowDays: 10, BeforeDays: 10, Smoothing: 1})
	if err != nil {
		t.Fatal(err)
	}
	// The others: s/(s+1) of customers lately + customers of all time / 9.
	behind := func(lately, all float64) float64 { s := lately + all/9; return s / (s + 1) }
	for i, want := range []float64{3, behind(4, 4), behind(0, 6), behind(0, 8)} {
		if math.Abs(float64(m.Scores[i])-want) > 1e-6 {
			t.Errorf("item %d scores %v, want %v", i, m.Scores[i], want)
		}
	}
	if r, ok := m.Explain(matrix.History{}, 100, 0); !ok || r.Kind != models.ReasonTrending {
		t.Errorf("the rising item: %+v, %v", r, ok)
	}
	if r, ok := m.Explain(matrix.History{}, 100, 1); !ok || r.Kind != models.ReasonPopular {
		t.Errorf("a steady item: %+v, %v", r, ok)
	}
}

// A shop doubles its sales of everything; one item of fifty triples beyond that.
func TestTrendingFindsWhatRises(t *testing.T) {
	rng := rand.New(rand.NewPCG(11, 12))
	var list []matrix.Event
	for item := range int32(50) {
		lately := 40.0
		if item == 7 {
			lately = 120
		}
		for u := range int32(400) {
			if rng.Float64() < lately/400 {
				list = append(list, matrix.Event{User: u, Item: item, Day: 90 + rng.Int32N(10), Weight: 1})
			}
			if rng.Float64() < 20.0/400 {
				list = append(list, matrix.Event{User: u, Item: item, Day: 70 + rng.Int32N(20), Weight: 1})
			}
		}
	}
	ev, err := matrix.NewEvents(400, 50, list)
	if err != nil {
		t.Fatal(err)
	}
	m, err := popular.FitTrending(t.Context(), ev, 100, popular.TrendOptions{WindowDays: 10, BeforeDays: 20})
	if err != nil {
		t.Fatal(err)
	}
	for i, s := range m.Scores {
		if i != 7 && s > 0.75*m.Scores[7] {
			t.Errorf("item %d scores %v, the rising one %v", i, s, m.Scores[7])
		}
	}
}

func TestTrendingRefuses(t *testing.T) {
	for _, o := range []popular.TrendOptions{{WindowDays: -1}, {BeforeDays: -1}, {BeforeDays: math.MaxInt}, {Smoothing: -1}, {Smoothing: math.NaN()}} {
		var wrong *models.OptionError
		if _, err := popular.FitTrending(t.Context(), events(t), 10, o); !errors.As(err, &wrong) {
			t.Errorf("%+v gives %v, want an option error", o, err)
		}
	}
	for _, scores := range [][]float32{nil, {-1}, {float32(math.NaN())}} {
		if _, err := popular.NewTrending(scores); err == nil {
			t.Errorf("stored trends %v are accepted", scores)
		}
	}
}

package personal_test

import (
	"errors"
	"math"
	"testing"

	"regulars/features/matrix"
	"regulars/models"
	"regulars/models/personal"
)

func fit(t *testing.T, o personal.Options) *personal.Model {
	t.Helper()
	ev, err := matrix.NewEvents(3, 3, []matrix.Event{{User: 0, Item: 0, Day: 1, Weight: 1}, {User: 1, Item: 0, Day: 50, Weight: 1}, {User: 2, Item: 1, Day: 95, Weight: 1}})
	if err != nil {
		t.Fatal(err)
	}
	m, err := personal.Fit(t.Context(), ev, 100, o)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// A history of item 1 twice (ages 10 and 30, weights 2 and 1) and item 2 once (age 20).
func TestScores(t *testing.T) {
	h := matrix.History{Item: []int32{1, 1, 2}, Day: []int32{70, 90, 80}, Weight: []float32{1, 2, 1}}
	for name, c := range map[string]struct {
		o    personal.Options
		want [3]float64
	}{
		"plain counts":       {personal.Options{}, [3]float64{0, 3, 1}},
		"decay":              {personal.Options{HalfLifeDays: 10}, [3]float64{0, 2*0.5 + 0.125, 0.25}},
		"popularity":         {personal.Options{Prior: 0.6}, [3]float64{0.6 * 2 / 3, 3 + 0.6/3, 1}},
		"recent popularity":  {personal.Options{Prior: 0.6, PriorDays: 60}, [3]float64{0.6 / 2, 3 + 0.6/2, 1}},
		"no recent purchase": {personal.Options{Prior: 0.6, PriorDays: 1}, [3]float64{0, 3, 1}},
	} {
		dst := make([]float32, 3)
		if err := fit(t, c.o).Score(h, 100, dst); err != nil {
			t.Fatal(err)
		}
		for i, s := range dst {
			if math.Abs(float64(s)-c.want[i]) > 1e-6 {
				t.Errorf("%s: item %d scores %v, want %v", name, i, s, c.want[i])
			}
		}
	}
}

func TestRefuses(t *testing.T) {
	share := []float32{0.5}
	for _, o := range []personal.Options{{HalfLifeDays: -1}, {HalfLifeDays: math.NaN()}, {HalfLifeDays: math.Inf(1)}, {Prior: -1}, {Prior: math.NaN()}, {PriorDays: -1}} {
		var wrong *models.OptionError
		if _, err := personal.New(o, share); !errors.As(err, &wrong) {
			t.Errorf("%+v gives %v, want an option error", o, err)
		}
	}
	for _, s := range [][]float32{nil, {-0.1}, {1.5}, {float32(math.NaN())}} {
		if _, err := personal.New(personal.Options{}, s); err == nil {
			t.Errorf("stored shares %v are accepted", s)
		}
	}
}

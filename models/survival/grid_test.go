package survival_test

import (
	"math"
	"testing"

	"pgregory.net/rapid"

	"regulars/models/survival"
)

// With a constant hazard the grid loses nothing: the quantiles of a course that is
// kept are those of −ln(1−q)·mean.
func TestQuantileOfGrid(t *testing.T) {
	days := []int{7, 30, 90, 365}
	none := make([]float32, len(days))
	for i, d := range days {
		none[i] = float32(math.Exp(-float64(d) / 100))
	}
	for _, q := range []float64{0.01, 0.1, 0.5, 0.9} {
		got, err := survival.QuantileOf(days, none, q)
		if want := -100 * math.Log1p(-q); err != nil || got.Beyond || math.Abs(got.Days-want) > 1e-3 {
			t.Errorf("quantile %v is %+v (%v), want %v", q, got, err, want)
		}
	}
	if got, err := survival.QuantileOf(days, none, 0.99); err != nil || got != (survival.Day{Days: 365, Beyond: true}) {
		t.Errorf("a quantile after the grid is %+v (%v)", got, err)
	}
}

// A later quantile never comes before an earlier one.
func TestQuantilesRise(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var days []int
		var none []float32
		at, left := 0, float32(1)
		for range rapid.IntRange(1, 6).Draw(t, "days") {
			at += rapid.IntRange(1, 100).Draw(t, "step")
			left *= float32(rapid.Float64Range(0, 1).Draw(t, "part"))
			days, none = append(days, at), append(none, left)
		}
		a, b := rapid.Float64Range(0.01, 0.98).Draw(t, "a"), 0.99
		early, err := survival.QuantileOf(days, none, a)
		late, err2 := survival.QuantileOf(days, none, b)
		if err != nil || err2 != nil || !(0 <= early.Days && early.Days <= late.Days && late.Days <= float64(at)) {
			t.Fatalf("quantiles %v and %v of %v at %v are %+v and %+v (%v, %v)", a, b, none, days, early, late, err, err2)
		}
	})
}

func TestQuantileOfRefuses(t *testing.T) {
	for _, c := range []struct {
		days []int
		none []float32
		q    float64
	}{
		{[]int{7}, []float32{0.5}, 0}, {[]int{7}, []float32{0.5}, math.NaN()}, {nil, nil, 0.5}, {[]int{7}, []float32{0.5, 0.4}, 0.5},
		{[]int{7, 7}, []float32{0.9, 0.8}, 0.5}, {[]int{7, 14}, []float32{0.8, 0.9}, 0.5}, {[]int{7}, []float32{float32(math.NaN())}, 0.5}, {[]int{0}, []float32{0.5}, 0.5},
	} {
		if _, err := survival.QuantileOf(c.days, c.none, c.q); err == nil {
			t.Errorf("%+v is accepted", c)
		}
	}
}

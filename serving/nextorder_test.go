package serving

import (
	"math"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"regulars/features/matrix"
	"regulars/models/survival"
)

var begin = time.Date(2011, 12, 8, 0, 0, 0, 0, time.UTC)

// steady is a course of a constant hazard, which an order after half days of
// waiting, whatever was waited before, halves.
func steady(half float64, days ...int) course {
	c := course{days: days}
	for _, d := range days {
		c.left = append(c.left, float32(math.Exp2(-float64(d)/half)))
	}
	return c
}

// TestNextOrderForgetsWaiting: where the hazard is constant, the wait ahead is
// the same after any wait (the exponential distribution has no memory): half the
// customers order within 20 days, 10% within 20·log2(1/.9) = 3.04 and 90% within
// 20·log2(10) = 66.4.
func TestNextOrderForgetsWaiting(t *testing.T) {
	c := steady(20, 7, 30, 31, 90, 200, 365)
	for _, waited := range []int{0, 1, 7, 29, 30, 100, 298} {
		now := begin.AddDate(0, 0, waited).Add(13 * time.Hour)
		next, ok := c.nextOrder(begin, now)
		today := begin.AddDate(0, 0, waited)
		want := NextOrder{Date: today.AddDate(0, 0, 19), Low: today.AddDate(0, 0, 3), High: today.AddDate(0, 0, 66), Until: begin.AddDate(0, 0, 364)}
		if !ok || next != want {
			t.Errorf("after %d days: %+v %v, want %+v", waited, next, ok, want)
		}
	}
	if next, ok := c.nextOrder(begin, begin.AddDate(0, 0, 299)); !ok || !next.High.IsZero() || next.Date.IsZero() {
		t.Errorf("the 90%% of day 365.4 lie beyond the course: %+v %v", next, ok)
	}
	if next, ok := c.nextOrder(begin, begin.AddDate(0, 0, 364)); !ok || !next.Low.IsZero() || !next.Date.IsZero() {
		t.Errorf("on the last day of the course: %+v %v", next, ok)
	}
	if next, ok := c.nextOrder(begin, begin.AddDate(0, 0, 365)); ok {
		t.Errorf("beyond the course: %+v", next)
	}
	early, ok := c.nextOrder(begin, begin.AddDate(0, 0, -3))
	if want, _ := c.nextOrder(begin, begin); !ok || early != want {
		t.Errorf("a clock that is late gives %+v, want %+v", early, want)
	}
}

// TestNextOrderIsThatOfTheModel compares with models/survival, which knows the
// hazard of each week and can be asked again as time passes.
func TestNextOrderIsThatOfTheModel(t *testing.T) {
	m, err := survival.New(survival.Model{Names: []string{"recency_days"}, Elapsed: 0, Usual: 30, Period: 7, Horizon: 90,
		Intercept: -4, Knots: []float64{3, 4.5}, Time: []float64{.8, -.9, -.4}})
	if err != nil {
		t.Fatal(err)
	}
	x := matrix.NewDense(1, []string{"recency_days"})
	x.Row(0)[0] = 12
	fresh, err := m.Course(x, 0, 0)
	if err != nil {
		t.Fatal(err)
	}
	var c course
	for d := 7; d <= 1400; d += 7 {
		c.days, c.left = append(c.days, d), append(c.left, float32(1-fresh.Within(float64(d))))
	}
	for _, waited := range []int{0, 7, 35, 140, 350} {
		later, err := m.Course(x, 0, float64(waited))
		if err != nil {
			t.Fatal(err)
		}
		for _, q := range []float64{.1, .5, .9} {
			want, err := later.Quantile(q)
			if err != nil {
				t.Fatal(err)
			}
			got, ok := c.curve().quantile(q, float64(waited))
			if beyond := want.Beyond || want.Days+float64(waited) > 1400; ok == beyond || ok && math.Abs(got-float64(waited)-want.Days) > 1e-3 {
				t.Errorf("%v after %d days: %v %v, the model says %+v", q, waited, got-float64(waited), ok, want)
			}
		}
	}
}

// TestNextOrderIsNeverPast: whatever the course, also one that ends at 0 or does
// not fall, no day lies before today or behind a later one, and what lies beyond
// the course is not told.
func TestNextOrderIsNeverPast(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		c := course{days: slices.Sorted(slices.Values(rapid.SliceOfNDistinct(rapid.IntRange(1, 800), 1, 16, rapid.ID).Draw(rt, "days")))}
		probability := rapid.OneOf(rapid.Float32Range(0, 1), rapid.SampledFrom([]float32{0, 1, .5}))
		c.left = rapid.SliceOfN(probability, len(c.days), len(c.days)).Draw(rt, "left")
		slices.Sort(c.left)
		slices.Reverse(c.left)
		now := begin.Add(time.Duration(rapid.Int64Range(-1e6, 8e7).Draw(rt, "seconds")) * time.Second)
		asOf := begin.Add(time.Duration(rapid.Int64Range(0, 86399).Draw(rt, "of the day")) * time.Second)
		next, ok := c.nextOrder(asOf, now)
		last := c.days[len(c.days)-1]
		if passed := !now.Before(begin.AddDate(0, 0, last)); ok == passed {
			rt.Fatalf("%v of a course of %d days, now %v", ok, last, now)
		}
		if !ok {
			return
		}
		earliest := now.Truncate(24 * time.Hour)
		if earliest.Before(begin) {
			earliest = begin
		}
		for _, day := range []time.Time{next.Low, next.Date, next.High} {
			if day.IsZero() {
				earliest = next.Until.AddDate(0, 0, 1) // what follows is later still
				continue
			}
			if day.Before(earliest) || day.After(next.Until) {
				rt.Fatalf("%+v, now %v", next, now)
			}
			earliest = day
		}
	})
}

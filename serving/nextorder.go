package serving

import (
	"math"
	"time"
)

// NextOrder is when the next order comes, as days of the calendar (midnight,
// UTC): the median, and what it lies between with 80% probability. A day that is
// zero lies after the day Until, which is as far as was looked. No day is past.
type NextOrder struct {
	Date, Low, High time.Time
	Until           time.Time
}

// A course is the probability left of no order yet, at the end of so many days.
type course struct {
	days []int
	left []float32
}

// nextOrder tells when the next order comes, given that there was none from asOf
// until today, the day of now. ok is false when today is beyond the course.
func (c course) nextOrder(asOf, now time.Time) (next NextOrder, ok bool) {
	first := asOf.UTC().Truncate(24 * time.Hour)
	waited := max(0, int(now.Sub(first)/(24*time.Hour)))
	last := c.days[len(c.days)-1]
	if waited >= last {
		return NextOrder{}, false
	}
	curve := c.curve()
	day := func(q float64) time.Time {
		t, within := curve.quantile(q, float64(waited))
		if !within {
			return time.Time{}
		}
		return first.AddDate(0, 0, max(waited, dayOf(t)))
	}
	return NextOrder{Date: day(.5), Low: day(.1), High: day(.9), Until: first.AddDate(0, 0, last-1)}, true
}

// dayOf returns which day of the course, the first being 0, holds the moment t
// days after its beginning. The end of a day, but for rounding, is still its own.
func dayOf(t float64) int {
	const rounding = 1e-4 // of float32 probabilities, in days
	return int(math.Ceil(t-rounding)) - 1
}

// A curve is a course by the logarithms of its probabilities.
type curve struct {
	days []int
	logs []float64
}

func (c course) curve() curve {
	logs := make([]float64, len(c.left))
	for i, left := range c.left {
		logs[i] = logOf(left)
	}
	return curve{c.days, logs}
}

// quantile returns the moment, in days, before which there is an order with
// probability q, given that there was none in the days waited: S(t) = (1 − q)·S(waited).
// ok is false when it lies beyond the course.
func (c curve) quantile(q, waited float64) (t float64, ok bool) {
	target := c.logLeft(waited) + math.Log1p(-q)
	from, before := 0.0, 0.0
	for i, d := range c.days {
		to, after := float64(d), c.logs[i]
		if after <= target && to > waited {
			return from + (to-from)*(target-before)/(after-before), true
		}
		from, before = to, after
	}
	return 0, false
}

// logLeft is the logarithm of the probability left after t days, which lie
// within the course. Between the days of the grid it is straight: the chance to
// order is the same on each of them.
func (c curve) logLeft(t float64) float64 {
	from, before := 0.0, 0.0
	for i, d := range c.days {
		to, after := float64(d), c.logs[i]
		if t <= to {
			return before + (after-before)*(t-from)/(to-from)
		}
		from, before = to, after
	}
	return before
}

// logOf keeps the logarithm of a probability finite: one that is left without any
// counts as one of a billion.
func logOf(p float32) float64 { return math.Log(max(float64(p), 1e-9)) }

package survival

import (
	"fmt"
	"math"
)

// QuantileOf returns the day by which there is an order with probability q, which
// lies in (0, 1), of a course that is kept as the probability of no order yet at
// ascending days. Between two days the hazard is constant; before the first, from
// a probability of 1 now.
func QuantileOf(days []int, none []float32, q float64) (Day, error) {
	if !(q > 0 && q < 1) {
		return Day{}, fmt.Errorf("survival: quantile %v: it must lie between 0 and 1", q)
	}
	if len(days) == 0 || len(days) != len(none) {
		return Day{}, fmt.Errorf("survival: %d probabilities at %d days", len(none), len(days))
	}
	left := math.Log1p(-q)
	before, since := 0, 0.0
	for k, day := range days {
		l := math.Log(float64(none[k]))
		if day <= before || !(l <= since) {
			return Day{}, fmt.Errorf("survival: probability %v at day %d: days must rise and probabilities fall", none[k], day)
		}
		if l <= left {
			if math.IsInf(l, -1) {
				return Day{Days: float64(day)}, nil
			}
			return Day{Days: float64(before) + float64(day-before)*(since-left)/(since-l)}, nil
		}
		before, since = day, l
	}
	return Day{Days: float64(before), Beyond: true}, nil
}

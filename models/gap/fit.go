package gap

import (
	"context"
	"fmt"
	"math"
	"slices"

	"regulars/models"
)

// backgrounds is how many customers contributions are compared with.
const backgrounds = 64

// Fit learns from the days on which each customer ordered: distinct, ascending and
// before now, counted in days from any fixed one. The names are the columns of the
// tables that will be scored. The k-th wait of a customer is measured in the gap
// that was to be expected when it began, from the gaps before it: a wait that took
// part in its own measure would always seem usual. Waits after a first order, whose
// customers may never come again, and later ones have curves of their own. Waits
// that go on count as long as they are (they are censored).
//
// Nobody who ordered on a second day gives an error wrapping models.ErrNoData.
func Fit(ctx context.Context, names []string, orders [][]int32, now int32, o Options) (*Model, error) {
	o, err := o.resolved()
	if err != nil {
		return nil, err
	}
	for i, days := range orders {
		if err := checkDays(days, now); err != nil {
			return nil, fmt.Errorf("gap: customer %d: %w", i, err)
		}
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	m := &Model{Names: names, Horizon: o.Horizon, Typical: typical(orders)}
	if m.Typical == 0 {
		return nil, fmt.Errorf("gap: none of %d customers has ordered on two days: %w", len(orders), models.ErrNoData)
	}
	if m.Elapsed, err = find(names, "Elapsed", o.Elapsed); err != nil {
		return nil, err
	}
	if m.Expected, err = find(names, "Expected", o.Expected); err != nil {
		return nil, err
	}
	m.learn(orders, now, o)
	return New(*m)
}

func find(names []string, option, name string) (int, error) {
	at := slices.Index(names, name)
	if at < 0 {
		return 0, &models.OptionError{Model: "gap", Option: option, Value: name, Want: fmt.Sprintf("one of the columns %v", names)}
	}
	return at, nil
}

func checkDays(days []int32, now int32) error {
	for k, d := range days {
		if k > 0 && d <= days[k-1] {
			return fmt.Errorf("order day %d comes after day %d: days must be distinct and ascending", d, days[k-1])
		}
		if d >= now {
			return fmt.Errorf("order day %d is not before %d", d, now)
		}
	}
	return nil
}

// typical is the lower median, over customers who ordered on two days, of their
// mean gap in whole days; 0 when there are none.
func typical(orders [][]int32) float64 {
	var lengths []float64
	for _, days := range orders {
		if n := len(days) - 1; n > 0 {
			lengths = append(lengths, math.Floor(float64(days[n]-days[0])/float64(n)+0.5))
		}
	}
	if len(lengths) == 0 {
		return 0
	}
	slices.Sort(lengths)
	return lengths[(len(lengths)-1)/2]
}

// learn fills the curves and what a missing value and contributions need.
func (m *Model) learn(orders [][]int32, now int32, o Options) {
	var first, later []wait
	var elapsed []float64
	rows := [][2]float64{}
	for _, days := range orders {
		if len(days) == 0 {
			continue
		}
		f, l, expected := m.waits(days, now, o.PriorGaps)
		first, later = append(first, f), append(later, l...)
		since := float64(now - days[len(days)-1])
		elapsed = append(elapsed, since)
		if len(days) == 1 {
			expected = 0
		}
		rows = append(rows, [2]float64{since, expected})
	}
	n1, t1 := totals(first)
	n2, t2 := totals(later)
	base := float64(n1+n2) / (t1 + t2)
	m.First, m.Later = curveOf(first, base, o.PriorOrders), curveOf(later, base, o.PriorOrders)
	slices.Sort(elapsed)
	m.Usual = elapsed[(len(elapsed)-1)/2]
	for k := range min(backgrounds, len(rows)) {
		row := rows[k*len(rows)/min(backgrounds, len(rows))]
		m.Background = append(m.Background, row)
	}
}

// waits returns the wait after the first order, the later ones, and the gap that
// is expected now. An order on the n-th day after another comes half a day later:
// a wait of n days has no order on the days before.
func (m *Model) waits(days []int32, now int32, prior float64) (first wait, later []wait, expected float64) {
	for k, d := range days {
		expected = (float64(d-days[0]) + prior*m.Typical) / (float64(k) + prior)
		w := wait{length: float64(now-d) / expected}
		if k+1 < len(days) {
			w = wait{length: (float64(days[k+1]-d) + 0.5) / expected, ended: true}
		}
		if k == 0 {
			first = w
		} else {
			later = append(later, w)
		}
	}
	return first, later, expected
}

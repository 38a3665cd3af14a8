package clv

import (
	"cmp"
	"errors"
	"fmt"
	"slices"

	"regulars/data"
	"regulars/data/interactions"
	"regulars/models"
	"regulars/models/btyd"
)

// Units of time that models may reckon in, in days.
var units = map[string]float64{"day": 1, "week": 7, "month": 365.25 / 12, "year": 365.25}

// Unit returns the days of a unit, or says which units there are.
func Unit(name string) (float64, error) {
	if days, ok := units[name]; ok {
		return days, nil
	}
	return 0, fmt.Errorf("%q is none of day, week, month and year", name)
}

// Periods say what is learned from and what is compared with. Both ends are
// inclusive.
type Periods struct {
	Calibration data.Day // its last day; it begins with the first order
	Holdout     data.Day // its last day; it begins after the calibration. 0 = the last of the file
	Unit        float64  // days
}

// Summary is what the models look at: one customer a row, who ordered at least
// once in the calibration period; the orders of one day count as one.
type Summary struct {
	Customers            []btyd.Customer
	Later                []Later
	Horizon              float64 // length of the holdout period, in units; 0 = there is none
	Valued               bool    // there are amounts
	LateCame             int     // customers whose first order lies after the calibration period
	Calibration, Holdout data.Day
}

// Later is what a customer did in the holdout period.
type Later struct {
	Orders int
	Value  float64 // of all of them
}

// Summarise counts what every customer did in the two periods. Without anybody
// in the calibration period the error wraps models.ErrNoData.
func Summarise(t *interactions.Transactions, p Periods) (*Summary, error) {
	if !(p.Unit > 0) {
		return nil, fmt.Errorf("a unit of time of %v days: it must be above 0", p.Unit)
	}
	last := data.Day(slices.Max(t.Day))
	if p.Holdout == 0 {
		p.Holdout = max(last, p.Calibration)
	}
	if p.Holdout < p.Calibration {
		return nil, errors.New("the holdout period ends before the calibration period")
	}
	s := &Summary{Valued: t.Amount != nil, Calibration: p.Calibration, Holdout: p.Holdout,
		Horizon: float64(p.Holdout-p.Calibration) / p.Unit}
	s.count(t, p)
	if len(s.Customers) == 0 {
		return nil, fmt.Errorf("%s: nobody ordered until %v, the end of the calibration period (the orders are of %v to %v): %w",
			t.Path, p.Calibration, data.Day(slices.Min(t.Day)), last, models.ErrNoData)
	}
	return s, nil
}

// count goes through the rows customer by customer, in the order of their ids so
// that the order of rows does not matter, and day by day.
func (s *Summary) count(t *interactions.Transactions, p Periods) {
	place := places(t.Customers)
	rows := make([]int32, len(t.Day))
	for i := range rows {
		rows[i] = int32(i)
	}
	slices.SortFunc(rows, func(a, b int32) int {
		return cmp.Or(cmp.Compare(place[t.Customer[a]], place[t.Customer[b]]), cmp.Compare(t.Day[a], t.Day[b]), cmp.Compare(a, b))
	})
	for begin := 0; begin < len(rows); {
		end := begin
		for end < len(rows) && t.Customer[rows[end]] == t.Customer[rows[begin]] {
			end++
		}
		s.add(t, rows[begin:end], p)
		begin = end
	}
}

// places returns where each id stands among the sorted ids.
func places(ids []string) []int32 {
	order := make([]int32, len(ids))
	for i := range order {
		order[i] = int32(i)
	}
	slices.SortFunc(order, func(a, b int32) int { return cmp.Compare(ids[a], ids[b]) })
	out := make([]int32, len(ids))
	for i, o := range order {
		out[o] = int32(i)
	}
	return out
}

// add counts the rows of one customer, which are sorted by day.
func (s *Summary) add(t *interactions.Transactions, rows []int32, p Periods) {
	first := data.Day(t.Day[rows[0]])
	if first > p.Calibration {
		s.LateCame++
		return
	}
	c := btyd.Customer{T: float64(p.Calibration-first) / p.Unit}
	var later Later
	before, repeats := first, 0.0
	for _, r := range rows {
		day, amount := data.Day(t.Day[r]), 0.0
		if s.Valued {
			amount = t.Amount[r]
		}
		another := 0
		if day > before {
			before, another = day, 1
		}
		switch {
		case day > p.Holdout || day == first:
		case day > p.Calibration:
			later.Orders += another
			later.Value += amount
		default:
			c.X += another
			c.TX = float64(day-first) / p.Unit
			repeats += amount
		}
	}
	if c.X > 0 {
		c.Mean = repeats / float64(c.X)
	}
	s.Customers, s.Later = append(s.Customers, c), append(s.Later, later)
}

package churn

import (
	"fmt"
	"slices"

	"regulars/features/matrix"
	"regulars/models"
)

// The features by which customers are told apart.
const (
	RecencyColumn = "recency_days"
	OrdersColumn  = "frequency"
)

// Rows are customers at one or more dates.
type Rows struct {
	IDs    []string // of the customers, one a row
	Day    []int32  // as_of of each row
	X      *matrix.Dense
	Left   []bool    // no order within the horizon; one a row
	Orders [][]int32 // order days of every customer, ascending, before the day at which Left became known
	Known  int32     // that day
}

// Append returns the rows of a and b.
func Append(a, b Rows) (Rows, error) {
	x, err := matrix.Append(a.X, b.X)
	if err != nil {
		return Rows{}, err
	}
	out := Rows{IDs: slices.Concat(a.IDs, b.IDs), Day: slices.Concat(a.Day, b.Day), X: x, Left: slices.Concat(a.Left, b.Left), Orders: a.Orders, Known: a.Known}
	if b.Known > a.Known {
		out.Orders, out.Known = b.Orders, b.Known
	}
	return out, nil
}

// Select returns the rows with some columns.
func (r Rows) Select(columns []int) Rows {
	r.X = r.X.Select(columns)
	return r
}

// since returns the rows of a day and later ones.
func (r Rows) since(day int32) Rows {
	var rows []int
	for i, d := range r.Day {
		if d >= day {
			rows = append(rows, i)
		}
	}
	r.IDs, r.Day, r.X, r.Left = pick(r.IDs, rows), pick(r.Day, rows), r.X.Take(rows), pick(r.Left, rows)
	return r
}

// Active returns the rows of customers who ordered within so many days: those
// whose leaving is still to be decided, on whom figures are reported.
func Active(x *matrix.Dense, days int) ([]int, error) {
	return where(x, RecencyColumn, func(v float64) bool { return v <= float64(days) })
}

func where(x *matrix.Dense, column string, keep func(float64) bool) ([]int, error) {
	j := slices.Index(x.Names, column)
	if j < 0 {
		return nil, fmt.Errorf("the feature %s is missing: %w", column, models.ErrColumns)
	}
	var rows []int
	for i := range x.Rows {
		if keep(x.Row(i)[j]) {
			rows = append(rows, i)
		}
	}
	return rows, nil
}

func pick[T any](values []T, rows []int) []T {
	out := make([]T, len(rows))
	for i, r := range rows {
		out[i] = values[r]
	}
	return out
}

// A Segment is a set of customers that is looked at by itself.
type Segment struct {
	Name string // "" = the active, on whom the headline is
	Rows []int
}

// Lapsed names the segment of customers who have not ordered for long.
const Lapsed = "lapsed"

// Segments cuts customers: the active (the headline), the lapsed, and of the
// active the new (one order), light (two to four) and heavy (five and more).
func Segments(x *matrix.Dense, activeDays int) ([]Segment, error) {
	active, err := Active(x, activeDays)
	if err != nil {
		return nil, err
	}
	lapsed, err := where(x, RecencyColumn, func(v float64) bool { return v > float64(activeDays) })
	if err != nil {
		return nil, err
	}
	out := []Segment{{"", active}, {Lapsed, lapsed}}
	for _, s := range []struct {
		name string
		keep func(orders float64) bool
	}{
		{"new", func(n float64) bool { return n <= 1 }},
		{"light", func(n float64) bool { return n > 1 && n < 5 }},
		{"heavy", func(n float64) bool { return n >= 5 }},
	} {
		rows, err := where(x.Take(active), OrdersColumn, s.keep)
		if err != nil {
			return nil, err
		}
		out = append(out, Segment{s.name, pick(active, rows)})
	}
	return out, nil
}

package survival

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"

	"regulars/features/matrix"
	"regulars/models"
	"regulars/models/internal/prepare"
	"regulars/models/logistic"
)

// Seen is what happened after a row's as_of.
type Seen struct {
	Days int // days that are known, the day of as_of being the first
	Next int // which of them brought the next order; 0 = none did
}

// Fit learns from the rows of x (missing = NaN, known at as_of) and what was seen
// of each afterwards. It is logistic regression on person-periods: one row a
// period in which the customer could have ordered, with the features of as_of and
// the logarithm of the time since the last order (Singer, Willett, It's About Time,
// 1993). A period that is not known to its end is left out, with or without an
// order, for otherwise only those with one would count. There must be periods with and without an order, else the error wraps
// models.ErrNoData.
func Fit(ctx context.Context, x *matrix.Dense, seen []Seen, o Options) (*Model, error) {
	o, err := o.resolved()
	if err != nil {
		return nil, err
	}
	m := &Model{Names: x.Names, Elapsed: -1, Period: o.Period, Horizon: o.Horizon}
	if err := m.findElapsed(x, o.Elapsed); err != nil {
		return nil, err
	}
	if err := check(x, seen); err != nil {
		return nil, err
	}
	rows := spread(seen, o)
	if len(rows) == 0 {
		return nil, fmt.Errorf("survival: no period of %d days is known whole: %w", o.Period, models.ErrNoData)
	}
	m.Inputs = prepare.Inputs(x.Take(rows), true)
	m.Knots = m.knots(x, rows, seen, o)
	table, labels, err := m.personPeriods(x, rows, seen, o)
	if err != nil {
		return nil, err
	}
	fitted, err := logistic.Fit(ctx, table, labels, logistic.Options{L2: o.L2, NoLog: true})
	if err != nil {
		return nil, fmt.Errorf("survival: %w", err)
	}
	m.take(fitted)
	return m, m.check()
}

// findElapsed finds the column of the days since the last order and its median.
func (m *Model) findElapsed(x *matrix.Dense, name string) error {
	if name == "" {
		return nil
	}
	if m.Elapsed = slices.Index(x.Names, name); m.Elapsed < 0 {
		return &models.OptionError{Model: "survival", Option: "Elapsed", Value: name, Want: fmt.Sprintf("one of the columns %v", x.Names)}
	}
	present := slices.DeleteFunc(x.Column(m.Elapsed), math.IsNaN)
	if len(present) > 0 {
		slices.Sort(present)
		m.Usual = math.Max(0, present[(len(present)-1)/2])
	}
	return nil
}

func check(x *matrix.Dense, seen []Seen) error {
	if len(seen) != x.Rows {
		return fmt.Errorf("survival: %d rows, seen afterwards %d", x.Rows, len(seen))
	}
	for i, s := range seen {
		if s.Days < 0 || s.Next < 0 || s.Next > s.Days {
			return fmt.Errorf("survival: row %d: an order on day %d of %d that are known", i, s.Next, s.Days)
		}
		for j, v := range x.Row(i) {
			if math.IsInf(v, 0) {
				return fmt.Errorf("survival: row %d of column %q is %v: it must be finite or missing", i, x.Names[j], v)
			}
		}
	}
	return nil
}

// periods returns how many periods of a row are learned from, and whether there
// was an order in the last of them.
func (s Seen) periods(o Options) (n int, ordered bool) {
	n = min(s.Days, o.Follow) / o.Period
	if last := (s.Next + o.Period - 1) / o.Period; s.Next > 0 && last <= n {
		return last, true
	}
	return n, false
}

// spread returns the rows to learn from: all with any whole period, or evenly
// spread ones where they have too many periods together.
func spread(seen []Seen, o Options) []int {
	var rows []int
	total := 0
	for i, s := range seen {
		if n, _ := s.periods(o); n > 0 {
			rows = append(rows, i)
			total += n
		}
	}
	if total <= o.MaxPeriods {
		return rows
	}
	out := make([]int, 0, len(rows))
	for i, r := range rows {
		if int64(i+1)*int64(o.MaxPeriods)/int64(total) > int64(i)*int64(o.MaxPeriods)/int64(total) {
			out = append(out, r)
		}
	}
	return out
}

// knots returns quantiles of the logarithm of time over the person-periods.
func (m *Model) knots(x *matrix.Dense, rows []int, seen []Seen, o Options) []float64 {
	var times []float64
	for _, r := range rows {
		n, _ := seen[r].periods(o)
		for p := range n {
			times = append(times, scale(m.elapsed(x.Row(r))+float64(p*o.Period)))
		}
	}
	slices.Sort(times)
	var out []float64
	for k := range *o.Knots {
		knot := times[(k+1)*(len(times)-1)/(*o.Knots+1)]
		if knot > times[0] && knot < times[len(times)-1] {
			out = append(out, knot)
		}
	}
	return slices.Compact(out)
}

// personPeriods returns the prepared features and the terms of time of every
// period, and whether there was an order in it.
func (m *Model) personPeriods(x *matrix.Dense, rows []int, seen []Seen, o Options) (*matrix.Dense, []bool, error) {
	names := make([]string, 0, len(m.Inputs)+1+len(m.Knots))
	for _, in := range m.Inputs {
		names = append(names, x.Names[in.Column])
	}
	for range 1 + len(m.Knots) {
		names = append(names, "time since the last order")
	}
	table := &matrix.Dense{Names: names}
	var labels []bool
	values := make([]float64, len(m.Inputs))
	for _, r := range rows {
		if err := prepare.Fill(m.Inputs, x, r, values); err != nil {
			return nil, nil, fmt.Errorf("survival: %w", err)
		}
		n, ordered := seen[r].periods(o)
		for p := range n {
			table.Data = append(table.Data, values...)
			table.Data = m.appendTime(table.Data, m.elapsed(x.Row(r))+float64(p*o.Period))
			labels = append(labels, ordered && p == n-1)
		}
	}
	table.Rows = len(labels)
	return table, labels, nil
}

// take makes the weights of the model of the terms of a regression, whose columns
// are standardised once more and left out where they are constant.
func (m *Model) take(l *logistic.Model) {
	weights := make([]float64, len(l.Names))
	m.Intercept = l.Intercept
	for _, t := range l.Terms {
		weights[t.Column] = t.Coefficient / t.Std
		m.Intercept -= t.Coefficient * t.Mean / t.Std
	}
	m.Weights, m.Time = weights[:len(m.Inputs)], weights[len(m.Inputs):]
}

var errFinite = errors.New("survival: a weight, knot or median is not a finite number")

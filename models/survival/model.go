package survival

import (
	"fmt"
	"math"
	"slices"

	"regulars/features/matrix"
	"regulars/models"
	"regulars/models/internal/prepare"
)

// Input says how a column is prepared.
type Input = prepare.Input

// Model is the hazard of a period that begins t days after the last order:
//
//	1 / (1 + e^−z),  z = Intercept + Σ Weights·inputs + Time[0]·τ + Σ Time[k+1]·max(0, τ − Knots[k]),  τ = ln(1 + t)
type Model struct {
	Names     []string // the columns of training, in order
	Elapsed   int      // the column with the days since the last order; −1 = none
	Usual     float64  // what a missing value of that column counts as
	Period    int      // days of a period
	Horizon   int      // days that Probability looks ahead
	Inputs    []Input
	Weights   []float64 // one an input
	Intercept float64
	Knots     []float64 // ascending
	Time      []float64 // one more than knots
}

var _ models.Classifier = (*Model)(nil)

// New returns the model of stored numbers.
func New(m Model) (*Model, error) { return &m, m.check() }

func (m *Model) check() error {
	switch {
	case m.Elapsed < -1 || m.Elapsed >= len(m.Names):
		return fmt.Errorf("survival: column %d of %d cannot be the days since the last order", m.Elapsed, len(m.Names))
	case m.Period < 1 || m.Horizon < 1 || m.Horizon > longest:
		return fmt.Errorf("survival: periods of %d days to a horizon of %d", m.Period, m.Horizon)
	case len(m.Weights) != len(m.Inputs) || len(m.Time) != 1+len(m.Knots) || !slices.IsSorted(m.Knots):
		return fmt.Errorf("survival: %d weights of %d inputs, %d of time with %d knots", len(m.Weights), len(m.Inputs), len(m.Time), len(m.Knots))
	}
	for _, v := range slices.Concat(m.Weights, m.Time, m.Knots, []float64{m.Intercept, m.Usual}) {
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return errFinite
		}
	}
	for j := range m.Inputs {
		if err := m.Inputs[j].Check(len(m.Names)); err != nil {
			return fmt.Errorf("survival: %w", err)
		}
	}
	return nil
}

// elapsed returns the days since the last order at as_of.
func (m *Model) elapsed(row []float64) float64 {
	if m.Elapsed < 0 {
		return 0
	}
	if v := row[m.Elapsed]; !math.IsNaN(v) {
		return math.Max(0, v)
	}
	return m.Usual
}

func scale(days float64) float64 { return math.Log1p(days) }

// appendTime appends the terms of time of a period that begins after so many days.
func (m *Model) appendTime(to []float64, days float64) []float64 {
	tau := scale(days)
	to = append(to, tau)
	for _, k := range m.Knots {
		to = append(to, math.Max(0, tau-k))
	}
	return to
}

// A Course is how one customer's chance to order goes on from a moment at which
// there was no order yet.
type Course struct {
	m     *Model
	score float64 // of the features
	since float64 // days since the last order
}

// Course returns the course of row i of x, waited days after its as_of, in which
// nothing was ordered. The columns must be those of training (else the error
// wraps models.ErrColumns).
func (m *Model) Course(x *matrix.Dense, i int, waited float64) (Course, error) {
	if err := models.CheckColumns(m.Names, x.Names); err != nil {
		return Course{}, err
	}
	if i < 0 || i >= x.Rows {
		return Course{}, fmt.Errorf("survival: row %d of %d", i, x.Rows)
	}
	if !(waited >= 0) || math.IsInf(waited, 0) {
		return Course{}, fmt.Errorf("survival: %v days waited: it must be finite and not below 0", waited)
	}
	return m.course(x, i, waited, make([]float64, len(m.Inputs)))
}

func (m *Model) course(x *matrix.Dense, i int, waited float64, room []float64) (Course, error) {
	if err := prepare.Fill(m.Inputs, x, i, room); err != nil {
		return Course{}, fmt.Errorf("survival: %w", err)
	}
	since := m.elapsed(x.Row(i)) + waited
	if math.IsInf(since, 0) {
		return Course{}, fmt.Errorf("survival: row %d of column %q is not finite", i, m.Names[m.Elapsed])
	}
	c := Course{m: m, score: m.Intercept, since: since}
	for j, v := range room {
		c.score += m.Weights[j] * v
	}
	return c, nil
}

// stays returns the probability of no order in the period that begins after so
// many days from now.
func (c Course) stays(after float64) float64 {
	tau := scale(c.since + after)
	z := c.score + c.m.Time[0]*tau
	for k, knot := range c.m.Knots {
		if tau > knot {
			z += c.m.Time[k+1] * (tau - knot)
		}
	}
	return 1 / (1 + math.Exp(z))
}

// Within returns the probability of an order within so many days from now. A part
// of a period counts as that part of the logarithm of its chance. More days than
// ten years count as ten years; 0 or less as 0.
func (c Course) Within(days float64) float64 {
	days = math.Min(days, longest)
	none, period := 1.0, float64(c.m.Period)
	for after := 0.0; after < days; after += period {
		stays := c.stays(after)
		if part := (days - after) / period; part < 1 {
			stays = math.Pow(stays, part)
		}
		none *= stays
	}
	return 1 - none
}

// A Day is a time from now. Beyond says that it is later than Days, which is as
// far as is looked.
type Day struct {
	Days   float64
	Beyond bool
}

// Quantile returns the day by which there is an order with probability q, which
// lies in (0, 1). It is never before now.
func (c Course) Quantile(q float64) (Day, error) {
	if !(q > 0 && q < 1) {
		return Day{}, fmt.Errorf("survival: quantile %v: it must lie between 0 and 1", q)
	}
	left, period := math.Log1p(-q), float64(c.m.Period) // of the logarithm of the probability of no order
	for after := 0.0; after < longest; after += period {
		l := math.Log(c.stays(after))
		if l <= left {
			return Day{Days: math.Min(after+period*left/l, longest)}, nil
		}
		left -= l
	}
	return Day{Days: longest, Beyond: true}, nil
}

// Next is when the next order comes: the median, and what it lies between with
// 80% probability.
type Next struct{ Low, Median, High Day }

// Next returns when the next order comes, in days from now.
func (c Course) Next() Next {
	at := func(q float64) Day {
		d, err := c.Quantile(q)
		if err != nil {
			return Day{Days: longest, Beyond: true} // q is between 0 and 1 below
		}
		return d
	}
	return Next{Low: at(0.1), Median: at(0.5), High: at(0.9)}
}

// Probability writes the probability of an order within Horizon days after as_of.
func (m *Model) Probability(x *matrix.Dense, dst []float64) error {
	if err := models.CheckColumns(m.Names, x.Names); err != nil {
		return err
	}
	if len(dst) != x.Rows {
		return fmt.Errorf("survival: room for %d probabilities, there are %d rows", len(dst), x.Rows)
	}
	room := make([]float64, len(m.Inputs))
	for i := range dst {
		c, err := m.course(x, i, 0, room)
		if err != nil {
			return err
		}
		dst[i] = c.Within(float64(m.Horizon))
	}
	return nil
}

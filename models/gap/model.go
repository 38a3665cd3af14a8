package gap

import (
	"errors"
	"fmt"
	"math"

	"regulars/features/matrix"
	"regulars/models"
)

// edge is how close to 0 and 1 a probability comes.
const edge = 1e-6

// Model is a curve of waits in expected gaps g:
//
//	P(order within h days | e days since the last) = 1 − S((e+h)/g) / S(e/g)
//
// Whoever has ordered on one day only waits on a curve of their own, in gaps of
// the shop's typical length.
type Model struct {
	Names             []string // the columns, in order
	Elapsed, Expected int      // which of them hold e and g
	Horizon           int      // days that Probability looks ahead
	Typical           float64  // days
	Usual             float64  // what a missing e counts as
	First, Later      Curve    // after one order day, after several
	// Background are customers (e, g; g 0 = missing) that contributions are compared with.
	Background [][2]float64
}

var (
	_ models.Classifier  = (*Model)(nil)
	_ models.Contributor = (*Model)(nil)
)

// New returns the model of stored numbers.
func New(m Model) (*Model, error) { return &m, m.check() }

func (m *Model) check() error {
	n := len(m.Names)
	if m.Elapsed < 0 || m.Elapsed >= n || m.Expected < 0 || m.Expected >= n || m.Elapsed == m.Expected {
		return fmt.Errorf("gap: columns %d and %d of %d cannot be the days since the last order and the expected gap", m.Elapsed, m.Expected, n)
	}
	if m.Horizon < 1 || m.Horizon > longest || !(m.Typical >= 1) || math.IsInf(m.Typical, 0) || !(m.Usual >= 0) || math.IsInf(m.Usual, 0) {
		return fmt.Errorf("gap: a horizon of %d days, a typical gap of %v and %v usual days", m.Horizon, m.Typical, m.Usual)
	}
	if len(m.Background) == 0 {
		return errors.New("gap: there is no customer to compare with")
	}
	for _, b := range m.Background {
		if !(b[0] >= 0) || !(b[1] >= 0) || math.IsInf(b[0]+b[1], 0) {
			return fmt.Errorf("gap: a customer to compare with has waited %v of %v days", b[0], b[1])
		}
	}
	return errors.Join(m.First.check(), m.Later.check())
}

// A Course is how one customer's chance to order goes on from a moment at which
// there was no order yet.
type Course struct {
	curve      *Curve
	since, gap float64 // days
}

// Course returns the course of row i of x, waited days after its as_of, in which
// nothing was ordered. The columns must be those of the model (else the error
// wraps models.ErrColumns).
func (m *Model) Course(x *matrix.Dense, i int, waited float64) (Course, error) {
	if err := models.CheckColumns(m.Names, x.Names); err != nil {
		return Course{}, err
	}
	if i < 0 || i >= x.Rows {
		return Course{}, fmt.Errorf("gap: row %d of %d", i, x.Rows)
	}
	if !(waited >= 0) || math.IsInf(waited, 0) {
		return Course{}, fmt.Errorf("gap: %v days waited: it must be finite and not below 0", waited)
	}
	elapsed, expected, err := m.read(x, i)
	if err != nil {
		return Course{}, err
	}
	return m.course(elapsed+waited, expected), nil
}

// read returns the two values of a row; an expected gap of 0 is a missing one.
func (m *Model) read(x *matrix.Dense, i int) (elapsed, expected float64, err error) {
	row := x.Row(i)
	elapsed, expected = row[m.Elapsed], row[m.Expected]
	for _, j := range []int{m.Elapsed, m.Expected} {
		if math.IsInf(row[j], 0) {
			return 0, 0, fmt.Errorf("gap: row %d of column %q is %v: it must be finite or missing", i, m.Names[j], row[j])
		}
	}
	if math.IsNaN(elapsed) {
		elapsed = m.Usual
	}
	if math.IsNaN(expected) {
		return math.Max(0, elapsed), 0, nil
	}
	return math.Max(0, elapsed), math.Max(1, expected), nil
}

func (m *Model) course(elapsed, expected float64) Course {
	if expected == 0 {
		return Course{&m.First, elapsed, m.Typical}
	}
	return Course{&m.Later, elapsed, expected}
}

// Within returns the probability of an order within so many days from now, at
// least 1e-6 and at most 1 less that.
func (c Course) Within(days float64) float64 {
	p := -math.Expm1(-c.curve.between(c.since/c.gap, math.Max(0, days)/c.gap))
	return math.Min(math.Max(p, edge), 1-edge)
}

// Probability writes the probability of an order within Horizon days after as_of.
func (m *Model) Probability(x *matrix.Dense, dst []float64) error {
	if err := models.CheckColumns(m.Names, x.Names); err != nil {
		return err
	}
	if len(dst) != x.Rows {
		return fmt.Errorf("gap: room for %d probabilities, there are %d rows", len(dst), x.Rows)
	}
	for i := range dst {
		elapsed, expected, err := m.read(x, i)
		if err != nil {
			return err
		}
		dst[i] = m.course(elapsed, expected).Within(float64(m.Horizon))
	}
	return nil
}

// Contributions writes the Shapley values of the two columns against the
// customers of Background (Lundberg, Lee 2017, interventional); every other
// column adds 0. As models.Contributor says.
func (m *Model) Contributions(x *matrix.Dense, dst []float64) error {
	if err := models.CheckColumns(m.Names, x.Names); err != nil {
		return err
	}
	width := x.Cols() + 1
	if len(dst) != x.Rows*width {
		return fmt.Errorf("gap: room for %d contributions, want %d rows of %d", len(dst), x.Rows, width)
	}
	clear(dst)
	base := 0.0
	for _, b := range m.Background {
		base += m.logOdds(b[0], b[1]) / float64(len(m.Background))
	}
	for i := range x.Rows {
		elapsed, expected, err := m.read(x, i)
		if err != nil {
			return err
		}
		whole, byElapsed, byExpected := m.logOdds(elapsed, expected), 0.0, 0.0
		for _, b := range m.Background {
			byElapsed += m.logOdds(elapsed, b[1]) / float64(len(m.Background))
			byExpected += m.logOdds(b[0], expected) / float64(len(m.Background))
		}
		row := dst[i*width : (i+1)*width]
		row[m.Elapsed] = (byElapsed - base + whole - byExpected) / 2
		row[m.Expected] = (byExpected - base + whole - byElapsed) / 2
		row[width-1] = base
	}
	return nil
}

func (m *Model) logOdds(elapsed, expected float64) float64 {
	p := m.course(elapsed, expected).Within(float64(m.Horizon))
	return math.Log(p) - math.Log1p(-p)
}

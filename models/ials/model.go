package ials

import (
	"fmt"
	"math"
	"sync"

	"regulars/features/matrix"
	"regulars/models"
)

// Model holds the item factors, from which any customer is folded in. Make it
// with Fit, or with New from stored numbers.
type Model struct {
	Options Options   // with defaults filled in; Workers has no meaning here
	Factors []float32 // items × Options.Factors, row-major; an item never seen is all zeros

	items   int
	known   int       // items that occur
	gram    []float64 // Unobserved·HᵀH
	scratch sync.Pool
}

var (
	_ models.Recommender = (*Model)(nil)
	_ models.Similar     = (*Model)(nil)
)

// New returns the model of stored options and factors (items × o.Factors).
func New(o Options, factors []float32) (*Model, error) {
	o, err := o.resolved()
	if err != nil {
		return nil, err
	}
	d := o.Factors
	if len(factors) == 0 || len(factors)%d != 0 {
		return nil, fmt.Errorf("ials: %d numbers are not rows of %d factors", len(factors), d)
	}
	m := &Model{Options: o, Factors: factors, items: len(factors) / d}
	wide := make([]float64, len(factors))
	for i, f := range factors {
		wide[i] = float64(f)
		if math.IsNaN(wide[i]) || math.IsInf(wide[i], 0) {
			return nil, fmt.Errorf("ials: factor %d of item %d is %v: it must be a finite number", i%d, i/d, f)
		}
	}
	m.gram = gramOf(wide, d, o.Unobserved)
	for i := range m.items {
		if m.norm(i) > 0 {
			m.known++
		}
	}
	m.scratch.New = func() any { return &folder{solver: newSolver(d), user: make([]float64, d), narrow: make([]float32, d)} }
	return m, nil
}

// folder is what one request needs to fold a customer in.
type folder struct {
	*solver
	user   []float64
	narrow []float32
	items  []int32
	conf   []float32
}

// Items returns the size of the item vocabulary.
func (m *Model) Items() int { return m.items }

func (m *Model) row(i int) []float32 {
	d := m.Options.Factors
	return m.Factors[i*d : (i+1)*d : (i+1)*d]
}

func (m *Model) norm(i int) float64 {
	s := 0.0
	for _, x := range m.row(i) {
		s += float64(x) * float64(x)
	}
	return math.Sqrt(s)
}

// Score folds the history in and writes the inner product with every item. A
// history without any item seen in training gives ErrUnknown.
// Cost: n·d² + d³/3 for a history of n items, plus items·d.
func (m *Model) Score(h matrix.History, now int32, dst []float32) error {
	if len(dst) != m.items {
		return fmt.Errorf("ials: room for %d scores, there are %d items", len(dst), m.items)
	}
	f := m.scratch.Get().(*folder)
	defer m.scratch.Put(f)
	if err := m.fold(f, h, now); err != nil {
		return err
	}
	for i := range dst {
		dst[i] = dot(m.row(i), f.narrow)
	}
	return nil
}

// User writes the factors of the customer with this history into dst, of length
// Options.Factors.
func (m *Model) User(h matrix.History, now int32, dst []float32) error {
	if len(dst) != m.Options.Factors {
		return fmt.Errorf("ials: room for %d factors, there are %d", len(dst), m.Options.Factors)
	}
	f := m.scratch.Get().(*folder)
	defer m.scratch.Put(f)
	if err := m.fold(f, h, now); err != nil {
		return err
	}
	copy(dst, f.narrow)
	return nil
}

// fold solves the same normal equations as one row of Fit.
func (m *Model) fold(f *folder, h matrix.History, now int32) error {
	f.items, f.conf = appendConfidence(f.items[:0], f.conf[:0], h, now, m.Options)
	n := 0
	for i, it := range f.items {
		if it < 0 || int(it) >= m.items {
			return fmt.Errorf("ials: history names item %d of %d items", it, m.items)
		}
		if m.norm(int(it)) > 0 {
			f.items[n], f.conf[n] = it, f.conf[i]
			n++
		}
	}
	if n == 0 {
		return fmt.Errorf("ials: no item of the history occurs in training: %w", models.ErrUnknown)
	}
	d := m.Options.Factors
	clear(f.user)
	copy(f.a, m.gram)
	for i, it := range f.items[:n] {
		for j, x := range m.row(int(it)) {
			f.wide[j] = float64(x)
		}
		f.add1(f.user, f.wide[:d], float64(f.conf[i]))
	}
	if err := f.cholesky(f.user, m.Options.ridge(n, m.known)); err != nil {
		return fmt.Errorf("ials: fold-in: %w", err)
	}
	for j, x := range f.user {
		f.narrow[j] = float32(x)
	}
	return nil
}

// Similar writes the cosine of the factors of every item with those of item.
func (m *Model) Similar(item int32, dst []float32) error {
	if len(dst) != m.items {
		return fmt.Errorf("ials: room for %d similarities, there are %d items", len(dst), m.items)
	}
	if item < 0 || int(item) >= m.items {
		return fmt.Errorf("ials: item %d of %d items: %w", item, m.items, models.ErrUnknown)
	}
	own, norm := m.row(int(item)), m.norm(int(item))
	if norm == 0 {
		return fmt.Errorf("ials: item %d does not occur in training: %w", item, models.ErrUnknown)
	}
	for i := range dst {
		dst[i] = 0
		if other := m.norm(i); other > 0 {
			dst[i] = float32(float64(dot(m.row(i), own)) / norm / other)
		}
	}
	return nil
}

// dot sums in four lanes; the order is fixed, so the result is the same everywhere.
func dot(a, b []float32) float32 {
	b = b[:len(a)]
	var s0, s1, s2, s3 float32
	i := 0
	for ; i+4 <= len(a); i += 4 {
		s0 += a[i] * b[i]
		s1 += a[i+1] * b[i+1]
		s2 += a[i+2] * b[i+2]
		s3 += a[i+3] * b[i+3]
	}
	for ; i < len(a); i++ {
		s0 += a[i] * b[i]
	}
	return s0 + s1 + s2 + s3
}

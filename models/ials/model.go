package ials

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"sync"

	"regulars/features/matrix"
	"regulars/models"
	"regulars/models/internal/kernel"
)

// Model holds the item factors, from which any customer is folded in. Make it
// with Fit, or with New from stored numbers.
type Model struct {
	Options Options   // with defaults filled in; Workers has no meaning here
	Factors []float32 // items × Options.Factors, row-major; an item never seen is all zeros

	norms   []float32 // of the items; 0 = never seen
	longest []int32   // items, those with the greatest norms first: see search
	known   int       // items that occur
	gram    []float32 // Unobserved·HᵀH
	scratch sync.Pool
}

var (
	_ models.Recommender = (*Model)(nil)
	_ models.Similar     = (*Model)(nil)
	_ models.BatchTopper = (*Model)(nil)
)

// New returns the model of stored options and factors (items × o.Factors), which
// it keeps.
func New(o Options, factors []float32) (*Model, error) {
	o, err := o.resolved()
	if err != nil {
		return nil, err
	}
	d := o.Factors
	if len(factors) == 0 || len(factors)%d != 0 {
		return nil, fmt.Errorf("ials: %d numbers are not rows of %d factors", len(factors), d)
	}
	m := &Model{Options: o, Factors: factors, norms: make([]float32, len(factors)/d)}
	for i := range m.norms {
		if err := m.setNorm(i); err != nil {
			return nil, err
		}
	}
	m.longest = m.byLength()
	m.gram = gramOf(factors, d, o.Unobserved, o.Workers)
	m.scratch.New = func() any { return m.newFolder() }
	return m, nil
}

// setNorm checks the factors of item i and notes their length.
func (m *Model) setNorm(i int) error {
	sum := 0.0
	for j, x := range m.row(i) {
		if f := float64(x); math.IsNaN(f) || math.IsInf(f, 0) {
			return fmt.Errorf("ials: factor %d of item %d is %v: it must be a finite number", j, i, x)
		}
		sum += float64(x) * float64(x)
	}
	if m.norms[i] = float32(math.Sqrt(sum)); m.norms[i] > 0 {
		m.known++
	}
	return nil
}

// manyLongest is how many items a search begins with: a thousand reads at random
// cost a tenth of a millisecond.
const manyLongest = 1000

// byLength lists the items with the longest factors, of equals the lower numbers.
func (m *Model) byLength() []int32 {
	items := make([]int32, 0, m.known)
	for i, norm := range m.norms {
		if norm > 0 {
			items = append(items, int32(i))
		}
	}
	slices.SortStableFunc(items, func(a, b int32) int { return cmp.Compare(m.norms[b], m.norms[a]) })
	return slices.Clone(items[:min(len(items), manyLongest)])
}

// Items returns the size of the item vocabulary.
func (m *Model) Items() int { return len(m.norms) }

func (m *Model) row(i int) []float32 {
	d := m.Options.Factors
	return m.Factors[i*d : (i+1)*d : (i+1)*d]
}

// Score folds the history in and writes the inner product with every item. A
// history without any item seen in training gives ErrUnknown.
// Cost: n·d² + d³/3 for a history of n items, plus items·d.
func (m *Model) Score(h matrix.History, now int32, dst []float32) error {
	if len(dst) != m.Items() {
		return fmt.Errorf("ials: room for %d scores, there are %d items", len(dst), m.Items())
	}
	f := m.scratch.Get().(*folder)
	defer m.scratch.Put(f)
	if err := f.fold(h, now, f.user); err != nil {
		return err
	}
	for i := range dst {
		dst[i] = kernel.Dot(f.user, m.row(i))
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
	return f.fold(h, now, dst)
}

// Similar writes the cosine of the factors of every item with those of item.
func (m *Model) Similar(item int32, dst []float32) error {
	if len(dst) != m.Items() {
		return fmt.Errorf("ials: room for %d similarities, there are %d items", len(dst), m.Items())
	}
	if item < 0 || int(item) >= m.Items() {
		return fmt.Errorf("ials: item %d of %d items: %w", item, m.Items(), models.ErrUnknown)
	}
	own, norm := m.row(int(item)), m.norms[item]
	if norm == 0 {
		return fmt.Errorf("ials: item %d does not occur in training: %w", item, models.ErrUnknown)
	}
	for i, other := range m.norms {
		dst[i] = 0
		if other > 0 {
			dst[i] = kernel.Dot(m.row(i), own) / norm / other
		}
	}
	return nil
}

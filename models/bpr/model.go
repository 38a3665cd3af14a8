package bpr

import (
	"fmt"
	"math"
	"math/rand/v2"
	"sync"

	"regulars/features/matrix"
	"regulars/models"
)

// Model holds the item factors and biases, against which any customer is folded
// in. Make it with Fit, or with New from stored numbers.
type Model struct {
	Options Options   // with defaults filled in; Workers has no meaning here
	Factors []float32 // items × Options.Factors, row-major; an item never seen is all zeros
	Bias    []float32 // one an item: how far it stands above others for everybody

	negatives []int32 // known items in random order, Options.Negatives at most
	scratch   sync.Pool
}

var (
	_ models.Recommender = (*Model)(nil)
	_ models.Similar     = (*Model)(nil)
)

// largest is the largest factor or bias: far above any that is learned, low
// enough for every score to stay finite.
const largest = 1e6

// New returns the model of stored options, factors (items × o.Factors) and
// biases (one an item).
func New(o Options, factors, bias []float32) (*Model, error) {
	o, err := o.resolved()
	if err != nil {
		return nil, err
	}
	d := o.Factors
	if len(bias) == 0 || len(factors) != len(bias)*d {
		return nil, fmt.Errorf("bpr: %d numbers are not %d rows of %d factors", len(factors), len(bias), d)
	}
	for i, x := range factors {
		if !(math.Abs(float64(x)) <= largest) {
			return nil, fmt.Errorf("bpr: factor %d of item %d is %v: it must lie within ±%g (a lower LearningRate keeps it there)", i%d, i/d, x, largest)
		}
	}
	for i, x := range bias {
		if !(math.Abs(float64(x)) <= largest) {
			return nil, fmt.Errorf("bpr: bias of item %d is %v: it must lie within ±%g", i, x, largest)
		}
	}
	m := &Model{Options: o, Factors: factors, Bias: bias}
	m.pickNegatives()
	m.scratch.New = func() any {
		return &folder{user: make([]float32, d), ahead: make([]float32, d), gradient: make([]float64, d)}
	}
	return m, nil
}

func (m *Model) pickNegatives() {
	var known []int32
	for i := range m.Bias {
		if m.known(int32(i)) {
			known = append(known, int32(i))
		}
	}
	rng := rand.New(rand.NewPCG(m.Options.Seed, 0x666f6c64))
	rng.Shuffle(len(known), func(a, b int) { known[a], known[b] = known[b], known[a] })
	m.negatives = known[:min(len(known), m.Options.Negatives)]
}

// known reports whether item occurred in training: only then has it factors.
func (m *Model) known(item int32) bool {
	for _, x := range row(m.Factors, item, m.Options.Factors) {
		if x != 0 {
			return true
		}
	}
	return false
}

// Items returns the size of the item vocabulary.
func (m *Model) Items() int { return len(m.Bias) }

// Score folds the history in and writes w·h + b of every item; an item never
// seen in training gets the lowest score of the others. A history without any
// item seen in training gives ErrUnknown.
func (m *Model) Score(h matrix.History, now int32, dst []float32) error {
	if len(dst) != m.Items() {
		return fmt.Errorf("bpr: room for %d scores, there are %d items", len(dst), m.Items())
	}
	f := m.scratch.Get().(*folder)
	defer m.scratch.Put(f)
	if err := m.fold(f, h, now); err != nil {
		return err
	}
	lowest := float32(math.Inf(1))
	for i := range dst {
		if m.known(int32(i)) {
			dst[i] = dot(row(m.Factors, int32(i), m.Options.Factors), f.user) + m.Bias[i]
			lowest = min(lowest, dst[i])
		}
	}
	for i := range dst {
		if !m.known(int32(i)) {
			dst[i] = lowest
		}
	}
	return nil
}

// User writes the factors of the customer with this history into dst, of length
// Options.Factors.
func (m *Model) User(h matrix.History, now int32, dst []float32) error {
	if len(dst) != m.Options.Factors {
		return fmt.Errorf("bpr: room for %d factors, there are %d", len(dst), m.Options.Factors)
	}
	f := m.scratch.Get().(*folder)
	defer m.scratch.Put(f)
	if err := m.fold(f, h, now); err != nil {
		return err
	}
	copy(dst, f.user)
	return nil
}

// Similar writes the cosine of the factors of every item with those of item.
func (m *Model) Similar(item int32, dst []float32) error {
	if len(dst) != m.Items() {
		return fmt.Errorf("bpr: room for %d similarities, there are %d items", len(dst), m.Items())
	}
	if item < 0 || int(item) >= m.Items() || !m.known(item) {
		return fmt.Errorf("bpr: item %d does not occur in training on %d items: %w", item, m.Items(), models.ErrUnknown)
	}
	own := row(m.Factors, item, m.Options.Factors)
	norm := squares(own)
	for i := range dst {
		other := row(m.Factors, int32(i), m.Options.Factors)
		dst[i] = 0
		if n := squares(other); n > 0 {
			dst[i] = float32(float64(dot(own, other)) / math.Sqrt(norm*n))
		}
	}
	return nil
}

func squares(a []float32) float64 {
	s := 0.0
	for _, x := range a {
		s += float64(x) * float64(x)
	}
	return s
}

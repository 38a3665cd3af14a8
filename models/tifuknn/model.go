package tifuknn

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"sync"

	"regulars/features/matrix"
	"regulars/models"
)

// Model holds the vectors among which neighbours are looked for. Make it with
// Fit, or with New from stored numbers.
type Model struct {
	Options Options     // with defaults filled in
	Vectors *matrix.CSR // customers × items, values above 0

	byItem *matrix.CSR // the same, transposed
	norm   []float64   // squared length of each row of Vectors
	short  []int32     // rows by ascending length
	pool   sync.Pool
}

var (
	_ models.Recommender = (*Model)(nil)
	_ models.Explainer   = (*Model)(nil)
)

// New returns the model of stored options and vectors (customers × items).
func New(o Options, vectors *matrix.CSR) (*Model, error) {
	o, err := o.resolved()
	if err != nil {
		return nil, err
	}
	if err := checkVectors(vectors); err != nil {
		return nil, fmt.Errorf("tifuknn: %w", err)
	}
	m := &Model{Options: o, Vectors: vectors, byItem: vectors.Transpose(),
		norm: make([]float64, vectors.Rows), short: make([]int32, vectors.Rows)}
	for r := range vectors.Rows {
		_, values := vectors.Row(r)
		m.norm[r], m.short[r] = squared(values), int32(r)
	}
	slices.SortFunc(m.short, func(a, b int32) int { return cmp.Or(cmp.Compare(m.norm[a], m.norm[b]), cmp.Compare(a, b)) })
	m.pool.New = func() any { return &search{dot: make([]float64, vectors.Rows)} }
	return m, nil
}

func checkVectors(v *matrix.CSR) error {
	if v == nil || v.Rows < 1 || v.Cols < 1 {
		return fmt.Errorf("no vectors of customers over items")
	}
	n := int64(len(v.Indices))
	if len(v.Values) != len(v.Indices) || len(v.Indptr) != v.Rows+1 || v.Indptr[0] != 0 || v.Indptr[v.Rows] != n {
		return fmt.Errorf("vectors of %d customers have %d row ends, %d items and %d values: they do not fit together",
			v.Rows, len(v.Indptr)-1, len(v.Indices), len(v.Values))
	}
	for r := range v.Rows {
		if v.Indptr[r+1] < v.Indptr[r] || v.Indptr[r+1] > n {
			return fmt.Errorf("vector of customer %d ends at %d of %d, before it begins or beyond the last", r, v.Indptr[r+1], n)
		}
		items, values := v.Row(r)
		for i, it := range items {
			if it < 0 || int(it) >= v.Cols || i > 0 && items[i-1] >= it {
				return fmt.Errorf("vector of customer %d: items must be ascending, distinct and below %d", r, v.Cols)
			}
			if !(values[i] > 0 && values[i] <= 1) {
				return fmt.Errorf("vector of customer %d: item %d is %v, it must be above 0 and at most 1", r, it, values[i])
			}
		}
	}
	return nil
}

func squared(values []float32) float64 {
	sum := 0.0
	for _, x := range values {
		sum += float64(x) * float64(x)
	}
	return sum
}

// Items returns the size of the item vocabulary.
func (m *Model) Items() int { return m.Vectors.Cols }

// Score writes α·own + (1−α)·mean of the neighbours' vectors (Hu et al. 2020,
// section 4.2). A customer known in training is served like a newcomer and may
// be a neighbour of themself. Of equally near customers the earlier one is
// taken. Under "cosine" those who share no item are never neighbours. A history
// without items before now gives ErrUnknown.
// Cost: the customers of every item of the history, the items of the neighbours.
func (m *Model) Score(h matrix.History, now int32, dst []float32) error {
	if len(dst) != m.Items() {
		return fmt.Errorf("tifuknn: room for %d scores, there are %d items", len(dst), m.Items())
	}
	s := m.pool.Get().(*search)
	defer m.pool.Put(s)
	if err := m.neighbours(s, h, now); err != nil {
		return err
	}
	clear(dst)
	m.addMean(dst, s.found)
	alpha := float32(*m.Options.Alpha)
	for i := range dst {
		dst[i] *= 1 - alpha
	}
	for i, it := range s.items {
		dst[it] += alpha * s.values[i]
	}
	return nil
}

// addMean adds the mean of the rows to dst.
func (m *Model) addMean(dst []float32, rows []near) {
	for _, n := range rows {
		items, values := m.Vectors.Row(int(n.row))
		for i, it := range items {
			dst[it] += values[i] / float32(len(rows))
		}
	}
}

// search is what one request needs.
type search struct {
	items   []int32 // the customer's own vector
	values  []float32
	scratch []int32
	dot     []float64 // one a row of Vectors; zero between requests
	touched []int32   // rows that share an item
	found   []near    // neighbours, nearest first
}

type near struct {
	row      int32
	distance float64
}

func (m *Model) neighbours(s *search, h matrix.History, now int32) error {
	if len(h.Day) != len(h.Item) {
		return fmt.Errorf("tifuknn: history has %d items and %d days", len(h.Item), len(h.Day))
	}
	for _, it := range h.Item {
		if it < 0 || int(it) >= m.Items() {
			return fmt.Errorf("tifuknn: history names item %d of %d items", it, m.Items())
		}
	}
	s.items, s.values, s.scratch = m.Options.vector(s.items[:0], s.values[:0], h, now, s.scratch)
	if len(s.items) == 0 {
		return fmt.Errorf("tifuknn: no history before day %d: %w", now, models.ErrUnknown)
	}
	m.products(s)
	own := squared(s.values)
	s.found = s.found[:0]
	for _, r := range s.touched {
		s.found = append(s.found, near{r, m.distance(own, s.dot[r], m.norm[r])})
	}
	if m.Options.Similarity == Euclidean {
		m.addStrangers(s, own)
	}
	slices.SortFunc(s.found, func(a, b near) int {
		return cmp.Or(cmp.Compare(a.distance, b.distance), cmp.Compare(a.row, b.row))
	})
	s.found = s.found[:min(m.Options.Neighbours, len(s.found))]
	for _, r := range s.touched {
		s.dot[r] = 0
	}
	return nil
}

// products writes the inner product of the customer's vector with every row that
// shares an item.
func (m *Model) products(s *search) {
	s.touched = s.touched[:0]
	for i, it := range s.items {
		rows, values := m.byItem.Row(int(it))
		x := float64(s.values[i])
		for j, r := range rows {
			if s.dot[r] == 0 {
				s.touched = append(s.touched, r)
			}
			s.dot[r] += x * float64(values[j])
		}
	}
}

// distance is squared Euclidean, or 1 − cosine.
func (m *Model) distance(own, dot, other float64) float64 {
	if m.Options.Similarity == Euclidean {
		return own + other - 2*dot
	}
	return 1 - dot/math.Sqrt(own*other)
}

// addStrangers adds the customers that share no item and may still be near,
// because their vectors are short: the shortest ones suffice.
func (m *Model) addStrangers(s *search, own float64) {
	n := 0
	for _, r := range m.short {
		if n == m.Options.Neighbours {
			return
		}
		if s.dot[r] == 0 {
			s.found = append(s.found, near{r, m.distance(own, 0, m.norm[r])})
			n++
		}
	}
}

// Explain says that an item was bought before, or that customers alike buy it.
// It costs as much as Score for an item that is not in the history.
func (m *Model) Explain(h matrix.History, now int32, item int32) (models.Reason, bool) {
	s := m.pool.Get().(*search)
	defer m.pool.Put(s)
	if item < 0 || int(item) >= m.Items() || m.neighbours(s, h, now) != nil {
		return models.Reason{}, false
	}
	if _, own := slices.BinarySearch(s.items, item); own {
		return models.Reason{Kind: models.ReasonAgain, Item: -1}, true
	}
	for _, n := range s.found {
		if items, _ := m.Vectors.Row(int(n.row)); *m.Options.Alpha < 1 && slices.Contains(items, item) {
			return models.Reason{Kind: models.ReasonSimilar, Item: -1}, true
		}
	}
	return models.Reason{}, false
}

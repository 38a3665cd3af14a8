package content

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"sync"

	"regulars/features/matrix"
	"regulars/models"
)

// Model holds a vector for each item. Make it with Fit, or with New from stored
// numbers.
type Model struct {
	Options Options     // with defaults filled in
	Vectors *matrix.CSR // items × terms, rows of length 1 or, without attributes, empty
	Fields  []uint8     // of each term: 0 title, 1 category, 2 brand, 3 price, 4 tags
	Texts   []string    // of each term
	Share   []float32   // of each item: recent popularity in [0, 1], the mean of the others where it was never sold

	byTerm *matrix.CSR
	factor []float32 // ((Share + 0.001)/1.001)^Recent
	pool   sync.Pool
}

var (
	_ models.Recommender = (*Model)(nil)
	_ models.Similar     = (*Model)(nil)
	_ models.Explainer   = (*Model)(nil)
)

// New returns the model of stored numbers and terms.
func New(o Options, vectors *matrix.CSR, ofField []uint8, texts []string, share []float32) (*Model, error) {
	o, err := o.resolved()
	if err != nil {
		return nil, err
	}
	if err := checkVectors(vectors); err != nil {
		return nil, fmt.Errorf("content: %w", err)
	}
	if len(ofField) != vectors.Cols || len(texts) != vectors.Cols {
		return nil, fmt.Errorf("content: %d fields and %d texts of %d terms: there must be one of each", len(ofField), len(texts), vectors.Cols)
	}
	for t, f := range ofField {
		if field(f) >= fields {
			return nil, fmt.Errorf("content: term %d is of field %d: it must be below %d", t, f, fields)
		}
	}
	if len(share) != vectors.Rows {
		return nil, fmt.Errorf("content: %d shares of %d items: there must be one an item", len(share), vectors.Rows)
	}
	for i, s := range share {
		if !(s >= 0 && s <= 1) {
			return nil, fmt.Errorf("content: share of item %d is %v: it must lie in [0, 1]", i, s)
		}
	}
	m := &Model{Options: o, Vectors: vectors, Fields: ofField, Texts: texts, Share: share,
		byTerm: vectors.Transpose(), factor: factors(share, *o.Recent)}
	m.pool.New = func() any { return &profile{weight: make([]float64, vectors.Cols)} }
	return m, nil
}

func checkVectors(v *matrix.CSR) error {
	if v == nil || v.Rows < 1 || v.Cols < 1 {
		return fmt.Errorf("no vectors of items over terms")
	}
	n := int64(len(v.Indices))
	if len(v.Values) != len(v.Indices) || len(v.Indptr) != v.Rows+1 || v.Indptr[0] != 0 || v.Indptr[v.Rows] != n || !slices.IsSorted(v.Indptr) {
		return fmt.Errorf("vectors of %d items have %d row ends, %d terms and %d values: they do not fit together",
			v.Rows, len(v.Indptr)-1, len(v.Indices), len(v.Values))
	}
	for r := range v.Rows {
		terms, values := v.Row(r)
		sum := 0.0
		for i, t := range terms {
			if t < 0 || int(t) >= v.Cols || i > 0 && terms[i-1] >= t {
				return fmt.Errorf("vector of item %d: terms must be ascending, distinct and below %d", r, v.Cols)
			}
			sum += float64(values[i]) * float64(values[i])
			if !(values[i] >= 0) {
				return fmt.Errorf("vector of item %d: term %d is %v, it must not be negative", r, t, values[i])
			}
		}
		if len(terms) > 0 && !(math.Abs(sum-1) < 1e-3) {
			return fmt.Errorf("vector of item %d has a squared length of %v, it must be 1", r, sum)
		}
	}
	return nil
}

// Items returns the size of the item vocabulary.
func (m *Model) Items() int { return m.Vectors.Rows }

// Score writes for every item, in [0, 1],
//
//	cosine(item, profile) · ((Share + 0.001)/1.001)^Recent
//
// where the profile is the sum of the vectors of what the customer bought, each
// weighted with weight·2^(−age/HalfLifeDays), so that of what is alike the items
// that sell at present go first, and new ones between them. Items without
// attributes score 0. A history without any item that has some gives ErrUnknown.
// Cost: the items of each of the profile's strongest ProfileTerms terms.
func (m *Model) Score(h matrix.History, now int32, dst []float32) error {
	if len(dst) != m.Items() {
		return fmt.Errorf("content: room for %d scores, there are %d items", len(dst), m.Items())
	}
	p := m.pool.Get().(*profile)
	defer m.release(p)
	if err := m.fold(p, h, now); err != nil {
		return err
	}
	m.search(p, dst)
	for i, f := range m.factor {
		dst[i] *= f
	}
	return nil
}

// profile is what one request needs.
type profile struct {
	weight []float64 // by term; zero between requests
	terms  []int32   // with a weight
	norm   float64
}

func (m *Model) release(p *profile) {
	for _, t := range p.terms {
		p.weight[t] = 0
	}
	p.terms = p.terms[:0]
	m.pool.Put(p)
}

// fold adds up what was bought before now.
func (m *Model) fold(p *profile, h matrix.History, now int32) error {
	if err := m.check(h); err != nil {
		return err
	}
	latest := latestBefore(h, now)
	for i, it := range h.Item {
		if h.Day[i] < now {
			m.add(p, it, m.counts(h, i, latest))
		}
	}
	if len(p.terms) == 0 {
		return fmt.Errorf("content: no item of the history before day %d has attributes: %w", now, models.ErrUnknown)
	}
	slices.Sort(p.terms)
	m.strongest(p)
	return nil
}

func (m *Model) check(h matrix.History) error {
	if len(h.Day) != len(h.Item) || len(h.Weight) != len(h.Item) {
		return fmt.Errorf("content: history has %d items, %d days and %d weights", len(h.Item), len(h.Day), len(h.Weight))
	}
	for i, it := range h.Item {
		if it < 0 || int(it) >= m.Items() {
			return fmt.Errorf("content: history names item %d of %d items", it, m.Items())
		}
		if w := float64(h.Weight[i]); !(w > 0) || math.IsInf(w, 0) {
			return fmt.Errorf("content: history has item %d with weight %v: it must be a finite number above 0", it, w)
		}
	}
	return nil
}

// latestBefore returns the last day of h before now. A profile ages from there:
// its direction is the same, and old ones do not vanish below float64.
func latestBefore(h matrix.History, now int32) int32 {
	latest := int32(math.MinInt32)
	for _, d := range h.Day {
		if d < now {
			latest = max(latest, d)
		}
	}
	return latest
}

// counts is what purchase i of h weighs; never 0, so that a profile always has
// a direction.
func (m *Model) counts(h matrix.History, i int, latest int32) float64 {
	age := float64(latest) - float64(h.Day[i])
	return float64(h.Weight[i])*math.Exp2(-age/m.Options.HalfLifeDays) + math.SmallestNonzeroFloat32
}

func (m *Model) add(p *profile, item int32, w float64) {
	terms, values := m.Vectors.Row(int(item))
	for i, t := range terms {
		if values[i] == 0 {
			continue
		}
		if p.weight[t] == 0 {
			p.terms = append(p.terms, t)
		}
		p.weight[t] += w * float64(values[i])
	}
}

// strongest keeps the terms with the largest weights and the length of them all.
func (m *Model) strongest(p *profile) {
	sum := 0.0
	for _, t := range p.terms {
		sum += p.weight[t] * p.weight[t]
	}
	p.norm = math.Sqrt(sum)
	if len(p.terms) <= m.Options.ProfileTerms {
		return
	}
	slices.SortFunc(p.terms, func(a, b int32) int { return cmp.Or(cmp.Compare(p.weight[b], p.weight[a]), cmp.Compare(a, b)) })
	for _, t := range p.terms[m.Options.ProfileTerms:] {
		p.weight[t] = 0
	}
	p.terms = p.terms[:m.Options.ProfileTerms]
	slices.Sort(p.terms)
}

// search writes the cosines through the items of each term.
func (m *Model) search(p *profile, dst []float32) {
	clear(dst)
	for _, t := range p.terms {
		w := float32(p.weight[t] / p.norm)
		items, values := m.byTerm.Row(int(t))
		for i, it := range items {
			dst[it] += w * values[i]
		}
	}
}

// Similar writes the cosine of every item with the given one, sold or not. An
// item without attributes gives ErrUnknown.
func (m *Model) Similar(item int32, dst []float32) error {
	if len(dst) != m.Items() {
		return fmt.Errorf("content: room for %d similarities, there are %d items", len(dst), m.Items())
	}
	if item < 0 || int(item) >= m.Items() {
		return fmt.Errorf("content: item %d of %d items: %w", item, m.Items(), models.ErrUnknown)
	}
	p := m.pool.Get().(*profile)
	defer m.release(p)
	m.add(p, item, 1)
	if len(p.terms) == 0 {
		return fmt.Errorf("content: item %d has no attributes: %w", item, models.ErrUnknown)
	}
	p.norm = 1
	m.search(p, dst)
	return nil
}

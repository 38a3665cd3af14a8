package blend

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"slices"
	"sync"

	"regulars/features/matrix"
	"regulars/models"
	"regulars/models/internal/kernel"
)

// Model ranks by the blend, or by the source that won against it. Make it with
// Fit, or with New from stored parts.
type Model struct {
	Options   Options   // with defaults filled in; Workers has no meaning here
	Sources   []Source  // with a nil Model where there was too little data
	Ranker    Ranker    // nil where Outcome does without
	Catalogue Catalogue // of the items
	Outcome   Outcome

	columns []string
	tail    []float32 // of each item, below 0 and above −1: its order by popularity
	pool    sync.Pool
}

var (
	_ models.Recommender = (*Model)(nil)
	_ models.Explainer   = (*Model)(nil)
)

// New returns the model of stored parts.
func New(o Options, sources []Source, ranker Ranker, c Catalogue, outcome Outcome) (*Model, error) {
	o, err := o.resolved()
	if err != nil {
		return nil, err
	}
	if err := errors.Join(c.check(), outcome.check(sources, ranker)); err != nil {
		return nil, err
	}
	m := &Model{Options: o, Sources: sources, Ranker: ranker, Catalogue: c, Outcome: outcome, columns: Columns(sources)}
	for _, s := range sources {
		if s.Model != nil && s.Model.Items() != m.Items() {
			return nil, fmt.Errorf("blend: source %s knows %d items, there are %d", s.Name, s.Model.Items(), m.Items())
		}
	}
	m.tail = tail(c)
	m.pool.New = func() any { return newWork(len(sources), m.Items(), m.columns) }
	return m, nil
}

// tail orders the items by recent, then by all-time popularity.
func tail(c Catalogue) []float32 {
	order := make([]int32, len(c.First))
	for i := range order {
		order[i] = int32(i)
	}
	value := func(i int32) float64 { return float64(c.Recent[i]) + 1e-6*float64(c.Customers[i]) }
	slices.SortStableFunc(order, func(a, b int32) int {
		switch x, y := value(a), value(b); {
		case x > y:
			return -1
		case x < y:
			return 1
		}
		return 0
	})
	out := make([]float32, len(order))
	for place, it := range order {
		out[it] = -float32(place+1) / float32(len(order)+1)
	}
	return out
}

// Items returns the size of the item vocabulary.
func (m *Model) Items() int { return len(m.Catalogue.First) }

// Score writes the ranker's number for every candidate and, below all of them,
// the other items by recent popularity; or, where a single source won, what that
// source says. Where another than the list's order has won among items never had
// before, these share out the places that they have on the list by that order.
// Cost: the Score of every source and about 100 features for each of a few
// hundred candidates.
func (m *Model) Score(h matrix.History, now int32, dst []float32) error {
	w, err := m.begin(h, now)
	if err != nil {
		return err
	}
	defer m.pool.Put(w)
	return m.fill(w, h, now, dst)
}

func (m *Model) check(h matrix.History) error {
	if len(h.Day) != len(h.Item) || len(h.Weight) != len(h.Item) {
		return fmt.Errorf("blend: history has %d items, %d days and %d weights", len(h.Item), len(h.Day), len(h.Weight))
	}
	for i, it := range h.Item {
		if it < 0 || int(it) >= m.Items() {
			return fmt.Errorf("blend: history names item %d of %d items", it, m.Items())
		}
		if w := float64(h.Weight[i]); !(w > 0) || math.IsInf(w, 0) {
			return fmt.Errorf("blend: history has item %d with weight %v: it must be a finite number above 0", it, w)
		}
	}
	return nil
}

// begin asks the sources and collects the candidates.
func (m *Model) begin(h matrix.History, now int32) (*work, error) {
	if err := m.check(h); err != nil {
		return nil, err
	}
	w := m.pool.Get().(*work)
	if err := w.score(m.Sources, h, now); err != nil {
		m.pool.Put(w)
		return nil, err
	}
	w.collect(m.Options.Depth)
	w.place()
	return w, nil
}

// fill writes the scores of all items.
func (m *Model) fill(w *work, h matrix.History, now int32, dst []float32) error {
	if len(dst) != m.Items() {
		return fmt.Errorf("blend: room for %d scores, there are %d items", len(dst), m.Items())
	}
	if err := m.order(m.Outcome.List, w, h, now, dst); err != nil {
		return err
	}
	if m.Outcome.New == m.Outcome.List {
		return nil
	}
	fresh := make([]float32, len(dst))
	if err := m.order(m.Outcome.New, w, h, now, fresh); err != nil {
		return err
	}
	reorder(dst, fresh, w.own)
	return nil
}

// order writes scores by the blend or by one source, without either by popularity.
func (m *Model) order(by int, w *work, h matrix.History, now int32, dst []float32) error {
	switch {
	case by == Blend:
		return m.blend(m.Ranker, w, h, now, dst)
	case w.speaks[by]:
		copy(dst, w.scores[by])
	default:
		copy(dst, m.tail)
	}
	return nil
}

// blend writes the ranker's scores of the candidates, and the others below.
func (m *Model) blend(r Ranker, w *work, h matrix.History, now int32, dst []float32) error {
	copy(dst, m.tail)
	if len(w.items) == 0 {
		return nil
	}
	if err := m.rank(r, w, h, now); err != nil {
		return err
	}
	lowest := math.Min(0, slices.Min(w.y))
	for i := range dst {
		dst[i] += float32(lowest)
	}
	for i, it := range w.items {
		dst[it] = float32(w.y[i])
	}
	return nil
}

// rank asks a ranker about the candidates.
func (m *Model) rank(r Ranker, w *work, h matrix.History, now int32) error {
	w.features(&m.Catalogue, h, now)
	w.y = slices.Grow(w.y[:0], len(w.items))[:len(w.items)]
	if err := r.Rank(w.x, w.y); err != nil {
		return fmt.Errorf("blend: ranking candidates: %w", err)
	}
	for i, y := range w.y {
		if !(math.Abs(y) <= maxScore) {
			return fmt.Errorf("blend: the ranker gives item %d %v: it must be a number of at most 1e30 in size", w.items[i], y)
		}
	}
	return nil
}

const maxScore = 1e30

// reordered is how many of the items never had take their order from elsewhere.
const reordered = 500

// reorder puts the items that are not in own into the order of by, in the places
// that they have: the first of that order take the best of their scores, what
// stood there follows in its own order.
func reorder(dst, by []float32, own []int32) {
	first := kernel.TopK(by, reordered, own, nil)
	stood := kernel.TopK(dst, reordered, own, nil)
	sorted := slices.Sorted(slices.Values(first))
	for _, it := range stood {
		if _, found := slices.BinarySearch(sorted, it); !found {
			first = append(first, it)
		}
	}
	scores := make([]float32, len(first))
	for i, it := range first {
		scores[i] = dst[it]
	}
	slices.SortFunc(scores, func(a, b float32) int { return cmp.Compare(b, a) })
	for i, it := range first {
		dst[it] = scores[i]
	}
}

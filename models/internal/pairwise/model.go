package pairwise

import (
	"fmt"
	"math"
	"slices"

	"regulars/features/matrix"
	"regulars/models"
)

// Largest is the largest weight: it keeps sums of weighted histories within float32.
const Largest = 1e20

// Model is what a model's own type embeds. Make it with New.
type Model struct {
	Customers []int32     // distinct users of each item in training; 0 = never seen
	Weights   *matrix.CSR // items × items: row i holds what having item i adds to the score of others

	name   string // of the model, in errors
	counts Counting
}

var _ models.Explainer = (*Model)(nil)

// New checks customers (one an item) and weights (items × items, columns
// ascending, no diagonal, all finite) of the model of that name.
func New(name string, counts Counting, customers []int32, weights *matrix.CSR) (Model, error) {
	m := Model{Customers: customers, Weights: weights, name: name, counts: counts}
	if len(customers) == 0 || slices.Min(customers) < 0 {
		return m, fmt.Errorf("%s: customers of %d items: there must be items, with 0 or more customers each", name, len(customers))
	}
	return m, m.check()
}

func (m *Model) check() error {
	w, items := m.Weights, m.Items()
	if w == nil || w.Rows != items || w.Cols != items || len(w.Indptr) != items+1 || w.Indptr[0] != 0 ||
		w.Indptr[items] != int64(len(w.Indices)) || len(w.Indices) != len(w.Values) || !slices.IsSorted(w.Indptr) {
		return fmt.Errorf("%s: stored weights are not a matrix of %d × %d items", m.name, items, items)
	}
	for i := range items {
		cols, vals := w.Row(i)
		for k, j := range cols {
			if j < 0 || int(j) >= items || int(j) == i || k > 0 && j <= cols[k-1] {
				return fmt.Errorf("%s: weights of item %d are not for ascending other items below %d", m.name, i, items)
			}
			if !(math.Abs(float64(vals[k])) <= Largest) {
				return fmt.Errorf("%s: the weight of item %d for %d is %v: it must be a finite number", m.name, i, j, vals[k])
			}
		}
	}
	return nil
}

// Items returns the size of the item vocabulary.
func (m *Model) Items() int { return len(m.Customers) }

// Score adds up the weights of the items of the history. A history without any
// item seen in training gives ErrUnknown. Cost: one addition for each weight of
// the history's items.
func (m *Model) Score(h matrix.History, now int32, dst []float32) error {
	if len(dst) != m.Items() {
		return fmt.Errorf("%s: room for %d scores, there are %d items", m.name, len(dst), m.Items())
	}
	items, counts, err := m.read(h, now)
	if err != nil {
		return err
	}
	clear(dst)
	for i, item := range items {
		x := counts[i]
		cols, vals := m.Weights.Row(int(item))
		vals = vals[:len(cols)]
		for k, j := range cols {
			dst[j] += x * vals[k]
		}
	}
	return nil
}

// read returns the items of the history that were seen in training, and what each
// counts.
func (m *Model) read(h matrix.History, now int32) (items []int32, counts []float32, err error) {
	items, counts = m.counts.Append(nil, nil, h, now)
	n := 0
	for i, item := range items {
		if item < 0 || int(item) >= m.Items() {
			return nil, nil, fmt.Errorf("%s: history names item %d of %d items", m.name, item, m.Items())
		}
		if m.Customers[item] > 0 {
			items[n], counts[n] = item, counts[i]
			n++
		}
	}
	if n == 0 {
		return nil, nil, fmt.Errorf("%s: no item of the history occurs in training: %w", m.name, models.ErrUnknown)
	}
	return items[:n], counts[:n], nil
}

// CheckSimilar refuses room of the wrong length, and an item that does not occur
// in training with ErrUnknown.
func (m *Model) CheckSimilar(item int32, dst []float32) error {
	if len(dst) != m.Items() {
		return fmt.Errorf("%s: room for %d similarities, there are %d items", m.name, len(dst), m.Items())
	}
	if item < 0 || int(item) >= m.Items() || m.Customers[item] == 0 {
		return fmt.Errorf("%s: item %d does not occur in training: %w", m.name, item, models.ErrUnknown)
	}
	return nil
}

// Weight is what having item i adds to the score of j.
func (m *Model) Weight(i, j int32) float32 {
	cols, vals := m.Weights.Row(int(i))
	if k, ok := slices.BinarySearch(cols, j); ok {
		return vals[k]
	}
	return 0
}

// Explain names the item of the history that adds most to the item's score.
func (m *Model) Explain(h matrix.History, now int32, item int32) (models.Reason, bool) {
	items, counts, err := m.read(h, now)
	if err != nil || item < 0 || int(item) >= m.Items() {
		return models.Reason{}, false
	}
	r, most := models.Reason{Kind: models.ReasonBought, Item: -1}, float32(0)
	for i, own := range items {
		if w := counts[i] * m.Weight(own, item); w > most {
			r.Item, most = own, w
		}
	}
	return r, most > 0
}

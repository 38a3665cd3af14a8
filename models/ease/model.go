package ease

import (
	"fmt"
	"math"
	"slices"

	"regulars/features/matrix"
	"regulars/models"
)

// Model holds the weights between items. Make it with Fit, or with New from stored
// numbers.
type Model struct {
	Options   Options     // with defaults filled in; Workers has no meaning here
	Customers []int32     // distinct users of each item in training; 0 = never seen
	Weights   *matrix.CSR // items × items: row i holds what having item i adds to the score of others
}

var (
	_ models.Recommender = (*Model)(nil)
	_ models.Similar     = (*Model)(nil)
	_ models.Explainer   = (*Model)(nil)
)

// New returns the model of stored options, customers (one an item) and weights
// (items × items, columns ascending, no diagonal, all finite).
func New(o Options, customers []int32, weights *matrix.CSR) (*Model, error) {
	o, err := o.resolved()
	if err != nil {
		return nil, err
	}
	if len(customers) == 0 || slices.Min(customers) < 0 {
		return nil, fmt.Errorf("ease: customers of %d items: there must be items, with 0 or more customers each", len(customers))
	}
	if err := checkWeights(weights, len(customers)); err != nil {
		return nil, err
	}
	return &Model{Options: o, Customers: customers, Weights: weights}, nil
}

func checkWeights(m *matrix.CSR, items int) error {
	if m == nil || m.Rows != items || m.Cols != items || len(m.Indptr) != items+1 || m.Indptr[0] != 0 ||
		m.Indptr[items] != int64(len(m.Indices)) || len(m.Indices) != len(m.Values) || !slices.IsSorted(m.Indptr) {
		return fmt.Errorf("ease: stored weights are not a matrix of %d × %d items", items, items)
	}
	for i := range items {
		cols, vals := m.Row(i)
		for k, j := range cols {
			if j < 0 || int(j) >= items || int(j) == i || k > 0 && j <= cols[k-1] {
				return fmt.Errorf("ease: weights of item %d are not for ascending other items below %d", i, items)
			}
			if !(math.Abs(float64(vals[k])) <= largest) {
				return fmt.Errorf("ease: the weight of item %d for %d is %v: it must be a finite number", i, j, vals[k])
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
		return fmt.Errorf("ease: room for %d scores, there are %d items", len(dst), m.Items())
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
	items, counts = m.Options.appendPairs(nil, nil, h, now)
	n := 0
	for i, item := range items {
		if item < 0 || int(item) >= m.Items() {
			return nil, nil, fmt.Errorf("ease: history names item %d of %d items", item, m.Items())
		}
		if m.Customers[item] > 0 {
			items[n], counts[n] = item, counts[i]
			n++
		}
	}
	if n == 0 {
		return nil, nil, fmt.Errorf("ease: no item of the history occurs in training: %w", models.ErrUnknown)
	}
	return items[:n], counts[:n], nil
}

// Similar writes the mean of the weights in both directions. Without any it is 0.
func (m *Model) Similar(item int32, dst []float32) error {
	if len(dst) != m.Items() {
		return fmt.Errorf("ease: room for %d similarities, there are %d items", len(dst), m.Items())
	}
	if item < 0 || int(item) >= m.Items() || m.Customers[item] == 0 {
		return fmt.Errorf("ease: item %d does not occur in training: %w", item, models.ErrUnknown)
	}
	for i := range dst {
		dst[i] = m.weight(int32(i), item) / 2
	}
	cols, vals := m.Weights.Row(int(item))
	for k, j := range cols {
		dst[j] += vals[k] / 2
	}
	return nil
}

// weight is what having item i adds to the score of j.
func (m *Model) weight(i, j int32) float32 {
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
		if w := counts[i] * m.weight(own, item); w > most {
			r.Item, most = own, w
		}
	}
	return r, most > 0
}

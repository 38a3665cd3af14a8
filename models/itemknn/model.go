package itemknn

import (
	"fmt"
	"math"
	"slices"

	"regulars/features/matrix"
	"regulars/models"
)

// Model holds the neighbours of every item. Make it with Fit, or with New from
// stored numbers.
type Model struct {
	Options   Options     // with defaults filled in; Workers has no meaning here
	Customers []int32     // distinct users of each item in training; 0 = never seen
	Near      *matrix.CSR // items × items: row a holds the neighbours of a and their similarity, above 0
}

var (
	_ models.Recommender = (*Model)(nil)
	_ models.Similar     = (*Model)(nil)
	_ models.Explainer   = (*Model)(nil)
)

// New returns the model of stored options, customers (one an item) and
// neighbours (items × items, columns ascending, values finite and above 0).
func New(o Options, customers []int32, near *matrix.CSR) (*Model, error) {
	o, err := o.resolved()
	if err != nil {
		return nil, err
	}
	if len(customers) == 0 || slices.Min(customers) < 0 {
		return nil, fmt.Errorf("itemknn: customers of %d items: there must be items, with 0 or more customers each", len(customers))
	}
	if err := checkNear(near, len(customers)); err != nil {
		return nil, err
	}
	return &Model{Options: o, Customers: customers, Near: near}, nil
}

func checkNear(m *matrix.CSR, items int) error {
	if m == nil || m.Rows != items || m.Cols != items || len(m.Indptr) != items+1 || m.Indptr[0] != 0 ||
		m.Indptr[items] != int64(len(m.Indices)) || len(m.Indices) != len(m.Values) || !slices.IsSorted(m.Indptr) {
		return fmt.Errorf("itemknn: stored neighbours are not a matrix of %d × %d items", items, items)
	}
	for a := range items {
		cols, vals := m.Row(a)
		for i, b := range cols {
			if b < 0 || int(b) >= items || i > 0 && b <= cols[i-1] {
				return fmt.Errorf("itemknn: neighbours of item %d are not ascending numbers below %d", a, items)
			}
			if v := vals[i]; !(v > 0 && v <= largest) {
				return fmt.Errorf("itemknn: similarity of item %d to %d is %v: it must be a finite number above 0", a, b, v)
			}
		}
	}
	return nil
}

// Items returns the size of the item vocabulary.
func (m *Model) Items() int { return len(m.Customers) }

// Score writes the mean similarity of the history to every item, each item of
// the history counting by its decayed share of all weight (for rp3beta by that
// share to the power of Alpha). A history without any item seen in training
// gives ErrUnknown. Cost: Neighbours for each item of the history, plus items.
func (m *Model) Score(h matrix.History, now int32, dst []float32) error {
	if len(dst) != m.Items() {
		return fmt.Errorf("itemknn: room for %d scores, there are %d items", len(dst), m.Items())
	}
	items, shares, err := m.shares(h, now)
	if err != nil {
		return err
	}
	clear(dst)
	for i, it := range items {
		cols, vals := m.Near.Row(int(it))
		for k, c := range cols {
			dst[c] += shares[i] * vals[k]
		}
	}
	return nil
}

// shares returns the items of h known from training and what each counts.
func (m *Model) shares(h matrix.History, now int32) (items []int32, shares []float32, err error) {
	for _, it := range h.Item {
		if it < 0 || int(it) >= m.Items() {
			return nil, nil, fmt.Errorf("itemknn: history names item %d of %d items", it, m.Items())
		}
	}
	items, shares = appendPairs(nil, nil, h, latest(h, now), m.Options.HalfLifeDays)
	n, total := 0, 0.0
	for i, it := range items {
		if m.Customers[it] > 0 {
			items[n], shares[n] = it, shares[i]
			total += float64(shares[i])
			n++
		}
	}
	if n == 0 {
		return nil, nil, fmt.Errorf("itemknn: no item of the history occurs in training: %w", models.ErrUnknown)
	}
	for i := range n {
		shares[i] = float32(m.power(float64(shares[i]) / total))
	}
	return items[:n], shares[:n], nil
}

// latest returns the day after the last one of h before now. Shares do not
// change when all ages shrink alike, and counted from here they never all
// decay to nothing.
func latest(h matrix.History, now int32) int32 {
	last := int32(math.MinInt32)
	for _, d := range h.Day {
		if d < now {
			last = max(last, d+1)
		}
	}
	return last
}

func (m *Model) power(share float64) float64 {
	if m.Options.Kind != KindRP3Beta {
		return share
	}
	return math.Pow(share, *m.Options.Alpha)
}

// Similar writes the similarity of item to each of its neighbours, 0 to others.
func (m *Model) Similar(item int32, dst []float32) error {
	if len(dst) != m.Items() {
		return fmt.Errorf("itemknn: room for %d similarities, there are %d items", len(dst), m.Items())
	}
	if item < 0 || int(item) >= m.Items() || m.Customers[item] == 0 {
		return fmt.Errorf("itemknn: item %d does not occur in training on %d items: %w", item, m.Items(), models.ErrUnknown)
	}
	clear(dst)
	cols, vals := m.Near.Row(int(item))
	for i, c := range cols {
		dst[c] = vals[i]
	}
	return nil
}

// Explain names the item of the history that adds most to the score of item, of
// equals the lower number. ok is false when none adds anything.
func (m *Model) Explain(h matrix.History, now int32, item int32) (models.Reason, bool) {
	items, shares, err := m.shares(h, now)
	if err != nil {
		return models.Reason{}, false
	}
	best, most := int32(-1), float32(0)
	for i, it := range items {
		cols, vals := m.Near.Row(int(it))
		if k, found := slices.BinarySearch(cols, item); found && shares[i]*vals[k] > most {
			best, most = it, shares[i]*vals[k]
		}
	}
	return models.Reason{Kind: models.ReasonBought, Item: best}, best >= 0
}

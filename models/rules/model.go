package rules

import (
	"fmt"

	"regulars/models"
)

// Rules are rules "First (and Second) → Consequent" by columns, ordered by First,
// Second and Consequent, each once.
type Rules struct {
	First      []int32
	Second     []int32 // above First, or -1: the antecedent is First alone
	Consequent []int32
	Count      []int32 // baskets that hold the whole rule: its support
	Antecedent []int32 // baskets that hold First and Second
}

func rulesOf(list []rule) Rules {
	var r Rules
	for _, x := range list {
		r.First, r.Second, r.Consequent = append(r.First, x.first), append(r.Second, x.second), append(r.Consequent, x.consequent)
		r.Count, r.Antecedent = append(r.Count, x.count), append(r.Antecedent, x.antecedent)
	}
	return r
}

// Len returns how many rules there are.
func (r *Rules) Len() int { return len(r.First) }

// Model holds the rules. Make it with Fit, or with New from stored numbers.
type Model struct {
	Options   Options // with defaults filled in; MinSupport is the one used, Workers has no meaning here
	Baskets   int     // that were counted
	ItemCount []int32 // baskets of each item; 0 = never seen
	Rules     Rules

	strength []float32
}

var (
	_ models.Recommender = (*Model)(nil)
	_ models.Similar     = (*Model)(nil)
	_ models.Explainer   = (*Model)(nil)
)

// New returns the model of stored options, number of baskets, baskets of each
// item, and rules.
func New(o Options, baskets int, itemCount []int32, r Rules) (*Model, error) {
	o, err := o.resolved()
	if err != nil {
		return nil, err
	}
	if baskets < 1 || len(itemCount) == 0 {
		return nil, fmt.Errorf("rules: %d baskets of %d items: there must be both", baskets, len(itemCount))
	}
	for it, n := range itemCount {
		if n < 0 || int(n) > baskets {
			return nil, fmt.Errorf("rules: item %d stands in %d of %d baskets", it, n, baskets)
		}
	}
	m := &Model{Options: o, Baskets: baskets, ItemCount: itemCount, Rules: r}
	if err := m.check(); err != nil {
		return nil, err
	}
	m.strength = make([]float32, r.Len())
	for i := range m.strength {
		m.strength[i] = float32(strength(r.Count[i], r.Antecedent[i], itemCount[r.Consequent[i]], baskets, *o.Smoothing))
	}
	return m, nil
}

// check holds the rules against what Rules says of them.
func (m *Model) check() error {
	r, n := m.Rules, m.Rules.Len()
	if len(r.Second) != n || len(r.Consequent) != n || len(r.Count) != n || len(r.Antecedent) != n {
		return fmt.Errorf("rules: columns of different length: %d, %d, %d, %d and %d", n, len(r.Second), len(r.Consequent), len(r.Count), len(r.Antecedent))
	}
	for i := range n {
		a, b, c := r.First[i], r.Second[i], r.Consequent[i]
		if a < 0 || b < -1 || b >= 0 && b <= a || c < 0 || c == a || c == b || max(a, b, c) >= int32(len(m.ItemCount)) {
			return fmt.Errorf("rules: rule %d has items %d, %d → %d of %d items", i, a, b, c, len(m.ItemCount))
		}
		if i > 0 && compareItems(m.rule(i-1), m.rule(i)) >= 0 {
			return fmt.Errorf("rules: rule %d does not come after the one before it", i)
		}
		if r.Count[i] < 1 || r.Count[i] > min(r.Antecedent[i], m.ItemCount[c]) || r.Antecedent[i] > m.ItemCount[a] {
			return fmt.Errorf("rules: rule %d stands in %d baskets, its antecedent in %d, its items in %d and %d", i, r.Count[i], r.Antecedent[i], m.ItemCount[a], m.ItemCount[c])
		}
	}
	return nil
}

func (m *Model) rule(i int) rule {
	r := m.Rules
	return rule{first: r.First[i], second: r.Second[i], consequent: r.Consequent[i], count: r.Count[i], antecedent: r.Antecedent[i]}
}

// Support returns the share of all baskets that hold every item of rule i.
func (m *Model) Support(i int) float64 { return float64(m.Rules.Count[i]) / float64(m.Baskets) }

// Confidence returns the share of the antecedent's baskets that hold the
// consequent of rule i.
func (m *Model) Confidence(i int) float64 {
	return float64(m.Rules.Count[i]) / float64(m.Rules.Antecedent[i])
}

// Lift returns the confidence of rule i over the share of all baskets that hold
// its consequent.
func (m *Model) Lift(i int) float64 {
	r := m.Rules
	return lift(r.Count[i], r.Antecedent[i], m.ItemCount[r.Consequent[i]], m.Baskets)
}

// Strength returns what rule i is worth in a list, in [-1, 1]: the confidence it
// adds to the share of all baskets that hold the consequent, which is
//
//	confidence · (1 − 1/lift) · antecedent/(antecedent + Smoothing)
//
// the last factor being what remains of it when Smoothing baskets like any other
// are added to the antecedent's.
func (m *Model) Strength(i int) float64 { return float64(m.strength[i]) }

// Items returns the size of the item vocabulary.
func (m *Model) Items() int { return len(m.ItemCount) }

package rules

import (
	"fmt"
	"slices"
	"sort"

	"regulars/features/matrix"
	"regulars/models"
)

// of returns the rules whose first item is a: lo ≤ number < hi.
func (m *Model) of(a int32) (lo, hi int) {
	first := m.Rules.First
	lo = sort.Search(len(first), func(i int) bool { return first[i] >= a })
	hi = lo + sort.Search(len(first)-lo, func(i int) bool { return first[lo+i] > a })
	return lo, hi
}

// Score writes for every item the strength of the strongest rule that leads to
// it from the latest baskets of the history, times the basket's weight: 1, 1/2,
// 1/3, … from the latest; of a rule of two items the older basket counts. Items
// without a rule get 0. A history without any item seen in training gives ErrUnknown.
func (m *Model) Score(h matrix.History, now int32, dst []float32) error {
	if len(dst) != m.Items() {
		return fmt.Errorf("rules: room for %d scores, there are %d items", len(dst), m.Items())
	}
	recent, err := m.recent(h, now)
	if err != nil {
		return err
	}
	clear(dst)
	m.fire(recent, func(i int, s float32, _ int32) {
		c := m.Rules.Consequent[i]
		dst[c] = max(dst[c], s)
	})
	return nil
}

// bought is an item of a recent basket and what that basket counts.
type bought struct {
	item   int32
	weight float32
}

// recent returns the items of the latest baskets, ascending, each with the
// weight of the latest basket that holds it.
func (m *Model) recent(h matrix.History, now int32) ([]bought, error) {
	known := false
	for i, it := range h.Item {
		if it < 0 || int(it) >= m.Items() {
			return nil, fmt.Errorf("rules: history names item %d of %d items", it, m.Items())
		}
		known = known || h.Day[i] < now && m.ItemCount[it] > 0
	}
	if !known {
		return nil, fmt.Errorf("rules: no item of the history occurs in training: %w", models.ErrUnknown)
	}
	var out []bought
	nth, window := 0, int64(-1)
	for _, l := range lines(nil, h, now, m.Options.BasketDays) {
		if l.window != window {
			nth, window = nth+1, l.window
		}
		if nth > m.Options.RecentBaskets {
			break
		}
		out = append(out, bought{l.item, 1 / float32(nth)})
	}
	slices.SortStableFunc(out, func(a, b bought) int { return int(a.item) - int(b.item) })
	return slices.CompactFunc(out, func(a, b bought) bool { return a.item == b.item }), nil
}

// fire calls rule for every rule whose antecedent is in recent, with its weighted
// strength and the item of the antecedent that was bought last.
func (m *Model) fire(recent []bought, rule func(i int, strength float32, because int32)) {
	for _, a := range recent {
		lo, hi := m.of(a.item)
		for i := lo; i < hi; i++ {
			weight, because := a.weight, a.item
			if second := m.Rules.Second[i]; second >= 0 {
				k, ok := slices.BinarySearchFunc(recent, second, func(b bought, it int32) int { return int(b.item) - int(it) })
				if !ok {
					continue
				}
				if recent[k].weight > weight {
					because = second
				}
				weight = min(weight, recent[k].weight)
			}
			rule(i, weight*m.strength[i], because)
		}
	}
}

// Similar writes the strength of the rule from item alone to each other item, 0
// where there is none.
func (m *Model) Similar(item int32, dst []float32) error {
	if len(dst) != m.Items() {
		return fmt.Errorf("rules: room for %d similarities, there are %d items", len(dst), m.Items())
	}
	if item < 0 || int(item) >= m.Items() || m.ItemCount[item] == 0 {
		return fmt.Errorf("rules: item %d does not occur in training on %d items: %w", item, m.Items(), models.ErrUnknown)
	}
	clear(dst)
	for i, hi := m.of(item); i < hi && m.Rules.Second[i] < 0; i++ {
		dst[m.Rules.Consequent[i]] = m.strength[i]
	}
	return nil
}

// Explain names the item that the strongest rule to item starts from, of two the
// one bought last. ok is false when no rule leads from the latest baskets to item.
func (m *Model) Explain(h matrix.History, now int32, item int32) (models.Reason, bool) {
	recent, err := m.recent(h, now)
	if err != nil {
		return models.Reason{}, false
	}
	best, most := int32(-1), float32(0)
	m.fire(recent, func(i int, s float32, because int32) {
		if m.Rules.Consequent[i] == item && s > most {
			best, most = because, s
		}
	})
	return models.Reason{Kind: models.ReasonTogether, Item: best}, best >= 0
}

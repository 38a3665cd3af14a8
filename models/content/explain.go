package content

import (
	"regulars/features/matrix"
	"regulars/models"
)

// Explain says what weighs most in the cosine of an item with the profile: its
// brand ("new in a brand you buy"), its category, or else the purchase it is
// most like. An item of the history was bought before.
func (m *Model) Explain(h matrix.History, now int32, item int32) (models.Reason, bool) {
	if item < 0 || int(item) >= m.Items() {
		return models.Reason{}, false
	}
	p := m.pool.Get().(*profile)
	defer m.release(p)
	if m.fold(p, h, now) != nil {
		return models.Reason{}, false
	}
	for i, it := range h.Item {
		if it == item && h.Day[i] < now {
			return models.Reason{Kind: models.ReasonAgain, Item: -1}, true
		}
	}
	part, strongest := m.parts(p, item)
	rest := part[title] + part[price] + part[tags]
	switch {
	case rest == 0 && part[brand] == 0 && part[category] == 0:
		return models.Reason{}, false
	case part[brand] > rest && part[brand] >= part[category]:
		return models.Reason{Kind: models.ReasonBrand, Item: -1, Name: m.Texts[strongest[brand]]}, true
	case part[category] > rest:
		return models.Reason{Kind: models.ReasonCategory, Item: -1, Name: m.Texts[strongest[category]]}, true
	}
	return models.Reason{Kind: models.ReasonBought, Item: m.closest(h, now, item)}, true
}

// parts returns what each field adds to the product of an item with a profile,
// and which term of the field adds most.
func (m *Model) parts(p *profile, item int32) (part [fields]float64, strongest [fields]int32) {
	var most [fields]float64
	terms, values := m.Vectors.Row(int(item))
	for i, t := range terms {
		x, f := p.weight[t]*float64(values[i]), m.Fields[t]
		part[f] += x
		if x > most[f] {
			most[f], strongest[f] = x, t
		}
	}
	return part, strongest
}

// closest returns the item of the history that adds most to the score.
func (m *Model) closest(h matrix.History, now, item int32) int32 {
	best, most, latest := int32(-1), 0.0, latestBefore(h, now)
	for i := 0; i < len(h.Item); {
		it, sum := h.Item[i], 0.0
		for ; i < len(h.Item) && h.Item[i] == it; i++ {
			if h.Day[i] < now {
				sum += m.counts(h, i, latest)
			}
		}
		if x := sum * m.product(it, item); x > most {
			best, most = it, x
		}
	}
	return best
}

// product is the cosine of two items.
func (m *Model) product(a, b int32) float64 {
	ta, va := m.Vectors.Row(int(a))
	tb, vb := m.Vectors.Row(int(b))
	sum := 0.0
	for i, j := 0, 0; i < len(ta) && j < len(tb); {
		switch {
		case ta[i] < tb[j]:
			i++
		case ta[i] > tb[j]:
			j++
		default:
			sum += float64(va[i]) * float64(vb[j])
			i++
			j++
		}
	}
	return sum
}

package content

import (
	"regulars/features/matrix"
	"regulars/models"
)

// Explain says what weighs most in the cosine of an item with the profile: its
// brand ("new in a brand you buy"), its category, or else the purchase it is
// most like. An item of the history was bought before.
func (m *Model) Explain(h matrix.History, now int32, item int32) (models.Reason, bool) {
	e := m.Explaining(h, now)
	defer e.Close()
	return e.Of(item)
}

// An Explanation is a history that many items are to be explained by: its
// profile, which costs most, is made once.
type Explanation struct {
	m   *Model
	h   matrix.History
	now int32
	p   *profile // nil: there is none

	had []purchase // distinct items of the history, once they are asked for
}

// purchase is an item of a history and how much it counts for.
type purchase struct {
	item  int32
	count float64
}

// Explaining makes the profile of a history. Close it when done; it is not safe
// for concurrent use.
func (m *Model) Explaining(h matrix.History, now int32) *Explanation {
	e := &Explanation{m: m, h: h, now: now, p: m.pool.Get().(*profile)}
	if m.fold(e.p, h, now) != nil {
		e.Close()
	}
	return e
}

// Close gives the memory back.
func (e *Explanation) Close() {
	if e.p != nil {
		e.m.release(e.p)
		e.p = nil
	}
}

// Of is Explain of one item.
func (e *Explanation) Of(item int32) (models.Reason, bool) {
	m := e.m
	if e.p == nil || item < 0 || int(item) >= m.Items() {
		return models.Reason{}, false
	}
	for i, it := range e.h.Item {
		if it == item && e.h.Day[i] < e.now {
			return models.Reason{Kind: models.ReasonAgain, Item: -1}, true
		}
	}
	part, strongest := m.parts(e.p, item)
	rest := part[title] + part[price] + part[tags]
	switch {
	case rest == 0 && part[brand] == 0 && part[category] == 0:
		return models.Reason{}, false
	case part[brand] > rest && part[brand] >= part[category]:
		return models.Reason{Kind: models.ReasonBrand, Item: -1, Name: m.Texts[strongest[brand]]}, true
	case part[category] > rest:
		return models.Reason{Kind: models.ReasonCategory, Item: -1, Name: m.Texts[strongest[category]]}, true
	}
	return models.Reason{Kind: models.ReasonBought, Item: e.closest(item)}, true
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
func (e *Explanation) closest(item int32) int32 {
	if e.had == nil {
		e.had = e.m.countAll(e.h, e.now)
	}
	best, most := int32(-1), 0.0
	for _, c := range e.had {
		if x := c.count * e.m.product(c.item, item); x > most {
			best, most = c.item, x
		}
	}
	return best
}

// countAll adds up the items of a history, which stand together.
func (m *Model) countAll(h matrix.History, now int32) []purchase {
	latest := latestBefore(h, now)
	var out []purchase
	for i, it := range h.Item {
		if h.Day[i] >= now {
			continue
		}
		if n := len(out); n == 0 || out[n-1].item != it {
			out = append(out, purchase{item: it})
		}
		out[len(out)-1].count += m.counts(h, i, latest)
	}
	return out
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

package blend

import (
	"regulars/features/matrix"
	"regulars/models"
	"regulars/models/internal/kernel"
)

// Ranked is one item of a list.
type Ranked struct {
	Item   int32
	Score  float32
	Source int // number of the source that speaks for it; −1 = none, it is there because it is popular
}

// Rank returns the k best items that are not on the exclude list (ascending), by
// descending score, of equals the lower number. To recommend only what a customer
// never had, exclude the items of the history.
func (m *Model) Rank(h matrix.History, now int32, k int, exclude []int32) ([]Ranked, error) {
	w, err := m.begin(h, now)
	if err != nil {
		return nil, err
	}
	defer m.pool.Put(w)
	if len(w.list) == 0 {
		w.list = make([]float32, m.Items())
	}
	if err := m.fill(w, h, now, w.list); err != nil {
		return nil, err
	}
	w.top = kernel.TopK(w.list, k, exclude, w.top)
	out := make([]Ranked, len(w.top))
	for i, it := range w.top {
		out[i] = Ranked{Item: it, Score: w.list[it], Source: m.origin(w, it)}
	}
	return out, nil
}

// Origin names the source that speaks for an item: where one source makes the
// list, that one, else the one that has it highest among the items had before,
// or among the others. ok is false when none has it among its candidates.
func (m *Model) Origin(h matrix.History, now int32, item int32) (source string, ok bool) {
	s := m.originOf(h, now, item)
	if s < 0 {
		return "", false
	}
	return m.Sources[s].Name, true
}

func (m *Model) originOf(h matrix.History, now, item int32) int {
	w, err := m.begin(h, now)
	if err != nil {
		return -1
	}
	defer m.pool.Put(w)
	return m.origin(w, item)
}

func (m *Model) origin(w *work, item int32) int {
	at, had, found := w.find(item)
	if !found {
		return -1
	}
	by := m.Outcome.List
	if !had {
		by = m.Outcome.New
	}
	if by != Blend && w.speaks[by] && w.scores[by][item] > w.lowest[by] {
		return by
	}
	best := -1
	for s := range m.Sources {
		if w.speaks[s] && w.scores[s][item] > w.lowest[s] && (best < 0 || w.rank[s][at] < w.rank[best][at]) {
			best = s
		}
	}
	return best
}

// Explain gives the reason of the source that speaks for the item.
func (m *Model) Explain(h matrix.History, now int32, item int32) (models.Reason, bool) {
	if m.check(h) != nil || item < 0 || int(item) >= m.Items() {
		return models.Reason{}, false
	}
	return m.Reason(h, now, Ranked{Item: item, Source: m.originOf(h, now, item)})
}

// Reason explains an item of a list that Rank has made, without ranking again.
func (m *Model) Reason(h matrix.History, now int32, r Ranked) (models.Reason, bool) {
	if r.Source >= 0 && r.Source < len(m.Sources) {
		if e, ok := m.Sources[r.Source].Model.(models.Explainer); ok {
			if reason, ok := e.Explain(h, now, r.Item); ok {
				return reason, true
			}
		}
	}
	popular := r.Item >= 0 && int(r.Item) < m.Items() && m.Catalogue.Customers[r.Item] > 0
	return models.Reason{Kind: models.ReasonPopular, Item: -1}, popular
}

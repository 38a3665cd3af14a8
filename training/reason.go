package training

import (
	"slices"

	"regulars/features/matrix"
	"regulars/models"
	"regulars/models/blend"
	"regulars/models/content"
	"regulars/models/repeat"
	"regulars/models/rules"
	"regulars/models/snapshot"
	"regulars/models/tifuknn"
)

// An explanation says of the items on one customer's lists which strategy chose
// them, and why.
type explanation struct {
	*scoring
	bought []int32              // catalogue numbers
	nearby [2]map[int32]because // by list of items, then by catalogue number: what was bought that goes with it; nil = not looked up yet

	profile *content.Explanation // of the list at hand, once it was asked for
}

type because struct {
	of    int32
	score float32
}

func (e *explanation) candidates(l *lister, user int32, picks []listed) []snapshot.Candidate {
	h := l.history.History(int(user))
	defer e.forget()
	out := make([]snapshot.Candidate, len(picks))
	for i, x := range picks {
		out[i] = snapshot.Candidate{Item: l.toItem[x.item], Score: x.score, Strategy: l.label(h, x), Reason: e.reason(l, h, x)}
	}
	return out
}

// forget ends a list.
func (e *explanation) forget() {
	if e.profile != nil {
		e.profile.Close()
		e.profile = nil
	}
}

// label says what put an item on a list: of families that fill up with what is
// popular, only what the customer bought is their own, also where they are
// sources of a blend.
func (l *lister) label(h matrix.History, x listed) uint8 {
	const popular = 0 // which is always the first
	by, strategy := l.model, l.strategy
	if b, ok := l.model.(*blend.Model); ok {
		if x.source < 0 {
			return popular
		}
		by, strategy = b.Sources[x.source].Model, l.sources[x.source]
	}
	if _, had := slices.BinarySearch(h.Item, x.item); !had && fillsUp(by) {
		return popular
	}
	return strategy
}

// fillsUp reports whether a model knows a customer's own purchases alone, and
// lists what is popular behind them.
func fillsUp(model models.Recommender) bool {
	kind := kindOf(model)
	return kind == kindPersonal || kind == kindRepeat
}

// reason asks the model that chose the item; where that has none to give, what
// is known of the customer and the item is said. Of what the customer bought
// before that is the reason, whoever chose it.
func (e *explanation) reason(l *lister, h matrix.History, x listed) snapshot.Reason {
	if _, had := slices.BinarySearch(h.Item, x.item); had {
		return l.boughtBefore(h, e.now, x.item)
	}
	switch by := l.speaker(x).(type) {
	case *rules.Model:
		if b, ok := e.near(RoleTogether, l.toItem[x.item]); ok {
			return snapshot.Reason{Kind: models.ReasonTogether, Of: b.of}
		}
	case *tifuknn.Model: // a reason costs as much as the whole list
	case *content.Model:
		if e.profile == nil {
			e.profile = by.Explaining(h, e.now)
		}
		if r, ok := e.profile.Of(x.item); ok {
			if r, ok := l.translate(r); ok {
				return r
			}
		}
	case models.Explainer:
		if r, ok := by.Explain(h, e.now, x.item); ok {
			if r, ok := l.translate(r); ok {
				return r
			}
		}
	}
	if l.label(h, x) == 0 {
		return snapshot.Reason{Kind: models.ReasonPopular}
	}
	if b, ok := e.near(RoleSimilar, l.toItem[x.item]); ok {
		return snapshot.Reason{Kind: models.ReasonBought, Of: b.of}
	}
	return snapshot.Reason{Kind: models.ReasonSimilar}
}

// boughtBefore says every how many days where the model, or a source of a blend,
// knows the customer's cycle.
func (l *lister) boughtBefore(h matrix.History, now, item int32) snapshot.Reason {
	asked := []models.Recommender{l.model}
	if b, ok := l.model.(*blend.Model); ok {
		for _, s := range b.Sources {
			asked = append(asked, s.Model)
		}
	}
	for _, m := range asked {
		if m, ok := m.(*repeat.Model); ok {
			if r, ok := m.Explain(h, now, item); ok && r.Kind == models.ReasonUsual && r.Days > 0 {
				return snapshot.Reason{Kind: r.Kind, Of: r.Days}
			}
		}
	}
	return snapshot.Reason{Kind: models.ReasonAgain}
}

// speaker is the model that chose an item: of a blend the source, nil where that
// is only popularity.
func (l *lister) speaker(x listed) models.Recommender {
	b, ok := l.model.(*blend.Model)
	switch {
	case !ok:
		return l.model
	case x.source < 0:
		return nil
	}
	return b.Sources[x.source].Model
}

// translate turns a model's reason into one by catalogue numbers.
func (l *lister) translate(r models.Reason) (snapshot.Reason, bool) {
	out := snapshot.Reason{Kind: r.Kind}
	switch r.Kind {
	case models.ReasonBought, models.ReasonTogether:
		if r.Item < 0 || int(r.Item) >= len(l.toItem) {
			return out, false
		}
		out.Of = l.toItem[r.Item]
	case models.ReasonUsual:
		out.Of = r.Days
		return out, r.Days > 0
	}
	return out, true
}

// near returns which purchase goes best with an item, by the lists of items of a
// role; of equals the one with the lower number.
func (e *explanation) near(role string, item int32) (because, bool) {
	n := slices.IndexFunc(e.itemLists, func(l *lister) bool { return l.role == role })
	if n < 0 {
		return because{}, false
	}
	if e.nearby[n] == nil {
		e.nearby[n] = map[int32]because{}
		for _, of := range e.bought {
			if e.goesWith[of] == nil {
				continue
			}
			for _, c := range e.goesWith[of][n] {
				if b, ok := e.nearby[n][c.Item]; !ok || c.Score > b.score {
					e.nearby[n][c.Item] = because{of, c.Score}
				}
			}
		}
	}
	b, ok := e.nearby[n][item]
	return b, ok
}

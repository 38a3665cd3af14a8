package serving

import (
	"slices"

	"regulars/models/snapshot"
)

// Meta says what an answer was made from.
type Meta struct {
	AsOf         string // RFC 3339
	ModelVersion string
	Snapshot     string // version
}

// Item is one entry of a list.
type Item struct {
	ID       string
	Score    float32
	Strategy string // which chose it
}

// List is a list of items, best first, none twice, all in stock. It has as many
// as were asked for unless the catalogue, less the exclusions, is smaller.
type List struct {
	Meta
	Items    []Item
	Fallback bool // nothing in it was chosen for what was asked about
}

// Recommend returns k items for a customer, whose id need not be known, leaving
// out the excluded item ids. The error is ErrNotReady or one of the store.
func (s *Store) Recommend(userID string, k int, exclude []string) (List, error) {
	v, err := s.acquire()
	if err != nil {
		return List{}, err
	}
	defer v.release()
	u, _, err := v.snap.User(userID)
	if err != nil {
		return List{}, err
	}
	return v.list(v.snap.Info().Recommender, u.Candidates, k, v.lookup(exclude)), nil
}

// Similar returns k items that go with the given one, which is never among
// them; ok is false when the item is unknown.
func (s *Store) Similar(itemID string, k int) (l List, ok bool, err error) {
	v, err := s.acquire()
	if err != nil {
		return List{}, false, err
	}
	defer v.release()
	item, ok := v.snap.LookupItem(itemID)
	if !ok {
		return List{}, false, nil
	}
	similar, err := v.snap.Similar(item)
	if err != nil {
		return List{}, false, err
	}
	return v.list(v.snap.Info().Similar, similar, k, []int32{item}), true, nil
}

// Popular returns the k best sellers.
func (s *Store) Popular(k int) (List, error) {
	v, err := s.acquire()
	if err != nil {
		return List{}, err
	}
	defer v.release()
	l := v.list(v.snap.Info().Recommender, nil, k, nil)
	l.Fallback = false // it is what was asked for
	return l, nil
}

// ScoreCard is what is known of how likely a customer is to come back.
type ScoreCard struct {
	Meta
	HorizonDays int
	Currency    string
	Scores      snapshot.Scores
}

// Scores returns a customer's scores; ok is false when the customer is unknown
// or was not scored.
func (s *Store) Scores(userID string) (card ScoreCard, ok bool, err error) {
	v, err := s.acquire()
	if err != nil {
		return ScoreCard{}, false, err
	}
	defer v.release()
	u, ok, err := v.snap.User(userID)
	if err != nil || !ok || u.Scores == nil {
		return ScoreCard{}, false, err
	}
	info := v.snap.Info()
	return ScoreCard{Meta: v.meta(info.Propensity), HorizonDays: info.HorizonDays,
		Currency: info.Currency, Scores: *u.Scores}, true, nil
}

func (v *view) meta(role string) Meta {
	info := v.snap.Info()
	return Meta{AsOf: info.AsOf, ModelVersion: info.ModelVersion(role), Snapshot: info.Version}
}

// lookup turns item ids into numbers. Ids that the catalogue does not hold
// cannot be shown, so that leaving them out needs nothing.
func (v *view) lookup(ids []string) []int32 {
	var items []int32
	for _, id := range ids {
		if i, ok := v.snap.LookupItem(id); ok {
			items = append(items, i)
		}
	}
	return items
}

// list takes the chosen items that may be shown and fills up to k.
func (v *view) list(role string, chosen []snapshot.Candidate, k int, exclude []int32) List {
	taken := v.mark()
	defer v.unmark(taken)
	for _, i := range exclude {
		taken.add(i)
	}
	l := List{Meta: v.meta(role), Items: make([]Item, 0, min(k, len(v.filler)))}
	v.take(&l, chosen, k, taken)
	v.take(&l, v.filler, k, taken)
	l.Fallback = !slices.ContainsFunc(l.Items, Item.chosen)
	return l
}

// chosen is false of an item that everybody would be shown.
func (it Item) chosen() bool { return it.Strategy != Popular && it.Strategy != Catalogue }

func (v *view) take(l *List, from []snapshot.Candidate, k int, taken *marks) {
	for _, c := range from {
		if len(l.Items) >= k {
			return
		}
		it := v.snap.Item(c.Item)
		if it.InStock && taken.add(c.Item) {
			l.Items = append(l.Items, Item{ID: it.ID, Score: c.Score, Strategy: v.names[c.Strategy]})
		}
	}
}

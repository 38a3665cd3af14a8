package serving

import (
	"fmt"
	"slices"

	"regulars/models"
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
	Score    float32 // never above the one before it in the list
	Strategy string  // which chose it
	Reason   Reason
}

// Ask says what a list is to be like.
type Ask struct {
	K        int
	Exclude  []string // item ids
	Strategy string   // by name; "" = the shop's own choice
}

// List is a list of items, best first, none twice, all in stock. It has as many
// as were asked for unless the catalogue, less the exclusions, is smaller.
type List struct {
	Meta
	Items    []Item
	Fallback bool // nothing in it was chosen for what was asked about
}

// Recommend returns k items for a customer, whose id need not be known, leaving
// out the excluded item ids. A strategy that has fewer is filled up with what is
// popular. The error is ErrNotReady, an *UnknownStrategyError or one of the store.
func (s *Store) Recommend(userID string, a Ask) (List, error) {
	v, err := s.acquire()
	if err != nil {
		return List{}, err
	}
	defer v.release()
	return v.recommend(userID, a, v.lookup(a.Exclude))
}

// RecommendAll answers Recommend for every customer, in the order of the ids
// and all from one snapshot.
func (s *Store) RecommendAll(userIDs []string, a Ask) ([]List, error) {
	v, err := s.acquire()
	if err != nil {
		return nil, err
	}
	defer v.release()
	excluded, lists := v.lookup(a.Exclude), make([]List, len(userIDs))
	for i, id := range userIDs {
		if lists[i], err = v.recommend(id, a, excluded); err != nil {
			return nil, fmt.Errorf("customer number %d of the batch: %w", i+1, err)
		}
	}
	return lists, nil
}

func (v *view) recommend(userID string, a Ask, exclude []int32) (List, error) {
	chosen, err := v.chosenFor(userID, a.Strategy)
	if err != nil {
		return List{}, err
	}
	info := v.snap.Info()
	l := v.list(roleOf(info.Lists, a.Strategy, info.Recommender), a.K, exclude, v.whole(chosen))
	if a.Strategy == Popular {
		l.Fallback = false // it is what was asked for
	}
	return l, nil
}

// Similar returns k items that go with the given one, which is never among
// them; ok is false when the item is unknown.
func (s *Store) Similar(itemID string, a Ask) (l List, ok bool, err error) {
	v, err := s.acquire()
	if err != nil {
		return List{}, false, err
	}
	defer v.release()
	item, ok := v.snap.LookupItem(itemID)
	if !ok {
		return List{}, false, nil
	}
	n, err := v.itemList(a.Strategy)
	if err != nil {
		return List{}, false, err
	}
	similar, err := v.snap.Similar(item, n)
	if err != nil {
		return List{}, false, err
	}
	near := block{similar, func(c snapshot.Candidate) Reason { return v.about(kindNear(c, KindAlike), item) }}
	info := v.snap.Info()
	return v.list(roleOf(info.ItemLists, a.Strategy, info.Similar), a.K, append(v.lookup(a.Exclude), item), near), true, nil
}

// Popular returns the k best sellers.
func (s *Store) Popular(k int) (List, error) {
	v, err := s.acquire()
	if err != nil {
		return List{}, err
	}
	defer v.release()
	l := v.list(v.snap.Info().Recommender, k, nil)
	l.Fallback = false // it is what was asked for
	return l, nil
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

// kindNear is the kind of reason of what goes with an item.
func kindNear(c snapshot.Candidate, otherwise string) string {
	if c.Reason.Kind == models.ReasonTogether {
		return KindTogether
	}
	return otherwise
}

// A block is a part of a list whose scores are of one scale, and why each of its
// items is there.
type block struct {
	from []snapshot.Candidate
	why  func(snapshot.Candidate) Reason
}

// whole is a block of items that bring their reason along.
func (v *view) whole(from []snapshot.Candidate) block { return block{from, v.reason} }

// list takes the chosen items that may be shown, block behind block, and fills
// up to k.
func (v *view) list(role string, k int, exclude []int32, chosen ...block) List {
	taken := v.mark()
	defer v.unmark(taken)
	for _, i := range exclude {
		taken.add(i)
	}
	l := List{Meta: v.meta(role), Items: make([]Item, 0, min(k, len(v.filler)))}
	for _, b := range chosen {
		v.take(&l, b, k, taken)
	}
	v.take(&l, v.whole(v.filler), k, taken)
	l.Fallback = !slices.ContainsFunc(l.Items, Item.chosen)
	return l
}

// chosen is false of an item that everybody would be shown.
func (it Item) chosen() bool { return it.Strategy != Popular && it.Strategy != Catalogue }

// take appends a block, whose first item has its highest score.
func (v *view) take(l *List, b block, k int, taken *marks) {
	if len(b.from) == 0 {
		return
	}
	behind := scoresBehind(l.Items, b.from[0].Score)
	for _, c := range b.from {
		if len(l.Items) >= k {
			return
		}
		it := v.snap.Item(c.Item)
		if it.InStock && taken.add(c.Item) {
			l.Items = append(l.Items, Item{ID: it.ID, Score: behind.score(c.Score), Strategy: v.names[c.Strategy], Reason: b.why(c)})
		}
	}
}

// behind makes the scores of a block comparable with those of the items listed
// before it, which were scored on another scale.
type behind struct {
	first     bool    // nothing is listed before it: the block keeps its scores
	last, top float64 // lowest score listed, and highest of the block
}

func scoresBehind(listed []Item, top float32) behind {
	if len(listed) == 0 {
		return behind{first: true}
	}
	return behind{last: float64(listed[len(listed)-1].Score), top: float64(top)}
}

// score puts a score of the block at or below the last one listed, by its share
// of the block's highest: last × share, or last − (1 − share) where last is not
// above 0. Scores not above 0 have no share.
func (b behind) score(score float32) float32 {
	if b.first {
		return score
	}
	share := 0.0
	if b.top > 0 {
		share = min(max(float64(score)/b.top, 0), 1)
	}
	if b.last > 0 {
		return float32(b.last * share)
	}
	return float32(b.last - (1 - share))
}

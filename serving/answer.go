package serving

import (
	"context"
	"errors"
	"fmt"

	"regulars/models"
	"regulars/models/snapshot"
	"regulars/serving/filter"
	"regulars/serving/placement"
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
	Rules    []string // of the placement, that put it where it is
	// Propensity is the probability of this item in this slot, given the slots
	// before it, where the placement explores; else 0.
	Propensity float64
}

// DefaultK is how many items a list has where nobody says.
const DefaultK = 10

// Ask says what a list is to be like.
type Ask struct {
	K         int // 0 = as many as the placement says, or else DefaultK
	Exclude   []string
	Strategy  string               // by name; "" = as the placement says, or else the shop's own choice
	Session   string               // id of the session that asks, whose doings count; "" = none
	Filter    string               // that items have to pass; "" = none
	Placement *placement.Placement // that the list is for; nil = none
	ID        string               // that the list will go by; what a placement leaves to chance hangs on it
}

// List is a list of items, best first, none twice, each of which may be shown. It
// has as many as were asked for unless the catalogue has fewer that may be.
type List struct {
	Meta
	Items    []Item
	Fallback bool            // nothing in it was chosen for what was asked about
	ID       string          // that of Ask, with the code of the arm
	Visitor  string          // the customer, or else the session; "" = nobody known, or they refuse
	Arm      *placement.Plan // of the placement; nil = none
	Relaxed  []string        // what of the placement could not hold
}

// Recommend returns k items for a customer, whose id need not be known and may be
// empty where there is a session, leaving out the excluded item ids. The list has
// these parts, each behind the whole of the one before:
//
//  1. the customer's own, by the strategy asked for. What goes with items that
//     they looked at lately is merged into the shop's own choice, and follows a
//     strategy that was asked for by name;
//  2. what is popular at the customer's stage, or else in their region or through
//     their channel;
//  3. what is popular, then the rest of the catalogue.
//
// What cannot be bought now, and what the customer has bought since the snapshot,
// is left out, unless its cycle has passed again, as is what a filter does not let pass; what was shown to them in vain
// goes behind the part it belongs to. Who refuses personalisation gets what is
// the same for everybody. The error is ErrNotReady, an
// *UnknownStrategyError, a *filter.Error or one of the store.
func (s *Store) Recommend(userID string, a Ask) (List, error) {
	v, err := s.acquire()
	if err != nil {
		return List{}, err
	}
	defer v.release()
	return s.recommend(v, userID, a)
}

// RecommendAll answers Recommend for every customer, in the order of the ids
// and all from one snapshot; name gives every list its id. Each list is handed to
// tell as it is made, so that none but that one is in memory. It ends with the
// first error, of tell or of ctx once that ends.
func (s *Store) RecommendAll(ctx context.Context, userIDs []string, a Ask, name func() string, tell func(i int, l List) error) error {
	v, err := s.acquire()
	if err != nil {
		return err
	}
	defer v.release()
	for i, id := range userIDs {
		if err := ctx.Err(); err != nil {
			return err // nobody waits for it any more
		}
		a.ID = name()
		list, err := s.recommend(v, id, a)
		var wrong *filter.Error
		if errors.As(err, &wrong) {
			return err // whoever the customer is
		}
		if err != nil {
			return fmt.Errorf("customer number %d of the batch: %w", i+1, err)
		}
		if err := tell(i, list); err != nil {
			return err
		}
	}
	return nil
}

func (s *Store) recommend(v *view, userID string, a Ask) (List, error) {
	who, err := s.subject(v, userID, a.Session)
	if err != nil {
		return List{}, err
	}
	m, err := s.making(v, who, a)
	if err != nil {
		return List{}, err
	}
	defer m.end()
	strategy := m.strategy(a, v.isStrategy)
	chosen, err := v.chosenFor(who, strategy)
	if err != nil {
		return List{}, err
	}
	if err := m.fill(m.ownSources(chosen, who, strategy)...); err != nil {
		return List{}, err
	}
	info := v.snap.Info()
	l := m.list(roleOf(info.Lists, strategy, info.Recommender), a)
	l.Visitor = who.named()
	if strategy == Popular {
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
	m, err := s.making(v, subject{}, a, item)
	if err != nil {
		return List{}, false, err
	}
	defer m.end()
	err = m.fill(source{asked: true, read: func() (block, error) {
		similar, err := v.snap.Similar(item, n)
		return block{from: similar, why: func(c snapshot.Candidate) Reason { return v.about(kindNear(c, KindAlike), item) }}, err
	}})
	info := v.snap.Info()
	return m.list(roleOf(info.ItemLists, a.Strategy, info.Similar), a), true, err
}

// Popular returns the k best sellers.
func (s *Store) Popular(a Ask) (List, error) {
	v, err := s.acquire()
	if err != nil {
		return List{}, err
	}
	defer v.release()
	m, err := s.making(v, subject{}, a)
	if err != nil {
		return List{}, err
	}
	defer m.end()
	err = m.fill()
	l := m.list(v.snap.Info().Recommender, a)
	l.Fallback = false // it is what was asked for
	return l, err
}

func (v *view) meta(role string) Meta {
	info := v.snap.Info()
	return Meta{AsOf: info.AsOf, ModelVersion: info.ModelVersion(role), Snapshot: info.Version}
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
	// rest reads those that follow, if from may not be enough. Such a block is the
	// first of its list, where no highest score is asked for.
	rest func() ([]snapshot.Candidate, error)
}

// top is the score that those of the block are measured against: its highest of
// what was in stock when the snapshot was made, if anything was.
func (v *view) top(b block) float32 {
	for _, c := range b.from {
		if v.stocked(c.Item) {
			return c.Score
		}
	}
	return 0
}

// whole is a block of items that bring their reason along.
func (v *view) whole(from []snapshot.Candidate) block { return block{from: from, why: v.why} }

// chosen is false of an item that everybody would be shown.
func (it Item) chosen() bool { return it.Strategy != Popular && it.Strategy != Catalogue }

// behind makes the scores of a block comparable with those of the items listed
// before it, which were scored on another scale.
type behind struct {
	first     bool    // nothing is listed before it: the block keeps its scores
	last, top float64 // lowest score listed, and highest that the block shows
}

func scoresBehind(listed []pick, top float32) behind {
	if len(listed) == 0 {
		return behind{first: true}
	}
	return behind{last: float64(listed[len(listed)-1].score), top: float64(top)}
}

// score puts a score of the block at or below the last one listed, by its share
// of the highest that the block shows: last × share, or last − (1 − share) where last is not
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

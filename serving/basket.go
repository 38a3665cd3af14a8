package serving

import (
	"cmp"
	"math"
	"slices"

	"regulars/models/ials"
	"regulars/models/snapshot"
)

// Basket returns k items that go with a session or basket, none of which is
// among them, leaving out the excluded item ids; userID may be empty. The list
// has three parts, each behind the whole of the one before:
//
//  1. the items similar to those of the basket. One's score is the sum of its
//     similarities to all of them, its strategy that of the greatest one;
//  2. where the customer is known, what Recommend would list;
//  3. what is popular, then the rest of the catalogue.
//
// A basket is a set: the order of its items and how often one is named do not
// matter. Items that the catalogue does not hold are ignored and returned. Who
// refuses personalisation gets what is the same for everybody here as well.
//
// A strategy, if asked for, is one of those of items.
func (s *Store) Basket(itemIDs []string, userID string, a Ask) (l List, unknown []string, err error) {
	v, err := s.acquire()
	if err != nil {
		return List{}, nil, err
	}
	defer v.release()
	basket, unknown := v.basket(itemIDs)
	who, err := s.subject(v, userID, a.Session)
	if err != nil {
		return List{}, nil, err
	}
	m, err := s.making(v, who, a, basket...)
	if err != nil {
		return List{}, nil, err
	}
	defer m.end()
	strategy := m.strategy(a, v.isItemStrategy)
	which, err := v.itemList(strategy)
	if err != nil {
		return List{}, nil, err
	}
	if who.optedOut {
		err = m.fill()
	} else {
		err = m.fill(m.basketSources(basket, which, who, strategy)...)
	}
	info := v.snap.Info()
	l = m.list(roleOf(info.ItemLists, strategy, info.Similar), a)
	l.Visitor = who.named()
	return l, unknown, err
}

func (m *making) basketSources(basket []int32, which int, who subject, strategy string) []source {
	v := m.v
	with := func() (block, error) { return v.near(basket, which) }
	if strategy == "" && v.folding != nil {
		with = func() (block, error) { return m.session(basket, which, who) }
	}
	return []source{
		{asked: true, read: with},
		{asked: true, read: func() (block, error) {
			own, err := who.own(v)
			if err != nil {
				return block{}, err
			}
			return v.present(own, who.viewed)
		}},
		m.liveSource(basket, who),
		v.groupSource(who),
	}
}

// session merges what goes with a basket by the lists of its items and by the
// factors of the whole catalogue, by reciprocal ranks as present does: an item is
// worth what it stands for in both, among those that may be listed, and goes by the
// strategy that adds more. docs/benchmarks.md has the figures.
func (m *making) session(basket []int32, which int, who subject) (block, error) {
	near, err := m.v.near(basket, which)
	if err != nil {
		return block{}, err
	}
	f := m.v.folding
	w := f.wishes.Get().(*wish)
	defer f.wishes.Put(w)
	if err := m.wish(w, basket, who); err != nil {
		return block{}, err
	}
	best, err := m.score(w, m.k+scoredMost, m.free)
	if err != nil || len(best) == 0 {
		return near, err
	}
	near.from = slices.DeleteFunc(near.from, func(c snapshot.Candidate) bool { return m.taken.has(c.Item) || !m.may(c) })
	return m.fused(near, best, basket), nil
}

// How a session's lists are merged, which baskets chose that no figure is reported
// on: an item that both hold goes before one that only one has at its top, and
// factors count twice.
const (
	sessionDepth = 60
	foldedWeighs = 2
)

// fused merges both lists.
func (m *making) fused(near block, best []ials.Scored, basket []int32) block {
	f, at := m.v.folding, make(map[int32]int, len(near.from)+len(best))
	merged, folded := make([]snapshot.Candidate, 0, len(near.from)+len(best)), map[int32]bool{}
	for place, c := range near.from {
		at[c.Item] = place
		c.Score = float32(standingAmong(place, sessionDepth))
		merged = append(merged, c)
	}
	for place, s := range best {
		worth := float32(foldedWeighs * standingAmong(place, sessionDepth))
		n, both := at[s.Item]
		if !both {
			merged = append(merged, snapshot.Candidate{Item: s.Item, Score: worth, Strategy: f.strategy})
			folded[s.Item] = true
			continue
		}
		if worth > merged[n].Score {
			merged[n].Strategy, folded[s.Item] = f.strategy, true
		}
		merged[n].Score += worth
	}
	slices.SortFunc(merged, func(a, b snapshot.Candidate) int {
		return cmp.Or(cmp.Compare(b.Score, a.Score), cmp.Compare(a.Item, b.Item))
	})
	parts := make([]part, len(basket))
	for i, item := range basket {
		parts[i] = part{item: item, kind: KindBasket}
	}
	return block{from: merged, why: func(c snapshot.Candidate) Reason {
		if folded[c.Item] {
			return m.because(parts, c.Item)
		}
		return near.why(c)
	}}
}

// basket returns the distinct numbers of the items in ascending order, so that
// sums over them do not depend on the order given, and the distinct unknown ids.
func (v *view) basket(ids []string) (items []int32, unknown []string) {
	seen := map[string]bool{}
	for _, id := range ids {
		if seen[id] {
			continue
		}
		seen[id] = true
		if i, ok := v.snap.LookupItem(id); ok {
			items = append(items, i)
		} else {
			unknown = append(unknown, id)
		}
	}
	slices.Sort(items)
	return items, unknown
}

// nearness is what a basket says of one item.
type nearness struct {
	sum      float64
	greatest snapshot.Candidate
	of       int32 // the item of the basket that the greatest similarity is to
}

// near returns the items similar to those of the basket by one of the lists of
// items, best first.
func (v *view) near(basket []int32, which int) (block, error) {
	by := map[int32]nearness{}
	for _, item := range basket {
		similar, err := v.snap.Similar(item, which)
		if err != nil {
			return block{}, err
		}
		for _, c := range similar {
			n, had := by[c.Item]
			if !had || c.Score > n.greatest.Score {
				n.greatest, n.of = c, item
			}
			n.sum += float64(c.Score)
			by[c.Item] = n
		}
	}
	list := make([]snapshot.Candidate, 0, len(by))
	for item, n := range by {
		list = append(list, snapshot.Candidate{Item: item, Score: finite(n.sum), Strategy: n.greatest.Strategy})
	}
	slices.SortFunc(list, func(a, b snapshot.Candidate) int {
		return cmp.Or(cmp.Compare(b.Score, a.Score), cmp.Compare(a.Item, b.Item))
	})
	return block{from: list, why: func(c snapshot.Candidate) Reason {
		n := by[c.Item]
		return v.about(kindNear(n.greatest, KindBasket), n.of)
	}}, nil
}

// finite keeps a sum of finite scores from becoming infinite.
func finite(sum float64) float32 {
	return float32(min(max(sum, -math.MaxFloat32), math.MaxFloat32))
}

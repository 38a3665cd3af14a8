package serving

import (
	"cmp"
	"math"
	"slices"

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
		err = m.fill(v.basketSources(basket, which, who)...)
	}
	info := v.snap.Info()
	l = m.list(roleOf(info.ItemLists, strategy, info.Similar), a)
	l.Visitor = who.named()
	return l, unknown, err
}

func (v *view) basketSources(basket []int32, which int, who subject) []source {
	return []source{
		{asked: true, read: func() (block, error) { return v.near(basket, which) }},
		{asked: true, read: func() (block, error) {
			own, err := who.own(v)
			if err != nil {
				return block{}, err
			}
			return v.present(own, who.viewed)
		}},
		v.groupSource(who),
	}
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

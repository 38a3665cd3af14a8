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
//  2. where the customer is known, the customer's own candidates;
//  3. what is popular, then the rest of the catalogue.
//
// A basket is a set: the order of its items and how often one is named do not
// matter. Items that the catalogue does not hold are ignored and returned.
func (s *Store) Basket(itemIDs []string, userID string, k int, exclude []string) (l List, unknown []string, err error) {
	v, err := s.acquire()
	if err != nil {
		return List{}, nil, err
	}
	defer v.release()
	basket, unknown := v.basket(itemIDs)
	near, err := v.near(basket)
	if err != nil {
		return List{}, nil, err
	}
	var own snapshot.User
	if userID != "" {
		if own, _, err = v.snap.User(userID); err != nil {
			return List{}, nil, err
		}
	}
	return v.list(v.snap.Info().Similar, k, slices.Concat(basket, v.lookup(exclude)), near, own.Candidates), unknown, nil
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
	greatest float32 // similarity
	strategy uint8   // of the greatest
}

// near returns the items similar to those of the basket, best first.
func (v *view) near(basket []int32) ([]snapshot.Candidate, error) {
	by := map[int32]nearness{}
	for _, item := range basket {
		similar, err := v.snap.Similar(item)
		if err != nil {
			return nil, err
		}
		for _, c := range similar {
			n, had := by[c.Item]
			if !had || c.Score > n.greatest {
				n.greatest, n.strategy = c.Score, c.Strategy
			}
			n.sum += float64(c.Score)
			by[c.Item] = n
		}
	}
	list := make([]snapshot.Candidate, 0, len(by))
	for item, n := range by {
		list = append(list, snapshot.Candidate{Item: item, Score: finite(n.sum), Strategy: n.strategy})
	}
	slices.SortFunc(list, func(a, b snapshot.Candidate) int {
		return cmp.Or(cmp.Compare(b.Score, a.Score), cmp.Compare(a.Item, b.Item))
	})
	return list, nil
}

// finite keeps a sum of finite scores from becoming infinite.
func finite(sum float64) float32 {
	return float32(min(max(sum, -math.MaxFloat32), math.MaxFloat32))
}

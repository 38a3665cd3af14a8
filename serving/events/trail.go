package events

import (
	"cmp"
	"slices"
	"unique"

	"regulars/serving"
)

const (
	// mostTouches bounds what is remembered of one customer or session.
	mostTouches = 100
	// ignoredAfter is how often an item is shown in vain before it counts as ignored.
	ignoredAfter = 3
)

type touchKind uint8

const (
	shown touchKind = iota
	viewed
	bought
)

// touch is what was done with an item, all doings of one kind together.
type touch struct {
	item  unique.Handle[string] // the same item is touched by many
	at    int64                 // the latest, microseconds since 1970
	count int32
	kind  touchKind
}

// touchOf returns what an event is to lists of items; false: nothing.
func touchOf(r record) (touch, bool) {
	if !r.has("item_id") {
		return touch{}, false
	}
	kind, ok := kindOf(r.text("type"), r.get("is_return").Bool())
	return touch{item: unique.Make(r.text("item_id")), at: r.get("ts").Micros(), count: 1, kind: kind}, ok
}

// kindOf leaves out what was sent back: it is neither bought nor wanted.
func kindOf(eventType string, isReturn bool) (touchKind, bool) {
	switch {
	case eventType == typeImpression:
		return shown, true
	case eventType == typePurchase:
		return bought, !isReturn
	}
	return viewed, slices.Contains(viewTypes, eventType)
}

// add takes a touch in. Where there are too many, the oldest of what was only
// shown goes first: shelves are long, and purchases are rare.
func (t *trail) add(n touch) {
	t.answer.Store(nil)
	for i := range t.touches {
		if have := &t.touches[i]; have.item == n.item && have.kind == n.kind {
			have.at = max(have.at, n.at)
			have.count += n.count
			return
		}
	}
	t.touches = append(t.touches, n)
	if len(t.touches) > mostTouches {
		i := leastOf(t.touches)
		t.touches = slices.Delete(t.touches, i, i+1)
	}
}

// leastOf returns which touch is given up first.
func leastOf(touches []touch) int {
	least := 0
	for i, t := range touches {
		if u := touches[least]; cmp.Or(cmp.Compare(min(t.kind, viewed), min(u.kind, viewed)), cmp.Compare(t.at, u.at)) < 0 {
			least = i
		}
	}
	return least
}

// summary sorts touches by what they say of the items, newest first.
func summary(userID string, touches []touch) serving.Recent {
	byItem := map[unique.Handle[string]][bought + 1]touch{}
	for _, t := range touches {
		kinds := byItem[t.item]
		kinds[t.kind].count += t.count
		kinds[t.kind].at = max(kinds[t.kind].at, t.at)
		byItem[t.item] = kinds
	}
	r := serving.Recent{UserID: userID}
	for item, kinds := range byItem {
		if kinds[bought].count > 0 {
			r.Bought = append(r.Bought, kinds[bought].of(item))
		}
		if kinds[viewed].count > 0 {
			r.Viewed = append(r.Viewed, kinds[viewed].of(item))
		}
		if kinds[bought].count+kinds[viewed].count == 0 && kinds[shown].count >= ignoredAfter {
			r.Ignored = append(r.Ignored, kinds[shown].of(item))
		}
	}
	for _, list := range [][]serving.Touch{r.Bought, r.Viewed, r.Ignored} {
		slices.SortFunc(list, func(a, b serving.Touch) int { return cmp.Or(b.At.Compare(a.At), cmp.Compare(a.ItemID, b.ItemID)) })
	}
	return r
}

func (t touch) of(item unique.Handle[string]) serving.Touch {
	return serving.Touch{ItemID: item.Value(), At: microTime(t.at), Count: int(t.count)}
}

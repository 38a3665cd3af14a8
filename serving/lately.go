package serving

import (
	"cmp"
	"errors"
	"math"
	"slices"
	"time"

	"regulars/models"
	"regulars/models/snapshot"
)

// What a customer did lately is worth half as much after so long.
const interestHalves = 6 * time.Hour

// mostViewed is how many of the items looked at last count.
const mostViewed = 20

// subject is whom a list is for. Of somebody who refuses personalisation or has
// been erased nothing is known, on purpose.
type subject struct {
	id       string             // the one that stands for all of the customer's; "" = nobody known
	customer *snapshot.Customer // nil = the snapshot does not know them
	lately
	refuse   bool // the snapshot's word
	optedOut bool
	visitor  string // what trials are split by
}

// lately is what somebody did that the snapshot does not know of, by the items
// that it knows.
type lately struct {
	bought  map[int32]time.Time // since what the snapshot knows
	viewed  []interest          // newest first
	ignored map[int32]bool      // shown again and again, in vain
}

// interest is an item that somebody looked at.
type interest struct {
	item   int32
	weight float64 // of all of them together at most 1
}

// subject tells who a request is about: the customer, and what they and their
// session did. A session whose customer is known stands for that customer.
func (s *Store) subject(v *view, userID, sessionID string) (who subject, err error) {
	var recent Recent
	if s.opts.Live != nil && userID == "" && sessionID != "" {
		recent, _ = s.opts.Live.Recent("", sessionID)
	}
	who = subject{id: cmp.Or(userID, recent.UserID)}
	if who.id != "" {
		if err := v.excuse(who.find(v, s.opts.Live)); err != nil {
			return subject{}, err
		}
	}
	who.visitor = cmp.Or(who.id, sessionID)
	if s.opts.Live == nil {
		return who.unless(who.refuse), nil
	}
	if who.id != "" && (s.opts.Live.Erased(who.id) || userID != "" && s.opts.Live.Erased(userID)) {
		return subject{visitor: sessionID}, nil
	}
	if who = who.unless(s.refuses(who, cmp.Or(userID, recent.UserID))); who.optedOut {
		return who, nil
	}
	if who.id != "" {
		if recent, err = s.recent(v, who, sessionID, userID, recent.UserID); err != nil {
			return subject{}, err
		}
	}
	who.lately = v.lately(recent, s.opts.Now())
	return who, nil
}

// recent is what a customer and their session did lately, by whichever of the
// customer's ids it was told: those asked by, and those that the snapshot knows.
func (s *Store) recent(v *view, who subject, sessionID string, asked ...string) (Recent, error) {
	r, _ := s.opts.Live.Recent(who.id, sessionID)
	if who.customer == nil {
		return r, nil
	}
	aliases, err := who.customer.Aliases()
	if err := v.excuse(err); err != nil {
		return r, err
	}
	others, err := toldByOthers(s.opts.Live, v.snap, who.id, aliases, asked...)
	for _, other := range others {
		r = r.with(other)
	}
	return r, err
}

// toldByOthers is what a customer did lately by other ids than the one that stands
// for them all: by those of their aliases, and of further ids, that are nobody else's.
func toldByOthers(live Live, snap *snapshot.Snapshot, id string, aliases []snapshot.Alias, ids ...string) (told []Recent, err error) {
	for _, a := range aliases {
		ids = append(ids, a.ID)
	}
	slices.Sort(ids)
	for _, other := range slices.Compact(ids) {
		if other == "" || other == id {
			continue
		}
		r, ok := live.Recent(other, "")
		if !ok || r.UserID == id { // which is told by id as well
			continue
		}
		person, err := snap.Person(other)
		if err != nil {
			return nil, err
		}
		if person == id {
			told = append(told, r)
		}
	}
	return told, nil
}

// with is what is told of somebody by two ids. What was shown in vain by one was
// not, if by the other it was wanted.
func (r Recent) with(other Recent) Recent {
	r.Bought = newestFirst(r.Bought, other.Bought)
	r.Viewed = newestFirst(r.Viewed, other.Viewed)
	r.Ignored = slices.DeleteFunc(newestFirst(r.Ignored, other.Ignored), func(t Touch) bool {
		same := func(o Touch) bool { return o.ItemID == t.ItemID }
		return slices.ContainsFunc(r.Viewed, same) || slices.ContainsFunc(r.Bought, same)
	})
	return r
}

func newestFirst(a, b []Touch) []Touch {
	all := slices.Concat(a, b)
	slices.SortStableFunc(all, func(x, y Touch) int { return y.At.Compare(x.At) })
	return all
}

// find reads who a customer is, whose id may be one that was told since the
// snapshot. A record that proves damaged leaves them unknown.
func (w *subject) find(v *view, live Live) error {
	c, err := v.snap.Customer(w.id)
	if err == nil && c == nil {
		if told := toldToBe(live, w.id); told != "" {
			w.id = told
			c, err = v.snap.Customer(told)
		}
	}
	if err != nil || c == nil {
		return err
	}
	refuse, err := v.refused(c)
	if err != nil {
		return err
	}
	w.id, w.customer, w.refuse = c.ID(), c, refuse
	return nil
}

// toldToBe is the customer that an id was told to be another one of; "" = nothing
// was told.
func toldToBe(live Live, id string) string {
	if live == nil {
		return ""
	}
	if told, _ := live.Recent(id, ""); told.UserID != id {
		return told.UserID
	}
	return ""
}

// release lets go of what was read of the customer.
func (w subject) release() {
	if w.customer != nil {
		w.customer.Release()
	}
}

// person returns all that the snapshot knows of a customer; nil where it does not
// know them, or their record is damaged.
func (v *view) person(c *snapshot.Customer) (*snapshot.User, error) {
	if c == nil {
		return nil, nil
	}
	u, err := c.User()
	if errors.Is(err, snapshot.ErrDamaged) {
		return nil, v.excuse(err)
	}
	return &u, err
}

// unless forgets who it is where they refuse personalisation.
func (w subject) unless(refuses bool) subject {
	if refuses {
		return subject{optedOut: true, visitor: w.visitor}
	}
	return w
}

// named is what may be written down of who it was.
func (w subject) named() string {
	if w.optedOut {
		return ""
	}
	return w.visitor
}

// refuses reports whether a customer, asked for by an id, refuses personalisation:
// what was told since holds against the snapshot. Who refused by that id before it
// was told to be another customer's has refused for both.
func (s *Store) refuses(who subject, asked string) bool {
	if who.id == "" || s.opts.Live == nil {
		return who.refuse
	}
	if asked != who.id {
		if out, _ := s.opts.Live.OptedOut(asked); out {
			return true
		}
	}
	if out, known := s.opts.Live.OptedOut(who.id); known {
		return out
	}
	return who.refuse
}

// fieldOptOut is the column of a profile that says who refuses.
const fieldOptOut = "opt_out"

func (v *view) lately(r Recent, now time.Time) lately {
	var l lately
	for _, t := range r.Bought {
		if i, ok := v.snap.LookupItem(t.ItemID); ok && !t.At.Before(v.since) && t.At.After(l.bought[i]) {
			if l.bought == nil {
				l.bought = map[int32]time.Time{}
			}
			l.bought[i] = t.At
		}
	}
	for _, t := range r.Ignored {
		if i, ok := v.snap.LookupItem(t.ItemID); ok {
			if l.ignored == nil {
				l.ignored = map[int32]bool{}
			}
			l.ignored[i] = true
		}
	}
	l.viewed = v.interests(r.Viewed, now)
	return l
}

// interests weighs the items looked at last. Each weighs half as much after
// interestHalves; where together they weigh more than 1, they share it, so that
// an hour of browsing counts no more than all that was known before.
func (v *view) interests(viewed []Touch, now time.Time) (out []interest) {
	total := 0.0
	for _, t := range viewed {
		i, ok := v.snap.LookupItem(t.ItemID)
		if !ok || slices.ContainsFunc(out, func(o interest) bool { return o.item == i }) {
			continue
		}
		if len(out) == mostViewed {
			break
		}
		age := max(now.Sub(t.At), 0)
		w := math.Exp2(-age.Hours() / interestHalves.Hours())
		out, total = append(out, interest{i, w}), total+w
	}
	for i := range out {
		out[i].weight /= max(total, 1)
	}
	return out
}

// cycle returns after how many days a candidate is bought again; ok is false
// where no cycle is known.
func cycle(r snapshot.Reason) (days int, ok bool) {
	return int(r.Of), r.Kind == models.ReasonUsual
}

// pull is what the items looked at say of one item.
type pull struct {
	sum      float64
	greatest float64
	near     snapshot.Candidate // as it stands in the list of the item below
	of       int32              // the item looked at that pulls most
}

// standing is what the place in a list is worth, from 1 at its top: reciprocal
// rank fusion (Cormack, Clarke, Büttcher 2009), which merges lists whose scores
// do not compare.
func standing(place int) float64 { return standingAmong(place, fusionDepth) }

// standingAmong is standing where places stay alike down to a depth.
func standingAmong(place int, depth float64) float64 { return depth / (depth + float64(place)) }

// fusionDepth is how deep into a list its places stay alike: small enough that
// the top of one list goes before the middle of another.
const fusionDepth = 20

// pulls adds up what the items looked at lately say, by their item lists.
func (v *view) pulls(viewed []interest) (map[int32]pull, error) {
	by := map[int32]pull{}
	for _, seen := range viewed {
		similar, err := v.snap.Similar(seen.item, 0)
		if err != nil {
			return nil, err
		}
		for place, c := range similar {
			p, w := by[c.Item], seen.weight*standing(place)
			if w > p.greatest {
				p.greatest, p.near, p.of = w, c, seen.item
			}
			p.sum += w
			by[c.Item] = p
		}
	}
	return by, nil
}

// present merges what somebody looked at lately into a list of their own, which may
// be empty: an item is worth its standing there plus what the items looked at
// add. It says "because you looked at X" where that added more.
func (v *view) present(own []snapshot.Candidate, viewed []interest) (block, error) {
	if len(viewed) == 0 || len(v.snap.Info().ItemLists) == 0 {
		return v.whole(own), nil
	}
	by, err := v.pulls(viewed)
	if err != nil {
		return block{}, err
	}
	merged, stands := make([]snapshot.Candidate, 0, len(own)+len(by)), make(map[int32]float64, len(own))
	for place, c := range own {
		stands[c.Item] = standing(place)
		c.Score = float32(stands[c.Item] + by[c.Item].sum)
		merged = append(merged, c)
	}
	for item, p := range by {
		if _, had := stands[item]; !had {
			merged = append(merged, snapshot.Candidate{Item: item, Score: float32(p.sum), Strategy: p.near.Strategy})
		}
	}
	for i, c := range merged {
		if p := by[c.Item]; p.sum > stands[c.Item] {
			merged[i].Strategy = p.near.Strategy
		}
	}
	slices.SortFunc(merged, func(a, b snapshot.Candidate) int {
		return cmp.Or(cmp.Compare(b.Score, a.Score), cmp.Compare(a.Item, b.Item))
	})
	return block{from: merged, why: func(c snapshot.Candidate) Reason {
		if p := by[c.Item]; p.sum > stands[c.Item] {
			return v.about(KindViewed, p.of)
		}
		return v.reason(c)
	}}, nil
}

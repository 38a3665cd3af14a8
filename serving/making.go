package serving

import (
	"sort"
	"time"

	"regulars/models/snapshot"
)

// A making is a list on its way from its sources to the answer. Every list is
// made the same way: its sources are read in order, each only if those before it
// left room; what may not be shown is left out before anything is counted.
type making struct {
	eligibility
	depth int    // how many items are wanted
	taken *marks // listed, or never to be
	picks []pick
}

// A pick is an item that may be shown, with a score that compares with those of
// the picks before it.
type pick struct {
	snapshot.Candidate
	score float32
	why   func(snapshot.Candidate) Reason
	asked bool // it was chosen for what was asked about
}

// A source is one part of a list, each behind the whole of the one before.
type source struct {
	read  func() (block, error)
	asked bool // it holds what was asked about, or what the customer was just seen to want
}

// making begins a list of k items for somebody, without the excluded ones; end
// ends it.
func (s *Store) making(v *view, who subject, k int, exclude ...int32) *making {
	m := &making{eligibility: eligibility{v: v, live: s.opts.Live, now: s.opts.Now(), lately: who.lately}, depth: k, taken: v.mark()}
	for _, i := range exclude {
		m.taken.add(i)
	}
	m.picks = make([]pick, 0, min(k, v.snap.Items()))
	return m
}

func (m *making) end() { m.v.unmark(m.taken) }

// fill reads the sources until the list is long enough. What everybody would be
// shown, best sellers and then the rest of the catalogue, stands behind them.
func (m *making) fill(sources ...source) error {
	for _, s := range sources {
		if m.full() {
			return nil
		}
		b, err := s.read()
		if err != nil {
			return err
		}
		m.take(b, s.asked)
	}
	for _, b := range m.v.everybody() {
		m.take(b, false)
	}
	return nil
}

func (m *making) full() bool { return len(m.picks) >= m.depth }

// take appends what may be shown of a block. What the customer was shown in vain
// goes behind the rest of the block.
func (m *making) take(b block, asked bool) {
	behind := scoresBehind(m.picks, m.v.top(b))
	var inVain []snapshot.Candidate
	for _, c := range b.from {
		switch {
		case m.full():
			return
		case m.taken.has(c.Item) || !m.may(c):
		case m.ignored[c.Item]:
			inVain = append(inVain, c)
		default:
			m.pick(c, behind, b, asked)
		}
	}
	for _, c := range inVain {
		if m.full() {
			return
		}
		m.pick(c, behind, b, asked)
	}
}

func (m *making) pick(c snapshot.Candidate, behind behind, b block, asked bool) {
	if !m.taken.add(c.Item) {
		return // twice in one block
	}
	score := behind.score(c.Score)
	if n := len(m.picks); n > 0 {
		score = min(score, m.picks[n-1].score)
	}
	m.picks = append(m.picks, pick{c, score, b.why, asked})
}

// list ends the list with the picks as they are.
func (m *making) list(role string) List {
	l := List{Meta: m.v.meta(role), Items: make([]Item, len(m.picks)), Fallback: true}
	for i, p := range m.picks {
		l.Items[i] = m.item(p)
		if p.asked && l.Items[i].chosen() {
			l.Fallback = false
		}
	}
	return l
}

func (m *making) item(p pick) Item {
	return Item{ID: m.v.snap.Item(p.Item).ID, Score: p.score, Strategy: m.v.names[p.Strategy], Reason: p.why(p.Candidate)}
}

// everybody returns the best sellers, and the rest of the catalogue.
func (v *view) everybody() [2]block {
	n := sort.Search(len(v.filler), func(i int) bool { return v.filler[i].Strategy == v.rest })
	return [2]block{v.whole(v.filler[:n]), v.whole(v.filler[n:])}
}

// has reports whether the item is in the set.
func (m *marks) has(i int32) bool { return m.bits[i/64]&(1<<(i%64)) != 0 }

// eligibility says which items may be shown to somebody now.
type eligibility struct {
	v    *view
	live Live // nil: nothing is known beyond the snapshot
	now  time.Time
	lately
}

// may reports whether a candidate may be shown: it can be bought, and the
// customer has not just bought it.
func (e *eligibility) may(c snapshot.Candidate) bool {
	return e.sold(c.Item) && e.wanted(c)
}

// sold reports whether an item can be bought now.
func (e *eligibility) sold(item int32) bool {
	it := e.v.snap.Item(item)
	if e.live != nil {
		if u, ok := e.live.Item(it.ID); ok {
			return u.sold(it, e.now)
		}
	}
	return it.InStock
}

// sold is the word of the update, and of the snapshot where the update has none.
func (u ItemUpdate) sold(it snapshot.Item, now time.Time) bool {
	in := it.InStock
	if u.InStock != nil {
		in = *u.InStock
	}
	return in && (u.AvailableFrom == nil || !now.Before(*u.AvailableFrom))
}

// wanted is false of what the customer bought since the snapshot, unless it is
// something bought in cycles whose cycle has passed since. An item that was
// bought before without a cycle has none to tell when it is due.
func (e *eligibility) wanted(c snapshot.Candidate) bool {
	at, ok := e.bought[c.Item]
	if !ok {
		return true
	}
	days, cyclic := cycle(c.Reason)
	return cyclic && !e.now.Before(at.AddDate(0, 0, days))
}

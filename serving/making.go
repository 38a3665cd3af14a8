package serving

import (
	"cmp"
	"slices"
	"sync"
	"time"

	"regulars/models"
	"regulars/models/snapshot"
	"regulars/serving/filter"
	"regulars/serving/placement"
)

// A making is a list on its way from its sources to the answer. Every list is
// made the same way: its sources are read in order, each only if those before it
// left room; what may not be shown is left out before anything is counted; the
// rules of a placement then arrange what was picked.
type making struct {
	eligibility
	k     int
	taken *marks // listed, or never to be
	picks []pick

	who     subject
	known   bool             // the sieve knows who it is
	plan    *placement.Plan  // nil: no placement
	need    *placement.Need  // nil: the picks are the list
	counts  Counts           // nil: nothing was counted
	about   []*compiled      // by rule of the plan: its filter
	items   []placement.Item // of the picks, where need is not nil
	relaxed []string
	turns   *turns
	looked  byte       // keeps fetch from being left out
	spare   *sync.Pool // where it goes when the list is made

	novel []snapshot.Candidate // that may be explored beside the picks
}

// A pick is an item that may be shown, with a score that compares with those of
// the picks before it.
type pick struct {
	snapshot.Candidate
	score  float32
	why    func(snapshot.Candidate) Reason
	asked  bool // it was chosen for what was asked about
	pinned bool // a rule wants it where it is
}

// A source is one part of a list, each behind the whole of the one before.
type source struct {
	read  func() (block, error)
	asked bool // it holds what was asked about, or what the customer was just seen to want
}

// making begins a list for somebody as they asked for it, without the further
// items; end ends it.
func (s *Store) making(v *view, who subject, a Ask, without ...int32) (*making, error) {
	m := s.makings.Get().(*making)
	*m = making{k: a.K, who: who, taken: v.mark(), counts: s.opts.Counts, turns: s.turns, picks: m.picks[:0], spare: &s.makings,
		eligibility: eligibility{v: v, live: s.opts.Live, now: s.opts.Now(), lately: who.lately}}
	v.listen(m.live)
	m.sieve.rows = filter.Rows{Item: &m.sieve.item}
	err := m.ask(a)
	if err != nil {
		m.end()
		return nil, err
	}
	m.k = cmp.Or(m.k, DefaultK)
	for _, id := range a.Exclude {
		// What the catalogue does not hold cannot be shown.
		if i, ok := v.snap.LookupItem(id); ok {
			m.taken.add(i)
		}
	}
	for _, i := range without {
		m.taken.add(i)
	}
	m.picks = slices.Grow(m.picks, min(m.k, v.snap.Items()))
	return m, nil
}

// ask takes the filter of a request, and what its placement says.
func (m *making) ask(a Ask) error {
	own, err := m.filter(a.Filter)
	if err != nil {
		return err
	}
	m.sieve.add(own)
	if a.Placement == nil {
		return nil
	}
	return m.follow(a.Placement, cmp.Or(m.who.visitor, a.ID))
}

// filter compiles a filter, and has the sieve know the customer if it asks about
// them: most filters do not, and scores take longer to read than all else.
func (m *making) filter(source string) (*compiled, error) {
	c, err := m.v.filter(source)
	if err != nil || c == nil || m.known || c.user.Empty() && c.rest.Empty() {
		return c, err
	}
	m.known = true
	u, err := m.v.person(m.who.customer)
	if err != nil {
		return nil, err
	}
	m.sieve.about(m.v, u, m.live, m.now)
	return c, nil
}

// end lets go of what the list was made from. The list itself shares none of it.
func (m *making) end() {
	m.v.unmark(m.taken)
	m.who.release()
	clear(m.picks)
	*m = making{picks: m.picks[:0], spare: m.spare}
	m.spare.Put(m)
}

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
		if err := m.take(b, s.asked); err != nil {
			return err
		}
	}
	for _, b := range m.v.everybody() {
		if m.full() {
			return nil
		}
		if err := m.take(b, false); err != nil {
			return err
		}
	}
	return nil
}

// full reports whether nothing further can get on the list.
func (m *making) full() bool {
	if m.sieve.closed {
		return true
	}
	if m.need != nil {
		return m.need.Met()
	}
	return len(m.picks) >= m.k
}

// take appends what may be shown of a block. What the customer was shown in vain
// goes behind the rest of the block.
func (m *making) take(b block, asked bool) error {
	behind := behind{first: true}
	if len(m.picks) > 0 {
		behind = scoresBehind(m.picks, m.v.top(b))
	}
	inVain := m.takeFrom(b.from, behind, b, asked)
	if b.rest != nil && !m.full() {
		rest, err := b.rest()
		if err != nil {
			return err
		}
		inVain = append(inVain, m.takeFrom(rest, behind, b, asked)...)
	}
	for _, c := range inVain {
		if m.full() {
			return nil
		}
		m.pick(c, behind, b, asked)
	}
	return nil
}

// takeFrom picks among some of a block's candidates, and returns those that were
// shown in vain.
func (m *making) takeFrom(from []snapshot.Candidate, behind behind, b block, asked bool) (inVain []snapshot.Candidate) {
	for _, c := range from {
		switch {
		case m.full():
			return inVain
		case m.taken.has(c.Item) || !m.may(c):
		case m.ignored[c.Item]:
			inVain = append(inVain, c)
		default:
			m.pick(c, behind, b, asked)
		}
	}
	return inVain
}

func (m *making) pick(c snapshot.Candidate, behind behind, b block, asked bool) {
	score := behind.score(c.Score)
	if n := len(m.picks); n > 0 {
		score = min(score, m.picks[n-1].score)
	}
	if !m.wants(c.Item, score) || !m.taken.add(c.Item) { // or it is twice in one block
		return
	}
	m.picks = append(m.picks, pick{Candidate: c, score: score, why: b.why, asked: asked})
}

// list ends the list.
func (m *making) list(role string, a Ask) List {
	l := List{Meta: m.v.meta(role), ID: a.ID}
	if m.need != nil {
		l.Items, l.Fallback = m.arrange(a)
	} else {
		l.Items, l.Fallback = m.plain()
	}
	slices.Sort(m.relaxed)
	if l.Relaxed = slices.Compact(m.relaxed); m.plan != nil {
		l.Arm, l.ID = m.plan, m.plan.Sign(a.ID)
	}
	return l
}

// plain is the picks as they are, and whether none of them was asked for.
func (m *making) plain() (items []Item, fallback bool) {
	m.fetch()
	items, fallback = make([]Item, len(m.picks)), true
	for i, p := range m.picks {
		items[i] = m.item(p)
		fallback = fallback && !(p.asked && items[i].chosen())
	}
	return items, fallback
}

// fetch looks at what the list will name, one item right after the other: they lie
// anywhere in memory, and the processor waits for all of them at once where it
// would wait for each in its turn.
func (m *making) fetch() {
	for i := range m.picks {
		p := &m.picks[i]
		m.looked += first(m.v.snap.ItemAt(p.Item).ID)
		if p.Reason.Kind == models.ReasonBought || p.Reason.Kind == models.ReasonTogether {
			m.looked += first(m.v.snap.ItemAt(p.Reason.Of).Title)
		}
	}
}

func first(text string) byte {
	if text == "" {
		return 0
	}
	return text[0]
}

func (m *making) item(p pick) Item {
	if p.pinned {
		return Item{ID: m.v.snap.ItemAt(p.Item).ID, Score: p.score, Strategy: Pinned, Reason: Reason{Kind: KindPinned}}
	}
	return Item{ID: m.v.snap.ItemAt(p.Item).ID, Score: p.score, Strategy: m.v.names[p.Strategy], Reason: p.why(p.Candidate)}
}

// everybody returns the best sellers, and the rest of the catalogue.
func (v *view) everybody() [2]block {
	return [2]block{v.whole(v.filler[:v.sellers]), v.whole(v.filler[v.sellers:])}
}

// has reports whether the item is in the set.
func (m *marks) has(i int32) bool { return m.bits[i/64]&(1<<(i%64)) != 0 }

// eligibility says which items may be shown to somebody now.
type eligibility struct {
	v    *view
	live Live // nil: nothing is known beyond the snapshot
	now  time.Time
	lately
	sieve sieve
}

// may reports whether a candidate may be shown: it can be bought, the customer
// has not just bought it, and the filters let it pass.
func (e *eligibility) may(c snapshot.Candidate) bool {
	it, told := e.current(c.Item)
	if !told && !e.v.stocked(c.Item) || told && !it.InStock {
		return false
	}
	return e.wanted(c) && e.sieve.pass(c.Item, it, told)
}

// current is an item with what was told of it since; told is false where nothing was.
// The caller must not change it.
func (e *eligibility) current(item int32) (it *snapshot.Item, told bool) {
	it = e.v.snap.ItemAt(item)
	if e.live == nil || !e.v.wasTold(item) {
		return it, false
	}
	u, ok := e.live.Item(it.ID)
	if !ok || !u.holds(it.From) {
		return it, false
	}
	now := u.over(*it, e.v.asOf, e.now)
	return &now, true
}

// holds reports whether any word of the update is later than a row of the snapshot.
func (u ItemUpdate) holds(from int64) bool {
	return u.InStock.holds(from) || u.Price.holds(from) || u.AvailableFrom.holds(from)
}

// holds reports whether there is a word and it is later than a row of the snapshot.
func (w *Word[T]) holds(from int64) bool {
	return w != nil && (from == snapshot.Undated || w.At.UnixMicro() > from)
}

// over returns the item with the update's word where it has one that holds. The snapshot
// counts an item that is not yet to be had as out of stock: where another day is
// told, that one decides.
func (u ItemUpdate) over(it snapshot.Item, asOf, now time.Time) snapshot.Item {
	if u.Price.holds(it.From) {
		it.Price = u.Price.Value
	}
	if u.AvailableFrom.holds(it.From) {
		it.InStock = it.InStock || it.AvailableFrom != snapshot.Undated && it.AvailableFrom > asOf.UnixMicro()
		it.AvailableFrom = u.AvailableFrom.Value.UnixMicro()
	}
	if u.InStock.holds(it.From) {
		it.InStock = u.InStock.Value
	}
	it.InStock = it.InStock && (it.AvailableFrom == snapshot.Undated || it.AvailableFrom <= now.UnixMicro())
	return it
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

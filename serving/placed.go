package serving

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"slices"

	"regulars/models/snapshot"
	"regulars/serving/filter"
	"regulars/serving/placement"
)

// Strategies that placements add.
const (
	Pinned   = "pinned"   // the shop wants the item there
	Explored = "explored" // too little is known of the item yet
)

// Counts says how often items were shown and clicked. It is asked by requests,
// concurrently; it answers from memory.
type Counts interface {
	Counts(itemID string) (impressions, clicks int64)
}

// triedFrom is how many of the picks behind a list may be explored, beside those
// of the list by novelty.
const triedFrom = 100

// novelty is the list of what is like the customer's purchases, whether or not
// anybody ever bought it: of all that may be shown, least is known of that, and no
// other list holds it.
const novelty = "content"

// What of a placement may not hold besides rules, because the snapshot lacks what
// it asks for.
const (
	relaxedStrategy = "strategy" // the shop's own choice is listed
	relaxedArm      = "arm"      // the first arm that the snapshot can answer stands in
	relaxedFilter   = "filter"   // no arm's filter can be asked, so that nothing passes
)

// follow takes what the placement says to a visitor and the request does not.
// That the snapshot lacks a field is no fault of the request, so it is no error;
// nor is it a reason to show what a filter was to keep out.
func (m *making) follow(p *placement.Placement, visitor string) error {
	plan, f, err := m.planOf(p, p.Assign(visitor))
	var lacking *filter.Error
	switch {
	case errors.As(err, &lacking):
		m.sieve.closed, m.relaxed = true, append(m.relaxed, relaxedFilter)
	case err != nil:
		return err
	case plan != p.Assign(visitor):
		m.relaxed = append(m.relaxed, relaxedArm)
	}
	m.plan, m.k = plan, cmp.Or(m.k, plan.K, DefaultK)
	m.sieve.add(f)
	if len(plan.Rules) == 0 && plan.Explore == 0 {
		return nil
	}
	m.need = placement.NewNeed(plan.Rules, m.k)
	if n := named(m.v.snap.Info().Lists, novelty); plan.Explore > 0 && n >= 0 {
		if m.novel, err = m.v.listFor(m.who, n); err != nil {
			return err
		}
	}
	return m.rules(plan)
}

// planOf returns the plan to list by and its filter: the assigned one, or else the
// first of the placement whose filter the snapshot has the fields for. Where it
// has them for none, the assigned one comes with a *filter.Error.
func (m *making) planOf(p *placement.Placement, assigned *placement.Plan) (*placement.Plan, *compiled, error) {
	f, err := m.filter(assigned.Filter)
	var lacking *filter.Error
	if !errors.As(err, &lacking) {
		return assigned, f, err
	}
	plans := p.Plans()
	for i := range plans {
		if f, err := m.filter(plans[i].Filter); err == nil {
			return &plans[i], f, nil
		}
	}
	return assigned, nil, err
}

// rules takes the filters of a plan's rules. Rules only order what may be shown,
// so that one whose filter cannot be asked is passed over and said to be.
func (m *making) rules(plan *placement.Plan) (err error) {
	m.about = make([]*compiled, len(plan.Rules))
	for i, r := range plan.Rules {
		var lacking *filter.Error
		m.about[i], err = m.filter(r.Filter())
		if errors.As(err, &lacking) {
			m.relaxed = append(m.relaxed, r.Kind())
		} else if err != nil {
			return err
		}
	}
	return nil
}

// Misfits says what of a plan the snapshot in use cannot answer: its filter, which
// also must let an item through, a rule's, an item to pin or its strategy. None
// without a snapshot.
func (s *Store) Misfits(plan *placement.Plan) (misfits []error) {
	v, err := s.acquire()
	if err != nil {
		return nil
	}
	defer v.release()
	if f, err := v.filter(plan.Filter); err != nil {
		misfits = append(misfits, fmt.Errorf("filter: %w", err))
	} else if f != nil && s.barren(v, f) {
		misfits = append(misfits, fmt.Errorf("filter: no item of the catalogue passes %s: what is not known of items passes no comparison", plan.Filter))
	}
	for i, r := range plan.Rules {
		if _, ok := v.snap.LookupItem(r.Pin); r.Pin != "" && !ok {
			misfits = append(misfits, fmt.Errorf("rules[%d].pin: item %q is not in the catalogue", i, r.Pin))
		}
		if _, err := v.filter(r.Filter()); err != nil {
			misfits = append(misfits, fmt.Errorf("rules[%d].%s: %w", i, r.Kind(), err))
		}
	}
	if _, err := v.chosenFor(subject{}, plan.Strategy); err != nil && !v.isItemStrategy(plan.Strategy) {
		misfits = append(misfits, err)
	}
	return misfits
}

// barren reports whether no item, as far as told by now, passes what a filter asks
// of items alone.
func (s *Store) barren(v *view, f *compiled) bool {
	e := eligibility{v: v, live: s.opts.Live, now: s.opts.Now()}
	e.sieve.about(v, nil, nil, e.now)
	for i := range int32(v.snap.Items()) {
		it, told := e.current(i)
		e.sieve.item.Item = *it
		if f.itemPasses(i, told, &e.sieve.rows) {
			return false
		}
	}
	return true
}

// strategy is the one to list by: that of the request, or else of the placement.
// One that the placement names and the snapshot does not have is passed over and
// said to be, so that a new snapshot does not empty a page.
func (m *making) strategy(a Ask, known func(string) bool) string {
	if a.Strategy != "" || m.plan == nil || m.plan.Strategy == "" {
		return a.Strategy
	}
	if !known(m.plan.Strategy) {
		m.relaxed = append(m.relaxed, relaxedStrategy)
		return ""
	}
	return m.plan.Strategy
}

func (v *view) isStrategy(name string) bool {
	_, err := v.chosenFor(subject{}, name)
	return err == nil
}

func (v *view) isItemStrategy(name string) bool { return named(v.snap.Info().ItemLists, name) >= 0 }

// wants reports whether a list needs a further item, and counts it if so.
func (m *making) wants(item int32, score float32) bool {
	if m.need == nil {
		return true
	}
	p := m.placed(item, score)
	if !m.need.Wants(p) {
		return false
	}
	m.need.Add(p)
	m.items = append(m.items, p)
	return true
}

// placed is an item as the rules see it.
func (m *making) placed(item int32, score float32) placement.Item {
	it, told := m.current(item)
	p := placement.Item{Score: float64(score), Brand: it.Brand, Category: it.Category}
	for r, rule := range m.plan.Rules {
		if rule.Pin == it.ID && rule.Pin != "" || m.about[r] != nil && m.sieve.matches(m.about[r], item, it, told) {
			p.Match |= 1 << r
		}
	}
	return p
}

// pins picks what is pinned and may be shown, and was not picked.
func (m *making) pins() {
	for _, rule := range m.plan.Rules {
		if rule.Pin == "" {
			continue
		}
		i, ok := m.v.snap.LookupItem(rule.Pin)
		if !ok || m.taken.has(i) || !m.may(snapshot.Candidate{Item: i}) {
			continue
		}
		score := float32(0)
		if n := len(m.picks); n > 0 {
			score = min(score, m.picks[n-1].score)
		}
		m.taken.add(i)
		m.picks = append(m.picks, pick{Candidate: snapshot.Candidate{Item: i}, score: score, pinned: true})
		m.items = append(m.items, m.placed(i, score))
	}
}

// arrange makes the list of the picks by the rules of the plan, and gives slots
// to what is to be explored.
func (m *making) arrange(a Ask) (items []Item, fallback bool) {
	m.pins()
	slots, relaxed := placement.Arrange(m.plan.Rules, m.k, m.items)
	m.relaxed = append(m.relaxed, relaxed...)
	items, fallback = make([]Item, len(slots)), true
	probes := m.explore(a.ID, slots)
	for i, s := range slots {
		p := m.picks[s.Index]
		if probes != nil && probes[i].Explored {
			p, s.Rules = m.picks[probes[i].Index], nil
		}
		p.pinned = slices.Contains(s.Rules, placement.Pin)
		items[i] = m.item(p)
		fallback = fallback && !(p.asked && items[i].chosen())
		items[i].Score, items[i].Rules = float32(s.Score), s.Rules
		if probes == nil {
			continue
		}
		if items[i].Propensity = probes[i].Propensity; probes[i].Explored {
			items[i].Strategy = Explored
		}
	}
	return items, fallback
}

// explore decides which slots go to picks behind the list; nil where none may.
func (m *making) explore(seed string, slots []placement.Slot) []placement.Probe {
	if m.plan.Explore == 0 {
		return nil
	}
	listed := make([]bool, len(m.picks))
	for _, s := range slots {
		listed[s.Index] = true
	}
	var trials []placement.Trial
	try := func(from, most int) {
		for i := from; i < len(m.picks) && len(trials) < most; i++ {
			if (i >= len(listed) || !listed[i]) && !m.picks[i].pinned && !m.buried(i) {
				trials = append(trials, m.trial(i))
			}
		}
	}
	try(0, triedFrom)
	try(m.pickNovel(), math.MaxInt)
	list := make([]placement.Item, len(slots)) // as far as is decided
	for i, s := range slots {
		list[i] = m.items[s.Index]
	}
	decided := 0
	return placement.Explore(m.plan.Explore, seed, len(slots), trials,
		func(s int) bool { return !slots[s].Held },
		func(before []placement.Probe, t placement.Trial) bool {
			for ; decided < len(before); decided++ {
				if p := before[decided]; p.Explored {
					list[decided] = m.items[p.Index]
				}
			}
			return m.leavesRoom(list, decided, m.items[t.Index])
		})
}

// pickNovel picks what of the list by novelty may be shown and was not picked, and
// returns the place of the first of them.
func (m *making) pickNovel() int {
	first := len(m.picks)
	for _, c := range m.novel {
		if !m.ignored[c.Item] && m.may(c) && m.taken.add(c.Item) {
			m.picks = append(m.picks, pick{Candidate: c, why: m.v.why})
			m.items = append(m.items, m.placed(c.Item, 0))
		}
	}
	return first
}

func (m *making) trial(pick int) placement.Trial {
	t := placement.Trial{Index: pick}
	if m.counts != nil {
		t.Impressions, t.Clicks = m.counts.Counts(m.v.snap.ItemAt(m.picks[pick].Item).ID)
	}
	return t
}

func (m *making) buried(pick int) bool {
	for r, rule := range m.plan.Rules {
		if rule.Bury != "" && m.items[pick].Match&(1<<r) != 0 {
			return true
		}
	}
	return false
}

// leavesRoom reports whether an item may stand in a slot of a list without there
// being too many of its brand or category, or too few of what is reserved.
func (m *making) leavesRoom(list []placement.Item, slot int, it placement.Item) bool {
	was := list[slot]
	list[slot] = it
	defer func() { list[slot] = was }()
	for n, r := range m.plan.Rules {
		if r.Exceeded(it, list) || r.Encroached(n, was, list) {
			return false
		}
	}
	return true
}

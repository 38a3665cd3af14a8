package training

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"regulars/features/matrix"
	"regulars/models"
	"regulars/models/blend"
	"regulars/models/repeat"
	"regulars/models/snapshot"
	"regulars/training/metrics"
)

// A lister makes a list of a customer, or of an item, by one model.
type lister struct {
	*champion
	role     string
	strategy uint8          // of what it chooses
	sources  []uint8        // strategies of a blend's sources
	history  *matrix.Events // of all customers, by the model's items; nil where lists are not made from it
	toItem   []int32        // item of the model → catalogue number
	hidden   []int32        // items of the model out of stock, ascending
	fresh    bool           // only what a customer never bought
}

// A listed is one item of a list, by the model's number.
type listed struct {
	item   int32
	score  float32
	source int // of a blend; else 0
}

// kindsOf says which lists there are beside the main one, and what else they are
// called: names by purpose stay, whichever family does it best.
var kindsOf = []struct {
	role   string
	also   []string
	shared bool
}{
	{RoleRepeat, []string{"again"}, false},
	{RoleDiscovery, []string{"discovery", "similar"}, false},
	{RoleContent, nil, false},
	{RoleTogether, []string{"together"}, false},
	{RoleTrending, nil, true},
}

// cast makes the listers of all roles that have a champion.
func (s *scoring) cast() error {
	s.strategy(kindPopular)
	var err error
	if s.main, err = s.lister(RoleRecommender); err != nil {
		return err
	}
	for _, k := range kindsOf {
		l, err := s.lister(k.role)
		if err != nil {
			return err
		}
		if l != nil {
			s.addList(l, k.also, k.shared)
		}
	}
	s.castByGroup()
	for _, role := range []string{RoleSimilar, RoleTogether} {
		l, err := s.lister(role)
		if err != nil {
			return err
		}
		if l == nil || len(s.itemKinds) > 0 && s.itemKinds[0].Strategy == l.kind {
			continue
		}
		s.itemLists = append(s.itemLists, l)
		s.itemKinds = append(s.itemKinds, snapshot.ListKind{Strategy: s.strategies[s.strategy(l.kind)], Role: role, Also: []string{role}})
	}
	return nil
}

// addList adds a list. Where one family does two things, one list goes by both
// names; that of a blend goes by its purpose, because the main one has its name.
func (s *scoring) addList(l *lister, also []string, shared bool) {
	name := l.kind
	if name == kindBlend {
		name, also = also[0], also[1:]
	}
	for i := range s.kinds {
		if s.kinds[i].Strategy == name {
			s.kinds[i].Also = append(slices.Clone(s.kinds[i].Also), also...)
			s.lists[i].fresh = s.lists[i].fresh || l.fresh
			return
		}
	}
	s.strategy(name)
	s.lists = append(s.lists, l)
	s.kinds = append(s.kinds, snapshot.ListKind{Strategy: name, Role: l.role, Also: also, Shared: shared})
}

// lister returns nil when nobody plays the role.
func (s *scoring) lister(role string) (*lister, error) {
	c := s.champions.recommenders[role]
	if c == nil {
		return nil, nil
	}
	l := s.newLister(c, role, s.strategy(c.kind))
	if b, ok := c.model.(*blend.Model); ok {
		for _, source := range b.Sources {
			l.sources = append(l.sources, s.strategy(labelOf(source)))
		}
	}
	var err error
	if l.history, err = reindex(s.bought, c.items); err != nil {
		return nil, err
	}
	return l, nil
}

// newLister returns a lister that knows nothing of customers yet.
func (s *scoring) newLister(c *champion, role string, strategy uint8) *lister {
	l := &lister{champion: c, role: role, strategy: strategy, fresh: role == RoleDiscovery || role == RoleContent}
	l.toItem = make([]int32, c.items.Len())
	for i, id := range c.items.IDs() {
		l.toItem[i], _ = s.catalogue.vocabulary.Lookup(id)
		if !s.catalogue.items[l.toItem[i]].InStock {
			l.hidden = append(l.hidden, int32(i))
		}
	}
	return l
}

// labelOf is the strategy that a source of a blend goes by.
func labelOf(source blend.Source) string {
	if kind := kindOf(source.Model); kind != "" {
		return kind
	}
	return source.Name
}

// listAll makes the lists of k items of the customers with these numbers, in
// their order; −1 is none.
func (p *Pipeline) listAll(ctx context.Context, s *scoring, l *lister, users []int32, k int) ([][]listed, error) {
	out := make([][]listed, len(users))
	if batch, ok := l.model.(models.BatchTopper); ok && (l.fresh || l.role == RoleRecommender) && len(l.hidden) <= 2*k {
		return out, l.batch(ctx, batch, s.now, users, k, p.workers(), out)
	}
	err := parallel(ctx, p.workers(), len(users), func() func(i int) error {
		dst := make([]float32, l.items.Len())
		return func(i int) (err error) {
			if users[i] >= 0 {
				out[i], err = l.list(l.history.History(int(users[i])), s.now, k, dst)
			}
			return err
		}
	})
	return out, err
}

// batch lists many customers at once: so many more than k that k are left when
// those out of stock are gone.
func (l *lister) batch(ctx context.Context, model models.BatchTopper, now int32, users []int32, k, workers int, out [][]listed) error {
	var at []int // in out, of those who have bought
	var asked []int32
	for i, u := range users {
		if u >= 0 {
			at, asked = append(at, i), append(asked, u)
		}
	}
	return model.TopK(ctx, l.history, asked, now, k+len(l.hidden), l.fresh, workers, func(_ int32, items []int32, scores []float32) error {
		var list []listed
		for i, it := range items {
			_, gone := slices.BinarySearch(l.hidden, it)
			if !gone && len(list) < k && l.says(scores[i]) {
				list = append(list, listed{item: it, score: scores[i]})
			}
		}
		out[at[0]], at = list, at[1:]
		return nil
	})
}

// list makes the list of one customer; dst is scratch of one number an item.
func (l *lister) list(h matrix.History, now int32, k int, dst []float32) ([]listed, error) {
	excluded := l.excluded(h)
	if b, ok := l.model.(*blend.Model); ok {
		return l.blended(b, h, now, k, excluded)
	}
	err := l.model.Score(h, now, dst)
	if errors.Is(err, models.ErrUnknown) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	if l.role == RoleRepeat {
		return l.again(h, now, k, dst), nil
	}
	var out []listed
	for _, it := range metrics.TopK(dst, k, excluded) {
		if l.says(dst[it]) {
			out = append(out, listed{item: it, score: dst[it]})
		}
	}
	return out, nil
}

// says reports whether a score says anything of an item. 0 is what families give
// to whatever they know nothing of; below it are the items that the main one knows and
// ranks last.
func (l *lister) says(score float32) bool {
	return score > 0 || score < 0 && l.role == RoleRecommender
}

func (l *lister) blended(b *blend.Model, h matrix.History, now int32, k int, excluded []int32) ([]listed, error) {
	ranked, err := b.Rank(h, now, k, excluded)
	if errors.Is(err, models.ErrUnknown) {
		return nil, nil
	}
	out := make([]listed, len(ranked))
	for i, r := range ranked {
		out[i] = listed{item: r.Item, score: r.Score, source: r.Source}
	}
	return out, err
}

// follows reports whether a list of new items is the main one of a blend without
// what the customer had: ranking twice would give the same.
func (l *lister) follows(main *lister) bool {
	return l.fresh && l.kind == kindBlend && l.champion == main.champion
}

// unbought takes a list of new items out of the main lists.
func (l *lister) unbought(users []int32, main [][]listed) [][]listed {
	out := make([][]listed, len(users))
	for i, u := range users {
		if u < 0 {
			continue
		}
		h := l.history.History(int(u))
		for _, x := range main[i] {
			if _, had := slices.BinarySearch(h.Item, x.item); !had && len(out[i]) < listItems {
				out[i] = append(out[i], x)
			}
		}
	}
	return out
}

// excluded are the items that are not listed, ascending: those out of stock, of
// a list of new items those bought before, and of what is bought together what
// the customer bought last.
func (l *lister) excluded(h matrix.History) []int32 {
	if !l.fresh && l.role != RoleTogether {
		return l.hidden
	}
	last := int32(-1 << 31)
	for _, d := range h.Day {
		last = max(last, d)
	}
	out := slices.Clone(l.hidden)
	for i, it := range h.Item {
		if l.fresh || h.Day[i] == last {
			out = append(out, it)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// again lists what the customer bought before and is due: an item whose cycle is
// not near its end, or puts it below what strangers are shown, waits for its day.
func (l *lister) again(h matrix.History, now int32, k int, scores []float32) []listed {
	items, _ := h.Sum()
	m, timed := l.model.(*repeat.Model)
	var waiting []int32
	if timed {
		waiting = m.Waiting(h, now)
	}
	var out []listed
	for _, it := range metrics.TopKOf(scores, len(items), items) {
		_, gone := slices.BinarySearch(l.hidden, it)
		if timed && !gone {
			_, gone = slices.BinarySearch(waiting, it)
			gone = gone || float64(scores[it]) <= *m.Options.Prior*float64(m.Share[it])
		}
		if !gone && len(out) < k {
			out = append(out, listed{item: it, score: scores[it]})
		}
	}
	return out
}

// rising lists, for everybody, the items in stock that sell more than before.
func (s *scoring) rising(l *lister) ([]snapshot.Candidate, error) {
	dst := make([]float32, l.items.Len())
	if err := l.model.Score(matrix.History{}, s.now, dst); err != nil {
		return nil, fmt.Errorf("ranking rising items: %w", err)
	}
	var out []snapshot.Candidate
	for _, it := range metrics.TopK(dst, trendItems, l.hidden) {
		if dst[it] > 1 {
			out = append(out, snapshot.Candidate{Item: l.toItem[it], Score: dst[it], Strategy: l.strategy, Reason: snapshot.Reason{Kind: models.ReasonTrending}})
		}
	}
	return out, nil
}

// neighbours lists the items in stock that go with an item; dst is scratch.
func (s *scoring) neighbours(l *lister, item int32, k int, dst []float32) ([]snapshot.Candidate, error) {
	err := l.model.(models.Similar).Similar(item, dst) // as checked when it was opened
	if errors.Is(err, models.ErrUnknown) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	kind := models.ReasonBought
	if l.role == RoleTogether {
		kind = models.ReasonTogether
	}
	var out []snapshot.Candidate
	for _, it := range metrics.TopK(dst, k, []int32{item}) {
		if n := l.toItem[it]; dst[it] > 0 && s.catalogue.items[n].InStock {
			out = append(out, snapshot.Candidate{Item: n, Score: dst[it], Strategy: l.strategy, Reason: snapshot.Reason{Kind: kind, Of: l.toItem[item]}})
		}
	}
	return out, nil
}

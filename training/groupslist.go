package training

import (
	"context"
	"fmt"
	"math"
	"slices"

	"regulars/features/read"
	"regulars/models/popular"
	"regulars/models/snapshot"
	"regulars/training/metrics"
	"regulars/training/options"
)

// byGroup publishes what is popular in the groups of every grouping. Where the
// data know of fewer than two groups large enough, there is nothing to publish.
func (s *publisher) byGroup(ctx context.Context, ev *evaluated) error {
	recipe, err := s.defaultRecipe(kindGroups, s.tuned)
	if err != nil {
		return err
	}
	o, err := options.Run[popular.GroupOptions](kindGroups, recipe.options, s.Options.Seed, s.Options.Workers)
	if err != nil {
		return err
	}
	same, err := s.aliases()
	if err != nil {
		return err
	}
	for _, g := range groupings {
		s.step("refitting "+g.role, 0, 1)
		groupOf, err := g.groupOf(s.Pipeline, same)
		if err != nil {
			return err
		}
		m, err := fitByGroup(ctx, groupOf, ev.interactions, int32(s.Options.AsOf), o)
		if err != nil {
			return fmt.Errorf("fitting %s on everything before %s: %w", g.role, s.Options.AsOf, err)
		}
		if m != nil {
			err = s.store(g.role, kindGroups, kindGroups, options.Describe(o), nil, func(dir string) error {
				return saveRecommender(folder{dir: dir, what: g.role}, *m, ev.interactions.Items)
			})
		}
		if s.step("refitting "+g.role, 1, 1); err != nil {
			return err
		}
	}
	return nil
}

// fitByGroup returns nil where there are fewer than two groups large enough.
func fitByGroup(ctx context.Context, groupOf map[string]string, in *read.Interactions, now int32, o popular.GroupOptions) (*groupPopularity, error) {
	from := int32(math.MinInt32)
	if o.WindowDays > 0 {
		from = now - int32(min(o.WindowDays, int(now)))
	}
	names := largeGroups(groupOf, in, from, now)
	if len(names) == 0 {
		return nil, nil
	}
	group := make([]int32, in.Users.Len())
	for u, id := range in.Users.IDs() {
		group[u] = -1
		if n, ok := slices.BinarySearch(names, groupOf[id]); ok {
			group[u] = int32(n)
		}
	}
	m, err := popular.FitGroups(ctx, in.Events, now, group, len(names), o)
	if err != nil {
		return nil, err
	}
	return &groupPopularity{m.For(-1), names}, nil
}

// castByGroup adds the lists by group that have a champion.
func (s *scoring) castByGroup() {
	for _, g := range groupings {
		c := s.champions.recommenders[g.role]
		if c == nil {
			continue
		}
		l := s.newLister(c, g.role, s.strategy(g.role))
		s.lists = append(s.lists, l)
		s.kinds = append(s.kinds, snapshot.ListKind{Strategy: g.role, Role: g.role, Groups: c.model.(groupPopularity).Names}) // as checked when it was opened
	}
}

// joinGroups finds out to which group of each list by group customers belong.
func (p *Pipeline) joinGroups(s *scoring) error {
	s.groups = make([]map[string]int32, len(s.kinds))
	for _, g := range groupings {
		n := slices.IndexFunc(s.kinds, func(k snapshot.ListKind) bool { return k.Role == g.role })
		if n < 0 {
			continue
		}
		groupOf, err := g.groupOf(p, s.alias)
		if err != nil {
			return err
		}
		s.groups[n] = make(map[string]int32, len(groupOf))
		for id, name := range groupOf {
			if at, ok := slices.BinarySearch(s.kinds[n].Groups, name); ok {
				s.groups[n][id] = int32(at) + 1
			}
		}
	}
	return nil
}

// groupsOf are the groups of a customer by list, from 1; 0 = none, and nil where
// all are.
func (s *scoring) groupsOf(id string) []int32 {
	var out []int32
	for n, groups := range s.groups {
		if g := groups[id]; g > 0 {
			out = append(out, make([]int32, n+1-len(out))...)
			out[n] = g
		}
	}
	return out
}

// popularIn lists, for every group, the items in stock that somebody in it has
// bought lately.
func (s *scoring) popularIn(l *lister) ([][]snapshot.Candidate, error) {
	m := l.model.(groupPopularity)
	reason := groupings[slices.IndexFunc(groupings[:], func(g grouping) bool { return g.role == l.role })].reason
	out, dst := make([][]snapshot.Candidate, len(m.Names)), make([]float32, l.items.Len())
	for g, name := range m.Names {
		if err := m.Groups.ScoreGroup(int32(g), dst); err != nil {
			return nil, fmt.Errorf("ranking what is popular in the group %q: %w", name, err)
		}
		items, _ := m.Groups.Counts.Row(g)
		for _, it := range metrics.TopKOf(dst, len(items), items) {
			_, gone := slices.BinarySearch(l.hidden, it)
			if !gone && len(out[g]) < listItems {
				out[g] = append(out[g], snapshot.Candidate{Item: l.toItem[it], Score: dst[it], Strategy: l.strategy, Reason: snapshot.Reason{Kind: reason}})
			}
		}
	}
	return out, nil
}

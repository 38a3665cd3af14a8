package training

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"regulars/data"
	"regulars/features/matrix"
	"regulars/features/read"
	"regulars/models/popular"
	"regulars/models/snapshot"
	"regulars/training/metrics"
)

const (
	popularDays  = 60   // window of the popularity that fills lists
	popularItems = 1000 // kept, so that lists of 500 are full after exclusions
	listItems    = 50   // of a list beside the main one
	moreRanked   = 200  // places of the main list behind those kept, where another list is taken from it
	trendItems   = 200  // of the rising items that everybody shares
	scoreChunk   = 2048 // customers between two writes
)

// ScoreReport says what a snapshot holds.
type ScoreReport struct {
	Version   string            `json:"version"`
	Users     int               `json:"users"`
	Scored    int               `json:"scored"` // with a churn probability
	Items     int               `json:"items"`
	Models    map[string]string `json:"models"`
	Withdrawn []string          `json:"removed_snapshots,omitempty"`
}

// Score applies the champions to every customer as of the date and publishes a
// snapshot, which becomes the current one.
func (p *Pipeline) Score(ctx context.Context) (*Report, error) {
	if err := p.buildScoring(ctx); err != nil {
		return nil, err
	}
	return p.score(ctx)
}

// scoring is what the customers are scored with.
type scoring struct {
	champions  *champions
	catalogue  *catalogue
	customers  *matrix.Vocabulary
	bought     *read.Interactions
	main       *lister
	lists      []*lister // beside the main one, as in kinds
	kinds      []snapshot.ListKind
	itemLists  []*lister
	itemKinds  []snapshot.ListKind
	strategies []string                 // by number
	goesWith   [][][]snapshot.Candidate // by item: its lists, as in itemKinds; nil = none
	scores     map[string]*snapshot.Scores
	features   []snapshot.Feature // that reasons are about
	groups     []map[string]int32 // by list: the group of each customer, from 1; nil = it is not by group
	alias      map[string]string  // other ids of a customer → the id that stands for all
	profiles   *profiles
	now        int32
}

// people returns the ids of all customers, each by the one that stands for all of theirs.
func (s *scoring) people(ids []string) *matrix.Vocabulary {
	for i, id := range ids {
		ids[i] = person(s.alias, id)
	}
	return matrix.NewVocabulary(ids)
}

// strategy returns the number of a strategy, which it adds if need be.
func (s *scoring) strategy(name string) uint8 {
	if i := slices.Index(s.strategies, name); i >= 0 {
		return uint8(i)
	}
	s.strategies = append(s.strategies, name)
	return uint8(len(s.strategies) - 1)
}

func (p *Pipeline) score(ctx context.Context) (*Report, error) {
	s, err := p.prepareScoring(ctx)
	if err != nil {
		return nil, err
	}
	registered, err := p.registered()
	if err != nil {
		return nil, err
	}
	users := s.people(slices.Concat(registered, s.customers.IDs(), slices.Collect(maps.Keys(s.alias))))
	info := snapshot.Info{CreatedAt: p.Now().UTC().Format(time.RFC3339), AsOf: p.Options.AsOf.Time().Format(time.RFC3339),
		Models: s.champions.versions, Recommender: RoleRecommender, HorizonDays: s.champions.churnMade.HorizonDays,
		Currency: p.Options.Currency, Strategies: s.strategies, Main: s.main.kind, Lists: s.kinds, ItemLists: s.itemKinds,
		ItemFields: s.catalogue.fields, UserFields: s.profiles.fields}
	if len(s.itemLists) > 0 {
		info.Similar = s.itemLists[0].role
	}
	scored := 0
	if s.champions.churn != nil {
		scored = len(s.scores)
		s.describeChurn(&info)
	}
	if s.champions.outlook != nil {
		s.describeOutlook(&info)
		info.HorizonDays = cmp.Or(info.HorizonDays, s.champions.outlookMade.HorizonDays)
	}
	version, err := snapshot.Publish(p.snapshotRoot(), p.FS, info, func(w *snapshot.Writer) error { return p.fill(ctx, s, users, w) })
	if err != nil {
		return nil, err
	}
	if err := snapshot.SetCurrent(p.snapshotRoot(), p.FS, version); err != nil {
		return nil, err
	}
	removed, err := snapshot.Prune(p.snapshotRoot(), p.FS, p.Options.KeepSnapshots)
	if err != nil {
		return nil, err
	}
	return &Report{AsOf: p.Options.AsOf.String(), Notes: s.champions.notes, Snapshot: &ScoreReport{Version: version,
		Users: users.Len(), Scored: scored, Items: len(s.catalogue.items), Models: info.Models, Withdrawn: removed}}, nil
}

func (p *Pipeline) prepareScoring(ctx context.Context) (*scoring, error) {
	c, err := p.openChampions()
	if err != nil {
		return nil, err
	}
	bought, err := read.Purchases(p.featureRoot(), p.Options.AsOf)
	if err != nil {
		return nil, err
	}
	ids := [][]string{bought.Items.IDs()}
	for _, r := range Roles() {
		if champion := c.recommenders[r]; champion != nil {
			ids = append(ids, champion.items.IDs())
		}
	}
	cat, err := p.catalogueAt(slices.Concat(ids...))
	if err != nil {
		return nil, err
	}
	s := &scoring{champions: c, catalogue: cat, customers: bought.Users, bought: bought, now: int32(p.Options.AsOf)}
	if err := s.cast(); err != nil {
		return nil, err
	}
	if s.alias, err = p.aliases(); err != nil {
		return nil, err
	}
	if s.profiles, err = p.profiles(s.alias); err != nil {
		return nil, err
	}
	if err := p.joinGroups(s); err != nil {
		return nil, err
	}
	return s, p.scoreCustomers(ctx, s)
}

// aliases returns the ids that are known, at as_of, to be another customer's:
// whoever asks by one of them is answered as that customer.
func (p *Pipeline) aliases() (map[string]string, error) {
	same, err := Identities(p.Lake, p.Workspace, []data.Day{p.Options.AsOf})
	if err != nil {
		return nil, err
	}
	out := map[string]string{}
	for _, i := range same[p.Options.AsOf] {
		out[i.From] = i.To
	}
	return out, nil
}

// reindex returns the interactions by the items of another vocabulary; items
// that it does not know drop out.
func reindex(in *read.Interactions, items *matrix.Vocabulary) (*matrix.Events, error) {
	list := make([]matrix.Event, 0, in.Events.Len())
	to := make([]int32, in.Items.Len())
	for i, id := range in.Items.IDs() {
		n, ok := items.Lookup(id)
		if !ok {
			n = -1
		}
		to[i] = n
	}
	for u := range in.Events.Users {
		h := in.Events.History(u)
		for i, it := range h.Item {
			if to[it] >= 0 {
				list = append(list, matrix.Event{User: int32(u), Item: to[it], Day: h.Day[i], Weight: h.Weight[i]})
			}
		}
	}
	return matrix.NewEvents(in.Events.Users, items.Len(), list)
}

// fill writes the snapshot: catalogue, popular items, neighbours, customers.
func (p *Pipeline) fill(ctx context.Context, s *scoring, users *matrix.Vocabulary, w *snapshot.Writer) error {
	if err := w.Items(s.catalogue.items); err != nil {
		return err
	}
	list, err := p.popularList(ctx, s)
	if err != nil {
		return err
	}
	if err := w.Popular(list); err != nil {
		return err
	}
	if err := s.fillFactors(w); err != nil {
		return err
	}
	if err := p.fillShared(s, w); err != nil {
		return err
	}
	if err := p.fillSimilar(ctx, s, w); err != nil {
		return err
	}
	if err := p.fillUsers(ctx, s, users, w); err != nil {
		return err
	}
	return w.Attach(scoresFile, s.saveScores)
}

// popularList ranks the catalogue's items in stock by recent popularity.
func (p *Pipeline) popularList(ctx context.Context, s *scoring) ([]snapshot.Candidate, error) {
	m, err := popular.Fit(ctx, s.bought.Events, s.now, popular.Options{WindowDays: popularDays})
	if err != nil {
		return nil, fmt.Errorf("ranking popular items: %w", err)
	}
	var out []snapshot.Candidate
	for _, it := range metrics.TopK(m.Scores, len(m.Scores), nil) {
		n, _ := s.catalogue.vocabulary.Lookup(s.bought.Items.ID(it))
		if s.catalogue.items[n].InStock {
			out = append(out, snapshot.Candidate{Item: n, Score: m.Scores[it], Strategy: s.strategy(kindPopular)})
		}
		if len(out) == popularItems {
			break
		}
	}
	return out, nil
}

// fillShared writes the lists that many customers share.
func (p *Pipeline) fillShared(s *scoring, w *snapshot.Writer) error {
	for n, l := range s.lists {
		switch {
		case s.kinds[n].Shared:
			list, err := s.rising(l)
			if err != nil {
				return err
			}
			if err := w.Shared(n, list); err != nil {
				return err
			}
		case s.groups[n] != nil:
			lists, err := s.popularIn(l)
			if err != nil {
				return err
			}
			if err := w.Grouped(n, lists); err != nil {
				return err
			}
		}
	}
	return nil
}

// own reports whether every customer has a list numbered n of their own.
func (s *scoring) own(n int) bool { return !s.kinds[n].Shared && s.groups[n] == nil }

// person is the id that stands for all of a customer; same are the ids that are
// another customer's.
func person(same map[string]string, id string) string { return cmp.Or(same[id], id) }

// fillSimilar writes what goes with each item, by every list of items.
func (p *Pipeline) fillSimilar(ctx context.Context, s *scoring, w *snapshot.Writer) error {
	all := make([][][]snapshot.Candidate, len(s.catalogue.items))
	for i := range all {
		all[i] = make([][]snapshot.Candidate, len(s.itemLists))
	}
	for n, l := range s.itemLists {
		err := parallel(ctx, p.workers(), l.items.Len(), func() func(i int) error {
			dst := make([]float32, l.items.Len())
			return func(i int) error {
				list, err := s.neighbours(l, int32(i), p.Options.SimilarItems, dst)
				all[l.toItem[i]][n] = list
				return err
			}
		})
		if err != nil {
			return fmt.Errorf("finding items that go together (%s): %w", l.role, err)
		}
	}
	s.goesWith = make([][][]snapshot.Candidate, len(all))
	for i, lists := range all {
		if !slices.ContainsFunc(lists, func(l []snapshot.Candidate) bool { return len(l) > 0 }) {
			continue
		}
		s.goesWith[i] = lists
		if err := w.Similar(int32(i), lists...); err != nil {
			return err
		}
	}
	return nil
}

func (p *Pipeline) fillUsers(ctx context.Context, s *scoring, users *matrix.Vocabulary, w *snapshot.Writer) error {
	for from := 0; from < users.Len(); from += scoreChunk {
		p.step("scoring customers", from, users.Len())
		chunk := users.IDs()[from:min(from+scoreChunk, users.Len())]
		out, err := p.scoreChunk(ctx, s, chunk)
		if err != nil {
			return fmt.Errorf("scoring customers: %w", err)
		}
		for i, id := range chunk {
			if err := w.User(id, out[i]); err != nil {
				return err
			}
		}
	}
	p.step("scoring customers", users.Len(), users.Len())
	for id, person := range s.alias {
		if err := w.Alias(id, person); err != nil {
			return err
		}
	}
	return nil
}

// scoreChunk makes the lists of some customers, model by model, and then says
// why each item is there.
func (p *Pipeline) scoreChunk(ctx context.Context, s *scoring, ids []string) ([]snapshot.User, error) {
	numbers := make([]int32, len(ids))
	for i, id := range ids {
		var bought bool
		if numbers[i], bought = s.customers.Lookup(id); !bought {
			numbers[i] = -1
		}
	}
	k := p.Options.Candidates
	if slices.ContainsFunc(s.lists, func(l *lister) bool { return l.follows(s.main) }) {
		k += moreRanked
	}
	main, err := p.listAll(ctx, s, s.main, numbers, k)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", s.main.role, err)
	}
	lists := make([][][]listed, len(s.lists))
	for n, l := range s.lists {
		if !s.own(n) {
			continue
		}
		if l.follows(s.main) {
			lists[n] = l.unbought(numbers, main)
			continue
		}
		if lists[n], err = p.listAll(ctx, s, l, numbers, listItems); err != nil {
			return nil, fmt.Errorf("%s: %w", l.role, err)
		}
	}
	out := make([]snapshot.User, len(ids))
	err = parallel(ctx, p.workers(), len(ids), func() func(i int) error {
		return func(i int) error {
			if numbers[i] < 0 {
				out[i] = s.described(ids[i], -1, snapshot.User{Scores: &snapshot.Scores{Note: "registered, but has not ordered yet"}})
				return nil
			}
			out[i] = s.described(ids[i], numbers[i], s.user(int(numbers[i])))
			e := &explanation{scoring: s, bought: out[i].Bought}
			out[i].Candidates = e.candidates(s.main, numbers[i], main[i][:min(len(main[i]), p.Options.Candidates)])
			for n, l := range s.lists {
				var list []snapshot.Candidate
				if s.own(n) {
					list = e.candidates(l, numbers[i], lists[n][i])
				}
				out[i].Lists = append(out[i].Lists, list)
			}
			return nil
		}
	})
	return out, err
}

// user is what is known of a customer but for the lists.
func (s *scoring) user(u int) snapshot.User {
	out := snapshot.User{Scores: s.scores[s.customers.ID(int32(u))], Bought: s.boughtItems(u)}
	if out.Scores == nil {
		out.Scores = &snapshot.Scores{Note: s.champions.churnNote}
	}
	return out
}

// described adds who a customer is; u is below 0 where they have not bought.
func (s *scoring) described(id string, u int32, out snapshot.User) snapshot.User {
	out.Groups = s.groupsOf(id)
	out.Profile, out.Aliases = s.profiles.of(id, s.ordersOf(u, out.Scores)), s.profiles.aliases[id]
	return out
}

func (s *scoring) boughtItems(u int) []int32 {
	items, _ := s.bought.Events.History(u).Sum()
	out := make([]int32, len(items))
	for i, it := range items {
		out[i], _ = s.catalogue.vocabulary.Lookup(s.bought.Items.ID(it))
	}
	slices.Sort(out)
	return out
}

package training

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"regulars/data"
	"regulars/features/matrix"
	"regulars/features/read"
	"regulars/models"
	"regulars/models/popular"
	"regulars/models/snapshot"
	"regulars/training/metrics"
)

// Roles under which models are published.
const (
	RoleRecommender = "recommender" // the list of a customer
	RoleSimilar     = "similar"     // which items go with an item
	RoleChurn       = "churn"       // no order within the horizon
)

// Strategies that label recommended items.
const (
	strategyPopular uint8 = iota
	strategyPersonal
	strategyIALS
)

var strategyNames = []string{"popular", "personal", "ials"}

const (
	popularDays  = 60   // window of the popularity that fills lists
	popularItems = 1000 // kept, so that lists of 500 are full after exclusions
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
	champions *champions
	catalogue *catalogue
	history   *matrix.Events     // of all customers, by the recommender's items
	customers *matrix.Vocabulary // of history
	toItem    []int32            // recommender item → catalogue number
	hidden    []int32            // recommender items out of stock, ascending
	bought    *read.Interactions
	scores    map[string]*snapshot.Scores
	alias     map[string]string // other ids of a customer → the id that stands for all
	now       int32
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
	users := matrix.NewVocabulary(slices.Concat(registered, s.customers.IDs(), slices.Collect(maps.Keys(s.alias))))
	info := snapshot.Info{CreatedAt: p.Now().UTC().Format(time.RFC3339), AsOf: p.Options.AsOf.Time().Format(time.RFC3339),
		Models: s.champions.versions, Recommender: RoleRecommender, Similar: s.champions.similarRole(), HorizonDays: s.champions.horizonDays,
		Currency: p.Options.Currency, Strategies: strategyNames}
	if s.champions.churn != nil {
		info.Propensity = RoleChurn
	}
	scored := 0
	if s.champions.churn != nil {
		scored = len(s.scores)
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
	cat, err := p.catalogueAt(slices.Concat(bought.Items.IDs(), c.items.IDs()))
	if err != nil {
		return nil, err
	}
	s := &scoring{champions: c, catalogue: cat, customers: bought.Users, bought: bought, now: int32(p.Options.AsOf)}
	if s.history, err = reindex(bought, c.items); err != nil {
		return nil, err
	}
	s.toItem = make([]int32, c.items.Len())
	for i, id := range c.items.IDs() {
		s.toItem[i], _ = cat.vocabulary.Lookup(id)
		if !cat.items[s.toItem[i]].InStock {
			s.hidden = append(s.hidden, int32(i))
		}
	}
	if s.alias, err = p.aliases(); err != nil {
		return nil, err
	}
	s.scores, err = p.churnScores(c)
	return s, err
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
	if err := p.fillSimilar(ctx, s, w); err != nil {
		return err
	}
	if err := p.fillUsers(ctx, s, users, w); err != nil || s.champions.churn == nil {
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
			out = append(out, snapshot.Candidate{Item: n, Score: m.Scores[it], Strategy: strategyPopular})
		}
		if len(out) == popularItems {
			break
		}
	}
	return out, nil
}

func (p *Pipeline) fillSimilar(ctx context.Context, s *scoring, w *snapshot.Writer) error {
	c := s.champions
	if c.similar == nil {
		return nil
	}
	n := c.similarItems.Len()
	lists := make([][]snapshot.Candidate, n)
	err := parallel(ctx, p.workers(), n, func() func(i int) error {
		dst := make([]float32, n)
		return func(i int) (err error) {
			lists[i], err = p.neighbours(s, int32(i), dst)
			return err
		}
	})
	if err != nil {
		return fmt.Errorf("finding similar items: %w", err)
	}
	for i, list := range lists {
		if len(list) == 0 {
			continue
		}
		item, _ := s.catalogue.vocabulary.Lookup(c.similarItems.ID(int32(i)))
		if err := w.Similar(item, list); err != nil {
			return err
		}
	}
	return nil
}

func (p *Pipeline) neighbours(s *scoring, item int32, dst []float32) ([]snapshot.Candidate, error) {
	err := s.champions.similar.Similar(item, dst)
	if errors.Is(err, models.ErrUnknown) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var out []snapshot.Candidate
	for _, it := range metrics.TopK(dst, p.Options.SimilarItems, []int32{item}) {
		n, _ := s.catalogue.vocabulary.Lookup(s.champions.similarItems.ID(it))
		if dst[it] > 0 && s.catalogue.items[n].InStock {
			out = append(out, snapshot.Candidate{Item: n, Score: dst[it], Strategy: strategyIALS})
		}
	}
	return out, nil
}

func (p *Pipeline) fillUsers(ctx context.Context, s *scoring, users *matrix.Vocabulary, w *snapshot.Writer) error {
	out := make([]snapshot.User, scoreChunk)
	for from := 0; from < users.Len(); from += scoreChunk {
		p.step("scoring customers", from, users.Len())
		n := min(scoreChunk, users.Len()-from)
		err := parallel(ctx, p.workers(), n, func() func(i int) error {
			dst := make([]float32, s.champions.items.Len())
			return func(i int) (err error) {
				out[i], err = p.scoreUser(s, users.ID(int32(from+i)), dst)
				return err
			}
		})
		if err != nil {
			return fmt.Errorf("scoring customers: %w", err)
		}
		for i := range n {
			if err := w.User(users.ID(int32(from+i)), out[i]); err != nil {
				return err
			}
		}
	}
	p.step("scoring customers", users.Len(), users.Len())
	return nil
}

func (p *Pipeline) scoreUser(s *scoring, id string, dst []float32) (snapshot.User, error) {
	if customer, ok := s.alias[id]; ok {
		id = customer
	}
	u, bought := s.customers.Lookup(id)
	if !bought {
		return snapshot.User{Scores: &snapshot.Scores{Note: "registered, but has not ordered yet"}}, nil
	}
	out := snapshot.User{Scores: s.scores[id], Bought: s.boughtItems(int(u))}
	if out.Scores == nil {
		out.Scores = &snapshot.Scores{Note: s.champions.churnNote}
	}
	h := s.history.History(int(u))
	err := s.champions.recommender.Score(h, s.now, dst)
	if errors.Is(err, models.ErrUnknown) {
		return out, nil
	}
	if err != nil {
		return out, err
	}
	for _, it := range metrics.TopK(dst, p.Options.Candidates, s.hidden) {
		out.Candidates = append(out.Candidates, snapshot.Candidate{Item: s.toItem[it], Score: dst[it], Strategy: s.strategy(h, it)})
	}
	return out, nil
}

// strategy says what put an item on a list: for the personal model only what
// the customer bought is personal, the rest is its popularity prior.
func (s *scoring) strategy(h matrix.History, item int32) uint8 {
	switch s.champions.kind {
	case kindIALS:
		return strategyIALS
	case kindPersonal:
		if _, had := slices.BinarySearch(h.Item, item); had {
			return strategyPersonal
		}
	}
	return strategyPopular
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

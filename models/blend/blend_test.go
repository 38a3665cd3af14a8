package blend_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"

	"pgregory.net/rapid"

	"regulars/features/matrix"
	"regulars/models"
	"regulars/models/blend"
	"regulars/models/internal/kernel"
)

const (
	today = 120
	step  = 10 // days of a window
)

func newEvents(t testing.TB, users, items int, list []matrix.Event) *matrix.Events {
	t.Helper()
	ev, err := matrix.NewEvents(users, items, list)
	if err != nil {
		t.Fatal(err)
	}
	return ev
}

// mixedEvents is a shop of two kinds of customers. Even ones buy the same 12 things
// over and over; odd ones never buy a thing twice, but keep to one of four tastes.
// Personal counts serve the former alone, neighbours know what the latter like.
func mixedEvents() (*matrix.Events, error) {
	const users, items, tastes = 120, 240, 4
	rng := rand.New(rand.NewPCG(5, 6))
	var list []matrix.Event
	for u := range users {
		var pool []int
		for i := u / 2 % tastes; i < items; i += tastes {
			pool = append(pool, i)
		}
		rng.Shuffle(len(pool), func(a, b int) { pool[a], pool[b] = pool[b], pool[a] })
		for n, day := 0, 0; day < today+step; n, day = n+1, day+step {
			for j := range 4 {
				item := pool[(4*n+j)%len(pool)]
				if u%2 == 0 {
					item = pool[rng.IntN(12)]
				}
				list = append(list, matrix.Event{User: int32(u), Item: int32(item), Day: int32(day + rng.IntN(step)), Weight: 1})
			}
		}
	}
	return matrix.NewEvents(users, items, list)
}

// recall10 is the mean share of what was bought in [today, today+step) that the
// ten best of each customer hold.
func recall10(t *testing.T, ev *matrix.Events, m models.Recommender) float64 {
	t.Helper()
	dst, sum := make([]float32, ev.Items), 0.0
	for u := range ev.Users {
		if err := m.Score(ev.Before(today).History(u), today, dst); err != nil {
			t.Fatal(err)
		}
		later, _ := ev.Between(today, today+step).History(u).Sum()
		hits := 0
		for _, it := range kernel.TopK(dst, 10, nil, nil) {
			if slices.Contains(later, it) {
				hits++
			}
		}
		sum += float64(hits) / float64(len(later))
	}
	return sum / float64(ev.Users)
}

func fit(t testing.TB, in blend.Input, o blend.Options) *blend.Model {
	t.Helper()
	m, err := blend.Fit(t.Context(), in, today, o, nil)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// mixedModel is the blend of the shop of mixed, which several tests look at.
var mixedModel = sync.OnceValues(func() (*blend.Model, error) {
	ev, err := mixedEvents()
	if err != nil {
		return nil, err
	}
	in := blend.Input{Events: ev, Dated: true, Sources: three, Learners: learners}
	return blend.Fit(context.Background(), in, today, options(), nil)
})

func fitMixed(t testing.TB) *blend.Model {
	t.Helper()
	m, err := mixedModel()
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func mixed(t testing.TB) *matrix.Events {
	t.Helper()
	ev, err := mixedEvents()
	if err != nil {
		t.Fatal(err)
	}
	return ev
}

func options() blend.Options { return blend.Options{Days: step, Depth: 30, Seed: 3} }

// TestTwoPopulations: each source serves one half of the customers, so that only
// a blend can serve both.
func TestTwoPopulations(t *testing.T) {
	ev := mixed(t)
	m := fitMixed(t)
	if m.Outcome.List != blend.Blend || m.Outcome.Lists != ev.Users || m.Name(m.Outcome.List) != "blend" {
		t.Errorf("outcome %+v, want the blend to be chosen", m.Outcome)
	}
	blended := recall10(t, ev, m)
	for _, s := range m.Sources {
		if alone := recall10(t, ev, s.Model); blended < 1.3*alone {
			t.Errorf("the blend finds %.3f of what is bought, %s %.3f", blended, s.Name, alone)
		}
	}
	// Half buy a third of their 12 things, of which ten can be shown; the others
	// four of 60 less what they had, between which nothing tells apart.
	if blended < 0.5 {
		t.Errorf("the blend finds %.3f of what is bought", blended)
	}
}

// watched checks what sources are given and asked: nothing of a window's days.
func watched(t *testing.T, in blend.Input) blend.Input {
	inner := in.Sources
	in.Sources = func(ctx context.Context, ev *matrix.Events, now int32, p func(int, int)) ([]blend.Source, error) {
		sources, err := inner(ctx, ev.Before(now), now, p)
		for i := range sources {
			sources[i].Model = strict{sources[i].Model, t, now}
		}
		return sources, err
	}
	return in
}

type strict struct {
	models.Recommender
	t   *testing.T
	now int32
}

func (s strict) Score(h matrix.History, now int32, dst []float32) error {
	if now != s.now || slices.ContainsFunc(h.Day, func(d int32) bool { return d >= now }) {
		s.t.Errorf("a source of day %d is asked at %d about days %v", s.now, now, h.Day)
	}
	return s.Recommender.Score(h, now, dst)
}

func TestSourcesNeverSeeTheWindow(t *testing.T) {
	ev := mixed(t)
	var asked []int32
	in := watched(t, blend.Input{Events: ev, Dated: true, Sources: three, Learners: learners})
	inner := in.Sources
	in.Sources = func(ctx context.Context, ev *matrix.Events, now int32, p func(int, int)) ([]blend.Source, error) {
		asked = append(asked, now)
		return inner(ctx, ev, now, p)
	}
	fit(t, in, options())
	if want := []int32{today - 4*step, today - 3*step, today - 2*step, today - step, today}; !slices.Equal(asked, want) {
		t.Errorf("sources are fitted at %v, want %v", asked, want)
	}
}

// TestUndated: the items held out of a history are unknown to the sources, and
// everybody keeps some.
func TestUndated(t *testing.T) {
	ev := mixed(t).Before(today)
	for i := range ev.Day {
		ev.Day[i] = 0
	}
	smaller := 0
	in := blend.Input{Events: ev, Learners: learners, Sources: func(ctx context.Context, given *matrix.Events, now int32, p func(int, int)) ([]blend.Source, error) {
		for u := range ev.Users {
			all, _ := ev.History(u).Sum()
			some, _ := given.History(u).Sum()
			if len(some) == 0 || len(some) > len(all) {
				t.Errorf("user %d keeps %d of %d items", u, len(some), len(all))
			}
			if len(some) < len(all) {
				smaller++
			}
		}
		return three(ctx, given, now, p)
	}}
	m := fit(t, in, options())
	if m.Outcome.Lists < ev.Users/3 || m.Outcome.NewLists != m.Outcome.Lists || smaller < ev.Users*2/3 {
		t.Errorf("%d users lost items, outcome %+v", smaller, m.Outcome)
	}
}

// fake answers as it is told to.
type fake struct {
	items int
	score func(h matrix.History, now int32, dst []float32) error
}

func (f fake) Items() int { return f.items }
func (f fake) Score(h matrix.History, now int32, dst []float32) error {
	return f.score(h, now, dst)
}

func (f fake) Explain(matrix.History, int32, int32) (models.Reason, bool) {
	return models.Reason{Kind: models.ReasonBrand, Item: -1, Name: "fake"}, true
}

// fated is a shop in which what a customer buys in a window follows from who
// they are, their item below users, and the number of the window alone.
func fated(t testing.TB) (*matrix.Events, fake) {
	const users, items = 60, 200
	draw := func(user, window int) []int32 {
		rng := rand.New(rand.NewPCG(uint64(user), uint64(window)))
		return []int32{int32(users + rng.IntN(items-users)), int32(users + rng.IntN(items-users))}
	}
	var list []matrix.Event
	for u := range users {
		list = append(list, matrix.Event{User: int32(u), Item: int32(u), Weight: 1})
		for w := range today / step {
			for _, it := range draw(u, w) {
				list = append(list, matrix.Event{User: int32(u), Item: it, Day: int32(w * step), Weight: 1})
			}
		}
	}
	return newEvents(t, users, items, list), fake{items, func(h matrix.History, now int32, dst []float32) error {
		if len(h.Item) == 0 {
			return models.ErrUnknown
		}
		clear(dst)
		for i, it := range draw(int(h.Item[0]), int(now)/step) {
			dst[it] = float32(2 - i)
		}
		return nil
	}}
}

// with adds sources to three.
func with(more ...blend.Source) func(context.Context, *matrix.Events, int32, func(int, int)) ([]blend.Source, error) {
	return func(ctx context.Context, ev *matrix.Events, now int32, p func(int, int)) ([]blend.Source, error) {
		sources, err := three(ctx, ev, now, p)
		return append(sources, more...), err
	}
}

// TestFallsBack: against a source that is never wrong the blend cannot win; the
// list is that source's.
func TestFallsBack(t *testing.T) {
	ev, oracle := fated(t)
	m := fit(t, blend.Input{Events: ev, Dated: true, Sources: with(blend.Source{Name: "oracle", Model: oracle}), Learners: learners}, options())
	if m.Outcome.List != 3 || m.Outcome.New != 3 || m.Name(3) != "oracle" || m.Ranker != nil || len(m.Outcome.NDCG) != 5 || m.Outcome.NDCG[3] != 1 {
		t.Fatalf("outcome %+v, want the oracle to be chosen", m.Outcome)
	}
	got, want := make([]float32, ev.Items), make([]float32, ev.Items)
	for u := range ev.Users {
		h := ev.History(u)
		if err := errors.Join(m.Score(h, today, got), oracle.Score(h, today, want)); err != nil || !slices.Equal(got, want) {
			t.Fatalf("scores of user %d are not the oracle's (%v)", u, err)
		}
		best := kernel.TopK(want, 1, nil, nil)[0]
		if name, ok := m.Origin(h, today, best); !ok || name != "oracle" {
			t.Errorf("origin of the first item is %q", name)
		}
		if r, ok := m.Explain(h, today, best); !ok || r.Name != "fake" {
			t.Errorf("reason %+v is not the oracle's", r)
		}
	}
	if name, ok := m.Origin(ev.History(0), today, 199); ok != (name != "") {
		t.Errorf("origin %q, ok %v", name, ok)
	}
}

// against ranks the other way round than what it wraps.
type against struct{ blend.Ranker }

func (a against) Rank(x *matrix.Dense, dst []float64) error {
	err := a.Ranker.Rank(x, dst)
	for i := range dst {
		dst[i] = -dst[i]
	}
	return err
}

// TestLearnersCompete: of several learners the one whose ranker is best on the
// latest window makes the one that is published, wherever it stands; of equals
// the first.
func TestLearnersCompete(t *testing.T) {
	ev := mixed(t)
	wrong := func(ctx context.Context, x *matrix.Dense, y []bool, group []int32) (blend.Ranker, error) {
		r, err := fitRanker(ctx, x, y, group)
		return against{r}, err
	}
	nothing := func(context.Context, *matrix.Dense, []bool, []int32) (blend.Ranker, error) {
		return nil, models.ErrNoData
	}
	alone := fitMixed(t)
	for _, c := range []struct {
		learners []blend.Learner
		want     int
	}{{[]blend.Learner{fitRanker, wrong}, 0}, {[]blend.Learner{wrong, nothing, fitRanker}, 2}, {[]blend.Learner{nothing, fitRanker, fitRanker}, 1}} {
		m := fit(t, blend.Input{Events: ev, Dated: true, Sources: three, Learners: c.learners}, options())
		if m.Outcome.Learner != c.want || m.Outcome.List != blend.Blend || len(m.Outcome.NDCG) != 3+len(c.learners) {
			t.Errorf("outcome %+v, want learner %d", m.Outcome, c.want)
		}
		if !reflect.DeepEqual(m.Ranker, alone.Ranker) || m.Outcome.NDCG[3+c.want] != alone.Outcome.NDCG[3] {
			t.Errorf("with %d others the ranker is another one than alone", len(c.learners)-1)
		}
		for i := range c.learners {
			if m.Outcome.NDCG[3+i] > m.Outcome.NDCG[3+c.want] {
				t.Errorf("learner %d was chosen of %v", c.want, m.Outcome.NDCG)
			}
		}
	}
}

// TestSilentSources: sources that know nothing, or say the same of every item,
// change nothing.
func TestSilentSources(t *testing.T) {
	ev := mixed(t)
	silent := []blend.Source{
		{Name: "unknown", Model: fake{ev.Items, func(matrix.History, int32, []float32) error { return fmt.Errorf("who? %w", models.ErrUnknown) }}},
		{Name: "zero", Model: fake{ev.Items, func(_ matrix.History, _ int32, dst []float32) error { clear(dst); return nil }}},
		{Name: "absent"},
	}
	plain := fitMixed(t)
	more := fit(t, blend.Input{Events: ev, Dated: true, Sources: with(silent...), Learners: learners}, options())
	if more.Outcome.List != blend.Blend || math.Abs(more.Outcome.NDCG[6]-plain.Outcome.NDCG[3]) > 1e-9 || more.Outcome.NDCG[3] != 0 {
		t.Errorf("outcome %+v, without the silent ones %+v", more.Outcome, plain.Outcome)
	}
	for u := range 5 {
		a, err := plain.Rank(ev.Before(today).History(u), today, 20, nil)
		b, err2 := more.Rank(ev.Before(today).History(u), today, 20, nil)
		if err := errors.Join(err, err2); err != nil {
			t.Fatal(err)
		}
		for i := range a {
			if a[i].Item != b[i].Item || a[i].Source != b[i].Source {
				t.Fatalf("user %d, place %d: %+v, without the silent ones %+v", u, i, b[i], a[i])
			}
		}
	}
	all := func(context.Context, *matrix.Events, int32, func(int, int)) ([]blend.Source, error) {
		return silent[2:], nil
	}
	_, err := blend.Fit(t.Context(), blend.Input{Events: ev, Dated: true, Sources: all, Learners: learners}, today, options(), nil)
	if !errors.Is(err, models.ErrNoData) {
		t.Errorf("no source that has learned anything gives %v", err)
	}
	broken := with(blend.Source{Name: "broken", Model: fake{ev.Items, func(matrix.History, int32, []float32) error { return errors.New("on fire") }}})
	_, err = blend.Fit(t.Context(), blend.Input{Events: ev, Dated: true, Sources: broken, Learners: learners}, today, options(), nil)
	if err == nil || !strings.Contains(err.Error(), "broken: on fire") {
		t.Errorf("a source that fails gives %v", err)
	}
}

// TestLateSources: windows in which no source had learned anything teach nothing,
// and a source that is gone at last is not chosen.
func TestLateSources(t *testing.T) {
	ev, oracle := fated(t)
	in := blend.Input{Events: ev, Dated: true, Learners: learners, Sources: func(ctx context.Context, ev *matrix.Events, now int32, p func(int, int)) ([]blend.Source, error) {
		sources, err := with(blend.Source{Name: "oracle", Model: oracle})(ctx, ev, now, p)
		for i := range sources {
			if now < today-step || i == 3 && now == today {
				sources[i].Model = nil
			}
		}
		return sources, err
	}}
	m := fit(t, in, options())
	if m.Outcome.Lists != ev.Users/2 || m.Outcome.NDCG[3] != 1 || m.Outcome.List != 0 {
		t.Errorf("outcome %+v, want half of the users of one window, and the first source", m.Outcome)
	}
}

func TestWorkersDoNotMatter(t *testing.T) {
	ev := mixed(t)
	in := blend.Input{Events: ev, Dated: true, Sources: three, Learners: learners}
	var first *blend.Model
	for _, workers := range []int{1, 2, 7} {
		o := options()
		o.Workers, o.Negatives, o.Lists = workers, 20, 100
		m := fit(t, in, o)
		if first == nil {
			first = m
			continue
		}
		if !reflect.DeepEqual(m.Outcome, first.Outcome) || !reflect.DeepEqual(m.Ranker, first.Ranker) {
			t.Errorf("%d workers: outcome %+v and ranker %+v, with one %+v and %+v", workers, m.Outcome, m.Ranker, first.Outcome, first.Ranker)
		}
	}
	if first.Outcome.Lists != 100 {
		t.Errorf("%d customers are measured, want the 100 asked for", first.Outcome.Lists)
	}
}

func TestStoredParts(t *testing.T) {
	ev := mixed(t)
	m := fitMixed(t)
	back, err := blend.New(m.Options, m.Sources, m.Ranker, m.Catalogue, m.Outcome)
	if err != nil {
		t.Fatal(err)
	}
	a, b := make([]float32, ev.Items), make([]float32, ev.Items)
	for u := range ev.Users {
		if err := errors.Join(m.Score(ev.History(u), today+step, a), back.Score(ev.History(u), today+step, b)); err != nil || !slices.Equal(a, b) {
			t.Fatalf("user %d: stored parts give other scores (%v)", u, err)
		}
	}
	for want, spoil := range map[string]func(c *blend.Catalogue, o *blend.Outcome) []blend.Source{
		"has no ranker": func(_ *blend.Catalogue, o *blend.Outcome) []blend.Source { return m.Sources },
		"no items":      func(c *blend.Catalogue, o *blend.Outcome) []blend.Source { c.First = nil; return m.Sources },
		"has 1 entries": func(c *blend.Catalogue, o *blend.Outcome) []blend.Source { c.Gap = []float32{1}; return m.Sources },
		"not negative":  func(c *blend.Catalogue, o *blend.Outcome) []blend.Source { c.Recent[3] = -1; return m.Sources },
		"a finite number": func(c *blend.Catalogue, o *blend.Outcome) []blend.Source {
			c.Season[3] = float32(math.NaN())
			return m.Sources
		},
		"source 3 of 3":  func(_ *blend.Catalogue, o *blend.Outcome) []blend.Source { o.List, o.New = 0, 3; return m.Sources },
		"source -2 of 3": func(_ *blend.Catalogue, o *blend.Outcome) []blend.Source { o.List = -2; return m.Sources },
		"a mean is 2": func(_ *blend.Catalogue, o *blend.Outcome) []blend.Source {
			o.List, o.New, o.NDCG[1] = 0, 0, 2
			return m.Sources
		},
		"4 means of 3 sources and learners up to number 1": func(_ *blend.Catalogue, o *blend.Outcome) []blend.Source {
			o.List, o.New, o.Learner = 0, 0, 1
			return m.Sources
		},
		"learner -1 was": func(_ *blend.Catalogue, o *blend.Outcome) []blend.Source {
			o.List, o.New, o.Learner = 0, 0, -1
			return m.Sources
		},
		"2 means of 3 sources": func(_ *blend.Catalogue, o *blend.Outcome) []blend.Source {
			o.List, o.New, o.NDCG = 0, 0, o.NDCG[:2]
			return m.Sources
		},
		"gone was chosen but": func(_ *blend.Catalogue, o *blend.Outcome) []blend.Source {
			o.List, o.New = 0, 0
			return []blend.Source{{Name: "gone"}}
		},
		"short knows 3 items, there": func(_ *blend.Catalogue, o *blend.Outcome) []blend.Source {
			o.List, o.New = 0, 0
			o.NDCG, o.NewRecall = nil, nil
			return []blend.Source{{Name: "short", Model: fake{items: 3}}}
		},
	} {
		c, o := m.Catalogue, m.Outcome
		c.Recent, c.Season, o.NDCG = slices.Clone(c.Recent), slices.Clone(c.Season), slices.Clone(o.NDCG)
		if _, err := blend.New(m.Options, spoil(&c, &o), nil, c, o); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("want an error with %q, got %v", want, err)
		}
	}
}

// TestRank: a list is as long as it can be, without what is excluded, in the
// order of the scores.
func TestRank(t *testing.T) {
	ev := mixed(t)
	m := fitMixed(t)
	scores := make([]float32, ev.Items)
	rapid.Check(t, func(t *rapid.T) {
		u := rapid.IntRange(0, ev.Users-1).Draw(t, "user")
		k := rapid.IntRange(0, ev.Items+5).Draw(t, "k")
		h := ev.Before(rapid.Int32Range(0, today).Draw(t, "before")).History(u)
		exclude, _ := ev.History(rapid.IntRange(0, ev.Users-1).Draw(t, "exclude")).Sum()
		list, err := m.Rank(h, today, k, exclude)
		if err != nil {
			t.Fatal(err)
		}
		if err := m.Score(h, today, scores); err != nil {
			t.Fatal(err)
		}
		want := kernel.TopK(scores, k, exclude, nil)
		if len(want) != len(list) || len(list) != min(k, ev.Items-len(exclude)) {
			t.Fatalf("%d items, want %d", len(list), len(want))
		}
		for i, r := range list {
			if r.Item != want[i] || r.Score != scores[r.Item] || r.Source < -1 || r.Source > 2 {
				t.Fatalf("place %d: %+v, want item %d", i, r, want[i])
			}
			if r.Source < 0 && i > 0 && i < 10 && list[i-1].Source >= 0 && len(h.Item) > 0 && r.Score >= 0 {
				t.Fatalf("place %d: %+v is no candidate and stands among them", i, r)
			}
		}
	})
}

func TestRefuses(t *testing.T) {
	ev := mixed(t)
	in := blend.Input{Events: ev, Dated: true, Sources: three, Learners: learners}
	for _, o := range []blend.Options{{Depth: -1}, {Depth: 1001}, {Days: -1}, {Windows: 13}, {Lists: -1}, {Negatives: -1}, {RecentDays: -1}, {RecentDays: math.NaN()}, {Workers: -1}} {
		var wrong *models.OptionError
		if _, err := blend.Fit(t.Context(), in, today, o, nil); !errors.As(err, &wrong) {
			t.Errorf("%+v gives %v, want an option error", o, err)
		}
	}
	nan := blend.Input{Events: ev, Dated: true, Learners: learners, Sources: with(blend.Source{Name: "wild", Model: fake{ev.Items, func(_ matrix.History, _ int32, dst []float32) error {
		clear(dst)
		dst[5] = float32(math.NaN())
		return nil
	}}})}
	if _, err := blend.Fit(t.Context(), nan, today, options(), nil); err == nil || !strings.Contains(err.Error(), "wild scores from NaN") {
		t.Errorf("a source of NaN gives %v", err)
	}
	by := func(r blend.Ranker, err error) []blend.Learner {
		return []blend.Learner{func(context.Context, *matrix.Dense, []bool, []int32) (blend.Ranker, error) { return r, err }}
	}
	in.Learners = by(mad{}, nil)
	if _, err := blend.Fit(t.Context(), in, today, options(), nil); err == nil || !strings.Contains(err.Error(), "NaN") {
		t.Errorf("a ranker of NaN gives %v", err)
	}
	in.Learners = by(nil, errors.New("no wish to learn"))
	if _, err := blend.Fit(t.Context(), in, today, options(), nil); err == nil || !strings.Contains(err.Error(), "no wish to learn") {
		t.Errorf("a learner that fails gives %v", err)
	}
	in.Learners = by(nil, models.ErrNoData)
	m := fit(t, in, options())
	if m.Outcome.List < 0 || m.Outcome.Lists == 0 || m.Outcome.NDCG[3] != 0 {
		t.Errorf("without a ranker: %+v", m.Outcome)
	}
	in.Learners = nil
	if _, err := blend.Fit(t.Context(), in, today, options(), nil); err == nil || !strings.Contains(err.Error(), "no learner") {
		t.Errorf("no learner gives %v", err)
	}
	h := ev.History(0)
	if err := m.Score(matrix.History{Item: h.Item, Day: h.Day}, today, make([]float32, ev.Items)); err == nil {
		t.Error("a history without weights is accepted")
	}
}

type mad struct{}

func (mad) Rank(_ *matrix.Dense, dst []float64) error {
	for i := range dst {
		dst[i] = math.NaN()
	}
	return nil
}

// TestLessons holds what the ranker is given against the shop: group by group,
// and had as the histories say.
func TestLessons(t *testing.T) {
	ev := mixed(t)
	calls := 0
	in := blend.Input{Events: ev, Dated: true, Sources: three, Learners: []blend.Learner{func(ctx context.Context, x *matrix.Dense, y []bool, group []int32) (blend.Ranker, error) {
		calls++
		if len(y) != x.Rows || group[0] != 0 || int(group[len(group)-1]) != x.Rows || !slices.Equal(x.Names, blend.Columns([]blend.Source{{Name: "itemknn"}, {Name: "personal"}, {Name: "popular"}})) {
			t.Fatalf("%d rows, %d labels, groups to %d, columns %q", x.Rows, len(y), group[len(group)-1], x.Names)
		}
		for g := range len(group) - 1 {
			bought := 0
			for _, label := range y[group[g]:group[g+1]] {
				if label {
					bought++
				}
			}
			if others := int(group[g+1]-group[g]) - bought; bought == 0 || bought > 8 || others > 25 {
				t.Fatalf("list %d has %d bought of %d candidates", g, bought, group[g+1]-group[g])
			}
		}
		return fitRanker(ctx, x, y, group)
	}}}
	o := options()
	o.Negatives = 25
	if m := fit(t, in, o); calls != 2 || m.Outcome.List != blend.Blend {
		t.Errorf("%d rankers were learned, outcome %+v", calls, m.Outcome)
	}
}

package modeltest

import (
	"context"
	"errors"
	"math"
	"runtime"
	"slices"
	"sync"
	"testing"

	"regulars/features/matrix"
	"regulars/models"
)

// FitRecommender fits the model under test with fixed options and seed.
type FitRecommender func(ctx context.Context, ev *matrix.Events, now int32) (models.Recommender, error)

// Abilities says what a recommender claims beyond the interface.
type Abilities struct {
	FindsWithheld bool // puts an item that similar customers share above what they do not, as collaborative models do
	Personal      bool // different histories give different scores
	NeedsHistory  bool // an empty history gives ErrUnknown instead of a popularity
}

const today = 100

// Recommender runs the suite.
func Recommender(t *testing.T, fit FitRecommender, can Abilities) {
	s := recommenderSuite{fit: fit, can: can}
	for _, c := range []struct {
		name string
		run  func(*testing.T)
	}{
		{"checkerboard", s.checkerboard}, {"wrong length", s.wrongLength}, {"empty history", s.emptyHistory},
		{"unseen item", s.unseenItem}, {"newcomer equals known user", s.newcomer}, {"determinism", s.determinism},
		{"concurrency", s.concurrency}, {"input unchanged", s.inputUnchanged}, {"small shops", s.smallShops},
		{"no data", s.noData}, {"later interactions", s.laterInteractions}, {"extreme weights", s.extremeWeights}, {"cancelled", s.cancelled},
	} {
		t.Run(c.name, c.run)
	}
}

type recommenderSuite struct {
	fit FitRecommender
	can Abilities
}

func events(t *testing.T, users, items int, list []matrix.Event) *matrix.Events {
	t.Helper()
	ev, err := matrix.NewEvents(users, items, list)
	if err != nil {
		t.Fatal(err)
	}
	return ev
}

// board is a checkerboard of n × n without its diagonal: user u has the items of
// the same parity, except u itself (after implicit's recommender_base_test.py).
func board(t *testing.T, n int) *matrix.Events {
	t.Helper()
	var list []matrix.Event
	for u := range n {
		for i := u % 2; i < n; i += 2 {
			if i != u {
				list = append(list, matrix.Event{User: int32(u), Item: int32(i), Day: int32(today - 1 - (u+i)%30), Weight: 1})
			}
		}
	}
	return events(t, n, n, list)
}

func (s recommenderSuite) model(t *testing.T, ev *matrix.Events) models.Recommender {
	t.Helper()
	m, err := s.fit(t.Context(), ev, today)
	if err != nil {
		t.Fatal(err)
	}
	if m.Items() != ev.Items {
		t.Fatalf("model knows %d items, trained on %d", m.Items(), ev.Items)
	}
	return m
}

func score(t *testing.T, m models.Recommender, h matrix.History) []float32 {
	t.Helper()
	dst := make([]float32, m.Items())
	for i := range dst {
		dst[i] = float32(math.NaN()) // what is not written shows
	}
	if err := m.Score(h, today, dst); err != nil {
		t.Fatal(err)
	}
	requireFinite(t, dst)
	return dst
}

func requireFinite(t *testing.T, scores []float32) {
	t.Helper()
	for i, s := range scores {
		if f := float64(s); math.IsNaN(f) || math.IsInf(f, 0) {
			t.Fatalf("score of item %d is %v", i, s)
		}
	}
}

// checkerboard withholds one item of each user: among the items a user does not
// have, a collaborative model must put it first.
func (s recommenderSuite) checkerboard(t *testing.T) {
	ev := board(t, 20)
	m := s.model(t, ev)
	for u := range ev.Users {
		h := ev.History(u)
		scores := score(t, m, h)
		for i, x := range scores {
			if s.can.FindsWithheld && i != u && !slices.Contains(h.Item, int32(i)) && x >= scores[u] {
				t.Errorf("user %d: item %d of the other colour scores %v, the withheld one %v", u, i, x, scores[u])
			}
		}
	}
	a, b := score(t, m, ev.History(0)), score(t, m, ev.History(1))
	if s.can.Personal == slices.Equal(a, b) {
		t.Errorf("two users with nothing in common: scores equal is %v, want %v", !s.can.Personal, s.can.Personal)
	}
}

func (s recommenderSuite) wrongLength(t *testing.T) {
	ev := board(t, 10)
	m := s.model(t, ev)
	for _, n := range []int{0, 9, 11} {
		if err := m.Score(ev.History(0), today, make([]float32, n)); err == nil {
			t.Errorf("room for %d scores of 10 items is accepted", n)
		}
	}
}

func (s recommenderSuite) emptyHistory(t *testing.T) {
	m := s.model(t, board(t, 10))
	dst := make([]float32, 10)
	err := m.Score(matrix.History{}, today, dst)
	if s.can.NeedsHistory {
		if !errors.Is(err, models.ErrUnknown) {
			t.Errorf("empty history gives %v, want ErrUnknown", err)
		}
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	requireFinite(t, dst)
}

// unseenItem asks for a history of an item that nobody had in training: an
// answer or ErrUnknown, and an error for an item outside the vocabulary.
func (s recommenderSuite) unseenItem(t *testing.T) {
	ev := board(t, 10)
	wide := &matrix.Events{Users: 10, Items: 11, Indptr: ev.Indptr, Item: ev.Item, Day: ev.Day, Weight: ev.Weight}
	m := s.model(t, wide)
	dst := make([]float32, 11)
	err := m.Score(matrix.History{Item: []int32{10}, Day: []int32{today - 1}, Weight: []float32{1}}, today, dst)
	if err == nil {
		requireFinite(t, dst)
	} else if !errors.Is(err, models.ErrUnknown) {
		t.Errorf("history of an unseen item gives %v, want scores or ErrUnknown", err)
	}
	if !s.can.Personal {
		return
	}
	if err := m.Score(matrix.History{Item: []int32{11}, Day: []int32{today - 1}, Weight: []float32{1}}, today, dst); err == nil {
		t.Error("a history with item 11 of 11 items is accepted")
	}
}

func (s recommenderSuite) newcomer(t *testing.T) {
	ev := board(t, 10)
	m := s.model(t, ev)
	h := ev.History(3)
	copied := matrix.History{Item: slices.Clone(h.Item), Day: slices.Clone(h.Day), Weight: slices.Clone(h.Weight)}
	if !slices.Equal(score(t, m, h), score(t, m, copied)) {
		t.Error("a newcomer with a known user's history gets other scores")
	}
}

func (s recommenderSuite) determinism(t *testing.T) {
	ev := board(t, 30)
	fitted := func(cores int) []float32 {
		defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(cores))
		return score(t, s.model(t, ev), ev.History(4))
	}
	if one, two := fitted(1), fitted(2); !slices.Equal(one, two) {
		t.Errorf("scores differ between 1 and 2 cores: %v and %v", one, two)
	}
}

func (s recommenderSuite) concurrency(t *testing.T) {
	ev := board(t, 20)
	m := s.model(t, ev)
	want := score(t, m, ev.History(5))
	var wg sync.WaitGroup
	for g := range 8 {
		wg.Go(func() {
			dst := make([]float32, ev.Items)
			for n := range 20 {
				user := 5
				if (g+n)%2 == 0 {
					user = n
				}
				if err := m.Score(ev.History(user), today, dst); err != nil {
					t.Error(err)
				} else if user == 5 && !slices.Equal(dst, want) {
					t.Error("scores change under concurrent use")
				}
			}
		})
	}
	wg.Wait()
}

func (s recommenderSuite) inputUnchanged(t *testing.T) {
	ev, twin := board(t, 12), board(t, 12)
	m := s.model(t, ev)
	first := score(t, m, ev.History(0))
	score(t, m, ev.History(1))
	if !slices.Equal(ev.Item, twin.Item) || !slices.Equal(ev.Day, twin.Day) || !slices.Equal(ev.Weight, twin.Weight) || !slices.Equal(ev.Indptr, twin.Indptr) {
		t.Fatal("fitting or scoring changed the interactions")
	}
	for i := range ev.Item {
		ev.Weight[i] = 99
	}
	if !slices.Equal(first, score(t, m, twin.History(0))) {
		t.Error("the model still reads its training data")
	}
}

func (s recommenderSuite) smallShops(t *testing.T) {
	for name, ev := range map[string]*matrix.Events{
		"one user one item":  events(t, 1, 1, []matrix.Event{{Day: 1, Weight: 1}}),
		"one user":           events(t, 1, 5, []matrix.Event{{Item: 1, Day: 1, Weight: 1}, {Item: 3, Day: 2, Weight: 2}}),
		"one item":           events(t, 3, 1, []matrix.Event{{User: 0, Day: 1, Weight: 1}, {User: 2, Day: 5, Weight: 1}}),
		"all the same item":  events(t, 3, 4, []matrix.Event{{User: 0, Item: 2, Day: 1, Weight: 1}, {User: 1, Item: 2, Day: 1, Weight: 1}, {User: 2, Item: 2, Day: 1, Weight: 1}}),
		"many days one pair": events(t, 1, 2, []matrix.Event{{Day: 1, Weight: 1}, {Day: 2, Weight: 1}, {Day: 2, Weight: 1}}),
	} {
		t.Run(name, func(t *testing.T) { score(t, s.model(t, ev), ev.History(0)) })
	}
}

func (s recommenderSuite) noData(t *testing.T) {
	if _, err := s.fit(t.Context(), events(t, 3, 3, nil), today); !errors.Is(err, models.ErrNoData) {
		t.Errorf("no interactions give %v, want ErrNoData", err)
	}
	if _, err := s.fit(t.Context(), events(t, 0, 0, nil), today); !errors.Is(err, models.ErrNoData) {
		t.Errorf("an empty shop gives %v, want ErrNoData", err)
	}
}

// laterInteractions adds records at and after now to the training data: they
// must not change anything.
func (s recommenderSuite) laterInteractions(t *testing.T) {
	ev := board(t, 12)
	var list []matrix.Event
	for u := range ev.Users {
		h := ev.History(u)
		for i := range h.Item {
			list = append(list, matrix.Event{User: int32(u), Item: h.Item[i], Day: h.Day[i], Weight: h.Weight[i]})
		}
		list = append(list, matrix.Event{User: int32(u), Item: int32(u+1) % 12, Day: int32(today + u%2), Weight: 7})
	}
	want := score(t, s.model(t, ev), ev.History(2))
	if got := score(t, s.model(t, events(t, 12, 12, list)), ev.History(2)); !slices.Equal(got, want) {
		t.Error("interactions at or after now change the scores: the future leaks into training")
	}
}

func (s recommenderSuite) extremeWeights(t *testing.T) {
	ev := board(t, 10)
	ev.Weight[0], ev.Weight[5], ev.Weight[9] = math.MaxFloat32, math.SmallestNonzeroFloat32, 1e20
	m, err := s.fit(t.Context(), ev, today)
	if err != nil {
		return // refusing is allowed, a wrong number is not
	}
	for u := range ev.Users {
		score(t, m, ev.History(u))
	}
}

func (s recommenderSuite) cancelled(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := s.fit(ctx, board(t, 10), today); !errors.Is(err, context.Canceled) {
		t.Errorf("a cancelled fit gives %v, want context.Canceled", err)
	}
}

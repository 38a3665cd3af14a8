package ials

import (
	"cmp"
	"context"
	"errors"
	"math"
	"slices"
	"testing"

	"regulars/features/matrix"
)

type list struct {
	user   int32
	items  []int32
	scores []float32
}

func lists(t *testing.T, m *Model, ev *matrix.Events, users []int32, now int32, k int, excludeSeen bool, workers int) []list {
	t.Helper()
	var out []list
	err := m.TopK(t.Context(), ev, users, now, k, excludeSeen, workers, func(user int32, items []int32, scores []float32) error {
		out = append(out, list{user, slices.Clone(items), slices.Clone(scores)})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func topModel(t *testing.T, ev *matrix.Events, now int32) *Model {
	t.Helper()
	m, err := Fit(t.Context(), ev, now, Options{Factors: 8, Iterations: 3}, nil)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// The lists must be those that sorting the scores of Score gives, one user after
// another, but for scores that rounding makes change places.
func TestTopKEqualsSortedScores(t *testing.T) {
	ev := random(t, 400, 1700, 2600)
	const now = 40 // some interactions are later: they are neither learned nor left out
	m := topModel(t, ev, now)
	users := []int32{5, 3, 3}
	for u := int32(0); u < 400; u += 3 {
		users = append(users, u)
	}
	for _, excludeSeen := range []bool{false, true} {
		for _, k := range []int{0, 1, 20, 2000} {
			got := lists(t, m, ev, users, now, k, excludeSeen, 2)
			if len(got) != len(users) {
				t.Fatalf("%d lists for %d users", len(got), len(users))
			}
			for i, l := range got {
				if l.user != users[i] {
					t.Fatalf("list %d is of user %d, want %d", i, l.user, users[i])
				}
				requireBest(t, m, ev, l, now, k, excludeSeen)
			}
		}
	}
}

func requireBest(t *testing.T, m *Model, ev *matrix.Events, l list, now int32, k int, excludeSeen bool) {
	t.Helper()
	h := ev.History(int(l.user))
	scores := make([]float32, ev.Items)
	if err := m.Score(h, now, scores); err != nil {
		if len(l.items) != 0 {
			t.Fatalf("user %d is unknown (%v) and has a list", l.user, err)
		}
		return
	}
	var want []int32
	for i := range int32(ev.Items) {
		if !excludeSeen || !seenBefore(h, i, now) {
			want = append(want, i)
		}
	}
	slices.SortFunc(want, func(a, b int32) int { return cmp.Or(cmp.Compare(scores[b], scores[a]), cmp.Compare(a, b)) })
	want = want[:min(k, len(want))]
	if len(l.items) != len(want) || len(l.scores) != len(want) {
		t.Fatalf("user %d has %d items and %d scores, want %d", l.user, len(l.items), len(l.scores), len(want))
	}
	for i, item := range l.items {
		if excludeSeen && seenBefore(h, item, now) {
			t.Fatalf("user %d is shown item %d again", l.user, item)
		}
		if near := 1e-5; math.Abs(float64(l.scores[i]-scores[item])) > near || math.Abs(float64(l.scores[i]-scores[want[i]])) > near {
			t.Fatalf("user %d, place %d: item %d with %v, scored %v; the best there is %d with %v", l.user, i, item, l.scores[i], scores[item], want[i], scores[want[i]])
		}
		if i > 0 && (l.scores[i] > l.scores[i-1] || l.scores[i] == l.scores[i-1] && item < l.items[i-1]) {
			t.Fatalf("user %d: places %d and %d are out of order", l.user, i-1, i)
		}
	}
	if len(slices.Compact(slices.Sorted(slices.Values(l.items)))) != len(l.items) {
		t.Fatalf("user %d is shown an item twice", l.user)
	}
}

func seenBefore(h matrix.History, item, now int32) bool {
	for i, x := range h.Item {
		if x == item && h.Day[i] < now {
			return true
		}
	}
	return false
}

func TestTopKWorkers(t *testing.T) {
	ev := random(t, 700, 900, 6000)
	m := topModel(t, ev, 50)
	users := make([]int32, ev.Users)
	for u := range users {
		users[u] = int32(u)
	}
	one, four := lists(t, m, ev, users, 50, 10, true, 1), lists(t, m, ev, users, 50, 10, true, 4)
	for i := range one {
		if one[i].user != four[i].user || !slices.Equal(one[i].items, four[i].items) || !slices.Equal(one[i].scores, four[i].scores) {
			t.Fatalf("list %d is %v with 1 worker, %v with 4", i, one[i], four[i])
		}
	}
}

func TestTopKRefuses(t *testing.T) {
	ev := random(t, 30, 20, 200)
	m := topModel(t, ev, 50)
	nothing := func(int32, []int32, []float32) error { return nil }
	for _, u := range []int32{-1, 30} {
		if err := m.TopK(t.Context(), ev, []int32{u}, 50, 3, true, 1, nothing); err == nil {
			t.Errorf("user %d of 30 is accepted", u)
		}
	}
	if err := m.TopK(t.Context(), random(t, 30, 21, 200), []int32{1}, 50, 3, true, 1, nothing); err == nil {
		t.Error("interactions with other items are accepted")
	}
	users := make([]int32, 5000)
	enough := errors.New("enough")
	calls := 0
	err := m.TopK(t.Context(), ev, users, 50, 3, true, 2, func(int32, []int32, []float32) error {
		if calls++; calls == 7 {
			return enough
		}
		return nil
	})
	if !errors.Is(err, enough) || calls != 7 {
		t.Errorf("an error of emit gives %v after %d calls, want that error after 7", err, calls)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := m.TopK(ctx, ev, users, 50, 3, true, 2, nothing); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled gives %v", err)
	}
}

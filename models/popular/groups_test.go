package popular_test

import (
	"errors"
	"math"
	"math/rand/v2"
	"testing"

	"gonum.org/v1/gonum/stat/distuv"

	"regulars/features/matrix"
	"regulars/models"
	"regulars/models/popular"
)

// Group 0 has two customers, both of item 0; group 1 has one, of item 1; a third
// group has none and one customer has no group. With Shrink 3:
// Global is (customers + customers of all time/3)/(4+1).
func TestGroupsByHand(t *testing.T) {
	ev, err := matrix.NewEvents(5, 2, []matrix.Event{{User: 0, Item: 0, Day: 1, Weight: 1}, {User: 0, Item: 0, Day: 2, Weight: 5}, {User: 1, Item: 0, Day: 1, Weight: 1},
		{User: 2, Item: 1, Day: 1, Weight: 1}, {User: 3, Item: 1, Day: 1, Weight: 1}, {User: 4, Item: 1, Day: 10, Weight: 1}})
	if err != nil {
		t.Fatal(err)
	}
	m, err := popular.FitGroups(t.Context(), ev, 10, []int32{0, 0, 1, -1, 2}, 3, popular.GroupOptions{Shrink: 3})
	if err != nil {
		t.Fatal(err)
	}
	p := (2 + 2./3) / 5
	for group, want := range map[int32][2]float64{
		0:  {(2 + 3*p) / 5, 3 * p / 5},
		1:  {3 * p / 4, (1 + 3*p) / 4},
		2:  {p, p},
		-1: {p, p},
		9:  {p, p},
	} {
		dst := make([]float32, 2)
		if err := m.ScoreGroup(group, dst); err != nil {
			t.Fatal(err)
		}
		for i := range dst {
			if math.Abs(float64(dst[i])-want[i]) > 1e-6 {
				t.Errorf("group %d: item %d scores %v, want %v", group, i, dst[i], want[i])
			}
		}
	}
}

// Groups drawn from beta distributions around the global shares, as the model
// says: the learned Shrink must be near the one they were drawn with, and shrunk
// shares nearer the truth than both the raw ones and the global ones.
func TestGroupsLearnShrink(t *testing.T) {
	const users, items, groups = 3000, 100, 30
	for _, shrink := range []float64{20, 200} {
		rng := rand.New(rand.NewPCG(13, uint64(shrink)))
		group := make([]int32, users)
		for u := range group {
			group[u] = int32(u % groups)
		}
		var truth [groups][items]float64
		var list []matrix.Event
		for i := range int32(items) {
			p := 0.02 + 0.3*rng.Float64()
			for g := range truth {
				truth[g][i] = distuv.Beta{Alpha: shrink * p, Beta: shrink * (1 - p), Src: rng}.Rand()
			}
			for u, g := range group {
				if rng.Float64() < truth[g][i] {
					list = append(list, matrix.Event{User: int32(u), Item: i, Weight: 1})
				}
			}
		}
		ev, err := matrix.NewEvents(users, items, list)
		if err != nil {
			t.Fatal(err)
		}
		m, err := popular.FitGroups(t.Context(), ev, 1, group, groups, popular.GroupOptions{})
		if err != nil {
			t.Fatal(err)
		}
		if m.Shrink < shrink/1.25 || m.Shrink > shrink*1.25 {
			t.Errorf("learned to shrink by %v customers, drawn with %v", m.Shrink, shrink)
		}
		raw, err := popular.NewGroups(1e-9, m.Global, m.Sizes, m.Counts)
		if err != nil {
			t.Fatal(err)
		}
		ours, theirs, global := miss(t, m, truth), miss(t, raw, truth), 0.0
		for g := range truth {
			for i, p := range truth[g] {
				global += (float64(m.Global[i]) - p) * (float64(m.Global[i]) - p)
			}
		}
		if ours > 0.9*theirs || ours > 0.9*global {
			t.Errorf("shrink %v: squared error %v, of raw shares %v, of global ones %v", shrink, ours, theirs, global)
		}
	}
}

func miss(t *testing.T, m *popular.Groups, truth [30][100]float64) float64 {
	t.Helper()
	sum := 0.0
	dst := make([]float32, m.Items())
	for g := range truth {
		if err := m.ScoreGroup(int32(g), dst); err != nil {
			t.Fatal(err)
		}
		for i, p := range truth[g] {
			sum += (float64(dst[i]) - p) * (float64(dst[i]) - p)
		}
	}
	return sum
}

// Groups that differ by chance alone all but follow the whole shop, and so does
// one group alone.
func TestGroupsAlike(t *testing.T) {
	rng := rand.New(rand.NewPCG(15, 16))
	group := make([]int32, 2000)
	var list []matrix.Event
	for u := range group {
		group[u] = int32(u % 10)
		for i := range int32(50) {
			if rng.Float64() < 0.1 {
				list = append(list, matrix.Event{User: int32(u), Item: i, Weight: 1})
			}
		}
	}
	ev, err := matrix.NewEvents(len(group), 50, list)
	if err != nil {
		t.Fatal(err)
	}
	m, err := popular.FitGroups(t.Context(), ev, 1, group, 10, popular.GroupOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if m.Shrink < 2000 {
		t.Errorf("groups without difference shrink by %v customers, want more than they have", m.Shrink)
	}
	one, err := popular.FitGroups(t.Context(), ev, 1, make([]int32, len(group)), 1, popular.GroupOptions{})
	if err != nil || one.Shrink != popular.MaxShrink {
		t.Errorf("one group shrinks by %v, %v", one.Shrink, err)
	}
}

func TestGroupsRefuse(t *testing.T) {
	ev := events(t)
	for name, c := range map[string]struct {
		group  []int32
		groups int
		o      popular.GroupOptions
	}{
		"too few users":  {[]int32{0}, 1, popular.GroupOptions{}},
		"no groups":      {[]int32{-1, -1, -1}, 0, popular.GroupOptions{}},
		"group too high": {[]int32{0, 1, 2}, 2, popular.GroupOptions{}},
		"group below":    {[]int32{0, 1, -2}, 2, popular.GroupOptions{}},
		"window":         {[]int32{0, 0, 0}, 1, popular.GroupOptions{WindowDays: -1}},
		"shrink":         {[]int32{0, 0, 0}, 1, popular.GroupOptions{Shrink: math.NaN()}},
	} {
		if _, err := popular.FitGroups(t.Context(), ev, 10, c.group, c.groups, c.o); err == nil {
			t.Errorf("%s is accepted", name)
		}
	}
	if _, err := popular.FitGroups(t.Context(), ev, 1, []int32{0, 0, 0}, 1, popular.GroupOptions{}); !errors.Is(err, models.ErrNoData) {
		t.Errorf("nothing before the day gives %v, want ErrNoData", err)
	}
	row := func(item int32, value float32) *matrix.CSR {
		return &matrix.CSR{Rows: 1, Cols: 1, Indptr: []int64{0, 1}, Indices: []int32{item}, Values: []float32{value}}
	}
	nan := float32(math.NaN())
	for name, c := range map[string]struct {
		shrink float64
		global []float32
		sizes  []int32
		counts *matrix.CSR
	}{
		"shrink":         {0, []float32{1}, []int32{3}, row(0, 1)},
		"no counts":      {1, []float32{1}, []int32{3}, nil},
		"share":          {1, []float32{nan}, []int32{3}, row(0, 1)},
		"item":           {1, []float32{1}, []int32{3}, row(1, 1)},
		"count":          {1, []float32{1}, []int32{3}, row(0, nan)},
		"order":          {1, []float32{1, 1}, []int32{3}, &matrix.CSR{Rows: 1, Cols: 2, Indptr: []int64{0, 2}, Indices: []int32{1, 1}, Values: []float32{1, 1}}},
		"more than size": {1, []float32{1}, []int32{3}, row(0, 4)},
		"sizes":          {1, []float32{1}, []int32{3, 3}, row(0, 1)},
	} {
		if _, err := popular.NewGroups(c.shrink, c.global, c.sizes, c.counts); err == nil {
			t.Errorf("stored groups with a wrong %s are accepted", name)
		}
	}
}

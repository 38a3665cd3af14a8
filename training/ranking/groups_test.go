package ranking

import (
	"fmt"
	"reflect"
	"slices"
	"testing"

	"regulars/data/interactions"
	"regulars/models"
	"regulars/training/metrics"
)

func TestSplitOfGroups(t *testing.T) {
	train, test := table(t, "train", "c x 5 1 -", "a x 5 2 -", "b y 7 3 -"), table(t, "test", "a y 9 1 -")
	s, err := NewSplit(train, test, nil, &interactions.Groups{Users: []string{"b", "nobody", "c"}, Group: []int32{1, 0, 0}, Names: []string{"north", "south"}}, false)
	if err != nil {
		t.Fatal(err)
	}
	if want := []int32{-1, 1, 0}; !reflect.DeepEqual(s.Group, want) || s.Groups != 2 {
		t.Errorf("users are in groups %v of %d, want %v", s.Group, s.Groups, want)
	}
}

// grouping puts the users of the shop of two tastes into groups by taste, every
// fifth user into none.
func grouping(s *Split) {
	var ids []string
	for u := range s.Events.Users {
		ids = append(ids, fmt.Sprint("u", u))
	}
	slices.Sort(ids) // as the vocabulary numbers them
	s.Group, s.Groups = make([]int32, len(ids)), 2
	for u, id := range ids {
		if s.Group[u] = int32(id[len(id)-1]-'0') % 2; u%5 == 0 {
			s.Group[u] = -1
		}
	}
}

// TestGroupPopularity: every user is measured by the list of their group, one
// without a group by that of everybody.
func TestGroupPopularity(t *testing.T) {
	s := shop(t, 80, 24, 120)
	grouping(s)
	f := find(t, "popular-group")[0]
	fitted, err := f.Fit(t.Context(), &s.Data, s.Now, f.Options, Run{Seed: 1})
	if err != nil {
		t.Fatal(err)
	}
	m := fitted.(groupPopularity)
	got, err := s.measure(t.Context(), m, []int{5}, 3, nil)
	if err != nil {
		t.Fatal(err)
	}
	values, err := got.Column("ndcg@5")
	if err != nil {
		t.Fatal(err)
	}
	for g := int32(-1); g < 2; g++ {
		alone, err := metrics.Evaluate(t.Context(), m.Groups.For(g), s.Events, s.Truth, s.Now, []int{5}, metrics.Options{ExcludeTrain: true})
		if err != nil {
			t.Fatal(err)
		}
		want, err := alone.Column("ndcg@5")
		if err != nil {
			t.Fatal(err)
		}
		for row, u := range got.Users {
			if s.Group[u] == g && values[row] != want[row] {
				t.Fatalf("user %d of group %d reaches %v, by the list of the group %v", u, g, values[row], want[row])
			}
		}
	}
	for _, user := range []int32{-1, int32(len(s.Group))} {
		if list := m.ForUser(user); !reflect.DeepEqual(list, models.Recommender(m.GroupModel)) {
			t.Errorf("user %d, who is not known, gets another list than everybody", user)
		}
	}
}

// TestGroupsAreCompared: two tastes that share nothing are told apart by the
// groups alone, and a search may try what they need.
func TestGroupsAreCompared(t *testing.T) {
	s := shop(t, 80, 24, 120)
	grouping(s)
	report, err := Evaluate(t.Context(), Request{Split: s, Families: find(t, "popular-group"), Ks: []int{5}, Seed: 1, Must: true})
	if err != nil {
		t.Fatal(err)
	}
	grouped, recent := report.Results[0], report.Results[2]
	if d := grouped.Differences["popular-recent"]["recall@5"]; recent.Model != "popular-recent" || !(*d.Low > 0.1) {
		t.Errorf("recall by group %+v, recent %+v", grouped.Metrics["recall@5"], recent.Metrics["recall@5"])
	}
	if grouped.Options["window_days"] != recentDays {
		t.Errorf("options are %v", grouped.Options)
	}
	searched, _ := tuning(t, "", "popular-group")
	before := s.fingerprint(searched)
	s.Group = slices.Clone(s.Group)
	s.Group[1] = -1
	if s.fingerprint(searched) == before {
		t.Error("another group of a user is the same slice to a search")
	}
}

func TestGroupsThatAreLacking(t *testing.T) {
	f := find(t, "popular-group")[0]
	for want, d := range map[string]*Data{"": {Group: []int32{-1, 0}}, "there is no file of users' groups (--groups)": {},
		"the file of users' groups has none of the users of train": {Group: []int32{-1, -1}}} {
		if got := f.Lacks(d); got != want {
			t.Errorf("%+v lacks %q, want %q", d, got, want)
		}
	}
}

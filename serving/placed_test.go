package serving

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"regulars/models/snapshot"
	"regulars/serving/filter"
	"regulars/serving/placement"
)

// priced is the tiny shop with prices, brands and a profile.
func priced() shop {
	sh := tiny()
	for i := range sh.items {
		sh.items[i].Price, sh.items[i].From, sh.items[i].AvailableFrom = float64(i+1), snapshot.Undated, snapshot.Undated
		sh.items[i].Brand = string("XXXYYY"[i])
	}
	sh.items[5].Price = math.NaN()
	sh.profile = []snapshot.Field{{Name: "aov", Kind: snapshot.Number}, {Name: "opt_out", Kind: snapshot.Bool}}
	for id, profile := range map[string][]snapshot.Value{"ann": {snapshot.NumberValue(2), {}}, "bob": {{}, snapshot.BoolValue(true)}} {
		u := sh.users[id]
		u.Profile = profile
		sh.users[id] = u
	}
	return sh
}

func TestFilters(t *testing.T) {
	price, yes := 1.5, true
	s := listening(t, priced(), told{items: map[string]ItemUpdate{"e": {Price: word(price)}, "d": {InStock: word(yes)}}}, noon)
	for name, c := range map[string]struct{ user, filter, want string }{
		"of items":               {"ann", "item.price > 2", "d:repeat c:popular"},
		"told since":             {"ann", "item.price < 2", "e:repeat a:ials"},
		"not known":              {"ann", "not (item.price > 2) and item.brand == 'Y'", "e:repeat"},
		"of the customer":        {"ann", "user.aov > 1 and item.brand == 'X'", "a:ials b:popular c:popular"},
		"of another customer":    {"ann", "user.aov > 5 and item.brand == 'X'", "!"},
		"of nobody":              {"nobody", "user.aov > 1", "!"},
		"of both":                {"ann", "item.price <= user.aov", "e:repeat a:ials b:popular"},
		"of scores":              {"ann", "score.churn < .5 and item.price < 2", "e:repeat a:ials"},
		"who refuses is nobody":  {"bob", "known(user.opt_out)", "!"},
		"nothing passes":         {"ann", "item.brand == 'Z'", "!"},
		"everything that can be": {"ann", "item.price > 0 or unknown(item.price)", "d:repeat e:repeat a:ials b:popular c:popular f:catalogue"},
	} {
		for range 2 { // the second time from what is remembered
			l, err := s.Recommend(c.user, Ask{K: 9, Filter: c.filter})
			if err != nil || text(l) != c.want {
				t.Errorf("%s: %s, %v, want %s", name, text(l), err, c.want)
			}
		}
	}
	popular, err := s.Popular(Ask{K: 9, Filter: "item.brand == 'Y'"})
	if err != nil || text(popular) != "d:popular e:catalogue f:catalogue" {
		t.Errorf("popular: %s, %v", text(popular), err)
	}
	similar, _, err := s.Similar("a", Ask{K: 9, Filter: "item.brand == 'X'"})
	if err != nil || text(similar) != "b:ials c:popular" {
		t.Errorf("similar: %s, %v", text(similar), err)
	}
	var at *filter.Error
	if _, err := s.Recommend("ann", Ask{Filter: "item.prise > 2"}); !errors.As(err, &at) || at.Column != 1 && at.Column != 6 {
		t.Errorf("a misspelt field: %v", err)
	}
}

// A filter says the same whether it is remembered or asked anew, and more filters
// than are kept do no harm.
func TestManyFilters(t *testing.T) {
	s := load(t, priced())
	for i := range 3 * keptFilters {
		n := i % (2 * keptFilters)
		l, err := s.Recommend("ann", Ask{K: 9, Filter: fmt.Sprintf("item.price > %d", n)})
		want := 0
		for _, sold := range []int{1, 2, 3, 5} { // a, b, c and e
			if sold > n {
				want++
			}
		}
		if err != nil || len(l.Items) != want {
			t.Fatalf("above %d: %s, %v, want %d", n, text(l), err, want)
		}
	}
	v := s.current.Load()
	if v.filters.order.Len() != keptFilters || len(v.filters.bySource) != keptFilters {
		t.Errorf("%d filters are kept", v.filters.order.Len())
	}
}

// place is a placement with one plan.
func place(t testing.TB, d placement.Definition) *placement.Placement {
	d.Name = "home"
	set, err := placement.NewSet([]placement.Definition{d}, nil)
	if err != nil {
		t.Fatal(err)
	}
	p, _ := set.Find("home")
	return p
}

// ruled writes a list as "id:strategy+rules …", and "~" before what was relaxed.
func ruled(l List) string {
	var out []string
	for _, it := range l.Items {
		out = append(out, strings.Join(append([]string{it.ID + ":" + it.Strategy}, it.Rules...), "+"))
	}
	for _, r := range l.Relaxed {
		out = append(out, "~"+r)
	}
	return strings.Join(out, " ")
}

func TestPlacements(t *testing.T) {
	s := load(t, priced())
	for name, c := range map[string]struct {
		def  placement.Definition
		ask  Ask
		want string
	}{
		"how many":                     {def: placement.Definition{K: 2}, want: "e:repeat a:ials"},
		"how many, asked":              {def: placement.Definition{K: 2}, ask: Ask{K: 1}, want: "e:repeat"},
		"strategy":                     {def: placement.Definition{K: 2, Strategy: "popular"}, want: "b:popular a:popular"},
		"strategy, asked":              {def: placement.Definition{K: 1, Strategy: "popular"}, ask: Ask{Strategy: "blend"}, want: "e:repeat"},
		"strategy gone":                {def: placement.Definition{K: 1, Strategy: "gone"}, want: "e:repeat ~strategy"},
		"filter":                       {def: placement.Definition{Filter: "item.price < 3"}, want: "a:ials b:popular"},
		"filter, and that of the ask":  {def: placement.Definition{Filter: "item.price < 3"}, ask: Ask{Filter: "item.price > 1"}, want: "b:popular"},
		"pin":                          {def: placement.Definition{K: 3, Rules: []placement.Rule{{Pin: "c", Slot: 2}}}, want: "e:repeat c:pinned+pin a:ials"},
		"pin from outside the rest":    {def: placement.Definition{K: 2, Filter: "item.brand == 'X'", Rules: []placement.Rule{{Pin: "f", Slot: 1}}}, want: "a:ials b:popular ~pin"},
		"pin of what is not sold":      {def: placement.Definition{K: 1, Rules: []placement.Rule{{Pin: "d", Slot: 1}}}, want: "e:repeat ~pin"},
		"pin of what was excluded":     {def: placement.Definition{K: 1, Rules: []placement.Rule{{Pin: "c", Slot: 1}}}, ask: Ask{Exclude: []string{"c"}}, want: "e:repeat ~pin"},
		"boost":                        {def: placement.Definition{K: 2, Rules: []placement.Rule{{Boost: "item.id == 'c'", Factor: 10}}}, want: "c:popular+boost e:repeat"},
		"bury":                         {def: placement.Definition{K: 2, Rules: []placement.Rule{{Bury: "item.brand == 'Y'"}}}, want: "a:ials b:popular"},
		"reserve":                      {def: placement.Definition{K: 3, Rules: []placement.Rule{{Reserve: "item.brand == 'Y'", Slots: 2}}}, want: "e:repeat a:ials f:catalogue+reserve"},
		"at most":                      {def: placement.Definition{K: 3, Rules: []placement.Rule{{AtMost: 1, Per: "brand"}}}, want: "e:repeat a:ials b:popular ~at_most"},
		"a rule about customers":       {def: placement.Definition{K: 1, Rules: []placement.Rule{{Bury: "item.price > user.aov"}}}, want: "a:ials"},
		"a rule about other customers": {def: placement.Definition{K: 1, Rules: []placement.Rule{{Bury: "item.price > user.aov and user.aov > 5"}}}, want: "e:repeat"},
	} {
		c.ask.Placement, c.ask.ID = place(t, c.def), "ID"
		l, err := s.Recommend("ann", c.ask)
		if err != nil || ruled(l) != c.want || l.ID != "ID-"+l.Arm.Code || l.Visitor != "ann" {
			t.Errorf("%s: %s, %v, want %s", name, ruled(l), err, c.want)
		}
		b, _, err := s.Basket([]string{"none such"}, "ann", c.ask)
		if c.def.Strategy == "" && c.ask.Strategy == "" && (err != nil || ruled(b) != c.want) {
			t.Errorf("%s as a basket: %s, %v, want %s", name, ruled(b), err, c.want)
		}
	}
}

// TestPlacementsTheSnapshotLacksFieldsFor: no page breaks for it, and nothing is
// shown that a filter might have kept out.
func TestPlacementsTheSnapshotLacksFieldsFor(t *testing.T) {
	s := load(t, priced())
	lacks, has, none := "item.margin > .2", "item.price < 3", ""
	bury := []placement.Rule{{Pin: "e", Slot: 2}, {Bury: lacks}, {Reserve: lacks, Slots: 1}}
	arms := func(filters ...*string) (out []placement.Arm) {
		for i, f := range filters {
			out = append(out, placement.Arm{Name: string(rune('a' + i)), Filter: f, Share: 1 / float64(len(filters))})
		}
		return out
	}
	for name, c := range map[string]struct {
		def  placement.Definition
		ask  Ask
		want string // by arm
	}{
		"filter":        {placement.Definition{K: 2, Filter: lacks}, Ask{}, "default: ~filter"},
		"and the pins":  {placement.Definition{K: 2, Filter: lacks, Rules: bury[:1]}, Ask{}, "default: ~filter ~pin"},
		"in part":       {placement.Definition{K: 2, Filter: has + " and " + lacks}, Ask{}, "default: ~filter"},
		"rules":         {placement.Definition{K: 2, Rules: bury}, Ask{}, "default: a:ials e:pinned+pin ~bury ~reserve"},
		"another arm":   {placement.Definition{K: 2, Arms: arms(&lacks, &has, &none)}, Ask{}, "b: a:ials b:popular ~arm|b: a:ials b:popular|c: e:repeat a:ials"},
		"no arm":        {placement.Definition{K: 2, Arms: arms(&lacks, &lacks)}, Ask{}, "a: ~filter|b: ~filter"},
		"the ask's own": {placement.Definition{K: 2, Arms: arms(&lacks, &has)}, Ask{Filter: "item.price > 1"}, "b: b:popular ~arm|b: b:popular"},
	} {
		for i, want := range strings.Split(c.want, "|") {
			p := place(t, c.def)
			for salt := 0; p.Assign("ann") != &p.Plans()[i]; salt++ {
				c.def.Salt = fmt.Sprint(salt)
				p = place(t, c.def)
			}
			c.ask.Placement = p
			l, err := s.Recommend("ann", c.ask)
			if got := l.Arm.Arm + ": " + ruled(l); err != nil || strings.TrimSpace(got) != want {
				t.Errorf("%s: %s, %v, want %s", name, got, err, want)
			}
		}
	}
}

func TestMisfits(t *testing.T) {
	s := load(t, priced())
	for name, c := range map[string]struct {
		def  placement.Definition
		want []string
	}{
		"none":         {placement.Definition{Filter: "item.price < 3", Strategy: "blend", Rules: []placement.Rule{{Pin: "a", Slot: 1}}}, nil},
		"all":          {placement.Definition{Filter: "item.margin < 3", Strategy: "gone", Rules: []placement.Rule{{Pin: "a", Slot: 1}, {Bury: "item.margin > 3"}}}, []string{"filter: item has no", "rules[1].bury: item has no", `no strategy "gone"`}},
		"passes none":  {placement.Definition{Filter: "item.price > 1e6 and user.aov > 3", Rules: []placement.Rule{{Pin: "gone", Slot: 1}}}, []string{"filter: no item of the catalogue passes item.price > 1e6", `rules[0].pin: item "gone" is not in the catalogue`}},
		"of customers": {placement.Definition{Filter: "user.aov > 3"}, nil},
		"of items":     {placement.Definition{Strategy: s.current.Load().snap.Info().ItemLists[0].Strategy}, nil},
	} {
		misfits := s.Misfits(&place(t, c.def).Plans()[0])
		if len(misfits) != len(c.want) {
			t.Errorf("%s: %v", name, misfits)
			continue
		}
		for i, want := range c.want {
			if !strings.Contains(misfits[i].Error(), want) {
				t.Errorf("%s: %v, want %s", name, misfits[i], want)
			}
		}
	}
	if empty := NewStore(t.TempDir(), Options{}); empty.Misfits(&place(t, placement.Definition{Strategy: "gone"}).Plans()[0]) != nil {
		t.Error("without a snapshot nothing is known")
	}
}

// TestRulesReachDeep: what lies behind all that is read is found.
func TestRulesReachDeep(t *testing.T) {
	sh := shop{horizon: 30}
	for i := range 5000 {
		it := snapshot.Item{ID: fmt.Sprint("i", i), InStock: true, Brand: fmt.Sprint(i / 400)}
		sh.items = append(sh.items, it)
	}
	l, err := load(t, sh).Recommend("u", Ask{K: 6, Placement: place(t, placement.Definition{Rules: []placement.Rule{
		{Pin: "i4999", Slot: 1}, {Reserve: "item.id == 'i3000' or item.id == 'i4500'", Slots: 2}, {AtMost: 2, Per: "brand"}}})})
	want := "i4999:pinned+pin i0:catalogue i1:catalogue i400:catalogue+at_most i3000:catalogue+reserve i4500:catalogue+reserve"
	if err != nil || ruled(l) != want {
		t.Errorf("%s, %v, want %s", ruled(l), err, want)
	}
}

type counts map[string][2]int64

func (c counts) Counts(id string) (impressions, clicks int64) { return c[id][0], c[id][1] }

// TestExploration: the id of a list replays it, slots are explored as often as
// asked, and propensities say so.
func TestExploration(t *testing.T) {
	s := load(t, priced())
	s.opts.Counts = counts{"c": {1000, 50}}
	home := place(t, placement.Definition{K: 2, Explore: .25, Rules: []placement.Rule{{Pin: "a", Slot: 1}}})
	explored := 0
	const n = 3000
	for i := range n {
		ask := Ask{Placement: home, ID: fmt.Sprint(i)}
		l, err := s.Recommend("ann", ask)
		again, err2 := s.Recommend("ann", ask)
		if err != nil || err2 != nil || ruled(l) != ruled(again) || len(l.Items) != 2 {
			t.Fatalf("%s, then %s, %v, %v", ruled(l), ruled(again), err, err2)
		}
		if l.Items[0].ID != "a" || l.Items[0].Propensity != 1 {
			t.Fatalf("the pin gave way: %s", ruled(l))
		}
		switch it := l.Items[1]; {
		case it.Strategy == Explored:
			explored++
			if it.ID == "a" || it.ID == "e" || !(it.Propensity > 0 && it.Propensity < .25) {
				t.Fatalf("explored %+v", it)
			}
		case it.ID != "e" || it.Propensity != .75:
			t.Fatalf("not explored: %+v", it)
		}
	}
	if e := 5 * math.Sqrt(n*.25*.75); math.Abs(float64(explored)-n*.25) > e {
		t.Errorf("%d of %d explored, want %v ± %v", explored, n, n*.25, e)
	}
}

// What nobody ever bought lies behind all that a list is made of. It is explored
// where it is like what the customer buys, with the propensity of all the others.
func TestExplorationFindsWhatIsNew(t *testing.T) {
	sh := shop{horizon: 90, novel: true, users: map[string]snapshot.User{}}
	seen := counts{}
	for i := range 300 {
		id := fmt.Sprint("i", i)
		sh.items = append(sh.items, snapshot.Item{ID: id, InStock: i != 291})
		sh.popular = append(sh.popular, snapshot.Candidate{Item: int32(i), Score: float32(1000 - i)})
		seen[id] = [2]int64{5000, 100}
	}
	delete(seen, "i290")
	delete(seen, "i291")
	sh.users["ann"] = snapshot.User{Lists: [][]snapshot.Candidate{nil, nil, nil, nil, {{Item: 0, Score: 3}, {Item: 291, Score: 2}, {Item: 290, Score: 1}}}}
	s := load(t, sh)
	s.opts.Counts = seen
	const n = 400
	inverse, times := 0.0, 0
	for i := range n {
		l, err := s.Recommend("ann", Ask{Placement: place(t, placement.Definition{K: 1, Explore: .5}), ID: fmt.Sprint(i)})
		if err != nil || len(l.Items) != 1 {
			t.Fatalf("%+v, %v", l, err)
		}
		if it := l.Items[0]; it.ID == "i290" {
			times++
			inverse += 1 / it.Propensity
			if it.Strategy != Explored || it.Reason.Kind == "" {
				t.Fatalf("%+v", it)
			}
		} else if it.ID == "i291" {
			t.Fatal("what is out of stock is explored")
		}
	}
	// It can be explored in every list: what was told of how often adds up to that.
	if e := 5 * math.Sqrt(n); times < n/4 || math.Abs(inverse-n) > e {
		t.Errorf("explored %d times of %d, with propensities that say %v", times, n, inverse)
	}
	if l, err := s.Recommend("nobody", Ask{Placement: place(t, placement.Definition{K: 1, Explore: 1}), ID: "x"}); err != nil || l.Items[0].ID == "i290" {
		t.Errorf("%+v, %v", l, err)
	}
}

// What was explored counts for what may be explored behind it.
func TestExplorationKeepsAtMost(t *testing.T) {
	sh := tiny()
	for i, brand := range []string{"X", "Y", "Z", "Z", "Z", "Z"} {
		sh.items[i].Brand = brand
	}
	s := load(t, sh)
	home := place(t, placement.Definition{K: 2, Explore: 1, Rules: []placement.Rule{{AtMost: 1, Per: "brand"}}})
	for i := range 20 {
		l, err := s.Recommend("nobody", Ask{Placement: home, ID: fmt.Sprint(i)})
		if err != nil || len(l.Items) != 2 || l.Items[0].Strategy != Explored || l.Items[1].Strategy == Explored {
			t.Fatalf("%s, %v", text(l), err)
		}
	}
}

// Exploration leaves a reserve what it is for, also where that would be listed
// without it, and gives the other slots away.
func TestExplorationKeepsReserves(t *testing.T) {
	s := load(t, priced())
	home := place(t, placement.Definition{K: 3, Explore: 1, Rules: []placement.Rule{{Reserve: "item.id == 'e'", Slots: 1}}})
	for i := range 50 {
		l, err := s.Recommend("ann", Ask{Placement: home, ID: fmt.Sprint(i)})
		if err != nil || l.Items[0].ID != "e" || l.Items[0].Strategy != "repeat" || l.Items[0].Propensity != 1 || l.Items[1].Strategy != Explored {
			t.Fatalf("%s, %v", ruled(l), err)
		}
	}
}

// Whatever a placement asks, a list is as long as what may be shown, holds no item
// twice and none that may not be shown.
func TestPlacementsAreNeverShort(t *testing.T) {
	s := load(t, priced())
	rules := []placement.Rule{{Pin: "c", Slot: 2}, {Pin: "d", Slot: 1}, {Boost: "item.price > 1", Factor: 4}, {Bury: "item.brand == 'X'"}, {Reserve: "item.brand == 'Y'", Share: .5}, {AtMost: 1, Per: "brand"}}
	rapid.Check(t, func(rt *rapid.T) {
		def := placement.Definition{Explore: rapid.SampledFrom([]float64{0, .3, 1}).Draw(rt, "explore"),
			Rules: rapid.Permutation(rules).Draw(rt, "rules")[:rapid.IntRange(0, len(rules)).Draw(rt, "many")]}
		able := map[string]bool{"a": true, "b": true, "c": true, "e": true, "f": true}
		var exclude []string
		for _, id := range rapid.SliceOfDistinct(rapid.SampledFrom([]string{"a", "b", "c", "d", "e", "f"}), rapid.ID).Draw(rt, "exclude") {
			exclude = append(exclude, id)
			delete(able, id)
		}
		k := rapid.IntRange(1, 8).Draw(rt, "k")
		ask := Ask{K: k, Exclude: exclude, Placement: place(t, def), ID: rapid.StringN(1, 9, 9).Draw(rt, "id")}
		l, err := s.Recommend(rapid.SampledFrom([]string{"ann", "bob", "nobody"}).Draw(rt, "user"), ask)
		if err != nil || len(l.Items) != min(k, len(able)) {
			rt.Fatalf("%s of %v, %v", ruled(l), able, err)
		}
		falling(rt, l)
		var seen []string
		for _, it := range l.Items {
			if !able[it.ID] || slices.Contains(seen, it.ID) {
				rt.Fatalf("%s must not be in %s", it.ID, ruled(l))
			}
			seen = append(seen, it.ID)
		}
	})
}

// Who refuses, by the snapshot or by what was told since, has a card without scores.
func TestScoresOfWhoRefuses(t *testing.T) {
	sh := priced()
	for _, id := range []string{"bob", "new"} {
		u := sh.users[id]
		u.Scores = &snapshot.Scores{Churn: &snapshot.Churn{Probability: .2, Percentile: .1, Band: "low"}, ReturnProbability: .8, Stage: "growth"}
		sh.users[id] = u
	}
	s := listening(t, sh, told{out: map[string]bool{"new": true}, erased: map[string]bool{"ann": true}}, noon)
	for _, id := range []string{"bob", "new"} {
		card, ok, err := s.Scores(id)
		if err != nil || !ok || !card.OptedOut || card.Scores.Churn != nil || card.Scores.Stage != "" || card.UserID != id ||
			!strings.Contains(card.Note(English), "refuses personalisation") || !strings.Contains(card.Note(Chinese), "拒绝个性化") {
			t.Errorf("%s: %+v, %v, %v", id, card, ok, err)
		}
	}
	if _, ok, err := s.Scores("ann"); ok || err != nil {
		t.Errorf("erased: %v, %v", ok, err)
	}
}

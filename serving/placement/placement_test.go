package placement

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestBadDefinitions(t *testing.T) {
	rule := func(r ...Rule) Definition { return Definition{Name: "home", Rules: r} }
	arms := func(a ...Arm) Definition { return Definition{Name: "home", Arms: a} }
	tooMany, half := 501, .5
	for want, d := range map[string]Definition{
		`"": its name has 0 bytes`:                   {},
		`"home": k is 501: it must be from 0 to 500`: {Name: "home", K: 501},
		`explore is 1.5: it must be from 0 to 1`:     {Name: "home", Explore: 1.5},
		`explore is NaN`:                             {Name: "home", Explore: math.NaN()},
		`rules[0]: it must be exactly one of pin, boost, bury, reserve and at_most`: rule(Rule{}),
		`rules[1]: it must be exactly one of`:                                       rule(Rule{Bury: "f"}, Rule{Bury: "f", Pin: "a"}),
		`rules[0].slot is 0: it must be from 1 to 500`:                              rule(Rule{Pin: "a"}),
		`rules[0].factor is 0: it must be above 0`:                                  rule(Rule{Boost: "f"}),
		`rules[0].factor is +Inf`:                                                   rule(Rule{Boost: "f", Factor: math.Inf(1)}),
		`rules[0].reserve needs either slots or share`:                              rule(Rule{Reserve: "f"}),
		`rules[0].slots is -1`:                                                      rule(Rule{Reserve: "f", Slots: -1}),
		`rules[0].share is 2: it must be from 0 to 1`:                               rule(Rule{Reserve: "f", Share: 2}),
		`rules[0].at_most is -1: it must be at least 1`:                             rule(Rule{AtMost: -1, Per: "brand"}),
		`rules[0].per is "shelf": it must be brand or category`:                     rule(Rule{AtMost: 1, Per: "shelf"}),
		`rules[0].slot goes with pin, not with bury`:                                rule(Rule{Bury: "f", Slot: 1}),
		`rules[1].pin: item "a" is pinned twice`:                                    rule(Rule{Pin: "a", Slot: 1}, Rule{Pin: "a", Slot: 2}),
		`rules[1].slot: two items are pinned to slot 1`:                             rule(Rule{Pin: "a", Slot: 1}, Rule{Pin: "b", Slot: 1}),
		`rules[1].per: two rules say how many of one brand`:                         rule(Rule{AtMost: 1, Per: "brand"}, Rule{AtMost: 2, Per: "brand"}),
		`rules: 65 are more than 64`:                                                rule(slices.Repeat([]Rule{{Bury: "f"}}, 65)...),
		`arms[0].name has 0 bytes`:                                                  arms(Arm{Share: 1}),
		`arms[1].name "a" stands there twice`:                                       arms(Arm{Name: "a", Share: .5}, Arm{Name: "a", Share: .5}),
		`arms[0].share of "a" is 0: it must be above 0`:                             arms(Arm{Name: "a"}),
		`arms: the shares add up to 0.75: they must make 1`:                         arms(Arm{Name: "a", Share: .25}, Arm{Name: "b", Share: .5}),
		`placements[0] "home": arm "b": k is 501`:                                   arms(Arm{Name: "a", Share: .5}, Arm{Name: "b", Share: .5, K: &tooMany}),
		`placements[0] "home": arm "a": rules[0].boost: no such field`:              {Name: "home", Arms: []Arm{{Name: "a", Share: 1, Explore: &half}}, Rules: []Rule{{Boost: "bad", Factor: 2}}},
		`placements[0] "home": arm "default": filter: no such field`:                {Name: "home", Filter: "bad"},
	} {
		check := func(source string) error {
			if source == "bad" {
				return fmt.Errorf("no such field")
			}
			return nil
		}
		if _, err := NewSet([]Definition{d}, check); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %s", err, want)
		}
	}
	if _, err := NewSet([]Definition{{Name: "a"}, {Name: "a"}}, nil); err == nil || !strings.Contains(err.Error(), `placements[1].name "a" stands there twice`) {
		t.Error(err)
	}
}

func set(t testing.TB, d Definition) (*Set, *Placement) {
	s, err := NewSet([]Definition{d}, nil)
	if err != nil {
		t.Fatal(err)
	}
	p, _ := s.Find(d.Name)
	return s, p
}

func TestArmsSayWhatDiffers(t *testing.T) {
	popular, none := "popular", []Rule{}
	s, p := set(t, Definition{Name: "home", Strategy: "blend", Filter: "f", K: 7, Rules: []Rule{{Bury: "b"}}, Arms: []Arm{{Name: "a", Share: .5}, {Name: "b", Share: .5, Strategy: &popular, Rules: &none}}})
	a, b := p.Plans()[0], p.Plans()[1]
	if a.Strategy != "blend" || a.K != 7 || len(a.Rules) != 1 || b.Strategy != "popular" || b.Filter != "f" || len(b.Rules) != 0 {
		t.Errorf("%+v, %+v", a, b)
	}
	for _, plan := range p.Plans() {
		if got, ok := s.Of("RANDOM-" + plan.Code); !ok || got.Arm != plan.Arm || got.Placement != "home" {
			t.Errorf("%s is of %+v, %v", plan.Code, got, ok)
		}
	}
	for _, id := range []string{"", "RANDOM", "RANDOM-zzzzzz", "-"} {
		if _, ok := s.Of(id); ok {
			t.Errorf("%q is of an arm", id)
		}
	}
	var nothing *Set
	if _, ok := nothing.Find("home"); ok || nothing.Names() != nil {
		t.Error("a nil set has placements")
	}
}

// TestSplit: shares are kept within five standard errors, the same visitor always
// gets the same arm, and another salt or placement splits independently.
func TestSplit(t *testing.T) {
	define := func(name, salt string) *Placement {
		_, p := set(t, Definition{Name: name, Salt: salt, Arms: []Arm{{Name: "a", Share: .2}, {Name: "b", Share: .5}, {Name: "c", Share: .3}}})
		return p
	}
	first, others := define("home", ""), []*Placement{define("home", "salt"), define("cart", "")}
	const n = 50000
	count, both := map[string]int{}, map[string]int{}
	for i := range n {
		id := fmt.Sprint("user", i)
		arm := first.Assign(id).Arm
		if first.Assign(id).Arm != arm {
			t.Fatal("a visitor changed arms")
		}
		count[arm]++
		for o, other := range others {
			both[fmt.Sprint(o, arm, other.Assign(id).Arm)]++
		}
	}
	share := map[string]float64{"a": .2, "b": .5, "c": .3}
	within := func(what string, got int, p float64) {
		if e := 5 * math.Sqrt(n*p*(1-p)); math.Abs(float64(got)-n*p) > e {
			t.Errorf("%s: %d of %d, want %v ± %v", what, got, n, n*p, e)
		}
	}
	for a, p := range share {
		within(a, count[a], p)
		for b, q := range share {
			for o := range others {
				within(fmt.Sprint(o, a, b), both[fmt.Sprint(o, a, b)], p*q)
			}
		}
	}
}

// A share that grows keeps those whom it had.
func TestGrowingShareKeepsItsVisitors(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		low := rapid.Float64Range(.01, .98).Draw(rt, "low")
		high := rapid.Float64Range(low, .99).Draw(rt, "high")
		visitor := rapid.String().Draw(rt, "visitor")
		arm := func(share float64) string {
			_, p := set(t, Definition{Name: "home", Arms: []Arm{{Name: "a", Share: share}, {Name: "b", Share: 1 - share}}})
			return p.Assign(visitor).Arm
		}
		if arm(low) == "a" && arm(high) != "a" {
			rt.Fatalf("%q left an arm that grew from %v to %v", visitor, low, high)
		}
	})
}

// An arm that comes takes visitors from the others, by its share, and nobody
// changes between those: one who had seen one of them would then be of another.
func TestComingArmTakesFromAll(t *testing.T) {
	_, before := set(t, Definition{Name: "home", Arms: []Arm{{Name: "a", Share: .25}, {Name: "b", Share: .5}, {Name: "c", Share: .25}}})
	_, after := set(t, Definition{Name: "home", Arms: []Arm{{Name: "a", Share: .2}, {Name: "b", Share: .4}, {Name: "c", Share: .2}, {Name: "new", Share: .2}}})
	const n = 20000
	taken := map[string]int{}
	for i := range n {
		id := fmt.Sprint("user", i)
		was, is := before.Assign(id).Arm, after.Assign(id).Arm
		if was != is && is != "new" {
			t.Fatalf("%s went from %s to %s", id, was, is)
		}
		if was != is {
			taken[was]++
		}
	}
	for arm, share := range map[string]float64{"a": .25, "b": .5, "c": .25} {
		if e := 5 * math.Sqrt(n*share*.2*(1-share*.2)); math.Abs(float64(taken[arm])-n*share*.2) > e {
			t.Errorf("%d of %s went, not %v ± %v", taken[arm], arm, n*share*.2, e)
		}
	}
}

// TestArrange works lists out by hand. Items are named by their place: scores
// fall from 1 by .1, brands are X for the first three and Y for the others.
func TestArrange(t *testing.T) {
	items := func(matches map[int][]int) (out []Item) { // rule → items
		for i := range 8 {
			it := Item{Score: 1 - float64(i)/10, Brand: "X", Category: fmt.Sprint(i)}
			if i > 2 {
				it.Brand = "Y"
			}
			for r, list := range matches {
				if slices.Contains(list, i) {
					it.Match |= 1 << r
				}
			}
			out = append(out, it)
		}
		return out
	}
	for name, c := range map[string]struct {
		rules   []Rule
		matches map[int][]int
		want    string // items with their rules
		relaxed string
	}{
		"no rules":                 {want: "0 1 2 3"},
		"pin":                      {[]Rule{{Pin: "x", Slot: 2}}, map[int][]int{0: {6}}, "0 6pin 1 2", ""},
		"pin beyond the end":       {[]Rule{{Pin: "x", Slot: 90}}, map[int][]int{0: {6}}, "0 1 2 6pin", ""},
		"pins beyond the end":      {[]Rule{{Pin: "x", Slot: 90}, {Pin: "y", Slot: 80}}, map[int][]int{0: {6}, 1: {0}}, "1 2 0pin 6pin", ""},
		"pin of nothing":           {[]Rule{{Pin: "x", Slot: 1}}, nil, "0 1 2 3", "pin"},
		"boost":                    {[]Rule{{Boost: "f", Factor: 2}}, map[int][]int{0: {3, 7}}, "3boost 0 1 2", ""},
		"boost down":               {[]Rule{{Boost: "f", Factor: .1}}, map[int][]int{0: {0}}, "1 2 3 4", ""},
		"bury":                     {[]Rule{{Bury: "f"}}, map[int][]int{0: {0, 2}}, "1 3 4 5", ""},
		"bury is no reason to end": {[]Rule{{Bury: "f"}}, map[int][]int{0: {0, 1, 2, 3, 4}}, "5 6 7 0bury", ""},
		"reserve":                  {[]Rule{{Reserve: "f", Slots: 2}}, map[int][]int{0: {1, 6, 7}}, "0 1 2 6reserve", ""},
		"reserve a share":          {[]Rule{{Reserve: "f", Share: .5}}, map[int][]int{0: {5, 6, 7}}, "0 1 5reserve 6reserve", ""},
		"reserve of too few":       {[]Rule{{Reserve: "f", Slots: 3}}, map[int][]int{0: {7}}, "0 1 2 7reserve", "reserve"},
		"reserves in order":        {[]Rule{{Reserve: "f", Slots: 3}, {Reserve: "g", Slots: 3}}, map[int][]int{0: {4, 5, 6}, 1: {7, 3, 2}}, "2 4reserve 5reserve 6reserve", "reserve"},
		"at most":                  {[]Rule{{AtMost: 2, Per: "brand"}}, nil, "0 1 3at_most 4at_most", ""},
		"at most, relaxed":         {[]Rule{{AtMost: 1, Per: "brand"}}, nil, "0 1 2 3at_most", "at_most"},
		"at most keeps out":        {[]Rule{{AtMost: 2, Per: "brand"}, {Reserve: "f", Slots: 3}}, map[int][]int{1: {3, 5, 6}}, "0 1 3at_most 5reserve", "reserve"},
		"all together": {[]Rule{{Pin: "x", Slot: 1}, {Boost: "f", Factor: 3}, {Bury: "g"}, {Reserve: "h", Slots: 1}, {AtMost: 2, Per: "brand"}},
			map[int][]int{0: {7}, 1: {2, 7}, 2: {0}, 3: {5}}, "7boostpin 2boost 1 5reserve", ""},
	} {
		t.Run(name, func(t *testing.T) {
			slots, relaxed := Arrange(c.rules, 4, items(c.matches))
			var got []string
			for _, s := range slots {
				got = append(got, fmt.Sprint(s.Index, strings.Join(s.Rules, "")))
			}
			if strings.Join(got, " ") != c.want || strings.Join(relaxed, " ") != c.relaxed {
				t.Errorf("%v, relaxed %v, want %s, %s", got, relaxed, c.want, c.relaxed)
			}
		})
	}
}

// TestArrangeHolds: whatever the rules, the list is as long as it can be, no item
// stands there twice, scores do not rise, and each rule that is not said to be
// relaxed holds.
func TestArrangeHolds(t *testing.T) {
	kinds := []Rule{{Pin: "p", Slot: 2}, {Pin: "q", Slot: 5}, {Boost: "f", Factor: 3}, {Bury: "g"}, {Reserve: "h", Slots: 3}, {Reserve: "i", Share: .4}, {AtMost: 2, Per: "brand"}, {AtMost: 3, Per: "category"}}
	rapid.Check(t, func(rt *rapid.T) {
		rules := rapid.Permutation(kinds).Draw(rt, "rules")[:rapid.IntRange(0, len(kinds)).Draw(rt, "many")]
		items := make([]Item, rapid.IntRange(0, 40).Draw(rt, "items"))
		for i := range items {
			items[i] = Item{Score: rapid.Float64Range(-2, 2).Draw(rt, "score"), Brand: rapid.SampledFrom([]string{"", "a", "b", "c"}).Draw(rt, "brand"),
				Category: rapid.SampledFrom([]string{"", "x", "y"}).Draw(rt, "category"), Match: rapid.Uint64().Draw(rt, "match")}
		}
		for r, rule := range rules { // a pin is about one item
			pinned := rapid.IntRange(0, 50).Draw(rt, "pinned")
			for i := range items {
				if rule.Pin != "" && i != pinned {
					items[i].Match &^= 1 << r
				}
			}
		}
		slices.SortStableFunc(items, func(a, b Item) int { return int(math.Copysign(1, b.Score-a.Score)) })
		k := rapid.IntRange(1, 30).Draw(rt, "k")
		slots, relaxed := Arrange(rules, k, items)
		if len(slots) != min(k, len(items)) {
			rt.Fatalf("%d slots of %d from %d items", len(slots), k, len(items))
		}
		seen := map[int]bool{}
		count := map[string]int{}
		for s, slot := range slots {
			if seen[slot.Index] || s > 0 && slot.Score > slots[s-1].Score {
				rt.Fatalf("slot %d in %+v", s, slots)
			}
			seen[slot.Index] = true
			count["brand"+items[slot.Index].Brand]++
			count["category"+items[slot.Index].Category]++
		}
		for r, rule := range rules {
			matching, there := 0, 0
			for i, it := range items {
				if it.matches(r) {
					there++
					if seen[i] {
						matching++
					}
				}
			}
			kind, held := rule.Kind(), true
			switch kind {
			case Pin:
				held = there > 0 && matching == 1
			case Reserve:
				held = matching >= rule.slotsOf(len(slots))
			case AtMost:
				for of, n := range count {
					if name, ok := strings.CutPrefix(of, rule.Per); ok && name != "" && n > rule.AtMost {
						// Two pins may be more than are allowed.
						held = false
					}
				}
			}
			pins := slices.ContainsFunc(rules, func(r Rule) bool { return r.Pin != "" })
			if !held && !slices.Contains(relaxed, kind) && !(kind == AtMost && pins) {
				rt.Fatalf("%s does not hold in %+v, relaxed %v", kind, slots, relaxed)
			}
		}
	})
}

// What Need keeps of a long list arranges as well as the whole of it: no rule is
// relaxed that the whole list would have kept.
func TestNeedKeepsWhatRulesAsk(t *testing.T) {
	rules := []Rule{{Reserve: "r", Slots: 4}, {AtMost: 2, Per: "brand"}}
	rapid.Check(t, func(rt *rapid.T) {
		items := make([]Item, 600)
		rare, brand := rapid.IntRange(1, 300).Draw(rt, "rare"), rapid.IntRange(1, 200).Draw(rt, "brand")
		for i := range items {
			items[i] = Item{Score: float64(-i), Brand: fmt.Sprint(i / brand)}
			if i%rare == rare-1 {
				items[i].Match = 1
			}
		}
		need, kept := NewNeed(rules, 8), []Item(nil)
		for _, it := range items {
			if need.Met() {
				break
			}
			if need.Wants(it) {
				need.Add(it)
				kept = append(kept, it)
			}
		}
		_, all := Arrange(rules, 8, items)
		slots, some := Arrange(rules, 8, kept)
		if len(slots) != 8 || len(kept) > 600 || !slices.Equal(all, some) && !slices.Contains(all, AtMost) {
			rt.Fatalf("of %d items %v is relaxed, of %d %v", len(items), all, len(kept), some)
		}
	})
}

// TestLikeliest compares the integral with draws from the posteriors.
func TestLikeliest(t *testing.T) {
	trials := []Trial{{0, 0, 0}, {1, 10, 2}, {2, 1000, 60}, {3, 40, 0}, {4, 200000, 20000}, {5, 3, 5}}
	beliefs := widest(trials)
	got := likeliest(beliefs)
	random := rapidFree(7)
	const n = 40000
	wins := make([]float64, len(beliefs))
	for range n {
		best, at := -1.0, 0
		for i, b := range beliefs {
			if x := random.beta(b.a, b.b); x > best {
				best, at = x, i
			}
		}
		wins[at]++
	}
	sum := 0.0
	for i := range beliefs {
		sum += got[i]
		if d := math.Abs(wins[i]/n - got[i]); d > .015 {
			t.Errorf("trial %+v wins %v of the draws, %v by the integral", beliefs[i].Trial, wins[i]/n, got[i])
		}
	}
	if math.Abs(sum-1) > 1e-12 {
		t.Errorf("probabilities add up to %v", sum)
	}
}

// TestExplore: propensities are how often things happen, and a seed replays.
func TestExplore(t *testing.T) {
	trials := []Trial{{10, 0, 0}, {11, 100, 20}, {12, 50, 1}}
	open := func(s int) bool { return s != 1 }
	may := func(before []Probe, t Trial) bool { return len(before) != 2 || t.Index == 12 }
	const n = 10000
	type at struct{ slot, index int }
	seen, told := map[at]int{}, map[at]float64{}
	for i := range n {
		seed := fmt.Sprint("id", i)
		probes := Explore(.3, seed, 4, trials, open, may)
		if again := Explore(.3, seed, 4, trials, open, may); !slices.Equal(probes, again) {
			t.Fatal("the same seed explored otherwise")
		}
		if probes[1].Explored || probes[1].Propensity != 1 {
			t.Fatalf("a slot that is not open: %+v", probes[1])
		}
		if probes[2].Explored && probes[2].Index != 12 {
			t.Fatalf("what may not stand there: %+v", probes[2])
		}
		// The first slot has nothing before it: its propensities are plain ones.
		key := at{0, -1}
		if probes[0].Explored {
			key.index = probes[0].Index
		}
		seen[key]++
		told[key] = probes[0].Propensity
	}
	sum := 0.0
	for key, p := range told {
		sum += p
		if e := 5 * math.Sqrt(p*(1-p)/n); math.Abs(float64(seen[key])/n-p) > e {
			t.Errorf("%+v happened %v of the time, told %v ± %v", key, float64(seen[key])/n, p, e)
		}
	}
	if sum > 1+1e-9 || sum < .999 { // what is too unlikely to have happened is missing
		t.Errorf("propensities of one slot add up to %v", sum)
	}
	for _, p := range Explore(1, "x", 5, trials, func(int) bool { return true }, func([]Probe, Trial) bool { return true })[3:] {
		if p.Explored || p.Propensity != 1 {
			t.Errorf("with no trial left: %+v", p)
		}
	}
}

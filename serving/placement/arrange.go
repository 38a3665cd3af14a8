package placement

import (
	"cmp"
	"maps"
	"math"
	"slices"
)

// Item is one that may be shown.
type Item struct {
	Score           float64 // higher comes first
	Brand, Category string  // "" = unknown: no two unknown ones are of one brand
	Match           uint64  // bit r: the rule numbered r is about this item
}

// of returns what at_most counts by.
func (it Item) of(per string) string {
	if per == PerBrand {
		return it.Brand
	}
	return it.Category
}

func (it Item) matches(rule int) bool { return it.Match&(1<<rule) != 0 }

// Slot is one place of an arranged list.
type Slot struct {
	Index int     // of the item
	Score float64 // never above that of the slot before
	Rules []string
	Held  bool // by a pin or a reserve: nothing else may take it
}

// Arrange makes a list of k items, or of all where there are fewer, by the rules:
//
//   - boost multiplies scores (divides those below 0), bury puts behind all others;
//   - pins take their slots, or the last one where the list is shorter;
//   - reserves take the best of theirs within at_most;
//   - the rest are the best within at_most.
//
// Rules never make a list short. Where not all can hold, at_most keeps out what
// is reserved, and is itself relaxed where the list would be short; bury is only an
// order. relaxed names the rules that did not hold, as does a pin or a reserve
// for which there is nothing. The items must be distinct.
func Arrange(rules []Rule, k int, items []Item) (slots []Slot, relaxed []string) {
	a := &arrangement{rules: rules, items: items, k: min(k, len(items)), in: make([]bool, len(items)),
		held: make([]bool, len(items)), pins: make([]bool, len(items)), labels: make([][]string, len(items)), count: map[group]int{}}
	a.rank()
	a.pin()
	a.reserve()
	a.admit(a.fits)
	a.noteAtMost()
	if a.size < a.k {
		a.relaxed = append(a.relaxed, AtMost)
		a.admit(func(int) bool { return true })
	}
	return a.slots(), a.distinct()
}

type arrangement struct {
	rules   []Rule
	items   []Item
	k       int
	order   []int // indices of items, the best first
	scores  []float64
	in      []bool
	held    []bool // in for a reserve alone
	pins    []bool // in for a pin
	count   map[group]int
	size    int
	pinned  []int // item by slot; −1 = none
	labels  [][]string
	relaxed []string
}

// group is the items that a rule counts together.
type group struct {
	rule int
	of   string
}

// rank orders the items by score, boosted and buried.
func (a *arrangement) rank() {
	a.order, a.scores = make([]int, len(a.items)), make([]float64, len(a.items))
	buried := make([]bool, len(a.items))
	for i, it := range a.items {
		a.order[i], a.scores[i] = i, it.Score
		for r, rule := range a.rules {
			if !it.matches(r) {
				continue
			}
			switch rule.Kind() {
			case Boost:
				a.scores[i] = boosted(a.scores[i], rule.Factor)
				a.label(i, Boost)
			case Bury:
				buried[i] = true
				a.label(i, Bury)
			}
		}
	}
	slices.SortStableFunc(a.order, func(x, y int) int {
		if buried[x] != buried[y] {
			if buried[y] {
				return -1
			}
			return 1
		}
		return cmp.Compare(a.scores[y], a.scores[x])
	})
}

// boosted raises a score by a factor above 1, whatever its sign.
func boosted(score, factor float64) float64 {
	if score < 0 {
		factor = 1 / factor
	}
	return min(max(score*factor, -math.MaxFloat32), math.MaxFloat32)
}

func (a *arrangement) label(i int, kind string) {
	if !slices.Contains(a.labels[i], kind) {
		a.labels[i] = append(a.labels[i], kind)
	}
}

func (a *arrangement) put(i int) {
	a.in[i] = true
	a.size++
	for r, rule := range a.rules {
		if rule.AtMost > 0 {
			a.count[group{r, a.items[i].of(rule.Per)}]++
		}
	}
}

// pin gives items their slots. One beyond the end takes the last free one.
func (a *arrangement) pin() {
	a.pinned = slices.Repeat([]int{-1}, a.k)
	for r, rule := range a.rules {
		if rule.Kind() != Pin {
			continue
		}
		i := slices.IndexFunc(a.items, func(it Item) bool { return it.matches(r) })
		slot := min(rule.Slot, a.k) - 1
		for slot >= 0 && a.pinned[slot] >= 0 {
			slot--
		}
		if i < 0 || slot < 0 || a.in[i] {
			a.relaxed = append(a.relaxed, Pin)
			continue
		}
		a.pinned[slot], a.pins[i] = i, true
		a.put(i)
		a.label(i, Pin)
	}
}

// slotsOf returns how many slots of a list of k a reserve is for.
func (r Rule) slotsOf(k int) int {
	if r.Slots > 0 {
		return min(r.Slots, k)
	}
	return int(math.Round(r.Share * float64(k)))
}

func (a *arrangement) reserve() {
	natural := a.natural()
	for r, rule := range a.rules {
		if rule.Kind() != Reserve {
			continue
		}
		missing := rule.slotsOf(a.k)
		for i, in := range a.in {
			if in && a.items[i].matches(r) {
				missing--
			}
		}
		for _, i := range a.order {
			if missing <= 0 || a.size >= a.k {
				break
			}
			if a.in[i] || !a.items[i].matches(r) || !a.fits(i) {
				continue
			}
			a.put(i)
			if missing--; !natural[i] {
				a.held[i] = true
				a.label(i, Reserve)
			}
		}
		if missing > 0 {
			a.relaxed = append(a.relaxed, Reserve)
		}
	}
}

// natural returns what would be listed without reserves.
func (a *arrangement) natural() []bool {
	b := *a
	b.in, b.count = slices.Clone(a.in), maps.Clone(a.count)
	b.admit(b.fits)
	return b.in
}

// admit adds the best items that may, until the list is full.
func (a *arrangement) admit(may func(i int) bool) {
	for _, i := range a.order {
		if a.size >= a.k {
			return
		}
		if !a.in[i] && may(i) {
			a.put(i)
		}
	}
}

// fits reports whether the list may hold the item beside those that it has.
func (a *arrangement) fits(i int) bool {
	for r, rule := range a.rules {
		of := a.items[i].of(rule.Per)
		if rule.AtMost > 0 && of != "" && a.count[group{r, of}] >= rule.AtMost {
			return false
		}
	}
	return true
}

// noteAtMost labels what is in because something better was too many.
func (a *arrangement) noteAtMost() {
	tooMany := false // something better was
	for _, i := range a.order {
		switch {
		case !a.in[i]:
			tooMany = tooMany || !a.fits(i)
		case tooMany && !a.held[i] && !a.pins[i]:
			a.label(i, AtMost)
		}
	}
}

func (a *arrangement) slots() []Slot {
	out := make([]Slot, 0, a.k)
	next := 0
	for s := range a.k {
		i := a.pinned[s]
		if i < 0 {
			for i = a.order[next]; !a.in[i] || a.pins[i]; i = a.order[next] {
				next++
			}
			next++
		}
		out = append(out, Slot{Index: i, Score: a.scores[i], Rules: a.labels[i], Held: a.pins[i] || a.held[i]})
	}
	a.level(out)
	return out
}

// level gives what a pin placed the score of its neighbours, and keeps scores
// from rising where what is buried scored more.
func (a *arrangement) level(out []Slot) {
	for s := len(out) - 1; s >= 0; s-- {
		if a.pinned[s] >= 0 && s+1 < len(out) {
			out[s].Score = out[s+1].Score
		}
	}
	for s := 1; s < len(out); s++ {
		out[s].Score = min(out[s].Score, out[s-1].Score)
	}
}

// distinct returns the names of the relaxed rules, each once.
func (a *arrangement) distinct() []string {
	slices.Sort(a.relaxed)
	return slices.Compact(a.relaxed)
}

// Encroached reports whether a list, which an item was taken from, has fewer than
// this rule, numbered n, reserves of its kind.
func (r Rule) Encroached(n int, taken Item, list []Item) bool {
	if r.Reserve == "" || !taken.matches(n) {
		return false
	}
	left := 0
	for _, it := range list {
		if it.matches(n) {
			left++
		}
	}
	return left < r.slotsOf(len(list))
}

// Exceeded reports whether a list has more items of the brand or category of an
// item than an at_most lets it.
func (r Rule) Exceeded(by Item, list []Item) bool {
	if r.AtMost == 0 || by.of(r.Per) == "" {
		return false
	}
	n := 0
	for _, it := range list {
		if it.of(r.Per) == by.of(r.Per) {
			n++
		}
	}
	return n > r.AtMost
}

package rules

import (
	"cmp"
	"slices"
)

// rule is "first (and second) → consequent" as it is mined; second is -1 in a
// rule of one item, else above first.
type rule struct {
	first, second, consequent int32
	count, antecedent         int32 // baskets with all of it, and with first and second
	strength                  float64
}

// compareStrength orders rules by strength, strongest first, of equals by items.
// No two rules are equal, so which are kept depends on nothing but the rules.
func compareStrength(a, b rule) int {
	return cmp.Or(cmp.Compare(b.strength, a.strength), compareItems(a, b))
}

func compareItems(a, b rule) int {
	return cmp.Or(cmp.Compare(a.first, b.first), cmp.Compare(a.second, b.second), cmp.Compare(a.consequent, b.consequent))
}

// strongest keeps the limit strongest of the rules added. It holds up to twice as
// many and sorts only when full, after which what is weaker than the last kept
// is not taken up.
type strongest struct {
	limit int
	rules []rule
	floor *rule
}

func (s *strongest) add(r rule) {
	if s.limit == 0 || s.floor != nil && compareStrength(r, *s.floor) > 0 {
		return
	}
	s.rules = append(s.rules, r)
	if len(s.rules) >= 2*s.limit {
		s.cut()
	}
}

func (s *strongest) cut() {
	if len(s.rules) <= s.limit {
		return
	}
	slices.SortFunc(s.rules, compareStrength)
	s.rules = s.rules[:s.limit]
	last := s.rules[s.limit-1]
	s.floor = &last
}

func (s *strongest) merge(t *strongest) {
	for _, r := range t.rules {
		s.add(r)
	}
}

// sorted returns what both keep, by items.
func sorted(a, b *strongest) []rule {
	a.cut()
	b.cut()
	all := slices.Concat(a.rules, b.rules)
	slices.SortFunc(all, compareItems)
	return all
}

package placement

// Need says whether the items seen so far are enough to arrange, and which
// further ones would help: what is reserved, or brands and categories of which
// there are too few, may lie deep in a catalogue.
type Need struct {
	rules   []Rule
	general int   // further items wanted whatever they are
	missing []int // by rule: further items that a reserve, or a list within at_most, wants
	count   map[needGroup]int
}

// needGroup is the items that an at_most counts together, among those that are
// for one rule.
type needGroup struct {
	wanted int // the rule
	group
}

// spare is how many more items than its slots a list is arranged of, as a
// multiple of the slots and in number: boosts bring up what is just below.
const (
	spareTimes = 3
	spareItems = 50
)

// NewNeed says what a list of k items by the rules needs.
func NewNeed(rules []Rule, k int) *Need {
	n := &Need{rules: rules, general: spareTimes*k + spareItems, missing: make([]int, len(rules)), count: map[needGroup]int{}}
	for r, rule := range rules {
		switch rule.Kind() {
		case Reserve:
			n.missing[r] = rule.slotsOf(k)
		case AtMost:
			n.missing[r] = k
		}
	}
	return n
}

// Wants reports whether an item would help.
func (n *Need) Wants(it Item) bool {
	if n.general > 0 {
		return true
	}
	for r := range n.rules {
		if n.missing[r] > 0 && n.serves(r, it) {
			return true
		}
	}
	return false
}

// Add takes an item that is wanted.
func (n *Need) Add(it Item) {
	n.general--
	for r := range n.rules {
		if n.missing[r] <= 0 || !n.serves(r, it) {
			continue
		}
		n.missing[r]--
		for c, rule := range n.rules {
			if rule.AtMost > 0 {
				n.count[needGroup{r, group{c, it.of(rule.Per)}}]++
			}
		}
	}
}

// serves reports whether a rule would take the item beside those that it has,
// as far as at_most lets it.
func (n *Need) serves(r int, it Item) bool {
	if n.rules[r].Reserve != "" && !it.matches(r) {
		return false
	}
	for c, rule := range n.rules {
		of := it.of(rule.Per)
		if rule.AtMost > 0 && of != "" && n.count[needGroup{r, group{c, of}}] >= rule.AtMost {
			return false
		}
	}
	return true
}

// Met reports whether no further item would help.
func (n *Need) Met() bool {
	if n.general > 0 {
		return false
	}
	for r := range n.rules {
		if n.missing[r] > 0 {
			return false
		}
	}
	return true
}

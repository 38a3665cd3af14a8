package placement

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"slices"
)

// Definition is a placement as it is configured. Its arms follow it but for what
// they say themselves; without arms it has one, called "default".
type Definition struct {
	Name     string  `yaml:"name"`
	Strategy string  `yaml:"strategy"` // empty = the shop's own choice
	Filter   string  `yaml:"filter"`   // empty = everything
	K        int     `yaml:"k"`        // items of a list that does not say; 0 = as without a placement
	Rules    []Rule  `yaml:"rules"`
	Explore  float64 `yaml:"explore"` // share of the slots that go to items of which little is known
	Salt     string  `yaml:"salt"`    // another one splits visitors anew
	Arms     []Arm   `yaml:"arms"`
}

// Arm is one of several ways to make the lists of a placement. What is absent is
// as in the placement.
type Arm struct {
	Name     string   `yaml:"name"`
	Share    float64  `yaml:"share"` // of the visitors; those of all arms make 1
	Strategy *string  `yaml:"strategy"`
	Filter   *string  `yaml:"filter"`
	K        *int     `yaml:"k"`
	Rules    *[]Rule  `yaml:"rules"`
	Explore  *float64 `yaml:"explore"`
}

// Rule is one merchandising rule: exactly one of Pin, Boost, Bury, Reserve and
// AtMost is set. Filters are of the language of requests.
type Rule struct {
	Pin     string  `yaml:"pin"`     // item id, which takes the slot
	Slot    int     `yaml:"slot"`    // of a pin, from 1
	Boost   string  `yaml:"boost"`   // filter whose items score Factor times as much
	Factor  float64 `yaml:"factor"`  // of a boost
	Bury    string  `yaml:"bury"`    // filter whose items go behind all others
	Reserve string  `yaml:"reserve"` // filter whose items get Slots slots, or the Share of them
	Slots   int     `yaml:"slots"`   // of a reserve
	Share   float64 `yaml:"share"`   // of a reserve, from 0 to 1
	AtMost  int     `yaml:"at_most"` // items of one Per
	Per     string  `yaml:"per"`     // brand or category
}

// What rules are called.
const (
	Pin     = "pin"
	Boost   = "boost"
	Bury    = "bury"
	Reserve = "reserve"
	AtMost  = "at_most"
)

// What AtMost may be per.
const (
	PerBrand    = "brand"
	PerCategory = "category"
)

// Kind returns what the rule is called; "" where it is none or several.
func (r Rule) Kind() string {
	kind := ""
	for name, set := range map[string]bool{Pin: r.Pin != "", Boost: r.Boost != "", Bury: r.Bury != "", Reserve: r.Reserve != "", AtMost: r.AtMost != 0} {
		if set && kind != "" {
			return ""
		}
		if set {
			kind = name
		}
	}
	return kind
}

// Filter returns the filter of the rule, or "".
func (r Rule) Filter() string { return cmp.Or(r.Boost, r.Bury, r.Reserve) }

// Limits of definitions.
const (
	maxPlacements = 1000
	maxRules      = 64 // one bit each of Item.Match
	maxArms       = 16
	maxName       = 128 // bytes
	maxK          = 500
	maxFactor     = 1e6
)

func (d Definition) check() error {
	if d.Name == "" || len(d.Name) > maxName {
		return fmt.Errorf("its name has %d bytes: it must have 1 to %d", len(d.Name), maxName)
	}
	if len(d.Arms) > maxArms {
		return fmt.Errorf("arms: %d are more than %d", len(d.Arms), maxArms)
	}
	if err := d.checkShares(); err != nil {
		return err
	}
	for _, p := range d.plans() {
		if err := p.check(); err != nil {
			if len(d.Arms) > 0 {
				err = fmt.Errorf("arm %q: %w", p.Arm, err)
			}
			return err
		}
	}
	return nil
}

// checkShares refuses arms that leave open who gets what.
func (d Definition) checkShares() error {
	sum, seen := 0.0, map[string]bool{}
	for i, a := range d.Arms {
		switch {
		case a.Name == "" || len(a.Name) > maxName:
			return fmt.Errorf("arms[%d].name has %d bytes: it must have 1 to %d", i, len(a.Name), maxName)
		case seen[a.Name]:
			return fmt.Errorf("arms[%d].name %q stands there twice", i, a.Name)
		case !(a.Share > 0 && a.Share <= 1):
			return fmt.Errorf("arms[%d].share of %q is %v: it must be above 0 and at most 1", i, a.Name, a.Share)
		}
		seen[a.Name] = true
		sum += a.Share
	}
	if len(d.Arms) > 0 && math.Abs(sum-1) > 1e-6 {
		return fmt.Errorf("arms: the shares add up to %v: they must make 1", sum)
	}
	return nil
}

func (p Plan) check() error {
	if p.K < 0 || p.K > maxK {
		return fmt.Errorf("k is %d: it must be from 0 to %d", p.K, maxK)
	}
	if !(p.Explore >= 0 && p.Explore <= 1) {
		return fmt.Errorf("explore is %v: it must be from 0 to 1, such as 0.1", p.Explore)
	}
	if len(p.Rules) > maxRules {
		return fmt.Errorf("rules: %d are more than %d", len(p.Rules), maxRules)
	}
	for i, r := range p.Rules {
		if err := r.check(); err != nil {
			return fmt.Errorf("rules[%d]%w", i, err)
		}
		if err := r.clash(p.Rules[:i]); err != nil {
			return fmt.Errorf("rules[%d]%w", i, err)
		}
	}
	return nil
}

// check returns what is wrong with the rule; the text begins behind its number.
func (r Rule) check() error {
	kind := r.Kind()
	switch {
	case kind == "":
		return errors.New(": it must be exactly one of pin, boost, bury, reserve and at_most")
	case kind == Pin && (r.Slot < 1 || r.Slot > maxK):
		return fmt.Errorf(".slot is %d: it must be from 1 to %d", r.Slot, maxK)
	case kind == Boost && !(r.Factor > 0 && r.Factor <= maxFactor):
		return fmt.Errorf(".factor is %v: it must be above 0 and at most %v", r.Factor, float64(maxFactor))
	case kind == Reserve && (r.Slots == 0) == (r.Share == 0):
		return errors.New(".reserve needs either slots or share")
	case kind == Reserve && (r.Slots < 0 || r.Slots > maxK):
		return fmt.Errorf(".slots is %d: it must be from 1 to %d", r.Slots, maxK)
	case kind == Reserve && !(r.Share >= 0 && r.Share <= 1):
		return fmt.Errorf(".share is %v: it must be from 0 to 1", r.Share)
	case kind == AtMost && r.AtMost < 1:
		return fmt.Errorf(".at_most is %d: it must be at least 1", r.AtMost)
	case kind == AtMost && r.Per != PerBrand && r.Per != PerCategory:
		return fmt.Errorf(".per is %q: it must be %s or %s", r.Per, PerBrand, PerCategory)
	}
	return r.strange(kind)
}

// strange refuses a field that is not of the rule's kind, which would go unheard.
func (r Rule) strange(kind string) error {
	for _, f := range []struct {
		name, of string
		set      bool
	}{{"slot", Pin, r.Slot != 0}, {"factor", Boost, r.Factor != 0}, {"slots", Reserve, r.Slots != 0},
		{"share", Reserve, r.Share != 0}, {"per", AtMost, r.Per != ""}} {
		if f.set && f.of != kind {
			return fmt.Errorf(".%s goes with %s, not with %s", f.name, f.of, kind)
		}
	}
	return nil
}

// clash refuses a rule that cannot hold beside one before it.
func (r Rule) clash(before []Rule) error {
	for _, o := range before {
		switch {
		case r.Pin != "" && r.Pin == o.Pin:
			return fmt.Errorf(".pin: item %q is pinned twice", r.Pin)
		case r.Pin != "" && o.Pin != "" && r.Slot == o.Slot:
			return fmt.Errorf(".slot: two items are pinned to slot %d", r.Slot)
		case r.AtMost != 0 && r.Per == o.Per:
			return fmt.Errorf(".per: two rules say how many of one %s there may be", r.Per)
		}
	}
	return nil
}

// Set is the placements of a shop.
type Set struct {
	byName map[string]*Placement
	names  []string
	codes  map[string]*Plan
}

// NewSet checks definitions; errors name placement, rule and field. A nil
// checkFilter leaves filters unchecked.
func NewSet(definitions []Definition, checkFilter func(source string) error) (*Set, error) {
	s := &Set{byName: map[string]*Placement{}, codes: map[string]*Plan{}}
	if len(definitions) > maxPlacements {
		return nil, fmt.Errorf("placements: %d are more than %d", len(definitions), maxPlacements)
	}
	for i, d := range definitions {
		if _, twice := s.byName[d.Name]; twice {
			return nil, fmt.Errorf("placements[%d].name %q stands there twice", i, d.Name)
		}
		err := d.check()
		if err == nil && checkFilter != nil {
			err = d.checkFilters(checkFilter)
		}
		if err == nil {
			err = s.add(newPlacement(d))
		}
		if err != nil {
			return nil, fmt.Errorf("placements[%d] %q: %w", i, d.Name, err)
		}
	}
	return s, nil
}

func (s *Set) add(p *Placement) error {
	for i := range p.plans {
		plan := &p.plans[i]
		if other, taken := s.codes[plan.Code]; taken {
			return fmt.Errorf("arm %q has the same code as arm %q of %q, by chance: call it something else", plan.Arm, other.Arm, other.Placement)
		}
		s.codes[plan.Code] = plan
	}
	s.byName[p.Name] = p
	s.names = append(s.names, p.Name)
	return nil
}

func (d Definition) checkFilters(check func(string) error) error {
	for _, p := range d.plans() {
		if p.Filter != "" {
			if err := check(p.Filter); err != nil {
				return fmt.Errorf("arm %q: filter: %w", p.Arm, err)
			}
		}
		for i, r := range p.Rules {
			if r.Filter() == "" {
				continue
			}
			if err := check(r.Filter()); err != nil {
				return fmt.Errorf("arm %q: rules[%d].%s: %w", p.Arm, i, r.Kind(), err)
			}
		}
	}
	return nil
}

// Find returns a placement by name; a nil set has none.
func (s *Set) Find(name string) (*Placement, bool) {
	if s == nil {
		return nil, false
	}
	p, ok := s.byName[name]
	return p, ok
}

// Names returns the names of the placements as they are configured.
func (s *Set) Names() []string {
	if s == nil {
		return nil
	}
	return slices.Clone(s.names)
}

// Of returns the plan that made the list with a recommendation id; ok is false
// where none did that there still is.
func (s *Set) Of(recommendationID string) (plan *Plan, ok bool) {
	if s == nil {
		return nil, false
	}
	plan, ok = s.codes[CodeOf(recommendationID)]
	return plan, ok
}

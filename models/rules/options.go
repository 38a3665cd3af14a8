package rules

import (
	"regulars/models"
)

// Options of Fit. The zero value is the default written at each field.
type Options struct {
	BasketDays    int      // what a user buys within so many days is one basket; 0 = 1
	WindowDays    int      // baskets of the last days before now that count; 0 = all
	MaxBasket     int      // larger baskets, wholesale orders that pair everything, are left out; 0 = 500 items
	MaxItems      int      // in a rule, both sides together, 2 or 3; 0 = 3
	MinSupport    int      // baskets that hold a rule's items; 0 = baskets/10,000, at least 3. Raised until at most MaxRules pairs pass
	MinConfidence *float64 // share of the antecedent's baskets that hold the consequent; nil = 0.02
	MinLift       *float64 // confidence / share of all baskets that hold the consequent; nil = 1
	Smoothing     *float64 // baskets' worth of doubt in every rule, see Strength; nil = 20
	MaxRules      int      // the strongest are kept, half of them rules of two items when MaxItems is 3; 0 = 200,000
	RecentBaskets int      // latest baskets of a history that rules start from, the nth counting 1/n; 0 = 3
	Workers       int      // 0 = GOMAXPROCS; the result does not depend on it
}

// resolved are the options with every default filled in but MinSupport, which
// depends on the data.
func (o Options) resolved() (Options, error) {
	for _, d := range []struct {
		field *int
		value int
	}{{&o.BasketDays, 1}, {&o.MaxBasket, 500}, {&o.MaxItems, 3}, {&o.MaxRules, 200_000}, {&o.RecentBaskets, 3}} {
		if *d.field == 0 {
			*d.field = d.value
		}
	}
	for _, d := range []struct {
		field **float64
		value float64
	}{{&o.MinConfidence, 0.02}, {&o.MinLift, 1}, {&o.Smoothing, 20}} {
		if *d.field == nil {
			*d.field = &d.value
		}
	}
	return o, o.check()
}

func (o Options) check() error {
	bad := func(option string, value any, want string) error {
		return &models.OptionError{Model: "rules", Option: option, Value: value, Want: want}
	}
	switch {
	case o.BasketDays < 1:
		return bad("BasketDays", o.BasketDays, "at least 1")
	case o.WindowDays < 0:
		return bad("WindowDays", o.WindowDays, "0 (all time) or more days")
	case o.MaxBasket < 2:
		return bad("MaxBasket", o.MaxBasket, "at least 2")
	case o.MaxItems != 2 && o.MaxItems != 3:
		return bad("MaxItems", o.MaxItems, "2 or 3")
	case o.MinSupport < 0:
		return bad("MinSupport", o.MinSupport, "0 (by the size of the data) or more baskets")
	case !(*o.MinConfidence >= 0 && *o.MinConfidence <= 1):
		return bad("MinConfidence", *o.MinConfidence, "between 0 and 1")
	case !(*o.MinLift >= 0) || *o.MinLift > 1e9:
		return bad("MinLift", *o.MinLift, "between 0 and 1e9")
	case !(*o.Smoothing >= 0) || *o.Smoothing > 1e9:
		return bad("Smoothing", *o.Smoothing, "between 0 and 1e9")
	case o.MaxRules < 1 || o.MaxRules > 100_000_000:
		return bad("MaxRules", o.MaxRules, "between 1 and 100 million")
	case o.RecentBaskets < 1:
		return bad("RecentBaskets", o.RecentBaskets, "at least 1")
	case o.Workers < 0:
		return bad("Workers", o.Workers, "0 (all cores) or more")
	}
	return nil
}

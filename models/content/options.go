package content

import (
	"math"

	"regulars/models"
)

// Options of Fit. The zero value is the default written at each field. The
// vector of an item joins one part for each attribute that it has; the weights
// say how the parts share in the cosine of two items that have all of them.
type Options struct {
	Title    *float64 // nil = 1
	Category *float64 // nil = 0.5
	Brand    *float64 // nil = 0.5
	Price    *float64 // nil = 0.1
	Tags     *float64 // nil = 0.5

	MaxShare     float64 // a word or tag of more than this share of the items (and more than 100) is left out; 0 = 0.2
	MinItems     int     // and so is one of fewer items; 0 = 1
	PriceBands   int     // bands with as many items each; 0 = 10
	HalfLifeDays float64 // a purchase that old counts one half in a customer's profile; 0 = 60
	ProfileTerms int     // so many of the strongest terms of a profile are searched with; 0 = 300

	Recent     *float64 // how much what hardly sells lately loses, see Score; nil = 0.35, 0 = nothing
	RecentDays float64  // half-life of that popularity; 0 = 5
}

// resolved are the options with every default filled in.
func (o Options) resolved() (Options, error) {
	o.Title, o.Category, o.Brand = or(o.Title, 1), or(o.Category, 0.5), or(o.Brand, 0.5)
	o.Price, o.Tags = or(o.Price, 0.1), or(o.Tags, 0.5)
	o.Recent = or(o.Recent, 0.35)
	if o.RecentDays == 0 {
		o.RecentDays = 5
	}
	if o.MaxShare == 0 {
		o.MaxShare = 0.2
	}
	if o.MinItems == 0 {
		o.MinItems = 1
	}
	if o.PriceBands == 0 {
		o.PriceBands = 10
	}
	if o.HalfLifeDays == 0 {
		o.HalfLifeDays = 60
	}
	if o.ProfileTerms == 0 {
		o.ProfileTerms = 300
	}
	return o, o.check()
}

func or(p *float64, value float64) *float64 {
	if p == nil {
		return &value
	}
	return p
}

func (o Options) check() error {
	bad := func(option string, value any, want string) error {
		return &models.OptionError{Model: "content", Option: option, Value: value, Want: want}
	}
	sum := 0.0
	for f, name := range [fields]string{"Title", "Category", "Brand", "Price", "Tags"} {
		w := o.weight(field(f))
		if !(w >= 0) || w > 1e6 {
			return bad(name, w, "between 0 (not used) and 1e6")
		}
		sum += w
	}
	switch {
	case sum == 0:
		return bad("Title", 0.0, "above 0 where every other weight is 0")
	case !(o.MaxShare > 0 && o.MaxShare <= 1):
		return bad("MaxShare", o.MaxShare, "above 0 and at most 1")
	case o.MinItems < 1:
		return bad("MinItems", o.MinItems, "at least 1 (0 = default)")
	case o.PriceBands < 1 || o.PriceBands > 1000:
		return bad("PriceBands", o.PriceBands, "between 1 and 1000 (0 = default)")
	case !(o.HalfLifeDays > 0) || math.IsInf(o.HalfLifeDays, 0):
		return bad("HalfLifeDays", o.HalfLifeDays, "a finite number of days above 0 (0 = default)")
	case o.ProfileTerms < 1:
		return bad("ProfileTerms", o.ProfileTerms, "at least 1 (0 = default)")
	case !(*o.Recent >= 0 && *o.Recent <= 10):
		return bad("Recent", *o.Recent, "between 0 (not used) and 10")
	case !(o.RecentDays >= 0.01 && o.RecentDays <= 1e6):
		return bad("RecentDays", o.RecentDays, "between 0.01 and 1e6 days (0 = default)")
	}
	return nil
}

// A field is one of the attributes.
type field uint8

const (
	title field = iota
	category
	brand
	price
	tags
	fields // how many there are
)

func (o Options) weight(f field) float64 {
	return *[fields]*float64{o.Title, o.Category, o.Brand, o.Price, o.Tags}[f]
}

package repeat

import (
	"math"

	"regulars/models"
)

// Options of Fit. The zero value is the default written at each field. With
// Share the recent popularity of an item in [0, 1], the score of an item is
//
//	timing · ( own · (Share + 0.001)^Availability + Prior·Share )
//
// where own = Σ weight·2^(−age/HalfLifeDays) over the customer's purchases of it
// and timing is 1 unless the item has a cycle; see Model.Score.
type Options struct {
	HalfLifeDays   float64  // a purchase that old counts one half; 0 = 180
	Prior          *float64 // what the most popular item is worth beside own purchases; nil = 0.1
	RecentDays     float64  // half-life of popularity: a customer of the item that long ago counts one half; 0 = 7
	Availability   *float64 // how much own purchases of what hardly sells any more lose; nil = 0.35, 0 = nothing
	Timing         *float64 // how strongly a cycle moves an item; nil = 1, 0 = not at all
	HorizonDays    float64  // an item is due when it is likely to be bought within so many days; 0 = 7
	ItemPseudoGaps float64  // gaps of all items that count beside an item's own; 0 = 20
	OwnPseudoGaps  float64  // gaps of the item that count beside a customer's own; 0 = 3
}

// resolved are the options with every default filled in.
func (o Options) resolved() (Options, error) {
	for _, f := range []struct {
		at *float64
		is float64
	}{{&o.HalfLifeDays, 180}, {&o.RecentDays, 7}, {&o.HorizonDays, 7}, {&o.ItemPseudoGaps, 20}, {&o.OwnPseudoGaps, 3}} {
		if *f.at == 0 {
			*f.at = f.is
		}
	}
	o.Prior = or(o.Prior, 0.1)
	o.Availability = or(o.Availability, 0.35)
	o.Timing = or(o.Timing, 1)
	return o, o.check()
}

func or(p *float64, value float64) *float64 {
	if p == nil {
		return &value
	}
	return p
}

func (o Options) check() error {
	for _, c := range []struct {
		name      string
		value     float64
		low, high float64
		want      string
	}{
		{"HalfLifeDays", o.HalfLifeDays, minDays, 1e6, "between 0.01 and 1e6 days (0 = default)"},
		{"Prior", *o.Prior, 0, 1e6, "between 0 (no popularity) and 1e6"},
		{"RecentDays", o.RecentDays, minDays, 1e6, "between 0.01 and 1e6 days (0 = default)"},
		{"Availability", *o.Availability, 0, 10, "between 0 (not used) and 10"},
		{"Timing", *o.Timing, 0, 10, "between 0 (not used) and 10"},
		{"HorizonDays", o.HorizonDays, minDays, 1e4, "between 0.01 and 1e4 days (0 = default)"},
		{"ItemPseudoGaps", o.ItemPseudoGaps, minGaps, 1e9, "between 0.001 and 1e9 (0 = default)"},
		{"OwnPseudoGaps", o.OwnPseudoGaps, minGaps, 1e9, "between 0.001 and 1e9 (0 = default)"},
	} {
		if math.IsNaN(c.value) || c.value < c.low || c.value > c.high {
			return &models.OptionError{Model: "repeat", Option: c.name, Value: c.value, Want: c.want}
		}
	}
	return nil
}

const (
	minDays = 0.01
	minGaps = 0.001
)

package synth

import (
	"fmt"
	"math"

	"regulars/data"
)

// Options choose a shop; the zero value is the shop of the demo.
type Options struct {
	Users  int      // customers, with and without orders; 0 means 20,000
	Items  int      // size of the catalogue; 0 means 3,000
	Months int      // of history, 30 days each; 0 means 18
	Seed   uint64   // same seed, same shop; 0 means 1
	End    data.Day // the day before which every record lies; 0 means 2026-01-01
	Season float64  // the peak of the year (mid December) over its mean, less 1; 0 means DefaultSeason, negative means none
	Dirt   float64  // bad rows added per good row of every table, each broken in one way; 0 means none
}

const daysPerMonth = 30

// DefaultSeason is the season of a shop whose options name none.
const DefaultSeason = 0.3

func (o Options) withDefaults() Options {
	if o.Users == 0 {
		o.Users = 20_000
	}
	if o.Items == 0 {
		o.Items = 3_000
	}
	if o.Months == 0 {
		o.Months = 18
	}
	if o.Seed == 0 {
		o.Seed = 1
	}
	if o.End == 0 {
		o.End = 20454 // 2026-01-01
	}
	if o.Season == 0 {
		o.Season = DefaultSeason
	}
	return o
}

func (o Options) validate() error {
	for _, c := range []struct {
		name        string
		value       int
		least, most int
	}{
		{"Users", o.Users, 1, 10_000_000},
		{"Items", o.Items, 10, 1_000_000},
		{"Months", o.Months, 1, 120},
		{"End", int(o.End), 5_500, 40_000}, // 1985 to 2079: everything lies within the years a lake accepts
	} {
		if c.value < c.least || c.value > c.most {
			return fmt.Errorf("simulated shop: %s is %d: it must be from %d to %d", c.name, c.value, c.least, c.most)
		}
	}
	if math.IsNaN(o.Season) || o.Season > 0.9 {
		return fmt.Errorf("simulated shop: Season is %v: it must be at most 0.9", o.Season)
	}
	if !(o.Dirt >= 0 && o.Dirt <= 1) {
		return fmt.Errorf("simulated shop: Dirt is %v: it must be from 0 to 1", o.Dirt)
	}
	return nil
}

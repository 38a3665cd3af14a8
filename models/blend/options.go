package blend

import (
	"math"

	"regulars/models"
)

// Options of Fit. The zero value is the default written at each field.
type Options struct {
	Depth      int     // candidates of each source, as many of items bought before and as many of others; 0 = 50
	Days       int     // length of a window that the ranker learns from; 0 = 30
	Windows    int     // windows that the published ranker learns from, the latest; 0 = 3
	Lists      int     // customers a window, evenly spread; 0 = 1500
	Negatives  int     // candidates not bought that are kept of a list to learn from, drawn by the seed; 0 = 100
	RecentDays float64 // half-life of recent popularity; 0 = 7
	Seed       uint64  // of draws
	Workers    int     // 0 = GOMAXPROCS; the result does not depend on it
}

// resolved are the options with every default filled in.
func (o Options) resolved() (Options, error) {
	for _, d := range []struct {
		field *int
		value int
	}{{&o.Depth, 50}, {&o.Days, 30}, {&o.Windows, 3}, {&o.Lists, 1500}, {&o.Negatives, 100}} {
		if *d.field == 0 {
			*d.field = d.value
		}
	}
	if o.RecentDays == 0 {
		o.RecentDays = 7
	}
	return o, o.check()
}

func (o Options) check() error {
	for _, c := range []struct {
		option    string
		value     int
		low, high int
		want      string
	}{
		{"Depth", o.Depth, 1, 1000, "between 1 and 1000 (0 = default)"},
		{"Days", o.Days, 1, 3650, "between 1 and 3650 (0 = default)"},
		{"Windows", o.Windows, 1, 12, "between 1 and 12 (0 = default)"},
		{"Lists", o.Lists, 1, 1_000_000, "between 1 and 1,000,000 (0 = default)"},
		{"Negatives", o.Negatives, 1, 100_000, "between 1 and 100,000 (0 = default)"},
		{"Workers", o.Workers, 0, math.MaxInt, "0 (all cores) or more"},
	} {
		if c.value < c.low || c.value > c.high {
			return &models.OptionError{Model: "blend", Option: c.option, Value: c.value, Want: c.want}
		}
	}
	if !(o.RecentDays >= 0.01 && o.RecentDays <= 1e6) {
		return &models.OptionError{Model: "blend", Option: "RecentDays", Value: o.RecentDays, Want: "between 0.01 and 1e6 days (0 = default)"}
	}
	return nil
}

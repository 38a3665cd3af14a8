package spectral

import (
	"math"

	"regulars/models"
)

// Options of Fit. The zero value is the default written at each field; the formula
// is in the documentation of the package.
type Options struct {
	Factors      int      // eigenvectors that sharpening and smoothing act on; 0 = 256, at most 1024
	Iterations   int      // steps of the search for them; 0 = 6
	Sharpening   *float64 // in [0, 1], more would speak against what customers have most in common; nil = 0.98, 1 does worse where circles of customers share nothing
	Smoothing    float64  // weight of the low-pass; 0 = none
	UserNorm     *float64 // how far long histories are held back while learning, in [0, 1]; nil = 0.25
	HistoryNorm  *float64 // how far popular items in a history are held back, in [−1, 1]; nil = 0.15
	ScoreNorm    *float64 // how far popular items are favoured on the list, in [−1, 1]; nil = 0.4
	Weighted     bool     // a pair counts its summed weights; otherwise once, however often it occurs
	HalfLifeDays float64  // age at which an interaction counts one half (not Weighted: the latest of a pair); 0 = no decay
	Neighbours   int      // weights kept of an item, the largest; 0 = 1000
	MaxUserItems int      // of a user with more items, those of the largest weight count; 0 = 1000
	Seed         uint64   // of the search for eigenvectors
	Workers      int      // 0 = GOMAXPROCS; the result does not depend on it
}

// resolved are the options with every default filled in.
func (o Options) resolved() (Options, error) {
	for _, d := range []struct {
		field *int
		value int
	}{{&o.Factors, 256}, {&o.Iterations, 6}, {&o.Neighbours, 1000}, {&o.MaxUserItems, 1000}} {
		if *d.field == 0 {
			*d.field = d.value
		}
	}
	for _, d := range []struct {
		field **float64
		value float64
	}{{&o.Sharpening, 0.98}, {&o.UserNorm, 0.25}, {&o.HistoryNorm, 0.15}, {&o.ScoreNorm, 0.4}} {
		if *d.field == nil {
			*d.field = &d.value
		}
	}
	return o, o.check()
}

func (o Options) check() error {
	bad := func(option string, value any, want string) error {
		return &models.OptionError{Model: "spectral", Option: option, Value: value, Want: want}
	}
	switch {
	case o.Factors < 1 || o.Factors > 1024:
		return bad("Factors", o.Factors, "between 1 and 1024")
	case o.Iterations < 1 || o.Iterations > 1000:
		return bad("Iterations", o.Iterations, "between 1 and 1000")
	case !(*o.Sharpening >= 0 && *o.Sharpening <= 1):
		return bad("Sharpening", *o.Sharpening, "between 0 and 1")
	case !(o.Smoothing >= 0) || o.Smoothing > 1e3:
		return bad("Smoothing", o.Smoothing, "between 0 and 1000")
	case !(*o.UserNorm >= 0 && *o.UserNorm <= 1):
		return bad("UserNorm", *o.UserNorm, "between 0 and 1")
	case !(math.Abs(*o.HistoryNorm) <= 1):
		return bad("HistoryNorm", *o.HistoryNorm, "between -1 and 1")
	case !(math.Abs(*o.ScoreNorm) <= 1):
		return bad("ScoreNorm", *o.ScoreNorm, "between -1 and 1")
	case !(o.HalfLifeDays >= 0) || math.IsInf(o.HalfLifeDays, 0):
		return bad("HalfLifeDays", o.HalfLifeDays, "0 (no decay) or a finite number of days")
	case o.Neighbours < 1:
		return bad("Neighbours", o.Neighbours, "at least 1")
	case o.MaxUserItems < 2:
		return bad("MaxUserItems", o.MaxUserItems, "at least 2")
	case o.Workers < 0:
		return bad("Workers", o.Workers, "0 (all cores) or more")
	}
	return nil
}

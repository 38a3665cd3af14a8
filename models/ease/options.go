package ease

import (
	"math"

	"regulars/models"
)

// Options of Fit. The zero value is the default written at each field. The loss is
//
//	‖X − X·B‖² + L2·‖B‖², diagonal of B zero
//
// with X the users × items matrix of interactions, each divided by (distinct items
// of the user)^UserNorm·(distinct users of the item)^ItemNorm.
type Options struct {
	L2            float64 // λ, in units of squared interactions; 0 = 500
	Weighted      bool    // a pair counts its summed weights; otherwise once, however often it occurs
	HalfLifeDays  float64 // age at which an interaction counts one half (not Weighted: the latest of a pair); 0 = no decay
	UserNorm      float64 // how far long histories are held back, in [0, 1]; L2 must fall along with it
	ItemNorm      float64 // how far popular items are held back, in [0, 1]; L2 must fall along with it
	Neighbours    int     // weights kept to predict an item, the largest; 0 = 1000, at most 10,000
	MaxItems      int     // a catalogue of more items that occur gets regressions on neighbourhoods; 0 = 50,000 (10 GB while fitting)
	Neighbourhood int     // items in such a regression; 0 = 256, at most 1024
	MaxUserItems  int     // of a user with more items, those of the largest weight count in neighbourhoods; 0 = 1000
	Workers       int     // 0 = GOMAXPROCS; the result does not depend on it
}

// resolved are the options with every default filled in.
func (o Options) resolved() (Options, error) {
	for _, d := range []struct {
		field *int
		value int
	}{{&o.Neighbours, 1000}, {&o.MaxItems, 50_000}, {&o.Neighbourhood, 256}, {&o.MaxUserItems, 1000}} {
		if *d.field == 0 {
			*d.field = d.value
		}
	}
	if o.L2 == 0 {
		o.L2 = 500
	}
	return o, o.check()
}

func (o Options) check() error {
	bad := func(option string, value any, want string) error {
		return &models.OptionError{Model: "ease", Option: option, Value: value, Want: want}
	}
	switch {
	case !(o.L2 > 0) || o.L2 > 1e9:
		return bad("L2", o.L2, "above 0 and at most 1e9")
	case !(o.HalfLifeDays >= 0) || math.IsInf(o.HalfLifeDays, 0):
		return bad("HalfLifeDays", o.HalfLifeDays, "0 (no decay) or a finite number of days")
	case !(o.UserNorm >= 0 && o.UserNorm <= 1):
		return bad("UserNorm", o.UserNorm, "between 0 and 1")
	case !(o.ItemNorm >= 0 && o.ItemNorm <= 1):
		return bad("ItemNorm", o.ItemNorm, "between 0 and 1")
	case o.Neighbours < 1 || o.Neighbours > 10_000:
		return bad("Neighbours", o.Neighbours, "between 1 and 10000")
	case o.MaxItems < 1 || o.MaxItems > 100_000:
		return bad("MaxItems", o.MaxItems, "between 1 and 100000 (40 GB)")
	case o.Neighbourhood < 1 || o.Neighbourhood > 1024:
		return bad("Neighbourhood", o.Neighbourhood, "between 1 and 1024")
	case o.MaxUserItems < 2:
		return bad("MaxUserItems", o.MaxUserItems, "at least 2")
	case o.Workers < 0:
		return bad("Workers", o.Workers, "0 (all cores) or more")
	}
	return nil
}

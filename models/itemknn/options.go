package itemknn

import (
	"math"

	"regulars/models"
)

// The kinds of similarity, from an item a to an item b, with r the decayed
// weight of a user and an item.
const (
	// KindCosine is the cosine of the columns r of both items (Sarwar, Karypis,
	// Konstan, Riedl 2001).
	KindCosine = "cosine"
	// KindBM25 is the inner product of both items' columns after Okapi BM25
	// weighting, items being the documents and users the terms:
	// idf(u)·r·(K1+1) / (r + K1·(1−B+B·length/mean length)), with
	// idf(u) = ln(items / (1 + items of u)), at least 0 (as in implicit).
	KindBM25 = "bm25"
	// KindRP3Beta is the probability of walking from a to a user to b, every step
	// raised to Alpha, divided by (customers of b)^Beta (Paudel, Christoffel,
	// Newell, Bernstein 2017).
	KindRP3Beta = "rp3beta"
)

// Options of Fit. The zero value is the default written at each field.
type Options struct {
	Kind         string   // "cosine", "bm25" or "rp3beta"; empty = "rp3beta"
	Neighbours   int      // kept for every item, the most similar; 0 = 200
	Shrink       float64  // a similarity found by n users counts n/(n+Shrink); 0 = fully
	Normalize    bool     // the similarities kept for an item are divided by their sum, which helps where few are kept
	HalfLifeDays float64  // age at which a weight counts one half; 0 = no decay
	K1           *float64 // bm25: how far repeated purchases count, above 0; nil = 1.2
	B            *float64 // bm25: how far an item's sales count against it, in [0, 1]; nil = 0.75
	Alpha        *float64 // rp3beta: exponent of every step; nil = 0.6
	Beta         *float64 // rp3beta: how far popularity counts against an item; nil = 0.4
	MaxUserItems int      // of a user with more items, those of the largest weight count; 0 = 1000
	Workers      int      // 0 = GOMAXPROCS; the result does not depend on it
}

// resolved are the options with every default filled in.
func (o Options) resolved() (Options, error) {
	if o.Kind == "" {
		o.Kind = KindRP3Beta
	}
	if o.Neighbours == 0 {
		o.Neighbours = 200
	}
	if o.MaxUserItems == 0 {
		o.MaxUserItems = 1000
	}
	for _, d := range []struct {
		field **float64
		value float64
	}{{&o.K1, 1.2}, {&o.B, 0.75}, {&o.Alpha, 0.6}, {&o.Beta, 0.4}} {
		if *d.field == nil {
			*d.field = &d.value
		}
	}
	return o, o.check()
}

func (o Options) check() error {
	bad := func(option string, value any, want string) error {
		return &models.OptionError{Model: "itemknn", Option: option, Value: value, Want: want}
	}
	switch {
	case o.Kind != KindCosine && o.Kind != KindBM25 && o.Kind != KindRP3Beta:
		return bad("Kind", o.Kind, "cosine, bm25 or rp3beta")
	case o.Neighbours < 1:
		return bad("Neighbours", o.Neighbours, "at least 1")
	case !(o.Shrink >= 0) || o.Shrink > 1e9:
		return bad("Shrink", o.Shrink, "between 0 and 1e9")
	case !(o.HalfLifeDays >= 0) || math.IsInf(o.HalfLifeDays, 0):
		return bad("HalfLifeDays", o.HalfLifeDays, "0 (no decay) or a finite number of days")
	case !(*o.K1 > 0) || *o.K1 > 1e6:
		return bad("K1", *o.K1, "above 0 and at most 1e6")
	case !(*o.B >= 0 && *o.B <= 1):
		return bad("B", *o.B, "between 0 and 1")
	case !(*o.Alpha >= 0 && *o.Alpha <= 5):
		return bad("Alpha", *o.Alpha, "between 0 and 5")
	case !(*o.Beta >= 0 && *o.Beta <= 5):
		return bad("Beta", *o.Beta, "between 0 and 5")
	case o.MaxUserItems < 2:
		return bad("MaxUserItems", o.MaxUserItems, "at least 2")
	case o.Workers < 0:
		return bad("Workers", o.Workers, "0 (all cores) or more")
	}
	return nil
}

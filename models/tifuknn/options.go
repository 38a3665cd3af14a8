package tifuknn

import "regulars/models"

// Options of Fit. The zero value is the default written at each field. A basket
// is what a customer bought on one day.
type Options struct {
	GroupSize   int      // m: baskets a group, the oldest group may hold fewer; 0 = 1
	WithinDecay float64  // r_b in (0, 1]: a basket counts so much less than the next one of its group; 0 = 0.9
	GroupDecay  float64  // r_g in (0, 1]: a group counts so much less than the next one; 0 = 0.9
	Neighbours  int      // k: customers whose vectors are averaged; 0 = 100
	Alpha       *float64 // α in [0, 1]: share of the customer's own vector, the rest is the neighbours'; nil = 0.7
	Similarity  string   // "cosine", or "euclidean" as in the paper; "" = cosine
	MaxUsers    int      // neighbours come from at most so many customers, evenly spread; 0 = 50,000
}

// What Options.Similarity may be.
const (
	Cosine    = "cosine"
	Euclidean = "euclidean"
)

// resolved are the options with every default filled in.
func (o Options) resolved() (Options, error) {
	if o.GroupSize == 0 {
		o.GroupSize = 1
	}
	if o.WithinDecay == 0 {
		o.WithinDecay = 0.9
	}
	if o.GroupDecay == 0 {
		o.GroupDecay = 0.9
	}
	if o.Neighbours == 0 {
		o.Neighbours = 100
	}
	if o.Alpha == nil {
		alpha := 0.7
		o.Alpha = &alpha
	}
	if o.Similarity == "" {
		o.Similarity = Cosine
	}
	if o.MaxUsers == 0 {
		o.MaxUsers = 50_000
	}
	return o, o.check()
}

func (o Options) check() error {
	bad := func(option string, value any, want string) error {
		return &models.OptionError{Model: "tifuknn", Option: option, Value: value, Want: want}
	}
	fraction := func(f float64) bool { return f > 0 && f <= 1 }
	switch {
	case o.GroupSize < 1:
		return bad("GroupSize", o.GroupSize, "at least 1 (0 = default)")
	case !fraction(o.WithinDecay):
		return bad("WithinDecay", o.WithinDecay, "above 0 and at most 1")
	case !fraction(o.GroupDecay):
		return bad("GroupDecay", o.GroupDecay, "above 0 and at most 1")
	case o.Neighbours < 1:
		return bad("Neighbours", o.Neighbours, "at least 1 (0 = default)")
	case !(*o.Alpha >= 0 && *o.Alpha <= 1):
		return bad("Alpha", *o.Alpha, "between 0 and 1")
	case o.Similarity != Cosine && o.Similarity != Euclidean:
		return bad("Similarity", o.Similarity, `"cosine" or "euclidean"`)
	case o.MaxUsers < 1:
		return bad("MaxUsers", o.MaxUsers, "at least 1 (0 = default)")
	}
	return nil
}

package ials

import (
	"math"

	"regulars/models"
)

// Options of Fit. The zero value is the default written at each field. The loss
// is, with r the (decayed) weight of what user u did with item i,
//
//	Σ_{(u,i) seen} (1 + Alpha·r)·(w_u·h_i − 1)² + Unobserved·Σ_{all u,i} (w_u·h_i)²
//	  + Regularization·( Σ_u (|S_u| + Unobserved·|I|)^ν ‖w_u‖² + Σ_i (|S_i| + Unobserved·|U|)^ν ‖h_i‖² )
//
// with |S| the number of distinct partners, |I| and |U| the items and users that
// occur at all, and ν = RegExponent (Rendle et al. 2021). Rows of up to 128 factors
// are solved exactly; of longer ones Block coordinates at a time, the others held.
type Options struct {
	Factors        int      // dimension d; 0 = 64, at most 512
	Block          int      // coordinates solved at once where Factors is above 128 (iALS++); 0 = 64, at most 512
	Iterations     int      // sweeps over users and items; 0 = 16
	Alpha          *float64 // confidence a unit of weight adds to the 1 of being seen; nil = 10
	Unobserved     float64  // weight α0 of every pair, seen or not; 0 = 1
	Regularization float64  // λ; 0 = 0.01
	RegExponent    *float64 // ν in [0, 1]; nil = 1 (frequency-scaled), 0 = plain ridge
	HalfLifeDays   float64  // age at which a weight counts one half; 0 = no decay
	Seed           uint64   // of the initial factors
	Workers        int      // 0 = GOMAXPROCS; the result does not depend on it
}

// resolved are the options with every default filled in.
func (o Options) resolved() (Options, error) {
	if o.Factors == 0 {
		o.Factors = 64
	}
	if o.Block == 0 {
		o.Block = 64
	}
	if o.Iterations == 0 {
		o.Iterations = 16
	}
	if o.Alpha == nil {
		o.Alpha = number(10)
	}
	if o.Unobserved == 0 {
		o.Unobserved = 1
	}
	if o.Regularization == 0 {
		o.Regularization = 0.01
	}
	if o.RegExponent == nil {
		o.RegExponent = number(1)
	}
	return o, o.check()
}

func number(f float64) *float64 { return &f }

func (o Options) check() error {
	bad := func(option string, value any, want string) error {
		return &models.OptionError{Model: "ials", Option: option, Value: value, Want: want}
	}
	switch {
	case o.Factors < 1 || o.Factors > 512:
		return bad("Factors", o.Factors, "between 1 and 512")
	case o.Block < 1 || o.Block > 512:
		return bad("Block", o.Block, "between 1 and 512")
	case o.Iterations < 1:
		return bad("Iterations", o.Iterations, "at least 1")
	case !(*o.Alpha >= 0) || *o.Alpha > 1e6:
		return bad("Alpha", *o.Alpha, "between 0 and 1e6")
	case !(o.Unobserved > 0) || o.Unobserved > 1e6:
		return bad("Unobserved", o.Unobserved, "above 0 and at most 1e6")
	case !(o.Regularization > 0) || o.Regularization > 1e6:
		return bad("Regularization", o.Regularization, "above 0 and at most 1e6")
	case !(*o.RegExponent >= 0 && *o.RegExponent <= 1):
		return bad("RegExponent", *o.RegExponent, "between 0 and 1")
	case !(o.HalfLifeDays >= 0) || math.IsInf(o.HalfLifeDays, 0):
		return bad("HalfLifeDays", o.HalfLifeDays, "0 (no decay) or a finite number of days")
	case o.Workers < 0:
		return bad("Workers", o.Workers, "0 (all cores) or more")
	}
	return nil
}

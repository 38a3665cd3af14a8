package mlp

import (
	"fmt"
	"math"
	"runtime"

	"regulars/models"
)

// Options of Fit. The zero value is the default written at each field.
type Options struct {
	Hidden  int     // units of the first hidden layer; 0 = 16
	Hidden2 int     // units of the second; 0 = there is none
	Nets    int     // members of the committee; 0 = 4
	Epochs  int     // times that every row is looked at, at most; 0 = 20
	Batch   int     // rows a step; 0 = 64
	Rate    float64 // Adam's step, which falls to 0 by half a cosine; 0 = 0.005
	// Decay takes Rate·Decay off each weight at each step (AdamW; Loshchilov,
	// Hutter 2019). nil = 0.1
	Decay *float64
	// Later is the share of rows, the last ones, on which to stop early: each net
	// keeps the weights of the epoch in which their log loss was least. Rows must
	// then be in the order of time. 0 = all rows are learned from, in all epochs
	Later   float64
	NoLog   bool // true keeps skewed columns as they are
	Seed    uint64
	Workers int // 0 = GOMAXPROCS; the result does not depend on it
}

func (o Options) resolved() (Options, error) {
	ints := []struct {
		name   string
		value  *int
		zero   int
		lo, hi int
	}{
		{"Hidden", &o.Hidden, 16, 1, 4096}, {"Hidden2", &o.Hidden2, 0, 0, 4096}, {"Nets", &o.Nets, 4, 1, 1000},
		{"Epochs", &o.Epochs, 20, 1, 100_000}, {"Batch", &o.Batch, 64, 1, math.MaxInt32}, {"Workers", &o.Workers, runtime.GOMAXPROCS(0), 1, math.MaxInt32},
	}
	for _, f := range ints {
		if *f.value == 0 {
			*f.value = f.zero
		}
		if *f.value < f.lo || *f.value > f.hi {
			return o, &models.OptionError{Model: "mlp", Option: f.name, Value: *f.value, Want: fmt.Sprintf("between %d and %d", f.lo, f.hi)}
		}
	}
	if o.Rate == 0 {
		o.Rate = 0.005
	}
	if o.Decay == nil {
		decay := 0.1
		o.Decay = &decay
	}
	switch {
	case !(o.Rate > 0 && o.Rate <= 1):
		return o, &models.OptionError{Model: "mlp", Option: "Rate", Value: o.Rate, Want: "above 0 and at most 1"}
	case !(*o.Decay >= 0 && *o.Decay*o.Rate < 1):
		return o, &models.OptionError{Model: "mlp", Option: "Decay", Value: *o.Decay, Want: "at least 0 and below 1/Rate"}
	case !(o.Later >= 0 && o.Later <= 0.5):
		return o, &models.OptionError{Model: "mlp", Option: "Later", Value: o.Later, Want: "between 0 and 0.5"}
	}
	return o, nil
}

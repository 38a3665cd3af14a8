package gbdt

import (
	"fmt"
	"math"
	"runtime"
	"strings"

	"regulars/models"
)

// The objectives that Fit minimises.
const (
	Binary     = "binary"     // labels 0 and 1; log loss
	Multiclass = "multiclass" // labels 0 … Classes−1; log loss of the softmax
	Regression = "regression" // squared error
	Poisson    = "poisson"    // labels of at least 0; log link
	Tweedie    = "tweedie"    // labels of at least 0; log link, variance ∝ mean^TweediePower
	LambdaRank = "lambdarank" // grades 0 … 30 within groups; NDCG (Burges 2010)
)

// Options of Fit. The zero value is the default written at each field; the names
// of LightGBM's parameters are in brackets where they differ.
type Options struct {
	Objective    string  // one of the constants above; "" = Binary
	Classes      int     // of Multiclass, 2 to 1000 (num_class)
	Rounds       int     // trees a class; 0 = 100 (num_iterations)
	LearningRate float64 // what each tree is multiplied by; 0 = 0.1

	NumLeaves     int      // 0 = 31, at least 2
	MaxDepth      int      // splits on the longest path; 0 = no limit
	MinDataInLeaf int      // rows a leaf must have, estimated from its hessian as LightGBM does; 0 = 20
	MinSumHessian *float64 // smallest sum of hessians in a leaf; nil = 0.001 (min_sum_hessian_in_leaf)
	MinGain       float64  // smallest gain of a split (min_gain_to_split)
	L1, L2        float64  // penalties of leaf values (lambda_l1, lambda_l2)
	Monotone      string   // columns whose effect may only rise (+) or fall (−): "+orders,-recency"

	MaxBins      int // of a column, its missing values included; 0 = 255, at most 255 (max_bin)
	MinDataInBin int // rows in a bin of a numeric column; 0 = 3

	MaxCatToOnehot  int      // columns of at most so many bins are split one category against the rest; 0 = 4
	MaxCatThreshold int      // categories on the smaller side of a many-against-many split; 0 = 32
	MinDataPerGroup int      // rows a category (or run of them) must add to such a split; 0 = 100
	CatSmooth       *float64 // added to the hessian when categories are ordered, and the rows they must have; nil = 10
	CatL2           *float64 // added to L2 in many-against-many splits; nil = 10

	BaggingFraction float64 // share of the rows each tree is grown on; 0 = 1
	BaggingFreq     int     // trees after which the rows are drawn anew; 0 = 1
	FeatureFraction float64 // share of the columns each tree may split; 0 = 1

	PoissonMaxDelta float64 // Poisson: exp of it multiplies the hessian; 0 = 0.7 (poisson_max_delta_step)
	TweediePower    float64 // Tweedie: between 1 and 2; 0 = 1.5 (tweedie_variance_power)
	TruncationLevel int     // LambdaRank: a pair counts when one of it ranks above this; 0 = 30 (lambdarank_truncation_level)

	EarlyStopping int    // rounds without a smaller loss on the validation rows after which to stop; 0 = 30
	Seed          uint64 // of the samples of rows and columns
	Workers       int    // 0 = GOMAXPROCS; the result does not depend on it
}

// resolved are the options with every default filled in.
func (o Options) resolved() (Options, error) {
	if o.Objective == "" {
		o.Objective = Binary
	}
	o.fillInts()
	o.fillFloats()
	if o.Workers == 0 {
		o.Workers = runtime.GOMAXPROCS(0)
	}
	if err := o.checkInts(); err != nil {
		return o, err
	}
	return o, o.checkFloats()
}

func (o *Options) fillInts() {
	if o.Objective != Multiclass {
		o.Classes = 1
	}
	for _, f := range []struct {
		value    *int
		fallback int
	}{
		{&o.Rounds, 100}, {&o.NumLeaves, 31}, {&o.MinDataInLeaf, 20}, {&o.MaxBins, 255}, {&o.MinDataInBin, 3},
		{&o.MaxCatToOnehot, 4}, {&o.MaxCatThreshold, 32}, {&o.MinDataPerGroup, 100}, {&o.BaggingFreq, 1},
		{&o.TruncationLevel, 30}, {&o.EarlyStopping, 30},
	} {
		if *f.value == 0 {
			*f.value = f.fallback
		}
	}
}

func (o *Options) fillFloats() {
	for _, f := range []struct {
		value    *float64
		fallback float64
	}{
		{&o.LearningRate, 0.1}, {&o.BaggingFraction, 1}, {&o.FeatureFraction, 1}, {&o.PoissonMaxDelta, 0.7}, {&o.TweediePower, 1.5},
	} {
		if *f.value == 0 {
			*f.value = f.fallback
		}
	}
	for _, f := range []struct {
		value    **float64
		fallback float64
	}{{&o.MinSumHessian, 1e-3}, {&o.CatSmooth, 10}, {&o.CatL2, 10}} {
		if *f.value == nil {
			*f.value = &f.fallback
		}
	}
}

func (o *Options) checkInts() error {
	classes := 1
	switch o.Objective {
	case Binary, Regression, Poisson, Tweedie, LambdaRank:
	case Multiclass:
		classes = 2
	default:
		want := strings.Join([]string{Binary, Multiclass, Regression, Poisson, Tweedie}, ", ") + " or " + LambdaRank
		return &models.OptionError{Model: "gbdt", Option: "Objective", Value: o.Objective, Want: want}
	}
	for _, f := range []struct {
		name          string
		value, lo, hi int
	}{
		{"Classes", o.Classes, classes, 1000}, {"Rounds", o.Rounds, 1, 1_000_000}, {"NumLeaves", o.NumLeaves, 2, 1 << 17},
		{"MaxDepth", o.MaxDepth, 0, 1 << 17}, {"MinDataInLeaf", o.MinDataInLeaf, 1, math.MaxInt32}, {"MaxBins", o.MaxBins, 2, 255},
		{"MinDataInBin", o.MinDataInBin, 1, math.MaxInt32}, {"MaxCatToOnehot", o.MaxCatToOnehot, 1, math.MaxInt32},
		{"MaxCatThreshold", o.MaxCatThreshold, 1, math.MaxInt32}, {"MinDataPerGroup", o.MinDataPerGroup, 1, math.MaxInt32},
		{"BaggingFreq", o.BaggingFreq, 1, math.MaxInt32}, {"TruncationLevel", o.TruncationLevel, 1, math.MaxInt32},
		{"EarlyStopping", o.EarlyStopping, 1, math.MaxInt32}, {"Workers", o.Workers, 1, math.MaxInt32},
	} {
		if f.value < f.lo || f.value > f.hi {
			return &models.OptionError{Model: "gbdt", Option: f.name, Value: f.value, Want: fmt.Sprintf("between %d and %d", f.lo, f.hi)}
		}
	}
	return nil
}

func (o *Options) checkFloats() error {
	for _, f := range []struct {
		name          string
		value, lo, hi float64
	}{
		{"LearningRate", o.LearningRate, 1e-9, 1e3}, {"MinSumHessian", *o.MinSumHessian, 0, 1e100}, {"MinGain", o.MinGain, 0, 1e100},
		{"L1", o.L1, 0, 1e100}, {"L2", o.L2, 0, 1e100}, {"CatSmooth", *o.CatSmooth, 0, 1e100}, {"CatL2", *o.CatL2, 0, 1e100},
		{"BaggingFraction", o.BaggingFraction, 1e-9, 1}, {"FeatureFraction", o.FeatureFraction, 1e-9, 1},
		{"PoissonMaxDelta", o.PoissonMaxDelta, 1e-9, 100}, {"TweediePower", o.TweediePower, 1.000001, 1.999999},
	} {
		if !(f.value >= f.lo && f.value <= f.hi) {
			return &models.OptionError{Model: "gbdt", Option: f.name, Value: f.value, Want: fmt.Sprintf("between %g and %g", f.lo, f.hi)}
		}
	}
	return nil
}

// monotone returns +1, −1 or 0 for each column.
func (o *Options) monotone(names []string) ([]int8, error) {
	out := make([]int8, len(names))
	if o.Monotone == "" {
		return out, nil
	}
	number := make(map[string]int, len(names))
	for j, name := range names {
		number[name] = j
	}
	for _, part := range strings.Split(o.Monotone, ",") {
		j, known := number[strings.TrimLeft(part, "+-")]
		switch {
		case !known || !strings.HasPrefix(part, "+") && !strings.HasPrefix(part, "-"):
			return nil, &models.OptionError{Model: "gbdt", Option: "Monotone", Value: part, Want: "+ or - and the name of a column"}
		case part[0] == '+':
			out[j] = 1
		default:
			out[j] = -1
		}
	}
	return out, nil
}

package propensity

import (
	"context"

	"regulars/features/matrix"
	"regulars/models"
	"regulars/models/baserate"
	"regulars/models/forest"
	"regulars/models/gbdt"
	"regulars/models/logistic"
	"regulars/models/mlp"
)

// BaseRate is the baseline that every family is compared with.
const BaseRate = "base-rate"

// Families lists every family, the baseline first.
func Families() []Family {
	base := newFamily(BaseRate, fitBaseRate)
	base.Baseline = true
	return []Family{
		base,
		newFamily("logistic", from(logistic.Fit)),
		newFamily("tree", fitTree),
		newFamily("forest", from(forest.Fit)),
		newFamily("mlp", from(mlp.Fit)),
		boosted(),
	}
}

// maxRounds bounds the search for how many rounds the later rows favour.
const maxRounds = 1000

func boosted() Family {
	f := newFamily("gbdt", fitBoosted)
	f.codes = true
	f.again = func(given any, stopped models.Classifier) any {
		o := given.(gbdt.Options)
		if m, ok := stopped.(*gbdt.Model); ok && stops(o) {
			o.Rounds, o.EarlyStopping = max(1, m.Rounds()), 0
		}
		return o
	}
	return f
}

// stops reports whether later rows decide on the rounds: unless they are given.
func stops(o gbdt.Options) bool { return o.Rounds == 0 || o.EarlyStopping != 0 }

func fitBoosted(ctx context.Context, train Rows, stop *Rows, o gbdt.Options, progress func(done, total int)) (models.Classifier, error) {
	if o.Objective != "" && o.Objective != gbdt.Binary {
		return nil, &models.OptionError{Model: "gbdt", Option: "Objective", Value: o.Objective, Want: gbdt.Binary + " where a probability is asked for"}
	}
	if stop == nil || !stops(o) {
		return gbdt.Fit(ctx, boostData(train), nil, o, progress)
	}
	if o.Rounds == 0 {
		o.Rounds = maxRounds
	}
	valid := boostData(*stop)
	return gbdt.Fit(ctx, boostData(train), &valid, o, progress)
}

func boostData(r Rows) gbdt.Data {
	y := make([]float64, len(r.Y))
	for i, v := range r.Y {
		if v {
			y[i] = 1
		}
	}
	return gbdt.Data{X: r.X, Categorical: r.Categorical, Y: y}
}

// none are the options of a family that has none.
type none struct{}

func fitBaseRate(ctx context.Context, train Rows, _ *Rows, _ none, _ func(done, total int)) (models.Classifier, error) {
	return baserate.Fit(ctx, train.X, train.Y)
}

func fitTree(ctx context.Context, train Rows, _ *Rows, o forest.TreeOptions, _ func(done, total int)) (models.Classifier, error) {
	return forest.FitTree(ctx, train.X, train.Y, o)
}

// from makes a fitter of the Fit that most families' packages have.
func from[O any, M models.Classifier](fit func(context.Context, *matrix.Dense, []bool, O) (M, error)) fitter[O] {
	return func(ctx context.Context, train Rows, _ *Rows, o O, _ func(done, total int)) (models.Classifier, error) {
		return fit(ctx, train.X, train.Y, o)
	}
}

// quick is the model of the alarm: small, and the same for a seed.
func quick(seed uint64) func(context.Context, Rows) (models.Classifier, error) {
	return func(ctx context.Context, train Rows) (models.Classifier, error) {
		return gbdt.Fit(ctx, boostData(train), nil, gbdt.Options{Rounds: 60, NumLeaves: 15, Seed: seed}, nil)
	}
}

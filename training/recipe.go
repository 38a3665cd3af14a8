package training

import (
	"context"

	"regulars/features/matrix"
	"regulars/models"
	"regulars/models/baserate"
	"regulars/models/forest"
	"regulars/models/ials"
	"regulars/models/logistic"
	"regulars/models/personal"
	"regulars/models/popular"
	"regulars/training/ranking"
)

// A recommenderRecipe is one way to make a recommender: a family, its options,
// and the metric by which the family's options are chosen.
type recommenderRecipe struct {
	family   string // the name in tables, such as "personal-top"
	kind     string // the algorithm, which names how it is stored
	options  any
	baseline bool
	metric   string
	fit      func(ctx context.Context, ev *matrix.Events, now int32) (models.Recommender, error)
}

// Metrics that choices are made by: the list as a whole, and for the factor
// model, whose place is discovery, what customers had never bought before.
const (
	listMetric      = "ndcg@10"
	discoveryMetric = "new:recall@10"
)

// recommenderRecipes lists what competes, families in table order. The
// baselines are always there.
func (p *Pipeline) recommenderRecipes() ([]recommenderRecipe, error) {
	tuned, err := ranking.ReadTuned(p.tunedPath())
	if err != nil {
		return nil, err
	}
	recipes := []recommenderRecipe{
		popularRecipe("popular", popular.Options{}),
		popularRecipe("popular-recent", popular.Options{WindowDays: 60}),
	}
	top := personalRecipe(personal.Options{})
	top.family, top.baseline = "personal-top", true
	recipes = append(recipes, top)
	for _, o := range p.Options.Overrides.personal() {
		recipes = append(recipes, personalRecipe(o))
	}
	for _, o := range p.Options.Overrides.ials(tuned) {
		o.Seed, o.Workers = p.Options.Seed, p.Options.Workers
		recipes = append(recipes, ialsRecipe(o))
	}
	return recipes, nil
}

func popularRecipe(family string, o popular.Options) recommenderRecipe {
	return recommenderRecipe{family: family, kind: kindPopular, options: o, baseline: true, metric: listMetric,
		fit: func(ctx context.Context, ev *matrix.Events, now int32) (models.Recommender, error) {
			return popular.Fit(ctx, ev, now, o)
		}}
}

func personalRecipe(o personal.Options) recommenderRecipe {
	return recommenderRecipe{family: "personal", kind: kindPersonal, options: o, metric: listMetric,
		fit: func(ctx context.Context, ev *matrix.Events, now int32) (models.Recommender, error) {
			return personal.Fit(ctx, ev, now, o)
		}}
}

func ialsRecipe(o ials.Options) recommenderRecipe {
	return recommenderRecipe{family: "ials", kind: kindIALS, options: o, metric: discoveryMetric,
		fit: func(ctx context.Context, ev *matrix.Events, now int32) (models.Recommender, error) {
			return ials.Fit(ctx, ev, now, o, nil)
		}}
}

// A churnRecipe is one way to make a classifier.
type churnRecipe struct {
	family   string
	options  any
	baseline bool
	fit      func(ctx context.Context, x *matrix.Dense, y []bool) (models.Classifier, error)
}

// churnRecipes lists what competes. The base rate, which says the same of
// everybody, is the baseline.
func (p *Pipeline) churnRecipes() []churnRecipe {
	recipes := []churnRecipe{{family: "base-rate", baseline: true,
		fit: func(ctx context.Context, x *matrix.Dense, y []bool) (models.Classifier, error) {
			return baserate.Fit(ctx, x, y)
		}}}
	for _, o := range p.Options.Overrides.logistic() {
		recipes = append(recipes, churnRecipe{family: "logistic", options: o,
			fit: func(ctx context.Context, x *matrix.Dense, y []bool) (models.Classifier, error) {
				return logistic.Fit(ctx, x, y, o)
			}})
	}
	for _, o := range p.Options.Overrides.forest() {
		o.Seed, o.Workers = p.Options.Seed, p.Options.Workers
		recipes = append(recipes, churnRecipe{family: "forest", options: o,
			fit: func(ctx context.Context, x *matrix.Dense, y []bool) (models.Classifier, error) {
				return forest.Fit(ctx, x, y, o)
			}})
	}
	return recipes
}

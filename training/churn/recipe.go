package churn

import (
	"context"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"regulars/models"
	"regulars/models/average"
	"regulars/training/options"
	"regulars/training/propensity"
)

// Families that compete.
const (
	BaseRate = propensity.BaseRate // the baseline, which says the same of everybody
	Gap      = "gap"
	Logistic = "logistic"
	Forest   = "forest"
	Trees    = "gbdt"
	Average  = "average"
)

// candidates are the options that are compared, as in --set. Those of gbdt are
// slow learners of few leaves: customers of one shop differ in few ways, and the
// same customer stands in the rows of many dates.
var candidates = map[string][]string{
	Logistic: {"l2=10", "l2=100", "l2=300"},
	Forest:   {""},
	Trees: {
		"num_leaves=7 learning_rate=0.05 rounds=200 min_data_in_leaf=100 feature_fraction=0.5 bagging_fraction=0.6 l2=1",
		"num_leaves=15 learning_rate=0.03 rounds=200 min_data_in_leaf=200 feature_fraction=0.3 bagging_fraction=0.6 l2=10",
	},
}

// voters are the families whose best recipes Average lets vote.
var voters = []string{Logistic, Trees}

// A Recipe is one way to make a classifier.
type Recipe struct {
	Family  string
	Options map[string]any
	fit     func(ctx context.Context, r Rows) (models.Classifier, error)
}

// Fit learns from rows.
func (r Recipe) Fit(ctx context.Context, rows Rows) (models.Classifier, error) {
	return r.fit(ctx, rows)
}

// recipes lists the candidates of families; those that a setting speaks of
// compete whatever the rung.
func (j *Job) recipes(families []string) ([]Recipe, error) {
	var out []Recipe
	for _, f := range propensity.Families() {
		if !slices.Contains(families, f.Name) && !j.named(f.Name) {
			continue
		}
		tried := candidates[f.Name]
		if tried == nil {
			tried = []string{""}
		}
		more, err := j.recipesOf(f, tried)
		if err != nil {
			return nil, err
		}
		out = append(out, more...)
	}
	if slices.Contains(families, Gap) {
		out = slices.Insert(out, 1, j.gapRecipe())
	}
	return out, nil
}

func (j *Job) named(family string) bool {
	return slices.ContainsFunc(j.Settings, func(s options.Setting) bool { return s.Model == family })
}

// recently is a recipe that learns from the dates of the latest horizon alone:
// what told who leaves years ago may mislead today.
func (j *Job) recently(r Recipe) Recipe {
	o := maps.Clone(r.Options)
	o["learns_from"] = "the latest horizon"
	return Recipe{Family: r.Family, Options: o, fit: func(ctx context.Context, rows Rows) (models.Classifier, error) {
		return r.fit(ctx, rows.since(slices.Max(rows.Day)-int32(j.HorizonDays)))
	}}
}

// alsoRecently adds that for every recipe which learns from features, if there are
// earlier dates in plenty: where history is short, every row is needed.
func (j *Job) alsoRecently(recipes []Recipe, train Rows) []Recipe {
	if slices.Max(train.Day)-slices.Min(train.Day) <= 2*int32(j.HorizonDays) {
		return recipes
	}
	for _, r := range recipes {
		if r.Family != BaseRate && r.Family != Gap {
			recipes = append(recipes, j.recently(r))
		}
	}
	return recipes
}

// recipesOf returns the distinct candidates of a family, with what was set.
func (j *Job) recipesOf(f propensity.Family, tried []string) ([]Recipe, error) {
	var given []any
	for _, text := range tried {
		words := strings.Fields(text)
		for i := range words {
			words[i] = f.Name + "." + words[i]
		}
		settings, err := options.Parse(words)
		if err != nil {
			return nil, err
		}
		o, err := f.With(slices.Concat(settings, j.Settings))
		if err != nil {
			return nil, err
		}
		if !slices.ContainsFunc(given, func(x any) bool { return reflect.DeepEqual(x, o) }) {
			given = append(given, o)
		}
	}
	out := make([]Recipe, len(given))
	for i, o := range given {
		out[i] = Recipe{Family: f.Name, Options: options.Describe(o), fit: func(ctx context.Context, r Rows) (models.Classifier, error) {
			run := propensity.Run{Seed: j.Seed, Workers: j.Workers}
			return f.Fit(ctx, propensity.Rows{X: r.X, Y: r.Left}, nil, o, run)
		}}
	}
	return out, nil
}

// vote is the average of recipes.
func vote(members []Recipe) Recipe {
	described := map[string]any{}
	for _, m := range members {
		described[m.Family] = m.Options
	}
	return Recipe{Family: Average, Options: described, fit: func(ctx context.Context, r Rows) (models.Classifier, error) {
		fitted := make([]models.Classifier, len(members))
		for i, m := range members {
			var err error
			if fitted[i], err = m.fit(ctx, r); err != nil {
				return nil, fmt.Errorf("%s: %w", m.Family, err)
			}
		}
		return average.New(fitted...)
	}}
}

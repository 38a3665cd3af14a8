package training

import (
	"context"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"regulars/models"
	"regulars/training/options"
	"regulars/training/ranking"
)

// A recommenderRecipe is one way to make a recommender: a family, its options,
// and the metric by which the family's options are chosen.
type recommenderRecipe struct {
	family   string // the name in tables, such as "personal-top"
	options  any
	baseline bool
	metric   string
	lacks    func(*ranking.Data) string // what the data lacks for it; nil = nothing
	fit      func(ctx context.Context, d *ranking.Data, now int32, progress func(done, total int)) (models.Recommender, error)
}

// Metrics that choices are made by: the list as a whole, and for families whose
// place is discovery, what customers had never bought before.
const (
	listMetric      = "ndcg@10"
	discoveryMetric = "new:recall@10"
)

// ofTheList are the families whose options are chosen by the whole list.
var ofTheList = []string{"popular", "popular-recent", kindPersonal, kindRepeat, kindTIFUKNN, kindBlend, kindTrending}

func choiceMetric(family string) string {
	if slices.Contains(ofTheList, family) {
		return listMetric
	}
	return discoveryMetric
}

// competing are the families that every run compares, with the candidates among
// which options are chosen, cheap families first. The candidates of ials span
// strong and weak confidence, and what is new in season against what has been
// bought for long: shops differ most in how fast tastes age.
var competing = []struct {
	family     string
	candidates []string // options as in --set, separated by spaces
}{
	{kindRepeat, []string{"", "half_life_days=90", "half_life_days=360", "prior=0.3", "timing=0"}},
	{kindItemKNN, []string{"half_life_days=30 beta=0.6", "half_life_days=30 beta=0.8", "half_life_days=60 beta=0.6", "half_life_days=60 beta=0.8"}},
	{kindRules, []string{""}},
	{kindContent, []string{""}},
	{kindIALS, []string{
		"iterations=6 alpha=40 unobserved=3 regularization=0.01 half_life_days=30",
		"iterations=6 alpha=10 unobserved=3 regularization=0.001 half_life_days=60",
		"iterations=6 alpha=20 unobserved=3 regularization=0.003 half_life_days=45",
		"iterations=6 alpha=10 unobserved=1 regularization=0.01 half_life_days=90",
		"iterations=6 alpha=10 unobserved=3 regularization=0.01 half_life_days=180",
		"iterations=6 alpha=10 unobserved=1 regularization=0.01 half_life_days=0",
	}},
	{kindEASE, []string{"l2=300", "l2=1000"}},
	{kindBlend, []string{"windows=2 sources=repeat,itemknn,content,trending,popular-recent"}}, // quick to fit again; rules double the cost and did not help on slices before the reported ones
}

// easeItems is the largest catalogue for which every run tries the closed form,
// whose cost grows with its cube. Beyond, it competes when it was tuned or set.
const easeItems = 2000

// recommenderRecipes lists what competes over so many items, in table order. The
// baselines are always there. A family that a search or an override speaks of competes
// even if it would not otherwise.
func (p *Pipeline) recommenderRecipes(items int, tuned *ranking.Tuned) ([]recommenderRecipe, error) {
	var recipes []recommenderRecipe
	for _, f := range ranking.Families() {
		if f.Baseline {
			recipes = append(recipes, p.baselineRecipe(f))
		}
	}
	for _, c := range competing {
		candidates := c.candidates
		if c.family == kindEASE && items > easeItems {
			if !p.named(kindEASE, tuned) {
				continue
			}
			if tunedSettings(tuned, kindEASE) != nil {
				candidates = nil // which without the search would not compete
			}
		}
		more, err := p.recipesOf(c.family, candidates, tuned)
		if err != nil {
			return nil, err
		}
		recipes = append(recipes, more...)
	}
	for _, f := range ranking.Families() {
		if !isCompeting(f.Name) && p.named(f.Name, tuned) {
			more, err := p.recipesOf(f.Name, []string{""}, tuned)
			if err != nil {
				return nil, err
			}
			recipes = append(recipes, more...)
		}
	}
	return recipes, nil
}

func isCompeting(family string) bool {
	for _, c := range competing {
		if c.family == family {
			return true
		}
	}
	return false
}

// named reports whether a search or an override speaks of a family.
func (p *Pipeline) named(family string, tuned *ranking.Tuned) bool {
	return tunedSettings(tuned, family) != nil || len(p.Options.Overrides.of(family)) > 0
}

func (p *Pipeline) baselineRecipe(f ranking.Family) recommenderRecipe {
	r := p.recipe(f, f.Options, nil)
	if r.baseline = true; f.Name == kindPersonal {
		r.family = "personal-top"
	}
	return r
}

// recipesOf returns the distinct candidates of a family, none when there is no
// such family. What a search has found takes their place; where it had no time to
// try them all, they compete beside it.
func (p *Pipeline) recipesOf(name string, candidates []string, tuned *ranking.Tuned) ([]recommenderRecipe, error) {
	all := ranking.Families()
	at := slices.IndexFunc(all, func(f ranking.Family) bool { return f.Name == name })
	if at < 0 {
		return nil, nil
	}
	var sets [][]options.Setting
	found := tunedSettings(tuned, name)
	if found != nil {
		sets = append(sets, found)
	}
	if found == nil || !tuned.Models[name].Full {
		for _, c := range candidates {
			sets = append(sets, candidate(name, c))
		}
	}
	var out []recommenderRecipe
	for _, settings := range sets {
		o, err := all[at].With(slices.Concat(settings, p.Options.Overrides.set))
		if err != nil {
			return nil, err
		}
		if !slices.ContainsFunc(out, func(r recommenderRecipe) bool { return reflect.DeepEqual(r.options, o) }) {
			out = append(out, p.recipe(all[at], o, tuned))
		}
	}
	return out, nil
}

// candidate reads options as they stand in competing.
func candidate(family, text string) []options.Setting {
	var out []options.Setting
	for _, word := range strings.Fields(text) {
		name, value, _ := strings.Cut(word, "=")
		out = append(out, options.Setting{Model: family, Option: name, Value: value})
	}
	return out
}

// candidatesOf are those of a family in competing.
func candidatesOf(family string) [][]options.Setting {
	var out [][]options.Setting
	for _, c := range competing {
		for _, text := range c.candidates {
			if c.family == family {
				out = append(out, candidate(family, text))
			}
		}
	}
	return out
}

func (p *Pipeline) recipe(f ranking.Family, o any, tuned *ranking.Tuned) recommenderRecipe {
	run := ranking.Run{Seed: p.Options.Seed, Workers: p.Options.Workers, Settings: slices.Concat(tuned.Settings(), p.Options.Overrides.set)}
	return recommenderRecipe{family: f.Name, options: o, metric: choiceMetric(f.Name), lacks: f.Lacks,
		fit: func(ctx context.Context, d *ranking.Data, now int32, progress func(done, total int)) (models.Recommender, error) {
			run.Progress = progress
			return f.Fit(ctx, d, now, o, run)
		}}
}

// defaultRecipe is that of a family where nothing could be compared: the first
// of its candidates.
func (p *Pipeline) defaultRecipe(family string, tuned *ranking.Tuned) (recommenderRecipe, error) {
	candidates := []string{""}
	for _, c := range competing {
		if c.family == family {
			candidates = c.candidates
		}
	}
	recipes, err := p.recipesOf(family, candidates, tuned)
	if err == nil && len(recipes) == 0 {
		err = fmt.Errorf("there is no model %q", family)
	}
	if err != nil {
		return recommenderRecipe{}, err
	}
	return recipes[0], nil
}

package training

import (
	"fmt"
	"reflect"
	"slices"

	"regulars/models/forest"
	"regulars/models/ials"
	"regulars/models/logistic"
	"regulars/models/personal"
	"regulars/training/options"
	"regulars/training/ranking"
)

// Overrides fix options of models, which the search then leaves alone.
type Overrides struct {
	set []options.Setting
}

// ParseOverrides reads words of the form MODEL.OPTION=VALUE, such as
// ials.factors=32. An unknown model or option is an error that lists the known ones.
func ParseOverrides(words []string) (Overrides, error) {
	set, err := options.Parse(words)
	if err != nil {
		return Overrides{}, err
	}
	o := Overrides{set}
	return o, o.check()
}

func (o Overrides) check() error {
	targets := map[string]any{"personal": &personal.Options{}, "ials": &ials.Options{}, "logistic": &logistic.Options{}, "forest": &forest.Options{}}
	for _, s := range o.set {
		target, ok := targets[s.Model]
		if !ok {
			return fmt.Errorf("%s.%s: no model %q takes options; those that do: forest, ials, logistic, personal", s.Model, s.Option, s.Model)
		}
		if err := options.Set(target, s); err != nil {
			return err
		}
	}
	return nil
}

// apply sets the overrides of one model on each candidate and drops candidates
// that have become equal. The words were checked by ParseOverrides.
func apply[T any](o Overrides, model string, candidates []T) []T {
	var out []T
	for _, c := range candidates {
		for _, s := range o.set {
			if s.Model == model {
				if err := options.Set(&c, s); err != nil {
					panic("training: overrides were not checked: " + err.Error())
				}
			}
		}
		if !slices.ContainsFunc(out, func(x T) bool { return reflect.DeepEqual(x, c) }) {
			out = append(out, c)
		}
	}
	return out
}

// tunedSettings returns what a search has found for a model, nil when it has not
// searched it.
func tunedSettings(found *ranking.Tuned, model string) []options.Setting {
	if found == nil {
		return nil
	}
	if _, ok := found.Models[model]; !ok {
		return nil
	}
	return append([]options.Setting{}, slices.DeleteFunc(found.Settings(), func(s options.Setting) bool { return s.Model != model })...)
}

// Candidates that the search compares on the choice slice, cheap ones first.

func (o Overrides) personal() []personal.Options {
	out := []personal.Options{{Prior: 1}, {HalfLifeDays: 240, Prior: 1}}
	for _, halfLife := range []float64{120, 240, 480} {
		for _, prior := range []float64{0.1, 0.3} {
			out = append(out, personal.Options{HalfLifeDays: halfLife, Prior: prior, PriorDays: popularDays})
		}
	}
	return apply(o, "personal", out)
}

// ials spans strong and weak confidence, and what is new in season against what
// has been bought for long: shops differ most in how fast tastes age.
//
// Options that a search has found take the place of these candidates.
func (o Overrides) ials(tuned *ranking.Tuned) []ials.Options {
	if found := tunedSettings(tuned, kindIALS); found != nil {
		return apply(Overrides{append(found, o.set...)}, kindIALS, []ials.Options{{}})
	}
	candidate := func(alpha, unobserved, regularization, halfLife float64) ials.Options {
		return ials.Options{Iterations: 6, Alpha: &alpha, Unobserved: unobserved, Regularization: regularization, HalfLifeDays: halfLife}
	}
	return apply(o, "ials", []ials.Options{
		candidate(40, 3, 0.01, 30), candidate(10, 3, 0.001, 60), candidate(20, 3, 0.003, 45),
		candidate(10, 1, 0.01, 90), candidate(10, 3, 0.01, 180), candidate(10, 1, 0.01, 0),
	})
}

func (o Overrides) logistic() []logistic.Options {
	return apply(o, "logistic", []logistic.Options{{L2: 1}, {L2: 10}, {L2: 100}})
}

func (o Overrides) forest() []forest.Options {
	return apply(o, "forest", []forest.Options{{Trees: 50, SampleRows: 4000, MinLeaf: 20, MaxDepth: 10}})
}

package training

import (
	"fmt"
	"reflect"
	"slices"

	"regulars/models/forest"
	"regulars/models/logistic"
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

// check also refuses options of the baselines, which stay what others are
// compared with.
func (o Overrides) check() error {
	classifiers := map[string]any{"logistic": &logistic.Options{}, "forest": &forest.Options{}}
	for _, s := range o.set {
		target, ok := classifiers[s.Model]
		var err error
		switch {
		case ok:
			err = options.Set(target, s)
		case s.Model == "popular" || s.Model == "popular-recent":
			err = fmt.Errorf("%s: %s is a baseline, which stays as it is", s, s.Model)
		default:
			err = ranking.CheckSettings([]options.Setting{s})
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// of returns the overrides of one model.
func (o Overrides) of(model string) []options.Setting {
	return slices.DeleteFunc(slices.Clone(o.set), func(s options.Setting) bool { return s.Model != model })
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

func (o Overrides) logistic() []logistic.Options {
	return apply(o, "logistic", []logistic.Options{{L2: 1}, {L2: 10}, {L2: 100}})
}

func (o Overrides) forest() []forest.Options {
	return apply(o, "forest", []forest.Options{{Trees: 50, SampleRows: 4000, MinLeaf: 20, MaxDepth: 10}})
}

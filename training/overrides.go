package training

import (
	"fmt"
	"slices"

	"regulars/training/options"
	"regulars/training/propensity"
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
	for _, s := range o.set {
		check := ranking.CheckSettings
		switch {
		case slices.Contains(propensity.Names(), s.Model):
			check = propensity.CheckSettings
		case s.Model == "popular" || s.Model == "popular-recent":
			return fmt.Errorf("%s: %s is a baseline, which stays as it is", s, s.Model)
		}
		if err := check([]options.Setting{s}); err != nil {
			return err
		}
	}
	return nil
}

// of returns the overrides of one model.
func (o Overrides) of(model string) []options.Setting {
	return slices.DeleteFunc(slices.Clone(o.set), func(s options.Setting) bool { return s.Model != model })
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

package ranking

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"regulars/data/interactions"
	"regulars/features/matrix"
	"regulars/models"
	"regulars/training/options"
)

// CheckSettings reports the first setting that names no model or no option, or
// gives an option what it cannot be. What it says of a value wraps an
// *models.OptionError with the option's name as in a setting.
func CheckSettings(settings []options.Setting) error {
	all := Families()
	if err := options.Check(all, settings); err != nil {
		return err
	}
	for _, f := range all {
		if !slices.ContainsFunc(settings, func(s options.Setting) bool { return s.Model == f.Name }) {
			continue
		}
		if err := f.checkValues(settings); err != nil {
			return err
		}
	}
	return nil
}

// checkValues has the family learn from nothing: every model looks at its options
// first.
func (f Family) checkValues(settings []options.Setting) error {
	o, err := f.With(settings)
	if err != nil {
		return err
	}
	nothing := &Data{Events: &matrix.Events{Indptr: []int64{0}}, Items: &interactions.Items{}, IDs: matrix.NewVocabulary(nil), Group: []int32{}, Groups: 1}
	_, err = f.Fit(context.Background(), nothing, 0, o, Run{Workers: 1})
	var wrong *models.OptionError
	if errors.As(err, &wrong) {
		named := *wrong
		named.Model, named.Option = f.Name, options.NameOf(wrong.Option)
		return &named
	}
	return nil // such as that there is nothing to learn from
}

// CheckUsed reports the first setting of a model that is not measured when these
// families are, neither for itself nor as a source of the blend.
func CheckUsed(families []Family, settings []options.Setting) error {
	var used []string
	for _, f := range withBaselines(families) {
		used = append(used, f.Name)
		if f.Name == blendName {
			o, err := f.With(settings)
			if err != nil {
				return err
			}
			used = append(used, o.(BlendOptions).sources()...)
		}
	}
	for _, s := range settings {
		if !slices.Contains(used, s.Model) {
			return fmt.Errorf("%s: %s is not among the models to measure: %s", s, s.Model, strings.Join(used, ", "))
		}
	}
	return nil
}

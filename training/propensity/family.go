package propensity

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"regulars/models"
	"regulars/training/options"
)

// A Family is one way to classify.
type Family struct {
	Name     string
	Baseline bool // always measured beside the others
	Options  any  // the defaults: the zero Options of the family's package

	codes bool // splits categories itself: takes them as codes
	set   func(base any, settings []options.Setting) (any, error)
	fit   func(ctx context.Context, train Rows, stop *Rows, o any, run Run) (models.Classifier, error)
	again func(o any, stopped models.Classifier) any // nil: the family does not learn in rounds
}

// Run is what every fit is given alike.
type Run struct {
	Seed     uint64
	Workers  int                   // 0 = all cores; results do not depend on it
	Progress func(done, total int) // may be nil
}

// Fit learns from train. o is of the type of Options. A family that learns in
// rounds ends where stop, rows of a later time, is fitted best; stop may be nil.
func (f Family) Fit(ctx context.Context, train Rows, stop *Rows, o any, run Run) (models.Classifier, error) {
	return f.fit(ctx, train, stop, o, run)
}

// Codes reports whether the family takes categories as codes (Rows.Categorical)
// and not only as numbers.
func (f Family) Codes() bool { return f.codes }

// With returns the defaults with some options set: of two settings of one
// option the later counts. Settings of other models are passed over.
func (f Family) With(settings []options.Setting) (any, error) {
	return f.set(f.Options, slices.DeleteFunc(slices.Clone(settings), func(s options.Setting) bool { return s.Model != f.Name }))
}

// fitter is the shape of every family's Fit.
type fitter[O any] func(ctx context.Context, train Rows, stop *Rows, o O, progress func(done, total int)) (models.Classifier, error)

// newFamily is a family whose package has the options O.
func newFamily[O any](name string, fit fitter[O]) Family {
	return Family{Name: name, Options: *new(O),
		set: func(base any, settings []options.Setting) (any, error) {
			o := base.(O)
			for _, s := range settings {
				if err := options.Set(&o, s); err != nil {
					return nil, err
				}
			}
			return o, nil
		},
		fit: func(ctx context.Context, train Rows, stop *Rows, given any, run Run) (models.Classifier, error) {
			o, ok := given.(O)
			if !ok {
				return nil, fmt.Errorf("%s: options are a %T, not a %T", name, given, o)
			}
			options.SetRun(&o, run.Seed, run.Workers)
			return fit(ctx, train, stop, o, run.Progress)
		}}
}

// Find returns the named families, in the order of the names; "all" is every one.
func Find(names []string) ([]Family, error) {
	all := Families()
	var out []Family
	for _, name := range names {
		if name == "all" {
			return all, nil
		}
		i := slices.IndexFunc(all, func(f Family) bool { return f.Name == name })
		if i < 0 {
			return nil, fmt.Errorf("there is no model %q: the models are %s, or all", name, strings.Join(Names(), ", "))
		}
		if !slices.ContainsFunc(out, func(f Family) bool { return f.Name == name }) {
			out = append(out, all[i])
		}
	}
	return out, nil
}

// Names returns the names of all families.
func Names() []string {
	var out []string
	for _, f := range Families() {
		out = append(out, f.Name)
	}
	return out
}

// CheckSettings reports the first setting that names no model or no option, or
// gives an option what it cannot be.
func CheckSettings(settings []options.Setting) error {
	all := Families()
	for _, s := range settings {
		i := slices.IndexFunc(all, func(f Family) bool { return f.Name == s.Model })
		if i < 0 {
			return fmt.Errorf("%s: there is no model %q: the models are %s", s, s.Model, strings.Join(Names(), ", "))
		}
		if _, err := all[i].With([]options.Setting{s}); err != nil {
			return err
		}
	}
	return nil
}

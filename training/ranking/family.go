package ranking

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"regulars/models"
	"regulars/training/options"
)

// A Family is one way to recommend.
type Family struct {
	Name     string
	Baseline bool        // always measured beside the others
	Options  any         // the defaults: the zero Options of the family's package
	Space    []Dimension // what a search tries; none = nothing to search

	// Lacks says what the data lacks for this family, "" when nothing; nil =
	// any data will do.
	Lacks func(*Data) string

	set func(base any, settings []options.Setting) (any, error)
	fit func(ctx context.Context, d *Data, now int32, o any, run Run) (models.Recommender, error)
}

// Run is what every fit is given alike.
type Run struct {
	Seed     uint64
	Workers  int                   // 0 = all cores; results do not depend on it
	Progress func(done, total int) // may be nil

	// Settings are options of all models, for a family that fits others.
	Settings []options.Setting
}

// Fit learns from what lies before now. o is of the type of Options.
func (f Family) Fit(ctx context.Context, d *Data, now int32, o any, run Run) (models.Recommender, error) {
	return f.fit(ctx, d, now, o, run)
}

// With returns the defaults with some options set: of two settings of one
// option the later counts. Settings of other models are passed over.
func (f Family) With(settings []options.Setting) (any, error) {
	return f.set(f.Options, slices.DeleteFunc(slices.Clone(settings), func(s options.Setting) bool { return s.Model != f.Name }))
}

// Tunable reports whether there is anything to search.
func (f Family) Tunable() bool { return len(f.Space) > 0 && !f.Baseline }

func (f Family) lacks(d *Data) string {
	if f.Lacks == nil {
		return ""
	}
	return f.Lacks(d)
}

// fitter is the shape of every family package's Fit.
type fitter[O any] func(ctx context.Context, d *Data, now int32, o O, progress func(done, total int)) (models.Recommender, error)

// newFamily is a family whose package has the options O.
func newFamily[O any](name string, fit fitter[O], space ...Dimension) Family {
	return Family{Name: name, Options: *new(O), Space: space,
		set: func(base any, settings []options.Setting) (any, error) {
			o := base.(O)
			for _, s := range settings {
				if err := options.Set(&o, s); err != nil {
					return nil, err
				}
			}
			return o, nil
		},
		fit: func(ctx context.Context, d *Data, now int32, any_ any, run Run) (models.Recommender, error) {
			o, ok := any_.(O)
			if !ok {
				return nil, fmt.Errorf("%s: options are a %T, not a %T", name, any_, o)
			}
			options.SetRun(&o, run.Seed, run.Workers)
			return fit(ctx, d, now, o, run.Progress)
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

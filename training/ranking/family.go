package ranking

import (
	"context"

	"regulars/models"
	"regulars/training/options"
)

// A Family is one way to recommend.
type Family struct {
	options.Family
	Baseline bool        // always measured beside the others
	Space    []Dimension // what a search tries; none = nothing to search
	PerUser  bool        // its lists follow from who the user is, not from their history alone

	// Lacks says what the data lacks for this family, "" when nothing; nil =
	// any data will do.
	Lacks func(*Data) string

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
	return Family{Family: options.NewFamily[O](name), Space: space,
		fit: func(ctx context.Context, d *Data, now int32, given any, run Run) (models.Recommender, error) {
			o, err := options.Run[O](name, given, run.Seed, run.Workers)
			if err != nil {
				return nil, err
			}
			return fit(ctx, d, now, o, run.Progress)
		}}
}

// Find returns the named families, in the order of the names; "all" is every one.
func Find(names []string) ([]Family, error) { return options.Find(Families(), names) }

// Names returns the names of all families.
func Names() []string { return options.FamilyNames(Families()) }

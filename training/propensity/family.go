package propensity

import (
	"context"

	"regulars/models"
	"regulars/training/options"
)

// A Family is one way to classify.
type Family struct {
	options.Family
	Baseline bool // always measured beside the others

	codes bool // splits categories itself: takes them as codes
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

// fitter is the shape of every family's Fit.
type fitter[O any] func(ctx context.Context, train Rows, stop *Rows, o O, progress func(done, total int)) (models.Classifier, error)

// newFamily is a family whose package has the options O.
func newFamily[O any](name string, fit fitter[O]) Family {
	return Family{Family: options.NewFamily[O](name),
		fit: func(ctx context.Context, train Rows, stop *Rows, given any, run Run) (models.Classifier, error) {
			o, err := options.Run[O](name, given, run.Seed, run.Workers)
			if err != nil {
				return nil, err
			}
			return fit(ctx, train, stop, o, run.Progress)
		}}
}

// Find returns the named families, in the order of the names; "all" is every one.
func Find(names []string) ([]Family, error) { return options.Find(Families(), names) }

// Names returns the names of all families.
func Names() []string { return options.FamilyNames(Families()) }

// CheckSettings reports the first setting that names no model or no option, or
// gives an option what it cannot be.
func CheckSettings(settings []options.Setting) error { return options.Check(Families(), settings) }

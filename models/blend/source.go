package blend

import (
	"context"

	"regulars/features/matrix"
	"regulars/models"
)

// Source is one recommender of the blend.
type Source struct {
	Name  string
	Model models.Recommender
}

// A Ranker gives every row of features a number: higher is better, all finite.
// It is immutable and safe for concurrent use. A row is a candidate, with the
// columns of Columns; NaN is missing.
type Ranker interface {
	Rank(x *matrix.Dense, dst []float64) error
}

// Input is what a blend learns from.
type Input struct {
	Events *matrix.Events
	Dated  bool // the days are real; else items held out stand for a later window

	// Sources fits every source on what lies before now. It is called for every
	// window and, last, for what is published; each time it gives the same names
	// in the same order. A source without enough data has a nil Model there.
	Sources func(ctx context.Context, ev *matrix.Events, now int32, progress func(done, total int)) ([]Source, error)

	// Learners compete for making the ranker, at least one: see Outcome.
	Learners []Learner
}

// A Learner learns to tell what was bought from other candidates: y holds one
// label a row, group the first row of every list and, last, the number of rows.
// An error that wraps models.ErrNoData leaves the blend without its ranker.
type Learner func(ctx context.Context, x *matrix.Dense, y []bool, group []int32) (Ranker, error)

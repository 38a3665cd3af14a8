package models

import (
	"errors"
	"fmt"

	"regulars/features/matrix"
)

// A Recommender scores every item for one user from that user's history alone.
// Known users and newcomers are therefore served by the same call (for factor
// models this is the closed-form fold-in). Implementations are immutable after
// fitting and safe for concurrent use.
type Recommender interface {
	// Items returns the size of the item vocabulary.
	Items() int

	// Score writes a score for every item into dst, which has length Items():
	// higher is better, all finite. The history must hold items below Items(),
	// sorted as matrix.History says, all of them before day now.
	// An empty history is answered with what the model knows of everybody (a
	// popularity), or with ErrUnknown when it knows nothing.
	Score(h matrix.History, now int32, dst []float32) error
}

// A Similar model can say which items go with an item.
type Similar interface {
	// Similar writes the similarity of every item to the given one into dst,
	// which has length Items(): higher is closer, all finite. An item without
	// any interaction in training gives ErrUnknown.
	Similar(item int32, dst []float32) error
}

// A Classifier gives the probability that the label of a row is true.
// Implementations are immutable after fitting and safe for concurrent use.
type Classifier interface {
	// Probability writes one probability in [0, 1] for each row of x into dst,
	// which has length x.Rows. The columns of x must be those of training, by
	// name and order; otherwise the error wraps ErrColumns.
	Probability(x *matrix.Dense, dst []float64) error
}

var (
	// ErrUnknown says that the model knows nothing about what was asked, so
	// that the caller falls back and says so.
	ErrUnknown = errors.New("not known to the model")
	// ErrNoData says that there is too little to learn from.
	ErrNoData = errors.New("too little data to learn from")
	// ErrColumns says that the features at hand are not those of training.
	ErrColumns = errors.New("features differ from those of training")
)

// OptionError says which option of a model is out of range.
type OptionError struct {
	Model, Option string
	Value         any
	Want          string // such as "above 0"
}

func (e *OptionError) Error() string {
	return fmt.Sprintf("%s.%s is %v: it must be %s", e.Model, e.Option, e.Value, e.Want)
}

// CheckColumns returns an error wrapping ErrColumns that names the first
// difference between the features of training and those at hand.
func CheckColumns(trained, given []string) error {
	for i, name := range trained {
		if i >= len(given) {
			return fmt.Errorf("%w: column %q is missing", ErrColumns, name)
		}
		if given[i] != name {
			return fmt.Errorf("%w: column %d is %q, trained with %q", ErrColumns, i+1, given[i], name)
		}
	}
	if len(given) > len(trained) {
		return fmt.Errorf("%w: column %q was not there in training", ErrColumns, given[len(trained)])
	}
	return nil
}

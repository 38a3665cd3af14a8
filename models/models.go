package models

import (
	"context"
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

// A BatchTopper ranks many customers at once, which factor models do faster than
// one by one.
type BatchTopper interface {
	// TopK calls emit once for each user in users, in that order and never
	// concurrently, with the k best items by descending score (of equals the
	// lower number) and their scores; both slices are reused after emit returns.
	// Items of the user's history before now are left out when excludeSeen. A
	// user of whom the model knows nothing gets empty slices. An error of emit
	// ends the work and is returned.
	TopK(ctx context.Context, ev *matrix.Events, users []int32, now int32, k int, excludeSeen bool, workers int,
		emit func(user int32, items []int32, scores []float32) error) error
}

// An Explainer can say why an item is on the list of a history.
type Explainer interface {
	// Explain returns the main reason for an item. ok is false when the model
	// has none to give for it.
	Explain(h matrix.History, now int32, item int32) (r Reason, ok bool)
}

// A Reason says why an item is on a list, in a form that is put into words later.
type Reason struct {
	Kind ReasonKind
	Item int32  // ReasonBought, ReasonTogether: the item of the history; else -1
	Days int32  // ReasonUsual: the usual days from purchase to purchase
	Name string // ReasonBrand, ReasonCategory: which
}

// ReasonKind names what a Reason is about.
type ReasonKind uint8

// The reasons there are.
const (
	ReasonPopular  ReasonKind = iota // many buy it
	ReasonTrending                   // more buy it than before
	ReasonAgain                      // bought before
	ReasonUsual                      // bought every Days days
	ReasonBought                     // because you bought Item
	ReasonTogether                   // bought together with Item
	ReasonBrand                      // new in a brand you buy
	ReasonCategory                   // new in a category you buy
	ReasonSimilar                    // customers like you buy it
	ReasonRegion                     // many buy it in the customer's region
	ReasonChannel                    // many buy it through the channel that the customer orders by most
	ReasonSegment                    // many customers at the same stage buy it
)

// A Contributor can say what each column adds to its answer for a row.
type Contributor interface {
	// Contributions writes, for each row of x, what each column adds to the
	// log-odds of Probability, then the log-odds before any column: x.Cols + 1
	// numbers a row that add up to the log-odds of the probability (LogOdds says
	// what those of 0 and 1 are). dst has room for x.Rows × (x.Cols + 1). Columns as
	// in Probability. A model that wraps one that is no Contributor gives an error
	// wrapping errors.ErrUnsupported.
	Contributions(x *matrix.Dense, dst []float64) error
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

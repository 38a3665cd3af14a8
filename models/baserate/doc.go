// Package baserate predicts the same probability for every row: how often the
// label was true in training. It is the baseline that a classifier must beat.
package baserate

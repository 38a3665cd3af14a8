// Package average lets classifiers of different kinds vote: the log-odds of
// their probabilities are averaged.
package average

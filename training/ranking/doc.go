// Package ranking compares recommenders. It keeps the one list of families that
// there are, with their options and what a search may try; cuts who had what
// into train and truth; measures families on the same users; and searches
// options on a slice inside train, so that nothing is tuned on what is reported.
// The family blend joins others, with the ranker that is kept here.
package ranking

// Package calibrate maps the raw probabilities of a classifier to probabilities
// that come true as often as they say, learned on rows that the classifier was
// not fitted on; and shifts them where another rate is known to come.
package calibrate

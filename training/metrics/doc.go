// Package metrics says how good a model is: ranking metrics over users,
// classification metrics over rows, each with a 95% bootstrap interval, and
// paired differences between two models. It is pure: numbers in, numbers out.
package metrics

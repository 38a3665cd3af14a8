// Package prepare turns columns of a table into inputs that a linear model or a
// network can learn from: skewed ones by their logarithm, all standardised,
// missing values as the mean with an indicator beside it.
package prepare

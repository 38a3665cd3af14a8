// Package logistic is logistic regression with an L2 or an elastic-net penalty.
// It prepares its columns itself (logarithm of skewed ones, standardisation,
// missing values) and keeps what it learned about them as part of the model.
package logistic

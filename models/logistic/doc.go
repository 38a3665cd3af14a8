// Package logistic is L2-regularised logistic regression. It prepares its
// columns itself (logarithm of skewed ones, standardisation, missing values) and
// keeps what it learned about them as part of the model.
package logistic

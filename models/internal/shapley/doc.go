// Package shapley says what each column adds to the answer of a decision tree: the
// Shapley values of path-dependent TreeSHAP (Lundberg, Erion, Lee 2018, "Consistent
// individualized feature attribution for tree ensembles"), and how contributions to
// a probability become contributions to its log-odds.
package shapley

// Package pairwise is what models share that are a sparse matrix of weights
// between items: a history counts its items, and an item's score is the sum of
// what each of them adds.
package pairwise

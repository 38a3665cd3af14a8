// Package matrix holds the shapes that models learn from: vocabularies of ids,
// dense tables of numeric features, sparse user × item matrices and dated
// interaction events. It is pure: no files, no clock, no randomness.
package matrix

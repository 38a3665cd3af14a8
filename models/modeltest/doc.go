// Package modeltest is what every model must pass: one suite for recommenders,
// one for classifiers, run from the tests of each algorithm.
package modeltest

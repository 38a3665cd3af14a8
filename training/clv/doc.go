// Package clv evaluates buy-till-you-die models on a file of transactions: it
// learns from a calibration period and compares what is expected with what
// happened after it.
package clv

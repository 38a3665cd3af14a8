// Package mlp is a small committee of multi-layer perceptrons: one or two hidden
// layers of rectified linear units, fitted by Adam on the log loss. Its members
// differ by what they were started with, and their probabilities are averaged.
package mlp

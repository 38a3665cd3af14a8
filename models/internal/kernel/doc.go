// Package kernel holds the few float32 kernels whose speed decides how long the
// factor models take: dot products, rank-k updates, matrix products, Cholesky,
// inversion and the selection of the k best. The instruction set is chosen at run
// time: AVX-512, AVX2 with FMA, or a portable twin in Go.
//
// Matrices are row-major slices with a leading dimension (the distance between
// the starts of two rows). The same input gives the same bytes for any number of
// workers on one instruction set; across sets sums are ordered differently and
// agree to rounding. A slice too short for the sizes given panics, as an index
// out of range does: that is a mistake of the caller, never of the data.
package kernel

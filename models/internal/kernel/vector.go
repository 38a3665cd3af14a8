package kernel

import "sync/atomic"

// sink keeps the compiler from leaving measured work out.
var sink atomic.Uint32

// Dot returns Σ x[i]·y[i] over the length of x; y is at least as long.
func Dot(x, y []float32) float32 { return active.dot(x, y[:len(x)]) }

// Axpy adds a·x to y, over the length of x; y is at least as long.
func Axpy(a float32, x, y []float32) { active.axpy(a, x, y[:len(x)]) }

// requireMatrix panics unless the slice holds rows × columns numbers.
func requireMatrix(a []float32, rows, columns, ld int) {
	if rows > 0 && columns > 0 {
		_ = a[(rows-1)*ld+columns-1]
	}
}

// Above returns the first position of x above the threshold, or len(x). x must
// not hold NaN.
func Above(x []float32, threshold float32) int { return active.above(x, threshold) }

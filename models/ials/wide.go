package ials

import (
	"math"

	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/blas/blas64"
	"gonum.org/v1/gonum/lapack/lapack64"
)

// wideSolver solves in float64 the rare rows that are beyond float32.
type wideSolver struct {
	a, b, v []float64
}

// solve writes the solution of the normal equations of solver.exact into x. It is
// false where they cannot be solved, or not within float32.
func (s *wideSolver) solve(x, gram, src []float32, cols []int32, roots []float32, ridge float64) bool {
	d := len(x)
	if len(s.b) != d {
		s.a, s.b, s.v = make([]float64, d*d), make([]float64, d), make([]float64, d)
	}
	widen(s.a, gram)
	clear(s.b)
	a := blas64.Symmetric{Uplo: blas.Upper, N: d, Stride: d, Data: s.a}
	b, v := blas64.Vector{N: d, Inc: 1, Data: s.b}, blas64.Vector{N: d, Inc: 1, Data: s.v}
	for i, c := range cols {
		widen(s.v, src[int(c)*d:])
		confidence := float64(roots[i]) * float64(roots[i])
		blas64.Syr(confidence, v, a)
		blas64.Axpy(confidence, v, b)
	}
	for i := range d {
		s.a[i*d+i] += ridge
	}
	t, ok := lapack64.Potrf(a)
	if !ok {
		return false
	}
	lapack64.Potrs(t, blas64.General{Rows: d, Cols: 1, Stride: 1, Data: s.b})
	return narrow(x, s.b)
}

func widen(dst []float64, src []float32) {
	for i := range dst {
		dst[i] = float64(src[i])
	}
}

// narrow is false unless every number is finite in float32.
func narrow(dst []float32, src []float64) bool {
	for i, x := range src {
		dst[i] = float32(x)
		if !(math.Abs(x) <= math.MaxFloat32) {
			return false
		}
	}
	return true
}

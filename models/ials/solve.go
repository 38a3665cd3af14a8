package ials

import (
	"errors"

	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/blas/blas64"
	"gonum.org/v1/gonum/lapack/lapack64"
)

var errNotPositive = errors.New("normal equations cannot be solved in float64: raise Regularization or lower Alpha")

// gramOf returns weight·srcᵀsrc, the upper triangle of d × d.
func gramOf(src []float64, d int, weight float64) []float64 {
	g := make([]float64, d*d)
	blas64.Syrk(blas.Trans, weight, blas64.General{Rows: len(src) / d, Cols: d, Stride: d, Data: src},
		0, blas64.Symmetric{Uplo: blas.Upper, N: d, Stride: d, Data: g})
	return g
}

// solver is the scratch of one worker.
type solver struct {
	d    int
	a    []float64 // d × d, upper triangle
	wide []float64 // one row of factors widened from float32
}

func newSolver(d int) *solver {
	return &solver{d: d, a: make([]float64, d*d), wide: make([]float64, d)}
}

// solve writes x = (gram + Σ c·v·vᵀ + ridge·I)⁻¹ Σ c·v over the rows v of src
// named by cols, with confidence c
// (Hu et al. 2008, equation 4, in the weighting of Rendle et al. 2021). A row
// without entries is 0.
func (s *solver) solve(x, gram, src []float64, cols []int32, conf []float32, ridge float64) error {
	clear(x)
	if len(cols) == 0 {
		return nil
	}
	copy(s.a, gram)
	d, n := s.d, 0
	for ; n+4 <= len(cols); n += 4 {
		v0, v1, v2, v3 := row(src, cols[n], d), row(src, cols[n+1], d), row(src, cols[n+2], d), row(src, cols[n+3], d)
		s.add4(x, v0, v1, v2, v3, float64(conf[n]), float64(conf[n+1]), float64(conf[n+2]), float64(conf[n+3]))
	}
	for ; n < len(cols); n++ {
		s.add1(x, row(src, cols[n], d), float64(conf[n]))
	}
	return s.cholesky(x, ridge)
}

func row(src []float64, r int32, d int) []float64 { return src[int(r)*d : (int(r)+1)*d] }

// add4 adds four weighted rank-1 updates to the upper triangle and the right
// side at once: four times fewer loads and stores of the triangle than one by one.
func (s *solver) add4(b, v0, v1, v2, v3 []float64, c0, c1, c2, c3 float64) {
	d := s.d
	for i := range d {
		w0, w1, w2, w3 := c0*v0[i], c1*v1[i], c2*v2[i], c3*v3[i]
		b[i] += w0 + w1 + w2 + w3
		a := s.a[i*d+i : (i+1)*d]
		x0, x1, x2, x3 := v0[i:d], v1[i:d], v2[i:d], v3[i:d]
		x0, x1, x2, x3 = x0[:len(a)], x1[:len(a)], x2[:len(a)], x3[:len(a)]
		for j := range a {
			a[j] += w0*x0[j] + w1*x1[j] + w2*x2[j] + w3*x3[j]
		}
	}
}

func (s *solver) add1(b, v []float64, c float64) {
	d := s.d
	for i := range d {
		w := c * v[i]
		b[i] += w
		a := s.a[i*d+i : (i+1)*d]
		x := v[i:d]
		x = x[:len(a)]
		for j := range a {
			a[j] += w * x[j]
		}
	}
}

// cholesky solves the accumulated system in place: x holds the right side, then
// the solution.
func (s *solver) cholesky(x []float64, ridge float64) error {
	d := s.d
	for i := range d {
		s.a[i*d+i] += ridge
	}
	t, ok := lapack64.Potrf(blas64.Symmetric{Uplo: blas.Upper, N: d, Stride: d, Data: s.a})
	if !ok {
		return errNotPositive
	}
	lapack64.Potrs(t, blas64.General{Rows: d, Cols: 1, Stride: 1, Data: x})
	return nil
}

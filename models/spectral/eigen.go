package spectral

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"

	"gonum.org/v1/gonum/mat"

	"regulars/features/matrix"
	"regulars/models/internal/kernel"
	"regulars/models/internal/pairwise"
)

// errEigen is not known to happen: weights are scaled beforehand.
var errEigen = errors.New("the eigenvalues of the item graph are not finite numbers above 0")

// spectrum holds the largest eigenvalues of AᵀA, falling, and their eigenvectors:
// items × len(values), row-major.
type spectrum struct {
	values  []float64
	vectors []float32
}

// oversampling is how many vectors more than wanted are iterated, so that the last
// ones converge too.
const oversampling = 20

// newSpectrum finds the eigenvectors by subspace iteration from a random start
// (Halko, Martinsson, Tropp 2011, algorithms 4.4 and 5.3). Fewer are returned where
// AᵀA has no more. step is called after every iteration.
func newSpectrum(ctx context.Context, g *graph, o Options, step func()) (*spectrum, error) {
	n := len(g.known)
	s := &subspace{g: g, workers: o.Workers, columns: min(o.Factors+oversampling, n)}
	s.basis = start(n, s.columns, o.Seed)
	for range o.Iterations {
		if err := s.iterate(ctx); err != nil {
			return nil, err
		}
		step()
	}
	return s.ritz(ctx, o.Factors)
}

// start is the whole space where it is small: as many random vectors as there are
// dimensions nearly depend on each other.
func start(n, columns int, seed uint64) []float32 {
	x := make([]float32, n*columns)
	if columns == n {
		for i := range n {
			x[i*n+i] = 1
		}
		return x
	}
	rng := rand.New(rand.NewPCG(seed, 0x73706563))
	for i := range x {
		x[i] = float32(rng.NormFloat64())
	}
	return x
}

// subspace is items × columns, row-major; half-way through an iteration users ×
// columns.
type subspace struct {
	g       *graph
	workers int
	columns int
	basis   []float32
}

// iterate replaces the basis by an orthonormal one of AᵀA·basis.
func (s *subspace) iterate(ctx context.Context) error {
	for _, m := range []*matrix.CSR{s.g.byUser, s.g.byItem} {
		var err error
		if s.basis, err = s.multiply(ctx, m, s.basis); err != nil {
			return err
		}
		// Once leaves an error that grows with the condition of the basis, twice does not.
		for range 2 {
			if err := s.orthonormalise(); err != nil {
				return err
			}
		}
	}
	return nil
}

// multiply returns m·x, x being m.Cols × columns.
func (s *subspace) multiply(ctx context.Context, m *matrix.CSR, x []float32) ([]float32, error) {
	k := s.columns
	y := make([]float32, m.Rows*k)
	err := pairwise.InChunks(ctx, m.Rows, 64, s.workers, func() struct{} { return struct{}{} }, func(_ struct{}, from, to int) {
		for r := from; r < to; r++ {
			cols, vals := m.Row(r)
			for i, c := range cols {
				kernel.Axpy(vals[i], x[int(c)*k:(int(c)+1)*k], y[r*k:(r+1)*k])
			}
		}
	})
	return y, err
}

// negligible is the share of the largest eigenvalue of a Gram matrix below which
// float32 products leave only noise.
const negligible = 1e-5

// orthonormalise makes the columns orthonormal by the eigenvectors of their Gram
// matrix (Stathopoulos, Wu 2002, SVQB), and drops those that depend on others.
func (s *subspace) orthonormalise() error {
	k := s.columns
	values, vectors, err := eigenSym(gramOf(s.basis, k, s.workers), k)
	if err != nil {
		return err
	}
	kept := 0
	for kept < k && values[kept] > negligible*values[0] {
		kept++
	}
	turn := make([]float32, k*kept)
	for i := range k {
		for j := range kept {
			turn[i*kept+j] = float32(vectors.At(i, j) / math.Sqrt(values[j]))
		}
	}
	s.turn(turn, kept)
	return nil
}

// turn multiplies the basis by x, columns × to.
func (s *subspace) turn(x []float32, to int) {
	n := len(s.basis) / s.columns
	y := make([]float32, n*to)
	kernel.Gemm(false, false, n, to, s.columns, 1, s.basis, s.columns, x, to, 0, y, to, s.workers)
	s.basis, s.columns = y, to
}

// ritz returns the best approximations of eigenvectors within the subspace.
func (s *subspace) ritz(ctx context.Context, wanted int) (*spectrum, error) {
	byUser, err := s.multiply(ctx, s.g.byUser, s.basis)
	if err != nil {
		return nil, err
	}
	values, vectors, err := eigenSym(gramOf(byUser, s.columns, s.workers), s.columns)
	if err != nil {
		return nil, err
	}
	kept := min(wanted, s.columns)
	turn := make([]float32, s.columns*kept)
	for i := range s.columns {
		for j := range kept {
			turn[i*kept+j] = float32(vectors.At(i, j))
		}
	}
	s.turn(turn, kept)
	return &spectrum{values[:kept], s.basis}, nil
}

// gramOf returns xᵀx of rows of k.
func gramOf(x []float32, k, workers int) []float32 {
	out := make([]float32, k*k)
	kernel.Gemm(true, false, k, k, len(x)/k, 1, x, k, x, k, 0, out, k, workers)
	return out
}

// eigenSym returns the eigenvalues of a symmetric k × k matrix, falling and at
// least 0, and the eigenvectors as columns in that order.
func eigenSym(a []float32, k int) ([]float64, *mat.Dense, error) {
	wide := mat.NewSymDense(k, nil)
	for i := range k {
		for j := i; j < k; j++ {
			wide.SetSym(i, j, float64(a[i*k+j]))
		}
	}
	var e mat.EigenSym
	if !e.Factorize(wide, true) {
		return nil, nil, fmt.Errorf("eigenvectors of a %d × %d matrix: %w", k, k, errEigen)
	}
	rising := e.Values(nil)
	var v mat.Dense
	e.VectorsTo(&v)
	falling, turned := make([]float64, k), mat.NewDense(k, k, nil)
	for j := range k {
		falling[j] = max(rising[k-1-j], 0)
		turned.SetCol(j, mat.Col(nil, k-1-j, &v))
	}
	if !(falling[0] > 0) || math.IsInf(falling[0], 0) {
		return nil, nil, errEigen
	}
	return falling, turned, nil
}

package ials

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"regulars/features/matrix"
	"regulars/models/internal/kernel"
)

var errNotPositive = errors.New("normal equations cannot be solved in float64: raise Regularization or lower Alpha")

const (
	// exactFactors is up to how many factors a row is solved at once.
	exactFactors = 128
	// narrowRoot is the root of the confidence up to which float32 serves: above it
	// the sums drown the rest of the matrix in rounding, and the row is solved in float64.
	narrowRoot = 300
)

// gramOf returns weight·srcᵀsrc in full, d × d. Rows are added up in a few fixed
// parts, each in float64 over blocks, so that the sum neither depends on the
// number of workers nor loses small rows to a large total.
func gramOf(src []float32, d int, weight float64, workers int) []float32 {
	const parts, block = 8, 1024
	n := len(src) / d
	sums := make([][]float64, parts)
	var wg sync.WaitGroup
	slots := make(chan struct{}, max(workers, 1))
	for p := range parts {
		slots <- struct{}{}
		wg.Go(func() {
			defer func() { <-slots }()
			sum, c := make([]float64, d*d), make([]float32, d*d)
			for r, end := n*p/parts, n*(p+1)/parts; r < end; r += block {
				clear(c)
				kernel.Syrk(d, min(block, end-r), nil, src[r*d:], d, c, d)
				for i, x := range c {
					sum[i] += float64(x)
				}
			}
			sums[p] = sum
		})
	}
	wg.Wait()
	return mirrored(sums, d, weight)
}

// mirrored adds the lower triangles up, in order, and fills the upper.
func mirrored(sums [][]float64, d int, weight float64) []float32 {
	g := make([]float32, d*d)
	for i := range d {
		for j := range i + 1 {
			total := 0.0
			for _, s := range sums {
				total += s[i*d+j]
			}
			g[i*d+j] = float32(weight * total)
			g[j*d+i] = g[i*d+j]
		}
	}
	return g
}

// solver is the scratch of one worker for rows against src.
type solver struct {
	o         Options
	gram, src []float32
	whole     *kernel.Normal         // all factors at once
	blocks    map[int]*kernel.Normal // by width
	predicted []float32              // of the entries, by the row so far
	errors    []float32              // root of the confidence · (1 − predicted)
	gradient  []float32
	step      []float32
	wide      wideSolver
	failed    []int // rows left to wide
}

func newSolver(o Options, gram, src []float32) *solver {
	s := &solver{o: o, gram: gram, src: src}
	if o.Factors <= exactFactors {
		s.whole = kernel.NewNormal(o.Factors, true)
		return s
	}
	s.blocks, s.gradient, s.step = map[int]*kernel.Normal{}, make([]float32, o.Factors), make([]float32, o.Factors)
	return s
}

// rows solves the rows from to to (exclusive) of dst. Those that float32 cannot
// solve are solved again in float64.
func (s *solver) rows(ctx context.Context, seen *matrix.CSR, from, to int, dst []float32, partners int) error {
	d := s.o.Factors
	s.failed = s.failed[:0]
	s.coming(seen, from, to)
	for r := from; r < to && ctx.Err() == nil; r++ {
		cols, roots := seen.Row(r)
		x, ridge := dst[r*d:(r+1)*d], s.o.ridge(len(cols), partners)
		switch {
		case len(cols) == 0:
			clear(x)
		case !isNarrow(roots):
			s.failed = append(s.failed, r)
			s.coming(seen, r+1, to)
		case s.whole != nil:
			s.begin(cols, roots)
			s.failed = s.whole.Hold(float32(ridge), x, r, s.failed)
		case !s.byBlocks(ctx, x, cols, roots, ridge):
			s.failed = append(s.failed, r)
		}
	}
	if s.whole != nil {
		s.failed = s.whole.Flush(s.failed)
	}
	for _, r := range s.failed {
		cols, roots := seen.Row(r)
		if ctx.Err() == nil && !s.wide.solve(dst[r*d:(r+1)*d], s.gram, s.src, cols, roots, s.o.ridge(len(cols), partners)) {
			return fmt.Errorf("row %d: %w", r, errNotPositive)
		}
	}
	return ctx.Err()
}

// coming has the rows of src for rows from to to fetched ahead.
func (s *solver) coming(seen *matrix.CSR, from, to int) {
	if s.whole != nil {
		s.whole.Coming(seen.Indices[seen.Indptr[from]:seen.Indptr[to]], s.src, s.o.Factors)
	}
}

// isNarrow tells whether float32 can hold the normal equations of a row.
func isNarrow(roots []float32) bool { return kernel.Above(roots, narrowRoot) == len(roots) }

// exact writes x = (gram + Σ c·v·vᵀ + ridge·I)⁻¹ Σ c·v over the rows v of src
// named by cols, with confidence c (Hu et al. 2008, equation 4, in the weighting
// of Rendle et al. 2021).
func (s *solver) exact(x []float32, cols []int32, roots []float32, ridge float64) bool {
	s.begin(cols, roots)
	return s.whole.Solve(float32(ridge), x)
}

func (s *solver) begin(cols []int32, roots []float32) {
	s.whole.Start(s.gram, s.o.Factors)
	s.whole.Add(cols, roots, roots, s.src, s.o.Factors)
}

// byBlocks improves x one block of coordinates after the other: an exact
// minimisation over each, the others held (iALS++, algorithm 2, all blocks of one
// row in turn, since rows do not depend on each other).
func (s *solver) byBlocks(ctx context.Context, x []float32, cols []int32, roots []float32, ridge float64) bool {
	d := s.o.Factors
	s.predict(x, cols)
	for lo := 0; lo < d; lo += s.o.Block {
		if ctx.Err() != nil || !s.block(lo, min(lo+s.o.Block, d), x, cols, roots, ridge) {
			return false
		}
	}
	return true
}

func (s *solver) predict(x []float32, cols []int32) {
	d := s.o.Factors
	s.predicted = s.predicted[:0]
	for _, c := range cols {
		s.predicted = append(s.predicted, kernel.Dot(x, s.src[int(c)*d:]))
	}
}

// block makes the Newton step in coordinates lo to hi (exclusive).
func (s *solver) block(lo, hi int, x []float32, cols []int32, roots []float32, ridge float64) bool {
	d, width := s.o.Factors, hi-lo
	n := s.blocks[width]
	if n == nil {
		n = kernel.NewNormal(width, false)
		s.blocks[width] = n
	}
	s.errors = s.errors[:0]
	for i, c := range roots {
		s.errors = append(s.errors, c*(1-s.predicted[i]))
	}
	gradient, step := s.gradient[:width], s.step[:width]
	for j := range gradient {
		gradient[j] = -kernel.Dot(x, s.gram[(lo+j)*d:]) - float32(ridge)*x[lo+j]
	}
	n.Start(s.gram[lo*d+lo:], d)
	n.Add(cols, roots, s.errors, s.src[lo:], d)
	n.AddRight(gradient)
	if !n.Solve(float32(ridge), step) {
		return false
	}
	kernel.Axpy(1, step, x[lo:hi])
	if hi < d {
		for i, c := range cols {
			s.predicted[i] += kernel.Dot(step, s.src[int(c)*d+lo:])
		}
	}
	return true
}

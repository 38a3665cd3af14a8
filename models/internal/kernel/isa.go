package kernel

import (
	"sync"
	"time"
)

//go:generate sh -c "cd _asm && go run . -out ../vector_amd64.s -stubs ../vector_amd64.go -pkg kernel"

// isa is one implementation of the primitives from which everything else is
// built. portable.go says what each of them computes. Some do the work of several
// others, which a set that has them need not have.
type isa struct {
	name  string
	width int // floats in a vector: 8 or 16
	rows  int // rows of C that tile computes: 4 or 8

	dot            func(x, y []float32) float32
	axpy           func(a float32, x, y []float32)
	tile           [4]func(depth int, a []float32, lda int, b []float32, ldb int, c []float32, ldc int, mode int) // by vectors, 1 to 3
	transpose8     func(dst []float32, ldd int, src []float32, lds int)
	transpose16    func(blocks int, dst []float32, ldd, stepd int, src []float32, lds, steps int) // or transpose8
	gather         func(vectors int, idx []int32, count int, w, x []float32, ldx int, plain, weighted []float32, ld int)
	gatherWeighted func(vectors int, idx []int32, count int, w, x []float32, ldx int, weighted []float32, ld int)
	weightedSum    func(vectors, count int, w, x []float32, ldx int, y []float32)
	upper          func(n, depth int, w, c []float32, mode int, soon []int32, x []float32, ldxBytes int) // or tile, prefetch
	prefetch       func(idx []int32, x []float32, ldx int, length int)
	rowsAbove      func(tile, thresholds []float32) int
	elementsAbove  func(row []float32, threshold float32) uint64
	tileAbove      func(depth int, a, b, c, thresholds []float32) int // or tile, rowsAbove
	above          func(x []float32, threshold float32) int
	panelSolve     func(vectors int, u []float32, ldu int, inverse, a []float32, lda int)
	cholesky8      func(a []float32, lda int, u, inverse []float32)
	factorRows     func(i, n int, a []float32, lda int, block, inverse []float32) // or tile, cholesky8, panelSolve
	forward8       func(u []float32, ldu int, inverse, b []float32)
	backward8      func(u []float32, ldu int, inverse, x []float32, after int)

	// The same with vectors of eight, whatever the width.
	weightedSum8 func(vectors, count int, w, x []float32, ldx int, y []float32)

	peak          func(rounds int)
	opsOfOneRound float64
}

// Modes of tile: what becomes of C.
const (
	store    = 0
	add      = 1
	subtract = 2
	stream   = 3 // store past the caches; C lies on cache lines
)

var active = best()

// ISA names the instruction set in use: "avx512", "avx2" or "portable".
func ISA() string { return active.name }

// PeakFMA measures the rate of independent fused multiply-adds on registers with
// the instruction set in use, on the given number of goroutines: operations a
// second, FMA = 2. It takes about a tenth of a second.
func PeakFMA(workers int) float64 {
	best := 0.0
	for range 10 {
		const rounds = 300_000
		start := time.Now()
		var wg sync.WaitGroup
		for range workers {
			wg.Go(func() { active.peak(rounds) })
		}
		wg.Wait()
		best = max(best, float64(workers)*rounds*active.opsOfOneRound/time.Since(start).Seconds())
	}
	return best
}

// tile8 computes tiles of eight rows and vectors·width columns:
// C = A·B (store), C += A·B (add) or C −= A·B (subtract), where A is held by
// columns (element r of step l at a[l*lda+r]) and B by rows.
func (s *isa) tile8(vectors, depth int, a []float32, lda int, b []float32, ldb int, c []float32, ldc int, mode int) {
	for r := 0; r < 8; r += s.rows {
		s.tile[vectors](depth, a[r:], lda, b, ldb, c[r*ldc:], ldc, mode)
	}
}

// tiles8 is tile8 for any number of vectors.
func (s *isa) tiles8(vectors, depth int, a []float32, lda int, b []float32, ldb int, c []float32, ldc int, mode int) {
	for vectors > 0 {
		n := min(vectors, 3)
		if vectors == 4 {
			n = 2 // two and two keep more sums in flight than three and one
		}
		s.tile8(n, depth, a, lda, b, ldb, c, ldc, mode)
		if vectors -= n; vectors > 0 {
			b, c = b[n*s.width:], c[n*s.width:]
		}
	}
}

// productAbove computes a tile of eight rows and three vectors into c, which has no
// gaps, and sets bit r where row r has an element above threshold r.
func (s *isa) productAbove(depth int, a, b, c, thresholds []float32) int {
	if s.tileAbove != nil {
		return s.tileAbove(depth, a, b, c, thresholds)
	}
	across := 3 * s.width
	s.tile8(3, depth, a, 8, b, across, c, across, store)
	return s.rowsAbove(c, thresholds)
}

func roundUp(n, to int) int { return (n + to - 1) / to * to }

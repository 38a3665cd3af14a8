package kernel

// lanes solves sixteen systems at once, one in each lane of a vector: nothing
// waits for a single number and no lane is idle near the diagonal. element i, j of
// all of them is one vector; rows are one vector apart from a power of two, so
// that columns do not fall into the same places of the cache.
type lanes struct {
	n, ld   int
	u       []float32 // n × ld vectors, the upper triangle
	inverse []float32 // n vectors
	b       []float32 // n vectors
}

// newLanes returns nil where the instruction set in use, or the size, has no use for lanes.
func newLanes(n int) *lanes {
	if active != &avx512 || n > 64 {
		return nil
	}
	return &lanes{n: n, ld: n + 1, u: make([]float32, 16*n*(n+1)), inverse: make([]float32, 16*n), b: make([]float32, 16*n)}
}

// solve solves the systems held as sixteen upper triangles, n × n, each step
// numbers after the one before it; right, sixteen times n, becomes the solutions.
func (s *lanes) solve(a []float32, step int, right []float32) {
	n := s.n
	for i := range n {
		first := i / 16 * 16
		transpose16AVX512((n-first)/16, s.u[16*(i*s.ld+first):], 16, 256, a[i*n+first:], step, 16)
	}
	transpose16AVX512(n/16, s.b, 16, 256, right, n, 16)
	for i := 0; i < n; i += 4 {
		s.factorRows(i)
	}
	lanesSolveAVX512(n, s.u, s.ld, s.inverse, s.b)
	transpose16AVX512(n/16, right, n, 16, s.b, 16, 256)
}

// factorRows does the work of factorRows in cholesky.go for four rows of all systems.
func (s *lanes) factorRows(i int) {
	own := s.u[16*i*s.ld:]
	for j := i; j < s.n && i > 0; j += 4 {
		lanesUpdateAVX512(i, s.u[16*i:], s.u[16*j:], own[16*j:], s.ld)
	}
	lanesFactorAVX512(own[16*i:], s.ld, s.inverse[16*i:])
	if rest := (s.n - i - 4) / 4; rest > 0 {
		lanesPanelAVX512(rest, own[16*i:], s.inverse[16*i:], own[16*(i+4):], s.ld)
	}
}

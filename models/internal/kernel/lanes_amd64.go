package kernel

// lanes solves sixteen systems at once, one in each lane of a vector: nothing
// waits for a single number and no lane is idle near the diagonal. Element i, j of
// all of them is one vector. The upper triangle lies in panels of four columns,
// each held by rows, so that all of them are read from end to end.
type lanes struct {
	n       int
	u       []float32 // the panels
	inverse []float32 // n vectors
	b       []float32 // n vectors
	ridge   []float32 // one vector
	zeros   []float32 // n
}

// newLanes returns nil where the instruction set in use, or the size, has no use for lanes.
func newLanes(n int) *lanes {
	if active != &avx512 || n > 64 {
		return nil
	}
	return &lanes{n: n, u: atLeast(nil, panelStart(n/4)), inverse: make([]float32, 16*n), b: make([]float32, 16*n),
		ridge: make([]float32, slots), zeros: make([]float32, n)}
}

// panelStart is where panel p begins, in numbers: panels 4·j to 4·j+3 have 16·(j+1) rows.
func panelStart(p int) int {
	j := p / 4
	return 16 * (128*j*(j+1) + p%4*64*(j+1))
}

// solve solves the systems held as sixteen upper triangles, n × n, each step
// numbers after the one before it, plus g, of leading dimension n, where that is
// not nil, plus their ridge on the diagonal; right, sixteen times n, becomes the solutions.
func (s *lanes) solve(a []float32, step int, g, right []float32) {
	n, ldg := s.n, s.n
	if g == nil {
		g, ldg = s.zeros, 0
	}
	transpose16AVX512(n/16, s.b, 16, 256, right, n, 16)
	for p := range n / 4 {
		own := s.u[panelStart(p):]
		if p%4 == 0 {
			lanesLoadAVX512(4*p+16, own, a[4*p:], n, step, g[4*p:], ldg)
		}
		lanesFactorAVX512(p, s.u, own, s.inverse, s.ridge, s.b)
	}
	for p := n/4 - 1; p >= 0; p-- {
		lanesBackwardAVX512(p, s.u[panelStart(p):], s.inverse, s.b)
	}
	transpose16AVX512(n/16, right, n, 16, s.b, 16, 256)
}

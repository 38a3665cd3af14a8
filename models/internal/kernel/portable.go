package kernel

import "math"

// portable is the twin in Go: what the vector primitives compute, in any order of
// summation.
var portable = isa{
	name: "portable", width: 8, rows: 8,
	dot: dotGo, axpy: axpyGo,
	tile:       [4]func(int, []float32, int, []float32, int, []float32, int, int){nil, tileGo(8), tileGo(16), tileGo(24)},
	transpose8: transpose8Go, gather: gatherGo, gatherWeighted: gatherWeightedGo, weightedSum: weightedSumGo, above: aboveGo, rowsAbove: rowsAboveGo, elementsAbove: elementsAboveGo, panelSolve: panelSolveGo,
	cholesky8: cholesky8Go, forward8: forward8Go, backward8: backward8Go,
	weightedSum8: weightedSumGo, prefetch: prefetchGo,
	peak: peakGo, opsOfOneRound: 2 * 8,
}

// dotGo returns Σ x[i]·y[i].
func dotGo(x, y []float32) float32 {
	y = y[:len(x)]
	var s0, s1, s2, s3 float32
	i := 0
	for ; i+4 <= len(x); i += 4 {
		s0 += x[i] * y[i]
		s1 += x[i+1] * y[i+1]
		s2 += x[i+2] * y[i+2]
		s3 += x[i+3] * y[i+3]
	}
	for ; i < len(x); i++ {
		s0 += x[i] * y[i]
	}
	return (s0 + s1) + (s2 + s3)
}

// axpyGo adds a·x to y.
func axpyGo(a float32, x, y []float32) {
	y = y[:len(x)]
	for i, v := range x {
		y[i] += a * v
	}
}

// tileGo returns the tile of eight rows and the given columns; see isa.tile8.
func tileGo(columns int) func(depth int, a []float32, lda int, b []float32, ldb int, c []float32, ldc int, mode int) {
	return func(depth int, a []float32, lda int, b []float32, ldb int, c []float32, ldc int, mode int) {
		for r := 0; r < 8; r += 2 {
			for j := 0; j < columns; j += 4 {
				var sum [2][4]float32
				for l := range depth {
					a0, a1 := a[l*lda+r], a[l*lda+r+1]
					v := (*[4]float32)(b[l*ldb+j:])
					for i, x := range v {
						sum[0][i] += a0 * x
						sum[1][i] += a1 * x
					}
				}
				put((*[4]float32)(c[r*ldc+j:]), &sum[0], mode)
				put((*[4]float32)(c[(r+1)*ldc+j:]), &sum[1], mode)
			}
		}
	}
}

func put(c, sum *[4]float32, mode int) {
	for i, x := range sum {
		switch mode {
		case store, stream:
			c[i] = x
		case add:
			c[i] += x
		case subtract:
			c[i] -= x
		}
	}
}

// transpose8Go writes the transpose of an 8 × 8 block.
func transpose8Go(dst []float32, ldd int, src []float32, lds int) {
	for i := range 8 {
		for j, x := range src[i*lds : i*lds+8] {
			dst[j*ldd+i] = x
		}
	}
}

// gatherGo copies vectors·8 numbers of each of count rows of x, as they are and
// times their weight. Rows named later in idx may be fetched ahead.
func gatherGo(vectors int, idx []int32, count int, w, x []float32, ldx int, plain, weighted []float32, ld int) {
	for r, i := range idx[:count] {
		from, to, scaled := x[int(i)*ldx:][:8*vectors], plain[r*ld:], weighted[r*ld:]
		for j, v := range from {
			to[j], scaled[j] = v, w[r]*v
		}
	}
}

// gatherWeightedGo copies the weighted rows alone.
func gatherWeightedGo(vectors int, idx []int32, count int, w, x []float32, ldx int, weighted []float32, ld int) {
	for r, i := range idx[:count] {
		to := weighted[r*ld:]
		for j, v := range x[int(i)*ldx:][:8*vectors] {
			to[j] = w[r] * v
		}
	}
}

// weightedSumGo adds Σ_r w[r]·x_r over count rows of vectors·8 numbers to y.
func weightedSumGo(vectors, count int, w, x []float32, ldx int, y []float32) {
	for r := range count {
		axpyGo(w[r], x[r*ldx:r*ldx+8*vectors], y)
	}
}

// aboveGo returns the first position above the threshold, or len(x).
func aboveGo(x []float32, threshold float32) int {
	for i, v := range x {
		if v > threshold {
			return i
		}
	}
	return len(x)
}

// prefetchGo asks the memory for rows of x that will be needed, length bytes of each.
func prefetchGo(idx []int32, x []float32, ldx int, length int) {}

// rowsAboveGo sets bit r where row r of a tile of eight rows has an element above
// threshold r.
func rowsAboveGo(tile, thresholds []float32) (rows int) {
	for r := range 8 {
		if row := tile[r*24 : (r+1)*24]; aboveGo(row, thresholds[r]) < len(row) {
			rows |= 1 << r
		}
	}
	return rows
}

// elementsAboveGo sets bit j where element j of a row of 24 is above the threshold.
func elementsAboveGo(row []float32, threshold float32) (elements uint64) {
	for j, v := range row[:24] {
		if v > threshold {
			elements |= 1 << j
		}
	}
	return elements
}

// cholesky8Go writes U with A = Uᵀ·U for an 8 × 8 block, of which it reads the
// upper triangle, into u (leading dimension 8), and 1/u_jj; a block that is not
// positive definite gives an inverse that is not a finite number above 0.
func cholesky8Go(a []float32, lda int, u, inverse []float32) {
	for i := range 8 {
		copy(u[i*8+i:i*8+8], a[i*lda+i:])
	}
	for j := range 8 {
		row := u[j*8 : j*8+8]
		reciprocal := 1 / row[j]
		for i := j + 1; i < 8; i++ {
			f := reciprocal * row[i]
			for l := i; l < 8; l++ {
				u[i*8+l] -= f * row[l]
			}
		}
		inverse[j] = float32(math.Sqrt(float64(reciprocal)))
		for l := j; l < 8; l++ {
			row[l] *= inverse[j]
		}
	}
}

// panelSolveGo replaces A, eight rows of vectors·8 columns, by U⁻ᵀ·A for the
// upper triangular 8 × 8 block u.
func panelSolveGo(vectors int, u []float32, ldu int, inverse, a []float32, lda int) {
	n := 8 * vectors
	for i := range 8 {
		row := a[i*lda : i*lda+n]
		for j := range row {
			row[j] *= inverse[i]
		}
		for j := i + 1; j < 8; j++ {
			axpyGo(-u[i*ldu+j], row, a[j*lda:])
		}
	}
}

// forward8Go replaces eight numbers b by U⁻ᵀ·b.
func forward8Go(u []float32, ldu int, inverse, b []float32) {
	for i := range 8 {
		b[i] *= inverse[i]
		for j := i + 1; j < 8; j++ {
			b[j] -= u[i*ldu+j] * b[i]
		}
	}
}

// backward8Go replaces x[:8] by U⁻¹·(x[:8] − R·x[8:8+after]), R being what
// follows the 8 × 8 block U in its rows.
func backward8Go(u []float32, ldu int, inverse, x []float32, after int) {
	for i := 7; i >= 0; i-- {
		row := u[i*ldu : i*ldu+8+after]
		for j := i + 1; j < len(row); j++ {
			x[i] -= row[j] * x[j]
		}
		x[i] *= inverse[i]
	}
}

func peakGo(rounds int) {
	var s [8]float32
	for range rounds {
		for i := range s {
			s[i] += s[i] * 0.5
		}
	}
	sink.Store(math.Float32bits(s[0]))
}

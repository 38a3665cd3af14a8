package kernel

import "math"

// Cholesky replaces the lower triangle of A (n × n) by its factor L, A = L·Lᵀ. It
// is false, with A in an undefined state, where A is not positive definite. What
// is above the diagonal may be overwritten. One goroutine: meant for n ≤ 512.
func Cholesky(n int, a []float32, lda int) bool {
	if n <= 0 {
		return true
	}
	requireMatrix(a, n, n, lda)
	ws := workspaces.Get().(*workspace)
	defer workspaces.Put(ws)
	return ws.cholesky(n, a, lda)
}

// cholesky works on the transpose, where both factors of every product lie by
// rows, filled up to a multiple of 16 with the identity. Rows are not a power of
// two apart, which would put their columns into the same places of the cache.
func (ws *workspace) cholesky(n int, a []float32, lda int) bool {
	padded := roundUp(n, 16)
	ld := padded + 16
	ws.a = atLeast(ws.a, padded*ld)
	ws.b = atLeast(ws.b, padded+64)
	if padded > n {
		clear(ws.a)
		unitDiagonal(ws.a, n, padded, ld)
	}
	transposeTriangle(n, ws.a, ld, a, lda, false)
	if !factorUpper(padded, ws.a, ld, ws.b[:padded], ws.b[padded:]) {
		return false
	}
	transposeTriangle(n, a, lda, ws.a, ld, true)
	return true
}

func unitDiagonal(a []float32, n, padded, ld int) {
	for i := n; i < padded; i++ {
		a[i*ld+i] = 1
	}
}

// transposeTriangle copies a triangle to the other side: the lower of src to the
// upper of dst, or the reverse.
func transposeTriangle(n int, dst []float32, ldd int, src []float32, lds int, upper bool) {
	i, whole := 0, n/8*8
	for ; active.transpose16 != nil && i+16 <= n; i += 16 {
		if upper {
			active.transpose16(i/16+1, dst[i*ldd:], ldd, 16, src[i:], lds, 16*lds)
		} else {
			active.transpose16(i/16+1, dst[i:], ldd, 16*ldd, src[i*lds:], lds, 16)
		}
	}
	for ; i < whole; i += 8 {
		for j := 0; j <= i; j += 8 {
			if upper {
				active.transpose8(dst[i*ldd+j:], ldd, src[j*lds+i:], lds)
			} else {
				active.transpose8(dst[j*ldd+i:], ldd, src[i*lds+j:], lds)
			}
		}
	}
	for ; i < n; i++ {
		for j := 0; j <= i; j++ {
			if upper {
				dst[i*ldd+j] = src[j*lds+i]
			} else {
				dst[j*ldd+i] = src[i*lds+j]
			}
		}
	}
}

// factorUpper replaces the upper triangle of A by U with A = Uᵀ·U, eight rows at a
// time. inverse becomes 1/u_jj, block is room for 64 numbers. n is a multiple of
// 16; what is below the diagonal is lost.
func factorUpper(n int, a []float32, lda int, inverse, block []float32) bool {
	for i := 0; i < n; i += 8 {
		if !factorRows(i, n, a, lda, inverse, block) {
			return false
		}
	}
	return true
}

// factorRows does eight rows. It is false where a pivot is not above 0.
func factorRows(i, n int, a []float32, lda int, inverse, block []float32) bool {
	inverse = inverse[i : i+8]
	if active.factorRows != nil {
		active.factorRows(i, n, a, lda, block, inverse)
		return allPositive(inverse)
	}
	first := i / active.width * active.width
	vectors := (n - first) / active.width
	if i > 0 {
		active.tiles8(vectors, i, a[i:], lda, a[first:], lda, a[i*lda+first:], lda, subtract)
	}
	active.cholesky8(a[i*lda+i:], lda, block, inverse)
	if !allPositive(inverse) {
		return false
	}
	// Solving for the block's own columns gives U there, too.
	active.panelSolve(vectors, block, 8, inverse, a[i*lda+first:], lda)
	return true
}

func allPositive(x []float32) bool {
	for _, v := range x {
		if !(v > 0 && v <= math.MaxFloat32) {
			return false
		}
	}
	return true
}

// solveUpper replaces b by (UᵀU)⁻¹·b; n is a multiple of 8, and scratch has room
// for eight numbers.
func solveUpper(n int, u []float32, ldu int, inverse, b, scratch []float32) {
	for i := 0; i < n; i += 8 {
		active.forward8(u[i*ldu+i:], ldu, inverse[i:], b[i:])
		if after := n - i - 8; after > 0 {
			for j, y := range b[i : i+8] {
				scratch[j] = -y
			}
			active.weightedSum8(after/8, 8, scratch, u[i*ldu+i+8:], ldu, b[i+8:])
		}
	}
	for i := n - 8; i >= 0; i -= 8 {
		active.backward8(u[i*ldu+i:], ldu, inverse[i:], b[i:], n-i-8)
	}
}

// CholeskySolve replaces b by A⁻¹·b, given the factor L of A in the lower triangle of l.
func CholeskySolve(n int, l []float32, ldl int, b []float32) {
	for i := range n {
		row := l[i*ldl : i*ldl+i+1]
		b[i] = (b[i] - active.dot(row[:i], b[:i])) / row[i]
	}
	for i := n - 1; i >= 0; i-- {
		row := l[i*ldl : i*ldl+i+1]
		b[i] /= row[i]
		active.axpy(-b[i], row[:i], b[:i])
	}
}

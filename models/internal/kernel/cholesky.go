package kernel

import "math"

// Cholesky replaces the upper triangle of A (n × n) by its factor U, A = Uᵀ·U. It
// is false, with A in an undefined state, where A is not positive definite. What
// is below the diagonal is not read and may be overwritten. One goroutine: meant
// for n ≤ 512, and fastest where n is a multiple of 16, which needs no copy.
func Cholesky(n int, a []float32, lda int) bool {
	if n <= 0 {
		return true
	}
	requireMatrix(a, n, n, lda)
	ws := workspaces.Get().(*workspace)
	defer workspaces.Put(ws)
	padded := roundUp(n, 16)
	ws.b = atLeast(ws.b, padded+64)
	inverse, block := ws.b[:padded], ws.b[padded:]
	if padded == n {
		return factorUpper(n, a, lda, inverse, block)
	}
	ws.a = atLeast(ws.a, padded*padded)
	clear(ws.a)
	unitDiagonal(ws.a, n, padded, padded)
	copyTriangle(n, ws.a, padded, a, lda)
	if !factorUpper(padded, ws.a, padded, inverse, block) {
		return false
	}
	copyTriangle(n, a, lda, ws.a, padded)
	return true
}

// unitDiagonal fills up with the identity.
func unitDiagonal(a []float32, n, padded, ld int) {
	for i := n; i < padded; i++ {
		a[i*ld+i] = 1
	}
}

func copyTriangle(n int, dst []float32, ldd int, src []float32, lds int) {
	for i := range n {
		copy(dst[i*ldd+i:i*ldd+n], src[i*lds+i:])
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

// CholeskySolve replaces b by A⁻¹·b, given the factor U of A in the upper triangle of u.
func CholeskySolve(n int, u []float32, ldu int, b []float32) {
	for i := range n {
		row := u[i*ldu+i : i*ldu+n]
		b[i] /= row[0]
		active.axpy(-b[i], row[1:], b[i+1:n])
	}
	for i := n - 1; i >= 0; i-- {
		row := u[i*ldu+i : i*ldu+n]
		b[i] = (b[i] - active.dot(row[1:], b[i+1:n])) / row[0]
	}
}

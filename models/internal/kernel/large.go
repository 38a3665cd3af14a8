package kernel

// largeBlock is how many columns are eliminated at once: more of them read a large
// matrix less often, fewer waste less on a small one.
func largeBlock(n int) int {
	if n < 8192 {
		return 128
	}
	return 256
}

// CholeskyBlocked is Cholesky for large n, on at most workers goroutines.
func CholeskyBlocked(n int, a []float32, lda, workers int) bool {
	if n <= 0 {
		return true
	}
	requireMatrix(a, n, n, lda)
	size := largeBlock(n)
	inverse, panel := make([]float32, size*size), make([]float32, n*size)
	for k := 0; k < n; k += size {
		b := min(size, n-k)
		if !Cholesky(b, a[k*lda+k:], lda) {
			return false
		}
		rest := n - k - b
		if rest == 0 {
			break
		}
		// The rows below: A_ik·L_kk⁻ᵀ.
		invertLower(b, a[k*lda+k:], lda, inverse)
		below := a[(k+b)*lda+k:]
		Gemm(false, true, rest, b, b, 1, below, lda, inverse, b, 0, panel, b, workers)
		copyMatrix(rest, b, below, lda, panel, b)
		subtractLower(rest, b, panel, panel, a[(k+b)*lda+k+b:], lda, workers)
	}
	return true
}

// invertLower writes the inverse of the lower triangular L (n × n) into out,
// leading dimension n, zeros above the diagonal.
func invertLower(n int, l []float32, ldl int, out []float32) {
	clear(out[:n*n])
	for i := range n {
		row := out[i*n : i*n+i+1]
		for j := range i {
			active.axpy(-l[i*ldl+j], out[j*n:j*n+j+1], row[:j+1])
		}
		row[i] = 1
		inverse := 1 / l[i*ldl+i]
		for j := range row {
			row[j] *= inverse
		}
	}
}

func copyMatrix(rows, columns int, dst []float32, ldd int, src []float32, lds int) {
	for i := range rows {
		copy(dst[i*ldd:i*ldd+columns], src[i*lds:i*lds+columns])
	}
}

// subtractLower subtracts P·Qᵀ from the lower triangle of C (n × n), P and Q being
// n × k; some of what is above the diagonal is overwritten.
func subtractLower(n, k int, p, q, c []float32, ldc, workers int) {
	type block struct{ i, j, columns int }
	var blocks []block
	for i := 0; i < n; i += blockRows {
		for j, end := 0, min(i+blockRows, n); j < end; j += blockColumns {
			blocks = append(blocks, block{i, j, min(blockColumns, end-j)})
		}
	}
	inParallel(max(workers, 1), len(blocks), func(ws *workspace, t int) {
		b := blocks[len(blocks)-1-t] // the long rows first
		x, y := operand{p[b.i*k:], k, false}, operand{q[b.j*k:], k, true}
		ws.multiply(min(blockRows, n-b.i), b.columns, k, 1, x, y, c[b.i*ldc+b.j:], ldc, subtract)
	})
}

// InvertSPD replaces A (n × n, symmetric positive definite, only its lower triangle
// read) by its full inverse, in n³ operations (FMA = 2) and little memory beside A.
// It is false, with A in an undefined state, where A is not positive definite.
//
// It is the sweep operator (Goodnight 1979, "A Tutorial on the SWEEP Operator") on
// blocks: sweeping block k with P = A_kk⁻¹ turns A_ij into A_ij − A_ik·P·A_kj, A_ik
// into A_ik·P and A_kk into −P; all blocks swept, A is −A⁻¹. Pivots are Schur
// complements, positive definite as long as A is.
func InvertSPD(n int, a []float32, lda, workers int) bool {
	if n <= 0 {
		return true
	}
	requireMatrix(a, n, n, lda)
	size := largeBlock(n)
	s := &sweeper{n: n, a: a, lda: lda, workers: max(workers, 1), pivot: make([]float32, size*size), inverse: make([]float32, size*size),
		panel: make([]float32, n*size), scaled: make([]float32, n*size)}
	for k := 0; k < n; k += size {
		if !s.sweep(k, min(size, n-k)) {
			return false
		}
	}
	s.negateAndMirror()
	return true
}

type sweeper struct {
	n, lda, workers int
	a               []float32
	pivot, inverse  []float32 // block × block
	panel, scaled   []float32 // n × block: A_:k, and A_:k·P
}

func (s *sweeper) sweep(k, b int) bool {
	if !s.invertPivot(k, b) {
		return false
	}
	s.takePanel(k, b)
	Gemm(false, false, s.n, b, b, 1, s.panel, b, s.pivot, b, 0, s.scaled, b, s.workers)
	subtractLower(s.n, b, s.scaled, s.panel, s.a, s.lda, s.workers)
	s.putPanel(k, b)
	return true
}

// invertPivot writes A_kk⁻¹ = L⁻ᵀ·L⁻¹ into pivot.
func (s *sweeper) invertPivot(k, b int) bool {
	copyMatrix(b, b, s.pivot, b, s.a[k*s.lda+k:], s.lda)
	if !Cholesky(b, s.pivot, b) {
		return false
	}
	invertLower(b, s.pivot, b, s.inverse)
	Gemm(true, false, b, b, b, 1, s.inverse, b, s.inverse, b, 0, s.pivot, b, s.workers)
	return true
}

// stripe is how many rows or columns of the panel a task moves.
const stripe = 512

// takePanel copies the column block k of the symmetric matrix, of which only the
// lower triangle is held. Its own rows are zeros, so that they do not change.
func (s *sweeper) takePanel(k, b int) {
	inParallel(s.workers, (s.n+stripe-1)/stripe, func(_ *workspace, t int) {
		for i := t * stripe; i < min((t+1)*stripe, s.n); i++ {
			row := s.panel[i*b : (i+1)*b]
			switch {
			case i >= k+b:
				copy(row, s.a[i*s.lda+k:])
			case i >= k:
				clear(row)
			case b%8 != 0:
				for j := range row {
					row[j] = s.a[(k+j)*s.lda+i]
				}
			case i%8 == 0: // eight rows at once; k is a multiple of 8
				for j := 0; j < b; j += 8 {
					active.transpose8(s.panel[i*b+j:], b, s.a[(k+j)*s.lda+i:], s.lda)
				}
			}
		}
	})
}

// putPanel writes A_:k·P and −P to their places.
func (s *sweeper) putPanel(k, b int) {
	inParallel(s.workers, (s.n+stripe-1)/stripe, func(_ *workspace, t int) {
		for i := t * stripe; i < min((t+1)*stripe, s.n); i++ {
			row := s.scaled[i*b : (i+1)*b]
			switch {
			case i >= k+b:
				copy(s.a[i*s.lda+k:], row)
			case i >= k:
				for j := range row {
					s.a[i*s.lda+k+j] = -s.pivot[(i-k)*b+j]
				}
			case b%8 != 0:
				for j, x := range row {
					s.a[(k+j)*s.lda+i] = x
				}
			case i%8 == 0:
				for j := 0; j < b; j += 8 {
					active.transpose8(s.a[(k+j)*s.lda+i:], s.lda, s.scaled[i*b+j:], b)
				}
			}
		}
	})
}

// negateAndMirror turns the lower triangle of −A⁻¹ into the whole of A⁻¹.
func (s *sweeper) negateAndMirror() {
	const side = 64
	across := (s.n + side - 1) / side
	inParallel(s.workers, across, func(_ *workspace, t int) {
		rows := min((t+1)*side, s.n)
		for from := 0; from <= t*side; from += side {
			for i := t * side; i < rows; i++ {
				row := s.a[i*s.lda+from : i*s.lda+min(from+side, i+1)]
				for j, x := range row {
					row[j] = -x
					s.a[(from+j)*s.lda+i] = -x
				}
			}
		}
	})
}

package kernel

import (
	"context"
	"errors"
)

// ErrNotPositive says that a matrix is not positive definite in float32.
var ErrNotPositive = errors.New("the matrix is not positive definite in float32")

// InvertSPD replaces A (n × n, symmetric positive definite, only its lower triangle
// read) by its full inverse, in n³ operations (FMA = 2), on at most workers
// goroutines. Between steps, of a fraction of a second each, it looks at ctx and
// tells done, which may be nil, how many operations were done. After an error,
// ErrNotPositive or that of ctx, A is in an undefined state.
//
// It halves A: with A = [A11 A21ᵀ; A21 A22], W = A11⁻¹·A21ᵀ and the Schur
// complement S = A22 − A21·W,
//
//	A⁻¹ = [A11⁻¹ + W·S⁻¹·Wᵀ, −W·S⁻¹; −S⁻¹·Wᵀ, S⁻¹].
//
// W lies where A21ᵀ would, so that nearly everything is a product and nothing is copied.
func InvertSPD(ctx context.Context, n int, a []float32, lda, workers int, done func(operations float64)) error {
	if n <= 0 {
		return nil
	}
	requireMatrix(a, n, n, lda)
	return newInverter(ctx, a, lda, workers, done).invert(0, n)
}

const (
	leafRows  = 128  // a block of so many rows is inverted by way of its Cholesky factor
	stepSide  = 4096 // rows and columns of a step
	stepDepth = sharedSlices * blockDepth
)

type inverter struct {
	ctx     context.Context
	a       []float32
	lda     int
	workers int
	done    func(operations float64)
	side    int       // of a step
	inverse []float32 // of the factor of a leaf
}

func newInverter(ctx context.Context, a []float32, lda, workers int, done func(operations float64)) *inverter {
	if done == nil {
		done = func(float64) {}
	}
	return &inverter{ctx: ctx, a: a, lda: lda, workers: max(workers, 1), done: done, side: stepSide, inverse: make([]float32, leafRows*leafRows)}
}

// block is a part of the matrix.
type block struct {
	a             []float32
	rows, columns int
}

func (v *inverter) at(row, column, rows, columns int) block {
	return block{v.a[row*v.lda+column:], rows, columns}
}

// invert replaces the n × n block on the diagonal at o by its full inverse.
func (v *inverter) invert(o, n int) error {
	if err := v.ctx.Err(); err != nil {
		return err
	}
	if n <= leafRows {
		return v.leaf(v.at(o, o, n, n).a, n)
	}
	m := roundUp(n/2, 3*16) // whole panels of a product
	o2, r := o+m, n-m
	w, a11, a21, a22 := v.at(o, o2, m, r), v.at(o, o, m, m), v.at(o2, o, r, m), v.at(o2, o2, r, r)
	if err := v.invert(o, m); err != nil {
		return err
	}
	v.multiply(1, a11, a21, true, store, w)
	v.multiply(-1, a21, w, false, add, a22)
	if err := v.invert(o2, r); err != nil {
		return err
	}
	v.multiply(-1, a22, w, true, store, a21)
	v.multiply(-1, w, a21, false, add, a11)
	mirror(n, v.at(o, o, n, n).a, v.lda, v.workers)
	return v.ctx.Err()
}

// leaf inverts A = Uᵀ·U as U⁻¹·U⁻ᵀ.
func (v *inverter) leaf(a []float32, n int) error {
	mirror(n, a, v.lda, 1)
	if !Cholesky(n, a, v.lda) {
		return ErrNotPositive
	}
	invertUpper(n, a, v.lda, v.inverse)
	Gemm(false, true, n, n, n, 1, v.inverse, n, v.inverse, n, 0, a, v.lda, 1)
	mirror(n, a, v.lda, 1)
	v.done(float64(n) * float64(n) * float64(n))
	return nil
}

// multiply computes c = alpha·a·b, or a·bᵀ, or adds that to the lower triangle of
// c, step by step. It stops where ctx ends, which the caller has to notice.
func (v *inverter) multiply(alpha float32, a, b block, transB bool, mode int, c block) {
	x, y := operand{a.a, v.lda, false}, operand{b.a, v.lda, transB}
	for i := 0; i < c.rows; i += v.side {
		columns := c.columns
		if mode == add {
			columns = min(i+v.side, columns)
		}
		for j := 0; j < columns; j += v.side {
			p := product{m: min(v.side, c.rows-i), n: min(v.side, columns-j), k: a.columns, alpha: alpha, x: x.from(i, 0), y: y.from(0, j),
				c: c.a[i*v.lda+j:], ldc: v.lda, mode: mode, lower: mode == add && i == j}
			v.steps(p)
		}
	}
}

// steps computes a product a part of its depth at a time.
func (v *inverter) steps(p product) {
	x, y, k := p.x, p.y, p.k
	for l := 0; l < k && v.ctx.Err() == nil; l += stepDepth {
		p.k, p.x, p.y = min(stepDepth, k-l), x.from(0, l), y.from(l, 0)
		p.packedOnce(v.workers)
		p.mode = add
		operations := 2 * float64(p.m) * float64(p.n) * float64(p.k)
		if p.lower {
			operations /= 2
		}
		v.done(operations)
	}
}

// invertUpper writes the inverse of the upper triangular U (n × n) into out,
// leading dimension n, zeros below the diagonal.
func invertUpper(n int, u []float32, ldu int, out []float32) {
	clear(out[:n*n])
	for i := n - 1; i >= 0; i-- {
		row := out[i*n : (i+1)*n]
		for j := i + 1; j < n; j++ {
			active.axpy(-u[i*ldu+j], out[j*n+j:(j+1)*n], row[j:])
		}
		row[i] = 1
		inverse := 1 / u[i*ldu+i]
		for j := i; j < n; j++ {
			row[j] *= inverse
		}
	}
}

// mirror copies the lower triangle of A (n × n) to the upper, in squares that fit
// the cache.
func mirror(n int, a []float32, lda, workers int) {
	const side = 64
	inParallel(workers, pieces(n, side), func(_ *workspace, t int) {
		for left := 0; left <= t*side; left += side {
			for i := t * side; i < min((t+1)*side, n); i++ {
				for j, x := range a[i*lda+left : i*lda+max(left, min(left+side, i))] {
					a[(left+j)*lda+i] = x
				}
			}
		}
	})
}

package ease

import (
	"context"

	"regulars/models/internal/kernel"
	"regulars/models/internal/pairwise"
)

// inverter inverts a symmetric positive definite matrix in place by halves: with
// A = [A11 A21ᵀ; A21 A22], W = A11⁻¹·A21ᵀ and the Schur complement S = A22 − A21·W,
//
//	A⁻¹ = [A11⁻¹ + W·S⁻¹·Wᵀ, −W·S⁻¹; −S⁻¹·Wᵀ, S⁻¹].
//
// W lies where A21ᵀ would: of the input only the lower triangle is read. This
// takes n³ operations and no memory, in products small enough to stop between.
type inverter struct {
	lda     int
	a       []float32
	workers int
	leaf    int // a block of so many rows is inverted at once; at least 256
	meter   *meter
}

// Steps are products, or the inversion of a leaf: a fraction of a second each.
const (
	wholeRows   = 2048
	stepRows    = 4096
	stepBelow   = 1024 // rows of a lower triangle: fewer of them compute less above it in vain
	stepColumns = 4096
	stepDepth   = 512
)

// invert replaces the n × n block on the diagonal at o by its full inverse.
func (v *inverter) invert(ctx context.Context, o, n int) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if n <= v.leaf {
		if !kernel.InvertSPD(n, v.at(o, o), v.lda, v.workers) {
			return errNotPositive
		}
		v.meter.add(float64(n) * float64(n) * float64(n))
		return nil
	}
	m := (n/2 + 255) / 256 * 256
	o2, r := o+m, n-m
	if err := v.invert(ctx, o, m); err != nil {
		return err
	}
	w := block{v.at(o, o2), m, r}
	a11, a21, a22 := block{v.at(o, o), m, m}, block{v.at(o2, o), r, m}, block{v.at(o2, o2), r, r}
	if err := v.multiply(ctx, 1, a11, a21, true, 0, w); err != nil {
		return err
	}
	if err := v.subtractLower(ctx, a21, w, a22); err != nil {
		return err
	}
	if err := v.invert(ctx, o2, r); err != nil {
		return err
	}
	if err := v.multiply(ctx, -1, a22, w, true, 0, a21); err != nil {
		return err
	}
	if err := v.subtractLower(ctx, w, a21, a11); err != nil {
		return err
	}
	v.mirror(ctx, o, n)
	return ctx.Err()
}

func (v *inverter) at(row, column int) []float32 { return v.a[row*v.lda+column:] }

// block is a part of the matrix.
type block struct {
	a             []float32
	rows, columns int
}

// multiply computes c = beta·c + alpha·a·b, or a·bᵀ, step by step.
func (v *inverter) multiply(ctx context.Context, alpha float32, a, b block, transB bool, beta float32, c block) error {
	for i := 0; i < c.rows; i += stepRows {
		if err := v.multiplyRows(ctx, i, min(stepRows, c.rows-i), c.columns, alpha, a, b, transB, beta, c); err != nil {
			return err
		}
	}
	return nil
}

// subtractLower subtracts a·b from c, of which only the lower triangle matters.
func (v *inverter) subtractLower(ctx context.Context, a, b, c block) error {
	for i := 0; i < c.rows; i += stepBelow {
		rows := min(stepBelow, c.rows-i)
		if err := v.multiplyRows(ctx, i, rows, i+rows, -1, a, b, false, 1, c); err != nil {
			return err
		}
	}
	return nil
}

// multiplyRows computes the first columns of some rows of c.
func (v *inverter) multiplyRows(ctx context.Context, row, rows, columns int, alpha float32, a, b block, transB bool, beta float32, c block) error {
	for j := 0; j < columns; j += stepColumns {
		width, keep := min(stepColumns, columns-j), beta
		for k := 0; k < a.columns; k += stepDepth {
			if err := ctx.Err(); err != nil {
				return err
			}
			depth, from := min(stepDepth, a.columns-k), k*v.lda+j
			if transB {
				from = j*v.lda + k
			}
			kernel.Gemm(false, transB, rows, width, depth, alpha, a.a[row*v.lda+k:], v.lda, b.a[from:], v.lda, keep, c.a[row*v.lda+j:], v.lda, v.workers)
			keep = 1
			v.meter.add(2 * float64(rows) * float64(width) * float64(depth))
		}
	}
	return nil
}

// mirror copies the lower triangle of the block at o to the upper, in squares
// that fit the cache.
func (v *inverter) mirror(ctx context.Context, o, n int) {
	const side = 64
	// The only error is that of ctx, at which the caller looks next.
	_ = pairwise.InChunks(ctx, n, side, v.workers, none, func(_ struct{}, from, to int) {
		for left := 0; left <= from; left += side {
			for i := from; i < to; i++ {
				row := v.at(o+i, o)
				for j := left; j < min(left+side, i); j++ {
					v.a[(o+j)*v.lda+o+i] = row[j]
				}
			}
		}
	})
}

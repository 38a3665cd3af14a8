package main

import (
	"math/bits"
	"time"
)

// histogram counts durations. Its cells are at most 1/64 of their value wide,
// so that quantiles are right to 1.6%, and it never allocates.
type histogram struct {
	cells [cellsOf * 58]uint64
	n     uint64
	most  time.Duration
}

const cellsOf = 64 // of each power of two

func (h *histogram) add(d time.Duration) {
	h.cells[cellOf(d)]++
	h.n++
	h.most = max(h.most, d)
}

// cellOf numbers durations in nanoseconds: exactly below cellsOf, and by the
// first seven binary digits above.
func cellOf(d time.Duration) int {
	v := uint64(max(d, 0))
	shift := max(bits.Len64(v)-7, 0)
	return shift*cellsOf + int(v>>shift)
}

// upper is the largest duration of a cell.
func upper(cell int) time.Duration {
	shift := max(cell/cellsOf-1, 0)
	return time.Duration((uint64(cell-shift*cellsOf)+1)<<shift - 1)
}

func (h *histogram) merge(other *histogram) {
	for i, n := range other.cells {
		h.cells[i] += n
	}
	h.n += other.n
	h.most = max(h.most, other.most)
}

// quantile is the smallest duration that a share q of all does not exceed; 0
// where there are none.
func (h *histogram) quantile(q float64) time.Duration {
	need, sum := uint64(q*float64(h.n)), uint64(0)
	for cell, n := range h.cells {
		if sum += n; sum > need || n > 0 && sum == h.n {
			return min(upper(cell), h.most)
		}
	}
	return 0
}

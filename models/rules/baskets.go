package rules

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"regulars/features/matrix"
)

// line is an item in a basket; windows count back from now, 0 being the latest.
type line struct {
	window int64
	item   int32
}

// lines returns what h holds before now, by window and item, each once.
func lines(dst []line, h matrix.History, now int32, basketDays int) []line {
	for i, d := range h.Day {
		if d < now {
			dst = append(dst, line{(int64(now) - 1 - int64(d)) / int64(basketDays), h.Item[i]})
		}
	}
	slices.SortFunc(dst, func(a, b line) int { return cmp.Or(cmp.Compare(a.window, b.window), cmp.Compare(a.item, b.item)) })
	return slices.Compact(dst)
}

// basketsOf cuts the interactions before now, of the last windowDays days unless
// that is 0, into baskets: one row each.
func basketsOf(ev *matrix.Events, now int32, basketDays, windowDays int) *matrix.CSR {
	if windowDays > 0 {
		ev = ev.Between(int32(max(math.MinInt32, int64(now)-int64(windowDays))), now)
	}
	m := &matrix.CSR{Cols: ev.Items, Indptr: []int64{0}}
	var ls []line
	for u := range ev.Users {
		ls = lines(ls[:0], ev.History(u), now, basketDays)
		for i, l := range ls {
			m.Indices = append(m.Indices, l.item)
			if i+1 == len(ls) || ls[i+1].window != l.window {
				m.Indptr = append(m.Indptr, int64(len(m.Indices)))
			}
		}
	}
	m.Rows = len(m.Indptr) - 1
	return m
}

// checkBaskets refuses what is not rows of ascending, distinct items.
func checkBaskets(m *matrix.CSR) error {
	if m.Rows < 0 || m.Cols < 0 || len(m.Indptr) != m.Rows+1 || m.Indptr[0] != 0 || m.Indptr[m.Rows] != int64(len(m.Indices)) || !slices.IsSorted(m.Indptr) {
		return fmt.Errorf("rules: baskets are not a sparse matrix of %d rows", m.Rows)
	}
	for r := range m.Rows {
		row := m.Indices[m.Indptr[r]:m.Indptr[r+1]]
		for i, it := range row {
			if it < 0 || int(it) >= m.Cols || i > 0 && it <= row[i-1] {
				return fmt.Errorf("rules: basket %d: items must be ascending, distinct and below %d", r, m.Cols)
			}
		}
	}
	return nil
}

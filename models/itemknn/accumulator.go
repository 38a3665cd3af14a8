package itemknn

import (
	"cmp"
	"context"
	"math"
	"slices"
)

// neighbour is an item and how similar it is.
type neighbour struct {
	item       int32
	similarity float32
}

// closer reports whether a comes before b: the more similar, of equals the lower
// number.
func (a neighbour) closer(b neighbour) bool {
	return a.similarity > b.similarity || a.similarity == b.similarity && a.item < b.item
}

// largest keeps similarities and their weighted means within float32.
const largest = 1e30

// accumulator is one row of the product, dense, and what of it was touched.
type accumulator struct {
	cells   []cell
	touched []int32
	best    []neighbour
}

// cell is a sum and how many users added to it; 0 = untouched.
type cell struct {
	sum   float64
	users int32
}

// multiply adds up row item. It returns false when ctx ended first.
func (a *accumulator) multiply(ctx context.Context, f factors, item int) bool {
	users, weights := f.from.Row(item)
	for i, u := range users {
		if i%usersBetweenLooks == usersBetweenLooks-1 && ctx.Err() != nil {
			return false
		}
		a.add(f, int(u), float64(weights[i]))
	}
	return true
}

func (a *accumulator) add(f factors, user int, weight float64) {
	cols, vals := f.to.Row(user)
	vals = vals[:len(cols)]
	for k, c := range cols {
		x := &a.cells[c]
		if x.users == 0 {
			a.touched = append(a.touched, c)
		}
		x.users++
		x.sum += weight * float64(vals[k])
	}
}

// take moves the n most similar items of the row, by ascending number, to best
// and clears the row.
func (a *accumulator) take(scale []float64, item int, shrink float64, n int) {
	a.best = a.best[:0]
	a.cells[item].sum = 0
	for _, c := range a.touched {
		s, users := a.cells[c].sum*scale[c], float64(a.cells[c].users)
		a.cells[c] = cell{}
		if shrink > 0 {
			s *= users / (users + shrink)
		}
		if s > 0 {
			a.keep(neighbour{c, float32(min(s, largest))}, n)
		}
	}
	a.touched = a.touched[:0]
	slices.SortFunc(a.best, func(x, y neighbour) int { return cmp.Compare(x.item, y.item) })
}

// keep takes s up among the n best, a heap with the least similar on top.
func (a *accumulator) keep(s neighbour, n int) {
	switch {
	case !(s.similarity > 0):
	case len(a.best) < n:
		a.best = append(a.best, s)
		a.up(len(a.best) - 1)
	case s.closer(a.best[0]):
		a.best[0] = s
		a.down(0)
	}
}

// normalize makes the similarities of best sum to 1.
func (a *accumulator) normalize() {
	total := 0.0
	for _, n := range a.best {
		total += float64(n.similarity)
	}
	for i, n := range a.best {
		a.best[i].similarity = float32(max(float64(n.similarity)/total, math.SmallestNonzeroFloat32))
	}
}

// up restores the heap after entry i was appended.
func (a *accumulator) up(i int) {
	for i > 0 {
		parent := (i - 1) / 2
		if !a.best[parent].closer(a.best[i]) {
			return
		}
		a.best[i], a.best[parent] = a.best[parent], a.best[i]
		i = parent
	}
}

// down restores the heap after entry i was replaced.
func (a *accumulator) down(i int) {
	for {
		worst := i
		for child := 2*i + 1; child <= 2*i+2 && child < len(a.best); child++ {
			if a.best[worst].closer(a.best[child]) {
				worst = child
			}
		}
		if worst == i {
			return
		}
		a.best[i], a.best[worst] = a.best[worst], a.best[i]
		i = worst
	}
}

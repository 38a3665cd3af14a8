package propensity

import (
	"cmp"
	"math/rand/v2"
	"slices"
)

// Of train, this share is held back to decide how long to learn and whether to
// calibrate; it needs so many rows of each class to decide anything.
const (
	laterShare = 0.2
	leastLater = 10
)

// cut splits the rows of train: the later ones in the order of time where it is
// known, and stands in it; else a share of each class drawn at random. later is
// empty when the classes are too few.
func (t *Task) cut(seed uint64) (early, later []int, dated bool) {
	if early, later := t.cutByTime(); t.enough(early) && t.enough(later) {
		return early, later, true
	}
	if early, later := t.cutAtRandom(seed); t.enough(early) && t.enough(later) {
		return early, later, false
	}
	return every(t.Train.Rows), nil, false
}

func every(n int) []int {
	out := make([]int, n)
	for i := range out {
		out[i] = i
	}
	return out
}

func (t *Task) enough(rows []int) bool {
	positive := 0
	for _, r := range rows {
		if t.Y[r] {
			positive++
		}
	}
	return positive >= leastLater && len(rows)-positive >= leastLater
}

// cutByTime cuts between two times, where it comes closest to the share.
func (t *Task) cutByTime() (early, later []int) {
	if t.order == nil {
		return nil, nil
	}
	rows := every(t.Train.Rows)
	slices.SortStableFunc(rows, func(a, b int) int { return cmp.Compare(t.order[a], t.order[b]) })
	n := len(rows)
	want, best := n-int(laterShare*float64(n)), 0
	for i := 1; i < n; i++ {
		if t.order[rows[i-1]] < t.order[rows[i]] && abs(i-want) < abs(best-want) {
			best = i
		}
	}
	return rows[:best], rows[best:]
}

func abs(n int) int { return max(n, -n) }

func (t *Task) cutAtRandom(seed uint64) (early, later []int) {
	var of [2][]int
	for i, y := range t.Y {
		c := 0
		if y {
			c = 1
		}
		of[c] = append(of[c], i)
	}
	rng := rand.New(rand.NewPCG(seed, 0x736c696365))
	for _, rows := range of {
		rng.Shuffle(len(rows), func(i, j int) { rows[i], rows[j] = rows[j], rows[i] })
		n := int(laterShare * float64(len(rows)))
		later, early = append(later, rows[:n]...), append(early, rows[n:]...)
	}
	slices.Sort(early)
	slices.Sort(later)
	return early, later
}

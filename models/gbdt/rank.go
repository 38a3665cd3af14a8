package gbdt

import (
	"math"
	"slices"
)

// maxGrade is the highest grade, whose gain is 2^30 − 1.
const maxGrade = 30

// ranking is LambdaMART (Burges 2010, section 7): the gradient of a pair is
// weighted by what swapping it would change in NDCG, cut at a rank. As in
// LightGBM the change is divided by the distance of the scores and the sum of a
// group damped by log2(1+Σ)/Σ.
type ranking struct{ truncation int }

// start is 0: only differences of scores count.
func (r ranking) start(*Data) ([]float64, error) { return []float64{0}, nil }

func (r ranking) gradients(d *Data, scores, g, h []float64, workers int) {
	starts := groupStarts(d.Group)
	parallel(workers, len(d.Group), func(q int) {
		from, to := starts[q], starts[q+1]
		r.group(d.Y[from:to], scores[from:to], g[from:to], h[from:to])
		for i := from; i < to; i++ {
			g[i] *= d.weight(i)
			h[i] *= d.weight(i)
		}
	})
}

func groupStarts(sizes []int32) []int {
	out := make([]int, len(sizes)+1)
	for i, n := range sizes {
		out[i+1] = out[i] + int(n)
	}
	return out
}

// group writes the gradients of one group.
func (r ranking) group(y, scores, g, h []float64) {
	clear(g)
	clear(h)
	best := r.maxDCG(y)
	if best == 0 {
		return
	}
	order := byScore(scores)
	far := scores[order[0]] != scores[order[len(order)-1]]
	sum := 0.0
	for i := 0; i < min(len(order)-1, r.truncation); i++ {
		for j := i + 1; j < len(order); j++ {
			high, low := order[i], order[j]
			if y[high] == y[low] {
				continue
			}
			if y[high] < y[low] {
				high, low = low, high
			}
			change := (gain(y[high]) - gain(y[low])) * (discount(i) - discount(j)) / best
			distance := scores[high] - scores[low]
			if far {
				change /= 0.01 + math.Abs(distance)
			}
			p := sigmoid(-distance)
			lambda, curve := p*change, p*(1-p)*change
			g[low] += lambda
			g[high] -= lambda
			h[low] += curve
			h[high] += curve
			sum += 2 * lambda
		}
	}
	if sum > 0 {
		damp := math.Log2(1+sum) / sum
		for i := range g {
			g[i] *= damp
			h[i] *= damp
		}
	}
}

// byScore returns the rows by descending score, equals in their order.
func byScore(scores []float64) []int {
	order := make([]int, len(scores))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int {
		switch {
		case scores[a] > scores[b]:
			return -1
		case scores[a] < scores[b]:
			return 1
		}
		return 0
	})
	return order
}

func gain(grade float64) float64 { return math.Exp2(grade) - 1 }

var discounts = func() (out [256]float64) {
	for i := range out {
		out[i] = 1 / math.Log2(float64(i)+2)
	}
	return out
}()

// discount is that of the given rank, counted from 0.
func discount(rank int) float64 {
	if rank < len(discounts) {
		return discounts[rank]
	}
	return 1 / math.Log2(float64(rank)+2)
}

// maxDCG is the DCG of the best order, cut at the truncation level.
func (r ranking) maxDCG(y []float64) float64 {
	best := slices.Clone(y)
	slices.SortFunc(best, func(a, b float64) int { return int(b - a) })
	return r.dcg(best)
}

func (r ranking) dcg(grades []float64) float64 {
	sum := 0.0
	for i, y := range grades[:min(len(grades), r.truncation)] {
		sum += gain(y) * discount(i)
	}
	return sum
}

// loss is 1 − the mean NDCG over the groups; a group without a grade above 0 counts as 1.
func (r ranking) loss(d *Data, scores []float64) float64 {
	starts, sum := groupStarts(d.Group), 0.0
	for q := range d.Group {
		y := d.Y[starts[q]:starts[q+1]]
		best := r.maxDCG(y)
		if best == 0 {
			continue
		}
		ranked := make([]float64, len(y))
		for i, row := range byScore(scores[starts[q]:starts[q+1]]) {
			ranked[i] = y[row]
		}
		sum += 1 - r.dcg(ranked)/best
	}
	return sum / float64(len(d.Group))
}

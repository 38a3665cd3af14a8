package kmeans

import (
	"context"
	"math"
	"math/rand/v2"
	"sync"
)

// blockRows fixes the sums that are added up in order, so that the result does
// not depend on the number of goroutines.
const blockRows = 2048

// parallel calls work for every block of rows; it returns when all are done.
func parallel(workers, n int, work func(block, from, to int)) {
	blocks := (n + blockRows - 1) / blockRows
	next := make(chan int, blocks)
	for b := range blocks {
		next <- b
	}
	close(next)
	var wg sync.WaitGroup
	for range min(workers, blocks) {
		wg.Go(func() {
			for b := range next {
				work(b, b*blockRows, min((b+1)*blockRows, n))
			}
		})
	}
	wg.Wait()
}

// clustering is one solution: centroids (k × d), each row's nearest and the
// squared distance to it.
type clustering struct {
	k         int
	centroids []float64
	nearest   []int32
	distance  []float64
	inertia   float64 // sum of the squared distances
}

func (c *clustering) centroid(d, i int) []float64 { return c.centroids[i*d : (i+1)*d] }

// seed draws k centroids by k-means++ (Arthur, Vassilvitskii 2007): the first
// uniformly, each further one with probability proportional to the squared
// distance from the nearest so far; of several such draws the one that lowers
// these distances most is kept (the greedy variant of their section 7). It
// returns fewer when no further distinct row exists.
func seed(p *points, k int, random *rand.Rand) *clustering {
	c := &clustering{k: 1}
	first := p.row(random.IntN(p.n))
	c.centroids = append(c.centroids, first...)
	distance := make([]float64, p.n)
	for i := range distance {
		distance[i] = squared(p.row(i), first)
	}
	trials := 2 + int(math.Log(float64(k)))
	for c.k < k {
		best, row, least := []float64(nil), -1, math.Inf(1)
		for range trials {
			pick := draw(distance, random)
			if pick < 0 {
				return c
			}
			if closer, sum := closest(p, distance, pick); sum < least {
				best, row, least = closer, pick, sum
			}
		}
		c.centroids = append(c.centroids, p.row(row)...)
		c.k++
		distance = best
	}
	return c
}

// closest returns the squared distances when a row becomes a centroid, and their sum.
func closest(p *points, distance []float64, row int) (out []float64, sum float64) {
	out = make([]float64, p.n)
	for i, have := range distance {
		out[i] = min(have, squared(p.row(i), p.row(row)))
		sum += out[i]
	}
	return out, sum
}

// draw returns a row with probability proportional to its weight, -1 when all are 0.
func draw(weights []float64, random *rand.Rand) int {
	var total float64
	for _, w := range weights {
		total += w
	}
	target := random.Float64() * total
	last := -1
	for i, w := range weights {
		if w == 0 {
			continue
		}
		last = i
		if target -= w; target < 0 {
			return i
		}
	}
	return last
}

// lloyd moves the centroids to the means of their rows until no row changes its
// group (Lloyd 1982), or iterations are used up. A group that has lost all its
// rows takes the row that is farthest from its centroid.
func (c *clustering) lloyd(ctx context.Context, p *points, iterations, workers int) error {
	c.nearest, c.distance = make([]int32, p.n), make([]float64, p.n)
	for i := range c.nearest {
		c.nearest[i] = -1
	}
	for range iterations {
		if err := ctx.Err(); err != nil {
			return err
		}
		if !c.assign(p, workers) {
			return nil
		}
		c.move(p, workers)
	}
	c.assign(p, workers)
	return nil
}

// assign finds the nearest centroid of every row, the first of equally near ones,
// and reports whether any row changed.
func (c *clustering) assign(p *points, workers int) bool {
	blocks := (p.n + blockRows - 1) / blockRows
	changed, inertia := make([]bool, blocks), make([]float64, blocks)
	parallel(workers, p.n, func(block, from, to int) {
		for i := from; i < to; i++ {
			best, distance := nearest(p.row(i), c.centroids, p.d)
			changed[block] = changed[block] || best != c.nearest[i]
			c.nearest[i], c.distance[i] = best, distance
			inertia[block] += distance
		}
	})
	c.inertia = 0
	moved := false
	for b := range blocks {
		c.inertia += inertia[b]
		moved = moved || changed[b]
	}
	return moved
}

func nearest(row, centroids []float64, d int) (best int32, distance float64) {
	distance = math.Inf(1)
	for k := 0; k*d < len(centroids); k++ {
		if s := squared(row, centroids[k*d:(k+1)*d]); s < distance {
			best, distance = int32(k), s
		}
	}
	return best, distance
}

func (c *clustering) move(p *points, workers int) {
	blocks := (p.n + blockRows - 1) / blockRows
	sums, counts := make([][]float64, blocks), make([][]int, blocks)
	parallel(workers, p.n, func(block, from, to int) {
		sum, count := make([]float64, c.k*p.d), make([]int, c.k)
		for i := from; i < to; i++ {
			k := int(c.nearest[i])
			count[k]++
			into := sum[k*p.d : (k+1)*p.d]
			for j, x := range p.row(i) {
				into[j] += x
			}
		}
		sums[block], counts[block] = sum, count
	})
	total, count := make([]float64, c.k*p.d), make([]int, c.k)
	for b := range blocks {
		for j, s := range sums[b] {
			total[j] += s
		}
		for k, n := range counts[b] {
			count[k] += n
		}
	}
	for k := range c.k {
		c.place(p, k, count[k], total[k*p.d:(k+1)*p.d])
	}
}

func (c *clustering) place(p *points, k, count int, total []float64) {
	centroid := c.centroid(p.d, k)
	if count > 0 {
		for j, s := range total {
			centroid[j] = s / float64(count)
		}
		return
	}
	far := 0
	for i, s := range c.distance {
		if s > c.distance[far] {
			far = i
		}
	}
	copy(centroid, p.row(far))
	c.distance[far] = 0 // taken, should another group be empty
}

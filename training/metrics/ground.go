package metrics

import (
	"math"

	"regulars/features/matrix"
)

// ground is what train says about items: who had them. Metrics of whole lists
// (novelty, diversity) are measured against it, whatever the model.
type ground struct {
	users   int     // train users with any interaction
	crowdOf int     // all users of the vocabulary
	holders []int32 // of each item, how many different users had it
	indptr  []int64 // the users of item i are members[indptr[i]:indptr[i+1]], ascending
	members []int32
}

func newGround(train *matrix.Events) *ground {
	g := &ground{crowdOf: train.Users, holders: make([]int32, train.Items), indptr: make([]int64, train.Items+1)}
	eachPair(train, func(_, item int32) { g.holders[item]++ })
	for i, n := range g.holders {
		g.indptr[i+1] = g.indptr[i] + int64(n)
	}
	g.members = make([]int32, g.indptr[train.Items])
	next := append([]int64(nil), g.indptr[:train.Items]...)
	eachPair(train, func(user, item int32) {
		g.members[next[item]] = user
		next[item]++
	})
	for u := range train.Users {
		if train.Indptr[u+1] > train.Indptr[u] {
			g.users++
		}
	}
	return g
}

// eachPair calls f for every user and item that met, once.
func eachPair(train *matrix.Events, f func(user, item int32)) {
	for u := range train.Users {
		last := int32(-1)
		for _, it := range train.History(u).Item {
			if it != last {
				f(int32(u), it)
				last = it
			}
		}
	}
}

// novelty is the mean self-information −log2(share of train users who had the
// item) of a list, in bits (Zhou et al. 2010); an item that nobody had counts as
// had by one. NaN for an empty list.
func (g *ground) novelty(list []int32) float64 {
	sum := 0.0
	for _, it := range list {
		sum -= math.Log2(float64(max(1, g.holders[it])) / float64(max(1, g.users)))
	}
	return sum / float64(len(list))
}

// The bounds of how many lists diversity is measured on: at most diversityLists,
// and fewer where popular items make a list cost so much that all together
// would exceed diversityWork steps.
const (
	diversityLists = 10_000
	diversityLeast = 100
	diversityWork  = 1e9
)

// affordable returns how many users' lists of length k diversity is measured on.
// It depends on train alone, so that all models are measured on the same users.
func (g *ground) affordable(k int) int {
	popularity := make([]float32, len(g.holders))
	for i, n := range g.holders {
		popularity[i] = float32(n)
	}
	worst := 1.0
	for _, it := range TopK(popularity, k, nil) {
		worst += float64(g.holders[it])
	}
	return int(min(diversityLists, max(diversityLeast, diversityWork/worst)))
}

// sampled spreads n picks evenly over the rows below total.
func sampled(row, total, n int) bool {
	return n > 0 && row*n/total != (row+1)*n/total
}

// crowd is the scratch memory of diversity: one number a train user, all 0
// between calls.
type crowd struct {
	ground *ground
	weight []float64
}

func (g *ground) crowd() *crowd { return &crowd{ground: g, weight: make([]float64, g.crowdOf)} }

// diversity returns, for each k of ks (ascending), 1 − the mean cosine between
// two items of the first k, an item being the set of its train users; NaN where
// there are no two. With v̂ the normalised vectors, Σ_{i≠j} v̂_i·v̂_j is
// ‖Σ v̂_i‖² − Σ ‖v̂_i‖², so the cost is the number of users of the list's items
// and not a product for each pair.
func (c *crowd) diversity(list []int32, ks []int) []float64 {
	out := make([]float64, len(ks))
	square, known, n := 0.0, 0, 0
	for j, k := range ks {
		for ; n < min(k, len(list)); n++ {
			if holders := c.ground.holders[list[n]]; holders > 0 {
				square += c.add(list[n], 1/math.Sqrt(float64(holders)))
				known++
			}
		}
		out[j] = math.NaN()
		if n > 1 {
			cosine := (square - float64(known)) / float64(n*(n-1))
			out[j] = math.Min(1, math.Max(0, 1-cosine))
		}
	}
	for _, it := range list[:n] {
		c.clear(it)
	}
	return out
}

// add adds w to each user of the item and returns how much the square of the sum grows.
func (c *crowd) add(item int32, w float64) float64 {
	grown := 0.0
	for _, u := range c.of(item) {
		grown += w * (2*c.weight[u] + w)
		c.weight[u] += w
	}
	return grown
}

func (c *crowd) clear(item int32) {
	for _, u := range c.of(item) {
		c.weight[u] = 0
	}
}

func (c *crowd) of(item int32) []int32 {
	return c.ground.members[c.ground.indptr[item]:c.ground.indptr[item+1]]
}

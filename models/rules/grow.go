package rules

import (
	"context"
	"math"
	"slices"
)

// scratch is what one worker needs.
type scratch struct {
	*miner
	ctx     context.Context
	pairsOf []int64 // how many pairs stand together in exactly so many baskets; the last: or more
	sum     []int32 // by rank, all 0 between uses
	touched []int32
	index   []int32 // by rank: its number in the conditional tree, -1 between uses
	inner   []int32 // by number in the conditional tree, all 0 between uses
	paths   paths
	within  tree
	single  *strongest // rules of one item
	double  *strongest // rules of two
}

func newScratch(m *miner, ctx context.Context) *scratch {
	n := len(m.items)
	s := &scratch{miner: m, ctx: ctx, pairsOf: make([]int64, math.MaxUint16+1), sum: make([]int32, n), index: make([]int32, n),
		inner: make([]int32, n), single: &strongest{limit: m.o.MaxRules}, double: &strongest{}}
	if m.o.MaxItems > 2 {
		s.double.limit = m.o.MaxRules / 2
		s.single.limit -= s.double.limit
	}
	for i := range s.index {
		s.index[i] = -1
	}
	return s
}

// histogram counts the pairs of a rank by how often they stand together.
func (s *scratch) histogram(rank int32) {
	s.touched = s.tree.together(rank, s.sum, s.touched[:0])
	for _, r := range s.touched {
		s.pairsOf[min(s.sum[r], math.MaxUint16)]++
		s.sum[r] = 0
	}
}

// frequent returns the ranks before rank that stand together with it often
// enough, ascending, and how often.
func (s *scratch) frequent(rank int32) (ranks, counts []int32) {
	s.touched = s.tree.together(rank, s.sum, s.touched[:0])
	slices.Sort(s.touched)
	for _, r := range s.touched {
		if int(s.sum[r]) >= s.o.MinSupport {
			ranks, counts = append(ranks, r), append(counts, s.sum[r])
		}
		s.sum[r] = 0
	}
	return ranks, counts
}

// grow makes the rules of the frequent pairs and triples whose rarest item is a.
func (s *scratch) grow(a int32) {
	lo, hi := s.pairs.Indptr[a], s.pairs.Indptr[a+1]
	partners, counts := s.pairs.Indices[lo:hi], s.together[lo:hi]
	for i, b := range partners {
		s.offer(rule{first: s.items[a], second: -1, consequent: s.items[b], count: counts[i], antecedent: s.count[s.items[a]]})
		s.offer(rule{first: s.items[b], second: -1, consequent: s.items[a], count: counts[i], antecedent: s.count[s.items[b]]})
	}
	if s.o.MaxItems < 3 || len(partners) < 2 {
		return
	}
	for i, b := range partners {
		s.index[b] = int32(i)
	}
	s.tree.before(a, s.index, &s.paths)
	for _, b := range partners {
		s.index[b] = -1
	}
	s.within.build(&s.paths, len(partners))
	for b := 1; b < len(partners) && s.ctx.Err() == nil; b++ {
		s.triples(a, partners, counts, int32(b))
	}
}

// triples makes the rules of a, its partner number b, and each partner before b.
func (s *scratch) triples(a int32, partners, counts []int32, b int32) {
	s.touched = s.within.together(b, s.inner, s.touched[:0])
	for _, c := range s.touched {
		n := s.inner[c]
		s.inner[c] = 0
		if int(n) < s.o.MinSupport {
			continue
		}
		bc := s.pair(partners[b], partners[c])
		s.triple(n, [3]int32{s.items[a], s.items[partners[b]], s.items[partners[c]]}, [3]int32{bc, counts[c], counts[b]})
	}
}

// triple makes the three rules of items that stand together n times; without[i]
// is how often the two others than item i do. A rule of two items must say more
// than that of either alone: more confidence (Bayardo, Agrawal, Gunopulos 1999).
func (s *scratch) triple(n int32, items, without [3]int32) {
	for i, c := range items {
		x, y := (i+1)%3, (i+2)%3
		r := rule{first: min(items[x], items[y]), second: max(items[x], items[y]), consequent: c, count: n, antecedent: without[i]}
		more := func(pair, single int32) bool {
			return int64(n)*int64(single) > int64(pair)*int64(without[i])
		}
		if more(without[y], s.count[items[x]]) && more(without[x], s.count[items[y]]) {
			s.offer(r)
		}
	}
}

// offer keeps a rule that is confident, lifted and strong enough.
func (s *scratch) offer(r rule) {
	r.strength = strength(r.count, r.antecedent, s.count[r.consequent], s.baskets, *s.o.Smoothing)
	confidence := float64(r.count) / float64(r.antecedent)
	if confidence < *s.o.MinConfidence || lift(r.count, r.antecedent, s.count[r.consequent], s.baskets) < *s.o.MinLift {
		return
	}
	if r.second < 0 {
		s.single.add(r)
	} else {
		s.double.add(r)
	}
}

// lift is how much more often the consequent stands in baskets with the
// antecedent than in all baskets.
func lift(count, antecedent, consequent int32, baskets int) float64 {
	return float64(count) * float64(baskets) / (float64(antecedent) * float64(consequent))
}

// strength is written down at Model.Strength.
func strength(count, antecedent, consequent int32, baskets int, smoothing float64) float64 {
	confidence, share := float64(count)/float64(antecedent), float64(consequent)/float64(baskets)
	return float64(antecedent) / (float64(antecedent) + smoothing) * (confidence - share)
}

package metrics

import (
	"slices"
	"strconv"
	"sync/atomic"
)

// shelves counts for every slice, k and item how many lists hold the item: what
// coverage and Gini are made of. Counting does not depend on the order.
type shelves struct {
	prefixes []string
	ks       []int
	items    int
	counts   []atomic.Int32 // prefix × k × item
}

func newShelves(prefixes []string, ks []int, items int) *shelves {
	return &shelves{prefixes: prefixes, ks: ks, items: items, counts: make([]atomic.Int32, len(prefixes)*len(ks)*items)}
}

func (s *shelves) of(prefix, k int) []atomic.Int32 {
	return s.counts[(prefix*len(s.ks)+k)*s.items:][:s.items]
}

func (s *shelves) add(prefix, k int, list []int32) {
	shelf := s.of(prefix, k)
	for _, it := range list {
		shelf[it].Add(1)
	}
}

// shares returns, over the items known in train, coverage@k (the share that any
// list holds) and gini@k (how unequally the lists share them out: 0 = all
// equally often, near 1 = always the same few). Both are absent where there is
// no list.
func (s *shelves) shares(holders []int32) map[string]float64 {
	out := map[string]float64{}
	for p, prefix := range s.prefixes {
		for j, k := range s.ks {
			counts := known(s.of(p, j), holders)
			if shown, total := held(counts); total > 0 {
				out[prefix+"coverage@"+strconv.Itoa(k)] = float64(shown) / float64(len(counts))
				out[prefix+"gini@"+strconv.Itoa(k)] = gini(counts, total)
			} else if prefix != prefixLight && prefix != prefixHeavy {
				out[prefix+"coverage@"+strconv.Itoa(k)] = 0
			}
		}
	}
	return out
}

func known(shelf []atomic.Int32, holders []int32) []int32 {
	var out []int32
	for i := range shelf {
		if holders[i] > 0 {
			out = append(out, shelf[i].Load())
		}
	}
	return out
}

func held(counts []int32) (shown int, total int64) {
	for _, n := range counts {
		total += int64(n)
		if n > 0 {
			shown++
		}
	}
	return shown, total
}

// gini returns the Gini coefficient Σ (2i − n − 1)·x_i / (n·Σ x) of the counts
// in ascending order, i from 1. It sorts them in place.
func gini(counts []int32, total int64) float64 {
	slices.Sort(counts)
	n, sum := len(counts), 0.0
	for i, x := range counts {
		sum += float64(2*(i+1)-n-1) * float64(x)
	}
	return sum / (float64(n) * float64(total))
}

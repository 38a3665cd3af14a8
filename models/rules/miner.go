package rules

import (
	"cmp"
	"context"
	"iter"
	"math"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"

	"regulars/features/matrix"
)

// miner holds the FP-tree of all baskets. Ranks number the items by how many
// baskets hold them, the most frequent being 0.
type miner struct {
	o        Options
	baskets  int
	count    []int32 // baskets of each item
	items    []int32 // item of each rank
	tree     tree
	pairs    *matrix.CSR // row: a rank; columns: earlier ranks often together with it
	together []int32     // baskets of each of pairs
	progress func(done, total int)
}

func newMiner(baskets *matrix.CSR, o Options, progress func(done, total int)) *miner {
	m := &miner{o: o, count: make([]int32, baskets.Cols), progress: progress}
	for row := range m.counted(baskets) {
		m.baskets++
		for _, it := range row {
			m.count[it]++
		}
	}
	if m.o.MinSupport == 0 {
		m.o.MinSupport = max(3, m.baskets/10_000)
	}
	rank := m.rank()
	m.tree.build(m.ranked(baskets, rank), len(m.items))
	return m
}

// counted goes through the baskets that are neither empty nor too large.
func (m *miner) counted(baskets *matrix.CSR) iter.Seq[[]int32] {
	return func(yield func([]int32) bool) {
		for r := range baskets.Rows {
			row := baskets.Indices[baskets.Indptr[r]:baskets.Indptr[r+1]]
			if len(row) > 0 && len(row) <= m.o.MaxBasket && !yield(row) {
				return
			}
		}
	}
}

// ranked returns the baskets as lists of ascending ranks.
func (m *miner) ranked(baskets *matrix.CSR, rank []int32) *paths {
	all := &paths{}
	for row := range m.counted(baskets) {
		from := len(all.items)
		for _, it := range row {
			if rank[it] >= 0 {
				all.items = append(all.items, rank[it])
			}
		}
		slices.Sort(all.items[from:])
		all.close(1)
	}
	return all
}

// rank numbers the frequent items; the others get -1.
func (m *miner) rank() []int32 {
	rank := make([]int32, len(m.count))
	for it, n := range m.count {
		rank[it] = -1
		if int(n) >= m.o.MinSupport {
			m.items = append(m.items, int32(it))
		}
	}
	slices.SortFunc(m.items, func(a, b int32) int { return cmp.Or(cmp.Compare(m.count[b], m.count[a]), cmp.Compare(a, b)) })
	for r, it := range m.items {
		rank[it] = int32(r)
	}
	return rank
}

// each calls work for every rank, on all workers, and returns what they hold.
func (m *miner) each(ctx context.Context, work func(s *scratch, rank int32)) ([]*scratch, error) {
	workers := m.o.Workers
	if workers == 0 {
		workers = runtime.GOMAXPROCS(0)
	}
	all := make([]*scratch, max(1, min(workers, len(m.items))))
	var next atomic.Int64
	var wg sync.WaitGroup
	for i := range all {
		all[i] = newScratch(m, ctx)
		wg.Go(func() {
			for r := int(next.Add(1)) - 1; r < len(m.items) && ctx.Err() == nil; r = int(next.Add(1)) - 1 {
				work(all[i], int32(r))
			}
		})
	}
	wg.Wait()
	return all, ctx.Err()
}

// findPairs counts how often any two items stand together, raises MinSupport
// until at most MaxRules pairs remain, and keeps those.
func (m *miner) findPairs(ctx context.Context) error {
	all, err := m.each(ctx, func(s *scratch, rank int32) { s.histogram(rank) })
	if err != nil {
		return err
	}
	m.o.MinSupport = raised(m.o.MinSupport, m.o.MaxRules, all)
	cols, counts := make([][]int32, len(m.items)), make([][]int32, len(m.items))
	if _, err := m.each(ctx, func(s *scratch, rank int32) { cols[rank], counts[rank] = s.frequent(rank) }); err != nil {
		return err
	}
	m.pairs = &matrix.CSR{Rows: len(m.items), Cols: len(m.items), Indptr: []int64{0}}
	for r := range cols {
		m.pairs.Indices, m.together = append(m.pairs.Indices, cols[r]...), append(m.together, counts[r]...)
		m.pairs.Indptr = append(m.pairs.Indptr, int64(len(m.pairs.Indices)))
	}
	return nil
}

// raised returns the lowest support, of at least least, that at most limit pairs reach.
func raised(least, limit int, all []*scratch) int {
	total := 0
	for support := math.MaxUint16; support >= least; support-- {
		for _, s := range all {
			total += int(s.pairsOf[support])
		}
		if total > limit {
			return support + 1
		}
	}
	return least
}

// pair returns how many baskets hold both ranks, a after b; 0 when too few.
func (m *miner) pair(a, b int32) int32 {
	lo, hi := m.pairs.Indptr[a], m.pairs.Indptr[a+1]
	if i, ok := slices.BinarySearch(m.pairs.Indices[lo:hi], b); ok {
		return m.together[lo+int64(i)]
	}
	return 0
}

// findRules grows every frequent pair and triple and keeps the strongest rules.
func (m *miner) findRules(ctx context.Context) ([]rule, error) {
	var lock sync.Mutex
	done := 0
	all, err := m.each(ctx, func(s *scratch, rank int32) {
		s.grow(rank)
		if m.progress != nil {
			lock.Lock()
			defer lock.Unlock()
			done++
			m.progress(done, len(m.items))
		}
	})
	if err != nil {
		return nil, err
	}
	first := all[0]
	for _, s := range all[1:] {
		first.single.merge(s.single)
		first.double.merge(s.double)
	}
	return sorted(first.single, first.double), nil
}

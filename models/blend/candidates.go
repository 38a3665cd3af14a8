package blend

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"slices"

	"regulars/features/matrix"
	"regulars/models"
	"regulars/models/internal/kernel"
)

// work is what one request needs; it is used again by the next.
type work struct {
	scores [][]float32 // of each source, one an item
	speaks []bool      // of each source: it has something to say of this history
	lowest []float32   // of each source: the score of items it says nothing about
	own    []int32     // distinct items of the history before now, ascending
	top    []int32

	items []int32     // candidates: first the own items, then the others, each ascending
	again int         // how many of items are own
	rank  [][]int32   // of each source: the place of each candidate among its half, from 1
	keys  []uint64    // candidates by score, then number
	best  [][]float32 // of each source: the largest score among candidates of each half
	x     *matrix.Dense
	y     []float64
	list  []float32
}

func newWork(sources, items int, columns []string) *work {
	w := &work{scores: make([][]float32, sources), speaks: make([]bool, sources), lowest: make([]float32, sources),
		rank: make([][]int32, sources), best: make([][]float32, sources), x: &matrix.Dense{Names: columns}}
	for s := range sources {
		w.scores[s], w.best[s] = make([]float32, items), make([]float32, 2)
	}
	return w
}

// score asks every source.
func (w *work) score(sources []Source, h matrix.History, now int32) error {
	for s, source := range sources {
		w.speaks[s] = false
		if source.Model == nil {
			continue
		}
		err := source.Model.Score(h, now, w.scores[s])
		if errors.Is(err, models.ErrUnknown) {
			continue
		}
		if err != nil {
			return fmt.Errorf("blend: %s: %w", source.Name, err)
		}
		lowest, highest := slices.Min(w.scores[s]), slices.Max(w.scores[s])
		if !(lowest >= -math.MaxFloat32 && highest <= math.MaxFloat32) {
			return fmt.Errorf("blend: %s scores from %v to %v: scores must be finite numbers", source.Name, lowest, highest)
		}
		w.lowest[s], w.speaks[s] = lowest, highest > lowest
	}
	w.own = w.own[:0]
	eachItem(h, now, func(item int32, _ []int32, _ []float32) { w.own = append(w.own, item) })
	return nil
}

// collect joins the depth best of each source, of the own items and of the
// others. An item that a source scores as low as any is none of its candidates.
func (w *work) collect(depth int) {
	w.items = w.items[:0]
	for s, scores := range w.scores {
		if !w.speaks[s] {
			continue
		}
		w.take(s, w.bestOwn(scores, depth))
	}
	w.items = distinctItems(w.items)
	w.again = len(w.items)
	for s, scores := range w.scores {
		if !w.speaks[s] {
			continue
		}
		w.top = kernel.TopK(scores, depth, w.own, w.top)
		w.take(s, w.top)
	}
	others := distinctItems(w.items[w.again:])
	w.items = w.items[:w.again+len(others)]
}

func (w *work) take(s int, list []int32) {
	for _, it := range list {
		if w.scores[s][it] > w.lowest[s] {
			w.items = append(w.items, it)
		}
	}
}

// bestOwn returns the own items with the largest scores.
func (w *work) bestOwn(scores []float32, depth int) []int32 {
	w.top = append(w.top[:0], w.own...)
	slices.SortFunc(w.top, byScore(scores))
	return w.top[:min(depth, len(w.top))]
}

func byScore(scores []float32) func(a, b int32) int {
	return func(a, b int32) int { return cmp.Or(cmp.Compare(scores[b], scores[a]), cmp.Compare(a, b)) }
}

func distinctItems(items []int32) []int32 {
	slices.Sort(items)
	return slices.Compact(items)
}

// place ranks the candidates of each half by every source.
func (w *work) place() {
	for s, scores := range w.scores {
		w.rank[s] = slices.Grow(w.rank[s][:0], len(w.items))[:len(w.items)]
		w.placeHalf(s, scores, 0, w.again)
		w.placeHalf(s, scores, w.again, len(w.items))
	}
}

func (w *work) placeHalf(s int, scores []float32, from, to int) {
	if from == to || !w.speaks[s] {
		return
	}
	w.keys = w.keys[:0]
	for c := from; c < to; c++ {
		w.keys = append(w.keys, uint64(^ascending(scores[w.items[c]]))<<32|uint64(c))
	}
	slices.Sort(w.keys)
	for place, key := range w.keys {
		w.rank[s][uint32(key)] = int32(place + 1)
	}
	half := 0
	if from > 0 || w.again == 0 {
		half = 1
	}
	w.best[s][half] = scores[w.items[uint32(w.keys[0])]]
}

// ascending turns a score into a number of the same order.
func ascending(score float32) uint32 {
	bits := math.Float32bits(score + 0) // 0 for −0
	if bits>>31 == 1 {
		return ^bits
	}
	return bits | 1<<31
}

// find returns where an item stands among the candidates.
func (w *work) find(item int32) (at int, had, found bool) {
	if at, found = slices.BinarySearch(w.items[:w.again], item); found {
		return at, true, true
	}
	at, found = slices.BinarySearch(w.items[w.again:], item)
	return w.again + at, false, found
}

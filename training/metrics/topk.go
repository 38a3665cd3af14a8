package metrics

import "slices"

// TopK returns the numbers of the k items with the highest scores, best first,
// leaving out the excluded ones (ascending). Of equal scores the lower number
// goes first. The list is shorter than k when there are fewer items.
// O(items · log k) at worst, close to O(items) in practice.
func TopK(scores []float32, k int, excluded []int32) []int32 {
	if k <= 0 {
		return nil
	}
	h := topHeap{k: k}
	from := 0
	for _, e := range excluded {
		if int(e) >= len(scores) {
			break
		}
		h.offerAll(scores, from, int(e))
		from = int(e) + 1
	}
	h.offerAll(scores, from, len(scores))
	return h.sorted()
}

// TopKOf is TopK among the given candidates (ascending, distinct) alone.
func TopKOf(scores []float32, k int, candidates []int32) []int32 {
	if k <= 0 {
		return nil
	}
	h := topHeap{k: k}
	for _, i := range candidates {
		h.offer(i, scores[i])
	}
	return h.sorted()
}

type scored struct {
	item  int32
	score float32
}

// before reports whether a ranks ahead of b.
func (a scored) before(b scored) bool {
	return a.score > b.score || a.score == b.score && a.item < b.item
}

// topHeap keeps the best k offers, the worst of them at the root.
type topHeap struct {
	k    int
	list []scored
}

func (h *topHeap) offer(item int32, score float32) {
	x := scored{item, score}
	if len(h.list) < h.k {
		h.list = append(h.list, x)
		h.up(len(h.list) - 1)
		return
	}
	if x.before(h.list[0]) {
		h.list[0] = x
		h.down()
	}
}

// offerAll offers the items from ≤ item < to. Most of them are worse than the
// worst kept, and of equals the one offered later is.
func (h *topHeap) offerAll(scores []float32, from, to int) {
	i := from
	for ; i < to && len(h.list) < h.k; i++ {
		h.offer(int32(i), scores[i])
	}
	if i >= to {
		return
	}
	worst := h.list[0].score
	for j, s := range scores[i:to] {
		if s > worst {
			h.offer(int32(i+j), s)
			worst = h.list[0].score
		}
	}
}

func (h *topHeap) up(i int) {
	for i > 0 {
		parent := (i - 1) / 2
		if !h.list[parent].before(h.list[i]) {
			return
		}
		h.list[parent], h.list[i] = h.list[i], h.list[parent]
		i = parent
	}
}

func (h *topHeap) down() {
	for i := 0; ; {
		worst := i
		for c := 2*i + 1; c <= 2*i+2 && c < len(h.list); c++ {
			if h.list[worst].before(h.list[c]) {
				worst = c
			}
		}
		if worst == i {
			return
		}
		h.list[i], h.list[worst] = h.list[worst], h.list[i]
		i = worst
	}
}

func (h *topHeap) sorted() []int32 {
	slices.SortFunc(h.list, func(a, b scored) int {
		if a.before(b) {
			return -1
		}
		return 1
	})
	out := make([]int32, len(h.list))
	for i, x := range h.list {
		out[i] = x.item
	}
	return out
}

package rules

import (
	"slices"
)

// paths are item lists, each ascending, and how often each occurs.
type paths struct {
	ends  []int // end of each list in items
	items []int32
	count []int32
}

func (p *paths) path(i int) []int32 {
	from := 0
	if i > 0 {
		from = p.ends[i-1]
	}
	return p.items[from:p.ends[i]]
}

// close ends the list whose items were appended since the last one. An empty
// list is dropped.
func (p *paths) close(count int32) {
	if n := len(p.ends); len(p.items) > 0 && (n == 0 || p.ends[n-1] < len(p.items)) {
		p.ends, p.count = append(p.ends, len(p.items)), append(p.count, count)
	}
}

func (p *paths) reset() {
	p.ends, p.items, p.count = p.ends[:0], p.items[:0], p.count[:0]
}

// tree is an FP-tree: lists that begin alike share their beginning. Items are
// ranks, the most frequent being 0, so that most lists share much.
type tree struct {
	item, parent, count []int32 // one a node; the parent of a first item is -1
	start               []int32 // nodes of rank r are byRank[start[r]:start[r+1]]
	byRank              []int32
	order, open         []int32 // scratch of build
}

// build makes the tree of p over ranks 0…n-1. Sorting the lists puts those that
// begin alike side by side, so no node has to be looked up.
func (t *tree) build(p *paths, n int) {
	t.item, t.parent, t.count, t.open, t.order = t.item[:0], t.parent[:0], t.count[:0], t.open[:0], t.order[:0]
	for i := range p.ends {
		t.order = append(t.order, int32(i))
	}
	slices.SortFunc(t.order, func(a, b int32) int { return slices.Compare(p.path(int(a)), p.path(int(b))) })
	for _, i := range t.order {
		t.insert(p.path(int(i)), p.count[i])
	}
	t.index(n)
}

// insert adds a list; open are the nodes of the one before it, from the root.
func (t *tree) insert(list []int32, count int32) {
	depth := 0
	for depth < len(list) && depth < len(t.open) && t.item[t.open[depth]] == list[depth] {
		t.count[t.open[depth]] += count
		depth++
	}
	t.open = t.open[:depth]
	for ; depth < len(list); depth++ {
		parent := int32(-1)
		if depth > 0 {
			parent = t.open[depth-1]
		}
		t.open = append(t.open, int32(len(t.item)))
		t.item, t.parent, t.count = append(t.item, list[depth]), append(t.parent, parent), append(t.count, count)
	}
}

// index lists the nodes of every rank.
func (t *tree) index(n int) {
	t.start = append(t.start[:0], make([]int32, n+1)...)
	for _, r := range t.item {
		t.start[r+1]++
	}
	for r := range n {
		t.start[r+1] += t.start[r]
	}
	t.byRank = append(t.byRank[:0], make([]int32, len(t.item))...)
	next := slices.Clone(t.start[:n])
	for node, r := range t.item {
		t.byRank[next[r]] = int32(node)
		next[r]++
	}
}

func (t *tree) nodes(rank int32) []int32 { return t.byRank[t.start[rank]:t.start[rank+1]] }

// together counts, for every rank before the given one, the lists that hold
// both, in sum, and notes which it touched.
func (t *tree) together(rank int32, sum []int32, touched []int32) []int32 {
	for _, node := range t.nodes(rank) {
		n := t.count[node]
		for up := t.parent[node]; up >= 0; up = t.parent[up] {
			r := t.item[up]
			if sum[r] == 0 {
				touched = append(touched, r)
			}
			sum[r] += n
		}
	}
	return touched
}

// before collects the lists that lead to a rank, without the ranks whose index
// is negative and with the others replaced by it, into p.
func (t *tree) before(rank int32, index []int32, p *paths) {
	p.reset()
	for _, node := range t.nodes(rank) {
		from := len(p.items)
		for up := t.parent[node]; up >= 0; up = t.parent[up] {
			if i := index[t.item[up]]; i >= 0 {
				p.items = append(p.items, i)
			}
		}
		slices.Reverse(p.items[from:])
		p.close(t.count[node])
	}
}

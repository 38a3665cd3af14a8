package matrix

import (
	"cmp"
	"fmt"
	"math"
	"slices"
)

// Event is one dated interaction of a user with an item, both by vocabulary number.
type Event struct {
	User, Item int32
	Day        int32   // days since 1970-01-01 UTC
	Weight     float32 // how much it counts: orders that day, or a weight by event type; finite and above 0
}

// Events holds the dated interactions of Users × Items, sorted by user, item
// and day; user u has entries Indptr[u] to Indptr[u+1].
type Events struct {
	Users, Items int
	Indptr       []int64 // length Users+1
	Item         []int32
	Day          []int32
	Weight       []float32
}

// History is what one user did, sorted by item and day: everything a recommender
// may know about them, so that known users and newcomers are served alike.
type History struct {
	Item   []int32
	Day    []int32
	Weight []float32
}

// NewEvents sorts the list (in place) and checks it.
func NewEvents(users, items int, list []Event) (*Events, error) {
	for i, e := range list {
		if e.User < 0 || int(e.User) >= users || e.Item < 0 || int(e.Item) >= items {
			return nil, fmt.Errorf("interaction %d names user %d and item %d of %d users and %d items", i, e.User, e.Item, users, items)
		}
		if w := float64(e.Weight); !(w > 0) || math.IsInf(w, 0) {
			return nil, fmt.Errorf("interaction %d has weight %v: it must be a finite number above 0", i, w)
		}
	}
	slices.SortFunc(list, func(a, b Event) int {
		return cmp.Or(cmp.Compare(a.User, b.User), cmp.Compare(a.Item, b.Item), cmp.Compare(a.Day, b.Day), cmp.Compare(a.Weight, b.Weight))
	})
	e := &Events{Users: users, Items: items, Indptr: make([]int64, users+1),
		Item: make([]int32, len(list)), Day: make([]int32, len(list)), Weight: make([]float32, len(list))}
	for i, x := range list {
		e.Item[i], e.Day[i], e.Weight[i] = x.Item, x.Day, x.Weight
		e.Indptr[x.User+1]++
	}
	for u := range users {
		e.Indptr[u+1] += e.Indptr[u]
	}
	return e, nil
}

// Len returns the number of interactions.
func (e *Events) Len() int { return len(e.Item) }

// History returns what user u did; it aliases e.
func (e *Events) History(u int) History {
	lo, hi := e.Indptr[u], e.Indptr[u+1]
	return History{Item: e.Item[lo:hi], Day: e.Day[lo:hi], Weight: e.Weight[lo:hi]}
}

// Between returns the interactions with from ≤ day < to, over the same users and items.
func (e *Events) Between(from, to int32) *Events {
	out := &Events{Users: e.Users, Items: e.Items, Indptr: make([]int64, e.Users+1)}
	for u := range e.Users {
		h := e.History(u)
		for i, d := range h.Day {
			if from <= d && d < to {
				out.Item = append(out.Item, h.Item[i])
				out.Day = append(out.Day, d)
				out.Weight = append(out.Weight, h.Weight[i])
			}
		}
		out.Indptr[u+1] = int64(len(out.Item))
	}
	return out
}

// Before returns the interactions with day < to.
func (e *Events) Before(to int32) *Events { return e.Between(math.MinInt32, to) }

// CSR sums the weights of each user and item over days: Users × Items.
func (e *Events) CSR() *CSR {
	m := &CSR{Rows: e.Users, Cols: e.Items, Indptr: make([]int64, e.Users+1)}
	for u := range e.Users {
		cols, vals := e.History(u).Sum()
		m.Indices = append(m.Indices, cols...)
		m.Values = append(m.Values, vals...)
		m.Indptr[u+1] = int64(len(m.Indices))
	}
	return m
}

// Sum returns the distinct items of the history, ascending, and their summed weights.
func (h History) Sum() (items []int32, weights []float32) {
	for i, it := range h.Item {
		if n := len(items); n > 0 && items[n-1] == it {
			weights[n-1] += h.Weight[i]
			continue
		}
		items = append(items, it)
		weights = append(weights, h.Weight[i])
	}
	return items, weights
}

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
		if err := checkEvent(users, items, e); err != nil {
			return nil, fmt.Errorf("interaction %d %w", i, err)
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
	e.accumulate()
	return e, nil
}

// NewEventsFromColumns takes interactions that are sorted by user, item and day
// already, each at most once, as equally long columns, and keeps item, day and
// weight. An error names the first row out of order or out of range.
func NewEventsFromColumns(users, items int, user, item, day []int32, weight []float32) (*Events, error) {
	n := len(user)
	if len(item) != n || len(day) != n || len(weight) != n {
		return nil, fmt.Errorf("interactions have %d users, %d items, %d days and %d weights", n, len(item), len(day), len(weight))
	}
	e := &Events{Users: users, Items: items, Indptr: make([]int64, users+1), Item: item, Day: day, Weight: weight}
	for i, u := range user {
		if err := checkEvent(users, items, Event{u, item[i], day[i], weight[i]}); err != nil {
			return nil, fmt.Errorf("interaction %d %w", i, err)
		}
		if i > 0 && !before(user[i-1], item[i-1], day[i-1], u, item[i], day[i]) {
			return nil, fmt.Errorf("interaction %d does not come after the one before it by user, item and day", i)
		}
		e.Indptr[u+1]++
	}
	e.accumulate()
	return e, nil
}

func before(user, item, day, user2, item2, day2 int32) bool {
	return user < user2 || user == user2 && (item < item2 || item == item2 && day < day2)
}

func checkEvent(users, items int, e Event) error {
	if e.User < 0 || int(e.User) >= users || e.Item < 0 || int(e.Item) >= items {
		return fmt.Errorf("names user %d and item %d of %d users and %d items", e.User, e.Item, users, items)
	}
	if w := float64(e.Weight); !(w > 0) || math.IsInf(w, 0) {
		return fmt.Errorf("has weight %v: it must be a finite number above 0", e.Weight)
	}
	return nil
}

// accumulate turns counts in Indptr[1:] into positions.
func (e *Events) accumulate() {
	for u := range e.Users {
		e.Indptr[u+1] += e.Indptr[u]
	}
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

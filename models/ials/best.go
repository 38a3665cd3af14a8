package ials

import (
	"fmt"
	"math"

	"regulars/models/internal/kernel"
)

// Scored is an item with the inner product of its factors and a customer's.
type Scored struct {
	Item  int32
	Score float32
}

// before orders as lists do: the higher score first, of equals the lower number.
func (s Scored) before(o Scored) bool {
	return s.Score > o.Score || s.Score == o.Score && s.Item < o.Item
}

// Best appends to into the k items with the highest scores above 0 for the
// customer with these factors (User makes them), best first. may says which items
// count: it is asked only of those that would be among the best so far, on this
// goroutine. Cost: at most items·d, and as many bytes of factors read, less what
// the lengths of factors rule out: see search.
func (m *Model) Best(user []float32, k int, may func(item int32) bool, into []Scored) ([]Scored, error) {
	if d := m.Options.Factors; len(user) != d {
		return into, fmt.Errorf("ials: %d factors of a customer, there are %d", len(user), d)
	}
	if k <= 0 {
		return into, nil
	}
	length := math.Sqrt(float64(kernel.Dot(user, user))) * roundingRoom
	s := search{m: m, user: user, length: float32(length), k: k, may: may, list: into, from: len(into)}
	s.run()
	return inOrder(s.list, s.from), nil
}

// search looks for the best. No item scores more than the product of the lengths
// of its factors and the user's (Cauchy–Schwarz), so one that could not come in is
// passed over without its factors being read. The longest come first, from
// wherever they lie, as they raise what it takes to come in; the rest as it lies in
// memory, which is read ten times as fast in order as at random.
type search struct {
	m      *Model
	user   []float32
	length float32 // of the user's factors, with room for rounding
	k      int
	may    func(item int32) bool
	list   []Scored // from from on a heap, the worst of the best on top
	from   int
	least  float32 // without which no item comes in
}

func (s *search) run() {
	for _, item := range s.m.longest {
		s.offer(Scored{item, kernel.Dot(s.user, s.m.row(int(item)))})
	}
	if len(s.m.longest) == 0 {
		return
	}
	last := s.m.longest[len(s.m.longest)-1]
	shortest, d := s.m.norms[last], len(s.user)
	for item, norm := range s.m.norms {
		came := norm > shortest || norm == shortest && int32(item) <= last
		if came || norm*s.length < s.least || norm == 0 {
			continue
		}
		// Nearly all end here.
		if score := kernel.Dot(s.user, s.m.Factors[item*d:item*d+d]); score >= s.least {
			s.offer(Scored{int32(item), score})
		}
	}
}

// offer takes an item in if it is among the best so far.
func (s *search) offer(x Scored) {
	best := s.list[s.from:]
	full := len(best) == s.k
	if !(x.Score > 0) || full && !x.before(best[0]) || !s.may(x.Item) {
		return
	}
	if full {
		best[0] = x
		sink(best)
	} else {
		s.list = append(s.list, x)
		best = s.list[s.from:]
		rise(best)
	}
	if len(best) == s.k {
		s.least = best[0].Score
	}
}

// roundingRoom covers what rounding may add to an inner product of up to 512 float32.
const roundingRoom = 1 + 1e-4

// rise and sink keep the worst of the best on top of a heap.
func rise(h []Scored) {
	for i := len(h) - 1; i > 0; {
		up := (i - 1) / 2
		if !h[up].before(h[i]) {
			return
		}
		h[up], h[i] = h[i], h[up]
		i = up
	}
}

func sink(h []Scored) {
	for i := 0; ; {
		down := 2*i + 1
		if down >= len(h) {
			return
		}
		if down+1 < len(h) && h[down].before(h[down+1]) {
			down++
		}
		if !h[i].before(h[down]) {
			return
		}
		h[i], h[down] = h[down], h[i]
		i = down
	}
}

// inOrder sorts the heap that begins at from, best first.
func inOrder(list []Scored, from int) []Scored {
	for h := list[from:]; len(h) > 1; h = h[:len(h)-1] {
		last := len(h) - 1
		h[0], h[last] = h[last], h[0]
		sink(h[:last])
	}
	return list
}

// Nearest returns the one of some items whose factors point most in the direction
// of those of item, the first of equals; false where none does at all, as where
// nothing is known of it.
func (m *Model) Nearest(item int32, among []int32) (nearest int32, ok bool) {
	own := m.row(int(item))
	if m.norms[item] == 0 {
		return 0, false
	}
	most := 0.0
	for _, other := range among {
		if m.norms[other] == 0 {
			continue
		}
		if cosine := float64(kernel.Dot(own, m.row(int(other)))) / float64(m.norms[other]); cosine > most {
			nearest, most, ok = other, cosine, true
		}
	}
	return nearest, ok
}

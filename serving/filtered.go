package serving

import (
	"container/list"
	"sync"
	"sync/atomic"
	"time"

	"regulars/models/snapshot"
	"regulars/serving/filter"
)

// keptFilters is how many filters a snapshot keeps compiled, with what they said
// of its items: 2 bits an item each.
const keptFilters = 128

// filters are the filters that were asked of one snapshot lately. The zero value
// is ready for use.
type filters struct {
	mu       sync.Mutex
	schema   *filter.Schema
	order    list.List // of *compiled, used last first
	bySource map[string]*list.Element
}

// compiled is a filter in the parts that are asked at different times: of items
// once a snapshot, of the customer once a request, and of both.
type compiled struct {
	source           string
	item, user, rest *filter.Filter
	asked, passed    []uint64 // what item said, a bit an item
	err              error    // why there is no such filter; the rest is empty then
}

// filter compiles a filter for the items of a view; "" is none. Errors are
// *filter.Error.
func (v *view) filter(source string) (*compiled, error) {
	if source == "" {
		return nil, nil
	}
	fs := &v.filters
	fs.mu.Lock()
	defer fs.mu.Unlock()
	if e, ok := fs.bySource[source]; ok {
		fs.order.MoveToFront(e)
		c := e.Value.(*compiled)
		if c.err != nil {
			return nil, c.err
		}
		return c, nil
	}
	if fs.schema == nil {
		schema, err := filter.Of(v.snap.Info())
		if err != nil {
			return nil, err
		}
		fs.schema, fs.bySource = schema, map[string]*list.Element{}
	}
	f, err := filter.Compile(source, fs.schema)
	if err != nil {
		fs.keep(&compiled{source: source, err: err})
		return nil, err
	}
	words := (v.snap.Items() + 63) / 64
	c := &compiled{source: source, item: f.ItemOnly(), user: f.UserOnly(), rest: f.Rest(), asked: make([]uint64, words), passed: make([]uint64, words)}
	fs.keep(c)
	return c, nil
}

func (fs *filters) keep(c *compiled) {
	fs.bySource[c.source] = fs.order.PushFront(c)
	if fs.order.Len() > keptFilters {
		oldest := fs.order.Remove(fs.order.Back()).(*compiled)
		delete(fs.bySource, oldest.source)
	}
}

// pass reports whether an item passes the parts about items. What was told of
// an item since the snapshot is asked anew.
func (c *compiled) pass(item int32, told bool, rows *filter.Rows) bool {
	return (c.item.Empty() || c.itemPasses(item, told, rows)) && (c.rest.Empty() || c.rest.Match(rows))
}

// said is what the filter said of an item before, if that is all it asks.
func (c *compiled) said(item int32) (passed, known bool) {
	if c.item.Empty() && c.rest.Empty() {
		return true, true
	}
	word, bit := item/64, uint64(1)<<(item%64)
	if !c.rest.Empty() || atomic.LoadUint64(&c.asked[word])&bit == 0 {
		return false, false
	}
	return atomic.LoadUint64(&c.passed[word])&bit != 0, true
}

func (c *compiled) itemPasses(item int32, told bool, rows *filter.Rows) bool {
	if told {
		return c.item.Match(rows)
	}
	word, bit := item/64, uint64(1)<<(item%64)
	if atomic.LoadUint64(&c.asked[word])&bit != 0 {
		return atomic.LoadUint64(&c.passed[word])&bit != 0
	}
	passed := c.item.Match(rows)
	if passed {
		atomic.OrUint64(&c.passed[word], bit)
	}
	atomic.OrUint64(&c.asked[word], bit)
	return passed
}

// sieve is what one list asks of filters: those that every item has to pass.
type sieve struct {
	all    []*compiled
	closed bool // the customer passes none
	item   filter.ItemRow
	rows   filter.Rows
}

// about sets whom filters are asked about; nil = nobody known.
func (s *sieve) about(v *view, u *snapshot.User, live Live, now time.Time) {
	s.rows = filter.Rows{Item: &s.item}
	if u == nil {
		return
	}
	s.rows.User = &filter.UserRow{ID: u.ID, Profile: u.Profile}
	s.rows.Score = v.scoreRow(u, live, now)
}

// scoreRow is the scores of a customer for filters.
func (v *view) scoreRow(u *snapshot.User, live Live, now time.Time) *filter.ScoreRow {
	next := sync.OnceValue(func() (out NextOrder) {
		if u.Scores == nil {
			return out
		}
		if n := nextOrderOf(v.snap.Info(), v.asOf, u.Scores, now); n != nil && !orderedSince(live, v.snap, u.ID, u.Aliases, v.asOf) {
			out = *n
		}
		return out
	})
	return &filter.ScoreRow{Scores: u.Scores, NextOrder: func() (date, low, high time.Time) {
		n := next()
		return n.Date, n.Low, n.High
	}}
}

// add asks a further filter.
func (s *sieve) add(c *compiled) {
	if c == nil {
		return
	}
	s.all = append(s.all, c)
	s.closed = s.closed || !c.user.Empty() && !c.user.Match(&s.rows)
}

// pass reports whether an item passes all filters.
func (s *sieve) pass(number int32, it *snapshot.Item, told bool) bool {
	if s.closed {
		return false
	}
	if len(s.all) == 0 {
		return true
	}
	read := false
	for _, c := range s.all {
		if passed, known := c.said(number); known && !told {
			if !passed {
				return false
			}
			continue
		}
		if !read {
			s.item.Item, read = *it, true
		}
		if !c.pass(number, told, &s.rows) {
			return false
		}
	}
	return true
}

// matches asks one filter about an item, and about the customer.
func (s *sieve) matches(c *compiled, number int32, it *snapshot.Item, told bool) bool {
	s.item.Item = *it
	return c.pass(number, told, &s.rows) && (c.user.Empty() || c.user.Match(&s.rows))
}

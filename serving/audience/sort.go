package audience

import (
	"bytes"
	"container/heap"
	"context"
	"encoding/binary"
	"math"
	"slices"
	"strings"

	"regulars/serving/filter"
)

// A sortKey is one of the fields that customers are ordered by.
type sortKey struct {
	set     filter.Set
	field   int
	kind    filter.Kind
	falling bool
}

func sortKeys(names []string, schema *filter.Schema) ([]sortKey, error) {
	var out []sortKey
	for _, name := range names {
		path, falling := strings.CutPrefix(name, "-")
		set, i, ok := lookup(schema, path)
		if !ok {
			return nil, wrong("sort", "there is no field %q to sort by: scores and the columns of the profile are possible, such as -score.value_at_risk", path)
		}
		out = append(out, sortKey{set, i, schema.Fields(set)[i].Kind, falling})
	}
	return out, nil
}

// An entry is a customer's place in the order: its bytes sort as the customers
// do, and end in the id, which begins at id.
type entry struct {
	key []byte
	id  int
}

func (e entry) userID() string { return string(e.key[e.id:]) }

// entry returns the place of a customer. A value is a byte that puts what is not
// known last, and bytes in its order, turned over where it falls.
func (p *plan) entry(c *customer) entry {
	var b []byte
	for _, k := range p.sort {
		row := c.rows.User
		if k.set == filter.Score {
			row = c.rows.Score
		}
		cell := cellOf(row, k.field, k.kind)
		if !cell.Known {
			b = append(b, 1)
			continue
		}
		b = append(b, 0)
		from := len(b)
		b = appendOrdered(b, cell, k.kind)
		if k.falling {
			for i := from; i < len(b); i++ {
				b[i] = ^b[i]
			}
		}
	}
	return entry{append(b, c.user.ID...), len(b)}
}

func appendOrdered(b []byte, cell Cell, kind filter.Kind) []byte {
	switch kind {
	case filter.Number, filter.Date:
		return binary.BigEndian.AppendUint64(b, orderedBits(cell.Num))
	case filter.Bool:
		if cell.Yes {
			return append(b, 1)
		}
		return append(b, 0)
	}
	for _, x := range []byte(cell.Text) { // 0 ends it, so that one within is written otherwise
		if b = append(b, x); x == 0 {
			b = append(b, 0xff)
		}
	}
	return append(b, 0, 0)
}

// orderedBits are bits that, as a whole number, are in the order of the numbers.
func orderedBits(x float64) uint64 {
	bits := math.Float64bits(x + 0) // one zero only
	if bits>>63 != 0 {
		return ^bits
	}
	return bits | 1<<63
}

// sorted visits the ids of the members in their order, limit of them at most.
func (p *plan) sorted(ctx context.Context, room sorting, visit func(id string) error) error {
	if limit := p.spec.Limit; limit > 0 && limit <= room.rows {
		return p.best(ctx, limit, visit)
	}
	s := newSorter(room)
	defer s.close()
	err := p.each(ctx, func(c *customer) error { return s.add(p.entry(c)) })
	if err != nil {
		return err
	}
	n := 0
	err = s.each(func(e entry) error {
		if err := ctx.Err(); err != nil {
			return err
		}
		if n++; p.spec.Limit > 0 && n > p.spec.Limit {
			return errEnough
		}
		return visit(e.userID())
	})
	return notEnough(err)
}

// best keeps the first of the order in a heap.
func (p *plan) best(ctx context.Context, limit int, visit func(id string) error) error {
	h := &entries{}
	err := p.each(ctx, func(c *customer) error {
		switch e := p.entry(c); {
		case h.Len() < limit:
			heap.Push(h, e)
		case bytes.Compare(e.key, (*h)[0].key) < 0:
			(*h)[0] = e
			heap.Fix(h, 0)
		}
		return nil
	})
	if err != nil {
		return err
	}
	slices.SortFunc(*h, compare)
	for _, e := range *h {
		if err := visit(e.userID()); err != nil {
			return err
		}
	}
	return nil
}

func compare(a, b entry) int { return bytes.Compare(a.key, b.key) }

// entries is a heap whose first is the last of the order.
type entries []entry

func (h entries) Len() int           { return len(h) }
func (h entries) Less(i, j int) bool { return compare(h[i], h[j]) > 0 }
func (h entries) Swap(i, j int)      { h[i], h[j] = h[j], h[i] }
func (h *entries) Push(e any)        { *h = append(*h, e.(entry)) }
func (h *entries) Pop() any {
	last := (*h)[len(*h)-1]
	*h = (*h)[:len(*h)-1]
	return last
}

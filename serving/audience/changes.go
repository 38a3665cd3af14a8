package audience

import (
	"context"
	"iter"
	"slices"
	"strings"
)

// What can have happened to a customer since the older snapshot.
const (
	entered = "entered"
	left    = "left"
	changed = "changed"
)

// A change is a row of what changed: the cells of Export.columns.
type change struct {
	kind  string
	cells []Cell
}

// changes walks both snapshots by ascending id and visits who entered, who left
// and whose columns changed. Of those who left only the ids are told.
func (x *Export) changes(ctx context.Context, visit func(change) error) error {
	now, stopNow, err := x.now.members(ctx, x.room)
	if err != nil {
		return err
	}
	defer stopNow()
	old, stopOld, err := x.old.members(ctx, x.room)
	if err != nil {
		return err
	}
	defer stopOld()
	d := newDelta(x)
	a, err, more := now()
	b, err2, moreOld := old()
	for (more || moreOld) && err == nil && err2 == nil {
		order := sides(a, b, more, moreOld)
		if c, ok := d.compare(a, b, order); ok {
			if err := visit(c); err != nil {
				return err
			}
		}
		if order <= 0 {
			a, err, more = now()
		}
		if order >= 0 {
			b, err2, moreOld = old()
		}
	}
	if err == nil {
		err = err2
	}
	return err
}

// sides says whose turn it is: below 0 who is only in the newer snapshot, above
// 0 who is only in the older.
func sides(a, b *customer, more, moreOld bool) int {
	switch {
	case !moreOld:
		return -1
	case !more:
		return 1
	}
	return strings.Compare(a.user.ID, b.user.ID)
}

// A delta compares members.
type delta struct {
	x        *Export
	same     []int  // for each column, its place in the older snapshot; -1 = not there
	compared []bool // whether a column can make a change: the day always does
	now, old []Cell
	out      []Cell
}

func newDelta(x *Export) *delta {
	d := &delta{x: x}
	for _, c := range x.now.columns {
		d.same = append(d.same, slices.Index(x.old.columns, c))
		d.compared = append(d.compared, c.Name != columnAsOf)
	}
	return d
}

// compare returns the change of one who is in both or, by order, in one only.
func (d *delta) compare(a, b *customer, order int) (change, bool) {
	d.now = d.now[:0]
	if order > 0 {
		if d.x.now.live.Erased(b.user.ID) {
			return change{}, false
		}
		d.old = d.x.old.cells(b, d.old[:0])
		for i := range d.x.now.columns {
			d.now = append(d.now, d.onlyID(i))
		}
		return d.row(left), true
	}
	d.now = d.x.now.cells(a, d.now)
	if order < 0 {
		return d.row(entered), true
	}
	d.old = d.x.old.cells(b, d.old[:0])
	for i, cell := range d.now {
		if d.compared[i] && cell != d.was(i) {
			return d.row(changed), true
		}
	}
	return change{}, false
}

func (d *delta) was(i int) Cell {
	if d.same[i] < 0 {
		return Cell{}
	}
	return d.old[d.same[i]]
}

// onlyID keeps of one who left what they are known by: the id and the aliases
// that stand behind it.
func (d *delta) onlyID(i int) Cell {
	if i > len(d.x.now.spec.IDs) {
		return Cell{}
	}
	return d.was(i)
}

// row puts what happened behind the id.
func (d *delta) row(kind string) change {
	d.out = append(append(d.out[:0], d.now[0], textCell(kind)), d.now[1:]...)
	return change{kind, d.out}
}

// members walks the members by ascending id, those within the limit. The
// customer is the same one every time.
func (p *plan) members(ctx context.Context, room sorting) (next func() (*customer, error, bool), stop func(), err error) {
	within, err := p.within(ctx, room)
	if err != nil {
		return nil, nil, err
	}
	next, stop = iter.Pull2(func(yield func(*customer, error) bool) {
		err := p.each(ctx, func(c *customer) error {
			if within != nil && !within[c.user.ID] {
				return nil
			}
			if !yield(c, nil) {
				return errEnough
			}
			return nil
		})
		if notEnough(err) != nil {
			yield(nil, err)
		}
	})
	return next, stop, nil
}

// within is who is within the limit; nil = everybody.
func (p *plan) within(ctx context.Context, room sorting) (map[string]bool, error) {
	if p.spec.Limit == 0 {
		return nil, nil
	}
	ids := map[string]bool{}
	err := p.sorted(ctx, room, func(id string) error {
		ids[id] = true
		return nil
	})
	return ids, err
}

package audience

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"time"

	"regulars/serving"
	"regulars/serving/filter"
)

// Options of an Engine.
type Options struct {
	Store *serving.Store  // required
	Live  Live            // nil: nothing is known beyond the snapshot
	Named map[string]Spec // audiences that may be asked for by name
	// TempDir is where a sort goes that does not fit into memory; it is made when
	// it is needed.
	TempDir string
}

// Engine answers who is in an audience. It is safe for concurrent use.
type Engine struct {
	opts    Options
	filters *filter.Cache
	room    sorting
}

// Sizes of what an Engine keeps in memory.
const (
	keptFilters = 256
	sortRows    = 100_000 // of one sort
	sortBytes   = 64 << 20
)

// New returns an engine.
func New(o Options) *Engine {
	if o.Live == nil {
		o.Live = nothing{}
	}
	return &Engine{opts: o, filters: filter.NewCache(keptFilters), room: sorting{dir: o.TempDir, rows: sortRows, bytes: sortBytes}}
}

// Names returns the names of the audiences that have one, in order.
func (e *Engine) Names() []string { return slices.Sorted(maps.Keys(e.opts.Named)) }

// Named returns the audience of that name.
func (e *Engine) Named(name string) (Spec, bool) {
	s, ok := e.opts.Named[name]
	return s, ok
}

// OlderError says why the snapshot that changes are asked since cannot be used.
type OlderError struct {
	Version string
	Err     error
}

func (e *OlderError) Error() string {
	return fmt.Sprintf("changes since snapshot %q: %v", e.Version, e.Err)
}

// Unwrap returns why; it wraps serving.ErrNoVersion where the snapshot is gone.
func (e *OlderError) Unwrap() error { return e.Err }

// Open makes an audience out for the snapshot that is served; the caller closes
// it. With since, the version of an older snapshot, it is what changed in
// between. Errors are *SpecError, *OlderError, or those of serving.Store.Hold.
func (e *Engine) Open(spec Spec, since string) (*Export, error) {
	held, err := e.opts.Store.Hold()
	if err != nil {
		return nil, err
	}
	x := &Export{room: e.room, held: []*serving.Held{held}}
	if x.now, err = newPlan(spec, held, e.opts.Live, e.filters); err == nil && since != "" {
		err = e.openOlder(x, spec, since)
	}
	if err != nil {
		x.Close()
		return nil, err
	}
	x.columns = x.now.columns
	if since != "" {
		x.columns = slices.Insert(slices.Clone(x.columns), 1, Column{columnChange, filter.String, "变化"})
	}
	return x, nil
}

func (e *Engine) openOlder(x *Export, spec Spec, since string) error {
	if spec.Limit > e.room.rows {
		return wrong("limit", "it is %d, and changes are told of at most %d: leave it out to have all", spec.Limit, e.room.rows)
	}
	old, err := e.opts.Store.HoldVersion(since, x.held[0])
	if err != nil {
		return &OlderError{since, err}
	}
	x.held = append(x.held, old)
	// Who was in it then is told by what was known then.
	if x.old, err = newPlan(spec, old, nothing{}, e.filters); err != nil {
		return &OlderError{since, err}
	}
	return nil
}

// Export is an audience that is ready to be counted or written.
type Export struct {
	now, old *plan // old is nil unless changes are asked for
	room     sorting
	held     []*serving.Held
	columns  []Column
}

// Close lets the snapshots go.
func (x *Export) Close() {
	for _, h := range x.held {
		h.Release()
	}
}

// Snapshot returns the version that the audience is of.
func (x *Export) Snapshot() string { return x.now.held.Info().Version }

// AsOf returns the instant that it is of.
func (x *Export) AsOf() time.Time { return x.now.held.AsOf }

// ModelVersion returns the version of the model behind the churn probabilities.
func (x *Export) ModelVersion() string {
	info := x.now.held.Info()
	return info.ModelVersion(info.Propensity)
}

// Counts is how many rows an export has.
type Counts struct {
	Rows                   int
	Entered, Left, Changed int // of them; all 0 unless changes are asked for
}

// Count counts the rows without writing them.
func (x *Export) Count(ctx context.Context) (n Counts, err error) {
	if x.old != nil {
		err = x.changes(ctx, func(c change) error { n.add(c.kind); return nil })
		return n, err
	}
	err = x.now.each(ctx, func(*customer) error {
		if n.Rows++; n.Rows == x.now.spec.Limit {
			return errEnough
		}
		return nil
	})
	return n, notEnough(err)
}

func (n *Counts) add(kind string) {
	n.Rows++
	switch kind {
	case entered:
		n.Entered++
	case left:
		n.Left++
	default:
		n.Changed++
	}
}

// chunk is how much is written at once.
const chunk = 64 << 10

// Write writes the audience. An error may come after part of it was written,
// which must then not be taken for the whole.
func (x *Export) Write(ctx context.Context, w io.Writer, format Format) (Counts, error) {
	var n Counts
	buffered := bufio.NewWriterSize(w, chunk)
	rows, err := newRowWriter(buffered, format, x.columns, x.now.spec.Lang)
	if err != nil {
		return n, err
	}
	if x.old != nil {
		err = x.changes(ctx, func(c change) error { n.add(c.kind); return rows.row(c.cells) })
	} else {
		err = x.rows(ctx, func(cells []Cell) error { n.Rows++; return rows.row(cells) })
	}
	if err == nil {
		err = rows.close()
	}
	if err == nil {
		err = buffered.Flush()
	}
	return n, err
}

// rows visits the members in the order asked for.
func (x *Export) rows(ctx context.Context, visit func([]Cell) error) error {
	p, cells, n := x.now, []Cell(nil), 0
	if len(p.sort) == 0 {
		err := p.each(ctx, func(c *customer) error {
			cells = p.cells(c, cells[:0])
			if err := visit(cells); err != nil {
				return err
			}
			if n++; n == p.spec.Limit {
				return errEnough
			}
			return nil
		})
		return notEnough(err)
	}
	c := newCustomer(p.held)
	return p.sorted(ctx, x.room, func(id string) error {
		err := errors.Join(ctx.Err(), p.read(c, id))
		if err != nil {
			return err
		}
		cells = p.cells(c, cells[:0])
		return visit(cells)
	})
}

package serving

import (
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"regulars/models/snapshot"
)

// A view is one open snapshot with what serving derives from it. It is closed
// by whoever releases it last.
type view struct {
	snap *snapshot.Snapshot
	asOf time.Time
	// since is from when on what was bought may not be known to the snapshot. It is as_of,
	// but for a snapshot that was made before: by default as_of is the day after the last
	// order, which may be of today.
	since time.Time
	refs  atomic.Int64

	// filler is the whole catalogue, best sellers first: what any list is filled up
	// from. What is out of stock is in it, as it may come back any moment.
	filler  []snapshot.Candidate
	sellers int                             // how many of the filler are popular
	why     func(snapshot.Candidate) Reason // of what brings its reason along
	names   []string                        // of strategies, by number
	rest    uint8                           // the number of Catalogue
	optOut  int                             // the number of the field of a profile that says who refuses; −1 = none
	marks   sync.Pool

	hot       hot
	damaged   atomic.Bool // it is known to be
	onDamaged func(error) // told of every record that proves damaged; does not wait
	filters   filters
	folding   *folding // nil = there are no factors
}

// Strategies that serving itself adds to those of the snapshot.
const (
	Popular   = "popular"   // best sellers
	Catalogue = "catalogue" // in stock, nothing known of its sales
)

func openView(dir string) (*view, error) {
	snap, err := snapshot.Open(dir)
	if err != nil {
		return nil, err
	}
	v := &view{snap: snap, onDamaged: func(error) {}}
	v.refs.Store(1)
	v.asOf, err = time.Parse(time.RFC3339, snap.Info().AsOf)
	if err != nil {
		v.release()
		return nil, err
	}
	v.since = v.asOf
	if at, ok := begun(snap.Info()); ok && at.Add(longestRun).Before(v.asOf) {
		v.since = at
	}
	v.names = snap.Info().Strategies
	v.optOut = slices.IndexFunc(snap.Info().UserFields, func(f snapshot.Field) bool { return f.Name == fieldOptOut })
	v.marks.New = func() any { return &marks{bits: make([]uint64, (snap.Items()+63)/64)} }
	v.why = v.reason
	v.warm()
	v.fillFiller()
	if err := v.fold(); err != nil {
		v.release()
		return nil, err
	}
	return v, nil
}

// fillFiller lists the popular items and behind them, by catalogue number, the
// rest of the catalogue.
func (v *view) fillFiller() {
	popular, rest := v.strategy(Popular), v.strategy(Catalogue)
	v.rest = rest
	seen := v.mark()
	defer v.unmark(seen)
	for _, c := range v.snap.Popular() {
		if seen.add(c.Item) {
			v.filler = append(v.filler, snapshot.Candidate{Item: c.Item, Score: c.Score, Strategy: popular})
		}
	}
	v.sellers = len(v.filler)
	score := float32(0) // of the rest, which must not rise above the popular ones
	if n := len(v.filler); n > 0 {
		score = min(score, v.filler[n-1].Score)
	}
	for i := range int32(v.snap.Items()) {
		if seen.add(i) {
			v.filler = append(v.filler, snapshot.Candidate{Item: i, Score: score, Strategy: rest})
		}
	}
}

// strategy returns the number of the named strategy, adding it if need be.
func (v *view) strategy(name string) uint8 {
	if i := slices.Index(v.names, name); i >= 0 {
		return uint8(i)
	}
	v.names = append(slices.Clone(v.names), name)
	return uint8(len(v.names) - 1)
}

// excuse takes a damaged record for one that is not there, and has the store told:
// a list is then filled with what is popular rather than made of wrong bytes, or
// not at all.
func (v *view) excuse(err error) error {
	if errors.Is(err, snapshot.ErrDamaged) {
		v.onDamaged(err)
		return nil
	}
	return err
}

// refused is the snapshot's word on whether a customer refuses personalisation.
func (v *view) refused(c *snapshot.Customer) (bool, error) {
	if v.optOut < 0 {
		return false, nil
	}
	value, err := c.Value(v.optOut)
	return value.Bool(), err
}

func (v *view) retain() bool {
	for {
		n := v.refs.Load()
		if n == 0 {
			return false
		}
		if v.refs.CompareAndSwap(n, n+1) {
			return true
		}
	}
}

func (v *view) release() {
	if v.refs.Add(-1) == 0 {
		// Closing a read-only map has no error that anybody could act upon.
		_ = v.snap.Close()
	}
}

// marks is a set of items that empties in the time it took to fill.
type marks struct {
	bits []uint64
	set  []int32
}

func (v *view) mark() *marks { return v.marks.Get().(*marks) }

func (v *view) unmark(m *marks) {
	for _, i := range m.set {
		m.bits[i/64] = 0
	}
	m.set = m.set[:0]
	v.marks.Put(m)
}

// add returns false when the item was in the set already.
func (m *marks) add(i int32) bool {
	bit := uint64(1) << (i % 64)
	if m.bits[i/64]&bit != 0 {
		return false
	}
	m.bits[i/64] |= bit
	m.set = append(m.set, i)
	return true
}

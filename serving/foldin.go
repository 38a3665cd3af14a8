package serving

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"

	"regulars/features/matrix"
	"regulars/models"
	"regulars/models/ials"
	"regulars/models/snapshot"
)

// Folded is the strategy of what the factors of the whole catalogue say of somebody
// at the moment they ask.
const Folded = "ials"

// scoredMost is how many items live scoring adds to those that a list needs: rules
// of a placement may want none of the first.
const scoredMost = 100

// boughtWeighs is what an item bought before the snapshot counts where one bought
// now counts 1: the snapshot does not say when it was.
const boughtWeighs = 0.1

// folding scores the catalogue of one snapshot by the factors of its items.
type folding struct {
	model    *ials.Model
	strategy uint8
	wishes   sync.Pool // of *wish
}

// fold makes the folding of a view; nil where the snapshot has no factors.
func (v *view) fold() error {
	f, ok := v.snap.Factors()
	if !ok {
		return nil
	}
	var o ials.Options
	if err := json.Unmarshal(f.Options, &o); err != nil {
		return fmt.Errorf("options of the factors of %q: %w: %w", f.Role, err, snapshot.ErrDamaged)
	}
	if o.Factors != f.Width {
		return fmt.Errorf("the factors of %q are %d an item, its options say %d: %w", f.Role, f.Width, o.Factors, snapshot.ErrDamaged)
	}
	if len(f.Values) == 0 {
		return nil
	}
	model, err := ials.New(o, f.Values)
	if err != nil {
		return fmt.Errorf("factors of %q: %w", f.Role, err)
	}
	v.folding = v.newFolding(model)
	return nil
}

func (v *view) newFolding(m *ials.Model) *folding {
	f := &folding{model: m, strategy: v.strategy(Folded)}
	f.wishes.New = func() any { return &wish{user: make([]float32, m.Options.Factors)} }
	return f
}

// turns lets as many requests score the catalogue at once as there are cores:
// more would only wait for each other, and one that does without is never late.
type turns struct {
	free    chan struct{}
	taken   atomic.Int64
	skipped atomic.Int64
}

func newTurns() *turns { return &turns{free: make(chan struct{}, runtime.GOMAXPROCS(0))} }

// take reports whether there is a turn, which is then to be given back.
func (t *turns) take() bool {
	select {
	case t.free <- struct{}{}:
		t.taken.Add(1)
		return true
	default:
		t.skipped.Add(1)
		return false
	}
}

func (t *turns) giveBack() { <-t.free }

// wish is what somebody is folded in from, and scratch for it.
type wish struct {
	parts []part
	items []int32 // of parts, ascending
	days  []int32
	whys  []float32
	user  []float32
	best  []ials.Scored
}

// part is one item of a wish.
type part struct {
	item   int32
	weight float32
	days   int32 // ago
	kind   string
}

func (w *wish) add(p part) { w.parts = append(w.parts, p) }

// history is the wish as a model takes it, up to day 0.
func (w *wish) history() matrix.History {
	slices.SortFunc(w.parts, func(a, b part) int {
		return cmp.Or(cmp.Compare(a.item, b.item), cmp.Compare(b.days, a.days), cmp.Compare(a.kind, b.kind))
	})
	w.items, w.days, w.whys = w.items[:0], w.days[:0], w.whys[:0]
	for _, p := range w.parts {
		w.items, w.days, w.whys = append(w.items, p.item), append(w.days, -p.days), append(w.whys, p.weight)
	}
	return matrix.History{Item: w.items, Day: w.days, Weight: w.whys}
}

// wish makes w what is known of somebody: the items of a basket, what they bought
// and what they looked at.
func (m *making) wish(w *wish, basket []int32, who subject) error {
	w.parts = w.parts[:0]
	for _, item := range basket {
		w.add(part{item, 1, 1, KindBasket})
	}
	for item, at := range who.bought {
		w.add(part{item, 1, 1 + int32(max(m.now.Sub(at).Hours()/24, 0)), KindBought})
	}
	for _, seen := range who.viewed {
		w.add(part{seen.item, float32(seen.weight), 1, KindViewed})
	}
	u, err := m.v.person(who.customer)
	if u == nil || err != nil {
		return err
	}
	for _, item := range u.Bought {
		w.add(part{item, boughtWeighs, 1, KindBought})
	}
	return nil
}

// free reports whether an item may be listed and is not yet.
func (m *making) free(item int32) bool {
	return !m.taken.has(item) && m.may(snapshot.Candidate{Item: item})
}

// score lists the k items of the highest scores, of those that may be; nothing
// where nothing is known of the items of the wish, or all turns are taken. The list
// is good until the wish is put back.
func (m *making) score(w *wish, k int, may func(item int32) bool) ([]ials.Scored, error) {
	f := m.v.folding
	if !m.turns.take() {
		return nil, nil
	}
	defer m.turns.giveBack()
	if err := f.model.User(w.history(), 0, w.user); err != nil {
		if errors.Is(err, models.ErrUnknown) {
			return nil, nil
		}
		return nil, err
	}
	var err error
	w.best, err = f.model.Best(w.user, k, may, w.best[:0])
	return w.best, err
}

// because is the part of a wish that speaks most for an item.
func (m *making) because(parts []part, item int32) Reason {
	items := make([]int32, len(parts))
	for i, p := range parts {
		items[i] = p.item
	}
	nearest, ok := m.v.folding.model.Nearest(item, items)
	if !ok {
		return Reason{Kind: KindSimilar}
	}
	return m.v.about(parts[slices.Index(items, nearest)].kind, nearest)
}

// liveSource is what live scoring says of somebody, where the list is not full
// without it.
func (m *making) liveSource(basket []int32, who subject) source {
	return source{asked: true, read: func() (block, error) {
		f := m.v.folding
		if f == nil || who.optedOut {
			return block{}, nil
		}
		w := f.wishes.Get().(*wish)
		defer f.wishes.Put(w)
		if err := m.wish(w, basket, who); err != nil || len(w.parts) == 0 {
			return block{}, err
		}
		// What was bought is listed where it is due, by those who know when.
		best, err := m.score(w, m.k-len(m.picks)+scoredMost, func(item int32) bool {
			_, had := slices.BinarySearch(w.items, item)
			return !had && m.free(item)
		})
		list := make([]snapshot.Candidate, len(best))
		for i, s := range best {
			list[i] = snapshot.Candidate{Item: s.Item, Score: s.Score, Strategy: f.strategy}
		}
		parts := slices.Clone(w.parts)
		return block{from: list, why: func(c snapshot.Candidate) Reason { return m.because(parts, c.Item) }}, err
	}}
}

package serving

import (
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"regulars/models/artifact"
	"regulars/models/snapshot"
)

// ErrNoVersion says that there is no such snapshot, or none any more.
var ErrNoVersion = errors.New("there is no such snapshot any more")

// Held is a snapshot that stays open until it is released, told of at one moment.
// Its methods are safe for concurrent use until then.
type Held struct {
	AsOf time.Time

	snap      *snapshot.Snapshot
	now       time.Time
	live      Live
	release   func()
	onDamaged func(error)
}

// Hold returns the snapshot that is served, which stays as it is while others
// take its place. The caller releases it.
func (s *Store) Hold() (*Held, error) {
	v, err := s.acquire()
	if err != nil {
		return nil, err
	}
	return &Held{snap: v.snap, AsOf: v.asOf, now: s.opts.Now(), live: s.opts.Live, release: v.release, onDamaged: v.onDamaged}, nil
}

// HoldVersion opens an older snapshot, told of at the same moment as h, but by what
// was known when it was made. The error wraps ErrNoVersion where there is none of that name.
func (s *Store) HoldVersion(version string, h *Held) (*Held, error) {
	if !artifact.IsVersion(version) {
		return nil, fmt.Errorf("snapshot %q: %w", version, ErrNoVersion)
	}
	snap, err := snapshot.Open(filepath.Join(s.root, version))
	if errors.Is(err, snapshot.ErrNotFound) {
		return nil, fmt.Errorf("snapshot %q: %w", version, ErrNoVersion)
	}
	if err != nil {
		return nil, err
	}
	// Closing what was only read has no error that anybody could act upon.
	old := &Held{snap: snap, now: h.now, release: func() { _ = snap.Close() }, onDamaged: func(error) {}}
	if old.AsOf, err = time.Parse(time.RFC3339, snap.Info().AsOf); err != nil {
		old.Release()
		return nil, err
	}
	return old, nil
}

// Release lets the snapshot go. Nothing may be asked of it afterwards.
func (h *Held) Release() { h.release() }

// longestRun is within what time a run makes a snapshot of what was told by its start.
const longestRun = 24 * time.Hour

// begun is the earliest instant at which the run that made a snapshot can have begun.
func begun(info *snapshot.Info) (at time.Time, ok bool) {
	made, err := time.Parse(time.RFC3339, info.CreatedAt)
	return made.Add(-longestRun), err == nil
}

// Heard returns up to when the snapshot knows for certain what was told. Its as_of
// may be later: by default it is the day after the last order, which may be of today.
func (h *Held) Heard() time.Time {
	if at, ok := begun(h.Info()); ok && at.Before(h.AsOf) {
		return at
	}
	return h.AsOf
}

// Info returns the manifest.
func (h *Held) Info() *snapshot.Info { return h.snap.Info() }

// Each calls visit with every customer by ascending id until visit fails. A
// damaged record ends it with an error, and the store is told.
func (h *Held) Each(visit func(u snapshot.User) error) error {
	return h.told(h.snap.Each("", func(c *snapshot.Customer) error {
		u, err := c.User()
		if err != nil {
			return err
		}
		return visit(u)
	}))
}

// User returns what is known of a customer, and false when the id is unknown.
func (h *Held) User(id string) (u snapshot.User, ok bool, err error) {
	u, ok, err = h.snap.User(id)
	return u, ok, h.told(err)
}

// told tells the store of a record that proves damaged.
func (h *Held) told(err error) error {
	if errors.Is(err, snapshot.ErrDamaged) {
		h.onDamaged(err)
	}
	return err
}

// NextOrder tells when the next order of a customer comes; nil = not known.
func (h *Held) NextOrder(u *snapshot.User) *NextOrder {
	next := nextOrderOf(h.Info(), h.AsOf, u.Scores, h.now)
	if next != nil && orderedSince(h.live, h.snap, u.ID, u.Aliases, h.AsOf) {
		return nil
	}
	return next
}

// Reasons words why the churn probability is as it is, the strongest first.
func (h *Held) Reasons(scores *snapshot.Scores, lang Lang) []FeatureReason {
	return cardOf(h.Info(), h.AsOf, "", scores).Reasons(lang)
}

// Stage names a life-cycle state; "" = not known.
func (h *Held) Stage(scores *snapshot.Scores, lang Lang) string {
	return cardOf(h.Info(), h.AsOf, "", scores).Stage(lang)
}

package serving

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"regulars/models/snapshot"
)

// ErrNotReady says that no snapshot has been loaded yet.
var ErrNotReady = errors.New("no snapshot is loaded yet")

// Options of a Store; the zero value means the defaults.
type Options struct {
	// RetryAfter is how long a snapshot that was refused is left alone before it
	// is tried again: checking a large one takes seconds. Default 30 s.
	RetryAfter time.Duration
	// Report is told of every swap and of every refusal (err set; version is
	// empty when it is unknown which is current). The error wraps ErrNotReady when
	// nothing is loaded; otherwise what was loaded stays in use. Default: nobody.
	Report func(version string, err error)
	// Now is the clock that next orders are told by. Default time.Now.
	Now func() time.Time
	// Live is what is known beyond the snapshot. Default: nothing.
	Live Live
}

// Store holds the snapshot that is served. Its methods are safe for concurrent use.
type Store struct {
	root string
	opts Options

	current atomic.Pointer[view]
	swaps   atomic.Int64
	refused atomic.Int64

	mu        sync.Mutex // one Refresh at a time; guards the rest
	rejected  string     // version refused last, while it is still the one to load; empty: unknown
	rejection error      // why; nil when nothing is refused
	retryAt   time.Time
	loadedAt  time.Time
}

// NewStore returns a store over the folder of snapshots; nothing is loaded
// before Refresh or Watch.
func NewStore(root string, opts Options) *Store {
	if opts.RetryAfter <= 0 {
		opts.RetryAfter = 30 * time.Second
	}
	if opts.Report == nil {
		opts.Report = func(string, error) {}
	}
	if opts.Now == nil {
		opts.Now = time.Now
	}
	return &Store{root: root, opts: opts}
}

// Watch loads the current snapshot and then looks at every interval whether
// another has become current, until ctx ends. A snapshot that is refused is
// reported and the old one stays; Watch itself goes on.
func (s *Store) Watch(ctx context.Context, interval time.Duration) error {
	if interval <= 0 {
		return fmt.Errorf("watching %s: the interval %v must be above 0", s.root, interval)
	}
	tick := time.NewTicker(interval)
	defer tick.Stop()
	for {
		// The outcome is kept in Status and reported, so that one bad snapshot
		// does not end the watch for the next good one.
		_ = s.Refresh()
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// Refresh loads the current snapshot if it is not the one being served. On an
// error the old one stays, or nothing is loaded (the error wraps ErrNotReady).
// It returns nil when there is nothing to load yet.
func (s *Store) Refresh() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	version, ok, err := snapshot.Current(s.root)
	if err != nil {
		// Looking costs nothing, so it is looked every time, and told again only
		// if it is another error or as late as a refused version would be.
		if err = s.blame(err); s.waiting("") && err.Error() == s.rejection.Error() {
			return s.rejection
		}
		return s.refuse("", err)
	}
	if !ok || version == s.served() {
		s.rejected, s.rejection = "", nil
		return nil
	}
	if s.waiting(version) {
		return s.rejection
	}
	next, err := openView(filepath.Join(s.root, version))
	if err != nil {
		return s.refuse(version, s.blame(err))
	}
	s.install(next)
	s.opts.Report(version, nil)
	return nil
}

// waiting is true while the version refused last is to be left alone.
func (s *Store) waiting(version string) bool {
	return s.rejection != nil && version == s.rejected && time.Now().Before(s.retryAt)
}

// blame adds to the cause of a refusal whether anything is served all the same.
func (s *Store) blame(err error) error {
	if s.current.Load() == nil {
		return fmt.Errorf("%w; %w", err, ErrNotReady)
	}
	return err
}

func (s *Store) refuse(version string, err error) error {
	s.rejected, s.rejection = version, err
	s.retryAt = time.Now().Add(s.opts.RetryAfter)
	s.refused.Add(1)
	s.opts.Report(version, err)
	return err
}

// served returns the version being served, or nothing.
func (s *Store) served() string {
	if v := s.current.Load(); v != nil {
		return v.snap.Info().Version
	}
	return ""
}

func (s *Store) install(next *view) {
	s.rejected, s.rejection = "", nil
	s.loadedAt = time.Now()
	s.swaps.Add(1)
	if old := s.current.Swap(next); old != nil {
		old.release()
	}
}

// Close stops serving; requests in flight finish first.
func (s *Store) Close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if old := s.current.Swap(nil); old != nil {
		old.release()
	}
}

// acquire returns the current view, which stays open until release.
func (s *Store) acquire() (*view, error) {
	for {
		v := s.current.Load()
		if v == nil {
			return nil, ErrNotReady
		}
		// A view whose last reference is gone has been swapped for another.
		if v.retain() {
			return v, nil
		}
	}
}

// Status is what an operator wants to know of the store.
type Status struct {
	Ready    bool
	Version  string
	AsOf     time.Time
	LoadedAt time.Time
	Swaps    int64
	Refusals int64
	Rejected string // version that is current but was refused; empty with Err: nobody knows which is current
	Err      error  // why; for the log, as it may name paths
}

// Status returns the state of the store.
func (s *Store) Status() Status {
	s.mu.Lock()
	defer s.mu.Unlock()
	st := Status{Swaps: s.swaps.Load(), Refusals: s.refused.Load(), Rejected: s.rejected, Err: s.rejection}
	if v := s.current.Load(); v != nil {
		st.Ready, st.Version, st.AsOf, st.LoadedAt = true, v.snap.Info().Version, v.asOf, s.loadedAt
	}
	return st
}

// Reason says in words that reveal no path why a snapshot was refused.
func (st Status) Reason() string {
	switch {
	case st.Err == nil:
		return ""
	case st.Rejected == "":
		return "which one is current cannot be read; the server's log says why"
	case errors.Is(st.Err, snapshot.ErrFormat):
		return "written in a format that this program does not know: regulars score makes one that it does"
	case errors.Is(st.Err, snapshot.ErrDamaged):
		return "damaged: its files are not those that were published"
	case errors.Is(st.Err, snapshot.ErrNotFound), errors.Is(st.Err, fs.ErrNotExist):
		return "its files are missing"
	}
	return "it cannot be opened; the server's log says why"
}

package serving

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"regulars/models/snapshot"
)

// ErrNotReady says that no snapshot has been loaded yet.
var ErrNotReady = errors.New("no snapshot is loaded yet")

// Options of a Store; the zero value means the defaults.
type Options struct {
	// RetryAfter is how long a snapshot that was refused is left alone at least
	// before it is tried again: checking a large one takes seconds. Default 30 s.
	RetryAfter time.Duration
	// Report is told of every swap and of every refusal (err set; version is
	// empty when it is unknown which is current). The error wraps ErrNotReady when
	// nothing is loaded; otherwise what was loaded stays in use. Default: nobody.
	Report func(version string, err error)
	// Now is the clock that next orders and availability are told by. Default time.Now.
	Now func() time.Time
	// Live is what is known beyond the snapshot. Default: nothing.
	Live Live
	// Counts is how often items were shown and clicked, which exploration goes
	// by. Default: nothing is known of any.
	Counts Counts
}

// Store holds the snapshot that is served. Its methods are safe for concurrent use.
type Store struct {
	makings sync.Pool // of *making: what lists are made in

	root string
	opts Options

	current atomic.Pointer[view]
	turns   *turns // of live scoring
	swaps   atomic.Int64
	refused atomic.Int64
	damaged atomic.Int64

	loading    sync.Mutex      // one change of what is served at a time; it may take seconds
	distrusted map[string]bool // versions that proved damaged in use: verified before they are used again

	mu        sync.Mutex // held for moments; guards writing the rest, and reading it without loading
	rejected  string     // version refused last, while it is still the one to load; empty: unknown
	rejection error      // why; nil when nothing is refused
	retryAt   time.Time
	loadedAt  time.Time

	ctx        context.Context // of what goes on in the background
	stop       context.CancelFunc
	background sync.WaitGroup // added to while mu is held and ctx goes on
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
	s := &Store{root: root, opts: opts, distrusted: map[string]bool{}, turns: newTurns()}
	s.makings.New = func() any { return new(making) }
	s.ctx, s.stop = context.WithCancel(context.Background())
	return s
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
		_ = s.refresh(ctx)
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// Refresh loads the current snapshot if it is not the one being served. On an
// error the old one stays; where nothing is loaded, the newest one before it that
// can be used is, or nothing (the error wraps ErrNotReady). It returns nil when
// there is nothing to load yet. A snapshot that takes the place of another is
// verified to its last byte before, which takes seconds where it is large.
func (s *Store) Refresh() error { return s.refresh(s.ctx) }

func (s *Store) refresh(ctx context.Context) error {
	s.loading.Lock()
	defer s.loading.Unlock()
	version, ok, err := snapshot.Current(s.root)
	if err != nil {
		// Looking costs nothing, so it is looked every time, and told again only
		// if it is another error or as late as a refused version would be.
		if err = s.blame(err); s.waiting("") && err.Error() == s.rejection.Error() {
			return s.rejection
		}
		return s.refuse("", err, 0)
	}
	if served, sound := s.served(); !ok || version == served && sound {
		s.forgive()
		return nil
	}
	if s.waiting(version) {
		return s.rejection
	}
	return s.load(ctx, version)
}

// load puts a version into use. When there is none to stay in use, it is used at
// once and verified meanwhile, and what stands in for one that is refused is an
// older one.
func (s *Store) load(ctx context.Context, version string) error {
	start, first := time.Now(), s.current.Load() == nil
	next, err := s.open(ctx, version, !first)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err == nil {
		s.forgive()
		s.install(next, first)
		return nil
	}
	if first {
		err = errors.Join(err, s.standIn(ctx, version, false))
	}
	return s.refuse(version, s.blame(err), time.Since(start))
}

// open returns a view of a version, verified to its last byte where it is asked
// for or where the version proved damaged before.
func (s *Store) open(ctx context.Context, version string, verified bool) (*view, error) {
	v, err := openView(filepath.Join(s.root, version))
	if err != nil {
		return nil, err
	}
	v.onDamaged = s.onDamaged(v)
	v.listen(s.opts.Live)
	if verified || s.distrusted[version] {
		if err := errors.Join(v.snap.Verify(ctx), ctx.Err()); err != nil {
			v.release()
			return nil, err
		}
		delete(s.distrusted, version)
	}
	return v, nil
}

// standIn puts into use the newest version before the given one that can be. It
// fails only if it cannot be told which there are.
func (s *Store) standIn(ctx context.Context, version string, verified bool) error {
	older, err := s.before(version)
	for _, v := range older {
		next, err := s.open(ctx, v, verified)
		if ctx.Err() != nil {
			return nil
		}
		if err == nil {
			s.install(next, !verified)
			return nil
		}
		s.opts.Report(v, fmt.Errorf("standing in for %s: %w", version, err))
	}
	return err
}

// before lists the versions that were published before the given one, the newest
// first. Where its manifest cannot be read, its name tells at least its date.
func (s *Store) before(version string) (older []string, err error) {
	list, _, err := snapshot.List(s.root)
	at := slices.IndexFunc(list, func(in snapshot.Info) bool { return in.Version == version })
	for i, in := range slices.Backward(list) {
		dated := len(version) >= len(time.DateOnly) && in.Version[:len(time.DateOnly)] <= version[:len(time.DateOnly)]
		if i < at || at < 0 && dated {
			older = append(older, in.Version)
		}
	}
	return older, err
}

// verifyLater verifies a view that is in use, and withdraws it where it is damaged.
func (s *Store) verifyLater(v *view) {
	s.later(func() {
		if !v.retain() {
			return
		}
		defer v.release()
		if err := v.snap.Verify(s.ctx); err != nil && s.ctx.Err() == nil {
			s.withdraw(v, err)
		}
	})
}

// onDamaged is told of damaged records in a view: all are counted, and the first
// withdraws it.
func (s *Store) onDamaged(v *view) func(error) {
	var once sync.Once
	return func(err error) {
		s.damaged.Add(1)
		once.Do(func() { s.later(func() { s.withdraw(v, err) }) })
	}
}

// later does something in the background, unless the store is being closed.
func (s *Store) later(do func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ctx.Err() == nil {
		s.background.Go(do)
	}
}

// withdraw takes a damaged view out of use. It goes on serving, every record
// checked, until an older one that stands in for it has been verified. Where there
// is none it stays, though the store is not ready: what is whole of it is better
// than nothing, and what is not is never told.
func (s *Store) withdraw(v *view, cause error) {
	s.loading.Lock()
	defer s.loading.Unlock()
	if s.current.Load() != v {
		return // it has been swapped already
	}
	start, version := time.Now(), v.snap.Info().Version
	s.distrusted[version] = true
	v.damaged.Store(true)
	cause = errors.Join(cause, s.standIn(s.ctx, version, true))
	if s.ctx.Err() != nil {
		return
	}
	// What the rejection says is for the caller of Refresh; here it is reported.
	_ = s.refuse(version, s.blame(cause), time.Since(start))
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

// refuse notes and reports why a version is not used. One that took long to check
// is left alone for longer, so that checking it again and again costs little.
func (s *Store) refuse(version string, err error, took time.Duration) error {
	s.mu.Lock()
	s.rejected, s.rejection = version, err
	s.retryAt = time.Now().Add(max(s.opts.RetryAfter, 10*took))
	s.mu.Unlock()
	s.refused.Add(1)
	s.opts.Report(version, err)
	return err
}

// forgive forgets what was refused.
func (s *Store) forgive() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.rejected, s.rejection = "", nil
}

// served returns the version being served, or nothing, and whether it is not known
// to be damaged.
func (s *Store) served() (version string, sound bool) {
	if v := s.current.Load(); v != nil {
		return v.snap.Info().Version, !v.damaged.Load()
	}
	return "", false
}

// install puts a view into use, to be verified from now on where it is not yet.
func (s *Store) install(next *view, verify bool) {
	s.mu.Lock()
	s.loadedAt = time.Now()
	s.mu.Unlock()
	s.swaps.Add(1)
	if old := s.current.Swap(next); old != nil {
		old.release()
	}
	s.opts.Report(next.snap.Info().Version, nil)
	if verify {
		s.verifyLater(next)
	}
}

// Close stops serving; requests in flight finish first.
func (s *Store) Close() {
	s.mu.Lock()
	s.stop()
	s.mu.Unlock()
	s.background.Wait()
	s.loading.Lock()
	defer s.loading.Unlock()
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
	Ready    bool // a snapshot is served that is not known to be damaged
	Version  string
	AsOf     time.Time
	LoadedAt time.Time
	Users    int               // customers of the snapshot
	Items    int               // of its catalogue
	Models   map[string]string // versions that it was made from, by role; not to be changed
	Swaps    int64
	Refusals int64
	Damaged  int64  // how often a customer's record proved damaged when it was read
	Scored   int64  // how often the whole catalogue was scored for a request
	Skipped  int64  // how often it was not, as all cores were at it
	Rejected string // version that is current but was refused; empty with Err: nobody knows which is current
	Err      error  // why; for the log, as it may name paths
}

// Status returns the state of the store.
func (s *Store) Status() Status {
	s.mu.Lock()
	defer s.mu.Unlock()
	st := Status{Swaps: s.swaps.Load(), Refusals: s.refused.Load(), Damaged: s.damaged.Load(),
		Scored: s.turns.taken.Load(), Skipped: s.turns.skipped.Load(), Rejected: s.rejected, Err: s.rejection}
	if v := s.current.Load(); v != nil {
		info := v.snap.Info()
		st.Ready, st.Version, st.AsOf, st.LoadedAt, st.Users, st.Items, st.Models = !v.damaged.Load(), info.Version, v.asOf, s.loadedAt, info.Users, info.Items, info.Models
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

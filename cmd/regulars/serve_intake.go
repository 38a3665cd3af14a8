package main

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"os/exec"
	"sync/atomic"
	"syscall"
	"time"

	"regulars/serving"
	"regulars/serving/events"
	shown "regulars/serving/served"
)

// intake is the event log of a server, or what stands for it while it cannot be
// opened: then nothing is known beyond the snapshot, and nothing can be taken in.
type intake struct {
	store atomic.Pointer[events.Store]
}

// Item is part of serving.Live.
func (in *intake) Item(id string) (serving.ItemUpdate, bool) {
	if s := in.store.Load(); s != nil {
		return s.Item(id)
	}
	return serving.ItemUpdate{}, false
}

// Told is part of serving.Live.
func (in *intake) Told(from int) []string {
	if s := in.store.Load(); s != nil {
		return s.Told(from)
	}
	return nil
}

// Recent is part of serving.Live.
func (in *intake) Recent(userID, sessionID string) (serving.Recent, bool) {
	if s := in.store.Load(); s != nil {
		return s.Recent(userID, sessionID)
	}
	return serving.Recent{}, false
}

// OptedOut is part of serving.Live: it is told elsewhere.
func (in *intake) OptedOut(string) (out, known bool) { return false, false }

// Unsubscribed is part of audience.Live.
func (in *intake) Unsubscribed(userID, channel string) time.Time {
	if s := in.store.Load(); s != nil {
		return s.Unsubscribed(userID, channel)
	}
	return time.Time{}
}

// Erased is part of serving.Live.
func (in *intake) Erased(userID string) bool {
	s := in.store.Load()
	return s != nil && s.Erased(userID)
}

// take takes rows in, one way or another.
func (in *intake) take(ctx context.Context, rows []json.RawMessage, how func(*events.Store, context.Context, []json.RawMessage) (events.Result, error)) (events.Result, error) {
	s := in.store.Load()
	if s == nil {
		return events.Result{}, errNoLog
	}
	return how(s, ctx, rows)
}

var errNoLog = fmt.Errorf("%w: it cannot be opened", events.ErrUnavailable)

// Events is part of api.Intake.
func (in *intake) Events(ctx context.Context, rows []json.RawMessage) (events.Result, error) {
	return in.take(ctx, rows, (*events.Store).Events)
}

// Contacts is part of api.Intake.
func (in *intake) Contacts(ctx context.Context, rows []json.RawMessage) (events.Result, error) {
	return in.take(ctx, rows, (*events.Store).Contacts)
}

// Items is part of api.Intake.
func (in *intake) Items(ctx context.Context, rows []json.RawMessage) (events.Result, error) {
	return in.take(ctx, rows, (*events.Store).Items)
}

// Identities is part of api.Intake.
func (in *intake) Identities(ctx context.Context, rows []json.RawMessage) (events.Result, error) {
	return in.take(ctx, rows, (*events.Store).Identities)
}

// Stats is part of api.Intake.
func (in *intake) Stats() events.Stats {
	if s := in.store.Load(); s != nil {
		return s.Stats()
	}
	return events.Stats{}
}

// waiting is how many events the lake has yet to get; NaN = not known.
func (in *intake) waiting() float64 {
	ctx, cancel := context.WithTimeout(context.Background(), countWait)
	defer cancel()
	if s := in.store.Load(); s != nil {
		if n, err := s.EventsWaiting(ctx); err == nil {
			return float64(n)
		}
	}
	return math.NaN()
}

// countWait bounds how long a count may keep metrics waiting.
const countWait = 2 * time.Second

// OfLists is part of shown.Events.
func (in *intake) OfLists(ctx context.Context, from, to time.Time, visit func(shown.Event) error) error {
	s := in.store.Load()
	if s == nil {
		return errNoLog
	}
	return s.OfLists(ctx, from, to, func(e events.ListEvent) error { return visit(shown.Event(e)) })
}

// seen is how often items were shown and clicked.
func (in *intake) seen(ctx context.Context) (map[string]events.Seen, error) {
	s := in.store.Load()
	if s == nil {
		return nil, nil
	}
	return s.Seen(ctx)
}

func (in *intake) close() error {
	if s := in.store.Load(); s != nil {
		return s.Close()
	}
	return nil
}

// openAgain is how often a server tries to open an event log that it could not.
const openAgain = time.Minute

// openIntake opens the event log for the server. A disk that is full or
// read-only takes the intake away, not the answers.
func (s *server) openIntake(w *workspace) {
	s.flusher = &flusher{dir: w.dir, every: time.Duration(w.config.Serve.Flush)}
	if err := s.tryIntake(w); err != nil {
		s.log.Error("what the shop tells cannot be taken in, and what it told since the snapshot does not count; it is tried again every "+openAgain.String(), "error", err)
	}
}

func (s *server) tryIntake(w *workspace) error {
	store, err := events.Open(w.eventsPath(), events.Options{Report: s.reportIntake})
	if err != nil {
		return err
	}
	s.intake.store.Store(store)
	return nil
}

// awaitIntake tries to open the event log until it is, or ctx ends.
func (s *server) awaitIntake(ctx context.Context, every time.Duration) error {
	tick := time.NewTicker(every)
	defer tick.Stop()
	for s.intake.store.Load() == nil {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		if s.tryIntake(s.workspace) == nil {
			s.log.Info("event log: what the shop tells is taken in")
		}
	}
	return nil
}

func (s *server) reportIntake(err error) {
	if err != nil {
		s.log.Error("event log: what others have written is not seen", "error", err)
		return
	}
	s.log.Info("event log: all is well again")
}

// runFlusher sends events to the lake again and again.
func (s *server) runFlusher(ctx context.Context) error {
	if s.flusher.every == 0 {
		return nil
	}
	tick := time.NewTicker(s.flusher.every)
	defer tick.Stop()
	for ctx.Err() == nil {
		select {
		case <-ctx.Done():
		case <-tick.C:
			s.flush(ctx)
		}
	}
	return nil
}

// lastFlush bounds how long the server's end waits for the lake; what does not
// get there stays in the event log.
const lastFlush = 20 * time.Second

// closeIntake sends what is left to the lake, where nobody else is at work, and
// closes the event log.
func (s *server) closeIntake() error {
	if s.flusher.every > 0 {
		ctx, cancel := context.WithTimeout(context.Background(), lastFlush)
		defer cancel()
		s.flush(ctx)
	}
	return s.intake.close()
}

func (s *server) flush(ctx context.Context) {
	store := s.intake.store.Load()
	if store == nil {
		return
	}
	if err := s.flusher.run(ctx, store); err != nil {
		s.log.Error("events were not sent to the lake; they are kept and sent later", "error", err)
	}
}

// flusher sends events to the lake in a child process: an import reads the keys
// of whole tables, which is no memory and no time of the server's.
type flusher struct {
	dir   string
	every time.Duration // 0: never
}

// run does it if anything waits and the workspace is free: where a job is at
// work, the next time does.
func (f *flusher) run(ctx context.Context, store *events.Store) error {
	if waits, err := store.Waiting(ctx); err != nil || !waits {
		return ignoreCancel(err)
	}
	self, err := os.Executable()
	if err != nil {
		return fmt.Errorf("finding this program's own file: %w", err)
	}
	complaints := &tailWriter{}
	cmd := exec.CommandContext(ctx, self, "events", "flush", "--workspace", f.dir)
	cmd.Args[0], cmd.Stderr = "regulars", complaints
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // a Ctrl-C at the server is not meant for it
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("starting `regulars events flush`: %w", err)
	}
	_ = syscall.Setpriority(syscall.PRIO_PROCESS, cmd.Process.Pid, lowPriority) // of no matter where it is refused
	err = cmd.Wait()
	switch {
	case ctx.Err() != nil:
		return nil // repeated at the end, or the next time
	case cmd.ProcessState.ExitCode() == exitBusy:
		return nil
	case err != nil:
		return fmt.Errorf("`regulars events flush`: %w%s", err, complaints.quote())
	}
	return nil
}

// lowPriority is that of work that may wait, as of nice.
const lowPriority = 10

package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"path/filepath"
	"time"

	"golang.org/x/sync/errgroup"

	"regulars/data/durable"
	"regulars/data/identity"
	"regulars/data/privacy"
	"regulars/data/state"
	"regulars/serving/api"
)

// eraser knows every place of the workspace that holds rows of people.
func (w *workspace) eraser(db *state.DB) *privacy.Eraser {
	log := eventsPlace{w}
	return &privacy.Eraser{DB: db, Lake: w.lake, Links: w.linksInUse, Visits: log.sessions,
		Places: []privacy.Place{w.lake, undonePlace{w}, log, privacy.Features{Root: w.featureRoot(), Disk: w.disk}, snapshotPlace{w},
			servedPlace{w}, w.exports(), privacy.OptOuts{DB: db}}}
}

// exports are the audiences that were written to somewhere in the workspace.
func (w *workspace) exports() privacy.Exports {
	return privacy.Exports{Root: filepath.Join(w.dir, "exports"), List: filepath.Join(w.dir, "exports.list"), Disk: w.disk}
}

// linksInUse are those of the lake and those on their way there, without the
// ones that were taken back.
func (w *workspace) linksInUse(ctx context.Context) ([]identity.Link, error) {
	links, undone, err := w.links()
	if err != nil {
		return nil, err
	}
	told, err := eventsPlace{w}.aliases(ctx)
	return undone.Keep(append(links, told...)), err
}

// erased returns who was erased, for imports: nil for nobody.
func (w *workspace) erased() (marked func(id string) bool, err error) {
	err = w.ifState(func(db *state.DB) error {
		marks, err := db.Marks(context.Background())
		if err == nil && marks.AnyErased() {
			marked = marks.Erased
		}
		return err
	})
	return marked, err
}

// optOuts returns what customers have told the server of personalisation.
func (w *workspace) optOuts() (out map[string]bool, err error) {
	err = w.ifState(func(db *state.DB) (err error) {
		out, err = db.OptOuts(context.Background())
		return err
	})
	return out, err
}

// finishErasures does what is pending, under the workspace's lock. A job that
// would work on somebody who is to be forgotten must not go on.
func (w *workspace) finishErasures(ctx context.Context) error {
	return w.ifState(func(db *state.DB) error {
		if _, err := w.eraser(db).Resume(ctx); err != nil {
			return fmt.Errorf("an erasure that was asked for cannot be finished: see `regulars erase --resume`: %w", err)
		}
		return nil
	})
}

// register is the server's side of erasures and opt-outs: who is marked, and the
// work that goes on in the background while jobs hold the workspace's lock.
type register struct {
	w      *workspace
	db     *state.DB
	eraser *privacy.Eraser
	marks  *state.Marks
	log    *slog.Logger
	wake   chan struct{}
	failed string // the last failure that was logged
}

func (w *workspace) register(ctx context.Context, db *state.DB, log *slog.Logger) (*register, error) {
	marks, err := db.Marks(ctx)
	if err != nil {
		return nil, err
	}
	return &register{w: w, db: db, eraser: w.eraser(db), marks: marks, log: log, wake: make(chan struct{}, 1)}, nil
}

// erasures is the register for the API.
func (s *server) erasures() api.Privacy {
	if s.privacy == nil {
		return unrecorded{}
	}
	return s.privacy
}

// unrecorded is what can be said of a person's data without a database to record
// in what was asked.
type unrecorded struct{}

func (unrecorded) Erase(context.Context, string) (json.RawMessage, bool, error) {
	return nil, false, api.ErrUnrecorded
}

func (unrecorded) Find(context.Context, string) (json.RawMessage, error) {
	return nil, api.ErrUnrecorded
}

func (unrecorded) Tell(context.Context, string, io.Writer) (bool, error) {
	return false, api.ErrUnrecorded
}

func (unrecorded) OptOut(context.Context, string, bool) error { return api.ErrUnrecorded }

const (
	eraseAgain = 3 * time.Second  // how often a pending erasure asks for the lock
	eraseWait  = 10 * time.Second // how long a request waits for its end
)

// run keeps the marks up to date and does what is pending, until ctx ends.
func (r *register) run(ctx context.Context) error {
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return r.marks.Watch(ctx, lookAgain, r.reportMarks) })
	g.Go(func() error {
		ticker := time.NewTicker(eraseAgain)
		defer ticker.Stop()
		for {
			r.report(r.finish(ctx))
			select {
			case <-ctx.Done():
				return ctx.Err()
			case <-ticker.C:
			case <-r.wake:
			}
		}
	})
	return g.Wait()
}

// finish does what is pending if the lock is free.
func (r *register) finish(ctx context.Context) (err error) {
	pending, err := r.db.PendingErasures(ctx)
	if err != nil || len(pending) == 0 {
		return err
	}
	lock, err := r.w.lock(ctx)
	if errors.Is(err, durable.ErrLocked) {
		return nil // later
	}
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, lock.Release()) }()
	done, err := r.eraser.Resume(ctx)
	for _, one := range done {
		r.log.Info("erased", "receipt", one.ID)
	}
	return err
}

// report logs what differs from what was logged before.
func (r *register) report(err error) {
	now := ""
	if err != nil && !errors.Is(err, context.Canceled) {
		now = err.Error()
		if now != r.failed {
			r.log.Error("an erasure is not finished; it is tried again", "error", err)
		}
	}
	r.failed = now
}

func (r *register) reportMarks(err error) {
	if err != nil {
		r.log.Error("who was erased, and who refuses personalisation: those last known are", "error", err)
		return
	}
	r.log.Info("who was erased, and who refuses personalisation: all is well again")
}

// Erase implements api.Privacy.
func (r *register) Erase(ctx context.Context, userID string) (json.RawMessage, bool, error) {
	one, err := r.request(ctx, userID)
	if err != nil {
		return nil, false, err
	}
	if err := r.marks.Refresh(ctx); err != nil {
		return nil, false, err
	}
	select {
	case r.wake <- struct{}{}:
	default: // somebody has knocked already
	}
	for deadline := time.Now().Add(eraseWait); one.Pending() && time.Now().Before(deadline); {
		time.Sleep(50 * time.Millisecond)
		if one, err = r.db.Erasure(ctx, one.ID); err != nil {
			return nil, false, err
		}
	}
	receipt, err := privacy.ReceiptOf(one)
	if err != nil {
		return nil, false, err
	}
	text, err := json.Marshal(receipt)
	return text, !one.Pending(), err
}

// request records an erasure. Of somebody of whom nothing is held it is the last
// one there was: a mistyped id must not be blocked for good.
func (r *register) request(ctx context.Context, userID string) (state.Erasure, error) {
	found, err := r.eraser.Find(ctx, userID)
	if err != nil {
		return state.Erasure{}, err
	}
	if len(found.Removed) == 0 {
		before, err := r.db.ErasuresOf(ctx, userID)
		if err != nil {
			return state.Erasure{}, err
		}
		if len(before) == 0 {
			return state.Erasure{}, api.ErrNothingHeld
		}
		return before[len(before)-1], nil
	}
	return r.eraser.Request(ctx, userID)
}

// Find implements api.Privacy.
func (r *register) Find(ctx context.Context, userID string) (json.RawMessage, error) {
	receipt, err := r.eraser.Find(ctx, userID)
	if err != nil {
		return nil, err
	}
	return json.Marshal(receipt)
}

// Tell implements api.Privacy.
func (r *register) Tell(ctx context.Context, userID string, out io.Writer) (bool, error) {
	return r.eraser.Tell(ctx, userID, out)
}

// OptOut implements api.Privacy.
func (r *register) OptOut(ctx context.Context, userID string, refused bool) error {
	if r.marks.Erased(userID) {
		return api.ErrErased
	}
	ids, err := r.eraser.IDs(ctx, userID)
	if err != nil {
		return err
	}
	for _, id := range ids { // by any of them they may be served
		if err := r.db.SetOptOut(ctx, id, refused); err != nil {
			return err
		}
	}
	return r.marks.Refresh(ctx)
}

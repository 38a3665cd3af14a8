package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"path/filepath"
	"slices"
	"strings"
	"time"
	"unicode"

	"golang.org/x/sync/errgroup"

	"regulars/data/durable"
	"regulars/data/identity"
	"regulars/data/lake"
	"regulars/data/privacy"
	"regulars/data/state"
	"regulars/models/snapshot"
	"regulars/serving/api"
	"regulars/training"
)

// eraser knows every place of the workspace that holds rows of people.
func (w *workspace) eraser(db *state.DB) *privacy.Eraser {
	return &privacy.Eraser{DB: db, Lake: w.lake,
		Links: func() ([]identity.Link, error) {
			links, undone, err := w.links()
			if err != nil {
				return nil, err
			}
			return undone.Keep(links), nil
		},
		Places: []privacy.Place{w.lake, undonePlace{w}, privacy.Features{Root: w.featureRoot(), Disk: w.disk}, snapshotPlace{w},
			privacy.Exports{Root: filepath.Join(w.dir, "exports"), Disk: w.disk}, privacy.OptOuts{DB: db}}}
}

// erased returns who was erased, for imports: nil for nobody.
func (w *workspace) erased() (_ func(id string) bool, err error) {
	if !w.stateExists() {
		return nil, nil
	}
	db, err := w.state()
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	marks, err := db.Marks(context.Background())
	if err != nil || !marks.AnyErased() {
		return nil, err
	}
	return marks.Erased, nil
}

// finishErasures does what is pending, under the workspace's lock. A job that
// would work on somebody who is to be forgotten must not go on.
func (w *workspace) finishErasures(ctx context.Context) (err error) {
	if !w.stateExists() {
		return nil
	}
	db, err := w.state()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	if _, err := w.eraser(db).Resume(ctx); err != nil {
		return fmt.Errorf("an erasure that was asked for cannot be finished: see `regulars erase --resume`: %w", err)
	}
	return nil
}

// undonePlace is the file of links that were taken back.
type undonePlace struct{ w *workspace }

func (p undonePlace) Each(_ context.Context, s lake.Subject, do func(where, row string) error) error {
	undone, err := training.ReadUndone(p.w.dir)
	if err != nil {
		return err
	}
	for _, k := range undone.Keys() {
		if !slices.Contains(s.IDs, k.Alias) {
			continue
		}
		row, err := json.Marshal(k)
		if err != nil {
			return err
		}
		if err := do("identities.undo", string(row)); err != nil {
			return err
		}
	}
	return nil
}

func (p undonePlace) Erase(_ context.Context, s lake.Subject) error {
	undone, err := training.ReadUndone(p.w.dir)
	if err != nil {
		return err
	}
	changed := false
	for _, k := range undone.Keys() {
		if slices.Contains(s.IDs, k.Alias) {
			changed = undone.Remove(k) || changed
		}
	}
	if !changed {
		return nil
	}
	return training.WriteUndone(p.w.disk, p.w.dir, undone)
}

// snapshotPlace is every snapshot that is kept, with the files beside its store.
type snapshotPlace struct{ w *workspace }

func (p snapshotPlace) Each(ctx context.Context, s lake.Subject, do func(where, row string) error) error {
	list, _, err := snapshot.List(p.w.snapshots())
	if err != nil {
		return err
	}
	for _, info := range list {
		dir := filepath.Join(p.w.snapshots(), info.Version)
		if err := eachRecord(dir, s.IDs, func(row string) error { return do("snapshots/"+info.Version, row) }); err != nil {
			return err
		}
		for _, f := range info.Files {
			if filepath.Ext(f.Name) != ".parquet" {
				continue
			}
			err := privacy.EachRow(ctx, filepath.Join(dir, filepath.FromSlash(f.Name)), s.IDs, func(row string) error {
				return do("snapshots/"+info.Version+"/"+f.Name, row)
			})
			if err != nil {
				return err
			}
		}
	}
	return nil
}

func (p snapshotPlace) Erase(ctx context.Context, s lake.Subject) error {
	_, err := snapshot.Erasure{Root: p.w.snapshots(), Disk: p.w.disk, IDs: s.IDs,
		Attached: func(ctx context.Context, path string) (bool, error) {
			if filepath.Ext(path) != ".parquet" {
				return false, nil
			}
			return privacy.RemoveRows(ctx, path, s.IDs)
		}}.Erase(ctx)
	return err
}

// record is a customer of a snapshot by names in place of numbers.
type record struct {
	AsOf   string              `json:"as_of"`
	Bought []string            `json:"bought,omitempty"`
	Lists  map[string][]string `json:"lists,omitempty"`
	Scores any                 `json:"scores,omitempty"`
}

// eachRecord gives do what the snapshot in dir holds of customers.
func eachRecord(dir string, ids []string, do func(row string) error) error {
	held, err := snapshot.Held(dir, ids)
	if err != nil || len(held) == 0 {
		return err
	}
	snap, err := snapshot.Open(dir)
	if err != nil {
		return err
	}
	defer snap.Close()
	for _, id := range held {
		r, err := recordOf(snap, id)
		if err != nil {
			return err
		}
		row, err := json.Marshal(r)
		if err != nil {
			return err
		}
		if err := do(string(row)); err != nil {
			return err
		}
	}
	return nil
}

func recordOf(snap *snapshot.Snapshot, id string) (record, error) {
	info := snap.Info()
	r := record{AsOf: info.AsOf, Lists: map[string][]string{}}
	u, _, err := snap.User(id)
	if err != nil {
		return r, err
	}
	for _, item := range u.Bought {
		r.Bought = append(r.Bought, snap.Item(item).ID)
	}
	name := func(list string, candidates []snapshot.Candidate) {
		for _, c := range candidates {
			r.Lists[list] = append(r.Lists[list], snap.Item(c.Item).ID)
		}
	}
	name("main", u.Candidates)
	for n, kind := range info.Lists {
		if kind.Shared || len(kind.Groups) > 0 {
			continue // the same for others
		}
		list, err := snap.List(id, n)
		if err != nil {
			return r, err
		}
		name(kind.Strategy, list)
	}
	r.Scores, err = snakeCase(u.Scores)
	return r, err
}

// snakeCase is a value as JSON, its names in the manner of every other answer.
func snakeCase(v any) (any, error) {
	text, err := json.Marshal(v)
	if err != nil {
		return nil, err
	}
	var out any
	err = json.Unmarshal(text, &out)
	return snakeNames(out), err
}

func snakeNames(v any) any {
	switch v := v.(type) {
	case map[string]any:
		out := make(map[string]any, len(v))
		for name, one := range v {
			out[snakeName(name)] = snakeNames(one)
		}
		return out
	case []any:
		for i := range v {
			v[i] = snakeNames(v[i])
		}
	}
	return v
}

// snakeName turns RecencyDays into recency_days, and RFM into rfm.
func snakeName(name string) string {
	var b strings.Builder
	upper := true // whether the letter before was
	for _, r := range name {
		if unicode.IsUpper(r) && !upper {
			b.WriteByte('_')
		}
		upper = unicode.IsUpper(r)
		b.WriteRune(unicode.ToLower(r))
	}
	return b.String()
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

// erasures is the register for the API: nothing without a database.
func (s *server) erasures() api.Privacy {
	if s.privacy == nil {
		return nil
	}
	return s.privacy
}

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
	one, err := r.eraser.Request(ctx, userID)
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
	if err := r.db.SetOptOut(ctx, userID, refused); err != nil {
		return err
	}
	return r.marks.Refresh(ctx)
}

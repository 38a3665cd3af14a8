package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"regulars/cmd/regulars/config"
	"regulars/data"
	"regulars/data/durable"
	"regulars/data/lake"
	"regulars/data/state"
	"regulars/features"
	"regulars/models/artifact"
	"regulars/models/snapshot"
	"regulars/training"
	"regulars/training/schedule"
)

// workspace is an opened workspace: its configuration and its rooms.
type workspace struct {
	dir    string
	config config.Config
	disk   durable.FS
	lake   *lake.Lake
	models *artifact.Store
}

// open reads the configuration. A folder that does not exist is an error;
// create makes it instead.
func (g *global) open(create bool) (*workspace, error) {
	dir, err := filepath.Abs(g.workspace)
	if err != nil {
		return nil, err
	}
	if create {
		err = os.MkdirAll(dir, 0o755)
	} else if _, err = os.Stat(dir); errors.Is(err, fs.ErrNotExist) {
		err = fmt.Errorf("there is no workspace at %s: make one with `regulars init`, or name one with --workspace", dir)
	}
	if err != nil {
		return nil, err
	}
	w := &workspace{dir: dir}
	if w.config, err = config.Load(dir, os.Environ()); err != nil {
		return nil, err
	}
	if w.lake, err = lake.Open(dir, w.disk); err != nil {
		return nil, err
	}
	w.lake.Refuse(w.erased)
	w.models = artifact.NewStore(filepath.Join(dir, "models"), w.disk, time.Now)
	return w, nil
}

func (w *workspace) snapshots() string { return filepath.Join(w.dir, "snapshots") }

// lock takes the workspace for one writer at a time and mends what a killed
// one left behind. A scheduled run waits for its turn, a person is told.
func (w *workspace) lock(ctx context.Context) (*durable.Lock, error) {
	path := filepath.Join(w.dir, ".lock")
	acquire := func() (*durable.Lock, error) { return lockAfterFlush(ctx, path) }
	if os.Getenv(schedule.EnvRunID) != "" {
		acquire = func() (*durable.Lock, error) { return durable.AcquireLockWait(ctx, path) }
	}
	l, err := acquire()
	if errors.Is(err, durable.ErrLocked) {
		return nil, fmt.Errorf("another job is at work in %s: wait for it, or see `regulars jobs list`: %w", w.dir, err)
	}
	if err != nil {
		return nil, err
	}
	if err := w.mend(); err != nil {
		return nil, errors.Join(err, l.Release())
	}
	return l, nil
}

// locked opens the workspace and uses it under its lock.
func (g *global) locked(ctx context.Context, use func(*workspace) error) (err error) {
	w, err := g.open(false)
	if err != nil {
		return err
	}
	lock, err := w.lock(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, lock.Release()) }()
	return use(w)
}

func (w *workspace) mend() error {
	return errors.Join(w.lake.Recover(), w.models.CleanUp(), snapshot.CleanUp(w.snapshots(), w.disk), w.disk.RemoveTemp(w.featureRoot()))
}

// state opens the job history and the keys.
func (w *workspace) state() (*state.DB, error) { return state.Open(w.statePath()) }

func (w *workspace) statePath() string { return filepath.Join(w.dir, "state.db") }

// stateExists reports whether the workspace has anything to remember yet.
func (w *workspace) stateExists() bool {
	_, err := os.Stat(w.statePath())
	return !errors.Is(err, fs.ErrNotExist)
}

// jobOptions are the flags that jobs share.
type jobOptions struct {
	asOf    string
	set     []string
	without []string // groups of features
	allow   []string // columns that may look like leaks
	tune    bool     // of train alone
	minutes float64  // for tuning
}

// pipeline wires a job. The caller holds the lock and closes the engine.
func (w *workspace) pipeline(o jobOptions, p training.Progress) (*training.Pipeline, error) {
	asOf, err := w.asOf(o.asOf)
	if err != nil {
		return nil, err
	}
	overrides, err := training.ParseOverrides(o.set)
	if err != nil {
		return nil, usageError{err}
	}
	groups, err := w.groups()
	if err != nil {
		return nil, err
	}
	var tuneFor time.Duration
	if o.tune {
		if err := checkTuneMinutes(o.minutes); err != nil {
			return nil, usageError{err}
		}
		tuneFor = time.Duration(o.minutes * float64(time.Minute))
	}
	for _, name := range o.without {
		if !slices.ContainsFunc(groups, func(g features.Group) bool { return g.Entity == "user" && g.Name == name }) {
			return nil, usageError{fmt.Errorf("--without %s: there is no group of that name about customers; `regulars features list` names them", name)}
		}
	}
	t := w.config.Training
	return &training.Pipeline{
		Workspace: w.dir, Lake: w.lake, Engine: w.engine(), Groups: groups, Models: w.models, FS: w.disk, Progress: p, Now: time.Now, OptOuts: w.optOuts,
		Options: training.Options{AsOf: asOf, HorizonDays: t.HorizonDays, ActiveDays: t.ActiveDays, RankingDays: t.RankingDays,
			TrainDates: t.TrainDates, Horizons: t.Horizons, ValueDays: t.ValueDays, ValueDiscount: t.ValueDiscount, Candidates: t.Candidates, SimilarItems: t.SimilarItems, KeepSnapshots: t.KeepSnapshots, KeepModels: t.KeepModels,
			Seed: w.config.Seed, Workers: w.config.Machine.Threads, Memory: w.config.Machine.Memory,
			Currency: w.config.Currency, TimeZone: w.config.TimeZone, Overrides: overrides, TuneFor: tuneFor,
			WithoutGroups: o.without, AllowLeaks: o.allow},
	}, nil
}

// asOf reads --as-of; without it, it is the day after the last order. One order
// from a wrong clock could move the whole shop, so that one of the future is an error.
func (w *workspace) asOf(flag string) (data.Day, error) {
	if flag != "" {
		day, err := data.ParseDay(flag)
		if err != nil {
			return 0, usageError{fmt.Errorf("--as-of: %w", err)}
		}
		return day, nil
	}
	_, last, ok, err := w.lake.Span(data.Orders)
	if err != nil {
		return 0, err
	}
	if !ok {
		return 0, errors.New("the lake holds no orders: bring some with `regulars import`")
	}
	if today := data.DayOf(time.Now()); last > today {
		return 0, fmt.Errorf("there are orders of the future, up to %s: say with --as-of which date is meant, and see whether the clock of a source is wrong", last)
	}
	return last + 1, nil
}

// withState opens the state database, which needs no lock: jobs may run.
func (w *workspace) withState(use func(*state.DB) error) (err error) {
	db, err := w.state()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	return use(db)
}

// ifState is withState where there is such a database, and nothing where there is none.
func (w *workspace) ifState(use func(*state.DB) error) error {
	if !w.stateExists() {
		return nil
	}
	return w.withState(use)
}

// recorded runs work as a run of a job: its begin, end and report go to the
// workspace's history. A scheduled run was recorded by the scheduler already.
func (w *workspace) recorded(ctx context.Context, job, asOf string, work func() (any, error)) (err error) {
	db, err := w.state()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	if id := os.Getenv(schedule.EnvRunID); id != "" {
		return recordScheduled(ctx, db, id, asOf, work)
	}
	if _, err := db.MarkInterrupted(ctx, state.ProcessAlive); err != nil {
		return err
	}
	r, err := db.StartRun(ctx, state.Run{Job: job, Trigger: state.Manual, AsOf: asOf, PID: os.Getpid()})
	if err != nil {
		return err
	}
	report, failed := work()
	return errors.Join(failed, finish(db, r.ID, report, failed))
}

// recordScheduled does the work of a run that the scheduler has recorded the
// begin of. A success is recorded here, so that it counts even when the server
// has gone; a failure is the scheduler's to record, which sees crashes as well.
func recordScheduled(ctx context.Context, db *state.DB, id, asOf string, work func() (any, error)) error {
	if err := db.Annotate(ctx, id, asOf, nil); err != nil {
		return err
	}
	report, err := work()
	if err != nil {
		return err
	}
	detail, err := json.Marshal(report)
	if err != nil {
		return err
	}
	return db.FinishRun(context.WithoutCancel(ctx), id, state.Succeeded, exitDone, "", detail)
}

// finish records the end even when the run was cancelled.
func finish(db *state.DB, id string, report any, failed error) error {
	status, code, text := state.Succeeded, exitDone, ""
	var detail json.RawMessage
	if failed != nil {
		status, code, text = state.Failed, exitFailed, failed.Error()
		if errors.Is(failed, context.Canceled) {
			status = state.Interrupted
		}
	} else {
		var err error
		if detail, err = json.Marshal(report); err != nil {
			return err
		}
	}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	return db.FinishRun(ctx, id, status, code, text, detail)
}

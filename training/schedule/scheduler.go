package schedule

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os/exec"
	"path/filepath"
	"sync"
	"time"

	"github.com/robfig/cron/v3"

	"regulars/data/state"
)

// EnvRunID is the environment variable that tells a child the id of its run,
// which its parent records.
const EnvRunID = "REGULARS_RUN_ID"

// ExitBusy is the exit code by which a child says that it did nothing, because
// the same job runs elsewhere (its lock is held). The run counts as skipped.
const ExitBusy = 75 // EX_TEMPFAIL of sysexits.h

// Options say what to run and how. Command and DB are required.
type Options struct {
	Entries  []Entry
	Location *time.Location // zone of the cron expressions; nil means UTC

	// Command makes the command of one run, not yet started: this program's own
	// file and its arguments. Its output and process attributes are set here.
	// The context is not cancelled at shutdown, because the child is to end by
	// SIGTERM.
	Command func(ctx context.Context, e Entry, runID string) *exec.Cmd

	DB      *state.DB
	Logger  *slog.Logger     // nil means no log
	Now     func() time.Time // nil means time.Now
	CatchUp bool             // run a job once at start when a tick passed while no server was up
	LogDir  string           // folder of the logs, relative to the database's; empty means "logs"
	Grace   time.Duration    // between SIGTERM and SIGKILL; 0 means 10 s
}

// Scheduler starts jobs when they are due, never two of one kind at once.
type Scheduler struct {
	opts    Options
	entries []timed
	clock   *cron.Cron

	mu      sync.Mutex
	running map[string]bool // by job
	work    sync.WaitGroup  // catch-up and Start; cron waits for its own
}

type timed struct {
	Entry
	due cron.Schedule
	id  cron.EntryID
}

// New checks the options. An expression that cannot be understood or never
// comes true is an error that names the entry and the field.
func New(opts Options) (*Scheduler, error) {
	if opts.Command == nil || opts.DB == nil {
		return nil, errors.New("schedule: Command and DB must be set")
	}
	if opts.Grace < 0 {
		return nil, fmt.Errorf("schedule: grace is %v: it must not be negative", opts.Grace)
	}
	opts.setDefaults()
	s := &Scheduler{opts: opts, running: map[string]bool{}, clock: cron.New(cron.WithLocation(opts.Location))}
	for i, e := range opts.Entries {
		if e.Job == "" {
			return nil, fmt.Errorf("schedule: entry %d has no job", i+1)
		}
		due, err := parse(e, opts.Location, opts.Now())
		if err != nil {
			return nil, err
		}
		s.entries = append(s.entries, timed{Entry: e, due: due})
	}
	return s, nil
}

func (o *Options) setDefaults() {
	if o.Location == nil {
		o.Location = time.UTC
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.LogDir == "" {
		o.LogDir = "logs"
	}
	if !filepath.IsAbs(o.LogDir) {
		o.LogDir = filepath.Join(o.DB.Dir(), o.LogDir)
	}
	if o.Grace == 0 {
		o.Grace = 10 * time.Second
	}
}

// Next returns when a job is due next, and whether it is scheduled at all.
func (s *Scheduler) Next(job string) (time.Time, bool) {
	var next time.Time
	for i := range s.entries {
		if s.entries[i].Job != job {
			continue
		}
		if t := s.nextOf(&s.entries[i]); next.IsZero() || t.Before(next) {
			next = t
		}
	}
	return next, !next.IsZero()
}

// nextOf prefers what the clock says: the next tick of "@every 6h" depends on
// when the clock was started.
func (s *Scheduler) nextOf(e *timed) time.Time {
	s.mu.Lock()
	id := e.id
	s.mu.Unlock()
	if next := s.clock.Entry(id).Next; id != 0 && !next.IsZero() {
		return next
	}
	return e.due.Next(s.opts.Now().In(s.opts.Location))
}

// Run starts jobs when they are due until ctx ends, then ends the children and
// waits for them. It may be called once. The error says why it could not begin.
func (s *Scheduler) Run(ctx context.Context) error {
	if _, err := s.opts.DB.MarkInterrupted(ctx, state.ProcessAlive); err != nil {
		return fmt.Errorf("schedule: %w", err)
	}
	missed, err := s.missed(ctx)
	if err != nil {
		return fmt.Errorf("schedule: %w", err)
	}
	// One after the other, because a machine that was down may owe every job.
	s.work.Go(func() {
		for _, e := range missed {
			s.fire(ctx, e)
		}
	})
	s.startClock(ctx)
	<-ctx.Done()
	<-s.clock.Stop().Done()
	s.work.Wait()
	return nil
}

func (s *Scheduler) startClock(ctx context.Context) {
	s.mu.Lock()
	for i := range s.entries {
		e := s.entries[i].Entry
		s.entries[i].id = s.clock.Schedule(s.entries[i].due, cron.FuncJob(func() { s.fire(ctx, e) }))
	}
	s.mu.Unlock()
	s.clock.Start()
}

// missed returns the entries, at most one a job, of which a tick has passed
// since the job last ran. A job that never ran has missed nothing.
func (s *Scheduler) missed(ctx context.Context) ([]Entry, error) {
	if !s.opts.CatchUp {
		return nil, nil
	}
	var out []Entry
	taken := map[string]bool{}
	for _, e := range s.entries {
		last, found, err := s.opts.DB.LastRun(ctx, e.Job, state.Running, state.Succeeded, state.Failed, state.Interrupted)
		if err != nil {
			return nil, err
		}
		if found && !taken[e.Job] && s.owes(e, last) {
			taken[e.Job] = true
			out = append(out, e.Entry)
		}
	}
	return out, nil
}

// owes: a tick has passed since the last run, or the server's end cut short the
// run of the last tick.
func (s *Scheduler) owes(e timed, last state.Run) bool {
	if last.Status == state.Interrupted && last.Trigger == state.Schedule {
		return true
	}
	return !e.due.Next(last.StartedAt.In(s.opts.Location)).After(s.opts.Now())
}

// fire is what a tick does. It is where errors of the bookkeeping end, in the
// log: a tick has no caller to return them to.
func (s *Scheduler) fire(ctx context.Context, e Entry) {
	if ctx.Err() != nil {
		return
	}
	if !s.take(e.Job) {
		if err := s.skip(ctx, e); err != nil {
			s.opts.Logger.Error("a skipped run was not recorded", "job", e.Job, "error", err)
		}
		return
	}
	defer s.release(e.Job)
	result, err := s.run(ctx, e)
	s.report(e.Job, result, err)
}

// report logs how a run ended.
func (s *Scheduler) report(job string, result outcome, err error) {
	log := s.opts.Logger.With("job", job)
	if err != nil {
		log.Error("a run could not be carried out or recorded", "error", err)
		return
	}
	if result.status == state.Failed {
		log.Error("run failed", "run", result.id, "exit_code", result.exitCode, "error", result.text)
		return
	}
	log.Info("run ended", "run", result.id, "status", result.status)
}

func (s *Scheduler) take(job string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.running[job] {
		return false
	}
	s.running[job] = true
	return true
}

func (s *Scheduler) release(job string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.running, job)
}

func (s *Scheduler) skip(ctx context.Context, e Entry) error {
	_, err := s.opts.DB.SkipRun(context.WithoutCancel(ctx), state.Run{Job: e.Job, Trigger: state.Schedule,
		StartedAt: s.opts.Now(), Error: "the previous run of this job was still running"})
	return err
}

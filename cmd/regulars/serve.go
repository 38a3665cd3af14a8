package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"regulars/cmd/regulars/config"
	"regulars/data/state"
	"regulars/models/snapshot"
	"regulars/serving"
	"regulars/serving/api"
	"regulars/training/schedule"
)

func newServe(g *global) *cobra.Command {
	var addr string
	var scheduled bool
	cmd := &cobra.Command{
		Use:   "serve",
		Short: "Answer over HTTP from the current snapshot",
		Long: `Answer over HTTP from the current snapshot, and take over every newer one as it
is published. With --schedule, also run the jobs of regulars.yaml by the clock,
each in a child process.`,
		Example: `  regulars serve --workspace my-shop
  regulars serve --workspace my-shop --schedule`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			w, err := g.open(false)
			if err != nil {
				return err
			}
			if addr != "" {
				w.config.Serve.Addr = addr
				if err := w.config.Validate(); err != nil {
					return usageError{fmt.Errorf("--addr: %w", err)}
				}
			}
			s, err := w.newServer(g.stderr, scheduled)
			if err != nil {
				return err
			}
			return s.run(cmd.Context())
		},
	}
	cmd.Flags().StringVar(&addr, "addr", "", "host:port to listen on (default: serve.addr of regulars.yaml, 127.0.0.1:8080)")
	cmd.Flags().BoolVar(&scheduled, "schedule", false, "also run the scheduled jobs")
	return cmd
}

// server is everything that runs while `regulars serve` does.
type server struct {
	listener  net.Listener
	store     *serving.Store
	db        *state.DB
	scheduler *schedule.Scheduler // nil without --schedule
	log       *slog.Logger
	refresh   time.Duration
	lang      serving.Lang
	fresh     bool // nothing was published yet
}

// newServer binds the address; run closes what it opened.
func (w *workspace) newServer(logs io.Writer, scheduled bool) (*server, error) {
	s := &server{log: slog.New(slog.NewTextHandler(logs, nil)), refresh: w.config.Serve.Refresh, lang: serving.Lang(w.config.Serve.Lang)}
	_, published, currentErr := snapshot.Current(w.snapshots())
	s.fresh = !published && currentErr == nil
	if err := s.openHistory(w, scheduled); err != nil {
		return nil, err
	}
	var err error
	s.store = serving.NewStore(w.snapshots(), serving.Options{Report: s.reportSwap})
	if s.listener, err = net.Listen("tcp", w.config.Serve.Addr); err != nil {
		return nil, errors.Join(fmt.Errorf("listening on %s: %w", w.config.Serve.Addr, err), s.closeHistory())
	}
	return s, nil
}

// openHistory opens the job history, and the schedule that writes to it. A disk
// that is full or read-only takes the history away, not the answers.
func (s *server) openHistory(w *workspace, scheduled bool) (err error) {
	if s.db, err = w.state(); err == nil {
		_, err = s.db.MarkInterrupted(context.Background(), state.ProcessAlive)
	}
	if err != nil && !scheduled {
		s.log.Warn("the job history cannot be opened; everything else is answered", "error", err)
		return errors.Join(s.closeHistory())
	}
	if err != nil {
		return errors.Join(err, s.closeHistory())
	}
	if !scheduled {
		return nil
	}
	if len(w.config.Schedule.Jobs) == 0 {
		s.log.Warn("no job is scheduled: schedule.jobs of " + config.FileName + " is empty")
	}
	if s.scheduler, err = w.scheduler(s.db, s.log); err != nil {
		return errors.Join(err, s.closeHistory())
	}
	for _, j := range w.config.Schedule.Jobs {
		if next, ok := s.scheduler.Next(j.Job); ok {
			s.log.Info("scheduled", "job", j.Job, "cron", j.Cron, "next", next.Format(time.RFC3339))
		}
	}
	return nil
}

func (s *server) closeHistory() error {
	if s.db == nil {
		return nil
	}
	db := s.db
	s.db = nil
	return db.Close()
}

// history is what the job routes show: nothing without a database.
func (s *server) history() api.JobHistory {
	if s.db == nil {
		return nil
	}
	return jobHistory{s.db}
}

func (s *server) reportSwap(version string, err error) {
	if err != nil {
		state := "the one before stays in use"
		if errors.Is(err, serving.ErrNotReady) {
			state = "nothing is loaded"
		}
		s.log.Error("snapshot refused; "+state, "snapshot", version, "error", err)
		return
	}
	s.log.Info("snapshot in use", "snapshot", version)
}

// run answers until ctx ends, then lets requests and jobs come to an end.
func (s *server) run(ctx context.Context) error {
	defer s.store.Close()
	handler := api.New(api.Options{Store: s.store, Jobs: s.history(), Lang: s.lang, Logger: s.log})
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return ignoreCancel(s.store.Watch(ctx, s.refresh)) })
	g.Go(func() error { return api.Serve(ctx, s.listener, handler, s.log) })
	if s.scheduler != nil {
		g.Go(func() error { return ignoreCancel(s.scheduler.Run(ctx)) })
	}
	s.log.Info("listening", "address", "http://"+s.listener.Addr().String())
	if s.fresh {
		s.log.Warn("there is no snapshot yet, so that every question is answered with 503: make one with `regulars run pipeline`")
	}
	return errors.Join(g.Wait(), s.closeHistory())
}

func ignoreCancel(err error) error {
	if errors.Is(err, context.Canceled) {
		return nil
	}
	return err
}

// scheduler runs the configured jobs, each as `regulars run JOB` of this program.
func (w *workspace) scheduler(db *state.DB, log *slog.Logger) (*schedule.Scheduler, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("finding this program's own file: %w", err)
	}
	zone, err := w.config.Location()
	if err != nil {
		return nil, err
	}
	var entries []schedule.Entry
	for _, j := range w.config.Schedule.Jobs {
		entries = append(entries, schedule.Entry{Job: j.Job, Cron: j.Cron})
	}
	return schedule.New(schedule.Options{
		Entries: entries, Location: zone, DB: db, Logger: log,
		CatchUp: w.config.Schedule.CatchUp, Grace: w.config.Schedule.Grace,
		Command: func(ctx context.Context, e schedule.Entry, _ string) *exec.Cmd {
			return exec.CommandContext(ctx, self, append([]string{"run", e.Job, "--workspace", w.dir}, e.Args...)...)
		},
	})
}

// jobHistory shows the workspace's runs to the API.
type jobHistory struct{ db *state.DB }

func (h jobHistory) Jobs(ctx context.Context, limit int) ([]api.Job, error) {
	runs, err := h.db.Runs(ctx, state.RunFilter{Limit: limit})
	if err != nil {
		return nil, err
	}
	out := make([]api.Job, len(runs))
	for i, r := range runs {
		out[i] = apiJob(r)
		out[i].Detail = nil // a list shows a line a run; the run itself has its report
	}
	return out, nil
}

func (h jobHistory) Job(ctx context.Context, id string) (api.Job, bool, error) {
	r, ok, err := h.db.Run(ctx, id)
	return apiJob(r), ok, err
}

// apiJob leaves out the error's text, which may name paths: `regulars jobs
// show` has it for those who are on the machine.
func apiJob(r state.Run) api.Job {
	j := api.Job{ID: r.ID, Name: r.Job, Trigger: r.Trigger, Status: r.Status, AsOf: r.AsOf, StartedAt: r.StartedAt, Detail: r.Detail}
	if r.Status == state.Failed {
		j.Error = "see `regulars jobs show " + r.ID + "`"
	}
	if !r.FinishedAt.IsZero() {
		j.FinishedAt, j.ExitCode = &r.FinishedAt, &r.ExitCode
	}
	return j
}

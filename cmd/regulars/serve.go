package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"regulars/cmd/regulars/config"
	"regulars/data/state"
	"regulars/models/snapshot"
	"regulars/serving"
	"regulars/serving/api"
	"regulars/serving/audience"
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
each in a child process.

Without a key (see ` + "`regulars keys`" + `) everybody on this machine may ask, and an
address that other machines can reach is refused.`,
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
			gatherGarbage()
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
	keys      *state.Keyring      // nil where no state.db could be made
	privacy   *register           // nil where there is no state.db, or it cannot be written
	marks     *state.Marks        // of privacy, or those that could be read; nil where there are none
	cert      *api.Certificate    // nil: plain HTTP
	scheduler *schedule.Scheduler // nil where runs cannot be recorded; without --schedule it starts only what is asked for
	scheduled bool
	workspace *workspace
	intake    intake
	flusher   *flusher
	placing   placing
	log       *slog.Logger
	logs      *api.LogBuffer
	watched   config.Serve // how the server is watched: ages, paths in the log, traces
	refresh   time.Duration
	lang      serving.Lang
	rate      api.Rate
	fresh     bool // nothing was published yet
	audiences *audience.Engine
}

// newServer binds the address; run closes what it opened.
func (w *workspace) newServer(logs io.Writer, scheduled bool) (*server, error) {
	c := w.config.Serve
	buffer := api.NewLogBuffer(logs)
	s := &server{workspace: w, scheduled: scheduled, log: slog.New(buffer.Handler(logFormat(c.LogFormat))), logs: buffer, watched: c, refresh: time.Duration(c.Refresh), lang: serving.Lang(c.Lang),
		rate: api.Rate{PerSecond: c.Rate.PerSecond, Burst: c.Rate.Burst}}
	_, published, currentErr := snapshot.Current(w.snapshots())
	s.fresh = !published && currentErr == nil
	if err := s.openState(w, scheduled); err != nil {
		return nil, errors.Join(err, buffer.Flush())
	}
	s.openIntake(w)
	s.store = serving.NewStore(w.snapshots(), serving.Options{Report: s.reportSwap, Live: s.live(), Counts: &s.placing.counts})
	err := s.openPlacements(w)
	if err == nil {
		err = w.openCertificate(s)
	}
	if err == nil {
		s.audiences, err = w.audiences(s.store, s.live())
	}
	if err == nil {
		err = s.bind(c.Addr, w.dir)
	}
	if err != nil {
		return nil, errors.Join(err, s.abandon())
	}
	return s, nil
}

// abandon closes a server that does not run.
func (s *server) abandon() error {
	s.store.Close()
	err := errors.Join(s.closePlacements(), s.intake.close(), s.closeHistory(), s.logs.Flush())
	if s.listener != nil {
		err = errors.Join(err, s.listener.Close())
	}
	return err
}

// openState opens the keys, the job history, and the schedule that writes to
// it. A disk that is full or read-only takes the history away, not the answers.
func (s *server) openState(w *workspace, scheduled bool) error {
	unopened, err := s.openKeys(w)
	if err != nil {
		return err
	}
	if unopened == nil {
		_, unopened = s.db.MarkInterrupted(context.Background(), state.ProcessAlive)
	}
	switch {
	case unopened != nil && scheduled:
		return errors.Join(unopened, s.closeHistory())
	case unopened != nil:
		s.log.Warn("jobs and the use of keys cannot be recorded, and changes of keys may go unseen; everything else is answered", "error", unopened)
		return nil
	case scheduled:
		return s.openSchedule(w)
	}
	if s.scheduler, err = w.scheduler(s.db, s.log, nil); err != nil {
		return errors.Join(err, s.closeHistory())
	}
	return nil
}

// openKeys opens the state database and reads the keys. Where it cannot be
// opened, which is the first error, keys must be readable all the same: else it
// cannot be told who may ask, and nobody is let in.
func (s *server) openKeys(w *workspace) (unopened, err error) {
	existed, ctx := w.stateExists(), context.Background()
	db, unopened := w.state()
	if unopened == nil {
		if s.keys, err = db.Keyring(ctx); err != nil {
			return nil, errors.Join(err, db.Close())
		}
		s.db = db
		if s.privacy, err = w.register(ctx, db, s.log); err != nil {
			return nil, errors.Join(err, s.closeHistory())
		}
		s.marks = s.privacy.marks
		return nil, nil
	}
	if existed {
		if s.keys, err = state.ReadKeyring(ctx, w.statePath()); err != nil {
			return nil, fmt.Errorf("without the keys it cannot be told who may ask: %w", unopened)
		}
		if s.marks, err = state.ReadMarks(ctx, w.statePath()); err != nil {
			return nil, fmt.Errorf("it cannot be told who was erased or refuses personalisation: %w", errors.Join(unopened, err))
		}
	}
	return unopened, nil
}

func (s *server) openSchedule(w *workspace) (err error) {
	if len(w.config.Schedule.Jobs) == 0 {
		s.log.Warn("no job is scheduled: schedule.jobs of " + config.FileName + " is empty")
	}
	if s.scheduler, err = w.scheduler(s.db, s.log, w.config.Schedule.Jobs); err != nil {
		return errors.Join(err, s.closeHistory())
	}
	for _, j := range w.config.Schedule.Jobs {
		if next, ok := s.scheduler.Next(j.Job); ok {
			s.log.Info("scheduled", "job", j.Job, "cron", j.Cron, "next", next.Format(time.RFC3339))
		}
	}
	return nil
}

// openCertificate reads the certificate that serve.tls_cert names, if it does.
func (w *workspace) openCertificate(s *server) (err error) {
	if w.config.Serve.TLSCert == "" {
		return nil
	}
	s.cert, err = api.OpenCertificate(w.path(w.config.Serve.TLSCert), w.path(w.config.Serve.TLSKey))
	if err != nil {
		return fmt.Errorf("serve.tls_cert and serve.tls_key: %w", err)
	}
	s.reportCertificate(nil)
	return nil
}

// path returns a path of the configuration, which may be relative to the workspace.
func (w *workspace) path(configured string) string {
	if filepath.IsAbs(configured) {
		return configured
	}
	return filepath.Join(w.dir, configured)
}

// bind listens on an address. One that other machines can reach needs keys.
func (s *server) bind(addr, workspace string) error {
	at, err := net.ResolveTCPAddr("tcp", addr)
	if err != nil {
		return fmt.Errorf("listening on %s: %w", addr, err)
	}
	local := at.IP.IsLoopback()
	if !local && !s.keysNeeded() {
		return usageError{fmt.Errorf("other machines can reach %s, and there is no key to tell who may ask: make one with `regulars keys create --workspace %s --role storefront`, or listen on 127.0.0.1", addr, workspace)}
	}
	listener, err := net.ListenTCP("tcp", at)
	if errors.Is(err, syscall.EADDRINUSE) {
		return fmt.Errorf("%s is in use already: name another with --addr, or end what listens there: %w", addr, err)
	}
	if err != nil {
		return fmt.Errorf("listening on %s: %w", addr, err)
	}
	s.listener = listener
	if s.cert != nil {
		s.listener = tls.NewListener(listener, s.cert.Config())
	} else if !local {
		s.log.Warn("keys and answers travel in the clear: name a certificate in serve.tls_cert, or put a proxy with one in front")
	}
	if s.keysNeeded() && s.keys.Usable() == 0 {
		s.log.Warn("no key is valid, so that nobody may ask: make one with `regulars keys create`")
	}
	return nil
}

func (s *server) keysNeeded() bool { return s.keys != nil && s.keys.Needed() }

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
	s.checkAudiences()
	s.checkPlacements()
}

// lookAgain is how often the server looks whether keys or certificates changed.
const lookAgain = time.Second

func (s *server) reportKeys(err error) {
	if err != nil {
		s.log.Error("keys: those last known stay in use", "error", err)
		return
	}
	s.log.Info("keys: all is well again")
}

func (s *server) reportCertificate(err error) {
	if err != nil {
		s.log.Error("certificate: the one before stays in use", "error", err)
		return
	}
	s.log.Info("certificate in use", "expires", s.cert.Expires().Format(time.RFC3339))
}

func (s *server) scheme() string {
	if s.cert != nil {
		return "https"
	}
	return "http"
}

// access is who may ask: everybody where there has never been a database.
func (s *server) access() api.Keys {
	if s.keys == nil {
		return nil
	}
	return keyring{s.keys}
}

// run answers until ctx ends, then lets requests and jobs come to an end.
func (s *server) run(ctx context.Context) (err error) {
	defer s.store.Close()
	defer func() { err = errors.Join(err, s.logs.Flush()) }()
	traces, err := s.openTraces()
	if err != nil {
		return errors.Join(err, s.listener.Close(), s.closePlacements(), s.closeIntake(), s.closeHistory())
	}
	defer func() { traces.close(s.log) }()
	g, ctx := errgroup.WithContext(ctx)
	handler := api.New(s.apiOptions(ctx, traces))
	if s.db != nil {
		g.Go(func() error { return ignoreCancel(s.keys.Watch(ctx, lookAgain, s.reportKeys)) })
		g.Go(func() error { return ignoreCancel(s.privacy.run(ctx)) })
	}
	if s.cert != nil {
		g.Go(func() error { return ignoreCancel(s.cert.Watch(ctx, lookAgain, s.reportCertificate)) })
	}
	g.Go(func() error { return ignoreCancel(s.store.Watch(ctx, s.refresh)) })
	g.Go(func() error { return api.Serve(ctx, s.listener, handler, s.log) })
	g.Go(func() error { return s.logs.Run(ctx) })
	g.Go(func() error { s.watchAge(ctx); return nil })
	g.Go(func() error { return s.awaitIntake(ctx, openAgain) })
	g.Go(func() error { return s.runFlusher(ctx) })
	if s.placing.explores() {
		g.Go(func() error { return s.runCounts(ctx) })
	}
	if s.scheduler != nil {
		g.Go(func() error { return s.runScheduler(ctx) })
	}
	s.log.Info("listening", "address", s.scheme()+"://"+s.listener.Addr().String())
	if s.fresh {
		s.log.Warn("there is no snapshot yet, so that every question is answered with 503: make one with `regulars run pipeline`")
	}
	return errors.Join(g.Wait(), s.closePlacements(), s.closeIntake(), s.closeHistory())
}

// runScheduler runs jobs until ctx ends. Without --schedule nobody counts on
// them, so that a history which cannot be written is no reason to stop answering.
func (s *server) runScheduler(ctx context.Context) error {
	err := ignoreCancel(s.scheduler.Run(ctx))
	if err != nil && !s.scheduled {
		s.log.Error("jobs that are asked for cannot be looked after", "error", err)
		return nil
	}
	return err
}

func ignoreCancel(err error) error {
	if errors.Is(err, context.Canceled) {
		return nil
	}
	return err
}

// scheduler runs jobs, when they are due or asked for, each as `regulars run JOB`
// of this program.
func (w *workspace) scheduler(db *state.DB, log *slog.Logger, jobs []config.Job) (*schedule.Scheduler, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("finding this program's own file: %w", err)
	}
	zone, err := w.config.Location()
	if err != nil {
		return nil, err
	}
	var entries []schedule.Entry
	for _, j := range jobs {
		entries = append(entries, schedule.Entry{Job: j.Job, Cron: j.Cron})
	}
	return schedule.New(schedule.Options{
		Entries: entries, Location: zone, DB: db, Logger: log,
		CatchUp: w.config.Schedule.CatchUp, Grace: time.Duration(w.config.Schedule.Grace),
		Command: func(ctx context.Context, e schedule.Entry, _ string) *exec.Cmd {
			return exec.CommandContext(ctx, self, append([]string{"run", e.Job, "--workspace", w.dir}, e.Args...)...)
		},
	})
}

// keyring shows the workspace's keys to the API.
type keyring struct{ keys *state.Keyring }

func (k keyring) Needed() bool { return k.keys.Needed() }

func (k keyring) Check(key string) (api.Caller, api.KeyState) {
	found, status := k.keys.Check(key)
	return api.Caller{ID: found.ID, Role: api.Role(found.Role)}, api.KeyState(status)
}

// jobHistory shows the workspace's runs to the API.
type jobHistory struct{ db *state.DB }

func (h jobHistory) Jobs(ctx context.Context, f api.JobFilter) ([]api.Job, error) {
	runs, err := h.db.Runs(ctx, runFilter(f))
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

package schedule

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"regulars/data/state"
)

// childEnv makes this test binary a job; its value says which.
const childEnv = "SCHEDULE_TEST_CHILD"

func TestMain(m *testing.M) {
	if kind := os.Getenv(childEnv); kind != "" {
		os.Exit(job(kind))
	}
	os.Exit(m.Run())
}

// job is what a child process does; it returns its exit code.
func job(kind string) int {
	fmt.Printf("%s is run %s\n", kind, os.Getenv(EnvRunID))
	switch kind {
	case "fail":
		for i := range 20 {
			fmt.Fprintf(os.Stderr, "complaint %d\n", i)
		}
		return 3
	case "busy":
		return ExitBusy
	case "killed":
		_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
		time.Sleep(time.Minute)
	case "nice":
		return waitForNiceness()
	case "long":
		time.Sleep(1500 * time.Millisecond)
	case "polite":
		terminated := make(chan os.Signal, 1)
		signal.Notify(terminated, syscall.SIGTERM)
		fmt.Println("ready")
		<-terminated
		fmt.Println("tidied up")
		return 1
	case "stubborn":
		signal.Ignore(syscall.SIGTERM)
		helper := exec.Command(os.Args[0])
		helper.Env = append(os.Environ(), childEnv+"=stubborn helper")
		if err := helper.Start(); err != nil {
			return 1
		}
		fmt.Println("helper", helper.Process.Pid)
		time.Sleep(time.Minute)
	case "stubborn helper":
		signal.Ignore(syscall.SIGTERM)
		time.Sleep(time.Minute)
	}
	return 0
}

// waitForNiceness: the priority is lowered from outside, just after the start.
// The system call counts from 20 down: 20 - niceness.
func waitForNiceness() int {
	for range 300 {
		if raw, err := syscall.Getpriority(syscall.PRIO_PROCESS, 0); err == nil && raw <= 20-niceness {
			return 0
		}
		time.Sleep(10 * time.Millisecond)
	}
	return 1
}

func command(ctx context.Context, e Entry, _ string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, os.Args[0], e.Args...)
	cmd.Env = append(os.Environ(), childEnv+"="+e.Job)
	return cmd
}

func openState(t *testing.T) *state.DB {
	t.Helper()
	db, err := state.Open(filepath.Join(t.TempDir(), "state.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return db
}

// yesterday gives a job a run in the past, so that a tick was missed since.
func yesterday(t *testing.T, db *state.DB, job, status string) {
	t.Helper()
	r, err := db.StartRun(t.Context(), state.Run{Job: job, Trigger: state.Schedule, StartedAt: time.Now().Add(-25 * time.Hour)})
	if err != nil {
		t.Fatal(err)
	}
	if err := db.FinishRun(t.Context(), r.ID, status, 0, "", nil); err != nil {
		t.Fatal(err)
	}
}

// serve runs a scheduler until done is true or half a minute has passed.
func serve(t *testing.T, opts Options, done func() bool) *Scheduler {
	t.Helper()
	s, err := New(opts)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	result := make(chan error, 1)
	go func() { result <- s.Run(ctx) }()
	for deadline := time.Now().Add(30 * time.Second); !done(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Error("nothing happened in 30 s")
			break
		}
	}
	cancel()
	if err := <-result; err != nil {
		t.Fatal(err)
	}
	return s
}

func newest(t *testing.T, db *state.DB, job string) state.Run {
	t.Helper()
	r, _, err := db.LastRun(context.WithoutCancel(t.Context()), job)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func readLog(t *testing.T, db *state.DB, r state.Run) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(db.Dir(), r.Log))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// TestOutcomes runs one child of each kind through catch-up and compares what
// the history tells.
func TestOutcomes(t *testing.T) {
	cases := []struct {
		job, status string
		exitCode    int
		text        string
	}{
		{"succeed", state.Succeeded, 0, ""},
		{"fail", state.Failed, 3, "complaint 12\ncomplaint 13\ncomplaint 14\ncomplaint 15\ncomplaint 16\ncomplaint 17\ncomplaint 18\ncomplaint 19"},
		{"busy", state.Skipped, ExitBusy, "another job was at work"},
		{"killed", state.Failed, -1, "killed from outside"},
		{"nice", state.Succeeded, 0, ""},
	}
	db := openState(t)
	opts := Options{DB: db, Command: command, CatchUp: true}
	for _, tc := range cases {
		yesterday(t, db, tc.job, state.Succeeded)
		opts.Entries = append(opts.Entries, Entry{Job: tc.job, Cron: "@daily"})
	}
	last := cases[len(cases)-1].job
	serve(t, opts, func() bool {
		r := newest(t, db, last)
		return r.StartedAt.After(time.Now().Add(-time.Hour)) && r.Status != state.Running
	})
	for _, tc := range cases {
		r := newest(t, db, tc.job)
		if r.Status != tc.status || r.ExitCode != tc.exitCode || !strings.Contains(r.Error, tc.text) || (tc.text == "") != (r.Error == "") {
			t.Errorf("%s: %s, exit code %d, error %q; want %s, %d, %q", tc.job, r.Status, r.ExitCode, r.Error, tc.status, tc.exitCode, tc.text)
		}
		if want := tc.job + " is run " + r.ID; !strings.Contains(readLog(t, db, r), want) {
			t.Errorf("%s: log %q lacks %q", tc.job, readLog(t, db, r), want)
		}
		if r.Trigger != state.Schedule || r.PID == os.Getpid() || r.FinishedAt.Before(r.StartedAt) {
			t.Errorf("%s: %+v", tc.job, r)
		}
	}
}

// TestTicksNeverOverlap: a child of 1.5 s with a tick a second.
func TestTicksNeverOverlap(t *testing.T) {
	db := openState(t)
	runs := func(statuses ...string) []state.Run {
		list, err := db.Runs(context.WithoutCancel(t.Context()), state.RunFilter{Statuses: statuses})
		if err != nil {
			t.Fatal(err)
		}
		return list
	}
	opts := Options{DB: db, Command: command, Entries: []Entry{{Job: "long", Cron: "@every 1s"}}}
	serve(t, opts, func() bool { return len(runs(state.Succeeded)) >= 2 })
	if len(runs(state.Skipped)) == 0 {
		t.Error("no tick was recorded as skipped")
	}
	done := runs(state.Succeeded)
	for i := 1; i < len(done); i++ { // newest first
		if done[i-1].StartedAt.Before(done[i].FinishedAt) {
			t.Errorf("%s began before %s had ended", done[i-1].ID, done[i].ID)
		}
	}
}

func TestShutdownEndsChildren(t *testing.T) {
	db := openState(t)
	yesterday(t, db, "polite", state.Succeeded)
	opts := Options{DB: db, Command: command, CatchUp: true, Entries: []Entry{{Job: "polite", Cron: "@daily"}}}
	running := func(job, sign string) func() bool {
		return func() bool {
			r := newest(t, db, job)
			return r.Status == state.Running && r.PID != os.Getpid() && strings.Contains(readLog(t, db, r), sign)
		}
	}
	serve(t, opts, running("polite", "ready"))
	r := newest(t, db, "polite")
	if r.Status != state.Interrupted || r.ExitCode != 1 || !strings.Contains(r.Error, "tidied up") {
		t.Errorf("a child that ends by itself: %+v", r)
	}

	yesterday(t, db, "stubborn", state.Succeeded)
	opts.Entries[0].Job = "stubborn"
	opts.Grace = 100 * time.Millisecond
	serve(t, opts, running("stubborn", "helper "))
	r = newest(t, db, "stubborn")
	if r.Status != state.Interrupted || r.ExitCode != -1 {
		t.Errorf("a child that must be killed: %+v", r)
	}
	_, text, _ := strings.Cut(readLog(t, db, r), "helper ")
	pid, err := strconv.Atoi(strings.TrimSpace(strings.SplitN(text, "\n", 2)[0]))
	if err != nil {
		t.Fatal(err)
	}
	for range 200 {
		if gone(pid) {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Errorf("process %d, which the child had started, is an orphan", pid)
}

// gone also holds for a zombie: dead, and waiting for an init that may be slow.
func gone(pid int) bool {
	if errors.Is(syscall.Kill(pid, 0), syscall.ESRCH) {
		return true
	}
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	return err == nil && strings.Contains(string(status), ") Z ")
}

// TestMissed checks which jobs are owed a run when the server starts on
// Wednesday 2026-01-07 at 12:00 in Shanghai (04:00 UTC).
func TestMissed(t *testing.T) {
	shanghai := time.FixedZone("Asia/Shanghai", 8*60*60)
	now := time.Date(2026, 1, 7, 12, 0, 0, 0, shanghai)
	for _, tc := range []struct {
		name, cron, status, trigger string
		ago                         time.Duration
		want                        bool
	}{
		{"ran after today's tick", "0 3 * * *", state.Succeeded, state.Schedule, 8 * time.Hour, false},
		{"ran before today's tick", "0 3 * * *", state.Succeeded, state.Schedule, 10 * time.Hour, true},
		{"tick is at 11 in Shanghai, not in UTC", "0 11 * * *", state.Succeeded, state.Schedule, 2 * time.Hour, true},
		{"a run by hand counts", "0 3 * * *", state.Succeeded, state.Manual, time.Hour, false},
		{"a failure is not repeated", "0 3 * * *", state.Failed, state.Schedule, 8 * time.Hour, false},
		{"cut short by the server's end", "0 3 * * *", state.Interrupted, state.Schedule, time.Hour, true},
		{"cut short by hand", "0 3 * * *", state.Interrupted, state.Manual, time.Hour, false},
		{"skipped does not count as run", "0 3 * * *", state.Skipped, state.Schedule, time.Hour, false},
		{"weekly, not due", "0 3 * * MON", state.Succeeded, state.Schedule, 48 * time.Hour, false},
		{"weekly, missed Monday", "0 3 * * MON", state.Succeeded, state.Schedule, 72 * time.Hour, true},
		{"every six hours, missed", "@every 6h", state.Succeeded, state.Schedule, 7 * time.Hour, true},
		{"never ran", "0 3 * * *", "", "", 0, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			db := openState(t)
			if tc.status != "" {
				recordRun(t, db, state.Run{Job: "train", Trigger: tc.trigger, StartedAt: now.Add(-tc.ago)}, tc.status)
			}
			s, err := New(Options{DB: db, Command: command, CatchUp: true, Location: shanghai, Now: func() time.Time { return now },
				Entries: []Entry{{Job: "train", Cron: tc.cron}, {Job: "train", Cron: tc.cron}}})
			if err != nil {
				t.Fatal(err)
			}
			missed, err := s.missed(t.Context())
			if err != nil || len(missed) > 1 || len(missed) == 1 != tc.want {
				t.Errorf("%d missed, %v; want %v and at most once", len(missed), err, tc.want)
			}
		})
	}
}

func recordRun(t *testing.T, db *state.DB, r state.Run, status string) {
	t.Helper()
	r, err := db.StartRun(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	if err := db.FinishRun(t.Context(), r.ID, status, 0, "", nil); err != nil {
		t.Fatal(err)
	}
}

func TestNext(t *testing.T) {
	shanghai := time.FixedZone("Asia/Shanghai", 8*60*60)
	now := time.Date(2026, 1, 7, 12, 0, 0, 0, shanghai)
	s, err := New(Options{DB: openState(t), Command: command, Location: shanghai, Now: func() time.Time { return now },
		Entries: []Entry{{Job: "train", Cron: "0 3 * * *"}, {Job: "train", Cron: "30 20 * * *"}, {Job: "score", Cron: "0 3 1 2 *"}}})
	if err != nil {
		t.Fatal(err)
	}
	for job, want := range map[string]time.Time{
		"train": time.Date(2026, 1, 7, 20, 30, 0, 0, shanghai),
		"score": time.Date(2026, 2, 1, 3, 0, 0, 0, shanghai),
	} {
		if got, ok := s.Next(job); !ok || !got.Equal(want) {
			t.Errorf("%s: %v %v, want %v", job, got, ok, want)
		}
	}
	if _, ok := s.Next("import"); ok {
		t.Error("import has a next time and no entry")
	}
}

func TestBadEntries(t *testing.T) {
	db := openState(t)
	for spec, want := range map[string]string{
		"":                    "has 0 fields",
		"0 3 * *":             "has 4 fields",
		"0 0 3 * * *":         "has 6 fields",
		"61 3 * * *":          `field minute is "61"`,
		"0 24 * * *":          `field hour is "24"`,
		"0 3 0 * *":           `field day of month is "0"`,
		"0 3 * JANUARY *":     `field month is "JANUARY"`,
		"0 3 * * 8":           `field day of week is "8"`,
		"*/0 3 * * *":         `field minute is "*/0"`,
		"@dayly":              "@dayly",
		"@every soon":         "soon",
		"0 3 31 2 *":          "no such date",
		"TZ=Nowhere":          "time zone is set once",
		"CRON_TZ=UTC 0 3 * *": "time zone is set once",
	} {
		_, err := New(Options{DB: db, Command: command, Entries: []Entry{{Job: "train", Cron: spec}}})
		if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "schedule of train") {
			t.Errorf("%q: %v; want it to name the entry and say %q", spec, err, want)
		}
	}
	for want, opts := range map[string]Options{
		"must be set":          {},
		"entry 1 has no job":   {DB: db, Command: command, Entries: []Entry{{Cron: "@daily"}}},
		"must not be negative": {DB: db, Command: command, Grace: -1},
	} {
		if _, err := New(opts); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v; want it to say %q", err, want)
		}
	}
}

// FuzzCron: any text is a schedule or an error, never a panic.
func FuzzCron(f *testing.F) {
	for _, seed := range []string{"0 3 * * *", "@daily", "@every 1h", "TZ=", "*/5 0-23/2 1,15 JAN-DEC SUN", "@every -1s"} {
		f.Add(seed)
	}
	now := time.Date(2026, 1, 7, 12, 0, 0, 0, time.UTC)
	f.Fuzz(func(t *testing.T, spec string) {
		due, err := parse(Entry{Job: "train", Cron: spec}, time.UTC, now)
		if err == nil && !due.Next(now).After(now) {
			t.Errorf("%q is next due at %v, which is not later than %v", spec, due.Next(now), now)
		}
	})
}

func TestUnstartableCommand(t *testing.T) {
	db := openState(t)
	yesterday(t, db, "train", state.Succeeded)
	nowhere := func(ctx context.Context, _ Entry, _ string) *exec.Cmd {
		return exec.CommandContext(ctx, filepath.Join(db.Dir(), "no such program"))
	}
	serve(t, Options{DB: db, Command: nowhere, CatchUp: true, Entries: []Entry{{Job: "train", Cron: "@daily"}}},
		func() bool { return newest(t, db, "train").Status == state.Failed })
	if r := newest(t, db, "train"); !strings.Contains(r.Error, "no such program") {
		t.Errorf("error is %q", r.Error)
	}
}

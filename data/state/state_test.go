package state

import (
	"bufio"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// childEnv makes this test binary a job that records runs until it is killed;
// its value is the database's path.
const childEnv = "STATE_TEST_CHILD"

func TestMain(m *testing.M) {
	if path := os.Getenv(childEnv); path != "" {
		if err := recordForEver(path); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}
	os.Exit(m.Run())
}

// recordForEver prints the id of each run once its end is on disk.
func recordForEver(path string) error {
	db, err := Open(path)
	if err != nil {
		return err
	}
	ctx := context.Background()
	for {
		r, err := db.StartRun(ctx, Run{Job: "child", Trigger: Manual, PID: os.Getpid()})
		if err != nil {
			return err
		}
		if err := db.FinishRun(ctx, r.ID, Succeeded, 0, "", json.RawMessage(`{"rows":1}`)); err != nil {
			return err
		}
		fmt.Println(r.ID)
	}
}

func open(t *testing.T, path string) *DB {
	t.Helper()
	db, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	return db
}

func at(s string) time.Time {
	t, err := time.Parse(time.RFC3339Nano, s)
	if err != nil {
		panic(err)
	}
	return t
}

func start(t *testing.T, db *DB, r Run) Run {
	t.Helper()
	if r.Trigger == "" {
		r.Trigger = Manual
	}
	r, err := db.StartRun(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestRunLifeSurvivesReopening(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a folder?with#odd%20name", "state.db")
	if err := os.Mkdir(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	db, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	db.Now = func() time.Time { return at("2026-01-02T03:09:05.5Z") }
	r := start(t, db, Run{Job: "pipeline", Trigger: Schedule, AsOf: "2026-01-01", StartedAt: at("2026-01-02T03:04:05.123456789+02:00"), PID: 7, Log: "logs/"})
	if err := db.SetPID(t.Context(), r.ID, 8); err != nil {
		t.Fatal(err)
	}
	if err := db.Annotate(t.Context(), r.ID, "", json.RawMessage(`{"auc":0.8}`)); err != nil {
		t.Fatal(err)
	}
	if err := db.FinishRun(t.Context(), r.ID, Failed, 3, "disk full\xff", nil); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	got, found, err := open(t, path).Run(t.Context(), "20260102T010405Z-0000")
	if err != nil || !found {
		t.Fatal(found, err)
	}
	want := Run{ID: "20260102T010405Z-0000", Job: "pipeline", Trigger: Schedule, Status: Failed, AsOf: "2026-01-01",
		StartedAt: at("2026-01-02T01:04:05.123456Z"), FinishedAt: at("2026-01-02T03:09:05.5Z"), PID: 8, ExitCode: 3,
		Error: "disk full\uFFFD", Log: "logs/20260102T010405Z-0000.log", Detail: json.RawMessage(`{"auc":0.8}`)}
	if fmt.Sprintf("%+v", got) != fmt.Sprintf("%+v", want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
}

func TestRunsNewestFirst(t *testing.T) {
	db := open(t, filepath.Join(t.TempDir(), "state.db"))
	second := at("2026-01-02T03:04:05Z")
	a := start(t, db, Run{Job: "train", StartedAt: second})
	b := start(t, db, Run{Job: "score", StartedAt: second.Add(time.Millisecond)})
	c := start(t, db, Run{Job: "train", StartedAt: second.Add(time.Hour)})
	if err := db.FinishRun(t.Context(), a.ID, Succeeded, 0, "", nil); err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		filter RunFilter
		want   []string
	}{
		{RunFilter{}, []string{c.ID, b.ID, a.ID}},
		{RunFilter{Limit: 2}, []string{c.ID, b.ID}},
		{RunFilter{Job: "train"}, []string{c.ID, a.ID}},
		{RunFilter{Job: "train", Statuses: []string{Succeeded, Failed}}, []string{a.ID}},
		{RunFilter{Statuses: []string{Running}}, []string{c.ID, b.ID}},
		{RunFilter{Job: "'; DROP TABLE runs; --"}, nil},
	} {
		runs, err := db.Runs(t.Context(), tc.filter)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, r := range runs {
			got = append(got, r.ID)
		}
		if strings.Join(got, " ") != strings.Join(tc.want, " ") {
			t.Errorf("%+v: got %v, want %v", tc.filter, got, tc.want)
		}
	}
	last, found, err := db.LastRun(t.Context(), "train", Succeeded)
	if err != nil || !found || last.ID != a.ID {
		t.Errorf("last succeeded train: %v %v %v", last.ID, found, err)
	}
	if _, found, err = db.LastRun(t.Context(), "import"); found || err != nil {
		t.Errorf("last import: %v %v", found, err)
	}
}

func TestMisuseIsRefused(t *testing.T) {
	db := open(t, filepath.Join(t.TempDir(), "state.db"))
	ctx := t.Context()
	r := start(t, db, Run{Job: "train"})
	if err := db.FinishRun(ctx, r.ID, Succeeded, 0, "", nil); err != nil {
		t.Fatal(err)
	}
	startErr := func(r Run) error { _, err := db.StartRun(ctx, r); return err }
	runsErr := func(f RunFilter) error { _, err := db.Runs(ctx, f); return err }
	for _, tc := range []struct {
		err  error
		want string
	}{
		{startErr(Run{Trigger: Manual}), "needs a job"},
		{startErr(Run{Job: "train"}), `trigger is ""`},
		{startErr(Run{Job: "train", Trigger: Manual, Detail: json.RawMessage("{")}), "must be JSON"},
		{db.FinishRun(ctx, r.ID, Running, 0, "", nil), `"running" is not how a run ends`},
		{db.FinishRun(ctx, r.ID, Failed, 1, "", nil), "has already succeeded"},
		{db.FinishRun(ctx, "20990101T000000Z-0000", Failed, 1, "", nil), "no such run"},
		{db.Annotate(ctx, r.ID, "", json.RawMessage("nope")), "must be JSON"},
		{db.SetPID(ctx, "?", 1), "no such run"},
		{runsErr(RunFilter{Limit: -1}), "limit is -1"},
	} {
		if tc.err == nil || !strings.Contains(tc.err.Error(), tc.want) {
			t.Errorf("got %v, want it to say %q", tc.err, tc.want)
		}
	}
}

func TestMarkInterrupted(t *testing.T) {
	db := open(t, filepath.Join(t.TempDir(), "state.db"))
	mine := start(t, db, Run{Job: "train", PID: os.Getpid()})
	gone := exec.Command(os.Args[0], "-test.run=^$")
	if err := gone.Run(); err != nil {
		t.Fatal(err)
	}
	dead := start(t, db, Run{Job: "score", PID: gone.Process.Pid})
	unset := start(t, db, Run{Job: "import"})
	n, err := db.MarkInterrupted(t.Context(), ProcessAlive)
	if err != nil || n != 2 {
		t.Fatalf("marked %d, %v; want 2", n, err)
	}
	for id, want := range map[string]string{mine.ID: Running, dead.ID: Interrupted, unset.ID: Interrupted} {
		if r, _, err := db.Run(t.Context(), id); err != nil || r.Status != want {
			t.Errorf("%s is %s, %v; want %s", r.Job, r.Status, err, want)
		}
	}
	if err := db.FinishRun(t.Context(), dead.ID, Succeeded, 0, "", nil); err != nil {
		t.Errorf("a run wrongly taken for dead cannot finish: %v", err)
	}
}

func TestIDsAreUniqueAndSortByStart(t *testing.T) {
	db := open(t, filepath.Join(t.TempDir(), "state.db"))
	base := at("2026-01-02T03:04:05Z")
	seen := map[string]time.Time{}
	rapid.Check(t, func(rt *rapid.T) {
		begin := base.Add(time.Duration(rapid.Int64Range(0, 5000).Draw(rt, "ms")) * time.Millisecond)
		r := start(t, db, Run{Job: "train", StartedAt: begin})
		if _, taken := seen[r.ID]; taken {
			rt.Fatalf("%s given twice", r.ID)
		}
		for id, other := range seen {
			if other.Truncate(time.Second).Before(begin.Truncate(time.Second)) && id >= r.ID {
				rt.Fatalf("%s (%v) does not sort before %s (%v)", id, other, r.ID, begin)
			}
		}
		seen[r.ID] = begin
	})
}

func TestUnusableFiles(t *testing.T) {
	dir := t.TempDir()
	write := func(name string, content []byte) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, content, 0o644); err != nil {
			t.Fatal(err)
		}
		return path
	}
	sound := soundFile(t)
	torn := append([]byte(nil), sound...)
	for i := 4096; i < len(torn); i++ { // the page behind the header, where the tables are
		torn[i] = 0xa5
	}
	for _, tc := range []struct{ path, want string }{
		{write("text.db", []byte(strings.Repeat("not a database, a note\n", 50))), "restore it from a backup"},
		{write("torn.db", torn), "restore it from a backup"},
		{write("half.db", sound[:len(sound)/2]), "restore it from a backup"},
		{statement(t, dir, "foreign.db", "CREATE TABLE songs (title TEXT)"), "another program"},
		{statement(t, dir, "newer.db", fmt.Sprintf("PRAGMA application_id = %d; PRAGMA user_version = 99", applicationID)), "version 99"},
	} {
		db, err := Open(tc.path)
		if err == nil {
			t.Errorf("%s: opened", tc.path)
			_ = db.Close()
			continue
		}
		if !errors.Is(err, ErrUnusable) || !strings.Contains(err.Error(), tc.path) || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: %v; want it to name the file and say %q", tc.path, err, tc.want)
		}
	}
	if _, err := Open(filepath.Join(dir, "none", "state.db")); err == nil || !strings.Contains(err.Error(), "folder cannot be used") {
		t.Errorf("missing folder: %v", err)
	}
}

// soundFile returns the bytes of a good database with a few hundred runs.
func soundFile(t *testing.T) []byte {
	path := filepath.Join(t.TempDir(), "state.db")
	db, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	for range 100 {
		start(t, db, Run{Job: "train", Error: strings.Repeat("x", 500)})
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return content
}

// statement makes a SQLite file by one statement, without our code.
func statement(t *testing.T, dir, name, text string) string {
	path := filepath.Join(dir, name)
	handle, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := handle.Exec(text); err != nil {
		t.Fatal(err)
	}
	if err := handle.Close(); err != nil {
		t.Fatal(err)
	}
	return path
}

// TestKilledWriters has two processes write while this one reads, kills both
// at arbitrary moments, and expects a sound file with every run that a process
// had reported as finished.
func TestKilledWriters(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state.db")
	random := rand.New(rand.NewPCG(1, 2))
	total := 0
	for round := range 6 {
		wait := time.Duration(150+random.IntN(250)) * time.Millisecond
		ids := append(writeUntilKilled(t, path, wait), writeUntilKilled(t, path, wait/2)...)
		db, err := Open(path)
		if err != nil {
			t.Fatalf("round %d: %v", round, err)
		}
		for _, id := range ids {
			r, found, err := db.Run(t.Context(), id)
			if err != nil || !found || r.Status != Succeeded || string(r.Detail) != `{"rows":1}` {
				t.Fatalf("round %d: run %s was reported finished: %v, %v, %v", round, id, r.Status, found, err)
			}
		}
		if _, err := db.MarkInterrupted(t.Context(), ProcessAlive); err != nil {
			t.Fatal(err)
		}
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
		total += len(ids)
	}
	if total == 0 {
		t.Fatal("no child got as far as one run")
	}
}

func writeUntilKilled(t *testing.T, path string, wait time.Duration) []string {
	var lines [2][]string
	var children [2]*exec.Cmd
	done := make(chan struct{})
	for i := range children {
		children[i] = exec.Command(os.Args[0])
		children[i].Env = append(os.Environ(), childEnv+"="+path)
		children[i].Stderr = os.Stderr
		out, err := children[i].StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := children[i].Start(); err != nil {
			t.Fatal(err)
		}
		go func() {
			for scanner := bufio.NewScanner(out); scanner.Scan(); {
				lines[i] = append(lines[i], scanner.Text())
			}
			done <- struct{}{}
		}()
	}
	time.Sleep(wait)
	for _, c := range children {
		if err := c.Process.Kill(); err != nil {
			t.Fatal("child ended by itself:", err)
		}
	}
	<-done
	<-done
	for _, c := range children {
		if err := c.Wait(); err == nil {
			t.Fatal("child ended by itself")
		}
	}
	return append(lines[0], lines[1]...)
}

// TestReaderDuringWrite: a held write transaction never blocks a reader.
func TestReaderDuringWrite(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state.db")
	writer, reader := open(t, path), open(t, path)
	first := start(t, writer, Run{Job: "train"})
	err := writer.inTx(t.Context(), func(tx *sql.Tx) error {
		if _, err := tx.Exec("UPDATE runs SET job = 'half written'"); err != nil {
			return err
		}
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		r, found, err := reader.Run(ctx, first.ID)
		if err != nil || !found || r.Job != "train" {
			return fmt.Errorf("reader saw %q, %v, %w", r.Job, found, err)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// TestFullDisk: for want of room nothing is recorded, which is told apart from
// other faults; with room again all goes on.
func TestFullDisk(t *testing.T) {
	db := open(t, filepath.Join(t.TempDir(), "state.db"))
	db.sql.SetMaxOpenConns(1) // of which the limit is set
	limit := func(pages string) {
		if _, err := db.sql.ExecContext(t.Context(), "PRAGMA max_page_count = "+pages); err != nil {
			t.Fatal(err)
		}
	}
	limit("1") // which is what there is
	id := strings.Repeat("x", 100_000)
	if err := db.SetOptOut(t.Context(), id, true); !errors.Is(err, ErrFull) {
		t.Errorf("a full disk: %v", err)
	}
	limit("1000000")
	if err := db.SetOptOut(t.Context(), id, true); err != nil {
		t.Errorf("with room again: %v", err)
	}
}

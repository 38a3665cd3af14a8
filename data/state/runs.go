package state

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"syscall"
	"time"
)

// ErrNoRun says that no run has the id asked for.
var ErrNoRun = errors.New("no such run")

const runColumns = "id, job, trigger, status, as_of, started_at, finished_at, pid, exit_code, error, log, detail"

// StartRun records that a run has begun and returns it with its ID. StartedAt
// defaults to db.Now(). A Log that ends in "/" is a folder: the run's own file
// name, ID + ".log", is appended.
func (db *DB) StartRun(ctx context.Context, r Run) (Run, error) {
	r.Status, r.FinishedAt = Running, time.Time{}
	return db.record(ctx, r)
}

// SkipRun records a run that was due and did not begin; r.Error says why.
func (db *DB) SkipRun(ctx context.Context, r Run) (Run, error) {
	r.Status = Skipped
	return db.record(ctx, r)
}

func (db *DB) record(ctx context.Context, r Run) (Run, error) {
	if err := r.validate(); err != nil {
		return Run{}, err
	}
	if r.StartedAt.IsZero() {
		r.StartedAt = db.Now()
	}
	r.StartedAt = r.StartedAt.UTC().Truncate(time.Microsecond)
	if r.Status == Skipped {
		r.FinishedAt = r.StartedAt
	}
	err := db.inTx(ctx, func(tx *sql.Tx) error { return insert(ctx, tx, &r) })
	if err != nil {
		return Run{}, db.explain("recording a run of "+r.Job, err)
	}
	return r, nil
}

// insert numbers the run within its second. The transaction holds the write
// lock, so that no two processes take the same number.
func insert(ctx context.Context, tx *sql.Tx, r *Run) error {
	second := r.StartedAt.Format(idLayout)
	var number int
	err := tx.QueryRowContext(ctx, "SELECT count(*) FROM runs WHERE id >= ? AND id < ?", second+"-", second+".").Scan(&number)
	if err != nil {
		return err
	}
	r.place(number)
	_, err = tx.ExecContext(ctx, "INSERT INTO runs ("+runColumns+") VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
		r.ID, r.Job, r.Trigger, r.Status, r.AsOf, r.StartedAt.UnixMicro(), nullTime(r.FinishedAt),
		r.PID, r.ExitCode, r.Error, r.Log, nullJSON(r.Detail))
	return err
}

// SetPID records which process does the work of a running run.
func (db *DB) SetPID(ctx context.Context, id string, pid int) error {
	return db.change(ctx, "recording the process of", id, "UPDATE runs SET pid = ? WHERE id = ?", pid, id)
}

// Annotate adds what only the process that does the work knows, while another
// process records the run's start and end: its as_of and its report. Empty
// values leave what is there.
func (db *DB) Annotate(ctx context.Context, id, asOf string, detail json.RawMessage) error {
	if err := checkDetail(detail); err != nil {
		return fmt.Errorf("run %s: %w", id, err)
	}
	return db.change(ctx, "annotating", id,
		"UPDATE runs SET as_of = coalesce(nullif(?, ''), as_of), detail = coalesce(?, detail) WHERE id = ?",
		asOf, nullJSON(detail), id)
}

// FinishRun records how a run ended, at db.Now(). A nil detail keeps what
// Annotate recorded. A run taken for interrupted may still be finished: its
// process may live where the one who looked could not see it. Finishing a run
// twice is an error.
func (db *DB) FinishRun(ctx context.Context, id, status string, exitCode int, errText string, detail json.RawMessage) error {
	if !slices.Contains([]string{Succeeded, Failed, Interrupted, Skipped}, status) {
		return fmt.Errorf("run %s: %q is not how a run ends", id, status)
	}
	if err := checkDetail(detail); err != nil {
		return fmt.Errorf("run %s: %w", id, err)
	}
	return db.change(ctx, "finishing", id, `UPDATE runs SET status = ?, exit_code = ?, error = ?,
			detail = coalesce(?, detail), finished_at = max(started_at, ?)
		WHERE id = ? AND status IN ('running', 'interrupted')`,
		status, exitCode, strings.ToValidUTF8(errText, "\uFFFD"), nullJSON(detail), db.Now().UnixMicro(), id)
}

// change runs an update that must touch the one run with the given id.
func (db *DB) change(ctx context.Context, doing, id, update string, args ...any) error {
	result, err := db.sql.ExecContext(ctx, update, args...)
	if err != nil {
		return db.explain(doing+" run "+id, err)
	}
	if n, err := result.RowsAffected(); err != nil || n == 1 {
		return err
	}
	r, found, err := db.Run(ctx, id)
	if err != nil {
		return err
	}
	if !found {
		return fmt.Errorf("%s run %q: %w in %s", doing, id, ErrNoRun, db.path)
	}
	return fmt.Errorf("%s run %s: it has already %s", doing, id, r.Status)
}

// RunFilter chooses runs; its zero value means the latest 100 of all jobs.
type RunFilter struct {
	Job      string   // empty means all
	Statuses []string // empty means all
	Limit    int      // 0 means 100
}

// Runs returns the runs that the filter chooses, newest first.
func (db *DB) Runs(ctx context.Context, f RunFilter) ([]Run, error) {
	if f.Limit < 0 {
		return nil, fmt.Errorf("limit is %d: it must be above 0", f.Limit)
	}
	if f.Limit == 0 {
		f.Limit = 100
	}
	where, args := f.where()
	rows, err := db.sql.QueryContext(ctx, "SELECT "+runColumns+" FROM runs"+where+" ORDER BY id DESC LIMIT ?", append(args, f.Limit)...)
	if err != nil {
		return nil, db.explain("reading runs", err)
	}
	runs, err := scanRuns(rows)
	if err != nil {
		return nil, db.explain("reading runs", err)
	}
	return runs, nil
}

func (f *RunFilter) where() (string, []any) {
	var conditions []string
	var args []any
	if f.Job != "" {
		conditions, args = append(conditions, "job = ?"), append(args, f.Job)
	}
	if len(f.Statuses) > 0 {
		marks := strings.Repeat(", ?", len(f.Statuses))[2:]
		conditions = append(conditions, "status IN ("+marks+")")
		for _, s := range f.Statuses {
			args = append(args, s)
		}
	}
	if len(conditions) == 0 {
		return "", nil
	}
	return " WHERE " + strings.Join(conditions, " AND "), args
}

// Run returns the run with the given id, and whether there is one.
func (db *DB) Run(ctx context.Context, id string) (Run, bool, error) {
	r, err := scanRun(db.sql.QueryRowContext(ctx, "SELECT "+runColumns+" FROM runs WHERE id = ?", id))
	if errors.Is(err, sql.ErrNoRows) {
		return Run{}, false, nil
	}
	if err != nil {
		return Run{}, false, db.explain("reading run "+id, err)
	}
	return r, true, nil
}

// LastRun returns the newest run of a job that has one of the given statuses
// (none given means any), and whether there is one.
func (db *DB) LastRun(ctx context.Context, job string, statuses ...string) (Run, bool, error) {
	runs, err := db.Runs(ctx, RunFilter{Job: job, Statuses: statuses, Limit: 1})
	if err != nil || len(runs) == 0 {
		return Run{}, false, err
	}
	return runs[0], true, nil
}

// MarkInterrupted turns running runs whose process is gone into interrupted
// ones and returns how many. Alive is told a process id; ProcessAlive suits.
func (db *DB) MarkInterrupted(ctx context.Context, alive func(pid int) bool) (int, error) {
	runs, err := db.Runs(ctx, RunFilter{Statuses: []string{Running}, Limit: 1 << 30})
	if err != nil {
		return 0, err
	}
	n := 0
	for _, r := range runs {
		if alive(r.PID) {
			continue
		}
		marked, err := db.interrupt(ctx, r)
		if err != nil {
			return n, db.explain("marking run "+r.ID, err)
		}
		n += marked
	}
	return n, nil
}

// interrupt does nothing when the run has finished or changed its process
// since it was read.
func (db *DB) interrupt(ctx context.Context, r Run) (int, error) {
	text := fmt.Sprintf("process %d ended without saying how", r.PID)
	result, err := db.sql.ExecContext(ctx, `UPDATE runs SET status = 'interrupted', exit_code = -1, error = ?, finished_at = max(started_at, ?)
		WHERE id = ? AND status = 'running' AND pid = ?`, text, db.Now().UnixMicro(), r.ID, r.PID)
	if err != nil {
		return 0, err
	}
	n, err := result.RowsAffected()
	return int(n), err
}

// ProcessAlive reports whether a process with this id exists on this machine.
func ProcessAlive(pid int) bool {
	if pid <= 0 {
		return false
	}
	err := syscall.Kill(pid, 0)
	return err == nil || errors.Is(err, syscall.EPERM)
}

func scanRuns(rows *sql.Rows) ([]Run, error) {
	defer rows.Close()
	var runs []Run
	for rows.Next() {
		r, err := scanRun(rows)
		if err != nil {
			return nil, err
		}
		runs = append(runs, r)
	}
	return runs, rows.Err()
}

func scanRun(row interface{ Scan(...any) error }) (Run, error) {
	var r Run
	var started int64
	var finished sql.NullInt64
	var detail sql.NullString
	err := row.Scan(&r.ID, &r.Job, &r.Trigger, &r.Status, &r.AsOf, &started, &finished, &r.PID, &r.ExitCode, &r.Error, &r.Log, &detail)
	if err != nil {
		return Run{}, err
	}
	r.StartedAt = time.UnixMicro(started).UTC()
	if finished.Valid {
		r.FinishedAt = time.UnixMicro(finished.Int64).UTC()
	}
	if detail.Valid {
		r.Detail = json.RawMessage(detail.String)
	}
	return r, nil
}

func nullTime(t time.Time) sql.NullInt64 {
	return sql.NullInt64{Int64: t.UnixMicro(), Valid: !t.IsZero()}
}

func nullJSON(j json.RawMessage) sql.NullString {
	return sql.NullString{String: string(j), Valid: len(j) > 0}
}

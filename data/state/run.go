package state

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"
)

// Who asked for a run.
const (
	Manual   = "manual"   // a person or another program
	Schedule = "schedule" // the clock
)

// What became of a run.
const (
	Running     = "running"
	Succeeded   = "succeeded"
	Failed      = "failed"
	Interrupted = "interrupted" // stopped with the server, or its process vanished
	Skipped     = "skipped"     // not begun, because the job was already running
)

// Run is one run of a job.
type Run struct {
	ID         string          `json:"id"` // UTC start and a number within the second, 20260102T030405Z-0001: sorts by start
	Job        string          `json:"job"`
	Trigger    string          `json:"trigger"` // Manual or Schedule
	Status     string          `json:"status"`
	AsOf       string          `json:"as_of,omitempty"` // YYYY-MM-DD
	StartedAt  time.Time       `json:"started_at"`
	FinishedAt time.Time       `json:"finished_at,omitzero"` // zero while running
	PID        int             `json:"pid,omitempty"`        // of the process that does the work
	ExitCode   int             `json:"exit_code"`            // -1 when a signal ended it
	Error      string          `json:"error,omitempty"`
	Log        string          `json:"log,omitempty"`    // path relative to the workspace
	Detail     json.RawMessage `json:"detail,omitempty"` // the job's report
}

func (r *Run) validate() error {
	if r.Job == "" {
		return fmt.Errorf("a run needs a job")
	}
	if r.Trigger != Manual && r.Trigger != Schedule {
		return fmt.Errorf("run of %s: trigger is %q, it must be %s or %s", r.Job, r.Trigger, Manual, Schedule)
	}
	return checkDetail(r.Detail)
}

func checkDetail(detail json.RawMessage) error {
	if len(detail) > 0 && !json.Valid(detail) {
		return fmt.Errorf("the detail of a run must be JSON")
	}
	return nil
}

// place completes the id and, where Log names a folder, the log file.
func (r *Run) place(number int) {
	r.ID = fmt.Sprintf("%s-%04x", r.StartedAt.Format(idLayout), number)
	if strings.HasSuffix(r.Log, "/") {
		r.Log += r.ID + ".log"
	}
}

const idLayout = "20060102T150405Z"

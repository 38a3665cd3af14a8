package main

import (
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"regulars/cmd/regulars/config"
	"regulars/serving/api"
)

// TestScheduleRunsJobsAndTheServerTakesOver starts a server with a schedule on
// a shop that has no snapshot yet: a child process must make one, the server
// must become ready, and the history must say so.
func TestScheduleRunsJobsAndTheServerTakesOver(t *testing.T) {
	if testing.Short() {
		t.Skip("runs scheduled child processes")
	}
	dir := t.TempDir()
	mustRun(t, "generate", "--workspace", dir, "--users", "200", "--items", "50")
	text := "time_zone: Asia/Shanghai\nschedule:\n  jobs:\n    - job: pipeline\n      cron: '@every 2s'\n"
	if err := os.WriteFile(filepath.Join(dir, config.FileName), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	address := startServer(t, dir, "--schedule") // which waits for readiness
	if err := checkAnswer(address + "/v1/users/nobody/recommendations?k=5"); err != nil {
		t.Fatal(err)
	}
	job := awaitJob(t, address, "succeeded")
	if job.Name != "pipeline" || job.Trigger != "schedule" || job.AsOf == "" {
		t.Errorf("the run is recorded as %+v", job)
	}
}

func awaitJob(t *testing.T, address, status string) api.Job {
	t.Helper()
	deadline := time.Now().Add(patience)
	for time.Now().Before(deadline) {
		var history struct{ Jobs []api.Job }
		resp, err := http.Get(address + "/v1/jobs")
		if err != nil {
			t.Fatal(err)
		}
		err = json.NewDecoder(resp.Body).Decode(&history)
		if closed := resp.Body.Close(); err != nil || closed != nil {
			t.Fatal(err, closed)
		}
		for _, j := range history.Jobs {
			if j.Status == status {
				return j
			}
		}
		time.Sleep(100 * time.Millisecond)
	}
	t.Fatalf("no run has %s", status)
	return api.Job{}
}

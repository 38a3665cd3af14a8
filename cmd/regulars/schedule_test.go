package main

import (
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"strings"
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
	checkOperations(t, address)
}

// checkOperations starts a job, and changes the models of a running server.
func checkOperations(t *testing.T, address string) {
	t.Helper()
	post := func(path, body string, into any) int {
		resp, err := http.Post(address+path, "application/json", strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		if err := json.NewDecoder(resp.Body).Decode(into); err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		return resp.StatusCode
	}
	var run api.Job
	if code := post("/v1/jobs/features/runs", "", &run); code != http.StatusAccepted || run.Name != "features" || run.Trigger != "manual" {
		t.Errorf("starting a job was answered with %d %+v", code, run)
	}
	var refused struct{ Detail string }
	if code := post("/v1/jobs/features/runs", "", &refused); code != http.StatusConflict {
		t.Errorf("starting it again was answered with %d %+v", code, refused)
	}
	if code := post("/v1/jobs/rm/runs", "", &refused); code != http.StatusNotFound {
		t.Errorf("starting what is no job was answered with %d %+v", code, refused)
	}
	var published struct {
		Models []api.Model
		Served struct{ Models map[string]string }
	}
	resp, err := http.Get(address + "/v1/models")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if err := json.NewDecoder(resp.Body).Decode(&published); err != nil || len(published.Models) == 0 {
		t.Fatalf("%+v, %v", published, err)
	}
	first := published.Models[0]
	if first.Champion == "" || published.Served.Models[first.Name] == "" {
		t.Errorf("%+v is not in use, or the snapshot %+v was not made from it", first, published.Served)
	}
	var change api.Change
	code := http.StatusConflict // as long as a job is at work
	for deadline := time.Now().Add(patience); code == http.StatusConflict && time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		code = post("/v1/models/"+first.Name+"/promote", `{"version":"`+first.Champion+`"}`, &change)
	}
	if code != http.StatusOK || change.Version != first.Champion {
		t.Errorf("promoting was answered with %d %+v", code, change)
	}
	for _, path := range []string{"/v1/models/%2e%2e%2flake/promote", "/v1/models/" + first.Name + "/promote"} {
		if code := post(path, `{"version":"../../lake"}`, &refused); code != http.StatusNotFound || strings.Contains(refused.Detail, "models/") {
			t.Errorf("%s: %d %+v", path, code, refused)
		}
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

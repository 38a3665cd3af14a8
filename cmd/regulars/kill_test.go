package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"regulars/cmd/regulars/config"
	"regulars/models/snapshot"
)

const kills = 20

// patience bounds every wait: ample, because scheduled jobs run at low priority
// and other tests keep the machine busy.
const patience = 3 * time.Minute

// TestKilledPipelineLeavesTheServerAnswering kills a real `regulars run
// pipeline` at random moments. All the while a real server must answer every
// request from a whole snapshot, and the run after the last kill must succeed
// and leave nothing temporary behind.
func TestKilledPipelineLeavesTheServerAnswering(t *testing.T) {
	if testing.Short() {
		t.Skip("kills twenty child processes")
	}
	dir := t.TempDir()
	short := "training:\n  train_dates: 2\n" // a run of seconds, with every step in it
	if err := os.WriteFile(filepath.Join(dir, config.FileName), []byte(short), 0o600); err != nil {
		t.Fatal(err)
	}
	mustRun(t, "generate", "--workspace", dir, "--users", "300", "--items", "60")
	begun := time.Now()
	mustRun(t, "run", "pipeline", "--workspace", dir)
	whole := time.Since(begun)
	address := startServer(t, dir)
	buyer := firstBuyer(t, dir)

	var asked, failed atomic.Int64
	stop, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		askUntil(stop, address, &asked, &failed, t.Errorf)
	}()
	moments := rand.New(rand.NewPCG(1, 2))
	died, served := 0, "2026-01-01" // the date of the snapshot in use
	for i := range kills {
		// Another date each time, so that there is always something to build.
		asOf := time.Date(2025, 12, 1+i, 0, 0, 0, 0, time.UTC).Format(time.DateOnly)
		args := []string{"run", "pipeline", "--workspace", dir, "--as-of", asOf}
		if killAfter(t, time.Duration(moments.Float64()*float64(whole)), args...) {
			died++
		}
		if err := checkScores(address+"/v1/users/"+buyer+"/scores", served, asOf); err != nil {
			t.Errorf("after kill %d: %v", i+1, err)
		}
		if i%7 == 6 { // the run after a kill succeeds, at the same date
			mustRun(t, args...)
		}
		if now := currentDate(t, dir); now != served && now != asOf {
			t.Errorf("after kill %d the snapshot of %s is current, want %s or %s", i+1, now, served, asOf)
		} else {
			served = now
		}
		awaitScores(t, address+"/v1/users/"+buyer+"/scores", served)
	}
	close(stop)
	<-done
	if died < kills/4 {
		t.Errorf("only %d of %d runs were killed before their end", died, kills)
	}
	if asked.Load() < 100 || failed.Load() > 0 {
		t.Errorf("%d of %d requests failed", failed.Load(), asked.Load())
	}
	mustRun(t, "run", "pipeline", "--workspace", dir)
	left, err := exec.Command("find", dir, "-name", ".tmp-*").Output()
	if err != nil || len(left) > 0 {
		t.Errorf("left behind (%v):\n%s", err, left)
	}
	runs := mustRun(t, "jobs", "list", "--workspace", dir, "--limit", "100")
	if strings.Contains(runs, "running") || !strings.Contains(runs, "interrupted") {
		t.Errorf("killed runs are not recorded as interrupted:\n%s", runs)
	}
	t.Logf("%d of %d runs killed within %s, %d requests answered", died, kills, whole.Round(time.Millisecond), asked.Load())
}

// firstBuyer returns a customer who has ordered.
func firstBuyer(t *testing.T, dir string) string {
	t.Helper()
	g := &global{workspace: dir}
	w, err := g.open(false)
	if err != nil {
		t.Fatal(err)
	}
	user, _, err := w.someOrder()
	if err != nil {
		t.Fatal(err)
	}
	return user
}

// currentDate returns the date of the snapshot that a server is to use.
func currentDate(t *testing.T, dir string) string {
	t.Helper()
	version, ok, err := snapshot.Current(filepath.Join(dir, "snapshots"))
	if err != nil || !ok {
		t.Fatalf("no current snapshot: %v", err)
	}
	return version[:len(time.DateOnly)]
}

// awaitScores waits until the server has taken over the snapshot of a date.
func awaitScores(t *testing.T, url, asOf string) {
	t.Helper()
	var err error
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(50 * time.Millisecond) {
		if err = checkScores(url, asOf); err == nil {
			return
		}
	}
	t.Errorf("the server did not take over the snapshot of %s: %v", asOf, err)
}

// askUntil asks for recommendations again and again and checks each answer.
func askUntil(stop <-chan struct{}, address string, asked, failed *atomic.Int64, report func(string, ...any)) {
	for i := 0; ; i++ {
		select {
		case <-stop:
			return
		case <-time.After(2 * time.Millisecond):
		}
		asked.Add(1)
		if err := checkAnswer(fmt.Sprintf("%s/v1/users/u%06d/recommendations?k=5", address, i%300)); err != nil {
			failed.Add(1)
			report("request %d: %v", i, err)
			return
		}
	}
}

func checkAnswer(url string) error {
	resp, err := http.Get(url)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		return fmt.Errorf("status %d, %v: %s", resp.StatusCode, err, body)
	}
	var answer struct {
		Items []struct {
			ID       string `json:"item_id"`
			Strategy string `json:"strategy"`
			Reason   string `json:"reason"`
		} `json:"items"`
	}
	if err := json.Unmarshal(body, &answer); err != nil || len(answer.Items) != 5 {
		return fmt.Errorf("%d items, %v: %s", len(answer.Items), err, body)
	}
	for _, it := range answer.Items {
		if it.Strategy == "" || it.Reason == "" {
			return fmt.Errorf("item %s has no strategy or no reason: %s", it.ID, body)
		}
	}
	return nil
}

// checkScores wants the scores of a known customer, made as of one of the dates
// given: those of a whole snapshot, the one before or the one just made.
func checkScores(url string, asOf ...string) error {
	resp, err := http.Get(url)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	var answer struct {
		AsOf  string `json:"as_of"`
		Churn *struct {
			Probability float64 `json:"probability"`
		} `json:"churn"`
	}
	if err := json.NewDecoder(resp.Body).Decode(&answer); err != nil || resp.StatusCode != http.StatusOK {
		return fmt.Errorf("status %d, %v", resp.StatusCode, err)
	}
	date, _, _ := strings.Cut(answer.AsOf, "T")
	if !slices.Contains(asOf, date) || answer.Churn == nil || answer.Churn.Probability <= 0 {
		return fmt.Errorf("scores %+v, want churn as of %v", answer, asOf)
	}
	return nil
}

// killAfter starts the program and kills it; it reports whether it was still at work.
func killAfter(t *testing.T, after time.Duration, args ...string) bool {
	t.Helper()
	cmd := exec.Command("regulars", args...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	timer := time.AfterFunc(after, func() { _ = cmd.Process.Kill() })
	err := cmd.Wait()
	timer.Stop()
	if err != nil && cmd.ProcessState.ExitCode() >= 0 {
		t.Fatalf("%v failed before it was killed: %v\n%s", args, err, stderr.String())
	}
	return err != nil
}

func mustRun(t *testing.T, args ...string) string {
	t.Helper()
	cmd := exec.Command("regulars", args...)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		t.Fatalf("regulars %v: %v\n%s", args, err, stderr.String())
	}
	return stdout.String()
}

var listening = regexp.MustCompile(`address=(http://[0-9.:]+)`)

// startServer runs `regulars serve` on a free port until the test ends and
// returns its address once it is ready.
func startServer(t *testing.T, dir string, flags ...string) string {
	t.Helper()
	log, err := os.Create(t.TempDir() + "/serve.log")
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("regulars", append([]string{"serve", "--workspace", dir, "--addr", "127.0.0.1:0"}, flags...)...)
	cmd.Stderr = log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Signal(os.Interrupt)
		if err := cmd.Wait(); err != nil {
			text, _ := os.ReadFile(log.Name())
			t.Errorf("the server ended with %v:\n%s", err, tail(text, 2000))
		}
	})
	deadline := time.Now().Add(patience)
	for time.Now().Before(deadline) {
		text, err := os.ReadFile(log.Name())
		if err != nil {
			t.Fatal(err)
		}
		if m := listening.FindSubmatch(text); m != nil && awaitReady(t.Context(), string(m[1])) == nil {
			return string(m[1])
		}
		time.Sleep(20 * time.Millisecond)
	}
	t.Fatal("the server did not become ready")
	return ""
}

func tail(text []byte, n int) []byte { return text[max(0, len(text)-n):] }

package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"regulars/cmd/regulars/config"
	"regulars/data"
	"regulars/serving/events"
)

// post sends a body and returns the status; 0: there was no answer.
func post(address, body string) int {
	resp, err := http.Post(address, "application/json", strings.NewReader(body))
	if err != nil {
		return 0
	}
	defer resp.Body.Close()
	_, _ = io.Copy(io.Discard, resp.Body)
	return resp.StatusCode
}

// TestKilledServerKeepsWhatItAcknowledged kills a real server while it is being
// told events and sends them to the lake. Every event that was answered with 202
// must be in the lake in the end, and none twice.
func TestKilledServerKeepsWhatItAcknowledged(t *testing.T) {
	if testing.Short() {
		t.Skip("kills child processes")
	}
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, config.FileName), []byte("serve:\n  flush: 1s\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	moments := rand.New(rand.NewPCG(3, 4))
	acknowledged := map[string]bool{}
	for round := range 5 {
		for id := range tellUntilKilled(t, dir, round, time.Duration(200+moments.IntN(1500))*time.Millisecond) {
			acknowledged[id] = true
		}
	}
	mustRun(t, "events", "flush", "--workspace", dir)
	times := map[string]int{}
	for _, row := range readTable(t, dir, data.Events) {
		times[row["event_id"]]++
	}
	for id := range acknowledged {
		if times[id] != 1 {
			t.Errorf("event %s was acknowledged and is in the lake %d times", id, times[id])
		}
	}
	for id, n := range times {
		if n > 1 {
			t.Errorf("event %s is in the lake %d times", id, n)
		}
	}
	if len(acknowledged) < 100 {
		t.Errorf("only %d events were acknowledged", len(acknowledged))
	}
	if left, err := exec.Command("find", dir, "-name", ".tmp-*").Output(); err != nil || len(left) > 0 {
		t.Errorf("left behind (%v):\n%s", err, left)
	}
	t.Logf("%d events acknowledged, %d in the lake", len(acknowledged), len(times))
}

// tellUntilKilled runs a server, tells it events for a while, and kills it. It
// returns the ids that were acknowledged.
func tellUntilKilled(t *testing.T, dir string, round int, after time.Duration) map[string]bool {
	t.Helper()
	cmd, address := startKillable(t, dir)
	var mu sync.Mutex
	out := map[string]bool{}
	var clients sync.WaitGroup
	for c := range 4 {
		clients.Go(func() {
			for i := 0; ; i++ {
				id := fmt.Sprintf("%d-%d-%d", round, c, i)
				if post(address+"/v1/events", fmt.Sprintf(`{"event_id":%q,"type":"view","user_id":"u","item_id":"i"}`, id)) != http.StatusAccepted {
					return
				}
				mu.Lock()
				out[id] = true
				mu.Unlock()
			}
		})
	}
	time.Sleep(after)
	_ = cmd.Process.Kill()
	_ = cmd.Wait() // which says that it was killed
	clients.Wait()
	return out
}

// startKillable runs a server until it is killed.
func startKillable(t *testing.T, dir string) (*exec.Cmd, string) {
	t.Helper()
	log, err := os.Create(filepath.Join(t.TempDir(), "serve.log"))
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	cmd := exec.Command("regulars", "serve", "--workspace", dir, "--addr", "127.0.0.1:0")
	cmd.Stderr = log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
		text, err := os.ReadFile(log.Name())
		if err != nil {
			t.Fatal(err)
		}
		if m := listening.FindSubmatch(text); m != nil {
			return cmd, string(m[1])
		}
	}
	_ = cmd.Process.Kill()
	t.Fatal("the server did not listen")
	return nil, ""
}

// readTable returns the texts of a table of the lake by column.
func readTable(t *testing.T, dir string, table data.Table) (out []map[string]string) {
	t.Helper()
	w, err := (&global{workspace: dir}).open(false)
	if err != nil {
		t.Fatal(err)
	}
	r, schema, err := w.lake.Reader(table)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	rows := make([]data.Row, 100)
	for {
		n, err := r.Read(rows)
		if errors.Is(err, io.EOF) {
			return out
		}
		if err != nil {
			t.Fatal(err)
		}
		for _, row := range rows[:n] {
			texts := map[string]string{}
			for i, v := range row {
				if v.Kind() == data.KindString {
					texts[schema.Columns[i].Name] = v.Str()
				}
			}
			out = append(out, texts)
		}
	}
}

// The server sends what it was told to the lake by itself while it runs, waits
// for nobody, and sends the rest at its end.
func TestServerSendsEventsToTheLake(t *testing.T) {
	w := emptyShop(t)
	w.config.Serve.Flush = config.Duration(time.Second)
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	s, err := w.newServer(io.Discard, false)
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- s.run(ctx) }()
	address := "http://" + s.listener.Addr().String() + "/v1/"
	purchase := func(order string) {
		t.Helper()
		body := fmt.Sprintf(`{"type":"purchase","user_id":"u","item_id":"i","order_id":%q,"unit_price":2}`, order)
		if status := post(address+"events", body); status != http.StatusAccepted {
			t.Fatalf("answered %d", status)
		}
	}
	lines := func() int { return len(readTable(t, w.dir, data.Orders)) }
	purchase("first")
	for deadline := time.Now().Add(patience); lines() < 1; time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("the first order did not reach the lake")
		}
	}
	lock, err := w.lock(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	purchase("second")
	time.Sleep(2 * time.Second) // in which a flush finds the workspace in use
	if n := lines(); n != 1 {
		t.Errorf("%d order lines while a job is at work, want 1", n)
	}
	if err := lock.Release(); err != nil {
		t.Fatal(err)
	}
	stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if n := lines(); n != 2 {
		t.Errorf("%d order lines at the end, want 2", n)
	}
}

// A job begins with what the server was told, and the commands show it.
func TestEventsCommands(t *testing.T) {
	w := emptyShop(t)
	if out := mustRun(t, "events", "flush", "--workspace", w.dir); !strings.Contains(out, "the lake has everything") {
		t.Errorf("without an event log: %s", out)
	}
	s, err := events.Open(w.eventsPath(), events.Options{})
	if err != nil {
		t.Fatal(err)
	}
	row := json.RawMessage(`{"type":"purchase","user_id":"u","item_id":"i","order_id":"o","unit_price":2}`)
	if _, err := s.Events(t.Context(), []json.RawMessage{row}); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if out := mustRun(t, "events", "status", "--workspace", w.dir); !strings.Contains(out, "order lines        1") {
		t.Errorf("status:\n%s", out)
	}
	var st events.Status
	if err := json.Unmarshal([]byte(mustRun(t, "events", "status", "--workspace", w.dir, "--json")), &st); err != nil || st.LinesWaiting != 1 || st.Events != 1 {
		t.Errorf("%+v, %v", st, err)
	}
	mustRun(t, "run", "features", "--workspace", w.dir)
	if n := len(readTable(t, w.dir, data.Orders)); n != 1 {
		t.Errorf("the job read %d order lines, want the one that the server was told", n)
	}
	if out := mustRun(t, "events", "flush", "--workspace", w.dir, "--json"); !strings.Contains(out, `"tables": []`) {
		t.Errorf("sent again: %s", out)
	}
}

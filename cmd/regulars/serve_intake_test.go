package main

import (
	"bytes"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"regulars/serving/placement"
)

// lines is a log that is read while it is written.
type lines struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// fetched is what an address answers.
func fetched(address string) (string, error) {
	resp, err := http.Get(address)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	return string(body), err
}

// TestIntakeThatOpensLate: a server without its event log answers all the same,
// and takes in from when the log can be opened.
func TestIntakeThatOpensLate(t *testing.T) {
	w := emptyShop(t)
	if err := os.MkdirAll(filepath.Join(w.eventsPath(), "in the way"), 0o755); err != nil {
		t.Fatal(err)
	}
	s := served(t, w)
	base := "http://" + s.listener.Addr().String()
	tell := func() int { return post(base+"/v1/events", `{"type":"view","session_id":"s","item_id":"i"}`) }
	if status := tell(); status != http.StatusServiceUnavailable {
		t.Fatalf("without a log, an event was answered %d", status)
	}
	if body, err := fetched(base + "/metrics"); err != nil || !strings.Contains(body, "\nregulars_events_queued NaN\n") {
		t.Errorf("the metrics tell of a queue that nobody can count: %v", err)
	}
	if _, known := s.live().Recent("", "s"); known || s.live().Erased("u") {
		t.Error("something is known without a log")
	}
	if err := os.RemoveAll(w.eventsPath()); err != nil {
		t.Fatal(err)
	}
	if err := s.awaitIntake(t.Context(), time.Millisecond); err != nil {
		t.Fatal(err)
	}
	if status := tell(); status != http.StatusAccepted {
		t.Errorf("with a log, an event was answered %d", status)
	}
	if r, known := s.live().Recent("", "s"); !known || len(r.Viewed) != 1 {
		t.Errorf("the view does not count: %+v", r)
	}
	if body, err := fetched(base + "/metrics"); err != nil || !strings.Contains(body, "\nregulars_events_queued 1\n") {
		t.Errorf("the event is not counted as waiting: %v", err)
	}
}

// TestPlacementsAreChecked: what can never be read ends the start, and what the
// snapshot lacks is told once it is in use.
func TestPlacementsAreChecked(t *testing.T) {
	g := &global{workspace: smallShop(t), stdout: io.Discard, stderr: io.Discard}
	w, err := g.open(false)
	if err != nil {
		t.Fatal(err)
	}
	w.config.Serve.Addr = "127.0.0.1:0"
	configured := func(filter string) {
		t.Helper()
		w.config.Placements = []placement.Definition{{Name: "home", Arms: []placement.Arm{{Name: "a", Share: 0.5}, {Name: "b", Share: 0.5, Filter: &filter}}}}
	}
	configured("item.price <")
	if _, err := w.newServer(&lines{}, false); err == nil || !strings.Contains(err.Error(), `"home"`) || !strings.Contains(err.Error(), `arm "b"`) {
		t.Fatalf("a filter that cannot be read: %v", err)
	}
	configured("item.margin > 0.2")
	log := &lines{}
	s, err := w.newServer(log, false)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.store.Refresh(); err != nil {
		t.Fatal(err)
	}
	if err := s.abandon(); err != nil {
		t.Error(err)
	}
	if text := log.String(); strings.Count(text, "a placement cannot be answered") != 1 || !strings.Contains(text, "placement=home arm=b") || !strings.Contains(text, "margin") {
		t.Errorf("the log says %s", text)
	}
}

package schedule

import (
	"context"
	"errors"
	"testing"
	"time"

	"regulars/data/state"
)

// A run that is asked for is recorded at once, carried out in a child, and
// never beside another of its job, here or in another process.
func TestStart(t *testing.T) {
	db := openState(t)
	s, err := New(Options{DB: db, Command: command})
	if err != nil {
		t.Fatal(err)
	}
	server, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- s.Run(server) }()
	begun, err := s.Start(server, "long")
	if err != nil || begun.Status != state.Running || begun.Trigger != state.Manual || begun.Job != "long" {
		t.Fatalf("began %+v, %v", begun, err)
	}
	if r, ok, err := db.Run(t.Context(), begun.ID); err != nil || !ok || r.Status != state.Running {
		t.Errorf("the history has %+v, %v, %v", r, ok, err)
	}
	if _, err := s.Start(server, "long"); !errors.Is(err, ErrRunning) {
		t.Errorf("a second one: %v", err)
	}
	elsewhere, err := New(Options{DB: db, Command: command})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := elsewhere.Start(server, "long"); !errors.Is(err, ErrRunning) {
		t.Errorf("a second one of another server: %v", err)
	}
	if _, err := s.Start(server, "fail"); err != nil {
		t.Errorf("another job: %v", err)
	}
	for _, want := range []struct{ job, status string }{{"long", state.Succeeded}, {"fail", state.Failed}} {
		for deadline := time.Now().Add(30 * time.Second); newest(t, db, want.job).Status != want.status; time.Sleep(10 * time.Millisecond) {
			if time.Now().After(deadline) {
				t.Fatalf("%s is %+v", want.job, newest(t, db, want.job))
			}
		}
	}
	if _, err := s.Start(server, "polite"); err != nil {
		t.Fatal(err)
	}
	stop() // which ends what was asked for too
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	if r := newest(t, db, "polite"); r.Status == state.Running {
		t.Errorf("after the server's end the run is %+v", r)
	}
	if _, err := s.Start(server, "long"); !errors.Is(err, context.Canceled) {
		t.Errorf("a start after the end: %v", err)
	}
}

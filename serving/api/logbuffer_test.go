package api

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"sync"
	"testing"
)

// guarded is a buffer that is written and read at once.
type guarded struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (g *guarded) Write(b []byte) (int, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.text.Write(b)
}

func (g *guarded) String() string {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.text.String()
}

func jsonLines(w io.Writer) slog.Handler { return slog.NewJSONHandler(w, nil) }

// Every line arrives once and whole, each writer's in their order.
func TestLogBufferLosesNothing(t *testing.T) {
	var out guarded
	b := NewLogBuffer(&out)
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- b.Run(ctx) }()
	var writers sync.WaitGroup
	const lines = 3000 // several times what is held back
	for w := range 4 {
		writers.Go(func() {
			for i := range lines {
				fmt.Fprintf(b, "writer %d line %d %s\n", w, i, strings.Repeat("x", i%50))
			}
		})
	}
	writers.Wait()
	stop()
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	next := map[int]int{}
	for _, line := range strings.Split(strings.TrimSpace(out.String()), "\n") {
		var w, i int
		if n, err := fmt.Sscanf(line, "writer %d line %d", &w, &i); n != 2 || err != nil || next[w] != i {
			t.Fatalf("%q, %v: line %d of writer %d was next", line, err, next[w], w)
		}
		next[w]++
	}
	for w := range 4 {
		if next[w] != lines {
			t.Errorf("%d lines of writer %d", next[w], w)
		}
	}
}

func TestLogBufferHoldsBackOnlyWhatCanWait(t *testing.T) {
	var out guarded
	b := NewLogBuffer(&out)
	log := slog.New(b.Handler(jsonLines)).With("who", "me")
	log.Info("first")
	if out.String() != "" {
		t.Errorf("passed on at once: %s", out.String())
	}
	log.WithGroup("g").Warn("second")
	if got := out.String(); strings.Count(got, "\n") != 2 || !strings.Contains(got, `"msg":"first"`) || !strings.Contains(got, `"msg":"second"`) {
		t.Errorf("after a warning: %s", got)
	}
	log.Info("third")
	ctx, stop := context.WithCancel(t.Context())
	stop()
	if err := b.Run(ctx); err != nil || !strings.Contains(out.String(), "third") {
		t.Errorf("at the end: %s, %v", out.String(), err)
	}
}

type brokenPipe struct{}

func (brokenPipe) Write([]byte) (int, error) { return 0, errors.New("broken pipe") }

func TestLogBufferTellsWhatFails(t *testing.T) {
	b := NewLogBuffer(brokenPipe{})
	if _, err := b.Write([]byte("line\n")); err != nil {
		t.Errorf("what waits cannot fail: %v", err)
	}
	if err := b.Flush(); err == nil {
		t.Error("lost without a word")
	}
}

func TestLogNamesPathsOnlyIfTold(t *testing.T) {
	for told, want := range map[bool]bool{true: true, false: false} {
		var out bytes.Buffer
		h := New(Options{Store: loaded(t, 5), Logger: slog.New(jsonLines(&out)), LogPaths: told})
		ask(h, "GET", "/v1/users/17850/scores?lang=en")
		if got := strings.Contains(out.String(), `"path":"/v1/users/17850/scores"`); got != want || strings.Contains(out.String(), "lang=en") {
			t.Errorf("told %v: %s", told, out.String())
		}
	}
}

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
)

// The log is as configured, and whole when the server has ended; traces go
// where the standard's own variable says.
func TestServerLogsAndTraces(t *testing.T) {
	var sent atomic.Int64
	collector := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/v1/traces" {
			sent.Add(1)
		}
	}))
	defer collector.Close()
	t.Setenv(envOTLP, collector.URL)
	w := emptyShop(t)
	w.config.Serve.LogFormat, w.config.Serve.LogIDs = "json", true
	var logs bytes.Buffer // read when the server has ended
	s, err := w.newServer(&logs, false)
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- s.run(ctx) }()
	awaitStatus(t, http.DefaultClient, "http://"+s.listener.Addr().String()+"/v1/users/17850/scores", "", 503)
	stop()
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	requests := 0
	for _, line := range strings.Split(strings.TrimSpace(logs.String()), "\n") {
		var l struct{ Msg, Path, Route string }
		if err := json.Unmarshal([]byte(line), &l); err != nil {
			t.Errorf("%q is no JSON: %v", line, err)
		}
		if l.Msg == "request" && l.Path == "/v1/users/17850/scores" && l.Route == "/v1/users/:id/scores" {
			requests++
		}
	}
	if requests != 1 || sent.Load() == 0 {
		t.Errorf("%d lines and %d traces of one request:\n%s", requests, sent.Load(), &logs)
	}
}

func TestBadCollectorStopsTheStart(t *testing.T) {
	t.Setenv(envOTLP, "localhost:4318")
	s, err := emptyShop(t).newServer(new(bytes.Buffer), false)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.run(t.Context()); err == nil || !strings.Contains(err.Error(), envOTLP) {
		t.Errorf("a malformed address ended with %v", err)
	}
}

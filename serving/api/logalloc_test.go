//go:build !race

package api

import (
	"io"
	"log/slog"
	"net/http/httptest"
	"testing"
)

// TestAccessLogAllocates bounds what a line costs beyond the same request
// without a log: the record's attributes beyond the first five.
func TestAccessLogAllocates(t *testing.T) {
	store := loaded(t, 50)
	allocations := func(log *slog.Logger) float64 {
		h := New(Options{Store: store, NewID: fixedID, Logger: log})
		r := httptest.NewRequest("GET", "/healthz", nil)
		return testing.AllocsPerRun(200, func() { h.ServeHTTP(httptest.NewRecorder(), r) })
	}
	for name, format := range map[string]func(io.Writer) slog.Handler{"json": jsonLines,
		"text": func(w io.Writer) slog.Handler { return slog.NewTextHandler(w, nil) }} {
		with := allocations(slog.New(NewLogBuffer(io.Discard).Handler(format)))
		if without := allocations(nil); with > without+3 {
			t.Errorf("%s: %v allocations a request with the log, %v without", name, with, without)
		}
	}
}

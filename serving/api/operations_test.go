package api

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"regulars/serving"
)

func TestMetricsOfTheSnapshot(t *testing.T) {
	asOf := time.Date(2011, 12, 8, 0, 0, 0, 0, time.UTC)
	store := loaded(t, 5)
	h := New(Options{Store: store, Now: func() time.Time { return asOf.Add(36 * time.Hour) }, Queued: func() float64 { return 7 }})
	ask(h, "BREW", "/v1/users/17850/scores")
	text := ask(h, "GET", "/metrics").Body.String()
	for _, want := range []string{
		"regulars_snapshot_ready 1", "regulars_snapshot_age_seconds 129600", "regulars_snapshot_users 3", "regulars_snapshot_items 5",
		fmt.Sprintf("regulars_snapshot_info{version=%q} 1", store.Status().Version), "regulars_snapshot_swaps_total 1", "regulars_snapshot_damaged_total 0",
		"regulars_snapshot_loaded_timestamp_seconds ", "regulars_http_requests_in_flight 1", // this one
		"regulars_events_queued 7", "regulars_filter_rejects_total 0", "go_goroutines ", "process_resident_memory_bytes ",
	} {
		if !strings.Contains(text, "\n"+want) {
			t.Errorf("no %s", want)
		}
	}
	if strings.Contains(text, "17850") || strings.Contains(text, "BREW") {
		t.Error("a label holds what a request brought")
	}
	none := ask(New(Options{Store: serving.NewStore(t.TempDir(), serving.Options{})}), "GET", "/metrics").Body.String()
	for _, unknown := range []string{"regulars_snapshot_info", "regulars_snapshot_users", "regulars_events_queued"} {
		if strings.Contains(none, unknown) {
			t.Errorf("%s is told without a snapshot or a queue", unknown)
		}
	}
	if !strings.Contains(none, "\nregulars_snapshot_ready 0") {
		t.Error("that there is no snapshot is not told")
	}
}

func TestReadyByAge(t *testing.T) {
	asOf := time.Date(2011, 12, 8, 0, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		age, most time.Duration
		want      int
	}{
		{10 * 365 * 24 * time.Hour, 0, 200}, // staleness alone takes no server out of rotation
		{48 * time.Hour, 48 * time.Hour, 200},
		{48*time.Hour + time.Second, 48 * time.Hour, 503},
	} {
		h := New(Options{Store: loaded(t, 5), MaxAge: c.most, Now: func() time.Time { return asOf.Add(c.age) }})
		w := ask(h, "GET", "/readyz")
		if w.Code != c.want || (c.want == 503) != strings.Contains(w.Body.String(), "the snapshot is 48h0m1s old, and 48h0m0s is the most") {
			t.Errorf("%v old of %v: %d %s", c.age, c.most, w.Code, w.Body)
		}
		if w := ask(h, "GET", "/v1/popular"); w.Code != 200 {
			t.Errorf("what is asked all the same is answered with %d", w.Code)
		}
	}
}

func TestWatchAgeWarnsOnce(t *testing.T) {
	store := loaded(t, 5) // of 2011
	for bound, want := range map[time.Duration]int{0: 0, time.Hour: 1, 1000 * 365 / 4 * 24 * time.Hour: 0} {
		var out bytes.Buffer
		ctx, stop := context.WithCancel(t.Context())
		stop()
		WatchAge(ctx, store, bound, slog.New(slog.NewTextHandler(&out, nil)))
		if n := strings.Count(out.String(), "the snapshot is stale"); n != want {
			t.Errorf("bound %v: warned %d times: %s", bound, n, &out)
		}
	}
}

// quiet is a tracer that does nothing but what any tracer must.
type quiet struct{}

func (quiet) Start(r *http.Request) (context.Context, func(method, route, requestID string, status int)) {
	return r.Context(), func(string, string, string, int) {}
}

// Traces cost nothing unless they are wanted: even a tracer that does nothing
// needs a request of its own for its context.
func TestNoTracesNoCost(t *testing.T) {
	store := loaded(t, 5)
	allocations := func(tracer Tracer) float64 {
		h := New(Options{Store: store, NewID: fixedID, Tracer: tracer})
		r := httptest.NewRequest("GET", "/healthz", nil)
		return testing.AllocsPerRun(200, func() { h.ServeHTTP(httptest.NewRecorder(), r) })
	}
	if off, on := allocations(nil), allocations(quiet{}); off >= on {
		t.Errorf("%v allocations a request without traces, %v with", off, on)
	}
}

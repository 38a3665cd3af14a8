package trace_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/hex"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	collector "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	common "go.opentelemetry.io/proto/otlp/common/v1"
	spans "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"

	"regulars/serving"
	"regulars/serving/api"
	"regulars/serving/trace"
)

// receiver is a collector that keeps what it is sent.
type receiver struct {
	mu       sync.Mutex
	requests []*collector.ExportTraceServiceRequest
	paths    []string
}

func (c *receiver) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err == nil && r.Header.Get("Content-Encoding") == "gzip" {
		var z *gzip.Reader
		if z, err = gzip.NewReader(bytes.NewReader(body)); err == nil {
			body, err = io.ReadAll(z)
		}
	}
	var m collector.ExportTraceServiceRequest
	if err == nil {
		err = proto.Unmarshal(body, &m)
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.requests, c.paths = append(c.requests, &m), append(c.paths, r.URL.Path)
	w.Header().Set("Content-Type", "application/x-protobuf")
}

func (c *receiver) spans() (out []*spans.Span) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, r := range c.requests {
		for _, of := range r.ResourceSpans {
			for _, scope := range of.ScopeSpans {
				out = append(out, scope.Spans...)
			}
		}
	}
	return out
}

func attributes(of []*common.KeyValue) map[string]string {
	out := map[string]string{}
	for _, a := range of {
		out[a.Key] = strings.Trim(a.Value.String(), " ")
	}
	return out
}

// Spans reach a collector with route and status, below the caller's span, and
// without the customer.
func TestSpansReachACollector(t *testing.T) {
	var got receiver
	srv := httptest.NewServer(&got)
	defer srv.Close()
	tracer, err := trace.Open(t.Context(), srv.URL+"/", "regulars", func(err error) { t.Error(err) })
	if err != nil {
		t.Fatal(err)
	}
	h := api.New(api.Options{Store: serving.NewStore(t.TempDir(), serving.Options{}), Tracer: tracer})
	const parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
	for _, target := range []string{"/v1/users/customer-17850/scores", "/healthz", "/v1/users/customer-17850/scores?k=1", "/nowhere/customer-17850"} {
		r := httptest.NewRequest("GET", target, nil)
		r.Header.Set("Traceparent", parent)
		r.Header.Set("X-Request-Id", "shop-42")
		h.ServeHTTP(httptest.NewRecorder(), r)
	}
	// Without a parent, and with one that is malformed, a trace begins here.
	h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/readyz", nil))
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	if err := tracer.Close(ctx); err != nil {
		t.Fatal(err)
	}
	want := []struct {
		name, status string
		failed       bool
	}{{"GET /v1/users/:id/scores", "503", true}, {"GET /healthz", "200", false}, {"GET /v1/users/:id/scores", "400", false}, {"GET unmatched", "404", false}, {"GET /readyz", "503", true}}
	all := got.spans()
	if len(all) != len(want) {
		t.Fatalf("%d spans, want %d", len(all), len(want))
	}
	for i, s := range all {
		a := attributes(s.Attributes)
		if s.Name != want[i].name || !strings.Contains(a["http.response.status_code"], want[i].status) || (s.Status.GetCode() == spans.Status_STATUS_CODE_ERROR) != want[i].failed {
			t.Errorf("span %d is %q %v %v, want %+v", i, s.Name, a, s.Status, want[i])
		}
		below := hex.EncodeToString(s.TraceId) == "0af7651916cd43dd8448eb211c80319c" && hex.EncodeToString(s.ParentSpanId) == "b7ad6b7169203331"
		if last := i == len(all)-1; below == last {
			t.Errorf("span %d is of trace %x below %x", i, s.TraceId, s.ParentSpanId)
		}
		if strings.Contains(s.String(), "17850") {
			t.Errorf("span %d names the customer: %v", i, s)
		}
	}
	if got.paths[0] != "/v1/traces" {
		t.Errorf("sent to %s", got.paths[0])
	}
}

// TestCollectorThatFails: it is told once, and once more when spans arrive again.
func TestCollectorThatFails(t *testing.T) {
	t.Setenv("OTEL_BSP_SCHEDULE_DELAY", "5") // milliseconds between sendings
	var got receiver
	var asked, failing atomic.Int64
	failing.Store(1)
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if asked.Add(1); failing.Load() == 1 {
			http.Error(w, "no", http.StatusBadRequest)
			return
		}
		got.ServeHTTP(w, r)
	}))
	defer srv.Close()
	told := make(chan error, 100)
	tracer, err := trace.Open(t.Context(), srv.URL, "regulars", func(err error) { told <- err })
	if err != nil {
		t.Fatal(err)
	}
	span := func() {
		_, end := tracer.Start(httptest.NewRequest("GET", "/healthz", nil))
		end("GET", "/healthz", "ID", 200)
		time.Sleep(time.Millisecond)
	}
	for asked.Load() < 3 {
		span()
	}
	failing.Store(0)
	for len(got.spans()) == 0 {
		span()
	}
	if err := tracer.Close(t.Context()); err != nil {
		t.Error(err)
	}
	close(told)
	var all []error
	for err := range told {
		all = append(all, err)
	}
	if len(all) != 2 || all[0] == nil || all[1] != nil {
		t.Errorf("told %v", all)
	}
}

func TestOpenProblems(t *testing.T) {
	for _, endpoint := range []string{"", "localhost:4318", "ftp://x", "http://"} {
		if tracer, err := trace.Open(t.Context(), endpoint, "x", nil); err == nil || tracer != nil {
			t.Errorf("%q is taken", endpoint)
		}
	}
}

package api

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/prometheus/client_golang/prometheus/promhttp"
	"regulars/serving/served"
)

// fakeKeys knows a key for every role, by the role's name, and some that ended.
type fakeKeys struct{ open bool }

func (f fakeKeys) Needed() bool { return !f.open }

func (fakeKeys) Check(key string) (Caller, KeyState) {
	switch {
	case key == string(KeyRevoked) || key == string(KeyExpired):
		return Caller{ID: "id-" + key, Role: Admin}, KeyState(key)
	case key == "later" || slices.Contains(Roles(), Role(key)):
		return Caller{ID: "id-" + key, Role: Role(key)}, KeyValid
	}
	return Caller{}, KeyUnknown
}

func locked(t testing.TB, o Options) http.Handler {
	o.Store, o.Jobs, o.Runner, o.Models, o.NewID, o.Intake = loaded(t, 5), history{}, history{}, registry{}, fixedID, intake(t)
	o.Audiences, o.Privacy = audiencesOf(o.Store, nil), &people{}
	if o.Keys == nil {
		o.Keys = fakeKeys{}
	}
	o.Reports = noReports{}
	return New(o)
}

// noReports has a placement of which nothing was shown.
type noReports struct{}

func (noReports) Report(_ context.Context, name string, _, _ time.Time) (served.Report, bool, error) {
	return served.Report{Placement: name, Arms: []served.Arm{{Name: "default"}}}, true, nil
}

// asked are requests for every route of the server, each of which is answered
// with 200, or 202, to those who may ask it.
var asked = []struct {
	route  route
	target string
	body   string
	may    string // the roles besides admin, or who needs none
}{
	{route{"GET", "/v1/users/:id/recommendations"}, "/v1/users/17850/recommendations", "", "storefront marketing"},
	{route{"POST", "/v1/recommendations"}, "/v1/recommendations", `{"users":["17850"]}`, "storefront marketing"},
	{route{"GET", "/v1/items/:id/similar"}, "/v1/items/85120001/similar", "", "storefront marketing"},
	{route{"GET", "/v1/popular"}, "/v1/popular", "", "storefront marketing"},
	{route{"GET", "/v1/users/:id/scores"}, "/v1/users/17850/scores", "", "marketing"},
	{route{"POST", "/v1/scores/batch"}, "/v1/scores/batch", `{"user_ids":["17850"]}`, "marketing"},
	{route{"GET", "/v1/audiences"}, "/v1/audiences", "", "marketing"},
	{route{"GET", "/v1/audiences/:name"}, "/v1/audiences/lapsing", "", "marketing"},
	{route{"GET", "/v1/placements/:name/report"}, "/v1/placements/home/report", "", "marketing"},
	{route{"POST", "/v1/events"}, "/v1/events", `{"type":"view","user_id":"u"}`, "storefront marketing"},
	{route{"POST", "/v1/contacts"}, "/v1/contacts", `{"contact_id":"c","campaign_id":"k","user_id":"u","channel":"email","arm":"a"}`, "marketing"},
	{route{"POST", "/v1/items/update"}, "/v1/items/update", `{"item_id":"i","in_stock":true}`, "storefront marketing"},
	{route{"POST", "/v1/identities"}, "/v1/identities", `{"session_id":"s","user_id":"u"}`, "storefront marketing"},
	{route{"GET", "/v1/users/:id/data"}, "/v1/users/17850/data", "", ""},
	{route{"DELETE", "/v1/users/:id"}, "/v1/users/17850", "", ""},
	{route{"POST", "/v1/users/:id/opt-out"}, "/v1/users/17850/opt-out", `{"personalization":false}`, "storefront marketing"},
	{route{"GET", "/v1/jobs"}, "/v1/jobs", "", ""},
	{route{"GET", "/v1/jobs/:id"}, "/v1/jobs/" + job.ID, "", ""},
	{route{"POST", "/v1/jobs/:name/runs"}, "/v1/jobs/pipeline/runs", "", ""},
	{route{"GET", "/v1/models"}, "/v1/models", "", ""},
	{route{"POST", "/v1/models/:name/promote"}, "/v1/models/churn/promote", `{"version":"2011-12-08-cccccccc"}`, ""},
	{route{"POST", "/v1/models/:name/rollback"}, "/v1/models/churn/rollback", "", ""},
	{route{"GET", "/healthz"}, "/healthz", "", "everybody"},
	{route{"GET", "/readyz"}, "/readyz", "", "everybody"},
	{route{"GET", "/openapi.yaml"}, "/openapi.yaml", "", "everybody"},
	{route{"GET", "/metrics"}, "/metrics", "", "monitoring"},
}

func TestRolesByRoutes(t *testing.T) {
	h := locked(t, Options{})
	for _, a := range asked {
		methods := []string{a.route.method}
		if a.route.method == "GET" {
			methods = append(methods, "HEAD")
		}
		for _, key := range []string{"", "nobody", "revoked", "expired", "monitoring", "storefront", "marketing", "admin", "later"} {
			want := http.StatusForbidden
			switch {
			case a.may == "everybody" || key == "admin" || key != "" && slices.Contains(strings.Fields(a.may), key):
				want = http.StatusOK
			case key == "" || key == "nobody" || key == "revoked" || key == "expired":
				want = http.StatusUnauthorized
			}
			for _, method := range methods {
				for _, header := range [][]string{{"Authorization", "Bearer " + key}, {"Authorization", "bearer  " + key}, {"X-API-Key", key},
					{"X-API-Key", key, "Authorization", "Basic c2hvcDpzaG9w"}} {
					if key == "" {
						header = nil
					}
					if w := send(h, method, a.target, a.body, header...); w.Code != want && (w.Code != http.StatusAccepted || want != http.StatusOK) {
						t.Errorf("%s %s with %q answered %d %s, want %d", method, a.target, header, w.Code, w.Body, want)
					}
				}
			}
		}
	}
}

// A route that nobody has classified is found here, and is admin's alone.
func TestEveryRouteIsClassified(t *testing.T) {
	store := loaded(t, 5)
	s := &server{store: store, jobs: history{}, runner: history{}, models: registry{}, audiences: audiencesOf(store, nil), privacy: &people{}, log: slog.New(slog.DiscardHandler), newID: fixedID, keys: fakeKeys{},
		limit: newLimiter(Rate{}, time.Now), metrics: newMetrics(prometheus.NewRegistry(), store, time.Now, nil), reports: noReports{}}
	e := s.routes(http.NotFoundHandler())
	routes := map[route]bool{}
	for _, r := range e.Routes() {
		if r.Method != http.MethodHead {
			routes[route{r.Method, r.Path}] = true
		}
	}
	tried := map[route]bool{}
	for _, a := range asked {
		tried[a.route] = true
	}
	for r := range routes {
		if _, ok := mayAsk[r]; !ok || !tried[r] {
			t.Errorf("who may ask %s %s? Say it in mayAsk and try it in asked", r.method, r.path)
		}
	}
	for r := range mayAsk {
		if !routes[r] {
			t.Errorf("there is no route %s %s to be asked", r.method, r.path)
		}
	}
	s.get(e, "/v1/later", s.health)
	for key, want := range map[string]int{"admin": 200, "marketing": 403, "": 401} {
		if w := ask(e, "GET", "/v1/later", "X-API-Key", key); w.Code != want {
			t.Errorf("an unclassified route answered %q with %d, want %d", key, w.Code, want)
		}
	}
}

func TestRefusals(t *testing.T) {
	h := locked(t, Options{})
	unknown := "the key is unknown, was revoked or has expired"
	missing := "a key is needed: send it as Authorization: Bearer … or as X-API-Key"
	for _, c := range []struct {
		name           string
		headers        []string
		target         string
		status         int
		detail, header string
	}{
		{"nothing", nil, "/v1/popular", 401, missing, `Bearer realm="regulars"`},
		{"another scheme", []string{"Authorization", "Basic storefront"}, "/v1/popular", 401, missing, `Bearer realm="regulars"`},
		{"no key behind the scheme", []string{"Authorization", "Bearer"}, "/v1/popular", 401, missing, `Bearer realm="regulars"`},
		{"in the query", nil, "/v1/popular?key=storefront", 401, missing, `Bearer realm="regulars"`},
		{"unknown", []string{"X-API-Key", "x"}, "/v1/popular", 401, unknown, `Bearer realm="regulars", error="invalid_token"`},
		{"revoked", []string{"X-API-Key", "revoked"}, "/v1/popular", 401, unknown, `Bearer realm="regulars", error="invalid_token"`},
		{"expired", []string{"Authorization", "Bearer expired"}, "/v1/popular", 401, unknown, `Bearer realm="regulars", error="invalid_token"`},
		{"role", []string{"X-API-Key", "storefront"}, "/v1/users/17850/scores", 403, "this key's role may not ask this", `Bearer realm="regulars", error="insufficient_scope"`},
		{"no such route, no key", nil, "/v1/nowhere", 401, missing, `Bearer realm="regulars"`},
		{"no such route", []string{"X-API-Key", "storefront"}, "/v1/nowhere", 404, "there is no such route", ""},
		{"bad question, no key", nil, "/v1/popular?k=x", 401, missing, `Bearer realm="regulars"`},
		{"trick", nil, "/healthz/../v1/popular", 401, missing, `Bearer realm="regulars"`},
	} {
		w := ask(h, "GET", c.target, c.headers...)
		var p problem
		if err := json.Unmarshal(w.Body.Bytes(), &p); err != nil {
			t.Fatalf("%s: %v in %s", c.name, err, w.Body)
		}
		want := problem{Type: "about:blank", Title: http.StatusText(c.status), Status: c.status, Detail: c.detail, RequestID: "ID"}
		if w.Code != c.status || p != want || w.Header().Get("WWW-Authenticate") != c.header || w.Header().Get("Cache-Control") != "no-store" {
			t.Errorf("%s: answered %d %+v %v, want %+v and %s", c.name, w.Code, p, w.Header(), want, c.header)
		}
	}
	if w := ask(h, "POST", "/v1/popular", "X-API-Key", "storefront"); w.Code != 405 {
		t.Errorf("another method is answered with %d", w.Code)
	}
	if w := ask(h, "POST", "/v1/popular"); w.Code != 401 {
		t.Errorf("another method without key is answered with %d", w.Code)
	}
}

func TestNoKeyNeeded(t *testing.T) {
	h := locked(t, Options{Keys: fakeKeys{open: true}, Rate: Rate{PerSecond: .001, Burst: 1}})
	for _, a := range asked {
		for range 2 {
			if w := send(h, a.route.method, a.target, a.body, "X-API-Key", "whatever"); w.Code != http.StatusOK && w.Code != http.StatusAccepted {
				t.Errorf("%s answered %d", a.target, w.Code)
			}
		}
	}
}

// The metrics are open to the machine itself, and not to whom its proxy serves.
func TestMetricsOnThisMachine(t *testing.T) {
	h := locked(t, Options{})
	for _, c := range []struct {
		from, header string
		want         int
	}{
		{"127.0.0.1:1234", "", 200}, {"127.8.8.8:1234", "", 200}, {"[::1]:1234", "", 200}, {"[::ffff:127.0.0.1]:1234", "", 200},
		{"192.168.0.9:1234", "", 401}, {"[fe80::1%eth0]:1234", "", 401}, {"", "", 401}, {"@", "", 401},
		{"127.0.0.1:1234", "X-Forwarded-For", 401}, {"127.0.0.1:1234", "X-Real-IP", 401}, {"127.0.0.1:1234", "Forwarded", 401}, {"127.0.0.1:1234", "Via", 401},
	} {
		for target, want := range map[string]int{"/metrics": c.want, "/v1/popular": 401} {
			r := httptest.NewRequest("GET", target, nil)
			r.RemoteAddr = c.from
			if c.header != "" {
				r.Header.Set(c.header, "")
			}
			w := httptest.NewRecorder()
			h.ServeHTTP(w, r)
			if w.Code != want {
				t.Errorf("%s from %q with %q answered %d, want %d", target, c.from, c.header, w.Code, want)
			}
		}
	}
}

func TestRefusalsAreCountedAndLogged(t *testing.T) {
	var log bytes.Buffer
	reg := prometheus.NewRegistry()
	h := locked(t, Options{Registry: reg, Logger: slog.New(slog.NewTextHandler(&log, nil)), Rate: Rate{PerSecond: 1, Burst: 2}, Now: func() time.Time { return time.Unix(0, 0) }})
	for _, key := range []string{"", "secret-of-nobody", "secret-of-nobody", "revoked", "expired", "storefront", "storefront", "storefront"} {
		ask(h, "GET", "/v1/users/17850/scores", "X-API-Key", key)
	}
	w := httptest.NewRecorder()
	promhttp.HandlerFor(reg, promhttp.HandlerOpts{}).ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
	for reason, n := range map[string]int{"missing": 1, "unknown": 2, "revoked": 1, "expired": 1, "role": 2, "rate": 1} {
		if want := fmt.Sprintf("regulars_http_refused_total{reason=%q} %d\n", reason, n); !strings.Contains(w.Body.String(), want) {
			t.Errorf("no %s in %s", want, w.Body)
		}
	}
	text := log.String()
	if strings.Contains(text, "secret-of-nobody") || strings.Contains(text, "17850") {
		t.Errorf("the log tells a key or a customer: %s", text)
	}
	if n := strings.Count(text, "key=id-storefront"); n != 3 || strings.Count(text, "key=") != 3 {
		t.Errorf("%d of 3 requests logged under their key, and no other: %s", n, text)
	}
}

func TestRateByKey(t *testing.T) {
	var now atomic.Int64 // milliseconds
	h := locked(t, Options{Rate: Rate{PerSecond: 2, Burst: 3}, Now: func() time.Time { return time.UnixMilli(now.Load()) }})
	get := func(key string, want int, after string) {
		t.Helper()
		w := ask(h, "GET", "/v1/popular", "X-API-Key", key)
		if w.Code != want || w.Header().Get("Retry-After") != after {
			t.Errorf("at %d ms %s got %d, to try again after %q; want %d, %q", now.Load(), key, w.Code, w.Header().Get("Retry-After"), want, after)
		}
	}
	for range 3 {
		get("storefront", 200, "")
	}
	get("storefront", 429, "1")
	get("marketing", 200, "") // others are not concerned
	now.Store(499)
	get("storefront", 429, "1")
	now.Store(500)
	get("storefront", 200, "")
	get("storefront", 429, "1")
	now.Store(100) // the clock is set back
	get("storefront", 429, "1")
	now.Store(3_600_000) // no more than the burst comes back
	for range 3 {
		get("storefront", 200, "")
	}
	get("storefront", 429, "1")
	if w := ask(h, "GET", "/healthz", "X-API-Key", "storefront"); w.Code != 200 {
		t.Errorf("an open route is bounded: %d", w.Code)
	}
}

func TestLimiter(t *testing.T) {
	at := time.Unix(0, 0)
	clock := func() time.Time { return at }
	for _, c := range []struct {
		rate  Rate
		burst int           // requests at once
		wait  time.Duration // for the next
	}{
		{Rate{PerSecond: 10}, 10, 100 * time.Millisecond},
		{Rate{PerSecond: 2.5}, 3, 400 * time.Millisecond},
		{Rate{PerSecond: .01}, 1, 100 * time.Second},
		{Rate{PerSecond: 1, Burst: 5}, 5, time.Second},
	} {
		l, n := newLimiter(c.rate, clock), 0
		wait := l.take("a")
		for ; wait == 0 && n < 1000; wait = l.take("a") {
			n++
		}
		if n != c.burst || wait != c.wait {
			t.Errorf("%+v: %d at once, then after %v; want %d, %v", c.rate, n, wait, c.burst, c.wait)
		}
		at = at.Add(wait)
		if wait = l.take("a"); wait != 0 {
			t.Errorf("%+v: after the time that was told, another %v", c.rate, wait)
		}
	}
	if l := newLimiter(Rate{}, nil); l.take("a") != 0 || len(l.buckets) != 0 {
		t.Error("no bound is a bound")
	}
}

// Many at once get no more than the bucket holds.
func TestRateUnderConcurrency(t *testing.T) {
	h := locked(t, Options{Rate: Rate{PerSecond: 1, Burst: 100}, Now: func() time.Time { return time.Unix(0, 0) }})
	var passed, refused atomic.Int64
	var clients sync.WaitGroup
	for range 8 {
		clients.Go(func() {
			for range 50 {
				switch w := ask(h, "GET", "/v1/popular?k=1", "X-API-Key", "storefront"); w.Code {
				case 200:
					passed.Add(1)
				case 429:
					refused.Add(1)
				default:
					t.Errorf("answered %d", w.Code)
				}
			}
		})
	}
	clients.Wait()
	if passed.Load() != 100 || refused.Load() != 300 {
		t.Errorf("%d passed and %d were refused, want 100 and 300", passed.Load(), refused.Load())
	}
}

// BenchmarkKeyed: what knowing the caller costs, beside the same request without.
func BenchmarkKeyed(b *testing.B) {
	store := loaded(b, 50)
	for _, c := range []struct {
		name string
		o    Options
	}{
		{"open", Options{Store: store}}, {"keys", Options{Store: store, Keys: fakeKeys{}}},
		{"keys and rate", Options{Store: store, Keys: fakeKeys{}, Rate: Rate{PerSecond: 1e6}}},
	} {
		b.Run(c.name, func(b *testing.B) {
			h := New(c.o)
			r := httptest.NewRequestWithContext(context.Background(), "GET", "/v1/users/17850/recommendations?k=10", nil)
			r.Header.Set("X-API-Key", "storefront")
			b.ReportAllocs()
			for b.Loop() {
				h.ServeHTTP(httptest.NewRecorder(), r)
			}
		})
	}
}

// TestWithoutKeysOnlyThisMachine: while no key is needed, neither a proxy nor a
// page that a browser on this machine shows gets anything done.
func TestWithoutKeysOnlyThisMachine(t *testing.T) {
	h := locked(t, Options{Keys: fakeKeys{open: true}, Local: true})
	for name, c := range map[string]struct {
		host    string
		headers map[string]string
		mine    bool
		reads   bool // where it may ask, but not change
	}{
		"the address":           {"127.0.0.1:8080", nil, true, true},
		"another of loopback":   {"127.8.0.2", nil, true, true},
		"version 6":             {"[::1]:8080", nil, true, true},
		"version 6, no port":    {"[::1]", nil, true, true},
		"localhost":             {"LocalHost:8080", nil, true, true},
		"localhost with a dot":  {"localhost.:8080", nil, true, true},
		"a name of localhost":   {"shop.localhost:8080", nil, true, true},
		"a name of the machine": {"vm:8080", nil, true, true},
		"no name":               {"", nil, true, true},
		"its own page":          {"127.0.0.1:8080", map[string]string{"Origin": "http://127.0.0.1:8080", "Sec-Fetch-Site": "same-origin"}, true, true},
		"an address typed in":   {"127.0.0.1:8080", map[string]string{"Sec-Fetch-Site": "none"}, true, true},
		"a rebound name":        {"attacker.example:8080", nil, false, false},
		"one like localhost":    {"localhost.attacker.example", nil, false, false},
		"one like an address":   {"127.0.0.1.attacker.example:8080", nil, false, false},
		"another machine's":     {"192.168.1.7:8080", nil, false, false},
		"another's version 6":   {"[fe80::1%25eth0]:8080", nil, false, false},
		"a proxy":               {"127.0.0.1:8080", map[string]string{"X-Forwarded-For": "203.0.113.9"}, false, false},
		"a standard proxy":      {"127.0.0.1:8080", map[string]string{"Forwarded": "for=203.0.113.9"}, false, false},
		"another site's page":   {"127.0.0.1:8080", map[string]string{"Origin": "https://attacker.example"}, false, true},
		"a sandboxed page":      {"127.0.0.1:8080", map[string]string{"Origin": "null"}, false, true},
		"a browser saying so":   {"127.0.0.1:8080", map[string]string{"Sec-Fetch-Site": "cross-site"}, false, true},
	} {
		for _, a := range asked {
			r := httptest.NewRequest(a.route.method, a.target, strings.NewReader(a.body))
			r.Host = c.host
			for header, value := range c.headers {
				r.Header.Set(header, value)
			}
			open := slices.Contains(mayAsk[a.route], anybody) || c.mine || c.reads && a.route.method == http.MethodGet
			if w := kept(h, r, a.body); (w.Code == http.StatusForbidden) == open {
				t.Errorf("%s: %s %s was answered %d %.200s", name, a.route.method, a.target, w.Code, w.Body)
			}
		}
	}
}

// TestKeysOpenToAllNames: who brings a key may come from anywhere.
func TestKeysOpenToAllNames(t *testing.T) {
	h := locked(t, Options{Local: true})
	body := `{"item_id":"i","in_stock":true}`
	r := httptest.NewRequest("POST", "/v1/items/update", strings.NewReader(body))
	r.Host = "shop.example"
	for header, value := range map[string]string{"Authorization": "Bearer storefront", "Via": "1.1 proxy", "Origin": "https://shop.example"} {
		r.Header.Set(header, value)
	}
	if w := kept(h, r, body); w.Code != http.StatusOK {
		t.Errorf("answered %d %s", w.Code, w.Body)
	}
}

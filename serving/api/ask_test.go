package api

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// askWithin sends a batch of so many customers that waits for its answer that long.
func askWithin(t *testing.T, h http.Handler, users int, patience time.Duration) *httptest.ResponseRecorder {
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	r := httptest.NewRequestWithContext(ctx, "POST", "/v1/recommendations", strings.NewReader(`{"k":1,"users":["u"`+strings.Repeat(`,"u"`, users-1)+`]}`))
	r.Header.Set("X-Request-Id", "given")
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

// TestLargeBatchesTakeTurns: however many are sent, other requests have cores left.
func TestLargeBatchesTakeTurns(t *testing.T) {
	turns := int64(max(1, runtime.GOMAXPROCS(0)/2))
	var named atomic.Int64
	begun, goOn := make(chan struct{}), make(chan struct{})
	h := New(Options{Store: loaded(t, 5), NewID: func() string { // a batch asks for one a list
		if named.Add(1) <= turns {
			begun <- struct{}{}
			<-goOn
		}
		return "ID"
	}})
	var all sync.WaitGroup
	for range turns {
		all.Go(func() {
			if w := askWithin(t, h, 1000, time.Minute); w.Code != 200 || strings.Count(w.Body.String(), "user_id") != 1000 {
				t.Errorf("a batch that had its turn was answered %d %.200s", w.Code, w.Body)
			}
		})
		<-begun
	}
	if w := askWithin(t, h, largeBatch+1, 20*time.Millisecond); w.Code != 503 || w.Header().Get("Retry-After") == "" || !strings.Contains(w.Body.String(), "not done in time") {
		t.Errorf("a batch beyond the turns there are was answered %d %.200s", w.Code, w.Body)
	}
	if w := askWithin(t, h, largeBatch, time.Minute); w.Code != 200 {
		t.Errorf("a small batch was answered %d %.200s", w.Code, w.Body)
	}
	close(goOn)
	all.Wait()
	if w := askWithin(t, h, 1000, time.Minute); w.Code != 200 {
		t.Errorf("afterwards: %d %.200s", w.Code, w.Body)
	}
}

// TestBatchInParts: an answer that is written part by part is one object, of the
// same lists as smaller ones.
func TestBatchInParts(t *testing.T) {
	h := New(Options{Store: loaded(t, 50), NewID: fixedID})
	results := func(body string) (out struct {
		Results []json.RawMessage `json:"results"`
		AsOf    string            `json:"as_of"`
	}) {
		w := send(h, "POST", "/v1/recommendations", body)
		if err := json.Unmarshal(w.Body.Bytes(), &out); err != nil || w.Code != 200 || out.AsOf == "" {
			t.Fatalf("answered %d %.200s: %v", w.Code, w.Body, err)
		}
		return out
	}
	all := results(`{"k":40,"users":["17850"` + strings.Repeat(`,"17850","茶 <nobody>"`, 400) + `]}`)
	two := results(`{"k":40,"users":["17850","茶 <nobody>"]}`)
	if len(all.Results) != 801 || len(two.Results) != 2 {
		t.Fatalf("%d and %d lists", len(all.Results), len(two.Results))
	}
	for i, one := range all.Results[1:] {
		if !bytes.Equal(one, two.Results[i%2]) {
			t.Fatalf("list %d is %s, want %s", i+1, one, two.Results[i%2])
		}
	}
}

// hungUp is a client whose connection is gone when the answer is written.
type hungUp struct{ *httptest.ResponseRecorder }

func (hungUp) Write([]byte) (int, error) {
	return 0, &net.OpError{Op: "write", Net: "tcp", Addr: &net.TCPAddr{IP: net.IPv4(203, 0, 113, 9), Port: 4711}, Err: errors.New("connection reset by peer")}
}

// TestClientsThatHangUp: that somebody does not wait for the end is no error of
// the server, and the log is not told where they are.
func TestClientsThatHangUp(t *testing.T) {
	var out strings.Builder
	store := loaded(t, 5)
	h := New(Options{Store: store, Audiences: audiencesOf(store, nil), Privacy: &people{}, Logger: slog.New(slog.NewTextHandler(&out, nil))})
	for _, target := range []string{"/v1/audiences", "/v1/audiences?format=csv", "/v1/users/17850/data"} {
		func() {
			defer func() {
				if r := recover(); r != http.ErrAbortHandler {
					t.Errorf("%s: the connection is not cut: %v", target, r)
				}
			}()
			h.ServeHTTP(hungUp{httptest.NewRecorder()}, httptest.NewRequest("GET", target, nil))
		}()
	}
	if strings.Contains(out.String(), "ERROR") || strings.Contains(out.String(), "203.0.113.9") {
		t.Errorf("logged:\n%s", &out)
	}
}

// slowTelling is a Privacy that takes its time.
type slowTelling struct {
	*people
	begun, goOn chan struct{}
}

func (s slowTelling) Tell(_ context.Context, id string, w io.Writer) (bool, error) {
	s.begun <- struct{}{}
	<-s.goOn
	_, err := fmt.Fprintf(w, `{"user_id":%q}`, id)
	return true, err
}

// TestTellingAllIsBounded: what reads the whole workspace is not done by any number at once.
func TestTellingAllIsBounded(t *testing.T) {
	slow := slowTelling{&people{}, make(chan struct{}), make(chan struct{})}
	h := New(Options{Store: loaded(t, 5), Privacy: slow, NewID: fixedID})
	var all sync.WaitGroup
	for range maxExports {
		all.Go(func() {
			if w := ask(h, "GET", "/v1/users/17850/data"); w.Code != 200 {
				t.Errorf("answered %d %s", w.Code, w.Body)
			}
		})
		<-slow.begun
	}
	if w := ask(h, "GET", "/v1/users/17850/data"); w.Code != 503 || w.Header().Get("Retry-After") == "" {
		t.Errorf("one more was answered %d %s", w.Code, w.Body)
	}
	close(slow.goOn)
	all.Wait()
}

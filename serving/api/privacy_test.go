package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"regulars/serving/events"
)

// people knows the customer 17850; "busy" waits, "broken" fails.
type people struct{ refused map[string]bool }

func (r *people) Erase(_ context.Context, id string) (json.RawMessage, bool, error) {
	if id == "broken" {
		return nil, false, errors.New("/secret/path: no space left")
	}
	if id == "full" {
		return nil, false, fmt.Errorf("/secret/state.db: %w", events.ErrFull)
	}
	if id == "nobody" {
		return nil, false, fmt.Errorf("register: %w", ErrNothingHeld)
	}
	if id == "busy" {
		return json.RawMessage(`{"receipt":"R","status":"pending","removed":[]}`), false, nil
	}
	return json.RawMessage(`{"receipt":"R","status":"done","removed":[]}`), true, nil
}

func (r *people) Find(context.Context, string) (json.RawMessage, error) {
	return json.RawMessage(`{"status":"dry run","removed":[]}`), nil
}

func (r *people) Tell(_ context.Context, id string, w io.Writer) (bool, error) {
	switch id {
	case "a/b/茶":
		_, err := io.WriteString(w, `{"user_id":"a/b/茶"}`)
		return true, err
	case "17850":
		_, err := io.WriteString(w, `{"user_id":"17850"}`)
		return true, err
	case "half":
		_, err := io.WriteString(w, `{"user_id":`)
		return true, errors.Join(err, errors.New("cut"))
	case "broken":
		return false, errors.New("/secret/path")
	}
	return false, nil
}

func (r *people) OptOut(_ context.Context, id string, refused bool) error {
	if id == "gone" {
		return fmt.Errorf("state: %w", ErrErased)
	}
	if id == "full" {
		return fmt.Errorf("/secret/state.db: %w", events.ErrFull)
	}
	if r.refused == nil {
		r.refused = map[string]bool{}
	}
	r.refused[id] = refused
	return nil
}

func TestPrivacyRoutes(t *testing.T) {
	held := &people{}
	h := New(Options{Store: loaded(t, 5), Privacy: held})
	for _, c := range []struct {
		method, target, body string
		status               int
		want                 string
	}{
		{"DELETE", "/v1/users/17850", "", 200, `"status":"done"`},
		{"DELETE", "/v1/users/busy", "", 202, `"status":"pending"`},
		{"DELETE", "/v1/users/17850?dry_run=true", "", 200, `"status":"dry run"`},
		{"DELETE", "/v1/users/17850?dry_run=false", "", 200, `"status":"done"`},
		{"DELETE", "/v1/users/17850?dry_run=yes", "", 400, "dry_run must be true or false"},
		{"DELETE", "/v1/users/17850?force=true", "", 400, "unknown parameter"},
		{"DELETE", "/v1/users/broken", "", 500, "something went wrong"},
		{"DELETE", "/v1/users/" + strings.Repeat("x", 600), "", 400, "at most 512"},
		{"DELETE", "/v1/users/nobody", "", 404, `"title":"Not Found"`},
		{"DELETE", "/v1/users/a%2Fb%2F%E8%8C%B6", "", 200, `"status":"done"`},
		{"DELETE", "/v1/users/a%ff", "", 400, "UTF-8"},
		{"GET", "/v1/users/a%2Fb%2F%E8%8C%B6/data", "", 200, `{"user_id":"a/b/茶"}`},
		{"GET", "/v1/users/a%ff/data", "", 400, "UTF-8"},
		{"GET", "/v1/users/" + strings.Repeat("x", 600) + "/data", "", 400, "at most 512"},
		{"GET", "/v1/users/17850/data", "", 200, `{"user_id":"17850"}`},
		{"GET", "/v1/users/nobody/data", "", 404, "nothing is held"},
		{"GET", "/v1/users/broken/data", "", 500, "something went wrong"},
		{"GET", "/v1/users/17850/data?k=1", "", 400, "unknown parameter"},
		{"POST", "/v1/users/17850/opt-out", `{"personalization":false}`, 200, `{"user_id":"17850","personalization":false}`},
		{"POST", "/v1/users/a%2Fb/opt-out", `{"personalization":true}`, 200, `"user_id":"a/b"`},
		{"POST", "/v1/users/17850/opt-out", `{}`, 400, "is missing"},
		{"POST", "/v1/users/17850/opt-out", `{"personalization":"no"}`, 400, "personalization"},
		{"POST", "/v1/users/17850/opt-out", `{"personalisation":true}`, 400, "personalisation"},
		{"POST", "/v1/users/gone/opt-out", `{"personalization":false}`, 404, "unknown"},
	} {
		w := send(h, c.method, c.target, c.body)
		if w.Code != c.status || !strings.Contains(w.Body.String(), c.want) {
			t.Errorf("%s %s: %d %s, want %d with %q", c.method, c.target, w.Code, w.Body, c.status, c.want)
		}
		if strings.Contains(w.Body.String(), "secret") || w.Header().Get("Cache-Control") != "no-store" {
			t.Errorf("%s %s answered %q, cached as %q", c.method, c.target, w.Body, w.Header().Get("Cache-Control"))
		}
	}
	if !held.refused["17850"] || held.refused["a/b"] {
		t.Errorf("opt-outs %v", held.refused)
	}
	if w := send(New(Options{Store: loaded(t, 5)}), "DELETE", "/v1/users/17850", ""); w.Code != http.StatusNotFound {
		t.Errorf("without a register: %d", w.Code)
	}
}

// An answer that breaks off must not look whole.
func TestDataThatBreaksOff(t *testing.T) {
	srv := httptest.NewServer(New(Options{Store: loaded(t, 5), Privacy: &people{}}))
	defer srv.Close()
	resp, err := http.Get(srv.URL + "/v1/users/half/data")
	if err == nil {
		_, err = io.ReadAll(resp.Body)
		resp.Body.Close()
	}
	if err == nil {
		t.Error("half an answer ended as if it were whole")
	}
}

// A disk that is full is no riddle: the answer says so, and nothing of where.
func TestPrivacyOnAFullDisk(t *testing.T) {
	h := New(Options{Store: loaded(t, 5), Privacy: &people{}, NewID: fixedID})
	for _, w := range []*httptest.ResponseRecorder{send(h, "POST", "/v1/users/full/opt-out", `{"personalization":false}`), ask(h, "DELETE", "/v1/users/full")} {
		if body := w.Body.String(); w.Code != http.StatusInsufficientStorage || !strings.Contains(body, "no room") || strings.Contains(body, "secret") {
			t.Errorf("answered %d %s", w.Code, body)
		}
	}
}

package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"path/filepath"
	"strings"
	"testing"

	"regulars/serving/events"
)

// intake is a new event log.
func intake(t testing.TB) *events.Store {
	t.Helper()
	s, err := events.Open(filepath.Join(t.TempDir(), events.FileName), events.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// rowsOf repeats a row, with numbers from 0 in place of %d.
func rowsOf(list, row string, n int) string {
	out := make([]string, n)
	for i := range out {
		out[i] = strings.ReplaceAll(row, "%d", fmt.Sprint(i))
	}
	return `{"` + list + `":[` + strings.Join(out, ",") + `]}`
}

func TestIntake(t *testing.T) {
	log := intake(t)
	h := New(Options{Store: loaded(t, 5), Intake: log, NewID: fixedID})
	for _, c := range []struct {
		path, body string
		status     int
		want       string // of the answer, or in its detail
	}{
		{"events", `{"event_id":"e","type":"view","user_id":"u","item_id":"85120001"}`, 202, `{"accepted":1,"duplicate":0,"event_ids":["e"]}`},
		{"events", `{"events":[{"event_id":"e","type":"view","user_id":"u"},{"type":"view"},{"event_id":"f","type":"view","user_id":"u"}]}`, 202,
			`{"accepted":1,"duplicate":1,"rejected":[{"index":1,"detail":"neither user_id nor session_id is given: one of them is needed"}],"event_ids":["e",null,"f"]}`},
		{"events", `{"type":"view"}`, 400, "neither user_id nor session_id"},
		{"events", `{"events":[{"type":"view"},{}]}`, 400, "none of the 2 rows can be taken; index 0: neither"},
		{"events", `{"events":[]}`, 400, "events is empty"},
		{"events", `{"events":null}`, 400, "events is empty"},
		{"events", `{"events":[null]}`, 400, "not a JSON object"},
		{"events", `{"events":{}}`, 400, "events: the object near byte"},
		{"events", `{"events":[],"k":1}`, 400, `unknown field "k"`},
		{"events", `[]`, 400, "the body is not a JSON object"},
		{"events", `null`, 400, "the body is not a JSON object"},
		{"events", `{"type":"view"`, 400, "the body is not JSON at byte 14"},
		{"events", ``, 400, "the body is empty"},
		{"events", "{\"type\":\"\xff\"}", 400, "not valid UTF-8 at byte 10"},
		{"events?k=1", `{}`, 400, `unknown parameter "k"`},
		{"events", rowsOf("events", `{"type":"view","user_id":"u%d"}`, 1001), 400, "events has 1001 rows: at most 1000"},
		{"events", rowsOf("events", `{"type":"view","user_id":"`+strings.Repeat("u", 400)+`","placement":"`+strings.Repeat("p", 800)+`%d"}`, 1000), 413, "more than 1048576 bytes"},
		{"contacts", `{"contacts":[{"contact_id":"c","campaign_id":"k","user_id":"u","channel":"email","arm":"a"},{"contact_id":"d"}]}`, 202,
			`{"accepted":1,"duplicate":0,"rejected":[{"index":1,"detail":"campaign_id is missing, and nothing was told of this contact before"}]}`},
		{"items/update", `{"items":[{"item_id":"85120001","in_stock":false},{"item_id":"none","price":2},{"item_id":"none","price":3}]}`, 200, `{"accepted":3,"duplicate":0,"unknown_items":["none"]}`},
		{"identities", `{"session_id":"s","user_id":"u"}`, 200, `{"accepted":1,"duplicate":0}`},
		{"identities", `{"session_id":"s","user_id":"v"}`, 409, "belongs to another customer already"},
		{"identities", `{"identities":[{"session_id":"s","user_id":"v"},{"user_id":"v"}]}`, 400, "none of the 2 rows"},
	} {
		w := send(h, "POST", "/v1/"+c.path, c.body)
		got := strings.TrimSpace(w.Body.String())
		if w.Code >= 400 {
			var p problem
			if err := json.Unmarshal(w.Body.Bytes(), &p); err != nil || p.Status != w.Code || w.Header().Get("Content-Type") != "application/problem+json" {
				t.Errorf("%s %.60s answered %s", c.path, c.body, got)
			}
			got = p.Detail
		}
		if w.Code != c.status || w.Code < 400 && got != c.want || !strings.Contains(got, c.want) {
			t.Errorf("%s %.60s answered %d %s, want %d %s", c.path, c.body, w.Code, got, c.status, c.want)
		}
		if w.Header().Get("Cache-Control") != "no-store" {
			t.Errorf("%s may be kept", c.path)
		}
	}
	if it, ok := log.Item("85120001"); !ok || it.InStock.Value {
		t.Errorf("the update is not in force: %+v", it)
	}
	if r, ok := log.Recent("", "s"); !ok || r.UserID != "u" || len(r.Viewed) != 1 {
		t.Errorf("the session is not joined: %+v", r)
	}
	if m := ask(h, "GET", "/metrics").Body.String(); !strings.Contains(m, "regulars_intake_queue_rows 0") || !strings.Contains(m, "regulars_intake_rows_total ") {
		t.Error("the metrics do not show the intake")
	}
}

// failing is an intake that cannot write.
type failing struct {
	Intake
	err error
}

func (f failing) Events(context.Context, []json.RawMessage) (events.Result, error) {
	return events.Result{}, f.err
}

func (failing) Stats() events.Stats { return events.Stats{} }

func TestIntakeThatCannotWrite(t *testing.T) {
	secret := errors.New("/srv/shop/events.db")
	for _, c := range []struct {
		intake Intake
		status int
	}{
		{nil, http.StatusServiceUnavailable},
		{failing{err: events.ErrBusy}, http.StatusServiceUnavailable},
		{failing{err: fmt.Errorf("%w: %w", events.ErrUnavailable, secret)}, http.StatusServiceUnavailable},
		{failing{err: fmt.Errorf("%w: %w", events.ErrFull, secret)}, http.StatusInsufficientStorage},
		{failing{err: secret}, http.StatusInternalServerError},
	} {
		h := New(Options{Store: loaded(t, 5), Intake: c.intake, NewID: fixedID})
		w := send(h, "POST", "/v1/events", `{"type":"view","user_id":"u"}`)
		if w.Code != c.status || strings.Contains(w.Body.String(), "/srv") || (w.Header().Get("Retry-After") != "") != (c.status == 503) {
			t.Errorf("%+v answered %d %s", c.intake, w.Code, w.Body)
		}
		if w := ask(h, "GET", "/v1/popular"); w.Code != http.StatusOK {
			t.Errorf("%+v: popular answered %d", c.intake, w.Code)
		}
	}
}

func FuzzIntake(f *testing.F) {
	for _, body := range []string{`{"events":[{"type":"purchase","user_id":"u","order_id":"o","item_id":"i","unit_price":1.5}]}`, `{"item_id":"i","price":"1.5","ts":"2026-01-01T00:00:00+01:00"}`,
		`{"contact_id":"c","campaign_id":"k","user_id":"u","channel":"email","arm":"a"}`, `{"session_id":"s","user_id":"u"}`, `{"events":[null,1,"",{"events":[]}]}`} {
		for kind := range byte(4) {
			f.Add(kind, []byte(body))
		}
	}
	log := intake(f)
	h := New(Options{Store: loaded(f, 5), Intake: log, NewID: fixedID})
	paths := []string{"/v1/events", "/v1/contacts", "/v1/items/update", "/v1/identities"}
	f.Fuzz(func(t *testing.T, kind byte, body []byte) {
		w := send(h, "POST", paths[int(kind)%len(paths)], string(body))
		switch w.Code {
		case 200, 202, 400, 409, 413:
		default:
			t.Errorf("answered %d %s", w.Code, w.Body)
		}
	})
}

package api

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
)

// registry is one model of two versions.
type registry struct{ err error }

var published = []Model{{Name: "churn", Champion: "2011-12-08-cccccccc", Versions: []ModelVersion{
	{Version: "2011-11-08-bbbbbbbb", Algorithm: "logistic", AsOf: "2011-11-08", CreatedAt: "2011-11-08T03:00:00Z"},
	{Version: "2011-12-08-cccccccc", Algorithm: "gbdt", AsOf: "2011-12-08", CreatedAt: "2011-12-08T03:00:00Z", Parent: "2011-11-08-bbbbbbbb",
		Metrics: json.RawMessage(`{"auc":{"value":0.77,"low":0.75,"high":0.79}}`)}}}}

func (r registry) Models(context.Context) ([]Model, error) { return published, r.err }

func (r registry) Promote(_ context.Context, name, version string) (Change, error) {
	for _, v := range published[0].Versions {
		if r.err == nil && name == published[0].Name && version == v.Version {
			return Change{Name: name, Version: version, Snapshot: "2011-12-08-1a2b3c4d"}, nil
		}
	}
	if r.err != nil {
		return Change{}, r.err
	}
	return Change{}, fmt.Errorf("secret: %w", ErrUnknown)
}

func (r registry) Rollback(ctx context.Context, name string) (Change, error) {
	change, err := r.Promote(ctx, name, published[0].Versions[0].Version)
	change.Snapshot, change.Note = "", "run score"
	return change, err
}

func (h history) StartJob(_ context.Context, name string) (Job, error) {
	switch {
	case h.err != nil:
		return Job{}, h.err
	case name != job.Name:
		return Job{}, ErrUnknown
	}
	return job, nil
}

func TestGoldenOperations(t *testing.T) {
	store := loaded(t, 5)
	h := New(Options{Store: store, Jobs: history{}, Runner: history{}, Models: registry{}, NewID: fixedID})
	list := ask(h, "GET", "/v1/models")
	served := store.Status().Version // changes with the format
	list.Body = bytes.NewBufferString(strings.ReplaceAll(list.Body.String(), served, "SERVED"))
	golden(t, "models", list)
	golden(t, "promote", send(h, "POST", "/v1/models/churn/promote", `{"version":"2011-12-08-cccccccc"}`))
	golden(t, "rollback", send(h, "POST", "/v1/models/churn/rollback", `{}`))
	started := send(h, "POST", "/v1/jobs/pipeline/runs", "")
	golden(t, "started", started)
	if at := started.Header().Get("Location"); ask(h, "GET", at).Code != 200 {
		t.Errorf("the run is not shown at %q", at)
	}
	golden(t, "jobs_of_none", ask(h, "GET", "/v1/jobs?job=score&status=running"))
}

func TestOperationsProblems(t *testing.T) {
	working := New(Options{Store: loaded(t, 5), Runner: history{}, Models: registry{}, NewID: fixedID})
	busy := New(Options{Store: loaded(t, 5), Runner: history{fmt.Errorf("locked: %w", ErrBusy)}, Models: registry{fmt.Errorf("secret: %w", ErrBusy)}})
	failing := New(Options{Store: loaded(t, 5), Runner: history{errors.New("secret")}, Models: registry{errors.New("secret")}})
	long := strings.Repeat("x", 513)
	promote, rollback, runs := "/v1/models/churn/promote", "/v1/models/churn/rollback", "/v1/jobs/pipeline/runs"
	version := `{"version":"2011-12-08-cccccccc"}`
	for _, c := range []struct {
		target, body string
		status       int
		detail       string
	}{
		{promote, "", 400, "the body is empty: it must hold a JSON object"},
		{promote, "{}", 400, "version is empty"},
		{promote, `{"version":1}`, 400, "version: the number near byte 12 is not a text"},
		{promote, `{"version":"` + long + `"}`, 400, "version has 513 bytes: at most 512 are allowed"},
		{promote, `{"version":"2011-12-08-cccccccc","force":true}`, 400, `unknown field "force" at byte 40: the body may hold version`},
		{promote, `{"version":"../../x"}`, 404, `there is no version "../../x" of a model "churn"`},
		{promote + "?x=1", version, 400, `unknown parameter "x": this route has none`},
		{"/v1/models/%2e%2e%2fx/promote", version, 404, `there is no version "2011-12-08-cccccccc" of a model "../x"`},
		{"/v1/models/" + long + "/promote", version, 400, "the id has 513 bytes: at most 512 are allowed"},
		{rollback, `{"version":"x"}`, 400, `unknown field "version" at byte 10: the body may hold none`},
		{rollback, `[]`, 400, "the body is not a JSON object"},
		{"/v1/models/nothing/rollback", "", 404, `there is no model "nothing" with a version before the present one`},
		{runs, "x", 400, "the body is not JSON at byte 1: invalid character 'x' looking for beginning of value"},
		{"/v1/jobs/rm -rf/runs", "", 404, `there is no job "rm -rf"`},
	} {
		w := send(working, "POST", strings.ReplaceAll(c.target, " ", "%20"), c.body)
		var p problem
		if err := json.Unmarshal(w.Body.Bytes(), &p); err != nil || w.Code != c.status || p.Detail != c.detail {
			t.Errorf("%.60s %.60s answered %d %+v, want %d %s", c.target, c.body, w.Code, p, c.status, c.detail)
		}
	}
	for target, body := range map[string]string{promote: version, rollback: "", runs: ""} {
		if w := send(busy, "POST", target, body); w.Code != 409 || strings.Contains(w.Body.String(), "secret") {
			t.Errorf("%s while a job is at work: %d %s", target, w.Code, w.Body)
		}
		if w := send(failing, "POST", target, body); w.Code != 500 || strings.Contains(w.Body.String(), "secret") {
			t.Errorf("%s failing: %d %s", target, w.Code, w.Body)
		}
	}
	if w := ask(New(Options{Store: loaded(t, 5)}), "GET", "/v1/models"); w.Code != 404 {
		t.Errorf("without models: %d", w.Code)
	}
}

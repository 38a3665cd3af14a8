package api

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"slices"

	"github.com/gin-gonic/gin"
	"github.com/prometheus/client_golang/prometheus"

	"regulars/serving/events"
)

// Intake takes in what a shop tells: what it returns without an error is on disk.
type Intake interface {
	Events(ctx context.Context, rows []json.RawMessage) (events.Result, error)
	Contacts(ctx context.Context, rows []json.RawMessage) (events.Result, error)
	Items(ctx context.Context, rows []json.RawMessage) (events.Result, error)
	Identities(ctx context.Context, rows []json.RawMessage) (events.Result, error)
	Stats() events.Stats
}

// maxRows bounds what one request tells.
const maxRows = 1000

// intakeJSON answers every intake: accepted + duplicate + rejected are the rows told.
type intakeJSON struct {
	Accepted  int            `json:"accepted"`
	Duplicate int            `json:"duplicate"`
	Rejected  []rejectedJSON `json:"rejected,omitempty"`
	// EventIDs are those of the events told, in their order: what was given, or
	// was made here; null where an event was rejected.
	EventIDs []*string `json:"event_ids,omitempty"`
	// UnknownItems are updated items that the snapshot in use does not know.
	UnknownItems []string `json:"unknown_items,omitempty"`
}

type rejectedJSON struct {
	Index  int    `json:"index"` // from 0
	Detail string `json:"detail"`
}

// routeEvents adds the routes of what a shop tells.
func (s *server) routeEvents(e *gin.Engine) {
	s.post(e, "/v1/events", s.postEvents)
	s.post(e, "/v1/contacts", s.postContacts)
	s.post(e, "/v1/items/update", s.postItems)
	s.post(e, "/v1/identities", s.postIdentities)
}

func (s *server) postEvents(c *gin.Context) error {
	res, err := s.takeIn(c, "events", Intake.Events)
	if err != nil {
		return err
	}
	out := intakeAnswer(res)
	for _, id := range res.IDs {
		if id == "" {
			out.EventIDs = append(out.EventIDs, nil)
			continue
		}
		out.EventIDs = append(out.EventIDs, &id)
	}
	return answerStatus(c, http.StatusAccepted, "no-store", out)
}

func (s *server) postContacts(c *gin.Context) error {
	res, err := s.takeIn(c, "contacts", Intake.Contacts)
	if err != nil {
		return err
	}
	return answerStatus(c, http.StatusAccepted, "no-store", intakeAnswer(res))
}

// postItems answers 200, not 202: what it was told is in force.
func (s *server) postItems(c *gin.Context) error {
	res, err := s.takeIn(c, "items", Intake.Items)
	if err != nil {
		return err
	}
	out := intakeAnswer(res)
	for _, id := range res.IDs {
		if id != "" && !s.store.HasItem(id) && !slices.Contains(out.UnknownItems, id) {
			out.UnknownItems = append(out.UnknownItems, id)
		}
	}
	return answer(c, "no-store", out)
}

// postIdentities answers 200, not 202: what it was told is in force.
func (s *server) postIdentities(c *gin.Context) error {
	res, err := s.takeIn(c, "identities", Intake.Identities)
	if err != nil {
		return err
	}
	return answer(c, "no-store", intakeAnswer(res))
}

// takeIn reads the rows of a body and takes them in. Where none of them can be
// taken, that is the answer.
func (s *server) takeIn(c *gin.Context, list string, take func(Intake, context.Context, []json.RawMessage) (events.Result, error)) (events.Result, error) {
	if _, err := query(c.Request.URL.RawQuery); err != nil {
		return events.Result{}, err
	}
	rows, err := readRows(c.Request, list)
	if err != nil {
		return events.Result{}, err
	}
	if s.intake == nil {
		return events.Result{}, newProblem(http.StatusServiceUnavailable, "this server cannot write down what it is told at present: try again later")
	}
	res, err := take(s.intake, c.Request.Context(), rows)
	if err != nil {
		return events.Result{}, s.intakeProblem(c, err)
	}
	if len(res.Rejected) < len(rows) {
		return res, nil
	}
	return events.Result{}, nothingTaken(res.Rejected, len(rows) > 1)
}

// nothingTaken is the problem of a request of which no row could be taken:
// conflict if that is what is wrong with all of them.
func nothingTaken(rejected []events.Rejected, many bool) *problem {
	status := http.StatusConflict
	for _, r := range rejected {
		if !r.Conflict {
			status = http.StatusBadRequest
		}
	}
	if !many {
		return newProblem(status, "%s", rejected[0].Detail)
	}
	return newProblem(status, "none of the %d rows can be taken; index %d: %s", len(rejected), rejected[0].Index, rejected[0].Detail)
}

// intakeProblem says that nothing could be written down. What is wrong with the
// disk is for the log.
func (s *server) intakeProblem(c *gin.Context, err error) error {
	switch {
	case errors.Is(err, events.ErrBusy):
		return newProblem(http.StatusServiceUnavailable, "more is being told than can be written down: try again after the time in Retry-After")
	case errors.Is(err, events.ErrUnavailable):
		s.log.Error("nothing can be taken in", "route", c.FullPath(), "error", err)
		return newProblem(http.StatusServiceUnavailable, "this cannot be written down at present: nothing of it was taken")
	}
	return err
}

// readRows reads a body that is one row, or an object with the list of many.
func readRows(r *http.Request, list string) ([]json.RawMessage, error) {
	body, err := readBody(r.Body)
	if err != nil {
		return nil, err
	}
	var named map[string]json.RawMessage
	if json.Unmarshal(body, &named) != nil || named == nil {
		return nil, badRequest("the body is not a JSON object")
	}
	if _, many := named[list]; !many {
		return []json.RawMessage{body}, nil
	}
	var rows []json.RawMessage
	if err := decodeBody(bytes.NewReader(body), []field{{list, &rows}}); err != nil {
		return nil, err
	}
	switch {
	case len(rows) == 0:
		return nil, badRequest("%s is empty", list)
	case len(rows) > maxRows:
		return nil, badRequest("%s has %d rows: at most %d are allowed", list, len(rows), maxRows)
	}
	return rows, nil
}

func intakeAnswer(res events.Result) intakeJSON {
	out := intakeJSON{Accepted: res.Accepted, Duplicate: res.Duplicate}
	for _, r := range res.Rejected {
		out.Rejected = append(out.Rejected, rejectedJSON{r.Index, r.Detail})
	}
	return out
}

// registerIntake shows what queues up to be written, and what could not.
func registerIntake(reg *prometheus.Registry, in Intake) {
	if in == nil {
		return
	}
	gauge := func(name, help string, f func(events.Stats) float64) {
		reg.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help}, func() float64 { return f(in.Stats()) }))
	}
	counter := func(name, help string, f func(events.Stats) float64) {
		reg.MustRegister(prometheus.NewCounterFunc(prometheus.CounterOpts{Name: name, Help: help}, func() float64 { return f(in.Stats()) }))
	}
	gauge("regulars_intake_queue_rows", "Rows told that wait to be on disk.", func(s events.Stats) float64 { return float64(s.Queued) })
	gauge("regulars_intake_trails", "Customers and sessions whose latest doings are in memory.", func(s events.Stats) float64 { return float64(s.Trails) })
	counter("regulars_intake_refused_total", "Requests refused because too much waited to be on disk.", func(s events.Stats) float64 { return float64(s.Refused) })
	counter("regulars_intake_commits_total", "Transactions that wrote what was told, each one sync of the disk.", func(s events.Stats) float64 { return float64(s.Commits) })
	counter("regulars_intake_rows_total", "Rows written.", func(s events.Stats) float64 { return float64(s.Written) })
}

package api

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"syscall"

	"github.com/gin-gonic/gin"

	"regulars/serving"
	"regulars/serving/events"
	"regulars/serving/filter"
)

// A problem is an error as RFC 9457 writes it. Type is about:blank, which says
// that the status tells it all; Detail is for the human who made the request.
type problem struct {
	Type      string `json:"type"`
	Title     string `json:"title"`
	Status    int    `json:"status"`
	Detail    string `json:"detail,omitempty"`
	RequestID string `json:"request_id,omitempty"`

	filter bool // what is wrong is the filter of the request
}

func (p *problem) Error() string { return fmt.Sprintf("%d %s: %s", p.Status, p.Title, p.Detail) }

func newProblem(status int, format string, args ...any) *problem {
	return &problem{Type: "about:blank", Title: http.StatusText(status), Status: status,
		Detail: fmt.Sprintf(format, args...)}
}

func badRequest(format string, args ...any) *problem {
	return newProblem(http.StatusBadRequest, format, args...)
}

func badFilter(format string, args ...any) *problem {
	p := badRequest(format, args...)
	p.filter = true
	return p
}

func notFound(format string, args ...any) *problem {
	return newProblem(http.StatusNotFound, format, args...)
}

func methodNotAllowed(c *gin.Context) *problem {
	return newProblem(http.StatusMethodNotAllowed, "%s is not allowed here, only %s", clip(c.Request.Method), c.Writer.Header().Get("Allow"))
}

// asProblem decides in one place which status an error has. What it does not
// know is internal, and says nothing of its cause to the outside.
func asProblem(err error) *problem {
	var p *problem
	var unknown *serving.UnknownStrategyError
	var wrong *filter.Error
	switch {
	case errors.As(err, &p):
		out := *p
		return &out
	case errors.As(err, &unknown):
		short := &serving.UnknownStrategyError{Name: clip(unknown.Name), Known: unknown.Known}
		return badRequest("%s", short)
	case errors.Is(err, ErrBusy):
		return newProblem(http.StatusConflict, "a job or an import is at work: try again when it has ended")
	case errors.As(err, &wrong):
		return badFilter("%s", err)
	case errors.Is(err, events.ErrFull), errors.Is(err, syscall.ENOSPC):
		return newProblem(http.StatusInsufficientStorage, "the disk has no room to write this down: it was not done")
	case errors.Is(err, ErrUnrecorded):
		return newProblem(http.StatusServiceUnavailable, "this cannot be recorded at present: nothing was done; the server's log says why")
	case errors.Is(err, serving.ErrNotReady):
		return newProblem(http.StatusServiceUnavailable, "no snapshot is loaded yet: run the pipeline, or wait for it to finish; /readyz says whether one was refused, and why")
	}
	return newProblem(http.StatusInternalServerError, "something went wrong here; the log has it under this request id")
}

// fail answers with the problem that err is.
func (s *server) fail(c *gin.Context, err error) {
	p := asProblem(err)
	p.RequestID = c.Writer.Header().Get(headerRequestID)
	if p.Status == http.StatusInternalServerError || p.Status == http.StatusInsufficientStorage {
		s.log.Error("request failed", "request_id", p.RequestID, "route", c.FullPath(), "error", err)
	}
	if p.filter {
		s.metrics.filters.Inc()
	}
	if c.Writer.Written() { // too late to say it
		panic(http.ErrAbortHandler)
	}
	body := p.json()
	h := c.Writer.Header()
	for _, ofAnAnswer := range []string{"ETag", "Content-Type", "Content-Disposition"} {
		h.Del(ofAnAnswer)
	}
	h.Set("Cache-Control", "no-store")
	if p.Status == http.StatusServiceUnavailable {
		h.Set("Retry-After", "5")
	}
	c.Data(p.Status, "application/problem+json", body)
	c.Abort()
}

// json writes < and > as they are: what is wrong with a filter is read by people.
func (p *problem) json() []byte {
	var out bytes.Buffer
	e := json.NewEncoder(&out)
	e.SetEscapeHTML(false)
	if err := e.Encode(p); err != nil {
		panic(err) // five strings and a number
	}
	return out.Bytes()
}

package api

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"runtime/debug"
	"time"

	"github.com/gin-gonic/gin"
)

const (
	headerRequestID = "X-Request-Id"
	timeFormat      = time.RFC3339
	maxRequestID    = 64
)

// observe gives the request its id, and afterwards counts and logs it. The log
// names the route, not the path: paths hold customer ids; and a key by its id.
func (s *server) observe(c *gin.Context) {
	start := time.Now()
	id := c.GetHeader(headerRequestID)
	if !plainRequestID(id) {
		id = s.newID()
	}
	c.Header(headerRequestID, id)
	s.metrics.inFlight.Inc()
	defer func() {
		s.metrics.inFlight.Dec()
		took := time.Since(start)
		route := routeOf(c)
		s.metrics.observe(route, knownMethod(c.Request.Method), c.Writer.Status(), took)
		s.logRequest(c, id, route, start, took)
	}()
	if s.tracer != nil {
		defer s.trace(c, id)()
	}
	c.Next()
}

// Tracer makes a span of each request.
type Tracer interface {
	// Start begins one; the function returned ends it and says how the request did.
	Start(r *http.Request) (context.Context, func(method, route, requestID string, status int))
}

// trace begins the span of a request and returns what ends it.
func (s *server) trace(c *gin.Context, id string) (end func()) {
	ctx, done := s.tracer.Start(c.Request)
	c.Request = c.Request.WithContext(ctx)
	return func() { done(knownMethod(c.Request.Method), routeOf(c), id, c.Writer.Status()) }
}

// routeOf names the route as it was registered.
func routeOf(c *gin.Context) string {
	if route := c.FullPath(); route != "" {
		return route
	}
	return "unmatched"
}

func (s *server) logRequest(c *gin.Context, id, route string, start time.Time, took time.Duration) {
	ctx := c.Request.Context()
	if !s.log.Enabled(ctx, slog.LevelInfo) {
		return
	}
	path := slog.Attr{} // which handlers leave out
	if s.paths {
		path = slog.String("path", c.Request.URL.EscapedPath())
	}
	// Past the logger's own method, which looks up from where in the program it was called.
	r := slog.NewRecord(start.Add(took), slog.LevelInfo, "request", 0)
	r.AddAttrs(
		slog.String("request_id", id), slog.String("method", knownMethod(c.Request.Method)), slog.String("route", route),
		slog.Int("status", c.Writer.Status()), slog.Int("bytes", max(c.Writer.Size(), 0)), slog.Float64("took_seconds", took.Seconds()), byKey(c), path)
	_ = s.log.Handler().Handle(ctx, r) // a log that cannot be written is no reason not to answer
}

// byKey names the key that asked, by its public id.
func byKey(c *gin.Context) slog.Attr {
	caller, ok := c.Get(callerKey)
	if !ok {
		return slog.Attr{} // which handlers leave out
	}
	return slog.String("key", caller.(Caller).ID)
}

// rescue turns a panic into a 500 that says nothing of its cause; the log has the stack.
func (s *server) rescue(c *gin.Context) {
	defer func() {
		r := recover()
		if r == nil {
			return
		}
		if err, ok := r.(error); ok && errors.Is(err, http.ErrAbortHandler) {
			panic(r)
		}
		s.log.Error("panic", "request_id", c.Writer.Header().Get(headerRequestID), "route", c.FullPath(),
			"cause", r, "stack", string(debug.Stack()))
		s.fail(c, errors.New("panic"))
	}()
	c.Next()
}

// plainRequestID accepts a caller's request id that is safe to repeat in headers and logs.
func plainRequestID(id string) bool {
	if id == "" || len(id) > maxRequestID {
		return false
	}
	for _, r := range id {
		letter := 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z'
		if !letter && !('0' <= r && r <= '9') && r != '-' && r != '_' && r != '.' {
			return false
		}
	}
	return true
}

// knownMethod keeps invented methods from becoming metric labels and log noise.
func knownMethod(m string) string {
	switch m {
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete, http.MethodOptions:
		return m
	}
	return "other"
}

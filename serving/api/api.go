package api

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"log/slog"
	"net/http"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"regulars/serving"
)

// Options of the handler.
type Options struct {
	Store    *serving.Store       // required
	Jobs     JobHistory           // nil: the job routes answer 404
	Privacy  Privacy              // nil: the routes of erasure and access answer 404
	Keys     Keys                 // who may ask; nil: everybody, everything
	Rate     Rate                 // how often each key may ask
	Now      func() time.Time     // the clock of Rate; nil: time.Now
	Lang     serving.Lang         // of reasons, where a request asks for none; empty: English
	Logger   *slog.Logger         // access log and errors; nil: none
	Registry *prometheus.Registry // nil: one of its own
	NewID    func() string        // of requests and recommendations; nil: 130 random bits
}

// JobHistory is what the job routes show.
type JobHistory interface {
	// Jobs returns the latest runs, newest first, at most limit.
	Jobs(ctx context.Context, limit int) ([]Job, error)
	// Job returns one run, and false when the id is unknown.
	Job(ctx context.Context, id string) (Job, bool, error)
}

// Job is one run of a job.
type Job struct {
	ID         string          `json:"id"`
	Name       string          `json:"name"`
	Trigger    string          `json:"trigger,omitempty"` // such as "schedule"
	Status     string          `json:"status"`            // such as "running"
	AsOf       string          `json:"as_of,omitempty"`
	StartedAt  time.Time       `json:"started_at"`
	FinishedAt *time.Time      `json:"finished_at,omitempty"`
	ExitCode   *int            `json:"exit_code,omitempty"`
	Error      string          `json:"error,omitempty"`
	Detail     json.RawMessage `json:"detail,omitempty"`
}

// maxBody bounds the body of any request, in bytes.
const maxBody = 1 << 20

type server struct {
	store   *serving.Store
	jobs    JobHistory
	privacy Privacy
	log     *slog.Logger
	metrics *metrics
	newID   func() string
	lang    serving.Lang
	keys    Keys
	limit   *limiter
}

// New returns the handler of version 1 of the API.
func New(o Options) http.Handler {
	s := &server{store: o.Store, jobs: o.Jobs, privacy: o.Privacy, log: o.Logger, newID: o.NewID, lang: o.Lang, keys: o.Keys}
	if o.Now == nil {
		o.Now = time.Now
	}
	s.limit = newLimiter(o.Rate, o.Now)
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	if s.newID == nil {
		s.newID = rand.Text
	}
	if o.Registry == nil {
		o.Registry = prometheus.NewRegistry()
	}
	s.metrics = newMetrics(o.Registry, o.Store)
	return s.routes(promhttp.HandlerFor(o.Registry, promhttp.HandlerOpts{}))
}

func (s *server) routes(metrics http.Handler) *gin.Engine {
	gin.SetMode(gin.ReleaseMode) // gin has no such option for one engine
	e := gin.New()
	// Ids may hold slashes, so routes are matched before unescaping; unescaping
	// is ours because gin's turns "+" into a space.
	e.UseEscapedPath, e.UnescapePathValues = true, false
	e.RedirectTrailingSlash, e.HandleMethodNotAllowed = false, true
	e.Use(s.observe, s.rescue, limitBody, s.admit)
	e.NoRoute(func(c *gin.Context) { s.fail(c, notFound("there is no such route")) })
	e.NoMethod(func(c *gin.Context) { s.fail(c, methodNotAllowed(c)) })

	s.get(e, "/v1/users/:id/recommendations", s.recommendations)
	s.post(e, "/v1/recommendations", s.postRecommendations)
	s.get(e, "/v1/users/:id/scores", s.scores)
	s.post(e, "/v1/scores/batch", s.postScores)
	s.get(e, "/v1/items/:id/similar", s.similar)
	s.get(e, "/v1/popular", s.popular)
	if s.jobs != nil {
		s.get(e, "/v1/jobs", s.listJobs)
		s.get(e, "/v1/jobs/:id", s.showJob)
	}
	s.privacyRoutes(e)
	s.get(e, "/healthz", s.health)
	s.get(e, "/readyz", s.ready)
	s.get(e, "/metrics", func(c *gin.Context) error {
		metrics.ServeHTTP(c.Writer, c.Request)
		return nil
	})
	return e
}

// get routes GET and HEAD; what the handler returns becomes the problem answered.
func (s *server) get(e *gin.Engine, path string, h func(c *gin.Context) error) {
	e.GET(path, s.handle(h))
	e.HEAD(path, s.handle(h))
}

func (s *server) post(e *gin.Engine, path string, h func(c *gin.Context) error) {
	e.POST(path, s.handle(h))
}

func (s *server) handle(h func(c *gin.Context) error) gin.HandlerFunc {
	return func(c *gin.Context) {
		if err := h(c); err != nil {
			s.fail(c, err)
		}
	}
}

func limitBody(c *gin.Context) {
	if c.Request.Body != nil {
		c.Request.Body = http.MaxBytesReader(c.Writer, c.Request.Body, maxBody)
	}
}

package api

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"log/slog"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"regulars/serving"
	"regulars/serving/audience"
	"regulars/serving/placement"
	"regulars/serving/served"
)

// Options of the handler.
type Options struct {
	Store    *serving.Store       // required
	Jobs     JobHistory           // nil: the job routes answer 404
	Intake   Intake               // what a shop tells; nil: those routes answer 503
	Runner   JobRunner            // nil: jobs cannot be started
	Models   Models               // nil: the routes of models answer 404
	Privacy  Privacy              // nil: the routes of erasure and access answer 404
	Keys     Keys                 // who may ask; nil: everybody, everything
	Local    bool                 // while no key is needed, only this machine's own requests are answered, not what a proxy or a page of the web sends
	Rate     Rate                 // how often each key may ask
	Now      func() time.Time     // the clock of Rate, MaxAge and reports; nil: time.Now
	Lang     serving.Lang         // of reasons, where a request asks for none; empty: English
	Logger   *slog.Logger         // access log and errors; nil: none
	LogPaths bool                 // the access log names paths too, and with them customers
	MaxAge   time.Duration        // of a snapshot, by its as_of; /readyz is red beyond it. 0: no bound
	Tracer   Tracer               // of requests; nil: none
	Queued   func() float64       // events taken and not yet in the lake, NaN: not known; nil: there are none to count
	Registry *prometheus.Registry // nil: one of its own
	// Audiences answers who is meant by a filter; nil: the audience routes answer 404.
	Audiences *audience.Engine
	NewID     func() string // of requests and recommendations; nil: 130 random bits

	Placements *placement.Set   // nil: none
	Reports    PlacementReports // nil: the report of placements answers 404
	Shown      *served.Log      // of the lists shown; nil: nothing is written down
}

// JobHistory is what the job routes show.
type JobHistory interface {
	// Jobs returns the latest runs that the filter chooses, newest first.
	Jobs(ctx context.Context, f JobFilter) ([]Job, error)
	// Job returns one run, and false when the id is unknown.
	Job(ctx context.Context, id string) (Job, bool, error)
}

// JobFilter chooses runs of jobs.
type JobFilter struct {
	Limit  int    // at most
	Job    string // of this job; empty: of all
	Status string // one of JobStatuses; empty: any
}

// JobStatuses returns what may become of a run.
func JobStatuses() []string {
	return []string{"running", "succeeded", "failed", "interrupted", "skipped"}
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
	runner  JobRunner
	models  Models
	intake  Intake
	privacy Privacy
	log     *slog.Logger
	metrics *metrics
	newID   func() string
	lang    serving.Lang
	keys    Keys
	local   bool
	limit   *limiter
	now     func() time.Time
	maxAge  time.Duration
	paths   bool // in the access log
	tracer  Tracer

	audiences  *audience.Engine
	exports    chan struct{} // holds one for each export under way
	batches    chan struct{} // holds one for each large batch under way
	placements *placement.Set
	reports    PlacementReports
	shown      *served.Log
	bodies     sync.Pool // of *[]byte: memory for answers
}

// New returns the handler of version 1 of the API.
func New(o Options) http.Handler {
	s := &server{store: o.Store, jobs: o.Jobs, privacy: o.Privacy, intake: o.Intake, runner: o.Runner, models: o.Models, log: o.Logger, newID: o.NewID, lang: o.Lang, keys: o.Keys, local: o.Local,
		now: o.Now, maxAge: o.MaxAge, paths: o.LogPaths, tracer: o.Tracer, audiences: o.Audiences, exports: make(chan struct{}, maxExports),
		batches:    make(chan struct{}, max(1, runtime.GOMAXPROCS(0)/2)),
		placements: o.Placements, reports: o.Reports, shown: o.Shown}
	if s.now == nil {
		s.now = time.Now
	}
	s.bodies.New = func() any { return new([]byte) }
	s.limit = newLimiter(o.Rate, s.now)
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	if s.newID == nil {
		s.newID = rand.Text
	}
	if o.Registry == nil {
		o.Registry = prometheus.NewRegistry()
	}
	s.metrics = newMetrics(o.Registry, o.Store, s.now, o.Queued)
	registerIntake(o.Registry, o.Intake)
	registerShown(o.Registry, o.Shown)
	return s.routes(promhttp.HandlerFor(o.Registry, promhttp.HandlerOpts{}))
}

func (s *server) routes(metrics http.Handler) *gin.Engine {
	gin.SetMode(gin.ReleaseMode) // gin has no such option for one engine
	e := gin.New()
	// Ids may hold slashes, so routes are matched before unescaping; unescaping
	// is ours because gin's turns "+" into a space.
	e.UseEscapedPath, e.UnescapePathValues = true, false
	e.RedirectTrailingSlash, e.HandleMethodNotAllowed = false, true
	e.Use(s.observe, s.rescue, limitBody, s.admit, s.refuseEncoded)
	e.NoRoute(func(c *gin.Context) { s.fail(c, notFound("there is no such route")) })
	e.NoMethod(func(c *gin.Context) { s.fail(c, methodNotAllowed(c)) })

	s.get(e, "/v1/users/:id/recommendations", s.recommendations)
	s.post(e, "/v1/recommendations", s.postRecommendations)
	s.get(e, "/v1/users/:id/scores", s.scores)
	s.post(e, "/v1/scores/batch", s.postScores)
	s.get(e, "/v1/items/:id/similar", s.similar)
	s.get(e, "/v1/popular", s.popular)
	if s.audiences != nil {
		s.get(e, "/v1/audiences", s.anyAudience)
		s.get(e, "/v1/audiences/:name", s.namedAudience)
	}
	if s.reports != nil {
		s.get(e, "/v1/placements/:name/report", s.placementReport)
	}
	s.routeEvents(e)
	if s.jobs != nil {
		s.get(e, "/v1/jobs", s.listJobs)
		s.get(e, "/v1/jobs/:id", s.showJob)
	}
	if s.runner != nil {
		s.post(e, "/v1/jobs/:name/runs", s.startJob)
	}
	if s.models != nil {
		s.get(e, "/v1/models", s.listModels)
		s.post(e, "/v1/models/:name/promote", s.promote)
		s.post(e, "/v1/models/:name/rollback", s.rollback)
	}
	s.privacyRoutes(e)
	s.get(e, "/healthz", s.health)
	s.get(e, "/readyz", s.ready)
	s.get(e, "/openapi.yaml", describe())
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
	if c.Request.Body != nil && c.Request.Body != http.NoBody {
		c.Request.Body = http.MaxBytesReader(c.Writer, c.Request.Body, maxBody)
	}
}

// refuseEncoded refuses a body that is compressed: read as it is, it would be
// called broken, or taken for what it says unpacked.
func (s *server) refuseEncoded(c *gin.Context) {
	coding := c.GetHeader("Content-Encoding")
	if coding == "" || strings.EqualFold(coding, "identity") || c.Request.Method != http.MethodPost || c.FullPath() == "" {
		return
	}
	c.Header("Accept-Encoding", "identity")
	s.fail(c, newProblem(http.StatusUnsupportedMediaType, "the body is encoded (Content-Encoding: %s): send it as it is", clip(coding)))
}

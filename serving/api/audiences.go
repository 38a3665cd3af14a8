package api

import (
	"errors"
	"fmt"
	"io"
	"math"
	"net"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/gin-gonic/gin"

	"regulars/serving"
	"regulars/serving/audience"
)

// maxExports is how many audiences, and tellings of what is held of somebody, may
// be made at once: each reads all customers, or the whole workspace.
const maxExports = 4

// chunkTimeout is how long a client may take to receive a part of an export. The
// whole may take as long as it likes.
const chunkTimeout = 60 * time.Second

// Headers of an export, whose body has no room for them.
const (
	headerSnapshot     = "X-Snapshot-Version"
	headerAsOf         = "X-As-Of"
	headerModelVersion = "X-Model-Version"
)

// Parameters of the audience routes. A named audience has settled who is in it.
var (
	ofNamedAudience = []string{"format", "lang", "ids", "columns", "include", "count", "since"}
	ofAnyAudience   = slices.Concat([]string{"filter", "sort", "limit", "channel"}, ofNamedAudience)
)

// contentTypes of the formats.
var contentTypes = map[audience.Format]string{
	audience.JSONL:   "application/x-ndjson",
	audience.CSV:     "text/csv; charset=utf-8",
	audience.Parquet: "application/vnd.apache.parquet",
}

func (s *server) anyAudience(c *gin.Context) error {
	q, err := query(c.Request.URL.RawQuery, ofAnyAudience...)
	if err != nil {
		return err
	}
	// An empty one is likelier a variable that was not set than meant for everybody.
	if filter, given := q["filter"]; given {
		if _, err := checkFilter(filter); err != nil {
			return err
		}
	}
	if channel, given := q["channel"]; given {
		if err := checkID("channel", channel); err != nil {
			return err
		}
	}
	spec := audience.Spec{Filter: q["filter"], Sort: named(q, "sort"), Channel: q["channel"]}
	if _, given := q["limit"]; given {
		if spec.Limit, err = intParam(q, "limit", math.MaxInt32, 0); err != nil {
			return err
		}
	}
	return s.audience(c, "audience", spec, q)
}

func (s *server) namedAudience(c *gin.Context) error {
	name, err := pathID(c.Param("name"))
	if err != nil {
		return err
	}
	q, err := query(c.Request.URL.RawQuery, ofNamedAudience...)
	if err != nil {
		return err
	}
	spec, ok := s.audiences.Named(name)
	if !ok {
		return notFound("there is no audience %q: %s", clip(name), namedAudiences(s.audiences.Names()))
	}
	return s.audience(c, name, spec, q)
}

func namedAudiences(names []string) string {
	if len(names) == 0 {
		return "none is configured; GET /v1/audiences takes a filter"
	}
	return "there are " + strings.Join(names, ", ")
}

// named splits a parameter at commas; one that is absent or empty has none.
func named(q map[string]string, name string) []string {
	if q[name] == "" {
		return nil
	}
	return strings.Split(q[name], ",")
}

// audience answers with the audience, or with how many are in it.
func (s *server) audience(c *gin.Context, name string, spec audience.Spec, q map[string]string) error {
	format, err := s.told(&spec, q)
	if err != nil {
		return err
	}
	end, err := s.beginExport()
	if err != nil {
		return err
	}
	defer end()
	x, err := s.audiences.Open(spec, q["since"])
	if err != nil {
		return audienceProblem(err)
	}
	defer x.Close()
	out := unhurried(c)
	defer out.finish()
	h := c.Writer.Header()
	h.Set("Cache-Control", "no-store")
	h.Set(headerSnapshot, x.Snapshot())
	h.Set(headerAsOf, x.AsOf().UTC().Format(timeFormat))
	h.Set(headerModelVersion, x.ModelVersion())
	if q["count"] == "true" {
		return s.countAudience(c, x, q["since"] != "")
	}
	return export(c, out, x, name, format)
}

// beginExport takes one of the places for what reads all there is; end gives it back.
func (s *server) beginExport() (end func(), err error) {
	select {
	case s.exports <- struct{}{}:
		return func() { <-s.exports }, nil
	default:
		return nil, newProblem(http.StatusServiceUnavailable, "%d exports are being made already: try again later", maxExports)
	}
}

// told fills in what a request says of how the audience is told.
func (s *server) told(spec *audience.Spec, q map[string]string) (audience.Format, error) {
	for _, err := range []error{oneOf(q, "format", audience.Formats()...), oneOf(q, "lang", languages...), oneOf(q, "count", "true", "false")} {
		if err != nil {
			return "", err
		}
	}
	if since, given := q["since"]; given {
		if err := checkID("since", since); err != nil {
			return "", err
		}
	}
	spec.IDs, spec.Include, spec.Lang = named(q, "ids"), named(q, "include"), s.lang
	if columns := named(q, "columns"); columns != nil {
		spec.Columns = columns
	}
	if lang, given := q["lang"]; given {
		spec.Lang = serving.Lang(lang)
	}
	if format, given := q["format"]; given {
		return audience.Format(format), nil
	}
	return audience.JSONL, nil
}

// countJSON is how large an audience is; the changes are absent unless asked for.
type countJSON struct {
	Count    int    `json:"count"`
	Entered  *int   `json:"entered,omitempty"`
	Left     *int   `json:"left,omitempty"`
	Changed  *int   `json:"changed,omitempty"`
	Snapshot string `json:"snapshot_version"`
	metaJSON
}

func (s *server) countAudience(c *gin.Context, x *audience.Export, changes bool) error {
	n, err := x.Count(c.Request.Context())
	if err != nil {
		return broken(c, err)
	}
	out := &countJSON{Count: n.Rows, Snapshot: x.Snapshot(), metaJSON: metaJSON{AsOf: x.AsOf().UTC().Format(timeFormat), ModelVersion: x.ModelVersion()}}
	if changes {
		out.Entered, out.Left, out.Changed = &n.Entered, &n.Left, &n.Changed
	}
	return answer(c, "no-store", out)
}

// export streams the audience. What goes wrong after the first part has gone
// cuts the connection, so that a part never looks like the whole.
func export(c *gin.Context, out io.Writer, x *audience.Export, name string, format audience.Format) error {
	h := c.Writer.Header()
	h.Set("Content-Type", contentTypes[format])
	h.Set("Content-Disposition", fmt.Sprintf("attachment; filename=%q", name+"."+string(format)))
	if c.Request.Method == http.MethodHead {
		c.Status(http.StatusOK)
		return nil
	}
	if _, err := x.Write(c.Request.Context(), out, format); err != nil {
		return broken(c, err)
	}
	return nil
}

// broken tells a client that went away, which is nobody's fault, from an error.
// What its connection says of that names its address, which is not for the log.
func broken(c *gin.Context, err error) error {
	var connection *net.OpError
	if c.Request.Context().Err() != nil || errors.As(err, &connection) {
		panic(http.ErrAbortHandler)
	}
	return audienceProblem(err)
}

// audienceProblem says which part of a request is at fault.
func audienceProblem(err error) error {
	var older *audience.OlderError
	var spec *audience.SpecError
	switch {
	case errors.As(err, &older):
		return olderProblem(older)
	case errors.As(err, &spec) && spec.Part == "filter":
		return badFilter("%s", spec)
	case errors.As(err, &spec):
		return badRequest("%s", spec)
	}
	return err
}

func olderProblem(err *audience.OlderError) error {
	var spec *audience.SpecError
	version := clip(err.Version)
	switch {
	case errors.Is(err, serving.ErrNoVersion):
		return notFound("since: there is no snapshot %q any more: ask without since for the whole audience", version)
	case errors.As(err, &spec):
		return newProblem(http.StatusConflict, "since: snapshot %q cannot answer this: %s", version, spec)
	}
	return newProblem(http.StatusConflict, "since: snapshot %q cannot be read any more: ask without since for the whole audience", version)
}

// patient is a connection that a long answer is written to: only a client that
// does not take what it is sent is cut off.
type patient struct {
	c       *gin.Context
	control *http.ResponseController
}

// unhurried lifts the limits of a request's time, which are for short answers.
func unhurried(c *gin.Context) patient {
	p := patient{c, http.NewResponseController(c.Writer)}
	// Where there are no deadlines, as in tests, there are none to lift.
	_ = p.control.SetReadDeadline(time.Time{})
	_ = p.control.SetWriteDeadline(time.Time{})
	return p
}

// finish gives the rest of the answer, which the server writes, its time.
func (p patient) finish() { _ = p.control.SetWriteDeadline(time.Now().Add(chunkTimeout)) }

func (p patient) Write(b []byte) (int, error) {
	if err := p.c.Request.Context().Err(); err != nil {
		return 0, err
	}
	_ = p.control.SetWriteDeadline(time.Now().Add(chunkTimeout))
	n, err := p.c.Writer.Write(b)
	_ = p.control.SetWriteDeadline(time.Time{})
	return n, err
}

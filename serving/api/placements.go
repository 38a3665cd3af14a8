package api

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/prometheus/client_golang/prometheus"

	"regulars/serving"
	"regulars/serving/events"
	"regulars/serving/filter"
	"regulars/serving/placement"
	"regulars/serving/served"
)

// PlacementReports says what became of the lists of placements.
type PlacementReports interface {
	// Report compares the arms of a placement by what was shown from one instant
	// up to another; false where there is no such placement.
	Report(ctx context.Context, name string, from, to time.Time) (served.Report, bool, error)
}

// placement finds a placement by name. Where none is configured a name is what
// the shop calls the place, and changes nothing.
func (s *server) placement(name string) (*placement.Placement, error) {
	names := s.placements.Names()
	if name == "" || len(names) == 0 {
		return nil, nil
	}
	p, ok := s.placements.Find(name)
	if !ok {
		slices.Sort(names)
		return nil, badRequest("there is no placement %q: those there are: %s", clip(name), strings.Join(names, ", "))
	}
	return p, nil
}

// checkFilter checks what can be known of a filter without the fields there are.
func checkFilter(source string) (string, error) {
	if strings.TrimSpace(source) == "" {
		return "", badFilter("filter is empty: leave it out to let everything pass")
	}
	if len(source) > filter.MaxSource {
		return "", badFilter("filter has %d bytes: at most %d are allowed", len(source), filter.MaxSource)
	}
	return source, nil
}

func (s *server) placementReport(c *gin.Context) error {
	name, err := pathID(c.Param("name"))
	if err != nil {
		return err
	}
	q, err := query(c.Request.URL.RawQuery, "from", "to")
	if err != nil {
		return err
	}
	from, to, err := served.Period(given(q, "from"), given(q, "to"), s.now())
	if err != nil {
		return badRequest("%s", err)
	}
	report, ok, err := s.reports.Report(c.Request.Context(), name, from, to)
	var notKept *served.NotKeptError
	switch {
	case errors.As(err, &notKept):
		return badRequest("to is too early: %s", notKept)
	case errors.Is(err, events.ErrUnavailable):
		s.log.Error("a report cannot be made", "placement", name, "error", err)
		return newProblem(http.StatusServiceUnavailable, "what became of the lists cannot be read at present: try again later")
	case err != nil:
		return err
	}
	if !ok {
		return notFound("there is no placement %q", clip(name))
	}
	return answer(c, "no-cache", report)
}

// registerShown shows what becomes of the record of lists shown.
func registerShown(reg *prometheus.Registry, log *served.Log) {
	if log == nil {
		return
	}
	reg.MustRegister(
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "regulars_shown_queue", Help: "Lists shown that wait to be written down."},
			func() float64 { return float64(log.Status().Queued) }),
		prometheus.NewCounterFunc(prometheus.CounterOpts{Name: "regulars_shown_written_total", Help: "Lists shown that were written down."},
			func() float64 { return float64(log.Status().Written) }),
		prometheus.NewCounterFunc(prometheus.CounterOpts{Name: "regulars_shown_dropped_total", Help: "Lists shown that were not written down, for want of room or because the disk failed."},
			func() float64 { return float64(log.Status().Dropped) }))
}

// note writes down what a list shows.
func (s *server) note(list serving.List, sessionID string) {
	if s.shown == nil {
		return
	}
	r := s.shown.New()
	r.ID, r.At = list.ID, s.now()
	if list.Visitor != "" { // else they refuse, and their session would tell who it was
		r.Session = sessionID
	}
	if list.Visitor != sessionID {
		r.User = list.Visitor
	}
	if list.Arm != nil {
		r.Placement, r.Arm = list.Arm.Placement, list.Arm.Arm
	}
	for _, it := range list.Items {
		r.Items = append(r.Items, served.Shown{ID: it.ID, Strategy: it.Strategy, Propensity: it.Propensity})
	}
	s.shown.Add(r)
}

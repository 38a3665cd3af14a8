package api

import (
	"context"
	"log/slog"
	"net/http"
	"time"

	"github.com/gin-gonic/gin"

	"regulars/serving"
)

func (s *server) listJobs(c *gin.Context) error {
	q, err := query(c.Request.URL.RawQuery, "limit", "job", "status")
	if err != nil {
		return err
	}
	f := JobFilter{Job: q["job"], Status: q["status"]}
	if f.Limit, err = intParam(q, "limit", maxLimit, defaultLimit); err != nil {
		return err
	}
	if _, given := q["job"]; given {
		if err := checkID("job", f.Job); err != nil {
			return err
		}
	}
	if err := oneOf(q, "status", JobStatuses()...); err != nil {
		return err
	}
	jobs, err := s.jobs.Jobs(c.Request.Context(), f)
	if err != nil {
		return err
	}
	if jobs == nil {
		jobs = []Job{}
	}
	return answer(c, "no-store", struct {
		Jobs []Job `json:"jobs"`
	}{jobs})
}

func (s *server) showJob(c *gin.Context) error {
	id, err := pathID(c.Param("id"))
	if err != nil {
		return err
	}
	if _, err := query(c.Request.URL.RawQuery); err != nil {
		return err
	}
	job, ok, err := s.jobs.Job(c.Request.Context(), id)
	if err != nil {
		return err
	}
	if !ok {
		return notFound("there is no job run %q", clip(id))
	}
	return answer(c, "no-store", job)
}

// health says that the process answers, whatever it has to answer with.
func (s *server) health(c *gin.Context) error {
	return answer(c, "no-store", struct {
		Status string `json:"status"`
	}{"ok"})
}

type readyJSON struct {
	Status   string       `json:"status"` // ready, or not ready
	Snapshot string       `json:"snapshot,omitempty"`
	AsOf     string       `json:"as_of,omitempty"`
	Refused  *refusedJSON `json:"refused,omitempty"`
}

type refusedJSON struct {
	Snapshot string `json:"snapshot,omitempty"`
	Reason   string `json:"reason"`
}

// WatchAge warns, once a snapshot, when what is served is older than it should
// be by its as_of. It looks once a minute, and returns when ctx ends. A bound of 0 never warns.
func WatchAge(ctx context.Context, store *serving.Store, bound time.Duration, log *slog.Logger) {
	told := ""
	for bound > 0 {
		if st := store.Status(); st.Ready && st.Version != told && time.Since(st.AsOf) > bound {
			told = st.Version
			log.Warn("the snapshot is stale: is the pipeline still running, and does data still arrive?", "snapshot", st.Version,
				"as_of", st.AsOf.UTC().Format(timeFormat), "age", time.Since(st.AsOf).Round(time.Minute).String(), "stale_after", bound.String())
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(time.Minute):
		}
	}
}

// ready says whether a snapshot is being served that is whole, as far as is known.
// That a newer one was refused is told, but is no reason to take this server out of
// rotation.
func (s *server) ready(c *gin.Context) error {
	st := s.store.Status()
	out := readyJSON{Status: "ready", Snapshot: st.Version}
	if st.Err != nil {
		out.Refused = &refusedJSON{Snapshot: st.Rejected, Reason: st.Reason()}
	}
	if age := s.now().Sub(st.AsOf); st.Ready && s.maxAge > 0 && age > s.maxAge {
		return newProblem(http.StatusServiceUnavailable, "the snapshot is %s old, and %s is the most that this server was set to: run the pipeline", age.Round(time.Second), s.maxAge)
	}
	if st.Ready {
		out.AsOf = st.AsOf.UTC().Format(timeFormat)
		return answer(c, "no-store", out)
	}
	if st.Version != "" {
		return newProblem(http.StatusServiceUnavailable, "snapshot %q is damaged: what is whole of it is served, for want of another", st.Version)
	}
	if out.Refused != nil && st.Rejected == "" {
		return newProblem(http.StatusServiceUnavailable, "no snapshot is loaded yet: %s", st.Reason())
	}
	if out.Refused != nil {
		return newProblem(http.StatusServiceUnavailable, "snapshot %q was refused: %s", st.Rejected, st.Reason())
	}
	return newProblem(http.StatusServiceUnavailable, "no snapshot is loaded yet: run the pipeline, or wait for it to finish")
}

package api

import (
	"net/http"

	"github.com/gin-gonic/gin"
)

func (s *server) listJobs(c *gin.Context) error {
	q, err := query(c.Request.URL.RawQuery, "limit")
	if err != nil {
		return err
	}
	limit, err := intParam(q, "limit", maxLimit, defaultLimit)
	if err != nil {
		return err
	}
	jobs, err := s.jobs.Jobs(c.Request.Context(), limit)
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

// ready says whether a snapshot is being served. That a newer one was refused
// is told, but is no reason to take this server out of rotation.
func (s *server) ready(c *gin.Context) error {
	st := s.store.Status()
	out := readyJSON{Status: "ready", Snapshot: st.Version}
	if st.Err != nil {
		out.Refused = &refusedJSON{Snapshot: st.Rejected, Reason: st.Reason()}
	}
	if st.Ready {
		out.AsOf = st.AsOf.UTC().Format(timeFormat)
		return answer(c, "no-store", out)
	}
	if out.Refused != nil && st.Rejected == "" {
		return newProblem(http.StatusServiceUnavailable, "no snapshot is loaded yet: %s", st.Reason())
	}
	if out.Refused != nil {
		return newProblem(http.StatusServiceUnavailable, "snapshot %q was refused: %s", st.Rejected, st.Reason())
	}
	return newProblem(http.StatusServiceUnavailable, "no snapshot is loaded yet: run the pipeline, or wait for it to finish")
}

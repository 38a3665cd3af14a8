package api

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"

	"github.com/gin-gonic/gin"
)

// Models shows the published models and changes which of their versions are in use.
type Models interface {
	// Models returns all models by name, their versions oldest first.
	Models(ctx context.Context) ([]Model, error)
	// Promote puts a version into use. The error wraps ErrUnknown where there is
	// no such model or version, and ErrBusy where a job is at work.
	Promote(ctx context.Context, name, version string) (Change, error)
	// Rollback goes back to the version before. The error wraps ErrUnknown where
	// there is none, and ErrBusy where a job is at work.
	Rollback(ctx context.Context, name string) (Change, error)
}

// What changes of models and starts of jobs may fail for.
var (
	ErrUnknown = errors.New("unknown")
	ErrBusy    = errors.New("busy")
)

// Model is a role, such as churn, with the versions that were published for it.
type Model struct {
	Name     string         `json:"name"`
	Champion string         `json:"champion,omitempty"` // the version in use
	Versions []ModelVersion `json:"versions"`
}

// ModelVersion is one published version.
type ModelVersion struct {
	Version   string          `json:"version"`
	Algorithm string          `json:"algorithm"`
	AsOf      string          `json:"as_of"`
	CreatedAt string          `json:"created_at"`
	Parent    string          `json:"parent,omitempty"`  // in use when this was made
	Metrics   json.RawMessage `json:"metrics,omitempty"` // with intervals, as training published them
}

// Change is what came of a promotion or rollback.
type Change struct {
	Name     string `json:"name"`
	Version  string `json:"version"`            // in use now
	Snapshot string `json:"snapshot,omitempty"` // made from the versions in use, and served from now on
	Note     string `json:"note,omitempty"`     // what is left to do where there is no such snapshot
}

type servedJSON struct {
	Snapshot string            `json:"snapshot"`
	AsOf     string            `json:"as_of"`
	Models   map[string]string `json:"models"` // the versions that the snapshot was made from, by model
}

type modelsJSON struct {
	Models []Model     `json:"models"`
	Served *servedJSON `json:"served,omitempty"`
}

func (s *server) listModels(c *gin.Context) error {
	if _, err := query(c.Request.URL.RawQuery); err != nil {
		return err
	}
	models, err := s.models.Models(c.Request.Context())
	if err != nil {
		return err
	}
	out := modelsJSON{Models: models}
	if out.Models == nil {
		out.Models = []Model{}
	}
	if st := s.store.Status(); st.Ready {
		out.Served = &servedJSON{Snapshot: st.Version, AsOf: st.AsOf.UTC().Format(timeFormat), Models: st.Models}
	}
	return answer(c, "no-store", out)
}

func (s *server) promote(c *gin.Context) error {
	name, err := s.named(c)
	if err != nil {
		return err
	}
	var version string
	if err := decodeBody(c.Request.Body, []field{{"version", &version}}); err != nil {
		return err
	}
	if err := checkID("version", version); err != nil {
		return err
	}
	change, err := s.models.Promote(c.Request.Context(), name, version)
	if errors.Is(err, ErrUnknown) {
		return notFound("there is no version %q of a model %q", clip(version), clip(name))
	}
	if err != nil {
		return err
	}
	return answer(c, "no-store", change)
}

func (s *server) rollback(c *gin.Context) error {
	name, err := s.named(c)
	if err != nil {
		return err
	}
	if err := noBody(c); err != nil {
		return err
	}
	change, err := s.models.Rollback(c.Request.Context(), name)
	if errors.Is(err, ErrUnknown) {
		return notFound("there is no model %q with a version before the present one", clip(name))
	}
	if err != nil {
		return err
	}
	return answer(c, "no-store", change)
}

// named reads the name in the path of a request without parameters.
func (s *server) named(c *gin.Context) (string, error) {
	name, err := pathID(c.Param("name"))
	if err != nil {
		return "", err
	}
	_, err = query(c.Request.URL.RawQuery)
	return name, err
}

// noBody refuses a body that says anything: nothing, or an object without fields.
func noBody(c *gin.Context) error {
	if c.Request.ContentLength == 0 || c.Request.Body == nil {
		return nil
	}
	return decodeBody(c.Request.Body, nil)
}

// JobRunner starts jobs.
type JobRunner interface {
	// StartJob starts a run of a job and returns it as it begins. The error wraps
	// ErrUnknown where there is no such job, and ErrBusy where one is running.
	StartJob(ctx context.Context, name string) (Job, error)
}

func (s *server) startJob(c *gin.Context) error {
	name, err := s.named(c)
	if err != nil {
		return err
	}
	if err := noBody(c); err != nil {
		return err
	}
	run, err := s.runner.StartJob(c.Request.Context(), name)
	switch {
	case errors.Is(err, ErrUnknown):
		return notFound("there is no job %q", clip(name))
	case errors.Is(err, ErrBusy):
		return newProblem(http.StatusConflict, "job %q is running already", clip(name))
	case err != nil:
		return err
	}
	c.Header("Location", "/v1/jobs/"+run.ID)
	return answerStatus(c, http.StatusAccepted, "no-store", run)
}

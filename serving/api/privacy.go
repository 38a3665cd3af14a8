package api

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"

	"github.com/gin-gonic/gin"
)

// Privacy finds and erases what is held of a customer, in the whole workspace.
type Privacy interface {
	// Erase records that the customer is to be erased, and returns the receipt,
	// as JSON, once all is removed, or after a few seconds, with done = false,
	// while something is in the way; it is finished later all the same. The error
	// wraps ErrNothingHeld where nothing is held, and nobody was erased by that id.
	Erase(ctx context.Context, userID string) (receipt json.RawMessage, done bool, err error)
	// Find returns what Erase would remove.
	Find(ctx context.Context, userID string) (receipt json.RawMessage, err error)
	// Tell writes all that is held as JSON, and reports false, having written
	// nothing, where that is nothing.
	Tell(ctx context.Context, userID string, w io.Writer) (found bool, err error)
	// OptOut records durably whether the customer refuses personalisation. The
	// error wraps ErrErased where there is nobody any more.
	OptOut(ctx context.Context, userID string, refused bool) error
}

// Errors that a Privacy may wrap.
var (
	ErrErased      = errors.New("the customer was erased")
	ErrNothingHeld = errors.New("nothing is held of the customer")
	ErrUnrecorded  = errors.New("what concerns a person's data cannot be recorded")
)

func (s *server) privacyRoutes(e *gin.Engine) {
	if s.privacy == nil {
		return
	}
	s.get(e, "/v1/users/:id/data", s.userData)
	e.DELETE("/v1/users/:id", s.handle(s.eraseUser))
	s.post(e, "/v1/users/:id/opt-out", s.optOut)
}

func (s *server) eraseUser(c *gin.Context) error {
	id, err := pathID(c.Param("id"))
	if err != nil {
		return err
	}
	q, err := query(c.Request.URL.RawQuery, "dry_run")
	if err != nil {
		return err
	}
	if err := oneOf(q, "dry_run", "true", "false"); err != nil {
		return err
	}
	defer unhurried(c).finish()
	if q["dry_run"] == "true" {
		receipt, err := s.privacy.Find(c.Request.Context(), id)
		if err != nil {
			return err
		}
		return answer(c, "no-store", receipt)
	}
	// Once asked for it is carried through, whether or not the client waits.
	receipt, done, err := s.privacy.Erase(context.WithoutCancel(c.Request.Context()), id)
	if errors.Is(err, ErrNothingHeld) {
		return notFound("nothing is held of customer %q", clip(id))
	}
	if err != nil {
		return err
	}
	if !done {
		return answerStatus(c, http.StatusAccepted, "no-store", receipt)
	}
	return answer(c, "no-store", receipt)
}

func (s *server) userData(c *gin.Context) error {
	id, err := pathID(c.Param("id"))
	if err != nil {
		return err
	}
	if _, err := query(c.Request.URL.RawQuery); err != nil {
		return err
	}
	end, err := s.beginExport()
	if err != nil {
		return err
	}
	defer end()
	out := unhurried(c)
	defer out.finish()
	c.Header("Cache-Control", "no-store")
	c.Header("Content-Type", "application/json; charset=utf-8")
	found, err := s.privacy.Tell(c.Request.Context(), id, out)
	if !c.Writer.Written() {
		c.Writer.Header().Del("Content-Type") // a problem has its own
	}
	if err != nil {
		return broken(c, err)
	}
	if !found {
		return notFound("nothing is held of customer %q", clip(id))
	}
	return nil
}

// optOutJSON answers an opt-out.
type optOutJSON struct {
	UserID          string `json:"user_id"`
	Personalization bool   `json:"personalization"`
}

func (s *server) optOut(c *gin.Context) error {
	id, err := pathID(c.Param("id"))
	if err != nil {
		return err
	}
	if _, err := query(c.Request.URL.RawQuery); err != nil {
		return err
	}
	var personalization *bool
	if err := decodeBody(c.Request.Body, []field{{"personalization", &personalization}}); err != nil {
		return err
	}
	if personalization == nil {
		return badRequest(`"personalization" is missing: false refuses it, true allows it again`)
	}
	err = s.privacy.OptOut(c.Request.Context(), id, !*personalization)
	if errors.Is(err, ErrErased) {
		return notFound("customer %q is unknown", clip(id))
	}
	if err != nil {
		return err
	}
	return answer(c, "no-store", optOutJSON{UserID: id, Personalization: *personalization})
}

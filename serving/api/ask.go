package api

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/gin-gonic/gin"

	"regulars/serving"
)

// askJSON is the body of POST /v1/recommendations: a batch of users, or the
// items of a session or basket, with the user if known, or just the session. A
// null is as absent.
type askJSON struct {
	Users   []string
	Items   []string
	UserID  *string
	K       *int
	Exclude []string

	Strategy, Lang, Filter, Placement, Session *string
	Explain                                    bool
}

func (a *askJSON) fields() []field {
	return []field{{"users", &a.Users}, {"items", &a.Items}, {"user_id", &a.UserID}, {"k", &a.K}, {"exclude", &a.Exclude},
		{"strategy", &a.Strategy}, {"filter", &a.Filter}, {"placement", &a.Placement}, {"session_id", &a.Session}, {"lang", &a.Lang}, {"explain", &a.Explain}}
}

func (a *askJSON) check() error {
	switch {
	case a.Users == nil && a.Items == nil && a.Session == nil:
		return badRequest(`the body names neither "users" nor "items" nor "session_id": one of them is needed`)
	case a.Users != nil && a.Items != nil:
		return badRequest(`the body names both "users" and "items": only one of them is possible`)
	case a.Users != nil && a.UserID != nil:
		return badRequest(`"user_id" goes with "items", not with "users"`)
	case a.Users != nil && a.Session != nil:
		return badRequest(`"session_id" is of one visitor: it does not go with "users"`)
	case len(a.Users)+len(a.Items) == 0 && a.Session == nil:
		return badRequest("the list of users or items is empty: without either, GET /v1/popular answers")
	case a.K != nil && (*a.K < 1 || *a.K > maxK):
		return badRequest("k must be a whole number from 1 to %d, not %d", maxK, *a.K)
	}
	if a.Filter != nil {
		if _, err := checkFilter(*a.Filter); err != nil {
			return err
		}
	}
	for _, f := range []field{{"user_id", a.UserID}, {"session_id", a.Session}, {"strategy", a.Strategy}, {"placement", a.Placement}} {
		if id := f.into.(*string); id != nil {
			if err := checkID(f.name, *id); err != nil {
				return err
			}
		}
	}
	if err := checkLang(a.Lang); err != nil {
		return err
	}
	for _, err := range []error{checkIDs("users", a.Users, maxUsers), checkIDs("items", a.Items, maxBasket), checkIDs("exclude", a.Exclude, maxExclude)} {
		if err != nil {
			return err
		}
	}
	return nil
}

// checkLang checks the language of a body, if one is given.
func checkLang(lang *string) error {
	if lang == nil {
		return nil
	}
	return oneOf(map[string]string{"lang": *lang}, "lang", languages...)
}

func (s *server) askOf(a *askJSON) (out serving.Ask, err error) {
	out = serving.Ask{Exclude: a.Exclude, Strategy: text(a.Strategy), Filter: text(a.Filter), Session: text(a.Session)}
	if a.K != nil {
		out.K = *a.K
	}
	out.Placement, err = s.placement(text(a.Placement))
	return out, err
}

// text is empty where there is none.
func text(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

func (s *server) mannerOf(a *askJSON) manner {
	m := manner{lang: s.lang, explain: a.Explain}
	if a.Lang != nil {
		m.lang = serving.Lang(*a.Lang)
	}
	return m
}

func (s *server) postRecommendations(c *gin.Context) error {
	if _, err := query(c.Request.URL.RawQuery); err != nil {
		return err
	}
	var a askJSON
	if err := decodeBody(c.Request.Body, a.fields()); err != nil {
		return err
	}
	if err := a.check(); err != nil {
		return err
	}
	ask, err := s.askOf(&a)
	switch {
	case err != nil:
		return err
	case a.Users != nil:
		return s.batch(c, &a, ask)
	}
	return s.basket(c, &a, ask)
}

// Limits of batches, of which one may be a thousand times the work of a request.
const (
	maxBatchTime = 50 * time.Second // waiting for its turn included; below writeTimeout
	largeBatch   = 50               // customers; larger ones take turns on half of the cores
)

// batch answers for each user as GET does, all from one snapshot, part by part: as
// a whole the answer may have 60 MB.
func (s *server) batch(c *gin.Context, a *askJSON, ask serving.Ask) error {
	ctx, cancel := context.WithTimeout(c.Request.Context(), maxBatchTime)
	defer cancel()
	turn := batchTurn{}
	if len(a.Users) > largeBatch {
		turn.places = s.batches
	}
	if err := turn.take(ctx); err != nil {
		return batchProblem(c, err)
	}
	defer turn.give()
	var meta metaJSON
	manner, body := s.mannerOf(a), []byte(`{"results":[`)
	err := s.store.RecommendAll(ctx, a.Users, ask, s.newID, func(i int, list serving.List) error {
		if meta = metaOf(list.Meta); i > 0 {
			body = append(body, ',')
		}
		body = s.recommended(true, "recommendations", a.Users[i], "", list, manner).appendJSON(body)
		if len(body) < keptBody {
			return nil
		}
		turn.give() // the client may take its time
		if err := tellPart(c, body); err != nil {
			return err
		}
		body = body[:0]
		return turn.take(ctx)
	})
	if err != nil {
		return batchProblem(c, err)
	}
	turn.give()
	body = appendText(append(body, `],"as_of":`...), meta.AsOf)
	body = append(appendText(append(body, `,"model_version":`...), meta.ModelVersion), "}\n"...)
	if err := tellPart(c, body); err != nil {
		return batchProblem(c, err)
	}
	return nil
}

// batchTurn is the place of a large batch among those that are made at once.
type batchTurn struct {
	places chan struct{} // nil: none is needed
	had    bool
}

// take waits for the turn.
func (t *batchTurn) take(ctx context.Context) error {
	if t.places == nil {
		return nil
	}
	select {
	case t.places <- struct{}{}:
		t.had = true
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// give lets the next one have the turn.
func (t *batchTurn) give() {
	if t.had {
		<-t.places
		t.had = false
	}
}

// tellPart writes a part of an answer that has many.
func tellPart(c *gin.Context, part []byte) error {
	if h := c.Writer.Header(); !c.Writer.Written() {
		h.Set("Cache-Control", "no-store")
		h.Set("Content-Type", "application/json; charset=utf-8")
	}
	_, err := c.Writer.Write(part)
	return err
}

// batchProblem says that a batch took too long, unless it is something else.
func batchProblem(c *gin.Context, err error) error {
	if errors.Is(err, context.DeadlineExceeded) {
		return newProblem(http.StatusServiceUnavailable, "the batch was not done in time: ask for fewer customers, by a simpler filter, or for fewer batches at once")
	}
	return broken(c, err)
}

// basket answers for the items named. Without any, what the visitor's session
// did speaks for it, as it does for GET.
func (s *server) basket(c *gin.Context, a *askJSON, ask serving.Ask) (err error) {
	var list serving.List
	var unknown []string
	userID, kind := text(a.UserID), "basket"
	if ask.ID = s.newID(); len(a.Items) > 0 {
		list, unknown, err = s.store.Basket(a.Items, userID, ask)
	} else {
		kind = "recommendations"
		list, err = s.store.Recommend(userID, ask)
	}
	if err != nil {
		return err
	}
	out := s.recommended(true, kind, userID, ask.Session, list, s.mannerOf(a))
	out.UnknownItems = unknown
	return s.tell(c, "no-store", out)
}

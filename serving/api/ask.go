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
	maxBatchTime = 30 * time.Second // waiting for its turn included
	largeBatch   = 50               // customers; larger ones take turns on half of the cores
)

// batch answers for each user as GET does, all from one snapshot.
func (s *server) batch(c *gin.Context, a *askJSON, ask serving.Ask) error {
	ctx, cancel := context.WithTimeout(c.Request.Context(), maxBatchTime)
	defer cancel()
	lists, err := s.recommendAll(ctx, a.Users, ask)
	if err != nil {
		return batchProblem(c, err)
	}
	return s.tellBatch(c, a, lists)
}

// recommendAll makes the lists of a batch, of a large one when it has its turn.
func (s *server) recommendAll(ctx context.Context, users []string, ask serving.Ask) ([]serving.List, error) {
	if len(users) > largeBatch {
		select {
		case s.batches <- struct{}{}:
			defer func() { <-s.batches }()
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	return s.store.RecommendAll(ctx, users, ask, s.newID)
}

// tellBatch writes the lists of a batch part by part: as a whole it may be 60 MB.
func (s *server) tellBatch(c *gin.Context, a *askJSON, lists []serving.List) error {
	meta, manner := metaOf(lists[0].Meta), s.mannerOf(a)
	h := c.Writer.Header()
	h.Set("Cache-Control", "no-store")
	h.Set("Content-Type", "application/json; charset=utf-8")
	body := []byte(`{"results":[`)
	for i := range lists {
		if i > 0 {
			body = append(body, ',')
		}
		body = s.recommended("recommendations", a.Users[i], "", lists[i], manner).appendJSON(body)
		lists[i] = serving.List{} // not needed any more
		if len(body) < keptBody {
			continue
		}
		if _, err := c.Writer.Write(body); err != nil {
			return broken(c, err)
		}
		body = body[:0]
	}
	body = appendText(append(body, `],"as_of":`...), meta.AsOf)
	body = append(appendText(append(body, `,"model_version":`...), meta.ModelVersion), "}\n"...)
	if _, err := c.Writer.Write(body); err != nil {
		return broken(c, err)
	}
	return nil
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
	out := s.recommended(kind, userID, ask.Session, list, s.mannerOf(a))
	out.UnknownItems = unknown
	return s.tell(c, "no-store", out)
}

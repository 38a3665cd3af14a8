package api

import (
	"github.com/gin-gonic/gin"

	"regulars/serving"
)

// askJSON is the body of POST /v1/recommendations: a batch of users, or the
// items of a session or basket, with the user if known. A null is as absent.
type askJSON struct {
	Users   []string
	Items   []string
	UserID  *string
	K       *int
	Exclude []string

	Strategy, Lang *string
	Explain        bool
}

func (a *askJSON) fields() []field {
	return []field{{"users", &a.Users}, {"items", &a.Items}, {"user_id", &a.UserID}, {"k", &a.K}, {"exclude", &a.Exclude},
		{"strategy", &a.Strategy}, {"lang", &a.Lang}, {"explain", &a.Explain}}
}

func (a *askJSON) check() error {
	switch {
	case a.Users == nil && a.Items == nil:
		return badRequest(`the body names neither "users" nor "items": one of them is needed`)
	case a.Users != nil && a.Items != nil:
		return badRequest(`the body names both "users" and "items": only one of them is possible`)
	case a.Users != nil && a.UserID != nil:
		return badRequest(`"user_id" goes with "items", not with "users"`)
	case len(a.Users)+len(a.Items) == 0:
		return badRequest("the list of users or items is empty: without either, GET /v1/popular answers")
	case a.K != nil && (*a.K < 1 || *a.K > maxK):
		return badRequest("k must be a whole number from 1 to %d, not %d", maxK, *a.K)
	}
	if a.UserID != nil {
		if err := checkID("user_id", *a.UserID); err != nil {
			return err
		}
	}
	if a.Strategy != nil {
		if err := checkID("strategy", *a.Strategy); err != nil {
			return err
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

func (a *askJSON) ask() serving.Ask {
	out := serving.Ask{K: defaultK, Exclude: a.Exclude}
	if a.K != nil {
		out.K = *a.K
	}
	if a.Strategy != nil {
		out.Strategy = *a.Strategy
	}
	return out
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
	if err := decodeBody(c.Request.Body, a.fields(), ofRecommendations.later); err != nil {
		return err
	}
	if err := a.check(); err != nil {
		return err
	}
	if a.Users != nil {
		return s.batch(c, &a)
	}
	return s.basket(c, &a)
}

type batchJSON struct {
	Results []*listJSON `json:"results"`
	metaJSON
}

// batch answers for each user as GET does, all from one snapshot.
func (s *server) batch(c *gin.Context, a *askJSON) error {
	lists, err := s.store.RecommendAll(a.Users, a.ask())
	if err != nil {
		return err
	}
	out := &batchJSON{Results: make([]*listJSON, len(lists)), metaJSON: metaOf(lists[0].Meta)}
	for i, list := range lists {
		out.Results[i] = s.recommended("recommendations", a.Users[i], list, s.mannerOf(a))
	}
	return answer(c, "no-store", out)
}

func (s *server) basket(c *gin.Context, a *askJSON) error {
	var userID string
	if a.UserID != nil {
		userID = *a.UserID
	}
	list, unknown, err := s.store.Basket(a.Items, userID, a.ask())
	if err != nil {
		return err
	}
	out := s.recommended("basket", userID, list, s.mannerOf(a))
	out.UnknownItems = unknown
	return answer(c, "no-store", out)
}

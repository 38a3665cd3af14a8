package api

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"strings"

	"github.com/gin-gonic/gin"

	"regulars/serving"
)

type itemJSON struct {
	ItemID   string       `json:"item_id"`
	Score    float32      `json:"score"`
	Strategy string       `json:"strategy"`
	Reason   string       `json:"reason"`            // in words
	Because  *becauseJSON `json:"because,omitempty"` // the reason in parts, with explain=true
	Rules    []string     `json:"rules,omitempty"`   // of the placement, that put it where it is
}

// becauseJSON is a reason in parts; what its kind does not have is absent.
type becauseJSON struct {
	Kind   string `json:"kind"`
	ItemID string `json:"item_id,omitempty"`
	Title  string `json:"title,omitempty"`
	Days   int    `json:"days,omitempty"`
	Name   string `json:"name,omitempty"` // of a brand or category
}

// listJSON is every list of items; what does not apply is absent.
type listJSON struct {
	UserID           string     `json:"user_id,omitempty"`
	ItemID           string     `json:"item_id,omitempty"`
	Items            []itemJSON `json:"items"`
	UnknownItems     []string   `json:"unknown_items,omitempty"` // of a basket
	Fallback         *bool      `json:"fallback,omitempty"`
	RecommendationID string     `json:"recommendation_id,omitempty"`
	Arm              string     `json:"arm,omitempty"`           // of the placement that made it
	RelaxedRules     []string   `json:"relaxed_rules,omitempty"` // what of the placement could not hold
	metaJSON
}

type metaJSON struct {
	AsOf         string `json:"as_of"`
	ModelVersion string `json:"model_version"`
}

type moneyJSON struct {
	Amount   float64 `json:"amount"`
	Currency string  `json:"currency,omitempty"`
}

// ofRecommendations: lang and explain decorate an answer and never change which
// items it lists, nor does placement where none is configured.
var ofRecommendations = []string{"k", "filter", "exclude", "strategy", "placement", "session_id", "lang", "explain"}

var ofSimilar = []string{"k", "filter", "strategy", "lang", "explain"}

var ofPopular = []string{"k", "filter", "lang", "explain"}

// manner is how an answer words its reasons.
type manner struct {
	lang    serving.Lang
	explain bool
}

// asked reads what the query says of a list, of which a route may know a part.
func (s *server) asked(q map[string]string) (serving.Ask, manner, error) {
	a, m := serving.Ask{}, manner{lang: s.lang, explain: q["explain"] == "true"}
	if err := checkDecoration(q); err != nil {
		return a, m, err
	}
	var err error
	if a.K, err = intParam(q, "k", maxK, 0); err != nil {
		return a, m, err
	}
	if a.Placement, err = s.placement(q["placement"]); err != nil {
		return a, m, err
	}
	if filter, ok := q["filter"]; ok {
		if a.Filter, err = checkFilter(filter); err != nil {
			return a, m, err
		}
	}
	if session, ok := q["session_id"]; ok {
		if a.Session = session; session == "" || checkID("session_id", session) != nil {
			return a, m, checkID("session_id", session)
		}
	}
	if a.Exclude, err = idList("exclude", q["exclude"]); err != nil {
		return a, m, err
	}
	var given bool
	if a.Strategy, given = q["strategy"]; given {
		if err := checkID("strategy", a.Strategy); err != nil {
			return a, m, err
		}
	}
	if lang, ok := q["lang"]; ok {
		m.lang = serving.Lang(lang)
	}
	return a, m, nil
}

func (s *server) recommendations(c *gin.Context) error {
	id, err := pathID(c.Param("id"))
	if err != nil {
		return err
	}
	q, err := query(c.Request.URL.RawQuery, ofRecommendations...)
	if err != nil {
		return err
	}
	ask, manner, err := s.asked(q)
	if err != nil {
		return err
	}
	ask.ID = s.newID()
	list, err := s.store.Recommend(id, ask)
	if err != nil {
		return err
	}
	return s.tell(c, "no-store", s.recommended(c.Request.Method != http.MethodHead, "recommendations", id, ask.Session, list, manner))
}

func checkDecoration(q map[string]string) error {
	if placement, ok := q["placement"]; ok {
		if err := checkID("placement", placement); err != nil {
			return err
		}
	}
	if err := oneOf(q, "lang", languages...); err != nil {
		return err
	}
	return oneOf(q, "explain", "true", "false")
}

// recommended puts a list into words; one that is shown is counted and noted, which
// the answer to HEAD is not.
func (s *server) recommended(shown bool, kind, userID, sessionID string, list serving.List, m manner) *listJSON {
	if shown {
		s.metrics.count(kind, list)
		s.note(list, sessionID)
	}
	out := listOf(list, m, true)
	out.UserID, out.RecommendationID, out.RelaxedRules = userID, list.ID, list.Relaxed
	if list.Arm != nil {
		out.Arm = list.Arm.Arm
	}
	return out
}

func (s *server) similar(c *gin.Context) error {
	id, err := pathID(c.Param("id"))
	if err != nil {
		return err
	}
	q, err := query(c.Request.URL.RawQuery, ofSimilar...)
	if err != nil {
		return err
	}
	ask, manner, err := s.asked(q)
	if err != nil {
		return err
	}
	list, ok, err := s.store.Similar(id, ask)
	if err != nil {
		return err
	}
	if !ok {
		return notFound("item %q is not in the catalogue", clip(id))
	}
	if c.Request.Method != http.MethodHead {
		s.metrics.count("similar", list)
	}
	out := listOf(list, manner, true)
	out.ItemID = id
	return s.tell(c, "no-cache", out)
}

func (s *server) popular(c *gin.Context) error {
	q, err := query(c.Request.URL.RawQuery, ofPopular...)
	if err != nil {
		return err
	}
	ask, manner, err := s.asked(q)
	if err != nil {
		return err
	}
	list, err := s.store.Popular(ask)
	if err != nil {
		return err
	}
	return s.tell(c, "no-cache", listOf(list, manner, false))
}

func listOf(l serving.List, m manner, withFallback bool) *listJSON {
	out := &listJSON{Items: make([]itemJSON, len(l.Items)), metaJSON: metaOf(l.Meta)}
	reasons := worded(l.Items, m.lang)
	for i := range l.Items {
		it := &l.Items[i]
		out.Items[i] = itemJSON{ItemID: it.ID, Score: it.Score, Strategy: it.Strategy, Reason: reasons.next(), Rules: it.Rules}
		if r := it.Reason; m.explain {
			out.Items[i].Because = &becauseJSON{Kind: r.Kind, ItemID: r.ItemID, Title: r.Title, Days: r.Days, Name: r.Name}
		}
	}
	if withFallback {
		out.Fallback = &l.Fallback
	}
	return out
}

// texts are texts one behind the other, which take a single piece of memory.
type texts struct {
	all  string
	ends []int32
	at   int32
}

// worded words the reasons of items.
func worded(items []serving.Item, lang serving.Lang) texts {
	all, out := make([]byte, 0, 512), texts{ends: make([]int32, 0, 16)}
	for i := range items {
		all = items[i].Reason.AppendText(all, lang)
		out.ends = append(out.ends, int32(len(all)))
	}
	out.all = string(all)
	return out
}

func (t *texts) next() string {
	end := t.ends[0]
	text := t.all[t.at:end]
	t.at, t.ends = end, t.ends[1:]
	return text
}

func metaOf(m serving.Meta) metaJSON { return metaJSON{AsOf: m.AsOf, ModelVersion: m.ModelVersion} }

// answer writes v as JSON. Unless it may not be stored at all, it carries an
// ETag, and a client that has it already is told so with 304.
func answer(c *gin.Context, cacheControl string, v any) error {
	return answerStatus(c, http.StatusOK, cacheControl, v)
}

func answerStatus(c *gin.Context, status int, cacheControl string, v any) error {
	body, err := json.Marshal(v)
	if err != nil {
		return err
	}
	respond(c, status, cacheControl, append(body, '\n'))
	return nil
}

// appender writes itself as JSON.
type appender interface{ appendJSON(b []byte) []byte }

// keptBody is the largest answer whose memory is kept for the next, in bytes.
const keptBody = 64 << 10

// tell answers as answer does with what writes itself.
func (s *server) tell(c *gin.Context, cacheControl string, v appender) error {
	body := s.bodies.Get().(*[]byte)
	*body = append(v.appendJSON((*body)[:0]), '\n')
	respond(c, http.StatusOK, cacheControl, *body)
	if cap(*body) <= keptBody {
		s.bodies.Put(body) // it has been written, or copied
	}
	return nil
}

// respond writes a body of JSON.
func respond(c *gin.Context, status int, cacheControl string, body []byte) {
	h := c.Writer.Header()
	h.Set("Cache-Control", cacheControl)
	if cacheControl != "no-store" {
		tag := etag(body)
		h.Set("ETag", tag)
		if matches(c.Request.Header.Values("If-None-Match"), tag) {
			c.Status(http.StatusNotModified)
			return
		}
	}
	c.Data(status, "application/json; charset=utf-8", body)
}

func etag(body []byte) string {
	sum := sha256.Sum256(body)
	return `"` + base64.RawURLEncoding.EncodeToString(sum[:12]) + `"`
}

// matches compares weakly, as RFC 9110 section 13.1.2 asks for. Our tags hold
// no comma, so that cutting at commas finds them.
func matches(headers []string, tag string) bool {
	for _, h := range headers {
		for candidate := range strings.SplitSeq(h, ",") {
			candidate = strings.TrimSpace(candidate)
			if candidate == "*" || strings.TrimPrefix(candidate, "W/") == tag {
				return true
			}
		}
	}
	return false
}

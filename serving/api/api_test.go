package api

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gin-gonic/gin"

	"regulars/data/durable"
	"regulars/models"
	"regulars/models/snapshot"
	"regulars/serving"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// publish writes a snapshot of n items and a few customers and makes it current.
func publish(t testing.TB, root string, n, horizon int) string {
	t.Helper()
	v, err := snapshot.Publish(root, durable.FS{}, snapshot.Info{CreatedAt: "2011-12-08T03:00:00Z", AsOf: "2011-12-08T00:00:00Z",
		Models: map[string]string{"ials": "2011-12-08-aaaaaaaa", "discovery": "2011-12-08-dddddddd", "churn": "2011-12-08-cccccccc"}, Recommender: "ials", Similar: "ials", Propensity: "churn",
		HorizonDays: horizon, Currency: "GBP", Strategies: []string{"repeat", "ials", "rules"}, Main: "blend",
		Lists:     []snapshot.ListKind{{Strategy: "repeat", Also: []string{"again"}}, {Strategy: "ials", Role: "discovery", Also: []string{"discovery"}}},
		ItemLists: []snapshot.ListKind{{Strategy: "ials", Also: []string{"similar"}}, {Strategy: "rules", Also: []string{"together"}}}}, func(w *snapshot.Writer) error {
		items := make([]snapshot.Item, n)
		popular := make([]snapshot.Candidate, n)
		for i := range items {
			items[i] = snapshot.Item{ID: fmt.Sprintf("8512%04d", i), InStock: true}
			popular[i] = snapshot.Candidate{Item: int32(i), Score: float32(n - i)}
		}
		items[0].ID = "85123A/x+y 茶"
		items[0].Title = "Teapot"
		items[0].Brand = "Acme"
		bought := snapshot.Reason{Kind: models.ReasonBought, Of: 0}
		own := []snapshot.Candidate{{Item: 1, Score: .83, Reason: snapshot.Reason{Kind: models.ReasonUsual, Of: 30}},
			{Item: 0, Score: .5, Strategy: 1, Reason: snapshot.Reason{Kind: models.ReasonBrand}}}
		found := []snapshot.Candidate{{Item: 2, Score: 2, Strategy: 1, Reason: bought}}
		return errors.Join(w.Items(items),
			w.User("17850", snapshot.User{Candidates: own, Lists: [][]snapshot.Candidate{own[:1], found}, Scores: &snapshot.Scores{ReturnProbability: .79,
				Churn: &snapshot.Churn{Probability: .21, Percentile: .18, Band: "low"}, RFM: &snapshot.RFM{RecencyDays: 3.5, Orders: 34, Spend: 5391.21}}}),
			w.User("a/b+c d", snapshot.User{Candidates: own[1:]}),
			w.User("fresh", snapshot.User{Scores: &snapshot.Scores{Note: "no orders yet"}}),
			w.Similar(0, []snapshot.Candidate{{Item: 3, Score: .7, Strategy: 1, Reason: bought}},
				[]snapshot.Candidate{{Item: 4, Score: .2, Strategy: 2, Reason: snapshot.Reason{Kind: models.ReasonTogether}}}),
			w.Popular(popular))
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := snapshot.SetCurrent(root, durable.FS{}, v); err != nil {
		t.Fatal(err)
	}
	return v
}

func loaded(t testing.TB, items int) *serving.Store {
	t.Helper()
	root := t.TempDir()
	publish(t, root, items, 90)
	store := serving.NewStore(root, serving.Options{})
	if err := store.Refresh(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(store.Close)
	return store
}

func fixedID() string { return "ID" }

type history struct{ err error }

func (h history) Jobs(_ context.Context, f JobFilter) ([]Job, error) {
	if f.Job != "" && f.Job != job.Name || f.Status != "" && f.Status != job.Status {
		return nil, h.err
	}
	return []Job{job}[:min(f.Limit, 1)], h.err
}

func (h history) Job(_ context.Context, id string) (Job, bool, error) {
	return job, id == job.ID, h.err
}

var job = Job{ID: "20111208T030000Z-ab12", Name: "pipeline", Status: "running", StartedAt: time.Date(2011, 12, 8, 3, 0, 0, 0, time.UTC)}

func handler(t testing.TB) http.Handler {
	return New(Options{Store: loaded(t, 5), Jobs: history{}, NewID: fixedID})
}

func ask(h http.Handler, method, target string, headers ...string) *httptest.ResponseRecorder {
	return send(h, method, target, "", headers...)
}

func send(h http.Handler, method, target, body string, headers ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, target, strings.NewReader(body))
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	return kept(h, r, body)
}

func TestGoldenAnswers(t *testing.T) {
	h := handler(t)
	cases := map[string]string{ // a path, or the body of POST /v1/recommendations
		"batch":                     `{"users":["17850","nobody","17850"],"k":2,"exclude":["85120002","nothing"]}`,
		"batch_default":             ` {"users" : ["a/b+c d"]} `,
		"basket":                    `{"items":["85123A/x+y 茶","22086","85120001"],"k":3}`,
		"basket_user":               `{"items":["85123A/x+y 茶"],"user_id":"17850","exclude":["85120002"],"users":null}`,
		"basket_unknown":            `{"items":["22086"],"user_id":"nobody","k":1}`,
		"recommendations":           "/v1/users/17850/recommendations?k=4",
		"recommendations_decorated": "/v1/users/17850/recommendations?k=1&placement=home%20top&lang=zh&explain=true",
		"recommendations_exclude":   "/v1/users/17850/recommendations?k=2&exclude=85120001,nothing",
		"recommendations_unknown":   "/v1/users/nobody/recommendations?k=2",
		"recommendations_escaped":   "/v1/users/a%2Fb+c%20d/recommendations?k=1",
		"recommendations_default":   "/v1/users/17850/recommendations?exclude=",
		"recommendations_odd_item":  "/v1/users/17850/recommendations?k=1&exclude=85120001,85123A/x%2By%20%E8%8C%B6",
		"recommendations_strategy":  "/v1/users/17850/recommendations?k=3&strategy=again",
		"recommendations_zh":        "/v1/users/17850/recommendations?k=3&strategy=discovery&lang=zh&explain=true",
		"batch_strategy":            `{"users":["17850","nobody"],"k":1,"strategy":"ials","lang":"zh","explain":true}`,
		"basket_together":           `{"items":["85123A/x+y 茶"],"k":2,"strategy":"together","explain":true}`,
		"similar_together":          "/v1/items/85123A%2Fx+y%20%E8%8C%B6/similar?k=2&strategy=rules&lang=zh",
		"popular_zh":                "/v1/popular?k=1&lang=zh&explain=true",
		"similar":                   "/v1/items/85123A%2Fx+y%20%E8%8C%B6/similar?k=2",
		"popular":                   "/v1/popular?k=2",
		"scores":                    "/v1/users/17850/scores",
		"scores_without_orders":     "/v1/users/fresh/scores",
		"jobs":                      "/v1/jobs?limit=5",
		"job":                       "/v1/jobs/20111208T030000Z-ab12",
		"healthz":                   "/healthz",
		"not_found":                 "/v1/users/nobody/scores",
	}
	for name, target := range cases {
		t.Run(name, func(t *testing.T) {
			method, target, body := "GET", target, ""
			if !strings.HasPrefix(target, "/") {
				method, target, body = "POST", "/v1/recommendations", target
			}
			golden(t, name, send(h, method, target, body))
		})
	}
}

// golden compares an answer with the one in testdata.
func golden(t *testing.T, name string, w *httptest.ResponseRecorder) {
	t.Helper()
	got := fmt.Sprintf("%d %s\n%s\n", w.Code, w.Header().Get("Content-Type"), bytes.TrimSpace(w.Body.Bytes()))
	path := filepath.Join("testdata", name+".golden")
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil || got != string(want) {
		t.Errorf("answered\n%swant\n%s%v", got, want, err)
	}
}

// Without a language in the request, reasons are in the shop's.
func TestLanguageOfTheShop(t *testing.T) {
	h := New(Options{Store: loaded(t, 5), Lang: serving.Chinese})
	for _, c := range []struct{ path, want string }{
		{"/v1/users/17850/recommendations?k=1", "您通常每30天购买"},
		{"/v1/users/17850/recommendations?k=1&lang=en", "usual every 30 days"},
		{"/v1/popular?k=1", "当前热销"},
	} {
		if w := ask(h, "GET", c.path); !strings.Contains(w.Body.String(), `"reason":"`+c.want+`"`) || strings.Contains(w.Body.String(), "because") {
			t.Errorf("%s answered %s, want %s and nothing explained", c.path, w.Body, c.want)
		}
	}
}

func TestProblems(t *testing.T) {
	h := handler(t)
	long := strings.Repeat("x", 513)
	cases := []struct {
		method, target string
		status         int
		detail         string
	}{
		{"GET", "/v1/users/1/recommendations?k=0", 400, `k must be a whole number from 1 to 500, not "0"`},
		{"GET", "/v1/users/1/recommendations?k=501", 400, `k must be a whole number from 1 to 500, not "501"`},
		{"GET", "/v1/users/1/recommendations?k=-1", 400, `k must be a whole number from 1 to 500, not "-1"`},
		{"GET", "/v1/users/1/recommendations?k=%2B5", 400, `k must be a whole number from 1 to 500, not "+5"`},
		{"GET", "/v1/users/1/recommendations?k=ten", 400, `k must be a whole number from 1 to 500, not "ten"`},
		{"GET", "/v1/users/1/recommendations?k=", 400, `k must be a whole number from 1 to 500, not ""`},
		{"GET", "/v1/users/1/recommendations?k=99999999999999999999", 400, `k must be a whole number from 1 to 500, not "99999999999999999999"`},
		{"GET", "/v1/users/1/recommendations?k=1&k=2", 400, `parameter "k" is given 2 times: once is enough`},
		{"GET", "/v1/users/1/recommendations?K=1", 400, `unknown parameter "K": this route knows k, filter, exclude, strategy, placement, session_id, lang, explain`},
		{"GET", "/v1/users/1/recommendations?lang=fr", 400, `lang must be zh or en, not "fr"`},
		{"GET", "/v1/users/1/recommendations?lang=", 400, `lang must be zh or en, not ""`},
		{"GET", "/v1/users/1/recommendations?explain=1", 400, `explain must be true or false, not "1"`},
		{"GET", "/v1/users/1/recommendations?placement=", 400, "placement is empty"},
		{"GET", "/v1/users/1/recommendations?placement=%ff", 400, "placement is not valid UTF-8"},
		{"GET", "/v1/users/1/recommendations?filter=item.prise%3C10", 400, "item has no field \"prise\": do you mean item.price? (there are available_from, brand, category, id, in_stock, item_id, price, tags, title) (line 1, column 6)\nitem.prise<10\n     ^"},
		{"GET", "/v1/users/1/recommendations?filter=", 400, "filter is empty: leave it out to let everything pass"},
		{"GET", "/v1/users/1/recommendations?filter=" + strings.Repeat("x", 5000), 400, "filter has 5000 bytes: at most 4096 are allowed"},
		{"GET", "/v1/users/1/recommendations?session_id=", 400, "session_id is empty"},
		{"GET", "/v1/users/1/recommendations?session_id=%ff", 400, "session_id is not valid UTF-8"},
		{"GET", "/v1/users/1/recommendations?strategy=", 400, "strategy is empty"},
		{"GET", "/v1/users/1/recommendations?strategy=svd", 400, `there is no strategy "svd": those there are: blend, popular, repeat (again), ials (discovery)`},
		{"GET", "/v1/users/1/recommendations?strategy=" + strings.Repeat("x", 41), 400, `there is no strategy "` + strings.Repeat("x", 40) + `…": those there are: blend, popular, repeat (again), ials (discovery)`},
		{"GET", "/v1/items/85120001/similar?strategy=blend", 400, `there is no strategy "blend": those there are: ials (similar), rules (together)`},
		{"GET", "/v1/popular?filter=item.price%3C", 400, "the filter cannot be read: it ends too early (line 1, column 11)\nitem.price<\n          ^"},
		{"GET", "/v1/popular?strategy=ials", 400, `unknown parameter "strategy": this route knows k, filter, lang, explain`},
		{"GET", "/v1/recommendations", 405, "GET is not allowed here, only POST"},
		{"POST", "/v1/recommendations?k=1", 400, `unknown parameter "k": this route has none`},
		{"GET", "/v1/users/1/recommendations?k=1;exclude=2", 400, "the query string is malformed: a semicolon must be written %3B"},
		{"GET", "/v1/users/1/recommendations?k=%zz", 400, "the query string is malformed: a percent sign must be followed by two hexadecimal digits"},
		{"GET", "/v1/users/1/recommendations?exclude=a,,b", 400, "exclude: id 2 is empty"},
		{"GET", "/v1/users/1/recommendations?exclude=a,%ff", 400, "exclude: id 2 is not valid UTF-8"},
		{"GET", "/v1/users/1/recommendations?exclude=" + long, 400, "exclude: id 1 has 513 bytes: at most 512 are allowed"},
		{"GET", "/v1/users/1/recommendations?exclude=" + strings.Repeat("a,", 1000) + "a", 400, "exclude names 1001 ids: at most 1000 are allowed"},
		{"GET", "/v1/users/" + long + "/recommendations", 400, "the id has 513 bytes: at most 512 are allowed"},
		{"GET", "/v1/users/%ff/recommendations", 400, "the id is not valid UTF-8"},
		{"GET", "/v1/users/%ff/scores", 400, "the id is not valid UTF-8"},
		{"GET", "/v1/users//recommendations", 400, "the id is empty"},
		{"GET", "/v1/users/17850/scores?k=1", 400, `unknown parameter "k": this route knows lang`},
		{"GET", "/v1/users/17850/scores?lang=fr", 400, `lang must be zh or en, not "fr"`},
		{"GET", "/v1/users/nobody/scores?lang=", 400, `lang must be zh or en, not ""`},
		{"GET", "/v1/users/17850/scores?lang=en&lang=zh", 400, `parameter "lang" is given 2 times: once is enough`},
		{"GET", "/v1/scores/batch", 405, "GET is not allowed here, only POST"},
		{"POST", "/v1/scores/batch?lang=zh", 400, `unknown parameter "lang": this route has none`},
		{"GET", "/v1/items/nothing/similar", 404, `item "nothing" is not in the catalogue`},
		{"GET", "/v1/items/nothing/similar?exclude=a", 400, `unknown parameter "exclude": this route knows k, filter, strategy, lang, explain`},
		{"GET", "/v1/users/nobody/scores", 404, `customer "nobody" is unknown, or was not scored`},
		{"GET", "/v1/popular?k=1.5", 400, `k must be a whole number from 1 to 500, not "1.5"`},
		{"GET", "/v1/jobs?status=done", 400, `status must be running or succeeded or failed or interrupted or skipped, not "done"`},
		{"GET", "/v1/jobs?job=", 400, "job is empty"},
		{"GET", "/v1/jobs?limit=x", 400, `limit must be a whole number from 1 to 500, not "x"`},
		{"GET", "/v1/jobs/none", 404, `there is no job run "none"`},
		{"GET", "/v2/popular", 404, "there is no such route"},
		{"GET", "/v1/popular/", 404, "there is no such route"},
		{"GET", "/", 404, "there is no such route"},
		{"GET", "/v1/users/../popular", 404, "there is no such route"},
		{"POST", "/v1/popular", 405, "POST is not allowed here, only GET, HEAD"},
		{"DELETE", "/v1/users/17850/scores", 405, "DELETE is not allowed here, only GET, HEAD"},
	}
	for _, c := range cases {
		w := ask(h, c.method, c.target)
		var p problem
		if err := json.Unmarshal(w.Body.Bytes(), &p); err != nil {
			t.Errorf("%s %s: %v in %s", c.method, c.target, err, w.Body)
			continue
		}
		want := problem{Type: "about:blank", Title: http.StatusText(c.status), Status: c.status, Detail: c.detail, RequestID: "ID"}
		if w.Code != c.status || p != want {
			t.Errorf("%s %.80s answered %d %+v, want %+v", c.method, c.target, w.Code, p, want)
		}
		if ct := w.Header().Get("Content-Type"); ct != "application/problem+json" {
			t.Errorf("%s %.80s: content type %s", c.method, c.target, ct)
		}
	}
	if got := ask(h, "POST", "/v1/popular").Header().Get("Allow"); got != "GET, HEAD" {
		t.Errorf("Allow: %s", got)
	}
}

func TestBodyProblems(t *testing.T) {
	h := handler(t)
	ids := func(n int) string { return `["a"` + strings.Repeat(`,"a"`, n-1) + "]" }
	cases := map[string]struct {
		body   string
		status int
		detail string
	}{
		"nothing":              {"", 400, "the body is empty: it must hold a JSON object"},
		"no JSON":              {`{"users":["a"],}`, 400, "the body is not JSON at byte 16: invalid character '}' looking for beginning of object key string"},
		"cut":                  {`{"users":["a"`, 400, "the body is not JSON at byte 13: unexpected end of JSON input"},
		"trailing data":        {`{"users":["a"]} {}`, 400, "the body is not JSON at byte 17: invalid character '{' after top-level value"},
		"no object":            {`["a"]`, 400, "the body is not a JSON object"},
		"null":                 {`null`, 400, "the body is not a JSON object"},
		"broken UTF-8":         {"{\"users\":[\"茶\xff\"]}", 400, "the body is not valid UTF-8 at byte 15"},
		"unknown field":        {`{"users":["a"],"limit":1}`, 400, `unknown field "limit" at byte 22: the body may hold users, items, user_id, k, exclude, strategy, filter, placement, session_id, lang, explain`},
		"other case":           {`{"Users":["a"]}`, 400, `unknown field "Users" at byte 8: the body may hold users, items, user_id, k, exclude, strategy, filter, placement, session_id, lang, explain`},
		"field twice":          {`{"k":1,"users":["a"],"k":2}`, 400, `field "k" is given twice: once is enough`},
		"filter":               {`{"users":["a"],"filter":"item.price<"}`, 400, "the filter cannot be read: it ends too early (line 1, column 11)\nitem.price<\n          ^"},
		"filter empty":         {`{"users":["a"],"filter":" "}`, 400, "filter is empty: leave it out to let everything pass"},
		"session of users":     {`{"users":["a"],"session_id":"s"}`, 400, `"session_id" is of one visitor: it does not go with "users"`},
		"session empty":        {`{"session_id":""}`, 400, "session_id is empty"},
		"strategy of a basket": {`{"items":["a"],"strategy":"svd"}`, 400, `there is no strategy "svd": those there are: ials (similar), rules (together)`},
		"strategy of users":    {`{"users":["a"],"strategy":"svd"}`, 400, `there is no strategy "svd": those there are: blend, popular, repeat (again), ials (discovery)`},
		"strategy empty":       {`{"users":["a"],"strategy":""}`, 400, "strategy is empty"},
		"strategy no text":     {`{"users":["a"],"strategy":1}`, 400, "strategy: the number near byte 27 is not a text"},
		"language":             {`{"users":["a"],"lang":"fr"}`, 400, `lang must be zh or en, not "fr"`},
		"explain no bool":      {`{"users":["a"],"explain":"yes"}`, 400, "explain: the string near byte 30 is not true or false"},
		"users no list":        {`{"users":"a"}`, 400, "users: the string near byte 12 is not a list of texts"},
		"users of numbers":     {`{"users":["a",17850]}`, 400, "users: the number near byte 19 is not a text"},
		"user_id no text":      {`{"items":["a"],"user_id":17850}`, 400, "user_id: the number near byte 30 is not a text"},
		"k no number":          {`{"users":["a"],"k":"10"}`, 400, "k: the string near byte 23 is not a whole number"},
		"k no whole number":    {`{"users":["a"],"k":1.5}`, 400, "k: the number 1.5 near byte 22 is not a whole number"},
		"k too large":          {`{"users":["a"],"k":501}`, 400, "k must be a whole number from 1 to 500, not 501"},
		"k 0":                  {`{"users":["a"],"k":0}`, 400, "k must be a whole number from 1 to 500, not 0"},
		"neither":              {`{"k":1}`, 400, `the body names neither "users" nor "items" nor "session_id": one of them is needed`},
		"both":                 {`{"users":["a"],"items":["b"]}`, 400, `the body names both "users" and "items": only one of them is possible`},
		"a user too many":      {`{"users":["a"],"user_id":"b"}`, 400, `"user_id" goes with "items", not with "users"`},
		"no users":             {`{"users":[]}`, 400, "the list of users or items is empty: without either, GET /v1/popular answers"},
		"no items":             {`{"items":[],"user_id":"a"}`, 400, "the list of users or items is empty: without either, GET /v1/popular answers"},
		"too many users":       {`{"users":` + ids(1001) + `}`, 400, "users names 1001 ids: at most 1000 are allowed"},
		"too many items":       {`{"items":` + ids(1001) + `}`, 400, "items names 1001 ids: at most 1000 are allowed"},
		"too many exclusions":  {`{"users":["a"],"exclude":` + ids(1001) + `}`, 400, "exclude names 1001 ids: at most 1000 are allowed"},
		"empty user":           {`{"users":["a",""]}`, 400, "users: id 2 is empty"},
		"null among the items": {`{"items":["a",null]}`, 400, "items: id 2 is empty"},
		"empty user_id":        {`{"items":["a"],"user_id":""}`, 400, "user_id is empty"},
		"long id":              {`{"items":["` + strings.Repeat("x", 513) + `"]}`, 400, "items: id 1 has 513 bytes: at most 512 are allowed"},
		"too large":            {`{"users":["a"]}` + strings.Repeat(" ", maxBody), 413, "the body has more than 1048576 bytes"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			w := send(h, "POST", "/v1/recommendations", c.body)
			var p problem
			if err := json.Unmarshal(w.Body.Bytes(), &p); err != nil {
				t.Fatalf("%v in %s", err, w.Body)
			}
			want := problem{Type: "about:blank", Title: http.StatusText(c.status), Status: c.status, Detail: c.detail, RequestID: "ID"}
			if w.Code != c.status || p != want || w.Header().Get("Content-Type") != "application/problem+json" {
				t.Errorf("answered %d %+v, want %+v", w.Code, p, want)
			}
		})
	}
	for _, body := range []string{`{"users":` + ids(1000) + `,"k":1}`, `{"items":` + ids(1000) + `}`} {
		if w := send(h, "POST", "/v1/recommendations", body); w.Code != 200 {
			t.Errorf("the largest allowed list is answered %d %s", w.Code, w.Body)
		}
	}
}

// TestBatchIsManyGets compares a batch with asking for each of its users.
func TestBatchIsManyGets(t *testing.T) {
	h := handler(t)
	users := []string{"17850", "fresh", "nobody", "a/b+c d", "17850"}
	body, err := json.Marshal(map[string]any{"users": users, "k": 4, "exclude": []string{"85120003"}})
	if err != nil {
		t.Fatal(err)
	}
	w := send(h, "POST", "/v1/recommendations", string(body))
	var got struct {
		Results      []json.RawMessage `json:"results"`
		AsOf         string            `json:"as_of"`
		ModelVersion string            `json:"model_version"`
	}
	if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil || len(got.Results) != len(users) || got.AsOf == "" || got.ModelVersion == "" {
		t.Fatalf("answered %d %s, %v", w.Code, w.Body, err)
	}
	for i, id := range users {
		one := ask(h, "GET", "/v1/users/"+url.PathEscape(id)+"/recommendations?k=4&exclude=85120003")
		if want := strings.TrimSpace(one.Body.String()); string(got.Results[i]) != want {
			t.Errorf("%s: %s, want %s", id, got.Results[i], want)
		}
	}
	if w.Header().Get("Cache-Control") != "no-store" || w.Header().Get("ETag") != "" {
		t.Errorf("a batch may be cached: %v", w.Header())
	}
}

func TestWithoutSnapshotOrJobs(t *testing.T) {
	h := New(Options{Store: serving.NewStore(t.TempDir(), serving.Options{})})
	for target, status := range map[string]int{"/v1/popular": 503, "/v1/users/1/recommendations": 503, "/v1/users/1/scores": 503,
		"/v1/items/1/similar": 503, "/readyz": 503, "/healthz": 200, "/metrics": 200, "/v1/jobs": 404} {
		w := ask(h, "GET", target)
		if w.Code != status {
			t.Errorf("%s answered %d, want %d", target, w.Code, status)
		}
		if after := w.Header().Get("Retry-After"); (status == 503) != (after != "") {
			t.Errorf("%s: Retry-After %q", target, after)
		}
	}
	for _, body := range []string{`{"users":["a"]}`, `{"items":["a"]}`} {
		if w := send(h, "POST", "/v1/recommendations", body); w.Code != 503 {
			t.Errorf("%s answered %d", body, w.Code)
		}
	}
}

func TestRefusedSnapshotShows(t *testing.T) {
	root := t.TempDir()
	good := publish(t, root, 5, 90)
	store := serving.NewStore(root, serving.Options{})
	defer store.Close()
	if err := store.Refresh(); err != nil {
		t.Fatal(err)
	}
	bad := publish(t, root, 5, 60)
	if err := os.Truncate(filepath.Join(root, bad, "store.bolt"), 100); err != nil {
		t.Fatal(err)
	}
	if err := store.Refresh(); err == nil {
		t.Fatal("a cut snapshot was taken")
	}
	h := New(Options{Store: store})
	want := `{"status":"ready","snapshot":"` + good + `","as_of":"2011-12-08T00:00:00Z","refused":{"snapshot":"` + bad +
		`","reason":"damaged: its files are not those that were published"}}`
	if w := ask(h, "GET", "/readyz"); w.Code != 200 || strings.TrimSpace(w.Body.String()) != want {
		t.Errorf("answered %d %s, want %s", w.Code, w.Body, want)
	}
	if w := ask(h, "GET", "/metrics"); !strings.Contains(w.Body.String(), "regulars_snapshot_refusals_total 1\n") {
		t.Error("the refusal is not counted")
	}
	fresh := serving.NewStore(root, serving.Options{})
	if err := fresh.Refresh(); err == nil {
		t.Fatal("a cut snapshot was taken")
	}
	if w := ask(New(Options{Store: fresh}), "GET", "/readyz"); w.Code != 503 || !strings.Contains(w.Body.String(), "was refused: damaged") || strings.Contains(w.Body.String(), root) {
		t.Errorf("answered %d %s", w.Code, w.Body)
	}
	if w := ask(New(Options{Store: fresh}), "GET", "/v1/popular"); w.Code != 503 || !strings.Contains(w.Body.String(), "/readyz says whether one was refused") {
		t.Errorf("answered %d %s", w.Code, w.Body)
	}
}

// A snapshot that proves damaged while there is no other is red, and answers.
func TestDamagedSnapshotAnswers(t *testing.T) {
	root := t.TempDir()
	only := publish(t, root, 5, 90)
	path := filepath.Join(root, only, "customers.bin")
	records, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	records[0] ^= 1
	if err := os.WriteFile(path, records, 0o644); err != nil {
		t.Fatal(err)
	}
	store := serving.NewStore(root, serving.Options{})
	defer store.Close()
	if err := store.Refresh(); err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(10 * time.Second); store.Status().Ready && time.Now().Before(deadline); {
		time.Sleep(time.Millisecond) // it is verified meanwhile
	}
	h := New(Options{Store: store})
	if w := ask(h, "GET", "/readyz"); w.Code != 503 || !strings.Contains(w.Body.String(), "is damaged: what is whole of it is served") {
		t.Errorf("answered %d %s", w.Code, w.Body)
	}
	if w := ask(h, "GET", "/v1/popular"); w.Code != 200 {
		t.Errorf("answered %d %s", w.Code, w.Body)
	}
}

func TestUnreadableCurrentShows(t *testing.T) {
	root := t.TempDir()
	if err := os.WriteFile(filepath.Join(root, "current"), []byte("../up"), 0o644); err != nil {
		t.Fatal(err)
	}
	store := serving.NewStore(root, serving.Options{})
	if err := store.Refresh(); err == nil {
		t.Fatal("a malformed name was taken")
	}
	w := ask(New(Options{Store: store}), "GET", "/readyz")
	if want := "no snapshot is loaded yet: which one is current cannot be read"; w.Code != 503 || !strings.Contains(w.Body.String(), want) || strings.Contains(w.Body.String(), root) {
		t.Errorf("answered %d %s", w.Code, w.Body)
	}
}

func TestConditionalRequests(t *testing.T) {
	h := handler(t)
	for _, target := range []string{"/v1/popular?k=3", "/v1/items/85120001/similar", "/v1/users/17850/scores"} {
		first := ask(h, "GET", target)
		tag := first.Header().Get("ETag")
		if first.Code != 200 || len(tag) < 10 {
			t.Fatalf("%s: %d, ETag %q", target, first.Code, tag)
		}
		for _, header := range []string{tag, "W/" + tag, `"other", ` + tag, "*"} {
			if w := ask(h, "GET", target, "If-None-Match", header); w.Code != 304 || w.Body.Len() != 0 || w.Header().Get("ETag") != tag {
				t.Errorf("%s with %s: %d, %d bytes", target, header, w.Code, w.Body.Len())
			}
		}
		if w := ask(h, "GET", target, "If-None-Match", `"other"`); w.Code != 200 || w.Body.String() != first.Body.String() {
			t.Errorf("%s with another tag: %d", target, w.Code)
		}
	}
	if w := ask(h, "GET", "/v1/users/17850/recommendations"); w.Header().Get("ETag") != "" || w.Header().Get("Cache-Control") != "no-store" {
		t.Errorf("recommendations may be cached: %v", w.Header())
	}
}

func TestPanicAndInternalErrorsSayNothing(t *testing.T) {
	var log bytes.Buffer
	h := New(Options{Store: loaded(t, 5), Logger: slog.New(slog.NewJSONHandler(&log, nil)), Jobs: history{errors.New("secret /path")}})
	gin := New(Options{Store: loaded(t, 5), Logger: slog.New(slog.NewJSONHandler(&log, nil)), Jobs: panicking{}})
	for _, h := range []http.Handler{h, gin} {
		w := ask(h, "GET", "/v1/jobs")
		if w.Code != 500 || strings.Contains(w.Body.String(), "secret") || w.Header().Get("Content-Type") != "application/problem+json" {
			t.Errorf("answered %d %s", w.Code, w.Body)
		}
		if w := ask(h, "GET", "/v1/popular"); w.Code != 200 {
			t.Errorf("afterwards: %d", w.Code)
		}
	}
	if !strings.Contains(log.String(), "secret /path") || !strings.Contains(log.String(), "middleware.go") {
		t.Errorf("the log does not tell the cause or the stack: %s", &log)
	}
}

type panicking struct{ history }

func (panicking) Jobs(context.Context, JobFilter) ([]Job, error) { panic("secret") }

func TestLogHoldsNoCustomer(t *testing.T) {
	var log bytes.Buffer
	h := New(Options{Store: loaded(t, 5), Logger: slog.New(slog.NewJSONHandler(&log, nil))})
	for _, target := range []string{"/v1/users/17850/recommendations?exclude=17850", "/v1/users/17850/scores", "/v1/users/17850/nothing", "/v1/users/17850/scores?17850=1"} {
		ask(h, "GET", target, "X-Request-Id", "shop-42")
	}
	for _, body := range []string{`{"users":["17850"]}`, `{"items":["85120001"],"user_id":"17850"}`, `{"17850":1}`} {
		send(h, "POST", "/v1/recommendations", body)
	}
	if strings.Contains(log.String(), "17850") {
		t.Errorf("the log names a customer:\n%s", &log)
	}
	if n := strings.Count(log.String(), `"request_id":"shop-42"`); n != 4 {
		t.Errorf("%d of 4 requests logged under their id:\n%s", n, &log)
	}
	if !strings.Contains(log.String(), `"route":"/v1/users/:id/scores","status":200`) {
		t.Errorf("route or status missing:\n%s", &log)
	}
	if n := strings.Count(log.String(), `"took_seconds":`); n != 7 {
		t.Errorf("%d of 7 lines say how many seconds it took:\n%s", n, &log)
	}
	if w := ask(h, strings.Repeat("A", 50_000), "/healthz"); w.Code != 405 || w.Body.Len() > 500 {
		t.Errorf("a long method was answered %d with %d bytes", w.Code, w.Body.Len())
	}
	if w := ask(h, "GET", "/healthz", "X-Request-Id", "a b\"c"); w.Header().Get("X-Request-Id") == "a b\"c" {
		t.Error("an unsafe request id was repeated")
	}
}

func TestMetrics(t *testing.T) {
	h := handler(t)
	for _, target := range []string{"/v1/users/17850/recommendations?k=4", "/v1/users/nobody/recommendations?k=3", "/v1/nowhere", "/v1/popular?k=x"} {
		ask(h, "GET", target)
	}
	send(h, "POST", "/v1/recommendations", `{"items":["85123A/x+y 茶"],"k":2}`)
	ask(h, "BREW", "/v1/popular")
	const like = "/v1/items/85123A%2Fx+y%20%E8%8C%B6/similar?k=1"
	ask(h, "GET", like)
	ask(h, "HEAD", like) // which shows nobody anything
	text := ask(h, "GET", "/metrics").Body.String()
	for _, want := range []string{
		`regulars_http_requests_total{method="GET",route="/v1/users/:id/recommendations",status="200"} 2`,
		`regulars_http_requests_total{method="GET",route="unmatched",status="404"} 1`,
		`regulars_http_requests_total{method="GET",route="/v1/popular",status="400"} 1`,
		`regulars_http_requests_total{method="other",route="unmatched",status="405"} 1`,
		`regulars_http_request_seconds_count{route="/v1/users/:id/recommendations",status="200"} 2`,
		`regulars_items_total{list="recommendations",strategy="repeat"} 1`,
		`regulars_items_total{list="recommendations",strategy="popular"} 5`,
		`regulars_items_total{list="basket",strategy="ials"} 1`,
		`regulars_items_total{list="similar",strategy="ials"} 1`,
		`regulars_http_requests_total{method="POST",route="/v1/recommendations",status="200"} 1`,
		`regulars_fallbacks_total{list="recommendations",strategy="popular"} 1`,
		"regulars_snapshot_ready 1", "regulars_snapshot_swaps_total 1", "regulars_snapshot_refusals_total 0", "regulars_snapshot_age_seconds ",
	} {
		if !strings.Contains(text, "\n"+want) {
			t.Errorf("no %s", want)
		}
	}
}

// TestServeFinishesWhatIsInFlight stops the server while a request is being
// answered: it gets its answer, and a later one finds nobody.
func TestServeFinishesWhatIsInFlight(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	arrived, goOn := make(chan struct{}), make(chan struct{})
	served := make(chan error, 1)
	go func() {
		served <- Serve(ctx, ln, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			close(arrived)
			<-goOn
			io.WriteString(w, "done")
		}), nil)
	}()
	answer := make(chan string, 1)
	go func() {
		res, err := http.Get("http://" + ln.Addr().String())
		if err != nil {
			answer <- err.Error()
			return
		}
		defer res.Body.Close()
		b, _ := io.ReadAll(res.Body)
		answer <- string(b)
	}()
	<-arrived
	stop()
	for { // until the listener is closed
		c, err := net.Dial("tcp", ln.Addr().String())
		if err != nil {
			break
		}
		c.Close()
	}
	select {
	case err := <-served:
		t.Fatalf("it did not wait: %v", err)
	default:
	}
	close(goOn)
	if got := <-answer; got != "done" {
		t.Errorf("the request in flight got %q", got)
	}
	if err := <-served; err != nil {
		t.Error(err)
	}
	ln, _ = net.Listen("tcp", "127.0.0.1:0")
	ln.Close()
	if err := Serve(context.Background(), ln, http.NotFoundHandler(), nil); err == nil {
		t.Error("serving a closed listener is an error")
	}
}

// TestConnectionLogHasNoAddress: net/http names the client when a handler
// panics; the log says what happened and not to whom.
func TestConnectionLogHasNoAddress(t *testing.T) {
	for _, listen := range []string{"127.0.0.1:0", "[::1]:0"} {
		ln, err := net.Listen("tcp", listen)
		if err != nil {
			t.Logf("no address %s on this machine: %v", listen, err)
			continue
		}
		var log bytes.Buffer
		ctx, stop := context.WithCancel(context.Background())
		served := make(chan error, 1)
		go func() {
			served <- Serve(ctx, ln, http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic("boom") }), slog.New(slog.NewTextHandler(&log, nil)))
		}()
		if res, err := http.Get("http://" + ln.Addr().String()); err == nil {
			res.Body.Close()
			t.Errorf("a panic was answered with %d", res.StatusCode)
		}
		stop()
		if err := <-served; err != nil {
			t.Error(err)
		}
		host, _, _ := net.SplitHostPort(ln.Addr().String())
		if text := log.String(); !strings.Contains(text, "panic serving client: boom") || strings.Contains(text, host) {
			t.Errorf("logged %s", text)
		}
	}
	var log bytes.Buffer
	logger := slog.New(slog.NewTextHandler(&log, nil))
	line := "http: TLS handshake error from [fe80::1%eth0]:443: read tcp 10.1.2.3:80->192.168.0.9:5353: reset at server.go:3212 after 1.5s\n"
	if n, err := (connectionLog{logger}).Write([]byte(line)); n != len(line) || err != nil {
		t.Errorf("wrote %d, %v", n, err)
	}
	if want := "error from client: read tcp client->client: reset at server.go:3212 after 1.5s"; !strings.Contains(log.String(), want) {
		t.Errorf("logged %s, want %s", &log, want)
	}
}

// TestSwapUnderLoad asks over real connections while snapshots are swapped.
func TestSwapUnderLoad(t *testing.T) {
	root := t.TempDir()
	publish(t, root, 50, 1)
	store := serving.NewStore(root, serving.Options{})
	defer store.Close()
	if err := store.Refresh(); err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewServer(New(Options{Store: store}))
	defer srv.Close()
	var stop atomic.Bool
	var answered atomic.Int64
	var clients sync.WaitGroup
	for range 8 {
		clients.Go(func() {
			for !stop.Load() {
				res, err := srv.Client().Get(srv.URL + "/v1/users/17850/recommendations?k=20")
				if err != nil {
					t.Error(err)
					return
				}
				var list listJSON
				err = json.NewDecoder(res.Body).Decode(&list)
				res.Body.Close()
				if err != nil || res.StatusCode != 200 || len(list.Items) != 20 {
					t.Errorf("status %d, %d items, %v", res.StatusCode, len(list.Items), err)
					return
				}
				answered.Add(1)
			}
		})
	}
	for i := range 10 {
		publish(t, root, 50, 2+i)
		if err := store.Refresh(); err != nil {
			t.Error(err)
		}
	}
	stop.Store(true)
	clients.Wait()
	if store.Status().Swaps != 11 || answered.Load() < 10 {
		t.Errorf("%d swaps, %d answers", store.Status().Swaps, answered.Load())
	}
}

// FuzzRecommendations throws anything at the decoders of path and query: the
// answer is 200 or a 400 problem, and a list keeps its promises.
func FuzzRecommendations(f *testing.F) {
	f.Add("17850", "k=3&exclude=85120001")
	f.Add("a/b", "k=%31")
	f.Add("\xff", "exclude=,&k")
	f.Add("..", "k=1;")
	f.Add("17850", "filter=item.brand+%3D%3D+%22Acme%22&session_id=s&placement=home")
	f.Add("17850", "filter=item.brand+matches+%22(a*)*%24%22")
	f.Add("17850", "filter=%ff&filter=%00")
	h := New(Options{Store: loaded(f, 5), NewID: fixedID})
	f.Fuzz(func(t *testing.T, id, rawQuery string) {
		r := httptest.NewRequest("GET", "/", nil)
		escaped := "/v1/users/" + url.PathEscape(id) + "/recommendations"
		path, err := url.PathUnescape(escaped)
		if err != nil {
			t.Fatal(err)
		}
		r.URL = &url.URL{Path: path, RawPath: escaped, RawQuery: rawQuery}
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if w.Code == 400 {
			var p problem
			if err := json.Unmarshal(w.Body.Bytes(), &p); err != nil || p.Detail == "" {
				t.Errorf("%s is no problem: %v", w.Body, err)
			}
			return
		}
		var list listJSON
		if err := json.Unmarshal(w.Body.Bytes(), &list); w.Code != 200 || err != nil || list.UserID != id {
			t.Fatalf("%q?%q answered %d %s", id, rawQuery, w.Code, w.Body)
		}
		q, err := url.ParseQuery(rawQuery)
		if err != nil {
			t.Fatalf("the query %q was accepted", rawQuery)
		}
		for _, it := range list.Items {
			if slices.Contains(strings.Split(q.Get("exclude"), ","), it.ItemID) {
				t.Errorf("%s was excluded by %q", it.ItemID, rawQuery)
			}
		}
	})
}

// FuzzRecommendationsBody throws anything at the decoder of the body: what is
// accepted says nothing beyond the fields that there are, each of its type.
func FuzzRecommendationsBody(f *testing.F) {
	for _, body := range []string{`{"users":["17850","x"],"k":3,"exclude":["85120001"]}`, `{"items":["85120001","22086"],"user_id":"17850"}`,
		`{"items":["a"],"users":null}`, `{"users":["a"]}{}`, `{"k":1e2}`, "{\"users\":[\"\xff\"]}", `{"users":["\ud800"]}`, `{"users":["a"],"users":["b"]}`,
		`{"session_id":"s","placement":"home","filter":"item.in_stock"}`, `{"users":["a"],"filter":"item.price <"}`, `{"items":[],"session_id":"s"}`} {
		f.Add(body)
	}
	h := New(Options{Store: loaded(f, 5), NewID: fixedID})
	f.Fuzz(func(t *testing.T, body string) {
		w := send(h, "POST", "/v1/recommendations", body)
		if w.Code == 400 || w.Code == 413 {
			var p problem
			if err := json.Unmarshal(w.Body.Bytes(), &p); err != nil || p.Detail == "" {
				t.Errorf("%s is no problem: %v", w.Body, err)
			}
			return
		}
		var asked map[string]any
		if err := json.Unmarshal([]byte(body), &asked); w.Code != 200 || err != nil {
			t.Fatalf("%q answered %d %s, %v", body, w.Code, w.Body, err)
		}
		for name := range asked {
			if !slices.Contains([]string{"users", "items", "user_id", "k", "exclude", "strategy", "filter", "placement", "session_id", "lang", "explain"}, name) {
				t.Fatalf("%q was accepted with the field %q", body, name)
			}
		}
		var got struct {
			Results []listJSON `json:"results"`
			Items   []itemJSON `json:"items"`
		}
		if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil {
			t.Fatal(err)
		}
		if users, _ := asked["users"].([]any); len(got.Results) != len(users) || (got.Items == nil) == (users == nil) {
			t.Errorf("%q answered %s", body, w.Body)
		}
	})
}

// BenchmarkRecommendations reports the time of a request as a multiple of a
// bare gin handler's that writes the same bytes.
func BenchmarkRecommendations(b *testing.B) {
	h := New(Options{Store: loaded(b, 500)})
	body := ask(h, "GET", "/v1/users/17850/recommendations").Body.Bytes()
	bare := gin.New()
	bare.GET("/v1/users/:id/recommendations", func(c *gin.Context) { c.Data(200, "application/json; charset=utf-8", body) })
	once := func(h http.Handler) {
		h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/v1/users/17850/recommendations?k=10", nil))
	}
	// The two take turns, so that a noisy machine is noisy to both.
	var ours, base time.Duration
	for b.Loop() {
		start := time.Now()
		once(h)
		mid := time.Now()
		once(bare)
		ours, base = ours+mid.Sub(start), base+time.Since(mid)
	}
	b.ReportMetric(float64(ours)/float64(base), "x-bare")
}

package api

import (
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"regulars/data/durable"
	"regulars/models/snapshot"
	"regulars/serving"
	"regulars/serving/audience"
)

func audiencesOf(store *serving.Store, live audience.Live) *audience.Engine {
	return audience.New(audience.Options{Store: store, Live: live,
		Named: map[string]audience.Spec{"lapsing": {Filter: "score.churn > 0.1", Columns: []string{"churn_probability"}}}})
}

func withAudiences(t testing.TB) http.Handler {
	store := loaded(t, 5)
	return New(Options{Store: store, NewID: fixedID, Audiences: audiencesOf(store, nil)})
}

func TestAudiences(t *testing.T) {
	h := withAudiences(t)
	for target, want := range map[string]string{
		"/v1/audiences?columns=churn_band":                                                     `{"user_id":"17850","churn_band":"low"}` + "\n" + `{"user_id":"a/b+c d"}` + "\n" + `{"user_id":"fresh"}` + "\n",
		"/v1/audiences?columns=churn_band&format=csv&sort=-user_id&limit=2":                    "user_id,churn_band\r\nfresh,\r\na/b+c d,\r\n",
		"/v1/audiences?filter=" + url.QueryEscape(`score.churn < .5`) + "&columns=total_spend": `{"user_id":"17850","total_spend":5391.21}` + "\n",
		"/v1/audiences/lapsing": `{"user_id":"17850","churn_probability":0.21}` + "\n",
		"/v1/audiences/lapsing?columns=currency&format=csv&lang=zh": "\ufeff客户编号,货币\r\n17850,GBP\r\n",
	} {
		r := ask(h, "GET", target)
		if r.Code != http.StatusOK || r.Body.String() != want {
			t.Errorf("%s: %d\n%s\nwant\n%s", target, r.Code, r.Body, want)
		}
		if r.Header().Get(headerAsOf) != "2011-12-08T00:00:00Z" || r.Header().Get(headerModelVersion) != "2011-12-08-cccccccc" ||
			!strings.HasPrefix(r.Header().Get(headerSnapshot), "2011-12-08-") || r.Header().Get("Cache-Control") != "no-store" {
			t.Errorf("%s: headers %v", target, r.Header())
		}
	}
	r := ask(h, "GET", "/v1/audiences/lapsing?format=csv")
	if r.Header().Get("Content-Type") != "text/csv; charset=utf-8" || r.Header().Get("Content-Disposition") != `attachment; filename="lapsing.csv"` {
		t.Errorf("headers %v", r.Header())
	}
	if r := ask(h, "HEAD", "/v1/audiences?format=parquet"); r.Code != http.StatusOK || r.Body.Len() != 0 || r.Header().Get("Content-Type") != "application/vnd.apache.parquet" {
		t.Errorf("HEAD: %d, %v", r.Code, r.Header())
	}
	if r := ask(h, "GET", "/v1/audiences?format=parquet"); !strings.HasPrefix(r.Body.String(), "PAR1") || !strings.HasSuffix(r.Body.String(), "PAR1") {
		t.Error("not a whole Parquet file")
	}
}

func TestAudienceCounts(t *testing.T) {
	h := withAudiences(t)
	for target, want := range map[string]map[string]any{
		"/v1/audiences?count=true":                 {"count": 3.0},
		"/v1/audiences?count=true&limit=2":         {"count": 2.0},
		"/v1/audiences/lapsing?count=true":         {"count": 1.0},
		"/v1/audiences?count=true&since=<current>": {"count": 0.0, "entered": 0.0, "left": 0.0, "changed": 0.0},
	} {
		version := ask(h, "HEAD", "/v1/audiences").Header().Get(headerSnapshot)
		r := ask(h, "GET", strings.Replace(target, "<current>", version, 1))
		var got map[string]any
		if err := json.Unmarshal(r.Body.Bytes(), &got); err != nil {
			t.Fatalf("%s: %d %s", target, r.Code, r.Body)
		}
		want["snapshot_version"], want["as_of"], want["model_version"] = version, "2011-12-08T00:00:00Z", "2011-12-08-cccccccc"
		if fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("%s: %v, want %v", target, got, want)
		}
	}
}

func TestAudienceProblems(t *testing.T) {
	h := withAudiences(t)
	for target, want := range map[string]struct {
		status int
		say    string
	}{
		"/v1/audiences?filter=score.chrun%3E1":              {400, "line 1, column 7"},
		"/v1/audiences?filter=":                             {400, "filter is empty"},
		"/v1/audiences?filter=%20":                          {400, "filter is empty"},
		"/v1/audiences?channel=":                            {400, "channel"},
		"/v1/audiences?filter=true+and+item.price%3E1":      {400, "line 1, column 10"},
		"/v1/audiences?sort=-score.nope":                    {400, "sort: "},
		"/v1/audiences?sort=,":                              {400, "sort: "},
		"/v1/audiences?limit=0":                             {400, "limit"},
		"/v1/audiences?limit=99999999999":                   {400, "limit"},
		"/v1/audiences?columns=nope":                        {400, "columns: "},
		"/v1/audiences?format=xlsx":                         {400, "format"},
		"/v1/audiences?lang=fr":                             {400, "lang"},
		"/v1/audiences?count=1":                             {400, "count"},
		"/v1/audiences?channel=fax":                         {400, "channel: "},
		"/v1/audiences?include=erased":                      {400, "include: "},
		"/v1/audiences?since=":                              {400, "since"},
		"/v1/audiences?since=2010-01-01-00000000":           {404, "since"},
		"/v1/audiences?since=..%2F..%2Fetc":                 {404, "since"},
		"/v1/audiences?fitler=x":                            {400, "unknown parameter"},
		"/v1/audiences?limit=1&limit=2":                     {400, "2 times"},
		"/v1/audiences/nobody":                              {404, "lapsing"},
		"/v1/audiences/lapsing?filter=true":                 {400, "unknown parameter"},
		"/v1/audiences/lapsing?limit=1":                     {400, "unknown parameter"},
		"/v1/audiences/%ff":                                 {400, "UTF-8"},
		"/v1/audiences?ids=" + strings.Repeat("a,", 30):     {400, "ids: "},
		"/v1/audiences?filter=" + strings.Repeat("x", 5000): {400, "4096"},
	} {
		r := ask(h, "GET", target)
		if r.Code != want.status || !strings.Contains(r.Body.String(), want.say) {
			t.Errorf("%s: %d %s", target, r.Code, r.Body)
		}
		if r.Code != 200 && (r.Header().Get("Content-Type") != "application/problem+json" || r.Header().Get("Content-Disposition") != "") {
			t.Errorf("%s: headers %v", target, r.Header())
		}
	}
	if r := ask(New(Options{Store: loaded(t, 5)}), "GET", "/v1/audiences"); r.Code != 404 {
		t.Errorf("without audiences: %d", r.Code)
	}
	empty := serving.NewStore(t.TempDir(), serving.Options{})
	if r := ask(New(Options{Store: empty, Audiences: audiencesOf(empty, nil)}), "GET", "/v1/audiences"); r.Code != 503 {
		t.Errorf("without a snapshot: %d", r.Code)
	}
}

// watched is told of every customer that is looked at, by number from 1.
type watched struct {
	seen atomic.Int64
	at   func(n int64)
}

func (w *watched) OptedOut(string) (out, known bool)  { return false, false }
func (w *watched) Erased(string) bool                 { w.at(w.seen.Add(1)); return false }
func (w *watched) Unsubscribed(_, _ string) time.Time { return time.Time{} }

const crowd = 20_000

// crowded serves a snapshot of many customers over a real connection.
func crowded(t *testing.T, live audience.Live, limits func(*http.Server)) *httptest.Server {
	t.Helper()
	root := t.TempDir()
	v, err := snapshot.Publish(root, durable.FS{}, snapshot.Info{CreatedAt: "2011-12-08T03:00:00Z", AsOf: "2011-12-08T00:00:00Z", HorizonDays: 90, Strategies: []string{"s"}},
		func(w *snapshot.Writer) error {
			errs := []error{w.Items([]snapshot.Item{{ID: "a"}}), w.Popular(nil)}
			for i := range crowd {
				errs = append(errs, w.User(fmt.Sprintf("customer-%05d", i), snapshot.User{}))
			}
			return errors.Join(errs...)
		})
	if err != nil {
		t.Fatal(err)
	}
	if err := snapshot.SetCurrent(root, durable.FS{}, v); err != nil {
		t.Fatal(err)
	}
	store := serving.NewStore(root, serving.Options{})
	if err := store.Refresh(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(store.Close)
	srv := httptest.NewUnstartedServer(New(Options{Store: store, Audiences: audiencesOf(store, live)}))
	if limits != nil {
		limits(srv.Config)
	}
	srv.Start()
	t.Cleanup(srv.Close)
	return srv
}

func TestALongExportIsNotCut(t *testing.T) {
	live := &watched{at: func(n int64) {
		if n == 1 || n == 10_000 { // before anything was written, and in between
			time.Sleep(300 * time.Millisecond)
		}
	}}
	srv := crowded(t, live, func(s *http.Server) { s.ReadTimeout, s.WriteTimeout = 100*time.Millisecond, 100*time.Millisecond })
	resp, err := http.Get(srv.URL + "/v1/audiences?format=csv")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	rows, err := csv.NewReader(resp.Body).ReadAll()
	if err != nil || len(rows) != crowd+1 {
		t.Errorf("%d rows, error %v", len(rows), err)
	}
}

func TestAPartNeverLooksLikeTheWhole(t *testing.T) {
	srv := crowded(t, &watched{at: func(n int64) {
		if n == 15_000 {
			panic("the disk is gone")
		}
	}}, nil)
	resp, err := http.Get(srv.URL + "/v1/audiences?format=csv")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err == nil || len(body) == 0 {
		t.Errorf("%d bytes came, error %v: the connection ended as if that were all", len(body), err)
	}
}

func TestNobodyIsReadForAClientThatIsGone(t *testing.T) {
	gone := make(chan struct{})
	live := &watched{at: func(n int64) {
		switch {
		case n == crowd/2:
			<-gone
		case n > crowd/2:
			time.Sleep(time.Millisecond) // until the server sees it
		}
	}}
	srv := crowded(t, live, nil)
	ctx, cancel := context.WithCancel(context.Background())
	req, err := http.NewRequestWithContext(ctx, "GET", srv.URL+"/v1/audiences?format=csv", nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	cancel()
	resp.Body.Close()
	close(gone)
	srv.Close() // waits for the request to end
	if n := live.seen.Load(); n >= crowd {
		t.Errorf("all %d customers were read", n)
	}
}

func TestNotTooManyExportsAtOnce(t *testing.T) {
	begun, end := make(chan struct{}), make(chan struct{})
	live := &watched{at: func(int64) {
		select {
		case begun <- struct{}{}:
		case <-end:
		}
		<-end
	}}
	srv := crowded(t, live, nil)
	target := srv.URL + "/v1/audiences?count=true"
	done := make(chan int, maxExports)
	for range maxExports {
		go func() {
			resp, err := http.Get(target)
			if err != nil {
				done <- 0
				return
			}
			resp.Body.Close()
			done <- resp.StatusCode
		}()
		<-begun
	}
	resp, err := http.Get(target)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusServiceUnavailable || resp.Header.Get("Retry-After") == "" {
		t.Errorf("one too many: %d", resp.StatusCode)
	}
	close(end)
	for range maxExports {
		if status := <-done; status != http.StatusOK {
			t.Errorf("one of those before: %d", status)
		}
	}
}

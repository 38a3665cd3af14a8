package api

import (
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

// FuzzRequests throws any path, query and body at every route: no answer is
// 5xx, none repeats broken text, and kept holds each against the description.
func FuzzRequests(f *testing.F) {
	for i := range asked {
		f.Add(i, "17850", "k=3", asked[i].body)
	}
	f.Add(0, "..", "exclude=,,", "")
	f.Add(1, "\xff", "%zz", "{\"users\":[\"\xff\"]}")
	f.Add(5, "\x00", "a;b", `{"user_ids":["\ud800"],"lang":null}`)
	f.Add(10, "churn/../x", "=", `{"version":"2011-12-08-cccccccc","version":"x"}`)
	h := locked(f, Options{Keys: fakeKeys{open: true}})
	f.Fuzz(func(t *testing.T, which int, id, rawQuery, body string) {
		a := asked[((which%len(asked))+len(asked))%len(asked)]
		segments := strings.Split(a.route.path, "/")
		for i := range segments {
			if strings.HasPrefix(segments[i], ":") {
				segments[i] = id
			}
		}
		escaped := slices.Clone(segments)
		for i := range escaped {
			escaped[i] = url.PathEscape(escaped[i])
		}
		r := httptest.NewRequest(a.route.method, "/", strings.NewReader(body))
		r.URL = &url.URL{Path: strings.Join(segments, "/"), RawPath: strings.Join(escaped, "/"), RawQuery: rawQuery}
		w := kept(h, r, body)
		if w.Code >= 500 || !utf8.Valid(w.Body.Bytes()) {
			t.Errorf("%s %q?%q with %q was answered %d %q", a.route.method, r.URL.RawPath, rawQuery, body, w.Code, w.Body)
		}
	})
}

// FuzzIdentity throws anything at what says who asks: nobody gets in by it.
func FuzzIdentity(f *testing.F) {
	for _, header := range []string{"", "Bearer ", "Bearer storefront", "bearer\tadmin", "Basic YWRtaW46", "Bearer admin admin", "revoked"} {
		f.Add(header, header, header)
	}
	h := locked(f, Options{})
	roles := Roles()
	f.Fuzz(func(t *testing.T, authorization, key, requestID string) {
		r := httptest.NewRequest("GET", "/v1/jobs", nil)
		r.Header["Authorization"], r.Header["X-Api-Key"], r.Header["X-Request-Id"] = []string{authorization}, []string{key}, []string{requestID}
		w := kept(h, r, "")
		_, bearer, _ := strings.Cut(authorization, " ")
		isKey := func(s string) bool { return slices.Contains(append(roles, "later"), Role(strings.TrimSpace(s))) }
		if allowed := key == "admin" || key == "" && strings.TrimSpace(bearer) == "admin"; w.Code == 200 && !allowed || w.Code == 403 && !isKey(key) && !isKey(bearer) {
			t.Errorf("Authorization %q, X-API-Key %q was answered %d", authorization, key, w.Code)
		}
		if id := w.Header().Get("X-Request-Id"); id != "ID" && (id != requestID || !plainRequestID(id)) {
			t.Errorf("the request id %q was answered as %q", requestID, id)
		}
	})
}

package api

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// TestBodiesOfEveryRoute: whatever is wrong with a body is refused by every route
// that takes one, and nothing of it is taken.
func TestBodiesOfEveryRoute(t *testing.T) {
	h := locked(t, Options{Keys: fakeKeys{open: true}})
	large := strings.Repeat(" ", 10<<20)
	for _, a := range asked {
		if a.route.method != http.MethodPost || a.body == "" {
			continue
		}
		for name, c := range map[string]struct {
			body   string
			status int
		}{
			"10 MB":          {a.body + large, 413},
			"nothing":        {"", 400},
			"no object":      {"[" + a.body + "]", 400},
			"a text":         {`"x"`, 400},
			"null":           {"null", 400},
			"two":            {a.body + a.body, 400},
			"cut":            {a.body[:len(a.body)-1], 400},
			"broken UTF-8":   {strings.Replace(a.body, `"`, "\"\xff", 1), 400},
			"unknown field":  {strings.Replace(a.body, "{", `{"nonsense":1,`, 1), 400},
			"a field twice":  {"{" + a.body[1:len(a.body)-1] + "," + a.body[1:], 400},
			"another case":   {`{"` + strings.ToUpper(a.body[2:3]) + a.body[3:], 400},
			"a deep nest":    {strings.Repeat(`{"events":[`, 20_000), 400},
			"wrong in value": {a.body[:strings.Index(a.body, ":")+1] + `{"x":[1.5]}}`, 400},
		} {
			if w := send(h, "POST", a.target, c.body); w.Code != c.status || w.Header().Get("Content-Type") != "application/problem+json" {
				t.Errorf("%s with %s answered %d %.200s", a.target, name, w.Code, w.Body)
			}
		}
	}
	for target, list := range map[string]string{"/v1/contacts": "contacts", "/v1/items/update": "items", "/v1/identities": "identities", "/v1/events": "events",
		"/v1/scores/batch": "user_ids", "/v1/recommendations": "users"} {
		if w := send(h, "POST", target, `{"`+list+`":[`+strings.Repeat(`"a",`, 1000)+`"a"]}`); w.Code != 400 || !strings.Contains(w.Body.String(), "1001") {
			t.Errorf("%s with 1001 of them answered %d %.200s", target, w.Code, w.Body)
		}
	}
}

// TestHalfCharacters: two ids that differ are never read as one, U+FFFD.
func TestHalfCharacters(t *testing.T) {
	h := locked(t, Options{Keys: fakeKeys{open: true}})
	for id, status := range map[string]int{
		`\ud800`: 400, `\udfff`: 400, `a\uD83Db`: 400, `\ude00\ud83d`: 400, `\ud83d\ud83d\ude00`: 400, `\\\ud800`: 400, `\ud83d\n\ude00`: 400, `\ud83d`: 400,
		`\ud83d\ude00`: 200, `\uD83D\uDE00\n`: 200, `\\ud800`: 200, `\u00e9\\\\`: 200, `\ufffd`: 200, `\"\ud83d\ude00`: 200,
	} {
		w := send(h, "POST", "/v1/recommendations", `{"users":["`+id+`"],"k":1}`)
		if w.Code != status || status == 400 && !strings.Contains(w.Body.String(), "half a character at byte") {
			t.Errorf("%s was answered %d %.200s, want %d", id, w.Code, w.Body, status)
		}
	}
}

// TestEncodedBodies: what is sent compressed is told so, not called broken.
func TestEncodedBodies(t *testing.T) {
	h := locked(t, Options{Keys: fakeKeys{open: true}})
	for _, a := range asked {
		if a.route.method != http.MethodPost || a.body == "" {
			continue
		}
		for coding, refused := range map[string]bool{"gzip": true, "br, gzip": true, "identity": false, "Identity": false, "": false} {
			r := httptest.NewRequest("POST", a.target, strings.NewReader(a.body))
			r.Header.Set("Content-Encoding", coding)
			if w := kept(h, r, a.body); (w.Code == http.StatusUnsupportedMediaType) != refused || refused && w.Header().Get("Accept-Encoding") != "identity" {
				t.Errorf("%s in %q was answered %d %.200s", a.target, coding, w.Code, w.Body)
			}
		}
	}
}

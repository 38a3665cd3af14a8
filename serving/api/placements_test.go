package api

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"regulars/serving"
	"regulars/serving/placement"
)

func placements(t testing.TB, definitions ...placement.Definition) *placement.Set {
	t.Helper()
	set, err := placement.NewSet(definitions, nil)
	if err != nil {
		t.Fatal(err)
	}
	return set
}

func TestPlacementsOfRequests(t *testing.T) {
	set := placements(t, placement.Definition{Name: "home", K: 2, Rules: []placement.Rule{{Pin: "85120004", Slot: 1}}}, placement.Definition{Name: "cart", K: 1, Filter: "item.brand == 'Acme'"})
	h := New(Options{Store: loaded(t, 5), NewID: fixedID, Placements: set})
	home, _ := set.Find("home")
	code := home.Plans()[0].Code
	for name, c := range map[string]struct{ method, target, body, want string }{
		"get":          {"GET", "/v1/users/17850/recommendations?placement=home", "", `"items":[{"item_id":"85120004","score":0.83,"strategy":"pinned","reason":"picked by the shop","rules":["pin"]},{"item_id":"85120001"`},
		"id":           {"GET", "/v1/users/17850/recommendations?placement=home", "", `"recommendation_id":"ID-` + code + `","arm":"default"`},
		"k goes first": {"GET", "/v1/users/17850/recommendations?placement=home&k=1", "", `"items":[{"item_id":"85120004","score":0.1,"strategy":"pinned","reason":"picked by the shop","rules":["pin"]}]`},
		"filter":       {"GET", "/v1/users/17850/recommendations?placement=cart&lang=zh", "", `"items":[{"item_id":"85123A/x+y 茶",`},
		"batch":        {"POST", "/v1/recommendations", `{"users":["17850","x"],"placement":"home"}`, `{"user_id":"x","items":[{"item_id":"85120004",`},
		"basket":       {"POST", "/v1/recommendations", `{"items":["85120003"],"placement":"cart"}`, `"items":[{"item_id":"85123A/x+y 茶",`},
		"session":      {"POST", "/v1/recommendations", `{"session_id":"s","placement":"home"}`, `"items":[{"item_id":"85120004",`},
		"none":         {"GET", "/v1/users/17850/recommendations?k=1", "", `"recommendation_id":"ID","as_of"`},
	} {
		if w := send(h, c.method, c.target, c.body); w.Code != http.StatusOK || !strings.Contains(w.Body.String(), c.want) {
			t.Errorf("%s: %d %s, want %s", name, w.Code, w.Body, c.want)
		}
	}
	for _, w := range []string{ask(h, "GET", "/v1/users/17850/recommendations?placement=hme").Body.String(), send(h, "POST", "/v1/recommendations", `{"users":["a"],"placement":"hme"}`).Body.String()} {
		if !strings.Contains(w, `"status":400,"detail":"there is no placement \"hme\": those there are: cart, home"`) {
			t.Error(w)
		}
	}
}

// shown is a Live that knows one session.
type shown struct{}

func (shown) Item(string) (serving.ItemUpdate, bool) { return serving.ItemUpdate{}, false }

func (shown) Recent(_, session string) (serving.Recent, bool) {
	if session != "s" {
		return serving.Recent{}, false
	}
	return serving.Recent{UserID: "17850", Bought: []serving.Touch{{ItemID: "85123A/x+y 茶", At: time.Now(), Count: 1}}}, true
}

func (shown) OptedOut(string) (out, known bool) { return false, false }

func (shown) Erased(string) bool { return false }

func TestSessions(t *testing.T) {
	root := t.TempDir()
	publish(t, root, 5, 90)
	store := serving.NewStore(root, serving.Options{Live: shown{}})
	if err := store.Refresh(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(store.Close)
	h := New(Options{Store: store, NewID: fixedID})
	for _, w := range []string{ask(h, "GET", "/v1/users/17850/recommendations?k=2&session_id=s").Body.String(), send(h, "POST", "/v1/recommendations", `{"session_id":"s","k":2}`).Body.String()} {
		if !strings.Contains(w, `"items":[{"item_id":"85120001","score":0.83,"strategy":"repeat","reason":"usual every 30 days"},{"item_id":"85120002"`) {
			t.Errorf("what the session bought is not left out: %s", w)
		}
	}
	if w := send(h, "POST", "/v1/recommendations", `{"session_id":"unknown","k":1}`).Body.String(); !strings.Contains(w, `"fallback":true`) || strings.Contains(w, "user_id") {
		t.Error(w)
	}
}

package api

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"regulars/serving"
	"regulars/serving/events"
	"regulars/serving/filter"
	"regulars/serving/placement"
	"regulars/serving/served"
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

func (shown) Told(int) []string { return nil }

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

// TestPlacementReport asks for lists, and then what was shown.
func TestPlacementReport(t *testing.T) {
	dir := t.TempDir()
	log, err := served.Open(dir, served.Options{})
	if err != nil {
		t.Fatal(err)
	}
	set := placements(t, placement.Definition{Name: "home", K: 2})
	h := New(Options{Store: loaded(t, 5), NewID: fixedID, Placements: set, Reports: &served.Reporter{Dir: dir, Set: set}, Shown: log})
	ask(h, "GET", "/v1/users/17850/recommendations?placement=home")
	send(h, "POST", "/v1/recommendations", `{"session_id":"s","placement":"home"}`)
	ask(h, "GET", "/v1/users/17850/recommendations?k=1")
	ask(h, "HEAD", "/v1/users/17850/recommendations?placement=home") // which shows nobody anything
	if err := log.Close(); err != nil {
		t.Fatal(err)
	}
	var lists []string
	_, err = served.Read(dir, time.Now().Add(-time.Hour), time.Now(), func(r *served.Record) error {
		lists = append(lists, strings.Join([]string{r.Placement, r.User, r.Session, r.Items[0].ID, r.Items[0].Strategy}, ","))
		return nil
	})
	if want := "home,17850,,85120001,repeat home,,s,85123A/x+y 茶,popular ,17850,,85120001,repeat"; err != nil || strings.Join(lists, " ") != want {
		t.Errorf("%v, %v, want %s", lists, err, want)
	}
	w := ask(h, "GET", "/v1/placements/home/report")
	if !strings.Contains(w.Body.String(), `"arms":[{"arm":"default","lists":2,"visitors":2,`) {
		t.Error(w.Code, w.Body)
	}
	m := ask(h, "GET", "/metrics").Body.String()
	for _, want := range []string{"regulars_shown_queue 0", "regulars_shown_written_total 3", "regulars_shown_dropped_total 0"} {
		if !strings.Contains(m, "\n"+want+"\n") {
			t.Errorf("the metrics do not say %s", want)
		}
	}
	for target, want := range map[string]string{
		"hall/report":                               `"status":404,"detail":"there is no placement \"hall\""`,
		"home/report?from=yesterday":                `from must be an instant such as`,
		"home/report?to=2011-13-01":                 `to must be an instant such as`,
		"home/report?from=2011-12-08&to=2011-12-08": `from is not before to`,
		"home/report?from=2001-12-08&to=2011-12-08": `more than 366 days apart`,
		"home/report?from=2011-11-08&to=2011-12-08": `"status":400,"detail":"to is too early: what was shown, and what became of it, is kept since 20`,
		"home/report?since=2001-12-08":              `unknown parameter \"since\": this route knows from, to`,
		"%ff/report":                                `the id is not valid UTF-8`,
	} {
		if w := ask(h, "GET", "/v1/placements/"+target); w.Code < 400 || !strings.Contains(w.Body.String(), want) {
			t.Errorf("%s: %d %s", target, w.Code, w.Body)
		}
	}
}

// refusing is a shop whose customers all refuse personalisation.
type refusing struct{ shown }

func (refusing) OptedOut(string) (out, known bool) { return true, true }

// Nor their session: identities tell whose it is.
func TestWhoRefusesIsNotWrittenDown(t *testing.T) {
	root, dir := t.TempDir(), t.TempDir()
	publish(t, root, 5, 90)
	store := serving.NewStore(root, serving.Options{Live: refusing{}})
	if err := store.Refresh(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(store.Close)
	log, err := served.Open(dir, served.Options{})
	if err != nil {
		t.Fatal(err)
	}
	h := New(Options{Store: store, NewID: fixedID, Shown: log})
	ask(h, "GET", "/v1/users/17850/recommendations?session_id=mine")
	send(h, "POST", "/v1/recommendations", `{"session_id":"mine","user_id":"17850","items":["85120001"]}`)
	send(h, "POST", "/v1/recommendations", `{"session_id":"somebody's"}`)
	if err := log.Close(); err != nil {
		t.Fatal(err)
	}
	var who []string
	_, err = served.Read(dir, time.Now().Add(-time.Hour), time.Now(), func(r *served.Record) error {
		who = append(who, r.User+"/"+r.Session)
		return nil
	})
	if err != nil || !slices.Equal(who, []string{"/", "/", "/somebody's"}) {
		t.Errorf("%q, %v", who, err)
	}
}

// noEvents cannot be read.
type noEvents struct{}

func (noEvents) OfLists(context.Context, time.Time, time.Time, func(served.Event) error) error {
	return fmt.Errorf("%w: /srv/shop/events.db", events.ErrUnavailable)
}

func TestPlacementReportWithoutEvents(t *testing.T) {
	set := placements(t, placement.Definition{Name: "home"})
	h := New(Options{Store: loaded(t, 5), Placements: set, Reports: &served.Reporter{Dir: t.TempDir(), Set: set, Events: noEvents{}}})
	w := ask(h, "GET", "/v1/placements/home/report")
	if w.Code != http.StatusServiceUnavailable || strings.Contains(w.Body.String(), "/srv") {
		t.Errorf("zeros that nobody counted, or a path: %d %s", w.Code, w.Body)
	}
}

func TestFilterRejectsAreCounted(t *testing.T) {
	store := loaded(t, 5)
	h := New(Options{Store: store, Audiences: audiencesOf(store, nil)})
	n := 0
	for _, target := range []string{"/v1/popular?filter=item.prise%3E1", "/v1/popular?filter=", "/v1/users/17850/recommendations?filter=item.price+%3C", "/v1/items/85120001/similar?filter=1",
		"/v1/audiences?filter=score.chrun%3E1", "/v1/audiences?filter=item.price%3E1", "/v1/popular?filter=" + strings.Repeat("x", filter.MaxSource+1)} {
		if w := ask(h, "GET", target); w.Code != http.StatusBadRequest {
			t.Errorf("%.80s: %d", target, w.Code)
		}
		n++
	}
	if w := send(h, "POST", "/v1/recommendations", `{"users":["a"],"filter":"item.price <"}`); w.Code != http.StatusBadRequest {
		t.Error(w.Code)
	}
	for _, target := range []string{"/v1/popular?k=0", "/v1/audiences?sort=nope", "/v1/popular?filter=item.price%3C1"} {
		ask(h, "GET", target)
	}
	if m := ask(h, "GET", "/metrics").Body.String(); !strings.Contains(m, fmt.Sprintf("\nregulars_filter_rejects_total %d\n", n+1)) {
		t.Errorf("not %d rejects", n+1)
	}
}

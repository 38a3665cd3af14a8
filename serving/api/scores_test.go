package api

import (
	"encoding/json"
	"errors"
	"math"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"regulars/data/durable"
	"regulars/features/words"
	"regulars/models/snapshot"
	"regulars/serving"
)

// scored writes a snapshot of customers of whom much, little or nothing is
// known, and returns a handler that answers at a moment, in the shop's language.
func scored(t testing.TB, now time.Time, lang serving.Lang) http.Handler {
	t.Helper()
	root := t.TempDir()
	v, err := snapshot.Publish(root, durable.FS{}, snapshot.Info{CreatedAt: "2011-12-08T03:00:00Z", AsOf: "2011-12-08T00:00:00Z",
		Models: map[string]string{"churn": "2011-12-08-cccccccc", "outlook": "2011-12-08-00000000"}, Propensity: "churn", Outlook: "outlook",
		HorizonDays: 90, Currency: "GBP", Horizons: []int{30, 90}, CourseDays: []int{10, 100}, ValueDays: 365, ValueDiscount: .1,
		Features: []snapshot.Feature{{Name: "recency_days", Unit: "days", Doc: "days since the last order", With: words.With("recency_days")}, {Name: "own_score", Doc: "the shop's own"}},
		Methods:  map[string]string{"gbdt": "best on the choice slice", "gap": "too few customers for a model"}, MethodsZh: map[string]string{"gbdt": "在选择集上效果最好"},
		BaseRate: &snapshot.Rate{Rate: .5, Low: .375, High: .625, Rule: "last year's window and the trend"}}, func(w *snapshot.Writer) error {
		return errors.Join(w.Items([]snapshot.Item{{ID: "85123A"}}),
			w.User("ann", snapshot.User{Scores: wholeScores()}),
			w.User("bob", snapshot.User{Scores: &snapshot.Scores{Churn: &snapshot.Churn{Probability: .75, Percentile: .5, Band: "high"}, ReturnProbability: .25,
				Lapsed: true, Method: "gap", SpendIfOrder: amount(12.5)}}),
			w.User("cid", snapshot.User{Scores: &snapshot.Scores{Reasons: []snapshot.FeatureReason{{Feature: 0, Contribution: .8, Values: []float64{82, math.NaN()}},
				{Feature: 1, Contribution: -.4, Values: []float64{7}}}}}),
			w.User("fresh/1 茶", snapshot.User{Scores: &snapshot.Scores{Note: "registered, but has not ordered yet", Stage: "introduction"}}),
			w.User("unscored", snapshot.User{}))
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := snapshot.SetCurrent(root, durable.FS{}, v); err != nil {
		t.Fatal(err)
	}
	store := serving.NewStore(root, serving.Options{Now: func() time.Time { return now }})
	if err := store.Refresh(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(store.Close)
	return New(Options{Store: store, NewID: fixedID, Lang: lang})
}

func amount(v float64) *float64 { return &v }

// wholeScores lack nothing but reasons. The course halves by day 10,
// and again by day 100: one in ten orders by day 1.52, half by day 10, and 90% later.
func wholeScores() *snapshot.Scores {
	return &snapshot.Scores{Churn: &snapshot.Churn{Probability: .25, Percentile: .125, Band: "low"}, ReturnProbability: .75,
		RFM: &snapshot.RFM{RecencyDays: 82, Orders: 34, Spend: 5391.21}, Stage: "growth", Method: "gbdt", Returns: []float64{.5, .75}, Course: []float32{.5, .25},
		SpendIfOrder: amount(164.8), Spend: amount(123.6), ValueAtRisk: amount(41.2), Value: &snapshot.Range{Amount: 612.5, Low: 100.25, High: 1400.75},
		Next: []snapshot.NextKind{{Kind: snapshot.NextCategory, Likely: []snapshot.Likely{{Name: "tea", Probability: .5}, {Name: "cups", Probability: .25}}},
			{Kind: snapshot.NextBrand, Likely: []snapshot.Likely{{Name: "Acme", Probability: .4}}}},
		Response: []snapshot.Response{{Channel: "email", Probability: .12, Sent: 40}, {Channel: "sms", Probability: .05}},
		Hour:     &snapshot.Hour{Hour: 0, Share: .17}}
}

var scoreDay = time.Date(2011, 12, 8, 9, 30, 0, 0, time.UTC)

func TestGoldenScores(t *testing.T) {
	for name, c := range map[string]struct {
		target string
		after  int // days
		lang   serving.Lang
	}{
		"scores_whole":         {target: "/v1/users/ann/scores"},
		"scores_whole_zh":      {target: "/v1/users/ann/scores?lang=zh"},
		"scores_later":         {target: "/v1/users/ann/scores", after: 30},
		"scores_too_late":      {target: "/v1/users/ann/scores", after: 100},
		"scores_too_late_zh":   {target: "/v1/users/ann/scores", after: 100, lang: serving.Chinese},
		"scores_some":          {target: "/v1/users/bob/scores"},
		"scores_fresh_zh":      {target: "/v1/users/fresh%2F1%20%E8%8C%B6/scores", lang: serving.Chinese},
		"scores_batch":         {target: `{"user_ids":["bob","nobody","ann","unscored","nobody","bob"]}`},
		"scores_batch_zh":      {target: `{"user_ids":["fresh/1 茶"],"lang":"zh"}`},
		"scores_batch_unknown": {target: `{"user_ids":["nobody"],"lang":null}`},
	} {
		t.Run(name, func(t *testing.T) {
			method, target, body := "GET", c.target, ""
			if strings.HasPrefix(target, "{") {
				method, target, body = "POST", "/v1/scores/batch", target
			}
			golden(t, name, send(scored(t, scoreDay.AddDate(0, 0, c.after), c.lang), method, target, body))
		})
	}
}

// TestScoresBatchIsManyGets compares a batch with asking for each customer.
func TestScoresBatchIsManyGets(t *testing.T) {
	h := scored(t, scoreDay, "")
	ids := []string{"fresh/1 茶", "ann", "bob", "ann"}
	for _, lang := range []string{"en", "zh"} {
		body, err := json.Marshal(map[string]any{"user_ids": append(ids, "unscored"), "lang": lang})
		if err != nil {
			t.Fatal(err)
		}
		w := send(h, "POST", "/v1/scores/batch", string(body))
		var got struct {
			Results      []json.RawMessage `json:"results"`
			UnknownUsers []string          `json:"unknown_users"`
		}
		if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil || len(got.Results) != len(ids) || len(got.UnknownUsers) != 1 {
			t.Fatalf("answered %d %s, %v", w.Code, w.Body, err)
		}
		for i, id := range ids {
			one := ask(h, "GET", "/v1/users/"+url.PathEscape(id)+"/scores?lang="+lang)
			if want := strings.TrimSpace(one.Body.String()); string(got.Results[i]) != want {
				t.Errorf("%s: %s, want %s", id, got.Results[i], want)
			}
		}
		if w.Header().Get("Cache-Control") != "no-store" || w.Header().Get("ETag") != "" {
			t.Errorf("a batch may be cached: %v", w.Header())
		}
	}
}

func TestScoresBatchProblems(t *testing.T) {
	h := scored(t, scoreDay, "")
	ids := func(n int) string { return `["a"` + strings.Repeat(`,"a"`, n-1) + "]" }
	for body, want := range map[string]string{
		``:                               "the body is empty: it must hold a JSON object",
		`{}`:                             `"user_ids" is missing or empty: it names the customers whose scores are asked for`,
		`{"user_ids":[]}`:                `"user_ids" is missing or empty: it names the customers whose scores are asked for`,
		`{"user_ids":null}`:              `"user_ids" is missing or empty: it names the customers whose scores are asked for`,
		`{"user_ids":"ann"}`:             "user_ids: the string near byte 17 is not a list of texts",
		`{"user_ids":[1]}`:               "user_ids: the number near byte 14 is not a text",
		`{"user_ids":["a",""]}`:          "user_ids: id 2 is empty",
		`{"user_ids":` + ids(1001) + `}`: "user_ids names 1001 ids: at most 1000 are allowed",
		`{"user_ids":["a"],"lang":"fr"}`: `lang must be zh or en, not "fr"`,
		`{"user_ids":["a"],"k":1}`:       `unknown field "k" at byte 21: the body may hold user_ids, lang`,
		`{"users":["a"]}`:                `unknown field "users" at byte 8: the body may hold user_ids, lang`,
	} {
		w := send(h, "POST", "/v1/scores/batch", body)
		var p problem
		if err := json.Unmarshal(w.Body.Bytes(), &p); err != nil || w.Code != 400 || p.Detail != want {
			t.Errorf("%.60s answered %d %+v, want %s", body, w.Code, p, want)
		}
	}
	if w := send(h, "POST", "/v1/scores/batch", `{"user_ids":`+ids(1000)+`}`); w.Code != 200 {
		t.Errorf("the largest batch is answered %d %s", w.Code, w.Body)
	}
	none := New(Options{Store: serving.NewStore(t.TempDir(), serving.Options{})})
	if w := send(none, "POST", "/v1/scores/batch", `{"user_ids":["a"]}`); w.Code != 503 {
		t.Errorf("without a snapshot it answers %d", w.Code)
	}
}

// TestReasonsOfScores: they are worded by the feature, in the language asked for
// or the shop's.
func TestReasonsOfScores(t *testing.T) {
	for target, lang := range map[string]string{"/v1/users/cid/scores": "zh", "/v1/users/cid/scores?lang=en": "en"} {
		var got scoresJSON
		w := ask(scored(t, scoreDay, serving.Chinese), "GET", target)
		if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil {
			t.Fatalf("%v in %s", err, w.Body)
		}
		style := words.Style{Lang: lang, Currency: "GBP"}
		want := []featureJSON{{"recency_days", .8, style.Sentence("recency_days", []float64{82, math.NaN()})},
			{"own_score", -.4, style.Plain("own_score", "the shop's own", "", 7)}}
		if !slices.Equal(got.Reasons, want) {
			t.Errorf("%s answered %+v, want %+v", target, got.Reasons, want)
		}
	}
}

// TestScoresTagChangesWithTheDay: what a client has stored is confirmed on the
// same day, and on another only where nothing of the answer depends on it.
func TestScoresTagChangesWithTheDay(t *testing.T) {
	today, tomorrow := scored(t, scoreDay, ""), scored(t, scoreDay.AddDate(0, 0, 1), "")
	for id, want := range map[string]int{"ann": 200, "bob": 304} {
		tag := ask(today, "GET", "/v1/users/"+id+"/scores").Header().Get("ETag")
		if w := ask(today, "GET", "/v1/users/"+id+"/scores", "If-None-Match", tag); w.Code != 304 {
			t.Errorf("%s today: %d", id, w.Code)
		}
		if w := ask(tomorrow, "GET", "/v1/users/"+id+"/scores", "If-None-Match", tag); w.Code != want {
			t.Errorf("%s tomorrow: %d, want %d", id, w.Code, want)
		}
	}
}

package serving

import (
	"math"
	"slices"
	"testing"
	"time"

	"regulars/features/words"
	"regulars/models/snapshot"
)

func TestScores(t *testing.T) {
	s := load(t, tiny())
	if card, ok, err := s.Scores("ann"); !ok || err != nil || card.Scores.Churn.Probability != .2 || card.HorizonDays != 90 || card.ModelVersion != "c1" {
		t.Errorf("%+v %v %v", card, ok, err)
	}
	if card, ok, err := s.Scores("new"); !ok || err != nil || card.Scores.Churn != nil || card.Scores.Note != "no orders yet" {
		t.Errorf("%+v %v %v", card, ok, err)
	}
	for _, id := range []string{"bob", "nobody"} {
		if _, ok, err := s.Scores(id); ok || err != nil {
			t.Errorf("%s has scores: %v %v", id, ok, err)
		}
	}
}

func TestScoresAll(t *testing.T) {
	s := load(t, tiny())
	cards, unknown, meta, err := s.ScoresAll([]string{"new", "nobody", "ann", "bob", "nobody", "new"})
	var ids []string
	for _, c := range cards {
		ids = append(ids, c.UserID)
	}
	if err != nil || !slices.Equal(ids, []string{"new", "ann", "new"}) || !slices.Equal(unknown, []string{"nobody", "bob"}) || meta.ModelVersion != "c1" {
		t.Errorf("%v, unknown %v, %+v, %v", ids, unknown, meta, err)
	}
}

// Who has refused by an id goes on refusing when it is told to be another customer's.
func TestScoresOfWhoRefusedByAnotherID(t *testing.T) {
	live := told{out: map[string]bool{"app": true}, recent: map[string]Recent{"app": {UserID: "ann"}}}
	if card, ok, err := listening(t, tiny(), live, noon).Scores("app"); err != nil || !ok || !card.OptedOut {
		t.Errorf("%+v, %v, %v", card, ok, err)
	}
}

// The next order is told given that there was none since the snapshot. Where one is
// known it is not told, neither of a customer nor to an audience.
func TestNextOrderEndsWithAnOrder(t *testing.T) {
	sh := tiny()
	sh.course = []int{10, 100}
	ann := sh.users["ann"]
	ann.ID, ann.Aliases = "ann", []snapshot.Alias{{Source: "app", ID: "app-7"}, {Source: "pos", ID: "bob"}}
	ann.Scores.Course = []float32{.9, .1}
	sh.users["ann"], sh.aliases = ann, map[string]string{"app-7": "ann"}
	asOf := noon.Add(-12 * time.Hour)
	for name, c := range map[string]struct {
		live Live
		want bool
	}{
		"nothing is told":       {nil, true},
		"ordered before":        {told{recent: map[string]Recent{"ann": {Bought: touches(asOf.Add(-time.Second), "a")}}}, true},
		"looked at an item":     {told{recent: map[string]Recent{"ann": {Viewed: touches(noon, "a")}}}, true},
		"somebody else ordered": {told{recent: map[string]Recent{"bob": {Bought: touches(noon, "a")}}}, true},
		"by another id":         {told{recent: map[string]Recent{"app-7": {Bought: touches(noon, "a")}}}, false},
		"ordered since":         {told{recent: map[string]Recent{"ann": {Bought: touches(asOf, "a")}}}, false},
	} {
		s := listening(t, sh, c.live, noon)
		card, ok, err := s.Scores("ann")
		if err != nil || !ok || (card.NextOrder != nil) != c.want || (card.NextOrderNote(English) == "") != c.want {
			t.Errorf("%s: %+v, %q, %v, %v", name, card.NextOrder, card.NextOrderNote(English), ok, err)
		}
		held, err := s.Hold()
		if err != nil {
			t.Fatal(err)
		}
		if next := held.NextOrder(&ann); (next != nil) != c.want {
			t.Errorf("%s: to an audience %+v", name, next)
		}
		if l, err := s.Recommend("ann", Ask{K: 1, Filter: "known(score.next_order)"}); err != nil || (len(l.Items) > 0) != c.want {
			t.Errorf("%s: by a filter %v, %v", name, text(l), err)
		}
		then, err := s.HoldVersion(held.Info().Version, held)
		if err != nil {
			t.Fatal(err)
		}
		if then.NextOrder(&ann) == nil {
			t.Errorf("%s: it was not told then either", name)
		}
		then.Release()
		held.Release()
	}
}

// card is what is known of a customer by a snapshot with this manifest.
func card(in snapshot.Info, sc snapshot.Scores) ScoreCard {
	return ScoreCard{Scores: sc, Currency: in.Currency, info: &in}
}

// TestReasonsFallBack: a feature whose sentence takes other values than those
// stored, or that has none, is worded by what documents it.
func TestReasonsFallBack(t *testing.T) {
	const name = "recency_days"
	with := words.With(name)
	if !words.Known(name) || len(with) == 0 {
		t.Fatalf("%s has no sentence that takes other values: the test needs one", name)
	}
	values := make([]float64, 1+len(with))
	values[0] = 82
	in := snapshot.Info{Currency: "GBP", Features: []snapshot.Feature{{Name: name, Doc: "its doc", Unit: "days", With: with}, {Name: name, Doc: "its doc", Unit: "days"},
		{Name: name, Doc: "its doc", Unit: "days", With: append(slices.Clone(with), "more")}, {Name: "their_own", Doc: "its doc"}}}
	sc := snapshot.Scores{Reasons: []snapshot.FeatureReason{{Feature: 0, Contribution: .5, Values: values}, {Feature: 1, Values: values[:1]},
		{Feature: 2, Values: append(slices.Clone(values), math.NaN())}, {Feature: 3, Values: values[:1]}}}
	said := map[string]bool{}
	for _, lang := range []Lang{English, Chinese} {
		style := words.Style{Lang: string(lang), Currency: "GBP"}
		plain := style.Plain(name, "its doc", "days", 82)
		want := []FeatureReason{{name, .5, style.Sentence(name, values)}, {name, 0, plain}, {name, 0, plain}, {"their_own", 0, style.Plain("their_own", "its doc", "", 82)}}
		if got := card(in, sc).Reasons(lang); !slices.Equal(got, want) {
			t.Errorf("%s: %+v, want %+v", lang, got, want)
		}
		if want[0].Text == "" || want[0].Text == plain || said[want[0].Text] {
			t.Errorf("%s: the sentence %q is empty, plain or that of another language", lang, want[0].Text)
		}
		said[want[0].Text] = true
	}
	if got, want := card(in, sc).Reasons("fr"), card(in, sc).Reasons(English); !slices.Equal(got, want) {
		t.Errorf("a language that is not known gives %+v", got)
	}
}

func TestWhyAndStage(t *testing.T) {
	in := snapshot.Info{Methods: map[string]string{"gbdt": "best", "gap": "few customers"}, MethodsZh: map[string]string{"gbdt": "最好"}}
	for _, c := range []struct {
		method, stage                  string
		why, whyZh, stageText, stageZh string
	}{
		{"gbdt", "growth", "best", "最好", "growth", "成长期"},
		{"gap", "revived", "few customers", "few customers", "revived", "复兴期"},
		{"other", "other", "", "", "", ""},
		{},
	} {
		k := card(in, snapshot.Scores{Method: c.method, Stage: c.stage})
		if k.Why(English) != c.why || k.Why(Chinese) != c.whyZh || k.Stage(English) != c.stageText || k.Stage(Chinese) != c.stageZh {
			t.Errorf("%+v: %q %q %q %q", c, k.Why(English), k.Why(Chinese), k.Stage(English), k.Stage(Chinese))
		}
	}
}

package training

import (
	"math"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"

	"regulars/features/matrix"
	"regulars/features/read"
	"regulars/models/bpr"
	"regulars/models/ease"
	"regulars/models/ials"
	"regulars/models/itemknn"
	"regulars/models/personal"
	"regulars/models/tifuknn"
	"regulars/training/metrics"
	"regulars/training/options"
	"regulars/training/ranking"
)

func ranked(family, metric string, options any, values map[string]float64) rankedRecipe {
	m := map[string]metrics.Metric{}
	for k, v := range values {
		m[k] = metrics.Metric{Value: v}
	}
	return rankedRecipe{recommenderRecipe: recommenderRecipe{family: family, metric: metric, options: options}, metrics: m}
}

func TestChooseRecommenders(t *testing.T) {
	families, chosen := chooseRecommenders([]rankedRecipe{
		ranked("popular", listMetric, 0, map[string]float64{"ndcg@10": .10}),
		ranked("personal", listMetric, 1, map[string]float64{"ndcg@10": .30}),
		ranked("personal", listMetric, 2, map[string]float64{"ndcg@10": .32}),
		ranked("personal", listMetric, 3, map[string]float64{"ndcg@10": .32}), // of equals the first
		ranked("ials", discoveryMetric, 4, map[string]float64{"ndcg@10": .31, "new:recall@10": .05}),
		ranked("ials", discoveryMetric, 5, map[string]float64{"ndcg@10": .20, "new:recall@10": .06}),
	})
	var got []any
	for _, f := range families {
		got = append(got, f.options)
	}
	if want := []any{0, 2, 5}; !reflect.DeepEqual(got, want) || chosen != "personal" {
		t.Errorf("chose options %v and family %s, want %v and personal", got, chosen, want)
	}
}

// rankingOf is a ranking of users whose ndcg@10 is given.
func rankingOf(values ...float64) *metrics.Ranking {
	r := &metrics.Ranking{Keys: []string{listMetric}}
	for i, v := range values {
		r.Users, r.Values = append(r.Users, int32(i)), append(r.Values, float32(v))
	}
	return r
}

func TestGateRefusesWhatDoesNotBeatTheBaselines(t *testing.T) {
	better := rankingOf(slices.Repeat([]float64{.5, .6, .5, .7, .6, .5, .6, .7}, 3)...)
	worse := rankingOf(slices.Repeat([]float64{.1, .2, .1, .2, .2, .1, .2, .2}, 3)...)
	for _, c := range []struct {
		name            string
		model, baseline *metrics.Ranking
		want, note      string
	}{
		{"worse", worse, better, "popular", "ials does not beat popular-recent on the test slice (ndcg@10 -0.4250)"},
		{"the same", better, better, "popular", "does not beat"},
		{"better", better, worse, "ials", ""},
		{"better, but too few can tell", rankingOf(.9, .9, .9), rankingOf(.1, .2, .3), "popular", "only 3 customers"},
	} {
		t.Run(c.name, func(t *testing.T) {
			model := rankedRecipe{recommenderRecipe: recommenderRecipe{family: "ials"}, ranking: c.model}
			baseline := rankedRecipe{recommenderRecipe: recommenderRecipe{family: "popular-recent", baseline: true}, ranking: c.baseline}
			o := &recommenderOutcome{}
			if err := o.gate([]rankedRecipe{baseline, model}, "ials", "popular", 1); err != nil {
				t.Fatal(err)
			}
			if o.chosen != c.want || (c.note == "") != (len(o.notes) == 0) || !strings.Contains(strings.Join(o.notes, " "), c.note) {
				t.Errorf("gate publishes %s with notes %q, want %s and %q", o.chosen, o.notes, c.want, c.note)
			}
		})
	}
}

// optionsOf returns the options of the recipes of a family that compete.
func optionsOf[O any](t *testing.T, p *Pipeline, family string, items int) (out []O) {
	t.Helper()
	tuned, err := ranking.ReadTuned(p.tunedPath())
	if err != nil {
		t.Fatal(err)
	}
	recipes, err := p.recommenderRecipes(items, tuned)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range recipes {
		if r.family == family {
			out = append(out, r.options.(O))
		}
	}
	return out
}

// What a search has found takes the place of all candidates of its model, an
// override goes before it, and a family that either speaks of competes.
func TestTunedOptions(t *testing.T) {
	p := &Pipeline{Workspace: t.TempDir(), Options: Options{Overrides: mustOverrides(t, "ials.factors=16", "tifuknn.neighbours=7")}}
	tuned := `{"format_version":1,"models":{"ials":{"options":{"factors":8,"alpha":2.5},"full":true},"itemknn":{"options":{"beta":0.5}},"ease":{"options":{"l2":7}},"bpr":{"options":{}}}}`
	if err := os.WriteFile(p.tunedPath(), []byte(tuned), 0o644); err != nil {
		t.Fatal(err)
	}
	if got := optionsOf[ials.Options](t, p, "ials", 10); len(got) != 1 || got[0].Factors != 16 || got[0].Alpha == nil || *got[0].Alpha != 2.5 || got[0].Iterations != 0 {
		t.Errorf("candidates %+v, want one of 16 factors and alpha 2.5", got)
	}
	if got := optionsOf[ease.Options](t, p, "ease", easeItems+1); len(got) != 1 || got[0].L2 != 7 {
		t.Errorf("a tuned ease of a large catalogue: %+v", got)
	}
	if got := optionsOf[bpr.Options](t, p, "bpr", 10); len(got) != 1 {
		t.Errorf("a family whose defaults won a search does not compete: %+v", got)
	}
	if got := optionsOf[tifuknn.Options](t, p, "tifuknn", 10); len(got) != 1 || got[0].Neighbours != 7 {
		t.Errorf("a family of an override: %+v", got)
	}
	// A search that had no time for all candidates must not keep the rest from competing.
	if got := optionsOf[itemknn.Options](t, p, "itemknn", 10); len(got) != 1+len(candidatesOf("itemknn")) || got[0].Beta == nil || *got[0].Beta != 0.5 {
		t.Errorf("beside what a short search found: %+v", got)
	}
	p.Workspace = t.TempDir()
	if got := optionsOf[ials.Options](t, p, "ials", 10); len(got) < 2 {
		t.Errorf("without a search there are %d candidates", len(got))
	}
	for items, want := range map[int]int{easeItems: 2, easeItems + 1: 0} {
		if got := optionsOf[ease.Options](t, p, "ease", items); len(got) != want {
			t.Errorf("%d candidates of ease for %d items, want %d", len(got), items, want)
		}
	}
}

func TestBestByWhatAFamilyIsFor(t *testing.T) {
	value := func(list, discovery float64) map[string]float64 {
		return map[string]float64{"ndcg@10": list, "new:recall@10": discovery}
	}
	all := []rankedRecipe{
		ranked("popular-recent", listMetric, 0, value(.1, .09)), ranked("repeat", listMetric, 0, value(.35, .08)),
		ranked("content", discoveryMetric, 0, value(.1, .07)), ranked("ials", discoveryMetric, 0, value(.1, .05)), ranked("itemknn", discoveryMetric, 0, value(.1, .06)),
		ranked("itemknn", discoveryMetric, 1, value(.1, .04)), ranked("blend", listMetric, 0, value(.36, .065))}
	all[0].baseline = true
	for i := range all {
		all[i].similar = all[i].family != "repeat" && !all[i].baseline && all[i].family != "blend"
	}
	if got := bestDiscovery(all); got != "content" {
		t.Errorf("discovery by %s", got)
	}
	if got := bestSimilar(all); got != "itemknn" {
		t.Errorf("similar items by %s", got)
	}
	if got := bestBaseline(all); got != "popular-recent" {
		t.Errorf("best baseline is %s", got)
	}
	if got := bestDiscovery(all[:1]); got != "" {
		t.Errorf("of baselines alone, discovery by %s", got)
	}
}

func TestParseOverrides(t *testing.T) {
	p := &Pipeline{Workspace: t.TempDir(), Options: Options{Overrides: mustOverrides(t, "ials.factors=12", "ials.reg_exponent=0", "personal.half_life_days=7.5")}}
	for _, c := range optionsOf[ials.Options](t, p, "ials", 10) {
		if c.Factors != 12 || c.RegExponent == nil || *c.RegExponent != 0 {
			t.Errorf("ials candidate %+v", c)
		}
	}
	if got := optionsOf[personal.Options](t, p, "personal", 10); len(got) != 1 || got[0].HalfLifeDays != 7.5 {
		t.Errorf("personal candidates %+v", got)
	}
	if got := optionsOf[personal.Options](t, p, "personal-top", 10); len(got) != 1 || got[0].HalfLifeDays != 0 {
		t.Errorf("the baseline is %+v", got)
	}
	for _, bad := range []struct{ word, want string }{
		{"factors=3", "not MODEL.OPTION=VALUE"},
		{"ials.factors", "not MODEL.OPTION=VALUE"},
		{"svd.factors=3", `no model "svd"`},
		{"ials.seed=3", `no option "seed"`},
		{"ials.factors=3.5", "not a whole number"},
		{"logistic.l2=NaN", "not a number"},
		{"popular.window_days=3", "popular is a baseline"},
	} {
		if _, err := ParseOverrides([]string{bad.word}); err == nil || !strings.Contains(err.Error(), bad.want) {
			t.Errorf("%s: error %v, want it to say %q", bad.word, err, bad.want)
		}
	}
}

func TestDescribeLeavesOutWhatResultsDoNotDependOn(t *testing.T) {
	a := options.Describe(ials.Options{Factors: 8, Workers: 1})
	b := options.Describe(ials.Options{Factors: 8, Workers: 2})
	if !reflect.DeepEqual(a, b) || a["factors"] != 8 {
		t.Errorf("%v and %v", a, b)
	}
}

func TestReindexKeepsKnownItems(t *testing.T) {
	ev, err := matrix.NewEvents(2, 3, []matrix.Event{{User: 0, Item: 0, Day: 1, Weight: 1}, {User: 0, Item: 2, Day: 2, Weight: 3}, {User: 1, Item: 1, Day: 3, Weight: 1}})
	if err != nil {
		t.Fatal(err)
	}
	in := &read.Interactions{Users: matrix.NewVocabulary([]string{"a", "b"}), Items: matrix.NewVocabulary([]string{"p", "q", "r"}), Events: ev}
	got, err := reindex(in, matrix.NewVocabulary([]string{"a", "r", "z", "p"}))
	if err != nil {
		t.Fatal(err)
	}
	if h := got.History(0); !reflect.DeepEqual(h.Item, []int32{1, 2}) || !reflect.DeepEqual(h.Day, []int32{1, 2}) {
		t.Errorf("history of user 0 is %+v", h)
	}
	if h := got.History(1); len(h.Item) != 0 {
		t.Errorf("an unknown item was kept: %+v", h)
	}
}

func TestShareBelow(t *testing.T) {
	sorted := []float64{.1, .2, .2, .4}
	for v, want := range map[float64]float64{.1: 0, .2: .25, .4: .75, .5: 1} {
		if got := shareBelow(sorted, v); math.Abs(got-want) > 1e-12 {
			t.Errorf("share below %v is %v, want %v", v, got, want)
		}
	}
}

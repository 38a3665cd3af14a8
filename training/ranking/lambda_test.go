package ranking

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"

	"regulars/data/interactions"
	"regulars/features/matrix"
	"regulars/models"
	"regulars/models/blend"
	"regulars/models/gbdt"
	"regulars/models/logistic"
	"regulars/training/options"
)

// hollow are lists of 20 candidates of which the two are bought whose first
// column is nearest to 0: no line through that column can tell them apart.
func hollow(lists int, seed uint64) (x *matrix.Dense, y []bool, group []int32) {
	rng := rand.New(rand.NewPCG(seed, 7))
	x, y = matrix.NewDense(20*lists, []string{"a", blend.ColumnHad, "b"}), make([]bool, 20*lists)
	for q := range lists {
		group = append(group, int32(20*q))
		rows := make([]int, 20)
		for i := range rows {
			rows[i] = 20*q + i
			x.Row(rows[i])[0], x.Row(rows[i])[1], x.Row(rows[i])[2] = rng.NormFloat64(), float64(i%2), rng.NormFloat64()
		}
		slices.SortFunc(rows, func(i, j int) int {
			if math.Abs(x.Row(i)[0]) < math.Abs(x.Row(j)[0]) {
				return -1
			}
			return 1
		})
		y[rows[0]], y[rows[1]] = true, true
	}
	return x, y, append(group, int32(20*lists))
}

// found is the share of what was bought that stands in the first two places.
func found(t *testing.T, r blend.Ranker, x *matrix.Dense, y []bool) float64 {
	t.Helper()
	scores, hits := make([]float64, x.Rows), 0
	if err := r.Rank(x, scores); err != nil {
		t.Fatal(err)
	}
	for from := 0; from < x.Rows; from += 20 {
		rows := make([]int, 20)
		for i := range rows {
			rows[i] = from + i
		}
		slices.SortFunc(rows, func(i, j int) int {
			if scores[i] > scores[j] {
				return -1
			}
			return 1
		})
		for _, i := range rows[:2] {
			if y[i] {
				hits++
			}
		}
	}
	return float64(hits) / float64(2*x.Rows/20)
}

func TestLambdaRanker(t *testing.T) {
	x, y, group := hollow(300, 1)
	later, bought, _ := hollow(100, 2)
	fit := func(workers int, weight float64) *LambdaRanker {
		r, err := FitLambdaRanker(t.Context(), x, y, group, gbdt.Options{Rounds: 30, Workers: workers}, logistic.Options{L2: 3}, weight)
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	r := fit(1, 0)
	if trees, odds := found(t, r, later, bought), found(t, r.Odds, later, bought); trees < 0.8 || odds > 0.3 {
		t.Errorf("trees find %.2f, regressions %.2f of what is bought", trees, odds)
	}
	scores, odds := make([]float64, later.Rows), make([]float64, later.Rows)
	mixed := fit(3, 0.5)
	if err := errors.Join(mixed.Rank(later, scores), mixed.Odds.Rank(later, odds)); err != nil {
		t.Fatal(err)
	}
	raw := make([]float64, later.Rows)
	if err := mixed.Trees.Predict(later, true, raw); err != nil {
		t.Fatal(err)
	}
	for i, p := range odds {
		if want := raw[i] + 0.5*math.Log(p/(1-p)); math.Abs(scores[i]-want) > 1e-12 {
			t.Fatalf("row %d has %v, want trees %v and half the log-odds of %v", i, scores[i], raw[i], p)
		}
	}
	var one, three bytes.Buffer
	if err := errors.Join(r.Trees.WriteText(&one), mixed.Trees.WriteText(&three)); err != nil || !bytes.Equal(one.Bytes(), three.Bytes()) {
		t.Errorf("three workers grow other trees than one (%v)", err)
	}
}

func TestLambdaRankerRefuses(t *testing.T) {
	x, y, group := hollow(5, 1)
	if _, err := FitLambdaRanker(t.Context(), x, make([]bool, len(y)), group, gbdt.Options{}, logistic.Options{}, 1); !errors.Is(err, models.ErrNoData) {
		t.Errorf("nothing bought gives %v", err)
	}
	var wrong *models.OptionError
	for _, w := range []float64{-1, math.NaN(), math.Inf(1)} {
		if _, err := FitLambdaRanker(t.Context(), x, y, group, gbdt.Options{}, logistic.Options{}, w); !errors.As(err, &wrong) {
			t.Errorf("a weight of %v gives %v", w, err)
		}
	}
	r, err := FitLambdaRanker(t.Context(), x, y, group, gbdt.Options{}, logistic.Options{}, 1)
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Rank(x, make([]float64, 3)); err == nil {
		t.Error("too little room is accepted")
	}
	if err := r.Rank(&matrix.Dense{Names: []string{"b", blend.ColumnHad, "a"}, Rows: 1, Data: make([]float64, 3)}, make([]float64, 1)); !errors.Is(err, models.ErrColumns) {
		t.Errorf("other columns give %v", err)
	}
	if _, err := NewLambdaRanker(nil, r.Odds, 1); err == nil {
		t.Error("a stored ranker without trees is accepted")
	}
	if got := logOdds(0); math.IsInf(got, 0) || math.Abs(got+logOdds(1)) > 1e-3 {
		t.Errorf("log-odds of certainties are %v and %v", got, logOdds(1))
	}
}

// TestRankersOfABlend: each by its name; auto is the one whose ndcg on the latest
// window is higher.
func TestRankersOfABlend(t *testing.T) {
	s := shop(t, 80, 24, 120)
	reached := map[string]float64{}
	fit := func(ranker string) *blend.Model {
		m := blendOf(t, s, BlendOptions{Sources: "repeat,itemknn", Windows: 1, Ranker: ranker})
		reached[ranker] = m.Outcome.NDCG[2+m.Outcome.Learner]
		return m
	}
	fit(RankerLogistic)
	if fit(RankerLambdaMART); reached[RankerLogistic] == reached[RankerLambdaMART] {
		t.Fatalf("both rankers reach %v: nothing can be chosen", reached)
	}
	auto := fit(RankerAuto)
	if got, want := auto.Outcome.NDCG[2:], []float64{reached[RankerLogistic], reached[RankerLambdaMART]}; !slices.Equal(got, want) || reached[RankerAuto] != slices.Max(want) {
		t.Errorf("auto measured %v and chose %v, alone they reach %v", got, reached[RankerAuto], want)
	}
	if !reflect.DeepEqual(fit("").Outcome, fit(DefaultRanker).Outcome) {
		t.Error("the default is another ranker than the default")
	}
	zero := 0.0
	for _, o := range []BlendOptions{{Ranker: "magic"}, {Trees: -1}, {Leaves: 1}, {OddsWeight: new(float64(-1))}, {Trees: 2000, OddsWeight: &zero}} {
		var wrong *models.OptionError
		if _, err := find(t, "blend")[0].Fit(t.Context(), &s.Data, s.Now, o, Run{}); !errors.As(err, &wrong) || wrong.Model != "blend" {
			t.Errorf("%+v gives %v", o, err)
		}
	}
	for name, want := range map[string]any{"ranker": RankerAuto, "trees": 9, "leaves": 5, "odds_weight": 0.0} {
		set, err := options.Parse([]string{"blend.ranker=auto", "blend.trees=9", "blend.leaves=5", "blend.odds_weight=0"})
		if err != nil {
			t.Fatal(err)
		}
		o, err := find(t, "blend")[0].With(set)
		if err != nil || options.Describe(o)[name] != want {
			t.Errorf("%s is %v (%v), want %v", name, options.Describe(o)[name], err, want)
		}
	}
}

// TestRankersAreNamed: the report says which ranker makes the list.
func TestRankersAreNamed(t *testing.T) {
	m := blendOf(t, shop(t, 80, 24, 120), BlendOptions{Sources: "repeat,itemknn", Windows: 1})
	for want, r := range map[string]blend.Ranker{"blend by logistic": &LogisticRanker{}, "blend by lambdamart": &LambdaRanker{}, "blend": nil} {
		if m.Ranker = r; whose(m, blend.Blend) != want || whose(m, 1) != "itemknn" {
			t.Errorf("the list is that of %s or %s, want %s", whose(m, blend.Blend), whose(m, 1), want)
		}
	}
}

// TestSourcesKnowWhatWasKnown: on an earlier day a source reads what items
// were like on that day, and one that has nothing to read yet is absent.
func TestSourcesKnowWhatWasKnown(t *testing.T) {
	s := shop(t, 60, 24, 120)
	asked := []int32{}
	s.ItemsAt = func(now int32) (*interactions.Items, error) {
		if asked = append(asked, now); now < 40 {
			return nil, nil
		}
		return &interactions.Items{IDs: []string{"i0"}, Title: []string{fmt.Sprintf("known on day %d", now)}}, nil
	}
	s.Items = &interactions.Items{IDs: []string{"i0"}, Title: []string{"known today"}}
	type reading struct {
		now int32
		as  string
	}
	var read []reading
	watch := newFamily[struct{}]("watch", func(_ context.Context, d *Data, now int32, _ struct{}, _ func(int, int)) (models.Recommender, error) {
		read = append(read, reading{now, d.Items.Title[0]})
		return nil, models.ErrNoData
	})
	watch.Lacks = func(d *Data) string {
		if d.Items == nil {
			return "items"
		}
		return ""
	}
	fit := joined{{Family: watch, options: struct{}{}}}.fitter(&s.Data, Run{})
	for _, now := range []int32{30, 60, s.Now} {
		sources, err := fit(t.Context(), s.Events, now, nil)
		if err != nil || len(sources) != 1 || sources[0].Name != "watch" || sources[0].Model != nil {
			t.Fatalf("on day %d the sources are %v (%v)", now, sources, err)
		}
	}
	if want := []int32{30, 60, s.Now}; !slices.Equal(asked, want) {
		t.Errorf("items are asked for on days %v, want %v", asked, want)
	}
	if want := []reading{{60, "known on day 60"}, {s.Now, fmt.Sprintf("known on day %d", s.Now)}}; !reflect.DeepEqual(read, want) {
		t.Errorf("the source read %v, want %v", read, want)
	}
	s.ItemsAt = func(int32) (*interactions.Items, error) { return nil, errors.New("on fire") }
	if _, err := fit(t.Context(), s.Events, s.Now, nil); err == nil {
		t.Error("items that cannot be read are no error")
	}
}

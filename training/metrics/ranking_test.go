package metrics

import (
	"context"
	"errors"
	"fmt"
	"math"
	"reflect"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"regulars/features/matrix"
	"regulars/models"
)

func TestTopKAgainstSorting(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		scores := rapid.SliceOfN(rapid.Map(rapid.IntRange(-3, 3), func(i int) float32 { return float32(i) }), 0, 60).Draw(t, "scores")
		k := rapid.IntRange(0, 70).Draw(t, "k")
		var out, in []int32
		for i := range scores {
			if rapid.Bool().Draw(t, "excluded") {
				out = append(out, int32(i))
			} else {
				in = append(in, int32(i))
			}
		}
		want := slices.Clone(in)
		slices.SortStableFunc(want, func(a, b int32) int { return int(scores[b] - scores[a]) })
		want = want[:min(k, len(want))]
		if got := TopK(scores, k, out); !slices.Equal(got, want) {
			t.Fatalf("TopK %v, want %v", got, want)
		}
		if got := TopKOf(scores, k, in); !slices.Equal(got, want) {
			t.Fatalf("TopKOf %v, want %v", got, want)
		}
	})
}

// The hand computation: list 7 3 9 1 5, truth {1, 3, 8}: hits at ranks 2 and 4.
func TestRankingValuesByHand(t *testing.T) {
	list, truth := []int32{7, 3, 9, 1, 5}, []int32{1, 3, 8}
	log := math.Log2
	for _, c := range []struct {
		k    int
		want []float64 // recall, ndcg, mrr, hit, map
	}{
		{1, []float64{0, 0, 0, 0, 0}},
		{2, []float64{1. / 3, (1 / log(3)) / (1 + 1/log(3)), 0.5, 1, 0.5 / 2}},
		{4, []float64{2. / 3, (1/log(3) + 1/log(5)) / (1 + 1/log(3) + 0.5), 0.5, 1, (0.5 + 0.5) / 3}},
		{50, []float64{2. / 3, (1/log(3) + 1/log(5)) / (1 + 1/log(3) + 0.5), 0.5, 1, (0.5 + 0.5) / 3}},
	} {
		v := hits(list[:min(c.k, len(list))], truth, c.k)
		got := []float64{v.recall, v.ndcg, v.mrr, v.hit, v.map_}
		for i := range got {
			if math.Abs(got[i]-c.want[i]) > 1e-12 {
				t.Errorf("k=%d: %s is %v, want %v", c.k, perUser[i], got[i], c.want[i])
			}
		}
	}
}

// fixed scores items by a table of one row a user, told apart by their first item.
type fixed map[int32][]float32

func (f fixed) Items() int { return 5 }

func (f fixed) Score(h matrix.History, _ int32, dst []float32) error {
	if row, ok := f[h.Item[0]]; ok {
		copy(dst, row)
		return nil
	}
	return models.ErrUnknown
}

func train(t *testing.T) *matrix.Events {
	ev, err := matrix.NewEvents(4, 5, []matrix.Event{{User: 0, Item: 0, Day: 1, Weight: 1}, {User: 0, Item: 1, Day: 1, Weight: 1},
		{User: 1, Item: 2, Day: 1, Weight: 1}, {User: 2, Item: 3, Day: 2, Weight: 1}, {User: 3, Item: 4, Day: 2, Weight: 1}})
	if err != nil {
		t.Fatal(err)
	}
	return ev
}

func TestEvaluateSlices(t *testing.T) {
	rec := fixed{0: {5, 4, 3, 2, 1}, 2: {1, 2, 3, 4, 5}}
	truth := [][]int32{{1, 2}, {2}, {0}, nil}
	r, err := Evaluate(t.Context(), rec, train(t), truth, 3, []int{2, 1}, Options{})
	if err != nil {
		t.Fatal(err)
	}
	nan := math.NaN()
	for key, want := range map[string][]float64{
		"recall@1": {0, 0, 0}, "recall@2": {0.5, 0, 0},
		"new:recall@1": {1, nan, 0}, "new:hit@2": {1, nan, 0},
		"repeat:recall@1": {0, 1, nan}, "repeat:recall@2": {1, 1, nan}, "repeat:mrr@2": {0.5, 1, nan},
	} {
		got, err := r.Column(key)
		if err != nil {
			t.Fatal(err)
		}
		if fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("%s is %v, want %v", key, got, want)
		}
	}
	if r.Unknown != 1 || !slices.Equal(r.Users, []int32{0, 1, 2}) || r.Defined("new:recall@1") != 2 {
		t.Errorf("unknown %d, users %v, defined %d", r.Unknown, r.Users, r.Defined("new:recall@1"))
	}
	if got := r.Whole["coverage@2"]; got != 0.8 { // items 0 1 and 4 3 of five
		t.Errorf("coverage is %v, want 0.8", got)
	}
	m, err := r.Metrics(50, 1)
	if err != nil || m["repeat:recall@2"].Value != 1 || m["coverage@2"].Low != nil || m["recall@2"].Low == nil {
		t.Errorf("metrics %v, %v", m, err)
	}
}

func TestEvaluateExcludingTrain(t *testing.T) {
	rec := fixed{0: {5, 4, 3, 2, 1}, 2: {1, 2, 3, 4, 5}}
	truth := [][]int32{{1, 2}, {2}, {0}, nil}
	both, err := Evaluate(t.Context(), rec, train(t), truth, 3, []int{2}, Options{})
	if err != nil {
		t.Fatal(err)
	}
	alone, err := Evaluate(t.Context(), rec, train(t), truth, 3, []int{2}, Options{ExcludeTrain: true, Workers: 1})
	if err != nil {
		t.Fatal(err)
	}
	for _, key := range alone.Keys {
		a, _ := alone.Column(key)
		b, err := both.Column("new:" + key)
		if err != nil || fmt.Sprint(a) != fmt.Sprint(b) || strings.Contains(key, ":") {
			t.Errorf("%s without train items is %v, new:%s is %v (%v)", key, a, key, b, err)
		}
	}
}

func TestEvaluateRefuses(t *testing.T) {
	good, nan := fixed{0: {1, 2, 3, 4, 5}}, fixed{0: {1, 2, float32(math.NaN()), 4, 5}}
	truth := [][]int32{{1}, nil, nil, nil}
	for name, c := range map[string]struct {
		rec   models.Recommender
		truth [][]int32
		ks    []int
		want  string
	}{
		"nan score":      {nan, truth, []int{2}, "score of item 2"},
		"no k":           {good, truth, nil, "k is"},
		"k of 0":         {good, truth, []int{5, 0}, "k is"},
		"users":          {good, truth[:2], []int{2}, "truth of 2 users"},
		"unsorted truth": {good, [][]int32{{2, 1}, nil, nil, nil}, []int{2}, "ascending"},
		"item too large": {good, [][]int32{{5}, nil, nil, nil}, []int{2}, "below 5"},
	} {
		_, err := Evaluate(t.Context(), c.rec, train(t), c.truth, 3, c.ks, Options{})
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want one with %q", name, err, c.want)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Evaluate(ctx, good, train(t), truth, 3, []int{2}, Options{}); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled evaluation gives %v", err)
	}
}

func TestCompare(t *testing.T) {
	truth := [][]int32{{1, 2}, {2}, {0}, nil}
	a, err := Evaluate(t.Context(), fixed{0: {0, 5, 4, 0, 0}, 2: {0, 0, 1, 0, 0}, 3: {1, 0, 0, 0, 0}}, train(t), truth, 3, []int{2}, Options{})
	if err != nil {
		t.Fatal(err)
	}
	b, err := Evaluate(t.Context(), fixed{0: {5, 4, 0, 0, 0}, 2: {0, 0, 1, 0, 0}}, train(t), truth, 3, []int{2}, Options{})
	if err != nil {
		t.Fatal(err)
	}
	d, err := Compare(a, b, "recall@2", 100, 1)
	if err != nil || math.Abs(d.Value-0.5) > 1e-12 { // users gain 1/2, 0 and 1
		t.Errorf("difference %v, %v; want 0.5", d, err)
	}
	if _, err := Compare(a, b, "recall@3", 100, 1); err == nil {
		t.Error("an unknown metric is compared")
	}
	if again, _ := Compare(a, b, "recall@2", 100, 1); !reflect.DeepEqual(again, d) {
		t.Error("the same seed gives another interval")
	}
}

package metrics

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"

	"regulars/features/matrix"
	"regulars/models"
)

// The shop of testdata/ranking.py, where the formulas below are again.
const refUsers, refItems = 12, 20

func referenceShop(t *testing.T) (train *matrix.Events, truth [][]int32) {
	t.Helper()
	var list []matrix.Event
	truth = make([][]int32, refUsers)
	for u := range refUsers {
		had := map[int]bool{}
		for j := range 1 + u%5 {
			had[(u*u*3+j*j*5+j)%refItems] = true
		}
		if u%2 == 1 {
			had[3] = true
		}
		first := refItems
		for i := range had {
			first = min(first, i)
			list = append(list, matrix.Event{User: int32(u), Item: int32(i), Day: 1, Weight: float32(u + 1)}) // by which scored knows the user
		}
		for j := range u % 4 {
			truth[u] = append(truth[u], int32((u*7+j*3)%refItems))
		}
		if u%3 == 0 {
			truth[u] = append(truth[u], int32(first))
		}
		slices.Sort(truth[u])
		truth[u] = slices.Compact(truth[u])
	}
	train, err := matrix.NewEvents(refUsers, refItems, list)
	if err != nil {
		t.Fatal(err)
	}
	return train, truth
}

// reference scores by a formula of user and item.
type reference struct{}

func (reference) Items() int { return refItems }

func (reference) Score(h matrix.History, _ int32, dst []float32) error {
	u := int(h.Weight[0]) - 1
	for i := range dst {
		dst[i] = float32((u*31 + i*17 + u*i*3) % 23)
	}
	return nil
}

// Printed by testdata/ranking.py.
var referenceValues = map[string]float64{
	"recall@3": 0.175000000, "ndcg@3": 0.135613153, "mrr@3": 0.183333333, "hit@3": 0.300000000, "map@3": 0.091666667, "novelty@3": 2.671073647,
	"diversity@3": 0.861414766, "coverage@3": 0.928571429, "gini@3": 0.279220779, "recall@7": 0.300000000, "ndcg@7": 0.194743492, "mrr@7": 0.222619048,
	"hit@7": 0.500000000, "map@7": 0.116904762, "novelty@7": 2.868458797, "diversity@7": 0.872434695, "coverage@7": 1.000000000, "gini@7": 0.233516484,
	"new:recall@3": 0.071428571, "new:ndcg@3": 0.055264687, "new:mrr@3": 0.071428571, "new:hit@3": 0.142857143, "new:map@3": 0.035714286, "new:novelty@3": 3.085350449,
	"new:diversity@3": 0.868394754, "new:coverage@3": 0.785714286, "new:gini@3": 0.313186813, "new:recall@7": 0.357142857, "new:ndcg@7": 0.189956965, "new:mrr@7": 0.156122449,
	"new:hit@7": 0.571428571, "new:map@7": 0.106632653, "new:novelty@7": 3.047747068, "new:diversity@7": 0.862077897, "new:coverage@7": 1.000000000, "new:gini@7": 0.352813853,
	"repeat:recall@3": 1.000000000, "repeat:ndcg@3": 0.742929975, "repeat:mrr@3": 0.666666667, "repeat:hit@3": 1.000000000, "repeat:map@3": 0.645833333, "repeat:novelty@3": 1.842280407,
	"repeat:diversity@3": 0.290573885, "repeat:coverage@3": 0.785714286, "repeat:gini@3": 0.439849624, "repeat:recall@7": 1.000000000, "repeat:ndcg@7": 0.742929975, "repeat:mrr@7": 0.666666667,
	"repeat:hit@7": 1.000000000, "repeat:map@7": 0.645833333, "repeat:novelty@7": 1.868848201, "repeat:diversity@7": 0.288718018, "repeat:coverage@7": 0.857142857, "repeat:gini@7": 0.422619048,
	"light:recall@3": 0.083333333, "light:ndcg@3": 0.064475468, "light:mrr@3": 0.083333333, "light:hit@3": 0.166666667, "light:map@3": 0.041666667, "light:novelty@3": 2.659308162,
	"light:diversity@3": 0.824580165, "light:coverage@3": 0.642857143, "light:gini@3": 0.459183673, "light:recall@7": 0.250000000, "light:ndcg@7": 0.154488031, "light:mrr@7": 0.148809524,
	"light:hit@7": 0.500000000, "light:map@7": 0.085714286, "light:novelty@7": 2.817570910, "light:diversity@7": 0.839517608, "light:coverage@7": 0.928571429, "light:gini@7": 0.302521008,
	"heavy:recall@3": 0.312500000, "heavy:ndcg@3": 0.242319682, "heavy:mrr@3": 0.333333333, "heavy:hit@3": 0.500000000, "heavy:map@3": 0.166666667, "heavy:novelty@3": 2.688721876,
	"heavy:diversity@3": 0.916666667, "heavy:coverage@3": 0.500000000, "heavy:gini@3": 0.553571429, "heavy:recall@7": 0.375000000, "heavy:ndcg@7": 0.255126683, "heavy:mrr@7": 0.333333333,
	"heavy:hit@7": 0.500000000, "heavy:map@7": 0.163690476, "heavy:novelty@7": 2.944790626, "heavy:diversity@7": 0.921810325, "heavy:coverage@7": 0.785714286, "heavy:gini@7": 0.412698413,
}

func TestAgainstReference(t *testing.T) {
	train, truth := referenceShop(t)
	for _, workers := range []int{1, 3} {
		r, err := Evaluate(t.Context(), reference{}, train, truth, 2, []int{7, 3}, Options{Workers: workers})
		if err != nil {
			t.Fatal(err)
		}
		got, err := r.Metrics(20, 1)
		if err != nil {
			t.Fatal(err)
		}
		if len(got) != len(referenceValues) {
			t.Errorf("%d metrics, want %d", len(got), len(referenceValues))
		}
		for key, want := range referenceValues {
			if m, ok := got[key]; !ok || math.Abs(m.Value-want) > 1e-6 { // values of users are float32
				t.Errorf("%s is %v (%v), want %v", key, m.Value, ok, want)
			}
			whole := strings.Contains(key, "coverage") || strings.Contains(key, "gini")
			if m := got[key]; !whole && (m.Low == nil || *m.Low > m.Value || *m.High < m.Value) {
				t.Errorf("%s: interval %v", key, m)
			}
		}
	}
}

// topper ranks in batches what reference scores.
type topper struct {
	reference
	spoil func(user int32, items []int32, scores []float32) (int32, []int32, []float32)
	skip  int32 // user that is left out; -1 = none
}

func (m topper) TopK(_ context.Context, ev *matrix.Events, users []int32, now int32, k int, excludeSeen bool, _ int, emit func(int32, []int32, []float32) error) error {
	dst := make([]float32, refItems)
	for _, u := range users {
		h := ev.History(int(u))
		if err := m.Score(h, now, dst); err != nil {
			return err
		}
		var seen []int32
		if excludeSeen {
			seen = slices.Compact(slices.Clone(h.Item))
		}
		items := TopK(dst, k, seen)
		scores := make([]float32, len(items))
		for i, it := range items {
			scores[i] = dst[it]
		}
		who := u
		if m.spoil != nil {
			who, items, scores = m.spoil(u, items, scores)
		}
		if u == m.skip {
			continue
		}
		if err := emit(who, items, scores); err != nil {
			return err
		}
	}
	return nil
}

func TestBatchEqualsOneByOne(t *testing.T) {
	train, truth := referenceShop(t)
	one, err := Evaluate(t.Context(), reference{}, train, truth, 2, []int{3, 7}, Options{ExcludeTrain: true})
	if err != nil {
		t.Fatal(err)
	}
	all := 0
	batch, err := Evaluate(t.Context(), topper{skip: -1}, train, truth, 2, []int{3, 7}, Options{ExcludeTrain: true, Progress: func(done, total int) { all = total - done }})
	if err != nil {
		t.Fatal(err)
	}
	if fmt.Sprint(one) != fmt.Sprint(batch) {
		t.Errorf("in batches %v, one by one %v", batch, one)
	}
	if all != 0 {
		t.Errorf("the last progress leaves %d users", all)
	}
}

func TestBatchHoldsModelsToTheirPromise(t *testing.T) {
	train, truth := referenceShop(t)
	for want, m := range map[string]topper{
		"out of turn": {skip: -1, spoil: func(u int32, items []int32, scores []float32) (int32, []int32, []float32) {
			return u + 1, items, scores
		}},
		"ranked 9 of 10": {skip: 11},
		"twice": {skip: -1, spoil: func(u int32, items []int32, scores []float32) (int32, []int32, []float32) {
			items[1] = items[0]
			return u, items, scores
		}},
		"had in train": {skip: -1, spoil: func(u int32, items []int32, scores []float32) (int32, []int32, []float32) {
			return u, train.History(int(u)).Item[:1], scores[:1]
		}},
		"must be a finite": {skip: -1, spoil: func(u int32, items []int32, scores []float32) (int32, []int32, []float32) {
			scores[0] = float32(math.Inf(1))
			return u, items, scores
		}},
		"no such item": {skip: -1, spoil: func(u int32, items []int32, scores []float32) (int32, []int32, []float32) {
			items[0] = refItems
			return u, items, scores
		}},
		"asked for 3": {skip: -1, spoil: func(u int32, items []int32, scores []float32) (int32, []int32, []float32) {
			return u, append(items, 0), append(scores, 0)
		}},
	} {
		_, err := Evaluate(t.Context(), m, train, truth, 2, []int{3}, Options{ExcludeTrain: true})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want one with %q", err, want)
		}
	}
}

// A list that nobody has anything in common with is as diverse as can be, and
// items that are always had together are not diverse at all.
func TestDiversityAndGiniAtTheirEnds(t *testing.T) {
	same, err := matrix.NewEvents(2, 4, []matrix.Event{{User: 0, Item: 0, Weight: 1}, {User: 0, Item: 1, Weight: 1}, {User: 1, Item: 0, Weight: 1}, {User: 1, Item: 1, Weight: 1}, {User: 1, Item: 2, Weight: 1}})
	if err != nil {
		t.Fatal(err)
	}
	g := newGround(same)
	c := g.crowd()
	for _, x := range []struct {
		list []int32
		want float64
	}{{[]int32{0, 1}, 0}, {[]int32{0, 3}, 1}, {[]int32{1, 2}, 1 - 1/math.Sqrt2}, {[]int32{0}, math.NaN()}, {nil, math.NaN()}} {
		got := c.diversity(x.list, []int{10})[0]
		if math.Abs(got-x.want) > 1e-12 || math.IsNaN(got) != math.IsNaN(x.want) {
			t.Errorf("diversity of %v is %v, want %v", x.list, got, x.want)
		}
	}
	if slices.ContainsFunc(c.weight, func(w float64) bool { return w != 0 }) {
		t.Error("the crowd remembers an earlier list")
	}
	if got := gini([]int32{5, 5, 5}, 15); got != 0 {
		t.Errorf("gini of equal counts is %v", got)
	}
	if got := gini([]int32{0, 9, 0, 0}, 9); got != 0.75 { // (n−1)/n
		t.Errorf("gini of one item that is all is %v, want 0.75", got)
	}
}

// TestSampledDiversity makes one item so popular that not every list can be
// afforded, and holds the sample to its bounds.
func TestSampledDiversity(t *testing.T) {
	g := &ground{holders: []int32{1_000_000, 1_000_000, 10}}
	if n := g.affordable(2); n != 499 {
		t.Errorf("%d lists are afforded, want 1e9 / 2,000,001", n)
	}
	if n := g.affordable(1); n != 999 {
		t.Errorf("%d lists are afforded, want 1e9 / 1,000,001", n)
	}
	g.holders = []int32{3}
	if n := g.affordable(5); n != diversityLists {
		t.Errorf("%d lists are afforded in a small shop", n)
	}
	picks := 0
	for row := range 1000 {
		if sampled(row, 1000, 37) {
			picks++
		}
	}
	if picks != 37 {
		t.Errorf("%d rows are picked, want 37", picks)
	}
}

// The interval of many normal values is ±1.96 standard errors, dealt into hands
// or not; the two are as wide.
func TestBootstrapOfMany(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for _, n := range []int{maxResampled, 5*hands + 17} {
		values := make([]float64, n)
		for i := range values {
			values[i] = 3 + 2*rng.NormFloat64()
		}
		low, high, err := Bootstrap(values, 0, 5)
		if err != nil {
			t.Fatal(err)
		}
		if got, want := high-low, 2*1.96*2/math.Sqrt(float64(n)); math.Abs(got/want-1) > 0.1 {
			t.Errorf("%d values: interval is %v wide, want %v", n, got, want)
		}
		if low > 3.03 || high < 2.97 {
			t.Errorf("%d values: interval %v to %v of a mean of 3", n, low, high)
		}
		again, _, err := Bootstrap(values, 0, 5)
		if err != nil || again != low {
			t.Errorf("the same seed gives %v and %v (%v)", low, again, err)
		}
	}
}

func TestDifferences(t *testing.T) {
	train, truth := referenceShop(t)
	a, err := Evaluate(t.Context(), reference{}, train, truth, 2, []int{3}, Options{})
	if err != nil {
		t.Fatal(err)
	}
	b, err := Evaluate(t.Context(), worse{}, train, truth, 2, []int{3}, Options{})
	if err != nil {
		t.Fatal(err)
	}
	d, err := Differences(a, b, 50, 1)
	if err != nil {
		t.Fatal(err)
	}
	if len(d) != 3*accuracy {
		t.Errorf("differences of %d metrics: %v", len(d), d)
	}
	for key, got := range d {
		x, errX := a.Mean(key)
		y, errY := b.Mean(key)
		if err := errors.Join(errX, errY); err != nil || math.Abs(got.Value-(x-y)) > 1e-9 {
			t.Errorf("%s: difference %v of %v and %v (%v)", key, got.Value, x, y, err)
		}
	}
	if again, err := Differences(a, b, 50, 1); err != nil || !reflect.DeepEqual(again, d) {
		t.Error("the same seed gives other intervals")
	}
	if _, err := a.Mean("recall@4"); err == nil {
		t.Error("the mean of an unknown metric is given")
	}
	if _, err := a.Column("light:recall@4"); err == nil {
		t.Error("an unknown metric of light users is given")
	}
}

type worse struct{ reference }

func (worse) Score(_ matrix.History, _ int32, dst []float32) error {
	for i := range dst {
		dst[i] = -float32(i)
	}
	return nil
}

var _ models.BatchTopper = topper{}

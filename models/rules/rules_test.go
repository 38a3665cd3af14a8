package rules

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"regulars/features/matrix"
	"regulars/models"
)

func number(f float64) *float64 { return &f }

func basketRows(items int, baskets [][]int32) *matrix.CSR {
	m := &matrix.CSR{Rows: len(baskets), Cols: items, Indptr: []int64{0}}
	for _, b := range baskets {
		m.Indices = append(m.Indices, b...)
		m.Indptr = append(m.Indptr, int64(len(m.Indices)))
	}
	return m
}

// ten are the baskets that the published rules below belong to.
var ten = [][]int32{{0, 1, 2}, {0, 1}, {0, 1, 2, 3}, {1, 2}, {0, 2, 3}, {3}, {0, 1, 2}, {1, 3}, {0, 1, 4}, {2, 4}}

// The rules with their support, confidence and lift are those of mlxtend 0.25
// (fpgrowth with min_support 0.2 and max_len 3, association_rules), without those
// of two items that are no more confident than one of the two alone: (0, 1) → 2
// with .6 falls away, as 0 → 2 has .667, and (0, 2) → 1 with .75, as 0 → 1 has .833.
func TestPublishedRules(t *testing.T) {
	m, err := FitBaskets(t.Context(), basketRows(5, ten), Options{MinSupport: 2, MinConfidence: number(0), MinLift: number(0)}, nil)
	if err != nil {
		t.Fatal(err)
	}
	want := []struct {
		a, b, c                   int32
		support, confidence, lift float64
	}{
		{0, -1, 1, .5, .833333, 1.190476}, {0, -1, 2, .4, .666667, 1.111111}, {0, -1, 3, .2, .333333, .833333},
		{0, 2, 3, .2, .5, 1.25}, {0, 3, 2, .2, 1, 1.666667},
		{1, -1, 0, .5, .714286, 1.190476}, {1, -1, 2, .4, .571429, .952381}, {1, -1, 3, .2, .285714, .714286}, {1, 2, 0, .3, .75, 1.25},
		{2, -1, 0, .4, .666667, 1.111111}, {2, -1, 1, .4, .666667, .952381}, {2, -1, 3, .2, .333333, .833333}, {2, 3, 0, .2, 1, 1.666667},
		{3, -1, 0, .2, .5, .833333}, {3, -1, 1, .2, .5, .714286}, {3, -1, 2, .2, .5, .833333},
	}
	if m.Rules.Len() != len(want) {
		t.Fatalf("%d rules, want %d: %+v", m.Rules.Len(), len(want), m.Rules)
	}
	for i, w := range want {
		r := m.rule(i)
		if r.first != w.a || r.second != w.b || r.consequent != w.c {
			t.Fatalf("rule %d is %d, %d → %d, want %d, %d → %d", i, r.first, r.second, r.consequent, w.a, w.b, w.c)
		}
		if math.Abs(m.Support(i)-w.support) > 1e-6 || math.Abs(m.Confidence(i)-w.confidence) > 1e-6 || math.Abs(m.Lift(i)-w.lift) > 1e-6 {
			t.Errorf("rule %+v: support %v, confidence %v, lift %v; want %+v", r, m.Support(i), m.Confidence(i), m.Lift(i), w)
		}
		n := float64(r.antecedent)
		if strength := m.Confidence(i) * (1 - 1/m.Lift(i)) * n / (n + 20); math.Abs(m.Strength(i)-strength) > 1e-6 {
			t.Errorf("rule %+v: strength %v, want %v", r, m.Strength(i), strength)
		}
	}
}

// counted lists the rules by looking at every basket for every one.
func counted(baskets [][]int32, items int32, o Options) (rules []string) {
	holding := func(want ...int32) float64 {
		n := 0
		for _, b := range baskets {
			if !slices.ContainsFunc(want, func(it int32) bool { return it >= 0 && !slices.Contains(b, it) }) {
				n++
			}
		}
		return float64(n)
	}
	for a := range items {
		for b := int32(-1); b < items; b++ {
			for c := range items {
				if b >= 0 && b <= a || c == a || c == b || b >= 0 && o.MaxItems == 2 {
					continue
				}
				all, before := holding(a, b, c), holding(a, b)
				if int(all) < o.MinSupport || all/before < *o.MinConfidence || all/before*float64(len(baskets))/holding(c) < *o.MinLift {
					continue
				}
				if b >= 0 && (all*holding(a) <= holding(a, c)*before || all*holding(b) <= holding(b, c)*before) {
					continue
				}
				rules = append(rules, fmt.Sprint(a, b, c, all, before))
			}
		}
	}
	return rules
}

func drawBaskets(t *rapid.T) [][]int32 {
	return rapid.SliceOfN(rapid.Custom(func(t *rapid.T) []int32 {
		b := rapid.SliceOfNDistinct(rapid.Int32Range(0, 6), 1, 6, rapid.ID[int32]).Draw(t, "basket")
		slices.Sort(b)
		return b
	}), 1, 40).Draw(t, "baskets")
}

// FP-growth finds what counting by brute force finds, on any number of workers.
func TestAgainstCounting(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		baskets := drawBaskets(t)
		o := Options{MaxItems: rapid.IntRange(2, 3).Draw(t, "items"), MinSupport: rapid.IntRange(1, 4).Draw(t, "support"),
			MinConfidence: number(rapid.SampledFrom([]float64{0, 0.3, 0.7}).Draw(t, "confidence")), MinLift: number(rapid.SampledFrom([]float64{0, 1, 1.3}).Draw(t, "lift")),
			Workers: rapid.IntRange(1, 3).Draw(t, "workers")}
		m, err := FitBaskets(t.Context(), basketRows(7, baskets), o, nil)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for i := range m.Rules.Len() {
			r := m.rule(i)
			got = append(got, fmt.Sprint(r.first, r.second, r.consequent, r.count, r.antecedent))
		}
		if want := counted(baskets, 7, o); !slices.Equal(got, want) {
			t.Fatalf("rules %q, want %q", got, want)
		}
	})
}

func scattered(seed uint64, baskets, items int) *matrix.CSR {
	rng := rand.New(rand.NewPCG(seed, 1))
	rows := make([][]int32, baskets)
	for i := range rows {
		for range 1 + rng.IntN(8) {
			rows[i] = append(rows[i], int32(rng.Float64()*rng.Float64()*float64(items)))
		}
		slices.Sort(rows[i])
		rows[i] = slices.Compact(rows[i])
	}
	return basketRows(items, rows)
}

// With MaxRules, the strongest of each kind are kept, whoever found them.
func TestMaxRules(t *testing.T) {
	baskets := scattered(3, 400, 30)
	all, err := FitBaskets(t.Context(), baskets, Options{MinSupport: 3}, nil)
	if err != nil {
		t.Fatal(err)
	}
	strengths := func(m *Model, double bool) (s []float64) {
		for i := range m.Rules.Len() {
			if (m.Rules.Second[i] >= 0) == double {
				s = append(s, m.Strength(i))
			}
		}
		slices.Sort(s)
		slices.Reverse(s)
		return s
	}
	pairs := len(strengths(all, false))
	limit := pairs + pairs/2 // more than there are pairs, so that MinSupport stays
	var kept []Rules
	for _, workers := range []int{1, 3} {
		m, err := FitBaskets(t.Context(), baskets, Options{MinSupport: 3, MaxRules: limit, Workers: workers}, nil)
		if err != nil {
			t.Fatal(err)
		}
		for _, double := range []bool{false, true} {
			want := strengths(all, double)
			want = want[:min(len(want), limit/2)]
			if got := strengths(m, double); !slices.Equal(got[:len(want)], want) || len(got) > limit-limit/2 {
				t.Errorf("rules of two %v: %d kept of %d, not the strongest", double, len(got), len(want))
			}
		}
		kept = append(kept, m.Rules)
	}
	if fmt.Sprint(kept[0]) != fmt.Sprint(kept[1]) {
		t.Error("which rules are kept depends on the number of workers")
	}
}

// MinSupport rises until at most MaxRules pairs remain, and not further.
func TestSupportRises(t *testing.T) {
	baskets := scattered(4, 400, 30)
	pairsWith := func(support int) int {
		m, err := FitBaskets(t.Context(), baskets, Options{MinSupport: support, MaxItems: 2, MinLift: number(0), MinConfidence: number(0)}, nil)
		if err != nil {
			t.Fatal(err)
		}
		return m.Rules.Len() / 2
	}
	m, err := FitBaskets(t.Context(), baskets, Options{MinSupport: 1, MaxRules: 100}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if s := m.Options.MinSupport; pairsWith(s) > 100 || pairsWith(s-1) <= 100 {
		t.Errorf("support %d leaves %d pairs, %d would leave %d; want the least with at most 100", s, pairsWith(s), s-1, pairsWith(s-1))
	}
}

func event(user, item, day int32) matrix.Event {
	return matrix.Event{User: user, Item: item, Day: day, Weight: 1}
}

func fitEvents(t *testing.T, list []matrix.Event, now int32, o Options) (*Model, *matrix.Events) {
	t.Helper()
	ev, err := matrix.NewEvents(10, 6, list)
	if err != nil {
		t.Fatal(err)
	}
	m, err := Fit(t.Context(), ev, now, o, nil)
	if err != nil {
		t.Fatal(err)
	}
	return m, ev
}

// A basket is what one user buys on one day, or in the days of one window; what
// lies outside WindowDays and baskets that are too large do not count.
func TestBaskets(t *testing.T) {
	list := []matrix.Event{event(0, 0, 9), event(0, 1, 9), event(0, 1, 9), event(0, 2, 8), event(1, 0, 9), event(2, 3, 10),
		event(3, 0, 2), event(3, 1, 2), event(3, 2, 2)}
	for name, c := range map[string]struct {
		o       Options
		baskets int
		counts  []int32
	}{
		"days":      {Options{}, 4, []int32{3, 2, 2, 0, 0, 0}},
		"two days":  {Options{BasketDays: 2}, 3, []int32{3, 2, 2, 0, 0, 0}},
		"last days": {Options{WindowDays: 7}, 3, []int32{2, 1, 1, 0, 0, 0}},
		"small":     {Options{MaxBasket: 2}, 3, []int32{2, 1, 1, 0, 0, 0}},
	} {
		m, _ := fitEvents(t, list, 10, c.o)
		if m.Baskets != c.baskets || !slices.Equal(m.ItemCount, c.counts) {
			t.Errorf("%s: %d baskets with items %v, want %d with %v", name, m.Baskets, m.ItemCount, c.baskets, c.counts)
		}
	}
}

// Rules start from the latest baskets, older ones counting less, and the reason
// is the item that the strongest begins with.
func TestScore(t *testing.T) {
	r := Rules{First: []int32{0, 1, 1, 2}, Second: []int32{3, -1, -1, -1}, Consequent: []int32{5, 2, 4, 4}, Count: []int32{9, 8, 4, 6}, Antecedent: []int32{10, 10, 10, 10}}
	m, err := New(Options{RecentBaskets: 2, Smoothing: number(0)}, 100, []int32{20, 10, 10, 10, 10, 10}, r)
	if err != nil {
		t.Fatal(err)
	}
	h := matrix.History{Item: []int32{0, 0, 1, 2, 3}, Day: []int32{7, 9, 7, 5, 8}, Weight: []float32{1, 1, 1, 1, 1}}
	for _, c := range []struct {
		now    int32
		want   [6]float64
		reason map[int32]int32
	}{
		// Baskets {0} and {3}: the rule from both counts by the older.
		{10, [6]float64{5: (.9 - .1) / 2}, map[int32]int32{5: 0}},
		// Baskets {3} and {0, 1}.
		{9, [6]float64{2: (.8 - .1) / 2, 4: (.4 - .1) / 2, 5: (.9 - .1) / 2}, map[int32]int32{2: 1, 4: 1, 5: 3}},
		// Baskets {0, 1} and {2}: the stronger rule comes from the older basket, and is the weaker by it.
		{8, [6]float64{2: .8 - .1, 4: .4 - .1}, map[int32]int32{2: 1, 4: 1}},
	} {
		dst := make([]float32, 6)
		if err := m.Score(h, c.now, dst); err != nil {
			t.Fatal(err)
		}
		for i, s := range dst {
			if math.Abs(float64(s)-c.want[i]) > 1e-6 {
				t.Errorf("day %d: item %d scores %v, want %v", c.now, i, s, c.want[i])
			}
			reason, ok := m.Explain(h, c.now, int32(i))
			if because, known := c.reason[int32(i)]; ok != known || ok && (reason.Kind != models.ReasonTogether || reason.Item != because) {
				t.Errorf("day %d: item %d has reason %+v (%v), want item %d (%v)", c.now, i, reason, ok, because, known)
			}
		}
	}
	dst := make([]float32, 6)
	if err := m.Similar(1, dst); err != nil || !slices.Equal(dst, []float32{0, 0, .7, 0, .3, 0}) {
		t.Errorf("together with item 1: %v (%v)", dst, err)
	}
	if err := m.Similar(0, dst); err != nil || slices.Max(dst) != 0 {
		t.Errorf("together with item 0 alone: %v (%v)", dst, err)
	}
	for _, item := range []int32{-1, 6} {
		if err := m.Similar(item, dst); !errors.Is(err, models.ErrUnknown) {
			t.Errorf("together with item %d: %v, want ErrUnknown", item, err)
		}
	}
}

func TestRefuses(t *testing.T) {
	nan := math.NaN()
	for _, o := range []Options{{BasketDays: -1}, {WindowDays: -1}, {MaxBasket: 1}, {MaxItems: 1}, {MaxItems: 4}, {MinSupport: -1}, {MinConfidence: number(1.1)}, {MinConfidence: number(nan)},
		{MinLift: number(-1)}, {MinLift: number(nan)}, {Smoothing: number(-1)}, {Smoothing: number(nan)}, {MaxRules: -1}, {RecentBaskets: -1}, {Workers: -1}} {
		var wrong *models.OptionError
		if _, err := FitBaskets(t.Context(), basketRows(5, ten), o, nil); !errors.As(err, &wrong) {
			t.Errorf("%+v gives %v, want an option error", o, err)
		}
	}
	for name, rows := range map[string][][]int32{"unsorted": {{1, 0}}, "twice": {{1, 1}}, "unknown item": {{5}}, "negative item": {{-1}}} {
		if _, err := FitBaskets(t.Context(), basketRows(5, rows), Options{}, nil); err == nil {
			t.Errorf("a basket with items %s is accepted", name)
		}
	}
	for name, rows := range map[string][][]int32{"none": nil, "empty": {{}, {}}, "too large": {{0, 1, 2, 3}}} {
		if _, err := FitBaskets(t.Context(), basketRows(5, rows), Options{MaxBasket: 3}, nil); !errors.Is(err, models.ErrNoData) {
			t.Errorf("baskets %s give %v, want ErrNoData", name, err)
		}
	}
	for name, spoil := range map[string]func(r *Rules, count []int32){
		"consequent in antecedent": func(r *Rules, _ []int32) { r.Consequent[0] = 0 },
		"item out of range":        func(r *Rules, _ []int32) { r.Second[0] = 6 },
		"antecedent unsorted":      func(r *Rules, _ []int32) { r.First[0], r.Second[0] = 3, 0 },
		"more than antecedent":     func(r *Rules, _ []int32) { r.Count[1] = 11 },
		"no support":               func(r *Rules, _ []int32) { r.Count[1] = 0 },
		"out of order":             func(r *Rules, _ []int32) { r.First[0] = 2 },
		"short column":             func(r *Rules, _ []int32) { r.Count = r.Count[:1] },
		"more than baskets":        func(_ *Rules, count []int32) { count[5] = 101 },
	} {
		r, count := Rules{First: []int32{0, 1}, Second: []int32{3, -1}, Consequent: []int32{5, 2}, Count: []int32{9, 8}, Antecedent: []int32{10, 10}}, []int32{20, 10, 10, 10, 10, 10}
		if _, err := New(Options{}, 100, count, r); err != nil {
			t.Fatal(err)
		}
		spoil(&r, count)
		if _, err := New(Options{}, 100, count, r); err == nil {
			t.Errorf("stored rules with %s are accepted", name)
		}
	}
}

func TestProgressAndCancel(t *testing.T) {
	baskets, last := scattered(5, 400, 30), 0
	if _, err := FitBaskets(t.Context(), baskets, Options{}, func(done, total int) {
		if done != last+1 || total > 30 {
			t.Errorf("progress %d of %d after %d", done, total, last)
		}
		last = done
	}); err != nil || last == 0 {
		t.Errorf("progress ends at %d (%v)", last, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	if _, err := FitBaskets(ctx, baskets, Options{Workers: 1}, func(int, int) { cancel() }); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled on the way: %v", err)
	}
}

// BenchmarkFit reports rules of up to three items against pairs alone, whose
// counting is the least that any miner does.
func BenchmarkFit(b *testing.B) {
	baskets := scattered(6, 50_000, 300)
	fit := func(b *testing.B, items int) {
		if _, err := FitBaskets(b.Context(), baskets, Options{MaxItems: items, Workers: 1}, nil); err != nil {
			b.Fatal(err)
		}
	}
	start := time.Now()
	fit(b, 2)
	pairs := float64(time.Since(start).Nanoseconds())
	for b.Loop() {
		fit(b, 3)
	}
	triples := float64(b.Elapsed().Nanoseconds()) / float64(b.N)
	b.ReportMetric(triples/pairs, "times-pairs")
	b.ReportMetric(triples/50_000, "ns/basket")
}

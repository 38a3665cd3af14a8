package repeat_test

import (
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"regulars/features/matrix"
	"regulars/models"
	"regulars/models/repeat"
)

func fit(t testing.TB, users, items int, list []matrix.Event, now int32, o repeat.Options) *repeat.Model {
	t.Helper()
	ev, err := matrix.NewEvents(users, items, list)
	if err != nil {
		t.Fatal(err)
	}
	m, err := repeat.Fit(t.Context(), ev, now, o, nil)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func scores(t testing.TB, m models.Recommender, h matrix.History, now int32) []float32 {
	t.Helper()
	dst := make([]float32, m.Items())
	if err := m.Score(h, now, dst); err != nil {
		t.Fatal(err)
	}
	return dst
}

// Without a cycle the score is own·(share + 0.001)^a + prior·share, by hand:
// users 0 and 1 bought item 0 last at ages 14 and 7, user 2 item 1 at age 0 of
// the latest day, so that recent customers are 2^−2 + 2^−1 = 0.75, 1 and 0.
func TestScoresByHand(t *testing.T) {
	half, prior, none := 0.5, 0.3, 0.0
	m := fit(t, 3, 3, []matrix.Event{
		{User: 0, Item: 0, Day: 50, Weight: 1}, {User: 0, Item: 0, Day: 85, Weight: 1}, {User: 1, Item: 0, Day: 92, Weight: 9}, {User: 2, Item: 1, Day: 99, Weight: 1},
	}, 100, repeat.Options{HalfLifeDays: 10, Prior: &prior, RecentDays: 7, Availability: &half, Timing: &none})
	share := [3]float64{(0.75 + 0.001) / 1.001, (1 + 0.0005) / 1.001, 0}
	h := matrix.History{Item: []int32{1, 1, 2}, Day: []int32{70, 90, 80}, Weight: []float32{1, 2, 1}}
	want := [3]float64{0.3 * share[0], (2*0.5+0.125)*math.Sqrt(share[1]+0.001) + 0.3*share[1], 0.25 * math.Sqrt(0.001)}
	for i, s := range scores(t, m, h, 100) {
		if math.Abs(float64(s)-want[i]) > 1e-6 {
			t.Errorf("item %d scores %v, want %v", i, s, want[i])
		}
	}
}

// A shop where item 0 is used up in 30 days (log standard deviation 0.1), item 1
// is bought at random every 30 days, and items 2 to 21 are bought once by some.
const (
	soap, whim, others = 0, 1, 20
	today              = 1000
)

func simulate(rng *rand.Rand) []matrix.Event {
	var list []matrix.Event
	for u := range int32(80) {
		for day := rng.Float64() * 30; day < today; day += 30 * math.Exp(0.1*rng.NormFloat64()) {
			list = append(list, matrix.Event{User: u, Item: soap, Day: int32(day), Weight: 1})
		}
		for day := rng.ExpFloat64() * 30; day < today; day += math.Max(1, 30*rng.ExpFloat64()) {
			list = append(list, matrix.Event{User: u, Item: whim, Day: int32(day), Weight: 1})
		}
		for i := range int32(others) {
			if rng.IntN(3) == 0 {
				list = append(list, matrix.Event{User: u, Item: 2 + i, Day: rng.Int32N(today), Weight: 1})
			}
		}
	}
	return list
}

// every is a history of one item, the last purchase ago days before today.
func every(item, gap, ago int32, times int) matrix.History {
	var h matrix.History
	for n := times - 1; n >= 0; n-- {
		h.Item, h.Day, h.Weight = append(h.Item, item), append(h.Day, today-ago-int32(n)*gap), append(h.Weight, 1)
	}
	return h
}

func place(s []float32, item int) int {
	n := 0
	for _, x := range s {
		if x > s[item] {
			n++
		}
	}
	return n + 1
}

// What is used up in 30 days is not on a list of ten on day 2, and heads it on
// day 31; what is bought at random heads it on both.
func TestReplenishment(t *testing.T) {
	m := fit(t, 80, 2+others, simulate(rand.New(rand.NewPCG(3, 4))), today, repeat.Options{})
	for _, c := range []struct {
		name      string
		h         matrix.History
		item      int
		low, high int
	}{
		{"soap, day 2", every(soap, 30, 2, 8), soap, 11, 22},
		{"soap, day 31", every(soap, 30, 31, 8), soap, 1, 1},
		{"soap once, day 2", every(soap, 30, 2, 1), soap, 11, 22},
		{"soap once, day 31", every(soap, 30, 31, 1), soap, 1, 1},
		{"whim, day 2", every(whim, 30, 2, 1), whim, 1, 1},
		{"whim, day 31", every(whim, 30, 31, 1), whim, 1, 1},
	} {
		if got := place(scores(t, m, c.h, today), c.item); got < c.low || got > c.high {
			t.Errorf("%s: place %d, want %d to %d", c.name, got, c.low, c.high)
		}
	}
}

// A customer's own rhythm counts beside that of others: who buys the soap every
// 60 days is not shown it on day 31, and is on day 60.
func TestOwnRhythm(t *testing.T) {
	m := fit(t, 80, 2+others, simulate(rand.New(rand.NewPCG(5, 6))), today, repeat.Options{})
	slow := every(soap, 60, 31, 12)
	due := every(soap, 60, 60, 12)
	quick := every(soap, 30, 31, 12)
	if a, b, c := scores(t, m, slow, today)[soap], scores(t, m, due, today)[soap], scores(t, m, quick, today)[soap]; a > 0.5*b || a > 0.3*c {
		t.Errorf("every 60 days: %v on day 31, %v on day 60; every 30 days: %v on day 31", a, b, c)
	}
}

func TestExplain(t *testing.T) {
	m := fit(t, 80, 2+others, simulate(rand.New(rand.NewPCG(7, 8))), today, repeat.Options{})
	for name, c := range map[string]struct {
		h    matrix.History
		item int32
		want models.ReasonKind
	}{
		"cycle":      {every(soap, 30, 31, 8), soap, models.ReasonUsual},
		"two own":    {every(soap, 30, 31, 2), soap, models.ReasonAgain},
		"no cycle":   {every(whim, 30, 31, 3), whim, models.ReasonAgain},
		"not bought": {every(whim, 30, 31, 8), soap, models.ReasonPopular},
		"no history": {matrix.History{}, 5, models.ReasonPopular},
	} {
		r, ok := m.Explain(c.h, today, c.item)
		if !ok || r.Kind != c.want || r.Item != -1 {
			t.Errorf("%s: reason %+v, %v", name, r, ok)
		}
		if c.want == models.ReasonUsual && (r.Days < 29 || r.Days > 31) {
			t.Errorf("%s: every %d days, want 30", name, r.Days)
		}
	}
	for _, item := range []int32{-1, 2 + others} {
		if r, ok := m.Explain(matrix.History{}, today, item); ok {
			t.Errorf("item %d, which there is not, has reason %+v", item, r)
		}
	}
}

// Whatever histories there are, scores are finite and never negative, one more
// purchase of an item without cycle never lowers it, and what lies in the future
// does not count.
func TestScoreProperties(t *testing.T) {
	m := fit(t, 80, 2+others, simulate(rand.New(rand.NewPCG(9, 10))), today, repeat.Options{})
	rapid.Check(t, func(t *rapid.T) {
		list := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) matrix.Event {
			return matrix.Event{Item: rapid.Int32Range(0, 1+others).Draw(t, "item"), Day: rapid.Int32Range(-5000, today-1).Draw(t, "day"),
				Weight: rapid.Float32Range(1e-30, math.MaxFloat32).Draw(t, "weight")}
		}), 0, 30).Draw(t, "events")
		future := rapid.Int32Range(today, math.MaxInt32).Draw(t, "future")
		ev, err := matrix.NewEvents(1, 2+others, slices.Clone(list))
		if err != nil {
			t.Fatal(err)
		}
		later, err := matrix.NewEvents(1, 2+others, append(list, matrix.Event{Item: 3, Day: future, Weight: 1}))
		if err != nil {
			t.Fatal(err)
		}
		a, b := make([]float32, 2+others), make([]float32, 2+others)
		if err := errors.Join(m.Score(ev.History(0), today, a), m.Score(later.History(0), today, b)); err != nil {
			t.Fatal(err)
		}
		for i, s := range a {
			if !(s >= 0) || math.IsInf(float64(s), 0) {
				t.Fatalf("item %d scores %v", i, s)
			}
		}
		if !slices.Equal(a, b) {
			t.Fatal("a purchase after today changes the scores")
		}
	})
}

func TestProgress(t *testing.T) {
	ev, err := matrix.NewEvents(5000, 1, []matrix.Event{{Weight: 1}})
	if err != nil {
		t.Fatal(err)
	}
	var seen []int
	if _, err := repeat.Fit(t.Context(), ev, 1, repeat.Options{}, func(done, total int) {
		if total != 5000 {
			t.Errorf("of %d users, want 5000", total)
		}
		seen = append(seen, done)
	}); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(seen, []int{0, 4096, 5000}) {
		t.Errorf("progress at %v users", seen)
	}
}

func TestRefuses(t *testing.T) {
	nan := math.NaN()
	ptr := func(f float64) *float64 { return &f }
	one := []float32{0.5}
	for _, o := range []repeat.Options{{HalfLifeDays: -1}, {HalfLifeDays: nan}, {HalfLifeDays: math.Inf(1)}, {Prior: ptr(-1)}, {Prior: ptr(nan)},
		{RecentDays: -1}, {Availability: ptr(-1)}, {Timing: ptr(11)}, {HorizonDays: nan}, {ItemPseudoGaps: -1}, {OwnPseudoGaps: nan}} {
		var wrong *models.OptionError
		if _, err := repeat.New(o, one, one, one); !errors.As(err, &wrong) {
			t.Errorf("%+v gives %v, want an option error", o, err)
		}
	}
	bad := []float32{float32(nan)}
	for _, c := range [][3][]float32{{nil, nil, nil}, {one, one, nil}, {{2}, one, one}, {bad, one, one}, {one, bad, one}, {one, one, bad}, {one, one, {-1}}, {one, {1e9}, one}} {
		if _, err := repeat.New(repeat.Options{}, c[0], c[1], c[2]); err == nil {
			t.Errorf("stored numbers %v are accepted", c)
		}
	}
}

func TestBadHistories(t *testing.T) {
	m := fit(t, 1, 3, []matrix.Event{{Weight: 1}}, 100, repeat.Options{})
	for name, h := range map[string]matrix.History{
		"item below":  {Item: []int32{0, -1, 2}, Day: []int32{1, 1, 1}, Weight: []float32{1, 1, 1}},
		"item beyond": {Item: []int32{0, 1 << 30, 2}, Day: []int32{1, 1, 1}, Weight: []float32{1, 1, 1}},
		"no days":     {Item: []int32{0}, Weight: []float32{1}},
		"no weights":  {Item: []int32{0}, Day: []int32{1}},
		"nan weight":  {Item: []int32{0}, Day: []int32{1}, Weight: []float32{float32(math.NaN())}},
		"inf weight":  {Item: []int32{0}, Day: []int32{1}, Weight: []float32{float32(math.Inf(1))}},
	} {
		if err := m.Score(h, 100, make([]float32, m.Items())); err == nil || errors.Is(err, models.ErrUnknown) {
			t.Errorf("%s gives %v, want an error that names it", name, err)
		}
		if r, ok := m.Explain(h, 100, 0); ok {
			t.Errorf("%s has reason %+v", name, r)
		}
	}
}

// Gaps of 30 days in the median, more or less even: only what keeps a cycle waits
// or is usual. Of the even ones about a tenth are bought while they wait, no more,
// and none is called usual long before its day.
func TestWaitingForUnevenGaps(t *testing.T) {
	for _, c := range []struct {
		spread              float64 // standard deviation of the logarithm of a gap
		missed              [2]float64
		usual, waitingDay2  [2]float64 // share of customers
		leastElapsedOfUsual int32
	}{
		{0.15, [2]float64{0, 0.15}, [2]float64{0.99, 1}, [2]float64{0.99, 1}, 20},
		{0.3, [2]float64{0.02, 0.18}, [2]float64{0.9, 1}, [2]float64{0.9, 1}, 14},
		{0.9, [2]float64{0, 0.05}, [2]float64{0, 0.2}, [2]float64{0, 0.2}, 1},
	} {
		rng := rand.New(rand.NewPCG(11, 12))
		var list []matrix.Event
		histories, next := make([]matrix.History, 300), make([]int32, 300)
		for u := range histories {
			h, day := &histories[u], rng.Float64()*30
			for range 9 {
				if n := len(h.Day); n == 0 || int32(day) > h.Day[n-1] {
					h.Item, h.Day, h.Weight = append(h.Item, soap), append(h.Day, int32(day)), append(h.Weight, 1)
					list = append(list, matrix.Event{User: int32(u), Item: soap, Day: int32(day), Weight: 1})
				}
				day += 30 * math.Exp(c.spread*rng.NormFloat64())
			}
			next[u] = max(int32(day), h.Day[len(h.Day)-1]+1)
		}
		m := fit(t, len(histories), 2, list, 4000, repeat.Options{})
		var missed, usual, waits float64
		for u, h := range histories {
			last, share := h.Day[len(h.Day)-1], 1/float64(len(histories))
			if len(m.Waiting(h, next[u])) > 0 {
				missed += share
			}
			if len(m.Waiting(h, last+2)) > 0 {
				waits += share
			}
			for elapsed := int32(1); elapsed <= 45; elapsed++ {
				r, ok := m.Explain(h, last+elapsed, soap)
				if !ok || r.Kind != models.ReasonUsual {
					continue
				}
				if usual += share; elapsed < c.leastElapsedOfUsual || 2*elapsed < r.Days-1 {
					t.Errorf("spread %v: on day %d every %d days is called usual", c.spread, elapsed, r.Days)
				}
				break
			}
		}
		for what, v := range map[string]struct {
			is   float64
			want [2]float64
		}{"bought while waiting": {missed, c.missed}, "usual within 45 days": {usual, c.usual}, "waiting on day 2": {waits, c.waitingDay2}} {
			if v.is < v.want[0]-1e-9 || v.is > v.want[1]+1e-9 {
				t.Errorf("spread %v: %.3f %s, want %v", c.spread, v.is, what, v.want)
			}
		}
	}
	m := fit(t, 80, 2+others, simulate(rand.New(rand.NewPCG(3, 4))), today, repeat.Options{})
	if got := m.Waiting(matrix.History{Item: []int32{999}, Day: []int32{1}, Weight: []float32{1}}, today); got != nil {
		t.Errorf("of an unknown item %v waits", got)
	}
	if got := m.Waiting(every(soap, 30, 2, 8), today); !slices.Equal(got, []int32{soap}) {
		t.Errorf("on day 2 of 30, %v waits", got)
	}
	if got := m.Waiting(every(soap, 30, 31, 8), today); got != nil {
		t.Errorf("on day 31 of 30, %v waits", got)
	}
}

package shares_test

import (
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"reflect"
	"testing"

	"pgregory.net/rapid"

	"regulars/features/matrix"
	"regulars/models"
	"regulars/models/shares"
)

var kinds = []string{"tea", "cups", "cake"}

func events(t testing.TB, users, items int, list ...matrix.Event) *matrix.Events {
	t.Helper()
	ev, err := matrix.NewEvents(users, items, list)
	if err != nil {
		t.Fatal(err)
	}
	return ev
}

// By hand: the shop's last 30 days hold 4 tea, 1 cups, 0 cake, so with half a
// purchase each its shares are 4.5, 1.5 and .5 of 6.5. The customer bought one cake
// a half-life and two cups two half-lives ago: .5 and .5.
func TestByHand(t *testing.T) {
	ev := events(t, 2, 3, matrix.Event{User: 0, Item: 0, Day: 95, Weight: 4}, matrix.Event{User: 0, Item: 1, Day: 99, Weight: 1},
		matrix.Event{User: 1, Item: 2, Day: 60, Weight: 1}, matrix.Event{User: 1, Item: 1, Day: 20, Weight: 2}, matrix.Event{User: 0, Item: 2, Day: 100, Weight: 9})
	m, err := shares.Fit(t.Context(), kinds, ev, 100, shares.Options{HalfLife: 40, Concentration: 2, Recent: 30})
	if err != nil {
		t.Fatal(err)
	}
	got, err := m.Top(ev.History(1), 100, 2)
	if err != nil {
		t.Fatal(err)
	}
	want := []shares.Share{{Name: "tea", Probability: 2 * 4.5 / 6.5 / 3}, {Name: "cups", Probability: (0.5 + 2*1.5/6.5) / 3}}
	for i := range want {
		if got[i].Name != want[i].Name || math.Abs(got[i].Probability-want[i].Probability) > 1e-12 {
			t.Errorf("top %d is %+v, want %+v", i, got[i], want[i])
		}
	}
}

// Customers have tastes of Dirichlet(6·shop): the model with that concentration is
// the best there can be, so every other is worse on what they buy next.
func TestKnownTastes(t *testing.T) {
	shop, rng := []float64{0.6, 0.3, 0.1}, rand.New(rand.NewPCG(1, 2))
	var list []matrix.Event
	next := make([]int, 8000)
	for u := range next {
		taste := dirichlet(rng, shop, 6)
		for day := range 1 + u%8 {
			list = append(list, matrix.Event{User: int32(u), Item: int32(draw(rng, taste)), Day: int32(90 + day), Weight: 1})
		}
		next[u] = draw(rng, taste)
	}
	ev := events(t, len(next), 3, list...)
	loss := func(concentration float64) float64 {
		m, err := shares.Fit(t.Context(), kinds, ev, 100, shares.Options{Concentration: concentration, HalfLife: 1e9})
		if err != nil {
			t.Fatal(err)
		}
		sum, p := 0.0, make([]float64, 3)
		for u, k := range next {
			if err := m.Probability(ev.History(u), 100, p); err != nil {
				t.Fatal(err)
			}
			sum -= math.Log(p[k]) / float64(len(next))
		}
		return sum
	}
	best := loss(6)
	for _, other := range []float64{0.2, 1, 40, 1000} {
		if l := loss(other); l < best+0.001 {
			t.Errorf("concentration %v: log loss %.4f, with the true one %.4f", other, l, best)
		}
	}
}

func dirichlet(rng *rand.Rand, mean []float64, concentration float64) []float64 {
	out, sum := make([]float64, len(mean)), 0.0
	for k, m := range mean {
		shape := concentration * m // Marsaglia and Tsang 2000, with their boost below 1
		boost := 1.0
		if shape < 1 {
			boost = math.Pow(rng.Float64(), 1/shape)
			shape++
		}
		d := shape - 1.0/3
		for {
			x := rng.NormFloat64()
			v := math.Pow(1+x/math.Sqrt(9*d), 3)
			if v > 0 && math.Log(rng.Float64()) < x*x/2+d-d*v+d*math.Log(v) {
				out[k] = d * v * boost
				break
			}
		}
		sum += out[k]
	}
	for k := range out {
		out[k] /= sum
	}
	return out
}

func draw(rng *rand.Rand, p []float64) int {
	u := rng.Float64()
	for k, q := range p {
		if u -= q; u < 0 {
			return k
		}
	}
	return len(p) - 1
}

// Probabilities add up to 1, none is 0, and Best puts them in order.
func TestProbabilities(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 12).Draw(t, "kinds")
		var list []matrix.Event
		for range rapid.IntRange(1, 20).Draw(t, "purchases") {
			list = append(list, matrix.Event{User: int32(rapid.IntRange(0, 2).Draw(t, "user")), Item: int32(rapid.IntRange(0, n-1).Draw(t, "kind")),
				Day: int32(rapid.IntRange(-500, 99).Draw(t, "day")), Weight: 1})
		}
		ev, err := matrix.NewEvents(3, n, list)
		if err != nil {
			t.Fatal(err)
		}
		m, err := shares.Fit(context.Background(), make([]string, n), ev, 100, shares.Options{HalfLife: rapid.Float64Range(0.5, 1e6).Draw(t, "half")})
		if err != nil {
			t.Fatal(err)
		}
		p, sum := make([]float64, n), 0.0
		if err := m.Probability(ev.History(1), 100, p); err != nil {
			t.Fatal(err)
		}
		for _, v := range p {
			if sum += v; !(v > 0) {
				t.Fatalf("probabilities %v", p)
			}
		}
		if math.Abs(sum-1) > 1e-9 {
			t.Fatalf("probabilities add up to %v", sum)
		}
		best := shares.Best(p, 3)
		for i, k := range best {
			better := 0
			for j := range p {
				if p[j] > p[k] || p[j] == p[k] && j < k {
					better++
				}
			}
			if better != i {
				t.Fatalf("place %d of %v is %d", i, p, k)
			}
		}
		if len(best) != min(3, n) {
			t.Fatalf("%d of %d kinds are best", len(best), n)
		}
	})
}

func TestRefuses(t *testing.T) {
	ev := events(t, 1, 3, matrix.Event{Item: 1, Day: 50, Weight: 1})
	for _, c := range []struct {
		names []string
		now   int32
		o     shares.Options
		want  string
	}{
		{kinds, 100, shares.Options{HalfLife: -1}, "shares.HalfLife is -1: it must be above 0 and finite"},
		{kinds, 100, shares.Options{Concentration: math.NaN()}, "shares.Concentration is NaN: it must be above 0 and finite"},
		{kinds, 100, shares.Options{Recent: -2}, "shares.Recent is -2: it must be at least 1"},
		{kinds[:2], 100, shares.Options{}, "shares: 2 names for 3 kinds"},
		{kinds, 50, shares.Options{}, "shares: nobody bought any of 3 kinds before day 50: too little data to learn from"},
	} {
		if _, err := shares.Fit(t.Context(), c.names, ev, c.now, c.o); err == nil || err.Error() != c.want {
			t.Errorf("%+v gives %v, want %q", c.o, err, c.want)
		}
	}
	if _, err := shares.Fit(t.Context(), kinds, ev, 50, shares.Options{}); !errors.Is(err, models.ErrNoData) {
		t.Errorf("no purchases give %v", err)
	}
	m, err := shares.Fit(t.Context(), kinds, ev, 500, shares.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for _, h := range []matrix.History{{Item: []int32{3}, Day: []int32{1}, Weight: []float32{1}}, {Item: []int32{1}, Day: []int32{500}, Weight: []float32{1}}} {
		if _, err := m.Top(h, 500, 1); err == nil {
			t.Errorf("history %+v is accepted", h)
		}
	}
	if err := m.Probability(matrix.History{}, 500, make([]float64, 2)); err == nil {
		t.Error("room for two of three kinds is accepted")
	}
	again, err := shares.New(*m)
	if err != nil || !reflect.DeepEqual(m, again) {
		t.Errorf("stored and read it differs (%v)", err)
	}
	for i, bad := range []shares.Model{{}, {Names: kinds, Prior: []float64{0.5, 0.5, 0}, HalfLife: 1, Concentration: 1},
		{Names: kinds, Prior: []float64{0.5, 0.4, 0.2}, HalfLife: 1, Concentration: 1}, {Names: kinds, Prior: m.Prior, HalfLife: 1}, {Names: kinds, Prior: m.Prior, Concentration: 1}} {
		if _, err := shares.New(bad); err == nil {
			t.Errorf("spoiled model %d is accepted", i)
		}
	}
}

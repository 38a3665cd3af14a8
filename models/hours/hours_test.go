package hours_test

import (
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"reflect"
	"testing"

	"pgregory.net/rapid"

	"regulars/models"
	"regulars/models/hours"
)

// By hand, without smoothing: the shop did 3 acts at 9 and 1 at 20, so its shares
// are 3.5, 1.5 and 22 times .5 of 16. A customer of two acts at 20 and a shop that
// counts as two has half of each.
func TestByHand(t *testing.T) {
	var none float64
	m, err := hours.Fit(t.Context(), []hours.Histogram{{9: 3}, {20: 1}}, hours.Options{Concentration: 2, Bandwidth: &none})
	if err != nil {
		t.Fatal(err)
	}
	p, err := m.Shares(&hours.Histogram{20: 2})
	if err != nil {
		t.Fatal(err)
	}
	for hour, want := range map[int]float64{9: 3.5 / 32, 20: (2 + 2*1.5/16) / 4, 3: 0.5 / 32} {
		if math.Abs(p[hour]-want) > 1e-12 {
			t.Errorf("share of hour %d is %v, want %v", hour, p[hour], want)
		}
	}
	for _, c := range []struct {
		own  hours.Histogram
		hour int
	}{{hours.Histogram{}, 9}, {hours.Histogram{20: 2}, 20}, {hours.Histogram{23: 9}, 23}} {
		if hour, share, err := m.Best(&c.own); err != nil || hour != c.hour || !(share > 0 && share < 1) {
			t.Errorf("best hour of %v is %d with %v (%v), want %d", c.own, hour, share, err, c.hour)
		}
	}
}

// An act spread over the hours round it, by a normal density of one hour, also
// round midnight: three hours with one act each beat one hour with two far away.
func TestRoundTheClock(t *testing.T) {
	m, err := hours.Fit(t.Context(), []hours.Histogram{{0: 1, 6: 1, 12: 1, 18: 1}}, hours.Options{Concentration: 1e-6})
	if err != nil {
		t.Fatal(err)
	}
	own := hours.Histogram{23: 1, 0: 1, 1: 1, 12: 2}
	p, err := m.Shares(&own)
	if err != nil {
		t.Fatal(err)
	}
	// of an act, e^0, e^−.5, e^−2 … over Σ e^(−d²/2) = 2.50663 stay 0, 1, 2 hours away
	if want := (1 + 2*math.Exp(-0.5)) / 2.50663 / 5; math.Abs(p[0]-want) > 1e-5 {
		t.Errorf("share of midnight is %v, want %v", p[0], want)
	}
	if hour, _, _ := m.Best(&own); hour != 0 {
		t.Errorf("best hour is %d, want midnight", hour)
	}
}

// Shares add up to 1, and turning every clock by some hours turns the shares.
func TestTurned(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		by := rapid.IntRange(0, 23).Draw(t, "by")
		bandwidth := rapid.Float64Range(0, 12).Draw(t, "bandwidth")
		one, turned := make([]hours.Histogram, 3), make([]hours.Histogram, 3)
		one[0][0], turned[0][by] = 1, 1
		for i := range one {
			for range 5 {
				h, n := rapid.IntRange(0, 23).Draw(t, "hour"), float32(rapid.IntRange(0, 9).Draw(t, "acts"))
				one[i][h], turned[i][(h+by)%24] = n, n
			}
		}
		if one[0][0] == 0 {
			one[1][0], turned[1][by] = 1, 1
		}
		o := hours.Options{Bandwidth: &bandwidth}
		a, err := hours.Fit(context.Background(), one, o)
		b, err2 := hours.Fit(context.Background(), turned, o)
		if err != nil || err2 != nil {
			t.Fatal(err, err2)
		}
		p, err := a.Shares(&one[2])
		q, err2 := b.Shares(&turned[2])
		if err != nil || err2 != nil {
			t.Fatal(err, err2)
		}
		sum := 0.0
		for h := range p {
			sum += p[h]
			if math.Abs(p[h]-q[(h+by)%24]) > 1e-9 {
				t.Fatalf("turned by %d, the share of hour %d is %v instead of %v", by, h, q[(h+by)%24], p[h])
			}
		}
		if math.Abs(sum-1) > 1e-9 {
			t.Fatalf("shares add up to %v", sum)
		}
	})
}

// Half of what customers do is at an hour of their own: with twenty acts it is found.
func TestFindsTheHour(t *testing.T) {
	rng := rand.New(rand.NewPCG(8, 8))
	customers, own := make([]hours.Histogram, 1000), make([]int, 1000)
	for i := range customers {
		own[i] = rng.IntN(24)
		for range 20 {
			h := rng.IntN(24)
			if rng.IntN(2) == 0 {
				h = own[i]
			}
			customers[i][h]++
		}
	}
	m, err := hours.Fit(t.Context(), customers, hours.Options{})
	if err != nil {
		t.Fatal(err)
	}
	found := 0
	for i := range customers {
		if hour, _, err := m.Best(&customers[i]); err == nil && hour == own[i] {
			found++
		}
	}
	if found < 950 {
		t.Errorf("the hour of %d of 1000 customers is found", found)
	}
}

func TestRefuses(t *testing.T) {
	for _, bad := range []hours.Histogram{{3: -1}, {4: float32(math.NaN())}, {5: float32(math.Inf(1))}} {
		if _, err := hours.Fit(t.Context(), []hours.Histogram{bad}, hours.Options{}); err == nil {
			t.Errorf("%v is accepted", bad)
		}
	}
	if _, err := hours.Fit(t.Context(), make([]hours.Histogram, 3), hours.Options{}); !errors.Is(err, models.ErrNoData) {
		t.Errorf("customers who did nothing give %v", err)
	}
	wide := 13.0
	for _, o := range []hours.Options{{Concentration: -1}, {Concentration: math.Inf(1)}, {Bandwidth: &wide}} {
		var option *models.OptionError
		if _, err := hours.Fit(t.Context(), []hours.Histogram{{1: 1}}, o); !errors.As(err, &option) {
			t.Errorf("%+v gives %v", o, err)
		}
	}
	m, err := hours.Fit(t.Context(), []hours.Histogram{{1: 1}}, hours.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := m.Best(&hours.Histogram{2: -3}); err == nil {
		t.Error("less than nothing done is accepted")
	}
	again, err := hours.New(*m)
	if err != nil || !reflect.DeepEqual(m, again) {
		t.Errorf("stored and read it differs (%v)", err)
	}
	for _, spoil := range []func(*hours.Model){func(m *hours.Model) { m.Prior[3] = 0 }, func(m *hours.Model) { m.Prior[3]++ },
		func(m *hours.Model) { m.Concentration = 0 }, func(m *hours.Model) { m.Bandwidth = math.NaN() }} {
		bad := *m
		spoil(&bad)
		if _, err := hours.New(bad); err == nil {
			t.Errorf("spoiled %+v is accepted", bad)
		}
	}
}

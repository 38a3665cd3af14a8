package response_test

import (
	"errors"
	"math"
	"math/rand/v2"
	"testing"

	"pgregory.net/rapid"

	"regulars/models"
	"regulars/models/response"
)

func fit(t *testing.T, tallies []response.Tally) *response.Model {
	t.Helper()
	m, err := response.Fit(t.Context(), tallies, response.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// The optimum of the same likelihood and priors by SciPy 1.17.1: minimize(loss, [-2, 3],
// method="BFGS") with loss from scipy.special.betaln over (sent, answered, customers)
// (1,0,40) (1,1,6) (3,0,20) (3,1,8) (3,3,3) (10,0,12) (10,2,9) (10,7,2).
func TestScipy(t *testing.T) {
	var tallies []response.Tally
	for _, c := range [][3]int64{{1, 0, 40}, {1, 1, 6}, {3, 0, 20}, {3, 1, 8}, {3, 3, 3}, {10, 0, 12}, {10, 2, 9}, {10, 7, 2}} {
		for range c[2] {
			tallies = append(tallies, response.Tally{Sent: c[0], Answered: c[1]})
		}
	}
	m := fit(t, tallies)
	if math.Abs(m.A/0.37482467-1) > 1e-3 || math.Abs(m.B/2.04173123-1) > 1e-3 {
		t.Errorf("Beta(%.6f, %.6f), SciPy Beta(.374825, 2.041731)", m.A, m.B)
	}
}

// Customers whose rates are Beta(2, 18) are found out to be so.
func TestKnownRates(t *testing.T) {
	rng := rand.New(rand.NewPCG(4, 4))
	tallies := make([]response.Tally, 20_000)
	for i := range tallies {
		rate := beta(rng, 2, 18)
		tallies[i].Sent = int64(rng.IntN(15)) // of whom some got nothing
		for range tallies[i].Sent {
			if rng.Float64() < rate {
				tallies[i].Answered++
			}
		}
	}
	m := fit(t, tallies)
	if math.Abs(mean(m)-0.1) > 0.004 || math.Abs((m.A+m.B)/20-1) > 0.15 {
		t.Errorf("mean rate %.4f, strength %.2f; want .1 and 20", mean(m), m.A+m.B)
	}
	if p, err := m.Rate(response.Tally{}); err != nil || p != mean(m) {
		t.Errorf("who got nothing has rate %v (%v), want the mean %v", p, err, mean(m))
	}
}

func mean(m *response.Model) float64 { return m.A / (m.A + m.B) }

// beta of whole numbers is an order statistic of uniform numbers.
func beta(rng *rand.Rand, a, b int) float64 {
	sum, first := 0.0, 0.0
	for k := range a + b {
		e := rng.ExpFloat64()
		if sum += e; k < a {
			first += e
		}
	}
	return first / sum
}

// The rate lies between the customer's own and the mean, grows with answers, and
// what customers the tallies are of does not depend on their order.
func TestLaws(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m, err := response.New(rapid.Float64Range(0.01, 50).Draw(t, "a"), rapid.Float64Range(0.01, 50).Draw(t, "b"))
		if err != nil {
			t.Fatal(err)
		}
		sent := rapid.Int64Range(1, 1000).Draw(t, "sent")
		answered := rapid.Int64Range(0, sent-1).Draw(t, "answered")
		p, err := m.Rate(response.Tally{Sent: sent, Answered: answered})
		q, err2 := m.Rate(response.Tally{Sent: sent, Answered: answered + 1})
		own := float64(answered) / float64(sent)
		if err != nil || err2 != nil || !(p < q) || p < min(own, mean(m))-1e-12 || p > max(own, mean(m))+1e-12 {
			t.Fatalf("%d of %d answered: rate %v, with one more %v, own %v, mean %v", answered, sent, p, q, own, mean(m))
		}
	})
}

func TestOrderDoesNotMatter(t *testing.T) {
	a := []response.Tally{{5, 1}, {2, 0}, {9, 4}, {1, 1}, {7, 0}}
	b := []response.Tally{{7, 0}, {9, 4}, {2, 0}, {0, 0}, {5, 1}, {1, 1}}
	if x, y := fit(t, a), fit(t, b); *x != *y {
		t.Errorf("%v in one order, %v in another", x, y)
	}
}

// Nobody answered, everybody answered, one message, ever so many: rates stay
// inside (0, 1).
func TestEdges(t *testing.T) {
	for _, tallies := range [][]response.Tally{{{1, 0}}, {{1, 1}}, {{1 << 40, 3}, {1 << 40, 1 << 40}}, {{500, 0}, {500, 0}}, {{500, 500}, {3, 3}}} {
		m := fit(t, tallies)
		for _, tally := range append(tallies, response.Tally{}) {
			if p, err := m.Rate(tally); err != nil || !(p > 0 && p < 1) {
				t.Errorf("%v: rate of %+v is %v (%v)", tallies, tally, p, err)
			}
		}
	}
}

func TestRefuses(t *testing.T) {
	for _, bad := range [][]response.Tally{{{Sent: 1, Answered: 2}}, {{Sent: -1, Answered: -1}}, {{Sent: 3, Answered: -1}}} {
		if _, err := response.Fit(t.Context(), bad, response.Options{}); err == nil {
			t.Errorf("%v is accepted", bad)
		}
		if _, err := (&response.Model{A: 1, B: 1}).Rate(bad[0]); err == nil {
			t.Errorf("a rate of %v is given", bad)
		}
	}
	if _, err := response.Fit(t.Context(), make([]response.Tally, 5), response.Options{}); !errors.Is(err, models.ErrNoData) {
		t.Errorf("no messages give %v", err)
	}
	var option *models.OptionError
	if _, err := response.Fit(t.Context(), []response.Tally{{1, 0}}, response.Options{MaxIterations: -1}); !errors.As(err, &option) {
		t.Errorf("-1 iterations give %v", err)
	}
	for _, ab := range [][2]float64{{0, 1}, {1, -1}, {math.NaN(), 1}, {math.Inf(1), 1}} {
		if _, err := response.New(ab[0], ab[1]); err == nil {
			t.Errorf("Beta%v is accepted", ab)
		}
	}
}

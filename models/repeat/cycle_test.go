package repeat

import (
	"math"
	"math/rand/v2"
	"testing"

	"pgregory.net/rapid"
)

// The expected values are (S(t−½) − S(t+H−½)) / S(t−½) / (1 − exp(−H/θ)) with
// S = (1−1e−6)·lognorm.sf + 1e−6·expon.sf of scipy 1.17 and θ = exp(mean + γ).
func TestLift(t *testing.T) {
	for _, c := range []struct{ mean, variance, elapsed, horizon, want float64 }{
		{3.4, 0.01, 2, 7, 9.722847352e-07},
		{3.4, 0.01, 31, 7, 7.899503557},
		{3.4, 0.25, 10, 7, 0.8682848977},
		{3.4, 0.01, 120, 7, 1},
		{1.9, 0.5, 5, 14, 1.294003747},
		{3.4, 1.5, 1, 7, 1.046811569},
	} {
		got := cycle{c.mean, c.variance}.lift(c.elapsed, c.horizon)
		if math.Abs(got-c.want) > 1e-6*c.want {
			t.Errorf("%+v: lift is %v", c, got)
		}
	}
}

// Pseudo gaps are worth as much as gaps: a prior of weight 3 updated with three
// gaps gives the mean and variance of six numbers, three of which have the mean
// and variance of the prior.
func TestUpdate(t *testing.T) {
	prior := cycle{mean: 3, variance: 1.2}
	var g gapSum
	for _, days := range []float64{28, 31, 35} {
		g.add(days)
	}
	got := prior.update(g, 3)
	six := []float64{3 - math.Sqrt(1.8), 3, 3 + math.Sqrt(1.8), math.Log(28), math.Log(31), math.Log(35)}
	mean, variance := 0.0, 0.0
	for _, y := range six {
		mean += y / 6
	}
	for _, y := range six {
		variance += (y - mean) * (y - mean) / 6
	}
	if math.Abs(got.mean-mean) > 1e-12 || math.Abs(got.variance-variance) > 1e-12 {
		t.Errorf("updated to %+v, want mean %v and variance %v", got, mean, variance)
	}
	if same := prior.update(gapSum{}, 3); same != prior {
		t.Errorf("no gaps change the law to %+v", same)
	}
}

// Gaps of a memoryless buyer carry no cycle, gaps of a punctual one do.
func TestRegularity(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	var random, punctual gapSum
	for range 20000 {
		random.add(30 * rng.ExpFloat64())
		punctual.add(30 * math.Exp(0.1*rng.NormFloat64()))
	}
	start := cycle{mean: 3, variance: randomVariance}
	if c := start.update(random, 20); c.regularity() > 0.03 || math.Abs(c.mean-(math.Log(30)-eulerGamma)) > 0.03 {
		t.Errorf("random purchases every 30 days: %+v, regularity %v", c, c.regularity())
	}
	if c := start.update(punctual, 20); c.regularity() < 0.98 || math.Abs(c.days()-30) > 0.2 {
		t.Errorf("punctual purchases every 30 days: %+v, regularity %v, every %v days", c, c.regularity(), c.days())
	}
}

// Whatever the law and the day, the lift is a positive finite number that no
// likelihood of more than 1 stands behind.
func TestLiftIsFinite(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := cycle{rapid.Float64Range(-5, 12).Draw(t, "mean"), rapid.Float64Range(0, 50).Draw(t, "variance")}
		elapsed := float64(rapid.Int32Range(1, math.MaxInt32).Draw(t, "elapsed"))
		horizon := rapid.Float64Range(minDays, 1e4).Draw(t, "horizon")
		got := c.lift(elapsed, horizon)
		most := 1 / -math.Expm1(-horizon/math.Exp(c.mean+eulerGamma))
		if !(got >= 0) || got > math.Max(1, most)*(1+1e-9) {
			t.Fatalf("lift of %+v after %v days within %v is %v, at most %v is possible", c, elapsed, horizon, got, most)
		}
	})
}

package season

import (
	"math"
	"testing"
)

// The closed forms against sums over the days' instants.
func TestCovariancesOfWindows(t *testing.T) {
	const steps = 600
	for _, c := range []struct {
		horizon int
		a, b    float64 // days before the target
	}{{90, 0, 0}, {90, 90, 90}, {90, 120, 90}, {90, 0, 360}, {365, 400, 500}, {30, 365, 0}} {
		length := float64(c.horizon) / yearDays
		var walk, cosines float64
		for i := range steps {
			for j := range steps {
				u := (c.a + float64(c.horizon)*(float64(i)+0.5)/steps) / yearDays // back from the target's end
				v := (c.b + float64(c.horizon)*(float64(j)+0.5)/steps) / yearDays
				walk += math.Min(u, v) / (steps * steps)
				for h := 1.0; h <= harmonics; h++ {
					cosines += math.Cos(2*math.Pi*h*(u-v)) / (h * h) / (1 + 1.0/4 + 1.0/9) / (steps * steps)
				}
			}
		}
		if got := wandering(c.a/yearDays, c.b/yearDays, length); math.Abs(got-walk) > 1e-5 {
			t.Errorf("%+v: covariance of the walk %.6f, want %.6f", c, got, walk)
		}
		if got := seasonal((c.a-c.b)/yearDays, c.horizon); math.Abs(got-cosines) > 1e-5 {
			t.Errorf("%+v: covariance of the season %.6f, want %.6f", c, got, cosines)
		}
	}
}

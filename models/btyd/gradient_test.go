package btyd

import (
	"math"
	"testing"

	"pgregory.net/rapid"
)

func drawCustomer(t *rapid.T) Customer {
	c := Customer{X: rapid.IntRange(0, 60).Draw(t, "x"), T: rapid.Float64Range(0.1, 300).Draw(t, "T")}
	if c.X > 0 {
		c.TX = c.T * rapid.Float64Range(0.01, 1).Draw(t, "share")
		c.Mean = rapid.Float64Range(0.5, 500).Draw(t, "mean")
	}
	return c
}

// The analytic derivatives are those of the density, by central differences in
// the logarithms of the parameters.
func TestGradients(t *testing.T) {
	for _, d := range []struct {
		name    string
		density density
		dim     int
	}{{"bgnbd", bgnbdDensity, 4}, {"paretonbd", paretoDensity, 4}, {"gammagamma", gammaDensity, 3}} {
		t.Run(d.name, func(t *testing.T) {
			rapid.Check(t, func(t *rapid.T) {
				c := drawCustomer(t)
				if d.dim == 3 && c.X == 0 {
					c = Customer{X: 1, Mean: 3}
				}
				logs := rapid.SliceOfN(rapid.Float64Range(-3, 4), d.dim, d.dim).Draw(t, "logs")
				g := group{c, 2}
				grad, scratch := make([]float64, d.dim), make([]float64, d.dim)
				at := func(logs []float64, grad []float64) float64 {
					theta := make([]float64, d.dim)
					for i, l := range logs {
						theta[i] = math.Exp(l)
					}
					return d.density(theta)(&g, grad)
				}
				value := at(logs, grad)
				for i, l := range logs {
					const h = 1e-5
					logs[i] = l + h
					up := at(logs, scratch)
					logs[i] = l - h
					down := at(logs, scratch)
					logs[i] = l
					want := g.n * (up - down) / (2 * h)
					if !within(grad[i], want, 1e-5, 1e-5+1e-10*math.Abs(value)) {
						t.Fatalf("derivative %d of %+v at %v is %v, by differences %v", i, c, logs, grad[i], want)
					}
				}
			})
		})
	}
}

// What must hold for any customer and parameters: probabilities are
// probabilities, more time brings more orders, and discounting takes some away.
func TestAnswersMakeSense(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := drawCustomer(t)
		theta := make([]float64, 4)
		for i := range theta {
			theta[i] = math.Exp(rapid.Float64Range(-4, 4).Draw(t, "log"))
		}
		for _, m := range []Orders{(&BGNBD{}).with(theta), (&ParetoNBD{}).with(theta)} {
			alive := m.Alive(c)
			short, long := m.Expected(c, 5), m.Expected(c, 50)
			half := m.Discounted(c, 50, 0.05)
			if !(alive >= 0 && alive <= 1) || !(short >= 0 && long*(1+1e-12) >= short && half <= long*(1+1e-12) && half >= 0) || math.IsInf(long, 0) {
				t.Fatalf("%T %v %+v: alive %v, expected %v in 5 and %v in 50 (%v discounted)", m, theta, c, alive, short, long, half)
			}
			if rate := m.Rate(c, 0); !within(m.Expected(c, 1e-6), 1e-6*rate, 1e-3, 1e-300) {
				t.Fatalf("%T %v %+v: rate now %v, expected in a moment %v", m, theta, c, rate, m.Expected(c, 1e-6))
			}
			if m.Expected(c, 0) != 0 || m.Discounted(c, -1, 0.1) != 0 {
				t.Fatalf("%T expects orders in no time", m)
			}
		}
	})
}

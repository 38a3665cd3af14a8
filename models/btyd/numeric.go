package btyd

import (
	"fmt"
	"math"

	"gonum.org/v1/gonum/integrate/quad"
)

// nodes and weights of Gauss and Legendre's rule on [0, 1].
var nodes, weights = legendre(16)

func legendre(n int) (nodes, weights []float64) {
	nodes, weights = make([]float64, n), make([]float64, n)
	quad.Legendre{}.FixedLocations(nodes, weights, 0, 1)
	return nodes, weights
}

// integral of f(u)·e^(−rate·u) from 0 to horizon, f falling from its value at 0
// over times of the order of wane: over v = ln(1 + u/wane), in panels.
func integral(horizon, wane, rate float64, f func(u float64) float64) float64 {
	if !(horizon > 0) {
		return 0
	}
	wane /= 1 + rate*wane
	length := math.Log1p(horizon / wane)
	panels := math.Ceil(length / 1.5)
	sum, width := 0.0, length/panels
	for p := 0.0; p < panels; p++ {
		for k, node := range nodes {
			v := (p + node) * width
			u := wane * math.Expm1(v)
			sum += weights[k] * width * (wane + u) * math.Exp(-rate*u) * f(u)
		}
	}
	return sum
}

func lgamma(x float64) float64 {
	v, _ := math.Lgamma(x)
	return v
}

// logAdd is ln(e^a + e^b), a finite.
func logAdd(a, b float64) float64 {
	m := math.Max(a, b)
	return m + math.Log(math.Exp(a-m)+math.Exp(b-m))
}

func checkLength(names []string, theta []float64) error {
	if len(theta) != len(names) {
		return fmt.Errorf("btyd: %d parameters, want the %d of %v", len(theta), len(names), names)
	}
	return nil
}

package modeltest

import "math/bits"

// Shapley returns the Shapley values of a game over few columns by definition, the
// mean marginal contribution over all orders, then the value of nobody: the truth
// that faster ways are held against. Bit j of a coalition is column j. Source:
// Shapley 1953, "A value for n-person games", equation 12.
func Shapley(columns int, value func(coalition uint) float64) []float64 {
	values := make([]float64, 1<<columns)
	for s := range values {
		values[s] = value(uint(s))
	}
	out := make([]float64, columns+1)
	out[columns] = values[0]
	for s := range values {
		weight := 1 / (float64(columns) * binomial(columns-1, bits.OnesCount(uint(s))))
		for j := range columns {
			if s>>j&1 == 0 {
				out[j] += weight * (values[s|1<<j] - values[s])
			}
		}
	}
	return out
}

func binomial(n, k int) float64 {
	out := 1.0
	for i := range k {
		out = out * float64(n-i) / float64(i+1)
	}
	return out
}

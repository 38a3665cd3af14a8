package season

import "math"

// component is a normal distribution of the target's residual, for one choice
// of sizes. Its mean is level + season.
type component struct {
	sizes         sizes
	level, season float64
	variance      float64
	log           float64 // of the weight, up to a constant
	weight        float64
}

// mixture is a distribution of the target's residual.
type mixture []component

// normalised sets the weights from their logarithms.
func (m mixture) normalised() mixture {
	most, sum := math.Inf(-1), 0.0
	for _, c := range m {
		most = max(most, c.log)
	}
	for i := range m {
		m[i].weight = math.Exp(m[i].log - most)
		sum += m[i].weight
	}
	for i := range m {
		m[i].weight /= sum
	}
	return m
}

func (m mixture) mean(of func(component) float64) float64 {
	sum := 0.0
	for _, c := range m {
		sum += c.weight * of(c)
	}
	return sum
}

// below is the probability of a residual of at most x.
func (m mixture) below(x float64) float64 {
	return m.mean(func(c component) float64 {
		return math.Erfc((c.level+c.season-x)/math.Sqrt(2*c.variance)) / 2
	})
}

// quantile inverts below by bisection.
func (m mixture) quantile(q float64) float64 {
	low, high := -1.0, 1.0
	for m.below(low) > q {
		low *= 2
	}
	for m.below(high) < q {
		high *= 2
	}
	for range 60 {
		if middle := (low + high) / 2; m.below(middle) < q {
			low = middle
		} else {
			high = middle
		}
	}
	return (low + high) / 2
}

package ranking

import (
	"math"
	"math/rand/v2"
	"strconv"
)

// A Dimension is one option that a search varies.
type Dimension struct {
	Option string
	Dated  bool // has a meaning only where days are known
	draw   func(*rand.Rand) string
}

// among draws one of the given values.
func among(option string, values ...string) Dimension {
	return Dimension{Option: option, draw: func(r *rand.Rand) string { return values[r.IntN(len(values))] }}
}

// between draws a number evenly in its logarithm, to three digits.
func between(option string, low, high float64) Dimension {
	return Dimension{Option: option, draw: func(r *rand.Rand) string {
		x := low * math.Pow(high/low, r.Float64())
		return strconv.FormatFloat(x, 'g', 3, 64)
	}}
}

// within draws a number evenly, to three digits.
func within(option string, low, high float64) Dimension {
	return Dimension{Option: option, draw: func(r *rand.Rand) string {
		return strconv.FormatFloat(low+(high-low)*r.Float64(), 'g', 3, 64)
	}}
}

// dated says that a dimension means nothing without days.
func dated(d Dimension) Dimension {
	d.Dated = true
	return d
}

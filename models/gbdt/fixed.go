package gbdt

import "math"

// pair is a gradient and a hessian, or a sum of them, in the units of a scale.
type pair struct{ g, h int64 }

func (p pair) minus(q pair) pair { return pair{p.g - q.g, p.h - q.h} }

// scale is how many units make one; powers of two, so that rounding to a unit is
// the only loss.
type scale struct{ g, h float64 }

// newScale keeps every sum of n numbers of at most these sizes below 2^62.
func newScale(n int, g, h float64) scale { return scale{unit(n, g), unit(n, h)} }

func unit(n int, size float64) float64 {
	if size == 0 {
		return 1
	}
	_, exponent := math.Frexp(size)
	_, count := math.Frexp(float64(n))
	return math.Ldexp(1, min(62-exponent-count, 1000))
}

// quantize writes gradients and hessians as whole numbers of units and returns
// their scale and the sum of those of rows. It fails when one is not finite.
func quantize(g, h []float64, rows []int32, dst []pair, workers int) (scale, pair, error) {
	largestG, largestH := largest(g, workers), largest(h, workers)
	if !finite(largestG) || !finite(largestH) {
		return scale{}, pair{}, errDiverged
	}
	s := newScale(len(g), largestG, largestH)
	parallelRows(workers, len(g), func(from, to int) {
		for i := from; i < to; i++ {
			dst[i] = pair{int64(math.RoundToEven(g[i] * s.g)), int64(math.RoundToEven(h[i] * s.h))}
		}
	})
	var sum pair
	for _, r := range rows {
		sum.g += dst[r].g
		sum.h += dst[r].h
	}
	return s, sum, nil
}

// largest returns the greatest magnitude; what is not a number counts as greatest.
func largest(values []float64, workers int) float64 {
	chunks := make([]uint64, (len(values)+chunkRows-1)/chunkRows)
	parallelRows(workers, len(values), func(from, to int) {
		most := uint64(0)
		for _, v := range values[from:to] {
			most = max(most, math.Float64bits(v)&^(1<<63)) // ordered as the magnitudes are
		}
		chunks[from/chunkRows] = most
	})
	most := uint64(0)
	for _, v := range chunks {
		most = max(most, v)
	}
	return math.Float64frombits(most)
}

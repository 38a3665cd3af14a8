package clv

import (
	"math"
	"math/rand/v2"
	"slices"

	"regulars/training/metrics"
)

// Above these many customers, whole hands of customers are drawn in place of
// customers, as in metrics.Bootstrap.
const (
	maxResampled = 20_000
	hands        = 10_000
)

// sums are what correlation, bias and error of some customers are made of.
type sums struct{ n, e, a, ee, aa, ea, miss float64 }

func sumsOf(expected, actual float64) sums {
	return sums{1, expected, actual, expected * expected, actual * actual, expected * actual, math.Abs(expected - actual)}
}

func (s *sums) add(o sums) {
	s.n += o.n
	s.e += o.e
	s.a += o.a
	s.ee += o.ee
	s.aa += o.aa
	s.ea += o.ea
	s.miss += o.miss
}

// holdoutKeys name the metrics, in the order of values.
var holdoutKeys = [...]string{"holdout_correlation", "holdout_bias", "holdout_ratio", "mae"}

// values returns the metrics, NaN where there is none.
func (s *sums) values() [len(holdoutKeys)]float64 {
	e, a := s.ee-s.e*s.e/s.n, s.aa-s.a*s.a/s.n
	v := [...]float64{math.NaN(), (s.e - s.a) / s.n, s.e / s.a, s.miss / s.n}
	if e > 1e-12*s.ee && a > 1e-12*s.aa {
		v[0] = (s.ea - s.e*s.a/s.n) / math.Sqrt(e*a)
	}
	if !(s.a > 0) {
		v[2] = math.NaN()
	}
	return v
}

// compare measures what was expected of customers against what they did:
//
//	holdout_correlation  Pearson's, over customers
//	holdout_bias         mean of expected − actual
//	holdout_ratio        sum of expected / sum of actual
//	mae                  mean of |expected − actual|
//
// with 95% percentile intervals over draws bootstrap samples of the customers. A
// metric that has no value is absent.
func compare(expected, actual []float64, draws int, seed uint64) map[string]metrics.Metric {
	cells := make([]sums, min(len(expected), maxResampled))
	if len(expected) > maxResampled {
		cells = cells[:hands]
	}
	var all sums
	for i, e := range expected {
		one := sumsOf(e, actual[i])
		cells[i%len(cells)].add(one)
		all.add(one)
	}
	seen := resample(cells, draws, seed)
	out := map[string]metrics.Metric{}
	for k, v := range all.values() {
		if math.IsNaN(v) || math.IsInf(v, 0) {
			continue
		}
		m := metrics.Metric{Value: v}
		if sampled := slices.DeleteFunc(seen[k], math.IsNaN); len(sampled) > 0 {
			slices.Sort(sampled)
			low, high := quantile(sampled, 0.025), quantile(sampled, 0.975)
			m.Low, m.High = &low, &high
		}
		out[holdoutKeys[k]] = m
	}
	return out
}

// resample returns the values of each metric over samples of the cells.
func resample(cells []sums, draws int, seed uint64) [len(holdoutKeys)][]float64 {
	var out [len(holdoutKeys)][]float64
	if len(cells) == 0 {
		return out
	}
	rng := rand.New(rand.NewPCG(seed, 0x636c76))
	for range draws {
		var s sums
		for range cells {
			s.add(cells[rng.Uint64N(uint64(len(cells)))])
		}
		for k, v := range s.values() {
			out[k] = append(out[k], v)
		}
	}
	return out
}

func quantile(sorted []float64, q float64) float64 {
	at := q * float64(len(sorted)-1)
	i := int(at)
	if i+1 >= len(sorted) {
		return sorted[len(sorted)-1]
	}
	return sorted[i] + (at-float64(i))*(sorted[i+1]-sorted[i])
}

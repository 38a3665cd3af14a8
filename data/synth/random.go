package synth

import (
	"math"
	"math/rand/v2"
	"sort"
)

// The random streams of a shop. Each purpose has its own, so that drawing more
// for one changes nothing else.
const (
	streamCatalogue = iota
	streamWho
	streamWhen
	streamWhat
	streamBrowse
	streamPost
	streamDirt
)

// stream returns the random source of one purpose and one number (customer).
func (s *Shop) stream(purpose, number int) *rand.Rand {
	return rand.New(rand.NewPCG(mix(s.opts.Seed+uint64(purpose)<<56), mix(uint64(number)+1)))
}

// mix is the finaliser of SplitMix64 (Steele, Lea and Flood 2014): it spreads
// neighbouring numbers over all 64 bits.
func mix(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// gamma draws from the gamma distribution with the given shape and scale 1, by
// Marsaglia and Tsang 2000; shapes below 1 by their boost.
func gamma(r *rand.Rand, shape float64) float64 {
	if shape < 1 {
		return gamma(r, shape+1) * math.Pow(1-r.Float64(), 1/shape)
	}
	d := shape - 1.0/3
	c := 1 / math.Sqrt(9*d)
	for {
		x := r.NormFloat64()
		v := 1 + c*x
		if v <= 0 {
			continue
		}
		v = v * v * v
		if math.Log(1-r.Float64()) < x*x/2+d-d*v+d*math.Log(v) {
			return d * v
		}
	}
}

// geometric draws the number of successes before the first failure.
func geometric(r *rand.Rand, success float64) int {
	n := 0
	for r.Float64() < success {
		n++
	}
	return n
}

func chance(r *rand.Rand, p float64) bool { return r.Float64() < p }

// between draws a whole number from low to high, both included.
func between(r *rand.Rand, low, high int) int { return low + r.IntN(high-low+1) }

// wheel draws indices in proportion to weights.
type wheel []float64 // running sums

func newWheel(n int, weight func(i int) float64) wheel {
	w := make(wheel, n)
	sum := 0.0
	for i := range w {
		sum += weight(i)
		w[i] = sum
	}
	return w
}

func newWheelOf(weights []float64) wheel {
	return newWheel(len(weights), func(i int) float64 { return weights[i] })
}

func (w wheel) draw(r *rand.Rand) int {
	x := r.Float64() * w[len(w)-1]
	return min(sort.Search(len(w), func(i int) bool { return w[i] > x }), len(w)-1)
}

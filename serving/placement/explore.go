package placement

import (
	"cmp"
	"crypto/sha256"
	"math"
	"math/rand/v2"
	"slices"
)

// Trial is an item that may be explored, and what is known of it.
type Trial struct {
	Index               int // the caller's
	Impressions, Clicks int64
}

// Probe is what became of one slot.
type Probe struct {
	Explored   bool
	Index      int     // of the Trial, where Explored
	Propensity float64 // probability of what stands in the slot, given the slots before it
}

// The belief about an item of which nothing is known: Beta(1, doubt), so about
// one click in twenty impressions.
const doubt = 20

// drawnFrom is how many of the items of which least is known an explored slot is
// drawn from.
const drawnFrom = 8

// Explore decides slot by slot, with probability share each, whether it goes to
// one of the trials in place of what stands there, and to which: the drawnFrom of
// which least is known (widest posterior) are drawn from with the probability
// that each has the highest click rate, which is Thompson sampling. That
// probability is integrated on a grid and the draw made from just these numbers,
// so that a propensity is exact: 1 − share for what stands there, share × that
// probability for a trial, 1 where nothing could have been explored.
//
// open says whether a slot may be explored at all, may whether a trial may stand
// in it, given what became of the slots before. The seed decides everything else.
func Explore(share float64, seed string, slots int, trials []Trial, open func(slot int) bool, may func(before []Probe, t Trial) bool) []Probe {
	random := rand.New(rand.NewChaCha8(sha256.Sum256([]byte(seed))))
	left := widest(trials)
	out := make([]Probe, slots)
	for s := range out {
		out[s].Propensity = 1
		explore, at := random.Float64() < share, random.Float64() // both always, so that a slot's luck is its own
		if share <= 0 || !open(s) {
			continue
		}
		from := make([]int, 0, drawnFrom) // places in left
		for i := 0; i < len(left) && len(from) < drawnFrom; i++ {
			if may(out[:s], left[i].Trial) {
				from = append(from, i)
			}
		}
		if len(from) == 0 {
			continue
		}
		out[s].Propensity = 1 - share
		if explore {
			n, p := draw(left, from, at)
			out[s] = Probe{true, left[from[n]].Index, share * p}
			left = slices.Delete(left, from[n], from[n]+1)
		}
	}
	return out
}

// belief is a trial with its posterior Beta(a, b).
type belief struct {
	Trial
	a, b float64
}

func (b belief) mean() float64 { return b.a / (b.a + b.b) }

func (b belief) deviation() float64 {
	n := b.a + b.b
	return math.Sqrt(b.a*b.b/(n+1)) / n
}

// widest returns beliefs about the trials, the least certain first.
func widest(trials []Trial) []belief {
	out := make([]belief, len(trials))
	for i, t := range trials {
		clicks := max(t.Clicks, 0)
		out[i] = belief{t, float64(clicks) + 1, float64(max(t.Impressions-clicks, 0)) + doubt}
	}
	slices.SortStableFunc(out, func(x, y belief) int { return cmp.Compare(y.deviation(), x.deviation()) })
	return out
}

// draw returns which of the beliefs the point at of [0, 1) falls to, and its
// probability.
func draw(all []belief, from []int, at float64) (n int, p float64) {
	chosen := make([]belief, len(from))
	for i, f := range from {
		chosen[i] = all[f]
	}
	best := likeliest(chosen)
	for n, p = range best {
		if at -= p; at < 0 {
			break
		}
	}
	return n, p
}

// grid is how many points the integral takes.
const grid = 200

// likeliest returns for each belief the probability that its click rate is the
// highest: ∫ fᵢ(x) Π_{j≠i} Fⱼ(x) dx by the midpoint rule over the six deviations
// around all means. The probabilities add up to 1.
func likeliest(beliefs []belief) []float64 {
	low, high := 1.0, 0.0
	for _, b := range beliefs {
		low, high = min(low, b.mean()-6*b.deviation()), max(high, b.mean()+6*b.deviation())
	}
	low, high = max(low, 0), min(high, 1)
	mass := make([][grid]float64, len(beliefs))
	for i, b := range beliefs {
		mass[i] = b.masses(low, high)
	}
	below := make([]float64, len(beliefs)) // Fⱼ at the midpoint
	out, sum := make([]float64, len(beliefs)), 0.0
	for g := range grid {
		for i := range beliefs {
			below[i] += mass[i][g] / 2
		}
		for i := range beliefs {
			p := mass[i][g]
			for j := range beliefs {
				if j != i {
					p *= below[j]
				}
			}
			out[i] += p
		}
		for i := range beliefs {
			below[i] += mass[i][g] / 2
		}
	}
	for _, p := range out {
		sum += p
	}
	for i := range out {
		out[i] /= sum
	}
	return out
}

// masses returns how much of the posterior lies in each cell between low and
// high, adding up to 1.
func (b belief) masses(low, high float64) (out [grid]float64) {
	top := math.Inf(-1)
	for g := range out {
		x := low + (high-low)*(float64(g)+.5)/grid
		out[g] = (b.a-1)*math.Log(x) + (b.b-1)*math.Log1p(-x)
		top = max(top, out[g])
	}
	sum := 0.0
	for g := range out {
		out[g] = math.Exp(out[g] - top)
		sum += out[g]
	}
	for g := range out {
		out[g] /= sum
	}
	return out
}

package gbdt

import (
	"cmp"
	"math"
	"slices"
)

// split is how a leaf is best divided; a gain of 0 says not at all.
type split struct {
	gain        float64
	column      int // of the table
	bin         int // numeric: bins up to it go left
	missingLeft bool
	noMissing   bool    // the leaf has no missing values, so that either side suits them
	set         []uint8 // categorical: the bins that go left
	left        pair
	leftValue   float64
	rightValue  float64
}

// limits are the least and largest value a leaf may have under monotone constraints.
type limits struct{ lo, hi float64 }

var unlimited = limits{math.Inf(-1), math.Inf(1)}

func (l limits) clip(v float64) float64 { return min(max(v, l.lo), l.hi) }

// search finds the best split of a leaf of one tree.
type search struct {
	o     *Options
	scale scale
	unit  scale // one over scale
}

func newSearch(o *Options, s scale) search { return search{o, s, scale{1 / s.g, 1 / s.h}} }

// node is what a search must know of a leaf.
type node struct {
	sum    pair
	rows   int
	limits limits
}

// least returns the smallest sum of hessians, in units, that a child may have: that
// asked for, and that of MinDataInLeaf rows at the mean hessian of the leaf. It is
// never 0, so that dividing by a sum of hessians is safe.
func (s *search) least(n *node) int64 {
	return max(n.hessianOf(s.o.MinDataInLeaf), int64(math.Ceil(min(*s.o.MinSumHessian*s.scale.h, math.MaxInt64/2))), 1)
}

// hessianOf returns the hessian, in units, from which a sum counts as so many rows.
func (n *node) hessianOf(rows int) int64 {
	h := (float64(rows) - 0.5) / float64(n.rows) * float64(n.sum.h)
	return int64(math.Ceil(min(h, math.MaxInt64/2)))
}

// shrunk is the gradient after the L1 penalty.
func (s *search) shrunk(g float64) float64 {
	if s.o.L1 == 0 {
		return g
	}
	return math.Copysign(max(math.Abs(g)-s.o.L1, 0), g)
}

// value is what a leaf of these sums takes (Chen & Guestrin 2016, equation 5).
func (s *search) value(p pair, l2 float64, l limits) float64 {
	h := float64(p.h)*s.unit.h + l2
	if h <= 0 {
		return l.clip(0)
	}
	return l.clip(-s.shrunk(float64(p.g)*s.unit.g) / h)
}

// leafGain is twice what a leaf lowers the loss by.
func (s *search) leafGain(p pair, l2 float64) float64 {
	h := float64(p.h)*s.unit.h + l2
	if h <= 0 {
		return 0
	}
	g := s.shrunk(float64(p.g) / s.scale.g)
	return g * g / h
}

// plain is leafGain without penalties.
func plain(g, h float64) float64 { return g * g / h }

// limitedGain is leafGain of a leaf that must take the given value.
func (s *search) limitedGain(p pair, l2, value float64) float64 {
	g, h := s.shrunk(float64(p.g)*s.unit.g), float64(p.h)*s.unit.h+l2
	return -(2*g*value + h*value*value)
}

// gain of both children; −1 where it breaks a monotone constraint. Where nothing is
// constrained it is the one line that most of the search is spent on.
func (s *search) gain(left, right pair, l2 float64, n *node, monotone int8) float64 {
	if n.limits == unlimited && monotone == 0 {
		if s.o.L1 == 0 {
			return plain(float64(left.g)*s.unit.g, float64(left.h)*s.unit.h+l2) + plain(float64(right.g)*s.unit.g, float64(right.h)*s.unit.h+l2)
		}
		return s.leafGain(left, l2) + s.leafGain(right, l2)
	}
	a, b := s.value(left, l2, n.limits), s.value(right, l2, n.limits)
	if monotone > 0 && a > b || monotone < 0 && a < b {
		return -1
	}
	return s.limitedGain(left, l2, a) + s.limitedGain(right, l2, b)
}

// best returns the best split of column c, whose histogram is sums.
func (s *search) best(sums []int64, b *bins, c int, n *node) split {
	floor := s.leafGain(n.sum, s.o.L2) + s.o.MinGain
	out := split{gain: floor, column: c}
	l2 := s.o.L2
	switch {
	case !b.categorical:
		s.numeric(sums, b, n, &out)
	case b.count <= s.o.MaxCatToOnehot:
		s.oneAgainstRest(sums, b, n, &out)
	default:
		l2 += *s.o.CatL2
		s.manyAgainstMany(sums, b, n, l2, &out)
	}
	if out.gain -= floor; out.gain > 0 {
		out.leftValue = s.value(out.left, l2, n.limits)
		out.rightValue = s.value(n.sum.minus(out.left), l2, n.limits)
	}
	return out
}

// numeric tries every bound, with the missing values on the left and, where the
// leaf has some, on the right.
func (s *search) numeric(sums []int64, b *bins, n *node, out *split) {
	missing := pair{}
	if b.missing {
		missing = pair{sums[2*b.count-2], sums[2*b.count-1]}
	}
	out.noMissing = missing.h == 0
	s.fromRight(sums[:2*b.valueBins()], n, b.monotone, out)
	if missing.h != 0 {
		s.fromLeft(sums[:2*b.valueBins()], n, b.monotone, out)
	}
}

// fromRight lowers the bound from the top: what is not counted goes left.
func (s *search) fromRight(sums []int64, n *node, monotone int8, out *split) {
	var right pair
	need := s.least(n)
	for t := len(sums)/2 - 1; t > 0; t-- {
		right.g += sums[2*t]
		right.h += sums[2*t+1]
		if right.h < need {
			continue
		}
		left := n.sum.minus(right)
		if left.h < need {
			break
		}
		if gain := s.gain(left, right, s.o.L2, n, monotone); gain > out.gain {
			out.gain, out.bin, out.left, out.missingLeft = gain, t-1, left, true
		}
	}
}

// fromLeft raises the bound from the bottom: what is not counted goes right.
func (s *search) fromLeft(sums []int64, n *node, monotone int8, out *split) {
	var left pair
	need := s.least(n)
	for t := range len(sums) / 2 {
		left.g += sums[2*t]
		left.h += sums[2*t+1]
		if left.h < need {
			continue
		}
		right := n.sum.minus(left)
		if right.h < need {
			break
		}
		if gain := s.gain(left, right, s.o.L2, n, monotone); gain > out.gain {
			out.gain, out.bin, out.left, out.missingLeft = gain, t, left, false
		}
	}
}

// oneAgainstRest tries each category on the left by itself.
func (s *search) oneAgainstRest(sums []int64, b *bins, n *node, out *split) {
	need := s.least(n)
	for t := 1; t < b.count; t++ {
		left := pair{sums[2*t], sums[2*t+1]}
		right := n.sum.minus(left)
		if left.h < need || right.h < need {
			continue
		}
		if gain := s.gain(left, right, s.o.L2, n, 0); gain > out.gain {
			out.gain, out.left, out.set = gain, left, []uint8{uint8(t)}
		}
	}
}

// manyAgainstMany orders the categories by gradient over smoothed hessian and
// cuts the order from either end (Fisher 1958, as in LightGBM).
func (s *search) manyAgainstMany(sums []int64, b *bins, n *node, l2 float64, out *split) {
	order := s.ordered(sums, b, n)
	s.cut(sums, order, n, l2, out)
	slices.Reverse(order)
	s.cut(sums, order, n, l2, out)
}

// ordered returns the bins of categories with enough rows, by ascending ratio.
func (s *search) ordered(sums []int64, b *bins, n *node) []uint8 {
	perRow := float64(n.sum.h) / float64(n.rows)
	ratio := make([]float64, b.count)
	var order []uint8
	for t := 1; t < b.count; t++ {
		g, h := float64(sums[2*t])*s.unit.g, float64(sums[2*t+1])
		if math.Floor(h/perRow+0.5) >= *s.o.CatSmooth && h > 0 {
			ratio[t] = g / (h*s.unit.h + *s.o.CatSmooth)
			order = append(order, uint8(t))
		}
	}
	slices.SortStableFunc(order, func(a, b uint8) int { return cmp.Compare(ratio[a], ratio[b]) })
	return order
}

// cut tries the first categories of the order on the left.
func (s *search) cut(sums []int64, order []uint8, n *node, l2 float64, out *split) {
	var left pair
	inGroup := int64(0)
	need := s.least(n)
	perGroup := n.hessianOf(s.o.MinDataPerGroup)
	for i, t := range order[:min(s.o.MaxCatThreshold, (len(order)+1)/2)] {
		left.g += sums[2*int(t)]
		left.h += sums[2*int(t)+1]
		inGroup += sums[2*int(t)+1]
		if left.h < need {
			continue
		}
		right := n.sum.minus(left)
		if right.h < need || right.h < perGroup {
			break
		}
		if inGroup < perGroup {
			continue
		}
		inGroup = 0
		if gain := s.gain(left, right, l2, n, 0); gain > out.gain {
			out.gain, out.left, out.set = gain, left, slices.Clone(order[:i+1])
		}
	}
}

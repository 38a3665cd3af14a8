package served

import (
	"math"

	"gonum.org/v1/gonum/stat/distuv"
)

// Estimate is a figure with its 95% interval.
type Estimate struct {
	Value float64 `json:"value"`
	Low   float64 `json:"low"`
	High  float64 `json:"high"`
}

// z is the quantile of the normal distribution for 95%.
const z = 1.959963984540054

// student is the quantile of Student's distribution for 95%.
func student(freedom int) float64 {
	return distuv.StudentsT{Sigma: 1, Nu: float64(freedom)}.Quantile(.975)
}

// visitor is what became of all lists of one visitor.
type visitor struct {
	lists, clicked, ordered int64
	revenue                 float64
}

// variance is the square of the standard error of a sum over visitors divided by
// their number of lists, by leaving out one visitor after the other (the jackknife;
// Wolter, Introduction to Variance Estimation, section 4.2): lists of one visitor
// depend on each other, and a few visitors may have seen most of them. There must be
// two visitors.
func variance(all []visitor, of func(visitor) float64) float64 {
	sum, lists, squares := 0.0, 0.0, 0.0
	for _, v := range all {
		sum, lists = sum+of(v), lists+float64(v.lists)
	}
	for _, v := range all {
		others := lists - float64(v.lists)
		moved := (sum-of(v))/others - sum/lists
		squares += moved * moved
	}
	n := float64(len(all))
	return squares * (n - 1) / n
}

// share is the share of the lists that were hit; nil without lists. Its interval is
// Wilson's of as many independent lists as would have the same error (Korn and
// Graubard, Survey Methodology 24, 1998). Where all were hit or none, nobody can
// tell how much the lists of a visitor depend on each other: then a visitor counts once.
func share(all []visitor, hit func(visitor) int64) *Estimate {
	hits, lists := 0.0, 0.0
	for _, v := range all {
		hits, lists = hits+float64(hit(v)), lists+float64(v.lists)
	}
	if lists == 0 {
		return nil
	}
	p, independent := hits/lists, float64(len(all))
	if len(all) > 1 && hits > 0 && hits < lists {
		error2 := variance(all, func(v visitor) float64 { return float64(hit(v)) })
		few := z / student(len(all)-1)
		independent = min(p*(1-p)/error2, lists) * few * few
	}
	return wilson(p, independent)
}

// wilson is a share of n with its score interval (Wilson 1927).
func wilson(p, n float64) *Estimate {
	middle, half := p+z*z/(2*n), z*math.Sqrt(p*(1-p)/n+z*z/(4*n*n))
	// Rounding must not take the share out of its interval.
	return &Estimate{p, min(max(0, (middle-half)/(1+z*z/n)), p), max(min(1, (middle+half)/(1+z*z/n)), p)}
}

// perList is what a list brought in; nil where visitors do not differ in it, as
// where nobody bought: then nothing tells how far off it may be.
func perList(all []visitor) *Estimate {
	if len(all) < 2 {
		return nil
	}
	sum, lists := 0.0, 0.0
	for _, v := range all {
		sum, lists = sum+v.revenue, lists+float64(v.lists)
	}
	half := student(len(all)-1) * math.Sqrt(variance(all, func(v visitor) float64 { return v.revenue }))
	if half == 0 {
		return nil
	}
	return &Estimate{sum / lists, sum/lists - half, sum/lists + half}
}

// difference is a − b, its interval made of those of both (Newcombe 1998, method
// 10, for shares; for symmetric ones it is the usual one); nil where one is missing.
func difference(a, b *Estimate) *Estimate {
	if a == nil || b == nil {
		return nil
	}
	d := a.Value - b.Value
	return &Estimate{d, d - math.Hypot(a.Value-a.Low, b.High-b.Value), d + math.Hypot(a.High-a.Value, b.Value-b.Low)}
}

package gap

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"sort"
)

// Curve is the cumulative hazard of the next order, −ln S, over time in expected
// gaps: 0 at 0, linear between knots, of slope Tail after the last.
type Curve struct {
	Time   []float64 // ascending, above 0
	Hazard []float64 // cumulative at each time, never falling
	Tail   float64   // per expected gap, above 0
}

func (c *Curve) check() error {
	if len(c.Time) != len(c.Hazard) || !(c.Tail > 0) || math.IsInf(c.Tail, 0) {
		return fmt.Errorf("gap: a curve of %d times, %d hazards and tail %v", len(c.Time), len(c.Hazard), c.Tail)
	}
	before, risen := 0.0, 0.0
	for k, t := range c.Time {
		if h := c.Hazard[k]; !(t > before) || !(h >= risen) || math.IsInf(t, 0) || math.IsInf(h, 0) {
			return fmt.Errorf("gap: knot %d of a curve, (%v, %v), does not come after (%v, %v)", k, t, h, before, risen)
		}
		before, risen = t, c.Hazard[k]
	}
	return nil
}

// at returns the cumulative hazard at u, which is at most the last time.
func (c *Curve) at(u float64) float64 {
	k := sort.SearchFloat64s(c.Time, u)
	if k == len(c.Time) {
		return c.end(c.Hazard)
	}
	t0, h0 := 0.0, 0.0
	if k > 0 {
		t0, h0 = c.Time[k-1], c.Hazard[k-1]
	}
	return h0 + (c.Hazard[k]-h0)*(u-t0)/(c.Time[k]-t0)
}

func (c *Curve) end(of []float64) float64 {
	if len(of) == 0 {
		return 0
	}
	return of[len(of)-1]
}

// between returns the hazard of the stretch of the given length from u on. The
// part in the tail is a product, so that nothing cancels far out.
func (c *Curve) between(u, length float64) float64 {
	last := c.end(c.Time)
	inside := math.Max(0, math.Min(last-u, length))
	rise := c.Tail * (length - inside)
	if inside > 0 {
		rise += c.at(math.Min(u+inside, last)) - c.at(u)
	}
	return rise
}

// wait is the time from an order to the next, or to the end of what is known,
// in expected gaps.
type wait struct {
	length float64
	ended  bool // by an order
}

// maxKnots bounds a curve: more would follow the chance in single waits.
const maxKnots = 64

// The tail is learned from a hundredth of the orders, but five at least: so late
// that those who have left are told from those who are late.
const (
	tailShare  = 0.01
	tailOrders = 5
)

// totals returns the orders that ended waits, and the time waited.
func totals(waits []wait) (orders int, time float64) {
	for _, w := range waits {
		time += w.length
		if w.ended {
			orders++
		}
	}
	return orders, time
}

// curveOf is the Kaplan–Meier estimate from the waits (Kaplan, Meier 1958), which
// are sorted in place, blended with the constant hazard base, that counts as prior
// orders. Where the last orders begin it gives way to a tail of constant hazard:
// those orders over the time waited beyond.
func curveOf(waits []wait, base, prior float64) Curve {
	slices.SortFunc(waits, func(a, b wait) int { return cmp.Compare(a.length, b.length) })
	orders, _ := totals(waits)
	keep := orders - max(tailOrders, int(tailShare*float64(orders)))
	weight := float64(orders) / (float64(orders) + prior)
	var c Curve
	hazard, done, last := 0.0, 0, 0.0
	for i := 0; i < len(waits) && done < keep; {
		u, n, at := waits[i].length, 0, len(waits)-i
		for ; i < len(waits) && waits[i].length == u; i++ {
			if waits[i].ended {
				n++
			}
		}
		if n == 0 || n == at { // all that are left order at once: that is for the tail
			continue
		}
		hazard -= math.Log1p(-float64(n) / float64(at))
		before := done
		done += n
		if done >= keep || before*maxKnots/keep != done*maxKnots/keep {
			last = u
			c.Time = append(c.Time, u)
			c.Hazard = append(c.Hazard, weight*hazard+(1-weight)*base*u)
		}
	}
	c.Tail = weight*tailHazard(waits, last, base) + (1-weight)*base
	return c
}

// tailHazard returns the orders after u over the time waited beyond it; one more
// order at the base rate keeps it above 0 where nobody ordered and finite where
// nobody waited.
func tailHazard(waits []wait, u, base float64) float64 {
	orders, time := 1.0, 1/base
	for _, w := range waits {
		if w.length > u {
			time += w.length - u
			if w.ended {
				orders++
			}
		}
	}
	return orders / time
}

package served

import (
	"cmp"
	"context"
	"hash/maphash"
	"math"
	"slices"
	"time"

	"regulars/serving/placement"
)

// Event is something that became of a list that was shown.
type Event struct {
	RecommendationID string
	Type             string // such as "click"
	OrderID          string
	Revenue          float64 // of a purchase: of its line; negative of a return
	Return           bool    // what was bought was sent back, which is no order
}

// Types of events that are counted.
const (
	typeImpression = "impression"
	typeClick      = "click"
	typePurchase   = "purchase"
)

// Events tells what became of lists.
type Events interface {
	// OfLists visits the events from one instant up to another that name a
	// recommendation, each once, in any order.
	OfLists(ctx context.Context, from, to time.Time, visit func(Event) error) error
}

// Estimate is a figure with its 95% interval.
type Estimate struct {
	Value float64 `json:"value"`
	Low   float64 `json:"low"`
	High  float64 `json:"high"`
}

// Report compares the arms of a placement.
type Report struct {
	Placement string    `json:"placement"`
	From      time.Time `json:"from"`
	To        time.Time `json:"to"`
	Arms      []Arm     `json:"arms"` // those configured, in their order, then those of earlier days
}

// Arm is what became of the lists of one arm. A list counts where it was shown
// in the time, an event where it happened in the time.
type Arm struct {
	Name        string  `json:"arm"`
	Lists       int64   `json:"lists"`
	Visitors    int64   `json:"visitors"`    // a list of nobody known is one of its own
	Impressions int64   `json:"impressions"` // of items
	Clicks      int64   `json:"clicks"`      // on items
	Orders      int64   `json:"orders"`
	Revenue     float64 `json:"revenue"`

	// Of lists: the share that was clicked, the share that led to an order
	// (Wilson's intervals, which take lists for independent), and what each
	// brought in (interval over visitors). Absent without lists, and without two
	// visitors.
	ClickThrough   *Estimate   `json:"click_through,omitempty"`
	Conversion     *Estimate   `json:"conversion,omitempty"`
	RevenuePerList *Estimate   `json:"revenue_per_list,omitempty"`
	Difference     *Difference `json:"difference,omitempty"` // to the first arm
}

// Difference is an arm less the first one; what one of them lacks is absent.
type Difference struct {
	ClickThrough   *Estimate `json:"click_through,omitempty"`
	Conversion     *Estimate `json:"conversion,omitempty"`
	RevenuePerList *Estimate `json:"revenue_per_list,omitempty"`
}

// Reporter reports on placements from the files of a Log.
type Reporter struct {
	Dir    string
	Set    *placement.Set
	Events Events // nil: nothing is known of what became of lists
	// Held is the instant from which all that was shown, and all that became of it, is still
	// there. nil: all of it is.
	Held func() time.Time
}

// outcome is what became of one list.
type outcome struct {
	clicks, orders int32
	revenue        float64
}

// visitor is what became of all lists of one visitor.
type visitor struct {
	lists   int64
	revenue float64
}

// tally counts one arm.
type tally struct {
	Arm
	clicked, ordered int64
	visitors         map[uint64]visitor
}

// counting is a report being made. It holds a number for every list that was
// clicked or led to an order, and for every visitor, and no ids.
type counting struct {
	seed        maphash.Seed
	outcomes    map[uint64]outcome
	orders      map[uint64]bool // of a list
	impressions map[string]int64
	arms        []*tally
}

// Report counts the lists of a placement that were shown from one instant up to
// another, as far back as both they and what became of them are held: the report
// says from when. ok is false where there is no such placement.
func (r *Reporter) Report(ctx context.Context, name string, from, to time.Time) (report Report, ok bool, err error) {
	p, ok := r.Set.Find(name)
	if !ok {
		return Report{}, false, nil
	}
	if r.Held != nil {
		if held := r.Held().UTC(); from.Before(held) {
			from, to = held, latest(held, to)
		}
	}
	c := &counting{seed: maphash.MakeSeed(), outcomes: map[uint64]outcome{}, orders: map[uint64]bool{}, impressions: map[string]int64{}}
	for _, plan := range p.Plans() {
		c.arm(plan.Arm)
	}
	if r.Events != nil {
		if err := r.Events.OfLists(ctx, from, to, func(e Event) error { c.event(r.Set, name, e); return nil }); err != nil {
			return Report{}, false, err
		}
	}
	_, err = Read(r.Dir, from, to, func(l *Record) error {
		if l.Placement == name {
			c.list(l)
		}
		return ctx.Err()
	})
	if err != nil {
		return Report{}, false, err
	}
	return Report{Placement: name, From: from, To: to, Arms: c.finish()}, true, nil
}

func latest(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// arm returns the tally of an arm.
func (c *counting) arm(name string) *tally {
	i := slices.IndexFunc(c.arms, func(t *tally) bool { return t.Name == name })
	if i < 0 {
		i = len(c.arms)
		c.arms = append(c.arms, &tally{Arm: Arm{Name: name}, visitors: map[uint64]visitor{}})
	}
	return c.arms[i]
}

func (c *counting) event(set *placement.Set, name string, e Event) {
	plan, ok := set.Of(e.RecommendationID)
	if !ok || plan.Placement != name {
		return
	}
	key := maphash.String(c.seed, e.RecommendationID)
	o := c.outcomes[key]
	switch e.Type {
	case typeImpression:
		c.impressions[plan.Arm]++
		return
	case typeClick:
		o.clicks++
	case typePurchase:
		o.revenue += e.Revenue
		if e.Return {
			break
		}
		// The lines of one order are one order; one without an id is its own.
		if order := maphash.String(c.seed, e.RecommendationID+"\x00"+e.OrderID); e.OrderID == "" || !c.orders[order] {
			c.orders[order] = true
			o.orders++
		}
	default:
		return
	}
	c.outcomes[key] = o
}

func (c *counting) list(l *Record) {
	t, o := c.arm(l.Arm), c.outcomes[maphash.String(c.seed, l.ID)]
	t.Lists++
	t.Clicks += int64(o.clicks)
	t.Orders += int64(o.orders)
	t.Revenue += o.revenue
	if o.clicks > 0 {
		t.clicked++
	}
	if o.orders > 0 {
		t.ordered++
	}
	who := maphash.String(c.seed, cmp.Or(l.User, l.Session, l.ID))
	v := t.visitors[who]
	t.visitors[who] = visitor{v.lists + 1, v.revenue + o.revenue}
}

func (c *counting) finish() []Arm {
	out := make([]Arm, len(c.arms))
	for i, t := range c.arms {
		t.Impressions, t.Visitors = c.impressions[t.Name], int64(len(t.visitors))
		t.ClickThrough, t.Conversion, t.RevenuePerList = wilson(t.clicked, t.Lists), wilson(t.ordered, t.Lists), t.perList()
		if out[i] = t.Arm; i > 0 {
			out[i].Difference = t.less(out[0])
		}
	}
	return out
}

func (a Arm) less(first Arm) *Difference {
	d := &Difference{ClickThrough: difference(a.ClickThrough, first.ClickThrough), Conversion: difference(a.Conversion, first.Conversion),
		RevenuePerList: difference(a.RevenuePerList, first.RevenuePerList)}
	if *d == (Difference{}) {
		return nil
	}
	return d
}

// z is the quantile of the normal distribution for 95%.
const z = 1.959963984540054

// wilson is a share with its score interval (Wilson 1927); nil of nothing.
func wilson(hits, of int64) *Estimate {
	if of == 0 {
		return nil
	}
	n, p := float64(of), float64(hits)/float64(of)
	middle, half := p+z*z/(2*n), z*math.Sqrt(p*(1-p)/n+z*z/(4*n*n))
	// Rounding must not take the share out of its interval.
	return &Estimate{p, min(max(0, (middle-half)/(1+z*z/n)), p), max(min(1, (middle+half)/(1+z*z/n)), p)}
}

// difference is a − b, its interval made of those of both (Newcombe 1998, method
// 10, for shares; for symmetric ones it is the usual one).
func difference(a, b *Estimate) *Estimate {
	if a == nil || b == nil {
		return nil
	}
	d := a.Value - b.Value
	return &Estimate{d, d - math.Hypot(a.Value-a.Low, b.High-b.Value), d + math.Hypot(a.High-a.Value, b.Value-b.Low)}
}

// perList is what a list brought in: the ratio of two sums over visitors, whose
// lists and orders depend on each other, with its error by linearisation
// (Cochran, Sampling Techniques, section 6.4).
func (t *tally) perList() *Estimate {
	n := float64(len(t.visitors))
	if n < 2 {
		return nil
	}
	ratio, squares := t.Revenue/float64(t.Lists), 0.0
	for _, v := range t.visitors {
		e := v.revenue - ratio*float64(v.lists)
		squares += e * e
	}
	half := z * math.Sqrt(squares*n/(n-1)) / float64(t.Lists)
	return &Estimate{ratio, ratio - half, ratio + half}
}

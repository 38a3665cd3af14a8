package served

import (
	"cmp"
	"context"
	"hash/maphash"
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
	Return           bool    // of a purchase: it was sent back
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
	Orders      int64   `json:"orders"`      // distinct; what was sent back is none
	Revenue     float64 `json:"revenue"`     // less what was sent back

	// Of lists: the share that was clicked, the share that led to an order, and what
	// each brought in. Visitors are what is split, so intervals are over visitors,
	// however many lists one has seen. Shares are absent without lists, money where
	// visitors do not differ in it.
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
	Events Events           // nil: nothing is known of what became of lists
	Keep   time.Duration    // for which the events stay. Default: as long as the lists
	Now    func() time.Time // Default: time.Now
}

// NotKeptError is that all of the time asked about is before what is kept.
type NotKeptError struct{ Since time.Time }

func (e *NotKeptError) Error() string {
	return "what was shown, and what became of it, is kept since " + e.Since.UTC().Format(time.RFC3339)
}

// since is the first instant of which lists and events are both still there: lists
// whose clicks are forgotten would count as shown in vain.
func (r *Reporter) since() time.Time {
	now := time.Now
	if r.Now != nil {
		now = r.Now
	}
	return now().Add(-min(cmp.Or(r.Keep, keepLists), keepLists))
}

// outcome is what became of one list.
type outcome struct {
	clicks  int
	orders  []uint64 // distinct
	revenue float64
}

// tally counts one arm.
type tally struct {
	Arm
	orders   map[uint64]bool
	place    map[uint64]int // of a visitor among them
	visitors []visitor      // as they first came, so that sums do not hang on chance
}

// counting is a report being made. It holds numbers for every list that was
// clicked or led to an order, and for every visitor, and no ids.
type counting struct {
	set         *placement.Set
	name        string
	seed        maphash.Seed
	outcomes    map[uint64]outcome
	impressions map[string]int64   // by the code of an arm
	codes       map[string]*tally  // by the code of an arm
	credited    map[[2]uint64]bool // order of a list
	nameless    uint64             // orders
	arms        []*tally
}

// Report counts the lists of a placement that were shown from one instant up to
// another, or from a later one where no more is kept, which the report says. ok is
// false where there is no such placement. The error may be a *NotKeptError.
func (r *Reporter) Report(ctx context.Context, name string, from, to time.Time) (report Report, ok bool, err error) {
	p, ok := r.Set.Find(name)
	if !ok {
		return Report{}, false, nil
	}
	if since := r.since(); from.Before(since) {
		if from = since.UTC(); !from.Before(to) {
			return Report{}, true, &NotKeptError{since}
		}
	}
	c := newCounting(r.Set, p)
	if r.Events != nil {
		if err := r.Events.OfLists(ctx, from, to, func(e Event) error { c.event(e); return nil }); err != nil {
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

func newCounting(set *placement.Set, p *placement.Placement) *counting {
	c := &counting{set: set, name: p.Name, seed: maphash.MakeSeed(), outcomes: map[uint64]outcome{}, credited: map[[2]uint64]bool{}, impressions: map[string]int64{}, codes: map[string]*tally{}}
	for _, plan := range p.Plans() {
		c.codes[plan.Code] = c.arm(plan.Arm)
	}
	return c
}

// arm returns the tally of an arm.
func (c *counting) arm(name string) *tally {
	i := slices.IndexFunc(c.arms, func(t *tally) bool { return t.Name == name })
	if i < 0 {
		i = len(c.arms)
		c.arms = append(c.arms, &tally{Arm: Arm{Name: name}, orders: map[uint64]bool{}, place: map[uint64]int{}})
	}
	return c.arms[i]
}

// event notes what became of a list, which may be one of an arm that is not
// configured any more.
func (c *counting) event(e Event) {
	code := placement.CodeOf(e.RecommendationID)
	if plan, ok := c.set.Of(e.RecommendationID); code == "" || ok && plan.Placement != c.name {
		return
	}
	key := maphash.String(c.seed, e.RecommendationID)
	o := c.outcomes[key]
	switch e.Type {
	case typeImpression:
		c.impressions[code]++
		return
	case typeClick:
		o.clicks++
	case typePurchase:
		o.revenue += e.Revenue
		if order := c.order(e); !e.Return && !c.credited[[2]uint64{key, order}] {
			c.credited[[2]uint64{key, order}] = true // a list that a shop names in all its orders has very many
			o.orders = append(o.orders, order)
		}
	default:
		return
	}
	c.outcomes[key] = o
}

// order tells orders apart. The lines of one are one order; one without an id is
// its own.
func (c *counting) order(e Event) uint64 {
	if e.OrderID != "" {
		return maphash.String(c.seed, e.OrderID)
	}
	c.nameless++
	return maphash.Comparable(c.seed, c.nameless)
}

func (c *counting) list(l *Record) {
	t, o := c.arm(l.Arm), c.outcomes[maphash.String(c.seed, l.ID)]
	c.codes[placement.CodeOf(l.ID)] = t
	t.Lists++
	t.Clicks += int64(o.clicks)
	t.Revenue += o.revenue
	for _, order := range o.orders {
		t.orders[order] = true // which several lists may have led to
	}
	v := t.visitor(maphash.String(c.seed, cmp.Or(l.User, l.Session, l.ID)))
	v.lists++
	v.revenue += o.revenue
	if o.clicks > 0 {
		v.clicked++
	}
	if len(o.orders) > 0 {
		v.ordered++
	}
}

// visitor returns what is known of a visitor, to be added to.
func (t *tally) visitor(who uint64) *visitor {
	i, known := t.place[who]
	if !known {
		i = len(t.visitors)
		t.place[who], t.visitors = i, append(t.visitors, visitor{})
	}
	return &t.visitors[i]
}

func (c *counting) finish() []Arm {
	for code, n := range c.impressions {
		if t := c.codes[code]; t != nil {
			t.Impressions += n
		}
	}
	out := make([]Arm, len(c.arms))
	for i, t := range c.arms {
		t.Orders, t.Visitors = int64(len(t.orders)), int64(len(t.visitors))
		t.ClickThrough = share(t.visitors, func(v visitor) int64 { return v.clicked })
		t.Conversion = share(t.visitors, func(v visitor) int64 { return v.ordered })
		t.RevenuePerList = perList(t.visitors)
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

package synth

import (
	"iter"
	"math"

	"regulars/data"
)

// Truth is what really drives one customer, which no table tells.
type Truth struct {
	UserID      string
	Joined      data.Day
	Rate        float64  // orders a day while active, in a mean season; 0 = registered and only looking
	ActiveUntil data.Day // first day on which they are no longer active; may lie after the shop's end
	Persuasion  string   // response to messages: indifferent, responsive, persuadable, put off
	Categories  []string // favourites, most liked first
	Brand       string   // favourite brand
	Contacts    []ContactTruth

	shop     *Shop
	customer *customer
}

// ContactTruth is the effect that a contact had or would have had: the change
// of P(order within 28 days from its day on) against the control arm.
type ContactTruth struct {
	ContactID       string
	Day             data.Day
	Arm             string // control, message or discount
	Message         float64
	MessageDiscount float64
}

// Truth yields the truth of every customer, in the order of their ids.
func (s *Shop) Truth() iter.Seq[Truth] {
	return func(yield func(Truth) bool) {
		for n := range s.opts.Users {
			if !yield(s.truthOf(s.customer(n))) {
				return
			}
		}
	}
}

func (s *Shop) truthOf(c *customer) Truth {
	t := Truth{UserID: c.id, Joined: c.joined, Rate: c.rate, ActiveUntil: c.activeUntil,
		Persuasion: persuasionNames[c.persuasion], Brand: c.brand, shop: s, customer: c}
	for _, favourite := range c.favourites {
		t.Categories = append(t.Categories, s.categories[favourite].name)
	}
	for i, m := range c.messages {
		t.Contacts = append(t.Contacts, s.contactTruth(c, i, m))
	}
	return t
}

func (s *Shop) contactTruth(c *customer, i int, m message) ContactTruth {
	silent := func(a arm) float64 {
		return s.silence(c, m.day, effectDays, c.lastOrder(m.day), condition{active: m.day < c.activeUntil, arm: a, since: m.day})
	}
	base := silent(control)
	return ContactTruth{ContactID: c.contactID(i), Day: m.day, Arm: armNames[m.arm],
		Message: base - silent(plain), MessageDiscount: base - silent(offer)}
}

// ReturnProbability is the true P(at least one order in the horizon days from
// asOf on), given the customer's latent state at the beginning of asOf and the
// shop's campaign policy, over what is left to chance: orders, leaving, arms.
// It is known (ok) after the day of joining and up to the shop's end.
func (t *Truth) ReturnProbability(asOf data.Day, horizon int) (p float64, ok bool) {
	if asOf <= t.Joined || asOf > t.shop.opts.End {
		return 0, false
	}
	last, now := t.customer.conditionAt(asOf)
	return 1 - t.shop.silence(t.customer, asOf, horizon, last, now), true
}

// conditionAt returns the last order before d and the state as d begins.
func (c *customer) conditionAt(d data.Day) (data.Day, condition) {
	last, now := c.lastOrder(d), condition{active: d < c.activeUntil}
	for _, m := range c.messages {
		if m.day < d {
			now.arm, now.since = m.arm, m.day
		}
	}
	if last >= now.since {
		now.arm = none
	}
	return last, now
}

// silence is P(no order on the given number of days from a day on). It carries
// the probabilities of all states the customer may be in, on the path on which
// no order has come yet, from day to day.
func (s *Shop) silence(c *customer, from data.Day, days int, lastOrder data.Day, now condition) float64 {
	var p [2][armCount]float64 // by active, arm
	p[index(now.active)][now.arm] = 1
	leave := 1 - math.Exp(-c.leaving)
	since := now.since
	for d := from; d < from+data.Day(days); d++ {
		if s.campaign(d) && d != now.since {
			redraw(&p, c.eligible(d, lastOrder))
			since = d
		}
		s.pass(c, d, since, &p)
		for a := range armCount {
			left := p[1][a] * leave
			p[1][a] -= left
			p[0][a] += left
		}
	}
	return min(1, sum(p[0][:])+sum(p[1][:])) // moving shares about may round up
}

// pass multiplies every state by its chance of letting day d go by.
func (s *Shop) pass(c *customer, d, since data.Day, p *[2][armCount]float64) {
	for active := range p {
		for a := range armCount {
			if p[active][a] > 0 {
				p[active][a] *= math.Exp(-s.hazard(c, d, condition{active: active == 1, arm: a, since: since}))
			}
		}
	}
}

// redraw is what a campaign does to the distribution over arms.
func redraw(p *[2][armCount]float64, eligible bool) {
	for active := range p {
		total := sum(p[active][:])
		p[active] = [armCount]float64{none: total}
		if !eligible {
			continue
		}
		for a, share := range armShares {
			p[active][a] += total * inAudience * share
		}
		p[active][none] -= total * inAudience
	}
}

func index(b bool) int {
	if b {
		return 1
	}
	return 0
}

func sum(xs []float64) float64 {
	total := 0.0
	for _, x := range xs {
		total += x
	}
	return total
}

package synth

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"regulars/data"
)

// customer is one simulated customer: who they are, and when they ordered and
// were written to.
type customer struct {
	number int
	id     string

	joined      data.Day
	rate        float64  // orders a day while active, in a mean season; 0 = only looks
	leaving     float64  // chance a day of leaving for good is 1 − exp(−leaving)
	activeUntil data.Day // first day on which they are no longer active
	persuasion  persuasion

	region, gender, source, channel, store int
	medium                                 int
	born                                   int
	referrer                               int // number of an earlier customer, or -1

	taste      vector
	favourites []int // categories, most liked first
	brand      string

	orders   []data.Day // days with an order, also those before the history
	messages []message
}

// Shares and rates of the population.
const (
	onlyLooking  = 0.08 // registered and never ordering
	rateShape    = 0.75
	meanRate     = 1.0 / 100 // orders a day
	leavingShape = 1.5
	meanLeaving  = 1.0 / 240 // a day
	tasteSpread  = 0.7       // of each latent dimension
	brandLove    = 3         // factor on items of the favourite brand
	stores       = 12
)

// customer makes customer number n, complete with their history.
func (s *Shop) customer(n int) *customer {
	c := s.who(n)
	s.live(c)
	return c
}

// who draws everything about a customer that does not happen in time.
func (s *Shop) who(n int) *customer {
	r := s.stream(streamWho, n)
	c := &customer{number: n, id: fmt.Sprintf("u%06d", n+1), joined: s.joining(n), referrer: -1}
	if !chance(r, onlyLooking) {
		c.rate = meanRate * gamma(r, rateShape) / rateShape
	}
	c.leaving = meanLeaving * gamma(r, leavingShape) / leavingShape
	c.activeUntil = c.joined + 1 + data.Day(min(r.ExpFloat64()/c.leaving, 100_000))
	c.persuasion = persuasion(persuasions.draw(r))
	c.region = regionWheel.draw(r)
	c.gender = r.IntN(20)
	c.born = s.opts.End.Time().Year() - 18 - int(min(60, 6*gamma(r, 3)))
	c.source = sourceWheel.draw(r)
	if sources[c.source] == "referral" && n > 0 {
		c.referrer = r.IntN(n)
	}
	c.channel = channelWheel.draw(r)
	c.store = r.IntN(stores)
	c.medium = mediumWheel.draw(r)
	s.like(r, c)
	return c
}

var (
	regionWheel  = newWheelOf([]float64{20, 16, 14, 12, 10, 8, 7, 6, 4, 3})
	sourceWheel  = newWheelOf([]float64{40, 25, 18, 12, 5})
	channelWheel = newWheelOf([]float64{45, 35, 15, 5})
	mediumWheel  = newWheelOf([]float64{60, 25, 15})
)

// joining spreads the customers, in the order of their numbers, from before
// the history to its last day, a little faster every month.
func (s *Shop) joining(n int) data.Day {
	share := (float64(n) + 0.5) / float64(s.opts.Users)
	days := float64(s.opts.End - s.firstDay())
	return s.firstDay() + data.Day(days*math.Pow(share, 0.8))
}

// like draws the taste of a customer.
func (s *Shop) like(r *rand.Rand, c *customer) {
	c.taste = normal(r, tasteSpread)
	all := newWheelOf(s.categoryWeight)
	for len(c.favourites) < 3 {
		liked := all.draw(r)
		if !slices.Contains(c.favourites, liked) {
			c.favourites = append(c.favourites, liked)
		}
	}
	c.brand = brandOf(r, c.favourites[0])
}

// live plays the days of a customer: orders and messages. An order falls on the
// first day on which the hazard summed since the last one reaches an
// exponential draw, which makes P(no order on a day) = exp(−hazard of the day).
func (s *Shop) live(c *customer) {
	r, post := s.stream(streamWhen, c.number), s.stream(streamPost, c.number)
	if c.rate > 0 {
		c.orders = append(c.orders, c.joined) // joining is by ordering
	}
	now := condition{}
	due := r.ExpFloat64()
	for d := c.joined + 1; d < s.opts.End; d++ {
		if s.campaign(d) {
			now.arm, now.since = none, d
			if c.eligible(d, c.lastOrder(d)) && chance(post, inAudience) {
				now.arm = arm(arms.draw(post))
				c.messages = append(c.messages, message{day: d, arm: now.arm})
			}
		}
		now.active = d < c.activeUntil
		if due -= s.hazard(c, d, now); due <= 0 {
			c.orders = append(c.orders, d)
			now.arm = none // a message works once
			due = r.ExpFloat64()
		}
	}
}

// lastOrder returns the day of the last order before d, or 0 when there is none.
func (c *customer) lastOrder(d data.Day) data.Day {
	for i := len(c.orders) - 1; i >= 0; i-- {
		if c.orders[i] < d {
			return c.orders[i]
		}
	}
	return 0
}

package synth

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"regulars/data"
)

// order is one order with its lines.
type order struct {
	id      string
	day     data.Day
	second  int // of the day
	channel int
	lines   []line
}

func (o *order) micros() int64 { return o.day.Micros() + int64(o.second)*1_000_000 }

type line struct {
	item     int32
	quantity int64
	price    data.Money // of one
	discount data.Money // on the whole line
	returned data.Day   // 0 = kept
}

const (
	moreLines      = 0.52 // chance of each further line
	mostLines      = 12
	returnShare    = 0.02
	markdownShare  = 0.12 // lines at 10, 20 or 30% off
	offerPercent   = 10   // off with a discount message
	habitShare     = 0.6  // of first purchases of a replenishable item
	faithful       = 0.85 // orders over the customer's usual channel
	favouriteShare = 0.86
)

var favouriteWheel = newWheelOf([]float64{0.55, 0.28, 0.17})

// shopper chooses items for one customer.
type shopper struct {
	*Shop
	c      *customer
	r      *rand.Rand
	all    wheel           // categories
	wheels map[int]wheel   // items of a category, made when first needed
	habits []habit         // replenishable items they keep buying
	seen   map[int32]int64 // lines bought by item
}

type habit struct {
	item int32
	last data.Day
}

func (s *Shop) shopper(c *customer, r *rand.Rand) *shopper {
	return &shopper{Shop: s, c: c, r: r, all: newWheelOf(s.categoryWeight), wheels: map[int]wheel{}, seen: map[int32]int64{}}
}

// baskets fills the orders of a customer that fall into the history.
func (s *Shop) baskets(c *customer) []order {
	sh := s.shopper(c, s.stream(streamWhat, c.number))
	var out []order
	for i, d := range c.orders {
		if d >= s.start {
			out = append(out, sh.fill(i, d))
		}
	}
	return out
}

func (sh *shopper) fill(i int, d data.Day) order {
	o := order{id: fmt.Sprintf("o%06d-%d", sh.c.number+1, i+1), day: d, second: daytime(sh.r), channel: sh.c.channel}
	if !chance(sh.r, faithful) {
		o.channel = channelWheel.draw(sh.r)
	}
	percent := 0
	if sh.c.heldOffer(d) {
		percent = offerPercent
	}
	for _, it := range sh.choose(d) {
		o.lines = append(o.lines, sh.line(it, d, percent))
	}
	return o
}

// heldOffer reports whether a discount message was in effect on day d.
func (c *customer) heldOffer(d data.Day) bool {
	last := c.lastOrder(d)
	for _, m := range c.messages {
		if m.arm == offer && m.day <= d && d-m.day < messageDays && last < m.day {
			return true
		}
	}
	return false
}

// daytime draws the second of the day of an order, from 7 in the morning on
// and most often in the evening.
func daytime(r *rand.Rand) int {
	hour := 19 + 2.5*r.NormFloat64()
	if chance(r, 0.45) {
		hour = 12 + 2.5*r.NormFloat64()
	}
	return int(min(max(hour, 7), 23.7)*3600) + r.IntN(900)
}

// choose returns the distinct items of a basket: what has run out, then what is liked.
func (sh *shopper) choose(d data.Day) []int32 {
	basket := sh.refill(d)
	for want := 1 + geometric(sh.r, moreLines); len(basket) < min(want, mostLines); {
		it := sh.pick(d)
		if !slices.Contains(basket, it) {
			basket = append(basket, it)
		} else {
			want-- // a small shop may not have that many
		}
	}
	for _, it := range basket {
		sh.adopt(it, d)
	}
	return basket
}

// refill returns the habitual items whose cycle is over, or nearly so. After
// six cycles a habit is forgotten.
func (sh *shopper) refill(d data.Day) []int32 {
	var basket []int32
	for i := range sh.habits {
		h := &sh.habits[i]
		it := &sh.items[h.item]
		over := float64(d-h.last) / float64(it.cycle)
		if over > 0.8 && over < 6 && it.onSale(d) && len(basket) < mostLines && chance(sh.r, 0.8) {
			h.last = d
			basket = append(basket, h.item)
		}
	}
	return basket
}

// adopt may make a replenishable item, bought for the first time, a habit.
func (sh *shopper) adopt(it int32, d data.Day) {
	if sh.seen[it] == 0 && sh.items[it].cycle > 0 && chance(sh.r, habitShare) {
		sh.habits = append(sh.habits, habit{it, d})
	}
	sh.seen[it]++
}

// pick draws an item that is on sale: a category, then an item by popularity
// and taste.
func (sh *shopper) pick(d data.Day) int32 {
	c := sh.all.draw(sh.r)
	if chance(sh.r, favouriteShare) {
		c = sh.c.favourites[favouriteWheel.draw(sh.r)]
	}
	w, made := sh.wheels[c]
	if !made {
		w = sh.liking(c)
		sh.wheels[c] = w
	}
	for {
		// The two most popular items are always on sale, so this ends.
		it := sh.aisles[c][w.draw(sh.r)]
		if sh.items[it].onSale(d) {
			return it
		}
	}
}

func (sh *shopper) liking(c int) wheel {
	return newWheel(len(sh.aisles[c]), func(i int) float64 {
		it := &sh.items[sh.aisles[c][i]]
		weight := it.popularity * math.Exp(sh.c.taste.dot(&it.character))
		if it.brand == sh.c.brand {
			weight *= brandLove
		}
		return weight
	})
}

func (sh *shopper) line(it int32, d data.Day, percent int) line {
	l := line{item: it, quantity: 1, price: sh.items[it].priceOn(d)}
	if sh.items[it].cycle > 0 {
		l.quantity += int64(min(geometric(sh.r, 0.3), 5))
	}
	if chance(sh.r, markdownShare) {
		percent += 10 * between(sh.r, 1, 3)
	}
	whole := l.price * data.Money(l.quantity)
	l.discount = whole * data.Money(percent) / 100 / cents * cents
	if back := d + data.Day(between(sh.r, 3, 20)); chance(sh.r, returnShare) && back < sh.opts.End {
		l.returned = back
	}
	return l
}

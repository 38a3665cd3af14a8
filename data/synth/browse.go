package synth

import (
	"fmt"
	"math"
	"slices"

	"regulars/data"
)

// What a browsing session is made of.
const (
	shownFirst    = 6    // impressions of a session, at least
	shownMore     = 0.55 // chance of each further impression
	searchChance  = 0.25
	likeChance    = 0.06 // of what was viewed
	shareChance   = 0.01
	idleCart      = 0.1 // carts of sessions that end without an order
	visitsAnOrder = 0.7 // sessions without an order, per order
	visitsLooking = 1.0 / 45
	orderSession  = 3600 // seconds from the beginning of a session to its purchase
)

// visitor writes down the events of one customer.
type visitor struct {
	*shopper
	rows     []data.Row
	sessions int
	session  data.Value
	channel  data.Value
	host     data.Value
	live     data.Value
	now      int64 // microseconds
}

// eventRows returns what a customer did in the shop: a session round every
// order and, while active, sessions without one.
func (s *Shop) eventRows(c *customer, orders []order) []data.Row {
	v := &visitor{shopper: s.shopper(c, s.stream(streamBrowse, c.number))}
	for i := range orders {
		v.buy(&orders[i])
	}
	rate := c.rate*visitsAnOrder + float64(index(c.rate == 0))*visitsLooking
	day := float64(max(c.joined, s.start))
	for {
		day += v.r.ExpFloat64() / rate
		if day >= math.Min(float64(c.activeUntil), float64(s.opts.End)) {
			return v.rows
		}
		v.look(data.Day(day))
	}
}

// begin opens a session at a second of a day.
func (v *visitor) begin(d data.Day, second, channel int) {
	v.sessions++
	v.session = data.String(fmt.Sprintf("s%06d-%d", v.c.number+1, v.sessions))
	v.channel, v.host, v.live = data.String(channels[channel]), data.Null, data.Null
	v.now = d.Micros() + int64(second)*1_000_000
}

// log writes one event and lets a few seconds pass.
func (v *visitor) log(kind string, item, value, placement, position, order data.Value) {
	id := data.String(fmt.Sprintf("e%06d-%d", v.c.number+1, len(v.rows)+1))
	v.rows = append(v.rows, data.Row{id, data.String(v.c.id), v.session, item, data.Micros(v.now), data.String(kind), v.channel,
		value, data.Null, placement, position, order, v.host, v.live})
	v.now += int64(2+v.r.IntN(12)) * 1_000_000
}

func (v *visitor) did(kind string, item data.Value) {
	v.log(kind, item, data.Null, data.Null, data.Null, data.Null)
}

func (v *visitor) itemID(it int32) data.Value { return data.String(v.items[it].id) }

// look is a session without an order.
func (v *visitor) look(d data.Day) {
	channel := v.c.channel
	if channels[channel] == "store" {
		channel = 0
	}
	v.begin(d, daytime(v.r), channel)
	v.arrive()
	for _, it := range v.shelf(d, nil) {
		v.view(it)
		if chance(v.r, idleCart) {
			v.did("cart", v.itemID(it))
		}
	}
}

// buy is the session round an order; it ends with the purchase, at the order's
// own time. In a store only the visit itself leaves a trace.
func (v *visitor) buy(o *order) {
	v.begin(o.day, o.second-orderSession, o.channel)
	if channels[o.channel] == "store" {
		v.did("checkin", data.Null)
	} else {
		v.arrive()
		if channels[o.channel] == "live" {
			v.watch(o.day)
		}
		v.collect(o)
	}
	for _, l := range o.lines {
		v.now = o.micros()
		paid := l.price*data.Money(l.quantity) - l.discount
		v.log("purchase", v.itemID(l.item), data.Float(paid.Float()), data.Null, data.Null, data.String(o.id))
	}
}

// collect puts the lines of an order into the cart, seen among other items.
func (v *visitor) collect(o *order) {
	wanted := make([]int32, len(o.lines))
	for i, l := range o.lines {
		wanted[i] = l.item
	}
	for _, it := range v.shelf(o.day, wanted) {
		v.view(it)
	}
	for _, it := range wanted {
		v.view(it)
		v.did("cart", v.itemID(it))
	}
}

func (v *visitor) arrive() {
	if chance(v.r, searchChance) {
		v.did("search", data.Null)
	}
}

func (v *visitor) watch(d data.Day) {
	v.host, v.live = liveOf(d)
	v.did("live_enter", data.Null)
	if chance(v.r, 0.3) {
		v.did("live_like", data.Null)
	}
	if chance(v.r, 0.15) {
		v.did("live_comment", data.Null)
	}
}

// shelf shows items from the first position on and returns those clicked, less
// the wanted ones. The higher an item stands the more often it is clicked.
func (v *visitor) shelf(d data.Day, wanted []int32) []int32 {
	var clicked []int32
	placement := data.String([]string{"home", "category", "search"}[v.r.IntN(3)])
	for position := 1; position <= shownFirst || chance(v.r, shownMore); position++ {
		it := v.pick(d)
		v.log("impression", v.itemID(it), data.Null, placement, data.Int(int64(position)), data.Null)
		if chance(v.r, 0.4/math.Sqrt(float64(position))) && !slices.Contains(wanted, it) && !slices.Contains(clicked, it) {
			v.log("click", v.itemID(it), data.Null, placement, data.Int(int64(position)), data.Null)
			clicked = append(clicked, it)
		}
	}
	return clicked
}

func (v *visitor) view(it int32) {
	v.did("view", v.itemID(it))
	if chance(v.r, likeChance) {
		v.did("favourite", v.itemID(it))
	}
	if chance(v.r, shareChance) {
		v.did("share", v.itemID(it))
	}
}

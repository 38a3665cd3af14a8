package synth

import (
	"fmt"
	"io"
	"math/rand/v2"

	"regulars/data"
)

// Tables returns the tables that a simulated shop has.
func Tables() []data.Table {
	return []data.Table{data.Orders, data.Events, data.Items, data.Users, data.Contacts}
}

// currency of all orders.
const currency = "EUR"

// Table streams the rows of a table, customer by customer (items: item by
// item), within a customer in no particular order of time.
func (s *Shop) Table(t data.Table) (data.Reader, data.Schema, error) {
	schema, _ := data.SchemaOf(t)
	r := &reader{schema: schema, units: s.opts.Users, dirt: dirt{share: s.opts.Dirt, schema: schema}}
	switch t {
	case data.Orders:
		r.rows = func(n int) []data.Row { c := s.customer(n); return s.orderRows(c, s.baskets(c)) }
	case data.Events:
		r.rows = func(n int) []data.Row { c := s.customer(n); return s.eventRows(c, s.baskets(c)) }
	case data.Items:
		r.rows, r.units = s.itemRows, len(s.items)
	case data.Users:
		r.rows = func(n int) []data.Row { return []data.Row{s.userRow(s.who(n))} }
	case data.Contacts:
		r.rows = func(n int) []data.Row { return s.contactRows(s.customer(n)) }
	default:
		return nil, data.Schema{}, fmt.Errorf("a simulated shop has no table %q: it has %v", t, Tables())
	}
	r.dirt.stream = func(n int) *rand.Rand { return s.stream(streamDirt, n) }
	return r, schema, nil
}

// reader makes the rows of one unit after the other.
type reader struct {
	schema  data.Schema
	rows    func(unit int) []data.Row
	units   int
	next    int
	pending []data.Row
	dirt    dirt
}

func (r *reader) Read(rows []data.Row) (int, error) {
	n := 0
	for ; n < len(rows) && r.more(); n++ {
		rows[n] = append(rows[n][:0], r.pending[0]...)
		r.pending = r.pending[1:]
	}
	if n == 0 && len(rows) > 0 {
		return 0, io.EOF
	}
	return n, nil
}

// more makes the rows of further units until there is one to give.
func (r *reader) more() bool {
	for len(r.pending) == 0 && r.next < r.units {
		r.pending = r.dirt.spread(r.rows(r.next), r.next)
		r.next++
	}
	return len(r.pending) > 0
}

func (r *reader) Close() error { return nil }

// The functions below list values in the order of the table's schema.

func (s *Shop) orderRows(c *customer, orders []order) []data.Row {
	var rows []data.Row
	for i := range orders {
		o := &orders[i]
		for n, l := range o.lines {
			rows = append(rows, s.orderRow(c, o, n, l, o.id, o.micros(), false))
			if l.returned != 0 {
				sent := l.returned.Micros() + int64(o.second)*1_000_000
				rows = append(rows, s.orderRow(c, o, n, l, o.id+"-r", sent, true))
			}
		}
	}
	return rows
}

func (s *Shop) orderRow(c *customer, o *order, n int, l line, id string, ts int64, back bool) data.Row {
	channel := channels[o.channel]
	store, host, live := data.Null, data.Null, data.Null
	switch channel {
	case "store":
		store = data.String(fmt.Sprintf("s%02d", c.store+1))
	case "live":
		host, live = liveOf(o.day)
	}
	discount := data.Null
	if l.discount > 0 {
		discount = data.Amount(l.discount)
	}
	return data.Row{data.String(id), data.Int(int64(n + 1)), data.String(c.id), data.String(s.items[l.item].id),
		data.Micros(ts), data.Int(l.quantity), data.Amount(l.price), data.Bool(back),
		data.String(channel), store, host, live, discount, data.String(currency)}
}

// liveOf returns the host and the session of a day: one of five hosts a day.
func liveOf(d data.Day) (host, live data.Value) {
	return data.String(fmt.Sprintf("host%d", int(d)%5+1)), data.String("live-" + d.String())
}

// itemRows: a row from the launch on, one when the price changes, one when the
// item runs out of stock.
func (s *Shop) itemRows(n int) []data.Row {
	it := &s.items[n]
	rows := []data.Row{s.itemRow(it, it.launched)}
	if it.repriced > it.launched && it.repriced < min(it.soldOut, s.opts.End) {
		rows = append(rows, s.itemRow(it, it.repriced))
	}
	if it.soldOut < s.opts.End && it.soldOut > it.launched {
		rows = append(rows, s.itemRow(it, it.soldOut))
	}
	return rows
}

func (s *Shop) itemRow(it *item, from data.Day) data.Row {
	price := it.priceOn(from)
	tags := []string{s.categories[it.category].name}
	if it.cycle > 0 {
		tags = append(tags, "replenishable")
	}
	return data.Row{data.String(it.id), data.Time(from.Time()), data.String(it.title),
		data.String(s.categories[it.category].name), data.String(it.brand), data.Amount(price),
		data.Amount(price * 55 / 100 / cents * cents), data.Bool(from < it.soldOut), data.Time(it.launched.Time()), data.List(tags)}
}

// Every customer has one row without valid_from, so it holds nothing that
// changes: no tier and no points.
func (s *Shop) userRow(c *customer) data.Row {
	r := s.stream(streamWho, -1-c.number)
	// Before the first order of the day, and before the session round it.
	signedUp := c.joined.Micros() + int64(r.IntN(6*3600))*1_000_000
	gender := data.Null
	switch {
	case c.gender < 11:
		gender = data.String("female")
	case c.gender < 19:
		gender = data.String("male")
	}
	referrer, cost := data.Null, data.Null
	if c.referrer >= 0 {
		referrer = data.String(fmt.Sprintf("u%06d", c.referrer+1))
	}
	if paid := acquisitionCost[c.source]; paid > 0 {
		cost = data.Amount(paid)
	}
	return data.Row{data.String(c.id), data.Null, data.Micros(signedUp), data.String(regions[c.region]), gender,
		data.Int(int64(c.born)), data.Null, data.Null, data.Null, referrer, data.String(sources[c.source]), cost, data.Bool(false)}
}

var acquisitionCost = [...]data.Money{0, 350 * cents, 520 * cents, 200 * cents, 410 * cents} // by source

func (c *customer) contactID(i int) string { return fmt.Sprintf("c%06d-%d", c.number+1, i+1) }

// contactRows: messages go out at six, before the first order of any day.
func (s *Shop) contactRows(c *customer) []data.Row {
	r := s.stream(streamPost, -1-c.number)
	var rows []data.Row
	for i, m := range c.messages {
		sent := m.day.Micros() + int64(6*3600+r.IntN(1800))*1_000_000
		offered, cost := data.Null, data.Null
		if m.arm == offer {
			offered = data.String(fmt.Sprintf("%d%% off", offerPercent))
		}
		if m.arm != control {
			cost = data.Amount(messageCost[c.medium])
		}
		row := data.Row{data.String(c.contactID(i)), data.String("winback-" + m.day.String()), data.String(c.id), data.Micros(sent),
			data.String(media[c.medium]), data.String(armNames[m.arm]), data.Float(armShares[m.arm]), offered, cost}
		rows = append(rows, append(row, s.reception(r, c, m, sent)...))
	}
	return rows
}

var messageCost = [...]data.Money{1 * cents, 6 * cents, 0} // by medium

// reception returns when a message was delivered, bounced, opened, clicked and
// answered by unsubscribing. Records at or after the shop's end do not exist yet.
func (s *Shop) reception(r *rand.Rand, c *customer, m message, sent int64) []data.Value {
	at := make([]data.Value, 5)
	when := sent
	mark := func(i int, p float64, within int) bool {
		if !chance(r, p) {
			return false
		}
		when += int64(1+r.IntN(within)) * 1_000_000
		if when < s.opts.End.Micros() {
			at[i] = data.Micros(when)
		}
		return true
	}
	if m.arm == control {
		return at
	}
	if mark(1, 0.02, 600) {
		return at
	}
	interest := []float64{0.12, 0.25, 0.4, 0.2}[c.persuasion]
	if mark(0, 1, 300) && mark(2, interest, 2*24*3600) {
		mark(3, 0.3, 300)
		mark(4, []float64{0.02, 0.01, 0.005, 0.15}[c.persuasion], 300)
	}
	return at
}

package outlook

import (
	"context"
	"fmt"
	"math"
	"slices"
	"sort"
	"strconv"

	"regulars/data"
	"regulars/features/matrix"
	"regulars/models"
	"regulars/models/shares"
)

// priceBand is the kind that is made of prices.
const priceBand = "price_band"

// topKinds is how many kinds are told of a customer.
const topKinds = 3

// kind is a way to tell items apart, with what everybody bought by it.
type kind struct {
	name   string
	names  []string // ascending, but price bands by price
	events *matrix.Events
	edges  []float64 // of price bands
}

// findKinds makes the kinds that tell apart anything at all.
func (s *shop) findKinds() ([]*kind, error) {
	var out []*kind
	for _, k := range s.Kinds {
		names := slices.Compact(slices.Sorted(slices.Values(k.Of)))
		names = slices.DeleteFunc(names, func(n string) bool { return n == "" })
		if len(names) < 2 {
			continue
		}
		found, err := s.kind(k.Name, names, nil)
		if err != nil {
			return nil, err
		}
		out = append(out, found)
	}
	edges := s.priceEdges()
	if len(edges) == 0 {
		return out, nil
	}
	found, err := s.kind(priceBand, bandNames(edges), edges)
	return append(out, found), err
}

// kind is what everybody bought of the named kinds; other items are left out. It
// is nil where the input does not tell items apart in that way.
func (s *shop) kind(name string, names []string, edges []float64) (*kind, error) {
	number := s.numberKinds(name, names, edges)
	if number == nil {
		return nil, nil
	}
	ev := s.Purchases.Events
	var list []matrix.Event
	for u := range ev.Users {
		h := ev.History(u)
		for i, item := range h.Item {
			if k := number[item]; k >= 0 {
				list = append(list, matrix.Event{User: int32(u), Item: k, Day: h.Day[i], Weight: h.Weight[i]})
			}
		}
	}
	events, err := matrix.NewEvents(ev.Users, len(names), list)
	if err != nil {
		return nil, fmt.Errorf("outlook: purchases by %s: %w", name, err)
	}
	return &kind{name: name, names: names, events: events, edges: edges}, nil
}

// numberKinds returns the number of each item's kind, −1 where it has none.
func (s *shop) numberKinds(name string, names []string, edges []float64) []int32 {
	number := make([]int32, s.Purchases.Items.Len())
	if len(edges) > 0 {
		if s.Prices == nil {
			return nil
		}
		for item, price := range s.Prices {
			number[item] = int32(bandOf(edges, price))
		}
		return number
	}
	at := slices.IndexFunc(s.Kinds, func(k Kind) bool { return k.Name == name })
	if at < 0 {
		return nil
	}
	for item, of := range s.Kinds[at].Of {
		k, ok := slices.BinarySearch(names, of)
		if !ok {
			k = -1
		}
		number[item] = int32(k)
	}
	return number
}

// priceEdges are the quartiles of the prices of everything bought, distinct.
func (s *shop) priceEdges() []float64 {
	if s.Prices == nil {
		return nil
	}
	var prices []float64
	for _, item := range s.Purchases.Events.Item {
		if p := s.Prices[item]; p >= 0 && !math.IsInf(p, 0) {
			prices = append(prices, p)
		}
	}
	if len(prices) == 0 {
		return nil
	}
	slices.Sort(prices)
	var edges []float64
	for q := 1; q <= 3; q++ {
		edges = append(edges, prices[q*(len(prices)-1)/4])
	}
	edges = slices.Compact(edges)
	return slices.DeleteFunc(edges, func(e float64) bool { return e == prices[len(prices)-1] })
}

// bandOf is the band of a price: of those up to the first edge 0, and so on; −1
// where it is not known.
func bandOf(edges []float64, price float64) int {
	if !(price >= 0) || math.IsInf(price, 0) {
		return -1
	}
	return sort.SearchFloat64s(edges, price)
}

// bandNames name bands by their edges, such as 1.25-2.95: above the first, up to
// the second.
func bandNames(edges []float64) []string {
	text := func(v float64) string { return strconv.FormatFloat(v, 'f', -1, 64) }
	names := []string{"0-" + text(edges[0])}
	for i := 1; i < len(edges); i++ {
		names = append(names, text(edges[i-1])+"-"+text(edges[i]))
	}
	return append(names, text(edges[len(edges)-1])+"+")
}

// nextOrder is what a customer bought by kind on the first order day after a date.
type nextOrder struct {
	user  int32
	kinds []int32 // distinct
	count []float64
	total float64
}

// nextOrders are those within the horizon after a date, of the rows evenly spread.
func (r *run) nextOrders(d int, k *kind) []nextOrder {
	var out []nextOrder
	from := r.Dates[d].AsOf
	most := min(20_000, max(1000, 20_000_000/len(k.names)))
	for _, i := range spread(len(r.Dates[d].IDs), most) {
		day, ok := r.next(d, i, from+data.Day(r.Horizon))
		if !ok {
			continue
		}
		o := nextOrder{user: r.users[d][i]}
		h := k.events.History(int(o.user))
		for e, it := range h.Item {
			if h.Day[e] != day {
				continue
			}
			if n := len(o.kinds); n == 0 || o.kinds[n-1] != it {
				o.kinds, o.count = append(o.kinds, it), append(o.count, 0)
			}
			o.count[len(o.count)-1] += float64(h.Weight[e])
			o.total += float64(h.Weight[e])
		}
		if o.total > 0 {
			out = append(out, o)
		}
	}
	return out
}

// judgeNext returns for each order the log loss of its purchases and the share of
// them among the three kinds that were likeliest.
func judgeNext(m *shares.Model, past *matrix.Events, now data.Day, orders []nextOrder, own bool) (loss, hit []float64, err error) {
	p := make([]float64, len(m.Prior))
	for _, o := range orders {
		var h matrix.History
		if own {
			h = past.History(int(o.user))
		}
		if err := m.Probability(h, int32(now), p); err != nil {
			return nil, nil, err
		}
		top := shares.Best(p, topKinds)
		l, hits := 0.0, 0.0
		for i, k := range o.kinds {
			l -= math.Log(p[k]) * o.count[i] / o.total
			if slices.Contains(top, int(k)) {
				hits += o.count[i] / o.total
			}
		}
		loss, hit = append(loss, l), append(hit, hits)
	}
	return loss, hit, nil
}

var (
	halfLives      = []float64{30, 90, 180, 365, 3650}
	concentrations = []float64{0.3, 1, 3, 10, 30, 100, 300}
)

// fewOrders is how many next orders it takes to choose or measure by.
const fewOrders = 50

// chooseNext finds half-life and concentration by the log loss of the next orders
// after a date.
func (r *run) chooseNext(ctx context.Context, d int, k *kind) (SharesTuned, error) {
	var best SharesTuned
	now := r.Dates[d].AsOf
	orders, past := r.nextOrders(d, k), k.events.Before(int32(now))
	if len(orders) < fewOrders {
		r.note("next %s: %d orders to choose by, %d are needed: it keeps the usual half-life", k.name, len(orders), fewOrders)
		return best, nil
	}
	least := math.Inf(1)
	for _, half := range halfLives {
		for _, c := range concentrations {
			m, err := shares.Fit(ctx, k.names, past, int32(now), shares.Options{HalfLife: half, Concentration: c})
			if err != nil {
				return best, err
			}
			loss, _, err := judgeNext(m, past, now, orders, true)
			if err != nil {
				return best, err
			}
			if l := mean(loss); l < least {
				least, best = l, SharesTuned{HalfLife: half, Concentration: c}
			}
		}
	}
	return best, nil
}

func (r *run) fitNext(ctx context.Context, k *kind, now data.Day, tuned SharesTuned) (*shares.Model, error) {
	return shares.Fit(ctx, k.names, k.events, int32(now), shares.Options{HalfLife: tuned.HalfLife, Concentration: tuned.Concentration})
}

// reportNext measures the next orders of the test rows, beside the shop's shares.
func (r *run) reportNext(ctx context.Context, k *kind, tuned SharesTuned) (*Target, error) {
	d := len(r.Dates) - 2
	now := r.Dates[d].AsOf
	orders := r.nextOrders(d, k)
	if len(orders) < fewOrders {
		return nil, fmt.Errorf("%d orders to measure by, %d are needed: %w", len(orders), fewOrders, models.ErrNoData)
	}
	m, err := r.fitNext(ctx, k, now, tuned)
	if err != nil {
		return nil, err
	}
	t := &Target{Name: "next " + k.name, TestAsOf: now.String(), Days: r.Horizon}
	past := k.events.Before(int32(now))
	for _, own := range []bool{true, false} {
		loss, hit, err := judgeNext(m, past, now, orders, own)
		if err != nil {
			return nil, err
		}
		t.Results = append(t.Results, Result{Model: map[bool]string{true: "shares", false: "shop-shares"}[own], Baseline: !own, Rows: len(orders),
			Metrics: measures(len(orders), r.o, map[string]func([]int) float64{"log_loss": meanOf(loss), "hit@3": meanOf(hit)})})
	}
	return t, nil
}

package outlook_test

import (
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"testing"

	"regulars/data"
	"regulars/features/matrix"
	"regulars/features/read"
	"regulars/models/hours"
	"regulars/models/response"
	"regulars/training/outlook"
)

// An order is what one customer bought on one day.
type order struct {
	user, day, hour int
	item            int
	spend           float64
}

// A message was sent, and perhaps answered, on one day.
type message struct {
	user, day int
	answered  bool
}

// A history is a shop's past, made up or real, from which inputs are made as the
// feature groups of the same names would make them.
type history struct {
	users, items int
	orders       []order
	messages     []message
}

// Of items, one in five each is of one category; prices rise with the number.
const (
	categories = 5
	itemsEach  = 4
)

const horizon = 90

// customer is the truth of one made-up customer.
type customer struct {
	rate    float64 // orders a day while they stay
	left    int     // day from which they are gone
	favours int     // category
	hour    int
	worth   float64 // mean of an order
	answers float64 // share of messages
}

// simulated draws a shop of n customers over the given days.
func simulated(n, days int, seed uint64) (*history, []customer) {
	rng := rand.New(rand.NewPCG(seed, 77))
	h := &history{users: n, items: categories * itemsEach}
	truth := make([]customer, n)
	for u := range truth {
		c := customer{rate: (rng.ExpFloat64() + rng.ExpFloat64()) / 80, favours: rng.IntN(categories), hour: rng.IntN(24),
			worth: 20 * math.Exp(rng.NormFloat64()), answers: 0.02}
		if rng.IntN(4) == 0 {
			c.answers = 0.5
		}
		joined := rng.IntN(days)
		c.left = joined + 1 + int(500*rng.ExpFloat64())
		truth[u] = c
		for day := joined; day < min(c.left, days); {
			h.add(rng, u, day, c)
			day += 1 + int(rng.ExpFloat64()/c.rate)
		}
		for day := joined + 20; day < days; day += 20 {
			h.messages = append(h.messages, message{u, day, rng.Float64() < c.answers})
		}
	}
	return h, truth
}

func (h *history) add(rng *rand.Rand, u, day int, c customer) {
	hour := c.hour
	if rng.IntN(2) == 0 {
		hour = rng.IntN(24)
	}
	for range 2 {
		category := c.favours
		if rng.IntN(3) == 0 {
			category = rng.IntN(categories)
		}
		h.orders = append(h.orders, order{u, day, hour, category*itemsEach + rng.IntN(itemsEach), c.worth / 2 * (0.5 + rng.ExpFloat64()) / 1.5})
	}
}

// input makes what is known at each of the dates, days counted like those of orders.
func (h *history) input(t testing.TB, dates ...int) *outlook.Input {
	t.Helper()
	slices.SortStableFunc(h.orders, func(a, b order) int { return (a.user-b.user)*100_000 + a.day - b.day })
	in := &outlook.Input{Horizon: horizon}
	for _, now := range dates {
		in.Dates = append(in.Dates, h.rows(now, dates[len(dates)-1]))
	}
	in.Purchases = h.purchases(t, dates[len(dates)-1])
	category := outlook.Kind{Name: "category"}
	for item := range h.items {
		category.Of = append(category.Of, fmt.Sprintf("c%d", item/itemsEach))
		in.Prices = append(in.Prices, float64(1+item))
	}
	in.Kinds = []outlook.Kind{category}
	return in
}

func id(u int) string { return fmt.Sprintf("u%06d", u) }

func (h *history) purchases(t testing.TB, until int) *read.Interactions {
	t.Helper()
	var users, items []string
	for u := range h.users {
		users = append(users, id(u))
	}
	for i := range h.items {
		items = append(items, fmt.Sprintf("i%03d", i))
	}
	seen := map[[3]int]bool{}
	var list []matrix.Event
	for _, o := range h.orders {
		if key := [3]int{o.user, o.item, o.day}; o.day < until && !seen[key] {
			seen[key] = true
			list = append(list, matrix.Event{User: int32(o.user), Item: int32(o.item), Day: int32(o.day), Weight: 1})
		}
	}
	ev, err := matrix.NewEvents(h.users, h.items, list)
	if err != nil {
		t.Fatal(err)
	}
	return &read.Interactions{Users: matrix.NewVocabulary(users), Items: matrix.NewVocabulary(items), Events: ev}
}

// rows are the customers at a day. Labels are known where their horizon is over at
// the end.
func (h *history) rows(now, end int) outlook.Rows {
	names := []string{"recency_days", "frequency", "order_days", "monetary", "tenure_days", "first_basket_value", "expected_gap_days", "orders_90d", "spend_90d"}
	out := outlook.Rows{AsOf: data.Day(now), X: &matrix.Dense{Names: names}, Channels: []outlook.Channel{{Name: "email"}}}
	if now+horizon <= end {
		out.Labels = &read.LabelTable{}
	}
	var spans []summary
	for _, own := range h.byUser() {
		if s, ok := summarise(own, now); ok {
			spans = append(spans, s)
		}
	}
	typical := typicalGap(spans)
	for _, s := range spans {
		out.IDs = append(out.IDs, id(s.user))
		expected := math.NaN()
		if s.days > 1 {
			expected = (float64(s.last-s.first) + typical) / float64(s.days)
		}
		out.X.Data = append(out.X.Data, float64(now-s.last), float64(s.days), float64(s.days), s.spend, float64(now-s.first), s.firstSpend, expected, float64(s.recent), s.recentSpend)
		out.X.Rows++
		out.Hours = append(out.Hours, s.hours)
		if l := out.Labels; l != nil {
			l.IDs, l.Ordered = append(l.IDs, id(s.user)), append(l.Ordered, s.after > 0)
			l.Orders, l.Spend = append(l.Orders, float64(s.after)), append(l.Spend, s.afterSpend)
		}
	}
	out.Channels[0].Tallies = h.tallies(out.IDs, now)
	return out
}

func (h *history) byUser() [][]order {
	out := make([][]order, h.users)
	for _, o := range h.orders {
		out[o.user] = append(out[o.user], o)
	}
	return out
}

func (h *history) tallies(ids []string, now int) []response.Tally {
	at := map[string]int{}
	for i, id := range ids {
		at[id] = i
	}
	out := make([]response.Tally, len(ids))
	for _, m := range h.messages {
		if i, ok := at[id(m.user)]; ok && m.day < now {
			out[i].Sent++
			if m.answered {
				out[i].Answered++
			}
		}
	}
	return out
}

type summary struct {
	user, first, last, days, recent, after     int
	spend, firstSpend, recentSpend, afterSpend float64
	hours                                      hours.Histogram
}

// summarise counts an order day once; the orders are of one customer, by day.
func summarise(own []order, now int) (s summary, ok bool) {
	before := -1
	for _, o := range own {
		fresh := o.day != before
		before = o.day
		switch {
		case o.day >= now+horizon:
		case o.day >= now:
			s.afterSpend += o.spend
			if fresh {
				s.after++
			}
		default:
			if fresh {
				s.days++
				s.hours[o.hour]++
			}
			if s.days == 1 {
				s.first = o.day
				s.firstSpend += o.spend
			}
			s.user, s.last = o.user, o.day
			s.spend += o.spend
			if o.day >= now-90 {
				s.recentSpend += o.spend
				if fresh {
					s.recent++
				}
			}
		}
	}
	return s, s.days > 0
}

func typicalGap(all []summary) float64 {
	var gaps []float64
	for _, s := range all {
		if s.days > 1 {
			gaps = append(gaps, math.Floor(float64(s.last-s.first)/float64(s.days-1)+0.5))
		}
	}
	if len(gaps) == 0 {
		return 0
	}
	slices.Sort(gaps)
	return gaps[(len(gaps)-1)/2]
}

func readJSON(t testing.TB, path string, into any) {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, into); err != nil {
		t.Fatal(err)
	}
}

package outlook

import (
	"fmt"
	"math"
	"slices"

	"regulars/data"
	"regulars/features/matrix"
	"regulars/features/read"
	"regulars/models"
	"regulars/models/hours"
	"regulars/models/response"
)

// Input is what is known of a shop and its customers up to the last of the dates.
type Input struct {
	// Horizon is H in days: of the labels, and from date to date at least.
	Horizon int
	// Dates are those of split.Protocol.Days, ascending: …, D−3H, D−2H, D−H, D. Score
	// looks at the last alone, Fit without Evaluate needs no other. Those before D may
	// hold a sample of the customers: no more than 50,000 of a date are looked at.
	Dates []Rows
	// Purchases are those before D; every customer of the rows has one.
	Purchases *read.Interactions
	// Kinds say what items are like. They name what is predicted, so one list as of D
	// serves every date.
	Kinds []Kind
	// Prices are those of the items of Purchases, from which price bands are made;
	// NaN = unknown, nil = none is known.
	Prices []float64
}

// Rows are the customers at one date, with what was known of them then.
type Rows struct {
	AsOf data.Day
	IDs  []string // ascending, one a row; all else has a value for each
	// X holds the columns that models learn from. Some are looked for by name and
	// must then be those of the feature groups rfm, first_last and next_order.
	X      *matrix.Dense
	Labels *read.LabelTable // of [AsOf, AsOf+Horizon); nil where that is not over
	// Hours count what customers did before AsOf by local hour; nil = not known.
	Hours []hours.Histogram
	// Channels count messages before AsOf; none = none is known.
	Channels []Channel
}

// A Channel is what came of the messages of one channel.
type Channel struct {
	Name    string
	Tallies []response.Tally // one a row; Sent 0 = nothing was sent
}

// A Kind is a way to tell items apart, such as by category or brand.
type Kind struct {
	Name string
	Of   []string // one an item of Purchases.Items; "" = not known
}

// contactChannels are the channels of the feature group contact_response.
var contactChannels = []string{"email", "sms", "push", "social", "phone", "other"}

// ChannelsOf takes the tallies out of the columns of the feature group
// contact_response: an answer is a click, or an order soon after in a channel that
// nobody has clicked in. A channel through which nothing was sent is left out.
func ChannelsOf(x *matrix.Dense) []Channel {
	var out []Channel
	for _, name := range contactChannels {
		sent, clicked, ordered := column(x, name+"_received"), column(x, name+"_clicked"), column(x, name+"_ordered")
		if sent == nil || clicked == nil || ordered == nil || !anyAbove0(sent) {
			continue
		}
		answered := clicked
		if !anyAbove0(clicked) {
			answered = ordered
		}
		c := Channel{Name: name, Tallies: make([]response.Tally, x.Rows)}
		for i := range c.Tallies {
			if sent[i] > 0 {
				c.Tallies[i] = response.Tally{Sent: int64(sent[i]), Answered: int64(min(answered[i], sent[i]))}
			}
		}
		out = append(out, c)
	}
	return out
}

// column returns the values of the named column; nil when there is none.
func column(x *matrix.Dense, name string) []float64 {
	if j := slices.Index(x.Names, name); j >= 0 {
		return x.Column(j)
	}
	return nil
}

func anyAbove0(values []float64) bool {
	return slices.ContainsFunc(values, func(v float64) bool { return v > 0 })
}

// shop is an input that has been checked, by customer number of the purchases.
type shop struct {
	*Input
	days  [][]int32 // on which each customer ordered, ascending
	users [][]int32 // of each date, the customer of each row
}

func newShop(in *Input) (*shop, error) {
	if err := in.check(); err != nil {
		return nil, err
	}
	s := &shop{Input: in, days: orderDays(in.Purchases.Events), users: make([][]int32, len(in.Dates))}
	for d := range in.Dates {
		if err := s.number(d); err != nil {
			return nil, err
		}
	}
	return s, nil
}

func (in *Input) check() error {
	if in.Horizon < 1 || len(in.Dates) == 0 || in.Purchases == nil {
		return fmt.Errorf("outlook: a horizon of %d days, %d dates, purchases %v: all three are needed", in.Horizon, len(in.Dates), in.Purchases != nil)
	}
	if in.Horizon > longest {
		return &models.OptionError{Model: "outlook", Option: "Horizon", Value: in.Horizon, Want: fmt.Sprintf("at most %d", longest)}
	}
	for d := range in.Dates {
		if d > 0 && in.Dates[d].AsOf < in.Dates[d-1].AsOf+data.Day(in.Horizon) {
			return fmt.Errorf("outlook: %s comes less than %d days after %s", in.Dates[d].AsOf, in.Horizon, in.Dates[d-1].AsOf)
		}
		if err := in.Dates[d].check(); err != nil {
			return fmt.Errorf("outlook: rows at %s: %w", in.Dates[d].AsOf, err)
		}
	}
	for i, day := range in.Purchases.Events.Day {
		if data.Day(day) >= in.last().AsOf {
			return fmt.Errorf("outlook: purchase %d is of %s, which is not before %s", i, data.Day(day), in.last().AsOf)
		}
	}
	items := in.Purchases.Items.Len()
	for _, k := range in.Kinds {
		if k.Name == priceBand {
			return fmt.Errorf("outlook: a kind called %q: that is made of prices, call it otherwise", k.Name)
		}
		if len(k.Of) != items {
			return fmt.Errorf("outlook: %s is given for %d of %d items", k.Name, len(k.Of), items)
		}
	}
	if in.Prices != nil && len(in.Prices) != items {
		return fmt.Errorf("outlook: prices are given for %d of %d items", len(in.Prices), items)
	}
	return nil
}

func (in *Input) last() *Rows { return &in.Dates[len(in.Dates)-1] }

func (r *Rows) check() error {
	n := len(r.IDs)
	if r.X == nil || r.X.Rows != n {
		return fmt.Errorf("features of other than the %d customers", n)
	}
	for i := 1; i < n; i++ {
		if r.IDs[i] <= r.IDs[i-1] {
			return fmt.Errorf("customer %q does not come after %q", r.IDs[i], r.IDs[i-1])
		}
	}
	for i, v := range r.X.Data {
		if math.IsInf(v, 0) {
			return fmt.Errorf("column %q of customer %q is %v", r.X.Names[i%r.X.Cols()], r.IDs[i/r.X.Cols()], v)
		}
	}
	if r.Labels != nil && !slices.Equal(r.Labels.IDs, r.IDs) {
		return fmt.Errorf("labels are of other customers than the features")
	}
	if r.Hours != nil && len(r.Hours) != n {
		return fmt.Errorf("hours of %d customers, there are %d", len(r.Hours), n)
	}
	for _, c := range r.Channels {
		if len(c.Tallies) != n {
			return fmt.Errorf("messages by %s to %d customers, there are %d", c.Name, len(c.Tallies), n)
		}
	}
	return nil
}

// number looks up the customers of a date.
func (s *shop) number(d int) error {
	rows := &s.Dates[d]
	s.users[d] = make([]int32, len(rows.IDs))
	for i, id := range rows.IDs {
		u, ok := s.Purchases.Users.Lookup(id)
		if !ok || len(s.days[u]) == 0 || s.days[u][0] >= int32(rows.AsOf) {
			return fmt.Errorf("outlook: customer %q of the rows at %s has no purchase before", id, rows.AsOf)
		}
		s.users[d][i] = u
	}
	return nil
}

// orderDays returns the distinct days of each customer's purchases, ascending.
func orderDays(ev *matrix.Events) [][]int32 {
	out := make([][]int32, ev.Users)
	for u := range out {
		days := slices.Clone(ev.History(u).Day)
		slices.Sort(days)
		out[u] = slices.Clip(slices.Compact(days))
	}
	return out
}

// until returns the days before now.
func until(days []int32, now data.Day) []int32 {
	at, _ := slices.BinarySearch(days, int32(now))
	return days[:at]
}

// next returns the first order day from the date of the row on, and whether there
// is one before the end.
func (s *shop) next(d, row int, end data.Day) (day int32, ok bool) {
	days := s.days[s.users[d][row]]
	at, _ := slices.BinarySearch(days, int32(s.Dates[d].AsOf))
	if at == len(days) || days[at] >= int32(end) {
		return 0, false
	}
	return days[at], true
}

// within reports for every given row of a date whether an order came within h days.
func (s *shop) within(d int, rows []int, h int) []bool {
	out := make([]bool, len(rows))
	for i, r := range rows {
		_, out[i] = s.next(d, r, s.Dates[d].AsOf+data.Day(h))
	}
	return out
}

// spread returns at most most of the numbers 0 … n−1, evenly spread.
func spread(n, most int) []int {
	out := make([]int, min(n, most))
	for k := range out {
		out[k] = k * n / len(out)
	}
	return out
}

func pick[T any](values []T, rows []int) []T {
	out := make([]T, len(rows))
	for i, r := range rows {
		out[i] = values[r]
	}
	return out
}

package outlook

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"

	"regulars/features/matrix"
	"regulars/models"
	"regulars/models/hours"
	"regulars/models/response"
	"regulars/models/shares"
)

// Customer is the outlook of one customer. What is not told is nil.
type Customer struct {
	ID       string
	Returns  []float64 // P(an order within Options.Horizons), never falling
	Course   []float32 // P(no order yet) at CourseDays, never rising; in keeping with Returns
	Spend    *Spend
	Value    *Value
	Next     []Next
	Response []Response
	Hour     *Hour
}

// Spend is what a customer brings within the horizon, in the shop's currency.
type Spend struct {
	IfOrder  float64 // expected of those who order
	Expected float64 // the same × the probability of an order
}

// Value is the customer lifetime value: what a customer brings within
// Options.ValueDays, discounted. Amount is expected; one customer's own future lies
// between Low and High with 95% probability, which for one who has most likely
// left may both be 0.
type Value struct{ Amount, Low, High float64 }

// Next are the likeliest kinds of the next purchase, the likeliest first.
type Next struct {
	Kind   string
	Likely []shares.Share
}

// Response is how likely a customer answers a message of a channel.
type Response struct {
	Channel string
	Rate    float64
	Sent    int64 // messages it was learned from; 0 = it is the mean of the channel
}

// Hour is the best local hour to write, 0 to 23, and the share of the customer's
// activity that is expected in it.
type Hour struct {
	Hour  int
	Share float64
}

// chunkRows is how many customers are scored in one piece.
const chunkRows = 256

// Score hands the outlook of every customer at the last date of the input, which
// is the date of the features, to emit: in the order of the rows, never
// concurrently, each customer's own to keep. Memory is bounded by a few pieces of
// 256 customers and by what past orders look like (see scoring of values). An error
// of emit ends the work and is returned. Workers 0 = GOMAXPROCS.
func (m *Model) Score(ctx context.Context, in *Input, workers int, emit func(row int, c *Customer) error) error {
	if workers < 0 {
		return &models.OptionError{Model: "outlook", Option: "Workers", Value: workers, Want: "at least 0"}
	}
	if workers == 0 {
		workers = runtime.GOMAXPROCS(0)
	}
	s, err := m.scoring(ctx, in, workers)
	if err != nil {
		return err
	}
	block := make([]Customer, workers*4*chunkRows)
	for from := 0; from < len(s.rows.IDs); from += len(block) {
		size := min(len(block), len(s.rows.IDs)-from)
		if err := parallel(ctx, (size+chunkRows-1)/chunkRows, workers, func(k int) error {
			at := from + k*chunkRows
			return s.chunk(at, block[at-from:min(at-from+chunkRows, size)])
		}); err != nil {
			return err
		}
		for i := range size {
			c := block[i]
			if err := emit(from+i, &c); err != nil {
				return err
			}
		}
	}
	return ctx.Err()
}

// parallel calls do with 0 … n−1, in no order; the error of the lowest is returned.
func parallel(ctx context.Context, n, workers int, do func(i int) error) error {
	failed := make([]error, n)
	var next atomic.Int64
	var wg sync.WaitGroup
	for range min(n, workers) {
		wg.Go(func() {
			for i := int(next.Add(1) - 1); i < n && ctx.Err() == nil; i = int(next.Add(1) - 1) {
				failed[i] = do(i)
			}
		})
	}
	wg.Wait()
	for _, err := range failed {
		if err != nil {
			return err
		}
	}
	return ctx.Err()
}

// scoring is one Score.
type scoring struct {
	m        *Model
	rows     *Rows
	users    []int32
	kinds    []*kind // one a model of next; nil = the input does not tell
	channels []*Channel
	values   *values
	grid     grid
	horizons []int // where Returns lie on the grid
	course   []int // where Course lies
	whole    int   // where the horizon lies
}

func (m *Model) scoring(ctx context.Context, in *Input, workers int) (*scoring, error) {
	sh, err := newShop(&Input{Horizon: in.Horizon, Dates: in.Dates[max(0, len(in.Dates)-1):], Purchases: in.Purchases, Kinds: in.Kinds, Prices: in.Prices})
	if err != nil {
		return nil, err
	}
	s := &scoring{m: m, rows: in.last(), users: sh.users[0]}
	for _, n := range m.next {
		k, err := sh.kind(n.name, n.Names, n.edges)
		if err != nil {
			return nil, err
		}
		s.kinds = append(s.kinds, k)
	}
	for _, c := range m.channels {
		s.channels = append(s.channels, channelOf(s.rows, c.name))
	}
	if m.valuing != nil {
		if s.values, err = m.values(ctx, s.rows.X, workers); err != nil {
			return nil, err
		}
	}
	if m.waiting != nil {
		days := withDay(append(slices.Clone(m.o.Horizons), m.Horizon)...)
		s.grid, s.whole = m.waiting.grid(days), slices.Index(days, m.Horizon)
		s.horizons, s.course = places(days, m.o.Horizons), places(days, courseDays)
	}
	return s, nil
}

func places(in, of []int) []int {
	out := make([]int, len(of))
	for i, v := range of {
		out[i] = slices.Index(in, v)
	}
	return out
}

// chunk scores the rows from at on into out.
func (s *scoring) chunk(at int, out []Customer) error {
	width := s.rows.X.Cols()
	x := &matrix.Dense{Names: s.rows.X.Names, Rows: len(out), Data: s.rows.X.Data[at*width : (at+len(out))*width]}
	whole, err := s.returns(x, at, out)
	if err != nil {
		return err
	}
	if err := s.spends(x, whole, out); err != nil {
		return err
	}
	for i := range out {
		if err := s.rest(at+i, &out[i]); err != nil {
			return fmt.Errorf("outlook: customer %q: %w", out[i].ID, err)
		}
	}
	return nil
}

// returns fills in who, when, and returns the probability of an order within the
// horizon.
func (s *scoring) returns(x *matrix.Dense, at int, out []Customer) (whole []float64, err error) {
	for i := range out {
		out[i] = Customer{ID: s.rows.IDs[at+i]}
	}
	if s.m.waiting == nil {
		return nil, nil
	}
	if x, err = selected(x, s.m.waiting.names()); err != nil {
		return nil, err
	}
	p := make([]float64, len(s.grid.days))
	whole = make([]float64, len(out))
	for i := range out {
		c, err := s.m.waiting.course(x, i)
		if err != nil {
			return nil, fmt.Errorf("outlook: customer %q: %w", out[i].ID, err)
		}
		s.grid.fill(c, p)
		out[i].Returns, out[i].Course = pick(p, s.horizons), make([]float32, len(s.course))
		for k, place := range s.course {
			out[i].Course[k] = float32(1 - p[place])
		}
		whole[i] = p[s.whole]
	}
	return whole, nil
}

func (s *scoring) spends(x *matrix.Dense, whole []float64, out []Customer) error {
	if s.m.spending == nil || whole == nil {
		return nil
	}
	p, err := s.m.spending.apply(x, s.m.Horizon)
	if err != nil {
		return err
	}
	for i, v := range p {
		out[i].Spend = &Spend{IfOrder: v, Expected: v * whole[i]}
	}
	return nil
}

// rest fills in what is told customer by customer.
func (s *scoring) rest(row int, c *Customer) (err error) {
	if s.values != nil {
		if c.Value, err = s.values.of(row); err != nil {
			return err
		}
	}
	for i, n := range s.m.next {
		if s.kinds[i] == nil {
			continue
		}
		likely, err := n.Top(s.kinds[i].events.History(int(s.users[row])), int32(s.rows.AsOf), topKinds)
		if err != nil {
			return err
		}
		c.Next = append(c.Next, Next{n.name, likely})
	}
	for i, ch := range s.m.channels {
		var t response.Tally // nothing was sent where the input has no such channel
		if s.channels[i] != nil {
			t = s.channels[i].Tallies[row]
		}
		rate, err := ch.Rate(t)
		if err != nil {
			return err
		}
		c.Response = append(c.Response, Response{ch.name, rate, t.Sent})
	}
	return s.hour(row, c)
}

func (s *scoring) hour(row int, c *Customer) error {
	if s.m.hours == nil {
		return nil
	}
	var own hours.Histogram
	if s.rows.Hours != nil {
		own = s.rows.Hours[row]
	}
	hour, share, err := s.m.hours.Best(&own)
	c.Hour = &Hour{hour, share}
	return err
}

// isUnknown says that a model has nothing to say of a customer.
func isUnknown(err error) bool { return errors.Is(err, models.ErrUnknown) }

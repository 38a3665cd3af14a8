package outlook

import (
	"context"
	"fmt"
	"math"

	"regulars/models"
	"regulars/models/hours"
	"regulars/models/response"
)

// pairs returns the positions of the customers whom two dates have in common.
func (s *shop) pairs(d, later int) (rows, after []int) {
	at := make(map[int32]int, len(s.users[later]))
	for i, u := range s.users[later] {
		at[u] = i
	}
	for i, u := range s.users[d] {
		if j, ok := at[u]; ok {
			rows, after = append(rows, i), append(after, j)
		}
	}
	return rows, after
}

// fitResponse fits a channel on what was known at a date.
func (r *run) fitResponse(ctx context.Context, c Channel) (*response.Model, error) {
	return response.Fit(ctx, c.Tallies, response.Options{})
}

// sentAfter are the messages of a channel between the two last dates of the rows:
// more of what was counted. Where more answers came than messages, some were to
// earlier ones, and count as answers to these.
func (r *run) sentAfter(name string) (before, more []response.Tally) {
	d := len(r.Dates) - 2
	old, now := channelOf(&r.Dates[d], name), channelOf(r.last(), name)
	if old == nil || now == nil {
		return nil, nil
	}
	rows, after := r.pairs(d, d+1)
	for k, i := range rows {
		a, b := old.Tallies[i], now.Tallies[after[k]]
		if sent := b.Sent - a.Sent; sent > 0 {
			before = append(before, a)
			more = append(more, response.Tally{Sent: sent, Answered: min(max(0, b.Answered-a.Answered), sent)})
		}
	}
	return before, more
}

func channelOf(rows *Rows, name string) *Channel {
	for i := range rows.Channels {
		if rows.Channels[i].Name == name {
			return &rows.Channels[i]
		}
	}
	return nil
}

// reportResponse measures the messages of a channel after the test rows, beside
// the mean of the channel before them.
func (r *run) reportResponse(ctx context.Context, name string) (*Target, error) {
	before, more := r.sentAfter(name)
	d := len(r.Dates) - 2
	if len(more) < fewOrders {
		return nil, fmt.Errorf("%d customers with messages to measure by, %d are needed: %w", len(more), fewOrders, models.ErrNoData)
	}
	old := channelOf(&r.Dates[d], name)
	m, err := r.fitResponse(ctx, *old)
	if err != nil {
		return nil, err
	}
	var sent, answered float64
	for _, t := range old.Tallies {
		sent += float64(t.Sent)
		answered += float64(t.Answered)
	}
	flat := (answered + 0.5) / (sent + 1)
	losses, count := [2][]float64{}, make([]float64, len(more))
	for i, t := range more {
		p, err := m.Rate(before[i])
		if err != nil {
			return nil, err
		}
		count[i] = float64(t.Sent)
		for k, p := range []float64{p, flat} {
			losses[k] = append(losses[k], -float64(t.Answered)*math.Log(p)-float64(t.Sent-t.Answered)*math.Log1p(-p))
		}
	}
	out := &Target{Name: "response by " + name, TestAsOf: r.Dates[d].AsOf.String(), Days: int(r.last().AsOf - r.Dates[d].AsOf)}
	for k, model := range []string{"beta-binomial", "channel-mean"} {
		out.Results = append(out.Results, Result{Model: model, Baseline: k > 0, Rows: len(more),
			Metrics: measures(len(more), r.o, map[string]func([]int) float64{"log_loss": ratioOf(losses[k], count)})})
	}
	return out, nil
}

// activeAfter are the hours of customers before a date, and what they did between
// it and the next date, of those who did anything.
func (r *run) activeAfter(d int) (before, more []hours.Histogram) {
	old, now := r.Dates[d].Hours, r.Dates[d+1].Hours
	if old == nil || now == nil {
		return nil, nil
	}
	rows, after := r.pairs(d, d+1)
	for k, i := range rows {
		var m hours.Histogram
		total := float32(0)
		for h := range m {
			m[h] = max(0, now[after[k]][h]-old[i][h])
			total += m[h]
		}
		if total > 0 {
			before, more = append(before, old[i]), append(more, m)
		}
	}
	return before, more
}

// Of equally good ones the first is taken: the shop's hour for everybody, before
// a customer's own is believed.
var (
	hourConcentrations = []float64{1e6, 1000, 300, 100, 30, 10, 3, 1}
	hourBandwidths     = []float64{1, 2, 0.5, 0}
)

// chooseHours finds concentration and bandwidth by the share of what was done after
// a date that fell into the hour chosen before: what the hour is for.
func (r *run) chooseHours(ctx context.Context, d int) (*HoursTuned, error) {
	before, more := r.activeAfter(d)
	if len(more) < fewOrders {
		return nil, nil
	}
	take := spread(len(more), 20_000)
	before, more = pick(before, take), pick(more, take)
	var best *HoursTuned
	most := -1.0
	for _, c := range hourConcentrations {
		for _, b := range hourBandwidths {
			tuned := HoursTuned{Concentration: c, Bandwidth: b}
			m, err := r.fitHours(ctx, d, &tuned)
			if err != nil {
				return nil, err
			}
			shares, err := inHour(m, before, more)
			if err != nil {
				return nil, err
			}
			if s := mean(shares); s > most {
				most, best = s, &tuned
			}
		}
	}
	return best, nil
}

// inHour returns which share of what each customer did fell into the hour that is
// chosen by what was known before.
func inHour(m *hours.Model, before, more []hours.Histogram) ([]float64, error) {
	out := make([]float64, len(more))
	for i := range more {
		hour, _, err := m.Best(&before[i])
		if err != nil {
			return nil, err
		}
		total := float32(0)
		for _, n := range more[i] {
			total += n
		}
		out[i] = float64(more[i][hour] / total)
	}
	return out, nil
}

func (r *run) fitHours(ctx context.Context, d int, tuned *HoursTuned) (*hours.Model, error) {
	if r.Dates[d].Hours == nil {
		return nil, fmt.Errorf("nobody's hours are known at %s: %w", r.Dates[d].AsOf, models.ErrNoData)
	}
	var o hours.Options
	if tuned != nil {
		o = hours.Options{Concentration: tuned.Concentration, Bandwidth: &tuned.Bandwidth}
	}
	return hours.Fit(ctx, r.Dates[d].Hours, o)
}

// reportHours measures which share of what customers did after the test rows fell
// into the hour chosen for each, beside the hour that is best for the shop.
func (r *run) reportHours(ctx context.Context, tuned *HoursTuned) (*Target, error) {
	d := len(r.Dates) - 2
	m, err := r.fitHours(ctx, d, tuned)
	if err != nil {
		return nil, err
	}
	before, more := r.activeAfter(d)
	if len(more) < fewOrders {
		return nil, fmt.Errorf("%d customers to measure by, %d are needed: %w", len(more), fewOrders, models.ErrNoData)
	}
	own, err := inHour(m, before, more)
	if err != nil {
		return nil, err
	}
	shop, err := inHour(m, make([]hours.Histogram, len(more)), more)
	if err != nil {
		return nil, err
	}
	t := &Target{Name: "hour", TestAsOf: r.Dates[d].AsOf.String(), Days: int(r.last().AsOf - r.Dates[d].AsOf)}
	for k, model := range []string{"own-hour", "shop-hour"} {
		t.Results = append(t.Results, Result{Model: model, Baseline: k > 0, Rows: len(more),
			Metrics: measures(len(more), r.o, map[string]func([]int) float64{"share": meanOf([][]float64{own, shop}[k])})})
	}
	return t, nil
}

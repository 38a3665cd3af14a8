package outlook

import (
	"cmp"
	"context"
	"fmt"

	"regulars/data"
	"regulars/models"
	"regulars/models/hours"
	"regulars/models/response"
	"regulars/models/shares"
)

// Model is all that is known of what customers will do. It is immutable and safe
// for concurrent use.
type Model struct {
	AsOf    data.Day
	Horizon int
	Notes   []string // which parts are absent or simpler than they could be, and why

	o        Options
	waiting  *waiting // the following are nil or empty where absent
	spending *spending
	valuing  *valuing
	next     []nextModel
	channels []channelModel
	hours    *hours.Model
}

type nextModel struct {
	name  string
	edges []float64 // of price bands
	*shares.Model
}

type channelModel struct {
	name string
	*response.Model
}

// Fit fits what was chosen on everything up to the last date. The zero Choices are
// for a shop without enough history to choose: it gets the simplest models.
func Fit(ctx context.Context, in *Input, c Choices, o Options) (*Model, error) {
	r, err := newRun(in, o)
	if err != nil {
		return nil, err
	}
	m := &Model{AsOf: in.last().AsOf, Horizon: in.Horizon, o: r.o}
	parts := []struct {
		name string
		fit  func() error
	}{
		{"next order", func() error { return r.fitReturns(ctx, m, cmp.Or(c.Returns, familyGap)) }},
		{"spend", func() error { return r.fitSpending(ctx, m, cmp.Or(c.Spend, spendOwn)) }},
		{"value", func() (err error) { m.valuing, err = r.fitValue(ctx, in.last().X); return err }},
		{"next kinds", func() error { return r.fitKinds(ctx, m, c.Next) }},
		{"response", func() error { return r.fitChannels(ctx, m) }},
		{"hour", func() (err error) { m.hours, err = r.fitHours(ctx, len(in.Dates)-1, c.Hours); return err }},
	}
	for _, p := range parts {
		if err := r.absent(p.name+" is not told", p.fit()); err != nil {
			return nil, fmt.Errorf("fitting %s: %w", p.name, err)
		}
	}
	m.Notes = r.notes
	return m, ctx.Err()
}

// fitReturns fits the family, or gaps where it cannot be fitted.
func (r *run) fitReturns(ctx context.Context, m *Model, family string) (err error) {
	if family != familyGap {
		if m.waiting, err = r.calibrated(ctx, family, m.AsOf); err == nil {
			return nil
		}
		if err := r.absent("next order by "+family, err); err != nil {
			return err
		}
	}
	r.note("next order: told by the gaps between orders alone")
	m.waiting, err = r.calibrated(ctx, familyGap, m.AsOf)
	return err
}

// fitSpending fits the kind, or a simpler one where it cannot be fitted.
func (r *run) fitSpending(ctx context.Context, m *Model, kind string) error {
	rungs := []string{spendTweedie, spendLog, spendOwn, spendShop}
	switch kind {
	case spendTweedie, spendLog:
		rungs = []string{kind, spendOwn, spendShop}
	case spendOwn, spendShop:
		rungs = []string{kind, spendShop}
	default:
		return &models.OptionError{Model: "outlook", Option: "Choices.Spend", Value: kind, Want: fmt.Sprintf("one of %v", rungs)}
	}
	train, err := r.spendRows(r.Dates[0].AsOf, m.AsOf)
	if err != nil {
		return err
	}
	if len(train.spent) == 0 {
		return fmt.Errorf("no rows whose %d days are over have an order: %w", r.Horizon, models.ErrNoData)
	}
	for i, k := range rungs {
		if m.spending, err = r.fitSpend(ctx, k, train); err == nil {
			if k == spendOwn || k == spendShop {
				r.note("spend: told by the %s", k)
			}
			return nil
		}
		if i+1 < len(rungs) {
			if err := r.absent("spend by "+k, err); err != nil {
				return err
			}
		}
	}
	return err
}

func (r *run) fitKinds(ctx context.Context, m *Model, tuned map[string]SharesTuned) error {
	if len(r.kinds) == 0 {
		return fmt.Errorf("neither prices nor kinds tell items apart: %w", models.ErrNoData)
	}
	for _, k := range r.kinds {
		fitted, err := r.fitNext(ctx, k, m.AsOf, tuned[k.name])
		if err != nil {
			if err := r.absent("next "+k.name+" is not told", err); err != nil {
				return err
			}
			continue
		}
		m.next = append(m.next, nextModel{k.name, k.edges, fitted})
	}
	return nil
}

func (r *run) fitChannels(ctx context.Context, m *Model) error {
	if len(r.last().Channels) == 0 {
		return fmt.Errorf("no messages are known: %w", models.ErrNoData)
	}
	for _, c := range r.last().Channels {
		fitted, err := r.fitResponse(ctx, c)
		if err != nil {
			if err := r.absent("response by "+c.Name+" is not told", err); err != nil {
				return err
			}
			continue
		}
		m.channels = append(m.channels, channelModel{c.Name, fitted})
	}
	return nil
}

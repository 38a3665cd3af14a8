package outlook

import (
	"context"
	"fmt"

	"regulars/models"
)

// Evaluate makes every choice on the rows at the last date but two, then fits on
// what was known at the last but one and reports on what followed. Longer horizons
// are measured on the latest rows whose days are over. With fewer than three dates
// nothing can be told, and the error wraps models.ErrNoData: Fit still can, with no
// choices.
func Evaluate(ctx context.Context, in *Input, o Options) (*Report, error) {
	r, err := newRun(in, o)
	if err != nil {
		return nil, err
	}
	if len(in.Dates) < 3 {
		return nil, fmt.Errorf("outlook: %d dates, to choose and to report needs 3: %w", len(in.Dates), models.ErrNoData)
	}
	out := &Report{AsOf: in.last().AsOf.String()}
	if out.Choices, err = r.choose(ctx, len(in.Dates)-3); err != nil {
		return nil, err
	}
	if err := r.report(ctx, out); err != nil {
		return nil, err
	}
	out.Notes = r.notes
	return out, ctx.Err()
}

// choose compares on what followed the rows at a date.
func (r *run) choose(ctx context.Context, d int) (c Choices, err error) {
	if c.Returns, err = r.chooseReturns(ctx, d); err != nil {
		return c, err
	}
	if c.Spend, err = r.chooseSpend(ctx, d); err != nil {
		return c, err
	}
	c.Next = map[string]SharesTuned{}
	for _, k := range r.kinds {
		tuned, err := r.chooseNext(ctx, d, k)
		if err := r.absent("next "+k.name, err); err != nil {
			return c, err
		}
		c.Next[k.name] = tuned
	}
	if r.Dates[d].Hours != nil {
		if c.Hours, err = r.chooseHours(ctx, d); err != nil {
			return c, r.absent("hour", err)
		}
	}
	return c, nil
}

// report measures every part; what cannot be measured is noted.
func (r *run) report(ctx context.Context, out *Report) error {
	var err error
	if out.Targets, err = r.reportReturns(ctx, out.Choices.Returns); err != nil {
		return err
	}
	parts := []part{
		{"day of the next order", func() (*Target, error) { return r.reportDates(ctx, out.Choices.Returns) }},
		{"spend if ordering", func() (*Target, error) { return r.reportSpend(ctx, out.Choices.Spend) }},
		{"value", func() (*Target, error) { return r.reportValue(ctx) }},
	}
	for _, k := range r.kinds {
		parts = append(parts, part{"next " + k.name, func() (*Target, error) { return r.reportNext(ctx, k, out.Choices.Next[k.name]) }})
	}
	for _, c := range r.last().Channels {
		parts = append(parts, part{"response by " + c.Name, func() (*Target, error) { return r.reportResponse(ctx, c.Name) }})
	}
	parts = append(parts, part{"hour", func() (*Target, error) { return r.reportHours(ctx, out.Choices.Hours) }})
	for _, p := range parts {
		t, err := p.measure()
		if err := r.absent(p.name, err); err != nil {
			return fmt.Errorf("measuring %s: %w", p.name, err)
		}
		if t != nil {
			out.Targets = append(out.Targets, *t)
		}
	}
	return nil
}

// part is something that is measured.
type part struct {
	name    string
	measure func() (*Target, error)
}

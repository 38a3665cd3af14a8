package training

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"regulars/data"
	"regulars/features"
	"regulars/training/split"
)

// timetable is which dates a run needs. The protocol is nil when the history
// is too short for churn; the reason is then in notes.
type timetable struct {
	protocol *split.Protocol
	first    data.Day
	notes    []string
}

// Features builds every feature table that a run at as_of reads.
func (p *Pipeline) Features(ctx context.Context) (*Report, error) {
	t, err := p.timetable()
	if err != nil {
		return nil, err
	}
	if err := p.buildAll(ctx, t); err != nil {
		return nil, err
	}
	return &Report{AsOf: p.Options.AsOf.String(), Notes: t.notes}, nil
}

func (p *Pipeline) timetable() (*timetable, error) {
	first, last, ok, err := p.Lake.Span(data.Orders)
	if err != nil {
		return nil, err
	}
	if !ok {
		return nil, errors.New("the lake holds no orders: bring some with `regulars import`")
	}
	if p.Options.AsOf <= first {
		return nil, fmt.Errorf("--as-of %s: the first order is of %s and the last of %s; choose a date after the first", p.Options.AsOf, first, last)
	}
	if p.Options.AsOf > last+1 {
		return nil, fmt.Errorf("--as-of %s: the last order is of %s, and the days between would count as if nobody had come: choose %s or an earlier date",
			p.Options.AsOf, last, last+1)
	}
	t := &timetable{first: first}
	plan, err := p.plan()
	if err != nil {
		return nil, err
	}
	pr, err := split.NewProtocol(p.Options.AsOf, plan, first)
	switch {
	case errors.Is(err, split.ErrShortHistory):
		t.notes = append(t.notes, "churn models are not compared: "+err.Error())
	case err != nil:
		return nil, err
	default:
		t.protocol = &pr
	}
	return t, nil
}

// buildAll builds customer features at every date of the protocol, labels
// where they are known by as_of, and interactions at as_of.
func (p *Pipeline) buildAll(ctx context.Context, t *timetable) error {
	paths, err := p.Lake.Tables()
	if err != nil {
		return err
	}
	days := p.days(t)
	if err := p.build(ctx, paths, p.customerGroups(paths), days); err != nil {
		return err
	}
	if err := p.build(ctx, paths, p.interactionGroups(), []data.Day{p.Options.AsOf}); err != nil {
		return err
	}
	outlookDays := []data.Day{p.Options.AsOf}
	if t.protocol != nil {
		outlookDays = t.protocol.Whole()
	}
	if err := p.build(ctx, paths, p.outlookGroups(), outlookDays); err != nil {
		return err
	}
	if t.protocol == nil {
		return nil
	}
	known := slices.DeleteFunc(slices.Clone(days), func(d data.Day) bool { return d > t.protocol.Test }) // labels need a horizon behind them
	return p.buildLabels(ctx, paths, known)
}

// manyLines is from how many order lines on a horizon gives rows at one date
// only: there are customers enough, and features at three times the dates cost
// three times the time.
const manyLines = 3_000_000

// partsOfHorizon is at how many dates a horizon it gives rows below that.
const partsOfHorizon = 3

// plan says at which past dates churn models learn.
func (p *Pipeline) plan() (split.Plan, error) {
	files, err := p.Lake.Files()
	if err != nil {
		return split.Plan{}, err
	}
	lines := int64(0)
	for _, f := range files {
		if f.Table == data.Orders {
			lines += f.Rows
		}
	}
	plan := split.Plan{HorizonDays: p.Options.HorizonDays, MaxTrain: p.Options.TrainDates, Parts: 1}
	if lines < manyLines {
		plan.Parts = min(partsOfHorizon, p.Options.HorizonDays)
	}
	return plan, nil
}

// hoursGroup counts what customers do by the hour, for the choice of when to write.
const hoursGroup = "hours"

// notLearned are groups that churn models do not read: freshness is the same for
// everybody at a date and would tell the date; the single hours are too fine.
var notLearned = []string{"freshness", hoursGroup}

// customerGroups are the groups that models learn from, of those whose tables
// the lake has. Options may leave some out.
func (p *Pipeline) customerGroups(paths map[data.Table][]string) []features.Group {
	var out []features.Group
	for _, g := range p.Groups {
		if g.Entity != "user" || g.Label || slices.Contains(notLearned, g.Name) || slices.Contains(p.Options.WithoutGroups, g.Name) {
			continue
		}
		if !slices.ContainsFunc(g.Requires(), func(t data.Table) bool { return len(paths[t]) == 0 }) {
			out = append(out, g)
		}
	}
	return out
}

// itemPrices is the group of items that knows what they cost.
const itemPrices = "sales"

// interactionGroups say who bought what, and what items cost.
func (p *Pipeline) interactionGroups() []features.Group {
	return p.groupsOf(func(g features.Group) bool {
		return g.Entity == "user_item" && g.Name == "purchases" || g.Entity == "item" && g.Name == itemPrices
	})
}

// outlookGroups are read where a customer's outlook is chosen, measured and told.
func (p *Pipeline) outlookGroups() []features.Group {
	return p.groupsOf(func(g features.Group) bool { return g.Entity == "user" && g.Name == hoursGroup })
}

func (p *Pipeline) groupsOf(wanted func(features.Group) bool) []features.Group {
	var out []features.Group
	for _, g := range p.Groups {
		if wanted(g) {
			out = append(out, g)
		}
	}
	return out
}

// days are the dates at which a run at as_of needs customer features.
func (p *Pipeline) days(t *timetable) []data.Day {
	if t.protocol == nil {
		return []data.Day{p.Options.AsOf}
	}
	return t.protocol.Days()
}

func (p *Pipeline) build(ctx context.Context, paths map[data.Table][]string, groups []features.Group, days []data.Day) error {
	same, err := Identities(p.Lake, p.Workspace, days)
	if err != nil {
		return err
	}
	_, err = p.Engine.Build(ctx, features.Request{Lake: paths, AsOf: days, Groups: groups, Root: p.featureRoot(),
		TimeZone: p.Options.TimeZone, Identities: same, MemoryLimit: p.Options.Memory, Threads: p.Options.Workers, Progress: p.stage("features")})
	if err != nil {
		return fmt.Errorf("building features: %w", err)
	}
	return nil
}

func (p *Pipeline) buildLabels(ctx context.Context, paths map[data.Table][]string, days []data.Day) error {
	same, err := Identities(p.Lake, p.Workspace, days)
	if err != nil {
		return err
	}
	_, err = p.Engine.Labels(ctx, features.LabelRequest{Lake: paths, AsOf: days, Root: p.featureRoot(), TimeZone: p.Options.TimeZone,
		Identities: same, HorizonDays: p.Options.HorizonDays, Until: p.Options.AsOf,
		MemoryLimit: p.Options.Memory, Threads: p.Options.Workers, Progress: p.stage("labels")})
	if err != nil {
		return fmt.Errorf("building labels: %w", err)
	}
	return nil
}

func (p *Pipeline) stage(name string) func(done, total int, what string) {
	return func(done, total int, _ string) { p.step(name, done, total) }
}

// buildScoring builds what scoring alone reads: everything at as_of.
func (p *Pipeline) buildScoring(ctx context.Context) error {
	if _, err := p.timetable(); err != nil {
		return err
	}
	paths, err := p.Lake.Tables()
	if err != nil {
		return err
	}
	groups := slices.Concat(p.customerGroups(paths), p.interactionGroups(), p.outlookGroups())
	return p.build(ctx, paths, groups, []data.Day{p.Options.AsOf})
}

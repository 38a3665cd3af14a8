package training

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"regulars/data"
	"regulars/features"
	"regulars/features/read"
	"regulars/models"
	"regulars/training/churn"
	"regulars/training/metrics"
	"regulars/training/propensity"
	"regulars/training/season"
	"regulars/training/split"
)

// churnOutcome is what the protocol found out about churn models.
type churnOutcome struct {
	choice   *churn.Choice
	refused  bool // no better than the base rate: not published
	protocol split.Protocol
	slice    *Slice
	excess   *metrics.Metric // of the choice's log loss above the base rate's on the test slice
	notes    []string
}

// churnJob is what churn means to this run.
func (p *Pipeline) churnJob() *churn.Job {
	return &churn.Job{HorizonDays: p.Options.HorizonDays, ActiveDays: p.Options.ActiveDays, Settings: p.Options.Overrides.set,
		Seed: p.Options.Seed, Workers: p.Options.Workers, Progress: p.step}
}

// evaluateChurn chooses and calibrates on the rows at D−2H, fits the choices
// again on everything known at D−H, and reports on the untouched rows there.
func (p *Pipeline) evaluateChurn(ctx context.Context, pr split.Protocol, in *read.Interactions) (*churnOutcome, error) {
	orders := orderDays(in)
	job := p.churnJob()
	train, err := p.churnRows(pr.Train(), pr.Choice, orders)
	if err != nil {
		return nil, err
	}
	choice, err := p.churnRows([]data.Day{pr.Choice}, pr.Test, orders)
	if err != nil {
		return nil, err
	}
	leaks, err := p.churnAlarm(ctx, train, choice)
	if err != nil {
		return nil, err
	}
	chosen, err := job.Choose(ctx, train, choice)
	if err != nil {
		return nil, err
	}
	learn, err := p.churnRows(pr.KnownAt(pr.Test), pr.Test, orders)
	if err != nil {
		return nil, err
	}
	test, err := p.churnRows([]data.Day{pr.Test}, pr.AsOf, orders)
	if err != nil {
		return nil, err
	}
	tested, expected, err := job.Test(ctx, chosen, learn, test, int32(pr.Test))
	if err != nil {
		return nil, err
	}
	out := &churnOutcome{choice: chosen, protocol: pr, notes: append(leaks, chosen.Notes...)}
	for _, t := range tested {
		if t.Best {
			out.excess, chosen.Why = t.Excess, t.Doubting(chosen.Why)
		}
	}
	out.slice = &Slice{Task: "churn", TestAsOf: pr.Test.String(), Days: pr.Horizon, Results: churnResults(tested)}
	out.notes = append(out.notes, baseRateNote(expected, pr.Horizon))
	return out, out.gate()
}

// baseRateNote prints the base rate that the season lets expect.
func baseRateNote(f *season.Forecast, horizon int) string {
	text := fmt.Sprintf("churn: of the active customers at %s, %.3f are expected not to order in %d days (95%% interval %.3f to %.3f); without season and trend it would be %.3f",
		f.AsOf, f.Rate, horizon, f.Low95, f.High95, f.Model)
	if f.Rule == season.RuleModel {
		return text + ", and less than a year is known to correct it by"
	}
	for _, e := range f.Earlier {
		text += fmt.Sprintf(", at %s it was %.3f", e.AsOf, e.Rate)
	}
	return text
}

func churnResults(tested []churn.Tested) []Result {
	out := make([]Result, len(tested))
	for i, t := range tested {
		out[i] = Result{Model: t.Family, Options: t.Options, Metrics: t.Metrics, Users: t.Customers, FitSeconds: t.FitSeconds,
			ScoreSeconds: t.ScoreSeconds, Chosen: t.Best, Baseline: t.Family == churn.BaseRate}
	}
	return out
}

// churnAlarm refuses to learn from features that tell the label in a way they
// could not at the time of scoring, but for those that are allowed to; these
// give notes.
func (p *Pipeline) churnAlarm(ctx context.Context, train, choice churn.Rows) (notes []string, err error) {
	p.step("looking for leaks", 0, 1)
	found, err := propensity.Alarm(ctx, propensity.Check{Early: propensity.Rows{X: train.X, Y: train.Left}, Seed: p.Options.Seed,
		Later: []propensity.Slice{{Name: "the choice slice", Rows: propensity.Rows{X: choice.X, Y: choice.Left}}}})
	if err != nil {
		return nil, fmt.Errorf("looking for leaks: %w", err)
	}
	p.step("looking for leaks", 1, 1)
	refused := slices.DeleteFunc(slices.Clone(found), func(f propensity.Finding) bool { return p.allowed(f.Feature) })
	if len(refused) > 0 {
		return nil, fmt.Errorf("churn: %w: leave their groups out (--without GROUP), or say that they are known when customers are scored (--allow-leaks COLUMN)",
			&propensity.LeakError{Findings: refused})
	}
	for _, f := range found {
		notes = append(notes, "churn: allowed although it looks like a leak: "+f.String())
	}
	return notes, nil
}

func (p *Pipeline) allowed(feature string) bool {
	return slices.Contains(p.Options.AllowLeaks, feature) || slices.Contains(p.Options.AllowLeaks, "all")
}

// mostRows bounds how many rows of customers a model learns from: of more, each
// customer is drawn or not, the same in every run. 300,000 rows of 150 columns
// are 360 MB.
const mostRows = 300_000

// churnRows reads the features and labels of customers at the given dates, whose
// labels became known at a day.
func (p *Pipeline) churnRows(days []data.Day, known data.Day, orders [][]int32) (churn.Rows, error) {
	out := churn.Rows{Orders: before(orders, int32(known)), Known: int32(known)}
	for _, day := range days {
		part, _, err := p.labelled(day, mostRows/len(days))
		if err != nil {
			return churn.Rows{}, err
		}
		part.Orders, part.Known = out.Orders, out.Known
		if out.X == nil {
			out = part
		} else if out, err = churn.Append(out, part); err != nil {
			return churn.Rows{}, fmt.Errorf("features at %s: %w", day, err)
		}
	}
	return out, nil
}

// labelled reads at most so many customers of one date, and says of how many.
func (p *Pipeline) labelled(day data.Day, most int) (rows churn.Rows, of int, err error) {
	table, err := p.customers(day)
	if err != nil {
		return churn.Rows{}, 0, err
	}
	return p.label(table, day, most)
}

// label adds what at most so many customers did after a date.
func (p *Pipeline) label(table *read.Table, day data.Day, most int) (rows churn.Rows, of int, err error) {
	labels, err := read.Labels(p.featureRoot(), features.LabelGroup(p.Options.HorizonDays, 0), day)
	if err != nil {
		return churn.Rows{}, 0, err
	}
	if !slices.Equal(table.IDs, labels.IDs) {
		return churn.Rows{}, 0, fmt.Errorf("features and labels at %s hold different customers: rebuild them with `regulars features build`", day)
	}
	out := churn.Rows{IDs: table.IDs, Day: slices.Repeat([]int32{int32(day)}, table.X.Rows), X: table.X, Left: not(labels.Ordered)}
	if table.X.Rows > most {
		rows := drawn(table.IDs, most)
		out = churn.Rows{IDs: pick(out.IDs, rows), Day: out.Day[:most], X: out.X.Take(rows), Left: pick(out.Left, rows)}
	}
	return out, table.X.Rows, nil
}

func not(in []bool) []bool {
	out := make([]bool, len(in))
	for i, b := range in {
		out[i] = !b
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

// gate refuses a model that the base rate beats: one that lost to it already
// on the choice slice, or whose log loss on the test slice is surely above, customer
// by customer. What was published before then stays in use.
func (o *churnOutcome) gate() error {
	won := resultOf(o.slice.Results, o.choice.Best)
	if won == nil {
		return fmt.Errorf("the chosen churn model %s was not tested", o.choice.Best)
	}
	lost := o.excess != nil && *o.excess.Low > 0
	if lost || won.Baseline {
		o.notes = append(o.notes, "churn: no model beats the base rate, which says the same of everybody, so none is published; one published before stays in use")
		won.Chosen, o.refused = false, true
	}
	return nil
}

// churn shifts the protocol by one horizon: calibrated on the rows at D−H by a
// model that has not seen them, then fitted on all rows up to and with these.
func (s *publisher) churn(ctx context.Context, ev *evaluated) error {
	if ev.churn == nil {
		return s.unmeasuredChurn(ctx, ev)
	}
	if ev.churn.refused {
		return nil
	}
	s.step("refitting churn", 0, 1)
	model, err := s.refitChurn(ctx, ev)
	if err != nil {
		return fmt.Errorf("fitting %s again on everything before %s: %w", ev.churn.choice.Best, s.Options.AsOf, err)
	}
	err = s.storeChurn(model, resultOf(ev.churn.slice.Results, model.Method))
	s.step("refitting churn", 1, 1)
	return err
}

// unmeasuredChurn publishes what gaps between orders say, where there is too
// little to choose and measure a model.
func (s *publisher) unmeasuredChurn(ctx context.Context, ev *evaluated) error {
	current, err := s.customers(s.Options.AsOf)
	if err != nil {
		return err
	}
	known := int32(s.Options.AsOf)
	rows := churn.Rows{IDs: current.IDs, X: current.X, Orders: before(orderDays(ev.interactions), known), Known: known}
	model, err := s.churnJob().Unmeasured(ctx, rows, churn.Why{
		English: "too little history or too few customers to compare and measure methods; the customers' own gaps between orders speak",
		Chinese: "历史或顾客太少，无法比较和检验方法；依据顾客自身的下单间隔"})
	if errors.Is(err, models.ErrNoData) {
		s.notes = append(s.notes, "there is no churn model: "+err.Error())
		return nil
	}
	if err != nil {
		return fmt.Errorf("churn by gaps between orders: %w", err)
	}
	s.notes = append(s.notes, "churn probabilities rest on gaps between orders alone and are not measured")
	return s.storeChurn(model, nil)
}

func (s *publisher) storeChurn(model *churn.Model, measured *Result) error {
	o := churnOptions{HorizonDays: s.Options.HorizonDays, Model: model.Recipe.Options, Why: model.Why, BaseRate: model.BaseRate}
	return s.store(RoleChurn, model.Method, classifierKind(model.Base), o, measured, func(dir string) error {
		return saveChurn(dir, model)
	})
}

func (s *publisher) refitChurn(ctx context.Context, ev *evaluated) (*churn.Model, error) {
	pr, orders := ev.churn.protocol, orderDays(ev.interactions)
	earlier, err := s.churnRows(pr.KnownAt(pr.Test), pr.Test, orders)
	if err != nil {
		return nil, err
	}
	latest, err := s.churnRows([]data.Day{pr.Test}, pr.AsOf, orders)
	if err != nil {
		return nil, err
	}
	all, err := s.churnRows(pr.KnownAt(pr.AsOf), pr.AsOf, orders)
	if err != nil {
		return nil, err
	}
	current, err := s.customers(pr.AsOf)
	if err != nil {
		return nil, err
	}
	chosen, _ := ev.churn.choice.Of(ev.churn.choice.Best)
	return s.churnJob().Refit(ctx, chosen.Recipe, ev.churn.choice.Why, earlier, latest, all, current.X)
}

// churnOptions is what a churn model was made with: its probabilities mean
// nothing without the horizon.
type churnOptions struct {
	HorizonDays int              `json:"horizon_days"`
	Model       map[string]any   `json:"model"`
	Why         churn.Why        `json:"why"` // this method
	BaseRate    *season.Forecast `json:"base_rate"`
}

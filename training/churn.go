package training

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"regulars/data"
	"regulars/features"
	"regulars/features/matrix"
	"regulars/features/read"
	"regulars/models"
	"regulars/models/calibrate"
	"regulars/training/metrics"
	"regulars/training/options"
	"regulars/training/split"
	"regulars/training/usage"
)

// churnRows are customers at one or more dates with what they did afterwards.
type churnRows struct {
	x     *matrix.Dense
	churn []bool // no order within the horizon
}

// churnOutcome is what the protocol found out about churn models.
type churnOutcome struct {
	recipe   churnRecipe // the chosen one
	refused  bool        // no better than the base rate: not published
	protocol split.Protocol
	slice    *Slice
	notes    []string
}

// chosenChurn is a recipe, how well it did on the choice slice and the map from
// its raw probabilities to calibrated ones.
type chosenChurn struct {
	churnRecipe
	calibration *calibrate.Platt
	logLoss     float64
}

// evaluateChurn chooses and calibrates on the rows at D−2H, fits the choices
// again on everything up to there, and reports on the untouched rows at D−H.
func (p *Pipeline) evaluateChurn(ctx context.Context, pr split.Protocol) (*churnOutcome, error) {
	train, err := p.churnRows(pr.Train)
	if err != nil {
		return nil, err
	}
	choice, err := p.churnRows([]data.Day{pr.Choice})
	if err != nil {
		return nil, err
	}
	out := &churnOutcome{protocol: pr}
	families, chosen, err := p.chooseChurn(ctx, train, choice, out)
	if err != nil {
		return nil, err
	}
	test, err := p.churnRows([]data.Day{pr.Test})
	if err != nil {
		return nil, err
	}
	all, err := concat(train, choice)
	if err != nil {
		return nil, err
	}
	results, err := p.testChurn(ctx, families, chosen, all, test)
	if err != nil {
		return nil, err
	}
	out.slice = &Slice{Task: "churn", TestAsOf: pr.Test.String(), Days: pr.Horizon, Results: results}
	return out, out.gate(families, chosen)
}

// churnRows reads the features and labels of every customer at the given dates.
func (p *Pipeline) churnRows(days []data.Day) (*churnRows, error) {
	var all *churnRows
	for _, day := range days {
		table, err := p.customers(day)
		if err != nil {
			return nil, err
		}
		labels, err := read.Labels(p.featureRoot(), features.LabelGroup(p.Options.HorizonDays, 0), day)
		if err != nil {
			return nil, err
		}
		if !slices.Equal(table.IDs, labels.IDs) {
			return nil, fmt.Errorf("features and labels at %s hold different customers: rebuild them with `regulars features build`", day)
		}
		rows := &churnRows{x: table.X, churn: not(labels.Ordered)}
		if all == nil {
			all = rows
		} else if all, err = concat(all, rows); err != nil {
			return nil, fmt.Errorf("features at %s: %w", day, err)
		}
	}
	return all, nil
}

func not(in []bool) []bool {
	out := make([]bool, len(in))
	for i, b := range in {
		out[i] = !b
	}
	return out
}

func concat(a, b *churnRows) (*churnRows, error) {
	x, err := matrix.Append(a.x, b.x)
	if err != nil {
		return nil, err
	}
	return &churnRows{x: x, churn: slices.Concat(a.churn, b.churn)}, nil
}

// active returns the rows of customers who ordered within the active days:
// those whose leaving is still to be decided, on whom figures are reported.
func (p *Pipeline) active(x *matrix.Dense) ([]int, error) {
	return selectRows(x, recencyColumn, func(v float64) bool { return v <= float64(p.Options.ActiveDays) })
}

func selectRows(x *matrix.Dense, column string, keep func(float64) bool) ([]int, error) {
	j := slices.Index(x.Names, column)
	if j < 0 {
		return nil, fmt.Errorf("the feature %s is missing: %w", column, models.ErrColumns)
	}
	var rows []int
	for i := range x.Rows {
		if keep(x.Row(i)[j]) {
			rows = append(rows, i)
		}
	}
	return rows, nil
}

// chooseChurn fits every recipe on train, and judges it on the choice rows by
// the log loss of cross-fitted calibrated probabilities of active customers. It
// returns the best of each family, in order, and the best family.
func (p *Pipeline) chooseChurn(ctx context.Context, train, choice *churnRows, out *churnOutcome) ([]chosenChurn, string, error) {
	active, err := p.active(choice.x)
	if err != nil {
		return nil, "", err
	}
	if len(active) < fewCustomers {
		return nil, "", fmt.Errorf("only %d customers ordered in the %d days before %s, %d are needed to choose a model: %w",
			len(active), p.Options.ActiveDays, out.protocol.Choice, fewCustomers, models.ErrNoData)
	}
	var best []chosenChurn
	recipes := p.churnRecipes()
	for i, r := range recipes {
		p.step("choosing churn models", i, len(recipes))
		c, err := calibrated(ctx, r, train, choice, active)
		if errors.Is(err, models.ErrNoData) {
			out.notes = append(out.notes, fmt.Sprintf("churn: %s left out: %v", r.family, err))
			continue
		}
		if err != nil {
			return nil, "", fmt.Errorf("%s: %w", r.family, err)
		}
		best = keepBest(best, c)
	}
	p.step("choosing churn models", len(recipes), len(recipes))
	if len(best) == 0 {
		return nil, "", fmt.Errorf("churn: %w", models.ErrNoData)
	}
	chosen := slices.MinFunc(best, func(a, b chosenChurn) int { return cmp.Compare(a.logLoss, b.logLoss) })
	return best, chosen.family, nil
}

func keepBest(best []chosenChurn, c chosenChurn) []chosenChurn {
	i := slices.IndexFunc(best, func(b chosenChurn) bool { return b.family == c.family })
	switch {
	case i < 0:
		return append(best, c)
	case c.logLoss < best[i].logLoss:
		best[i] = c
	}
	return best
}

// calibrationFolds is how many parts the choice rows are cut into, so that no
// row's probability was calibrated by the row itself.
const calibrationFolds = 5

func calibrated(ctx context.Context, r churnRecipe, train, choice *churnRows, active []int) (chosenChurn, error) {
	raw, err := fitAndApply(ctx, r, train, choice.x)
	if err != nil {
		return chosenChurn{}, err
	}
	full, err := calibrate.FitPlatt(raw, choice.churn)
	if err != nil {
		return chosenChurn{}, err
	}
	probability := make([]float64, len(raw))
	for fold := range calibrationFolds {
		m, err := calibrate.FitPlatt(outside(raw, fold), outside(choice.churn, fold))
		if err != nil { // of one class: too few rows to choose a model by
			return chosenChurn{}, err
		}
		for i := fold; i < len(raw); i += calibrationFolds {
			probability[i] = m.Apply(raw[i])
		}
	}
	values, err := metrics.Classification(ctx, pick(probability, active), pick(choice.churn, active), 1, 0)
	if err != nil {
		return chosenChurn{}, err
	}
	return chosenChurn{churnRecipe: r, calibration: full, logLoss: values["log_loss"].Value}, nil
}

func fitAndApply(ctx context.Context, r churnRecipe, train *churnRows, x *matrix.Dense) ([]float64, error) {
	model, err := r.fit(ctx, train.x, train.churn)
	if err != nil {
		return nil, err
	}
	raw := make([]float64, x.Rows)
	return raw, model.Probability(x, raw)
}

func outside[T any](values []T, fold int) []T {
	var out []T
	for i, v := range values {
		if i%calibrationFolds != fold {
			out = append(out, v)
		}
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

// testChurn fits the choices again on all rows up to D−2H and reports on test:
// active customers, and beside them (prefix) new, light, heavy and lapsed ones.
func (p *Pipeline) testChurn(ctx context.Context, families []chosenChurn, chosen string, train, test *churnRows) ([]Result, error) {
	segments, err := p.segments(test.x)
	if err != nil {
		return nil, err
	}
	var out []Result
	for i, f := range families {
		p.step("testing churn models", i, len(families))
		begun := time.Now()
		model, err := f.fit(ctx, train.x, train.churn)
		if err != nil {
			return nil, fmt.Errorf("%s on the rows before the test: %w", f.family, err)
		}
		fitted := time.Now()
		raw := make([]float64, test.x.Rows)
		if err := model.Probability(test.x, raw); err != nil {
			return nil, fmt.Errorf("%s at the test rows: %w", f.family, err)
		}
		scored := time.Now()
		for j := range raw {
			raw[j] = f.calibration.Apply(raw[j])
		}
		values, err := p.segmentMetrics(ctx, raw, test.churn, segments)
		if err != nil {
			return nil, fmt.Errorf("measuring %s: %w", f.family, err)
		}
		out = append(out, Result{Model: f.family, Options: options.Describe(f.options), Metrics: values, Users: len(segments[0].rows),
			FitSeconds: fitted.Sub(begun).Seconds(), ScoreSeconds: scored.Sub(fitted).Seconds(), PeakRSSBytes: usage.PeakRSS(),
			Chosen: f.family == chosen, Baseline: f.baseline})
	}
	p.step("testing churn models", len(families), len(families))
	return out, nil
}

// gate refuses a model that the base rate beats: one that lost to it already
// on the choice slice, or whose log loss on the test slice is surely above. What
// was published before then stays in use.
func (o *churnOutcome) gate(families []chosenChurn, chosen string) error {
	var base, won *Result
	for i := range o.slice.Results {
		r := &o.slice.Results[i]
		if r.Model == chosen {
			won = r
		}
		if r.Baseline {
			base = r
		}
	}
	if won == nil {
		return fmt.Errorf("the chosen churn model %s was not tested", chosen)
	}
	lost := base != nil && won.Metrics["log_loss"].Low != nil && *won.Metrics["log_loss"].Low > base.Metrics["log_loss"].Value
	if lost || won.Baseline {
		o.notes = append(o.notes, "churn: no model beats the base rate, which says the same of everybody, so none is published; one published before stays in use")
		won.Chosen, o.refused = false, true
	}
	for _, f := range families {
		if f.family == chosen {
			o.recipe = f.churnRecipe
		}
	}
	return nil
}

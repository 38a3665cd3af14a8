package training

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"slices"

	"regulars/data"
	"regulars/features"
	"regulars/features/matrix"
	"regulars/features/read"
	"regulars/models"
	"regulars/models/artifact"
	"regulars/models/hours"
	"regulars/models/snapshot"
	"regulars/training/outlook"
)

// kindOutlook is the kind of the one model behind a customer's outlook.
const kindOutlook = "outlook"

func (p *Pipeline) outlookOptions() outlook.Options {
	o := p.Options
	return outlook.Options{Horizons: o.Horizons, ValueDays: o.ValueDays, DiscountRate: &o.ValueDiscount, Seed: o.Seed, Workers: o.Workers}
}

// evaluateOutlook chooses and measures what is told of customers beside churn.
func (p *Pipeline) evaluateOutlook(ctx context.Context, t *timetable, out *evaluated) error {
	if t.protocol == nil {
		return nil
	}
	in, err := p.outlookInput(t.protocol.Whole(), out.interactions, mostRows)
	if err != nil {
		return err
	}
	p.step("measuring the outlook", 0, 1)
	out.Outlook, err = outlook.Evaluate(ctx, in, p.outlookOptions())
	if errors.Is(err, models.ErrNoData) {
		out.Notes = append(out.Notes, "the outlook of customers is not measured: "+err.Error())
		return nil
	}
	if err != nil {
		return fmt.Errorf("evaluating the outlook: %w", err)
	}
	p.step("measuring the outlook", 1, 1)
	return nil
}

// outlook fits what was chosen on everything up to as_of, with the simplest
// choices where nothing could be chosen.
func (s *publisher) outlook(ctx context.Context, ev *evaluated) error {
	days := []data.Day{s.Options.AsOf}
	if ev.protocol != nil {
		days = ev.protocol.Whole()
	}
	in, err := s.outlookInput(days, ev.interactions, mostRows)
	if err != nil {
		return err
	}
	var choices outlook.Choices
	var measured any
	if ev.Outlook != nil {
		choices, measured = ev.Outlook.Choices, ev.Outlook.Targets
	}
	s.step("fitting the outlook", 0, 1)
	model, err := outlook.Fit(ctx, in, choices, s.outlookOptions())
	if errors.Is(err, models.ErrNoData) {
		s.notes = append(s.notes, "the outlook of customers is not told: "+err.Error())
		return nil
	}
	if err != nil {
		return fmt.Errorf("fitting the outlook: %w", err)
	}
	s.step("fitting the outlook", 1, 1)
	s.notes = append(s.notes, model.Notes...)
	o := outlookMade{s.Options.HorizonDays, s.Options.Horizons, s.Options.ValueDays, s.Options.ValueDiscount, choices}
	return s.storeMeasured(RoleOutlook, kindOutlook, kindOutlook, o, measured, model.Save)
}

// outlookMade is what an outlook was made with.
type outlookMade struct {
	HorizonDays   int             `json:"horizon_days"`
	Horizons      []int           `json:"horizons"`
	ValueDays     int             `json:"value_days"`
	ValueDiscount float64         `json:"value_discount"`
	Choices       outlook.Choices `json:"choices"`
}

// outlookInput reads what is known of customers at some days, ascending: of those
// before the last at most so many, whose labels are known.
func (p *Pipeline) outlookInput(days []data.Day, in *read.Interactions, most int) (*outlook.Input, error) {
	out := &outlook.Input{Horizon: p.Options.HorizonDays, Purchases: in}
	for i, day := range days {
		rows, err := p.outlookRows(day, i < len(days)-1, most/len(days))
		if err != nil {
			return nil, err
		}
		out.Dates = append(out.Dates, *rows)
	}
	return out, p.describeItems(out)
}

func (p *Pipeline) outlookRows(day data.Day, past bool, most int) (*outlook.Rows, error) {
	table, err := p.customers(day)
	if err != nil {
		return nil, err
	}
	out := &outlook.Rows{AsOf: day, IDs: table.IDs, X: table.X}
	var labels *read.LabelTable
	if past {
		if labels, err = read.Labels(p.featureRoot(), features.LabelGroup(p.Options.HorizonDays, 0), day); err != nil {
			return nil, err
		}
		if !slices.Equal(table.IDs, labels.IDs) {
			return nil, fmt.Errorf("features and labels at %s hold different customers: rebuild them with `regulars features build`", day)
		}
		out.Labels = labels
		if len(out.IDs) > most {
			rows := drawn(out.IDs, most)
			out.IDs, out.X = pick(out.IDs, rows), out.X.Take(rows)
			out.Labels = &read.LabelTable{IDs: out.IDs, Ordered: pick(labels.Ordered, rows), Orders: pick(labels.Orders, rows), Spend: pick(labels.Spend, rows)}
		}
	}
	out.Channels = outlook.ChannelsOf(out.X)
	out.Hours, err = p.histograms(day, out.IDs)
	return out, err
}

// histograms reads what customers did by local hour; nil where that is not built.
func (p *Pipeline) histograms(day data.Day, ids []string) ([]hours.Histogram, error) {
	table, err := read.Users(p.featureRoot(), []string{hoursGroup}, day)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	out := make([]hours.Histogram, len(ids))
	for i, id := range ids {
		if j, ok := slices.BinarySearch(table.IDs, id); ok {
			for h, v := range table.X.Row(j) {
				out[i][h] = float32(v)
			}
		}
	}
	return out, nil
}

// describeItems says what items are like and cost, as far as is known.
func (p *Pipeline) describeItems(in *outlook.Input) error {
	known, err := p.itemsAt(p.Options.AsOf)
	if err != nil {
		return err
	}
	category := outlook.Kind{Name: snapshot.NextCategory, Of: make([]string, in.Purchases.Items.Len())}
	brand := outlook.Kind{Name: snapshot.NextBrand, Of: make([]string, in.Purchases.Items.Len())}
	for i, id := range in.Purchases.Items.IDs() {
		category.Of[i], brand.Of[i] = known[id].category, known[id].brand
	}
	for _, k := range []outlook.Kind{category, brand} {
		if slices.ContainsFunc(k.Of, func(name string) bool { return name != "" }) {
			in.Kinds = append(in.Kinds, k)
		}
	}
	in.Prices, err = p.prices(in.Purchases.Items)
	return err
}

// prices are what the items were last sold at before as_of.
func (p *Pipeline) prices(items *matrix.Vocabulary) ([]float64, error) {
	table, err := read.Items(p.featureRoot(), p.Options.AsOf)
	if err != nil {
		return nil, err
	}
	column, err := positions(table.X, "last_price")
	if err != nil {
		return nil, err
	}
	out := make([]float64, items.Len())
	for i := range out {
		out[i] = math.NaN()
	}
	for i, id := range table.IDs {
		if n, ok := items.Lookup(id); ok {
			out[n] = table.X.Row(i)[column[0]]
		}
	}
	return out, nil
}

// openOutlook reads the model in use.
func (c *champions) openOutlook(a *artifact.Artifact) error {
	if err := json.Unmarshal(a.Options, &c.outlookMade); err != nil {
		return fmt.Errorf("%s version %s: options: %w", a.Name, a.Version, err)
	}
	var err error
	c.outlook, err = outlook.Load(a.Dir)
	return err
}

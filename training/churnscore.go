package training

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"slices"
	"sort"

	"regulars/data"
	"regulars/features"
	"regulars/features/matrix"
	"regulars/features/read"
	"regulars/features/words"
	"regulars/models"
	"regulars/models/calibrate"
	"regulars/models/snapshot"
	"regulars/training/churn"
	"regulars/training/season"
	"regulars/training/split"
)

// spendColumn is what a customer has spent so far.
const spendColumn = "monetary"

// Upper bounds of the bands that a churn probability is called by.
const (
	lowBelow    = 1.0 / 3
	mediumBelow = 2.0 / 3
)

// reasonsKept is how many reasons a score has.
const reasonsKept = 3

func band(probability float64) string {
	switch {
	case probability < lowBelow:
		return "low"
	case probability < mediumBelow:
		return "medium"
	}
	return "high"
}

// scoreCustomers scores every customer who has ordered before as_of.
func (p *Pipeline) scoreCustomers(ctx context.Context, s *scoring) error {
	table, err := p.customers(p.Options.AsOf)
	if err != nil {
		return err
	}
	all, err := s.known(table, float64(p.Options.ActiveDays))
	if err != nil {
		return err
	}
	if err := p.stages(table.IDs, all); err != nil {
		return err
	}
	if s.champions.churn != nil {
		if err := p.scoreChurn(ctx, s, table.X, all); err != nil {
			return fmt.Errorf("scoring churn with version %s (train again if the features have changed): %w", s.champions.versions[RoleChurn], err)
		}
	}
	if s.champions.outlook != nil {
		if err := p.scoreOutlook(ctx, s, all); err != nil {
			return err
		}
	}
	s.scores = make(map[string]*snapshot.Scores, len(all))
	for i, id := range table.IDs {
		s.scores[id] = all[i]
	}
	return nil
}

// known is what is said of customers without any model.
func (s *scoring) known(t *read.Table, activeDays float64) ([]*snapshot.Scores, error) {
	columns, err := positions(t.X, churn.RecencyColumn, churn.OrdersColumn, spendColumn)
	if err != nil {
		return nil, err
	}
	out := make([]*snapshot.Scores, t.X.Rows)
	for i := range out {
		row := t.X.Row(i)
		rfm := &snapshot.RFM{RecencyDays: row[columns[0]], Orders: int64(row[columns[1]]), Spend: row[columns[2]]}
		out[i] = &snapshot.Scores{RFM: rfm, Lapsed: rfm.RecencyDays > activeDays, Note: s.champions.churnNote}
	}
	return out, nil
}

// stages adds the life-cycle states, where the group that knows them is built.
func (p *Pipeline) stages(ids []string, all []*snapshot.Scores) error {
	known, states, err := read.Texts(p.featureRoot(), "lifecycle", "state", p.Options.AsOf)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	for i, id := range ids {
		if j, ok := slices.BinarySearch(known, id); ok {
			all[i].Stage = states[j]
		}
	}
	return nil
}

// scoreChurn adds probabilities and the reasons behind them. The features may be
// more than the model learned from: it reads those that it knows.
func (p *Pipeline) scoreChurn(ctx context.Context, s *scoring, x *matrix.Dense, all []*snapshot.Scores) error {
	if names := inputs(s.champions.churn.Base); !slices.Equal(names, x.Names) {
		columns, err := positions(x, names...)
		if err != nil {
			return err
		}
		x = x.Select(columns)
	}
	if err := p.reseason(ctx, s, x); err != nil {
		return err
	}
	probability := make([]float64, x.Rows)
	if err := s.champions.churn.Probability(x, probability); err != nil {
		return err
	}
	sorted := slices.Sorted(slices.Values(probability))
	method := s.champions.churnMethod
	for i, v := range probability {
		all[i].Note = ""
		all[i].Churn = &snapshot.Churn{Probability: v, Percentile: shareBelow(sorted, v), Band: band(v)}
		all[i].ReturnProbability, all[i].Method = 1-v, method
	}
	owners, err := p.owners(x)
	if err != nil {
		return err
	}
	s.features = p.described(x.Names)
	r := &reasoner{features: s.features, column: map[string]int{}, group: numbered(owners)}
	for j, name := range x.Names {
		r.column[name] = j
	}
	_, err = churn.Explain(ctx, s.champions.churn, x, func(i int, contributions []float64) error {
		all[i].Reasons = r.reasons(x.Row(i), contributions)
		return nil
	})
	return err
}

// reseason shifts a churn model to the season of the day that it scores, where that
// is not the day that it was made for, by the features of the dates that it learned
// from. Where they are gone the season stays as it was, with a note.
func (p *Pipeline) reseason(ctx context.Context, s *scoring, x *matrix.Dense) error {
	c := s.champions
	if c.churnMade.BaseRate == nil || c.churnAsOf == p.Options.AsOf.String() {
		return nil
	}
	model, expected, err := p.again(ctx, c, x)
	for _, lack := range []error{fs.ErrNotExist, split.ErrShortHistory, models.ErrColumns, models.ErrNoData, models.ErrUnknown} {
		if errors.Is(err, lack) {
			c.notes = append(c.notes, fmt.Sprintf("churn: the base rate is the one expected at %s, not at %s: what it would be forecast from is not there (%v); `regulars train` makes it anew",
				c.churnMade.BaseRate.AsOf, p.Options.AsOf, err))
			return nil
		}
	}
	if err != nil {
		return fmt.Errorf("base rate at %s: %w", p.Options.AsOf, err)
	}
	c.churn, c.churnMade.BaseRate = model, expected
	return nil
}

func (p *Pipeline) again(ctx context.Context, c *champions, x *matrix.Dense) (*calibrate.Calibrated, *season.Forecast, error) {
	if made := c.churnMade.HorizonDays; made != p.Options.HorizonDays {
		return nil, nil, fmt.Errorf("it looks %d days ahead, training.horizon_days is %d: %w", made, p.Options.HorizonDays, models.ErrUnknown)
	}
	trained, err := data.ParseDay(c.churnAsOf)
	if err != nil {
		return nil, nil, err
	}
	plan, err := p.plan()
	if err != nil {
		return nil, nil, err
	}
	first, _, _, err := p.Lake.Span(data.Orders)
	if err != nil {
		return nil, nil, err
	}
	pr, err := split.NewProtocol(trained, plan, first)
	if err != nil {
		return nil, nil, err
	}
	known, err := p.rateRows(pr.KnownAt(trained))
	if err != nil {
		return nil, nil, err
	}
	return p.churnJob().Again(ctx, c.churn, known, x, int32(p.Options.AsOf))
}

// rateRows are the customers of some dates by the few columns that base rates are
// forecast from.
func (p *Pipeline) rateRows(days []data.Day) (out churn.Rows, err error) {
	groups := p.groupsOf(func(g features.Group) bool {
		return g.Entity == "user" && !g.Label && slices.ContainsFunc(g.Features(), func(c features.Column) bool { return slices.Contains(churn.RateColumns(), c.Name) })
	})
	for i, day := range days {
		table, err := p.customersBy(groups, day)
		if err != nil {
			return churn.Rows{}, err
		}
		rows, _, err := p.label(table, day, mostRows/len(days))
		if err != nil {
			return churn.Rows{}, err
		}
		if i == 0 {
			out = rows
		} else if out, err = churn.Append(out, rows); err != nil {
			return churn.Rows{}, fmt.Errorf("features at %s: %w", day, err)
		}
	}
	return out, nil
}

// described documents columns for those who word reasons.
func (p *Pipeline) described(names []string) []snapshot.Feature {
	documented := map[string]features.Column{}
	for _, g := range p.Groups {
		if g.Entity == "user" && !g.Label {
			for _, c := range g.Features() {
				documented[c.Name] = c
			}
		}
	}
	out := make([]snapshot.Feature, len(names))
	for j, name := range names {
		c := documented[name]
		out[j] = snapshot.Feature{Name: name, Unit: c.Unit, Doc: c.Doc, With: words.With(name)}
	}
	return out
}

// numbered gives equal names equal numbers.
func numbered(names []string) []int {
	number := map[string]int{}
	out := make([]int, len(names))
	for i, name := range names {
		if _, ok := number[name]; !ok {
			number[name] = len(number)
		}
		out[i] = number[name]
	}
	return out
}

// reasoner turns contributions into reasons with the customer's own numbers.
type reasoner struct {
	features []snapshot.Feature
	column   map[string]int // by name
	group    []int          // of a column
}

func (r *reasoner) reasons(row, contributions []float64) []snapshot.FeatureReason {
	var out []snapshot.FeatureReason
	for _, c := range churn.Strongest(contributions, r.group, reasonsKept) {
		values := []float64{row[c.Column]}
		for _, name := range r.features[c.Column].With {
			v := math.NaN()
			if j, ok := r.column[name]; ok {
				v = row[j]
			}
			values = append(values, v)
		}
		out = append(out, snapshot.FeatureReason{Feature: c.Column, Contribution: float32(c.Contribution), Values: values})
	}
	return out
}

// describeChurn says in the manifest what the churn scores are and rest on.
func (s *scoring) describeChurn(info *snapshot.Info) {
	made := s.champions.churnMade
	info.Propensity, info.Features = RoleChurn, s.features
	info.Methods = map[string]string{s.champions.churnMethod: made.Why.English}
	info.MethodsZh = map[string]string{s.champions.churnMethod: made.Why.Chinese}
	if b := made.BaseRate; b != nil {
		info.BaseRate = &snapshot.Rate{AsOf: b.AsOf, Rate: b.Rate, Low: b.Low95, High: b.High95, Rule: string(b.Rule)}
	}
}

func shareBelow(sorted []float64, v float64) float64 {
	return float64(sort.SearchFloat64s(sorted, v)) / float64(len(sorted))
}

func positions(x *matrix.Dense, names ...string) ([]int, error) {
	out := make([]int, len(names))
	for i, name := range names {
		if out[i] = slices.Index(x.Names, name); out[i] < 0 {
			return nil, fmt.Errorf("the feature %s is missing from the customer features", name)
		}
	}
	return out, nil
}

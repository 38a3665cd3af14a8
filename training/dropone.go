package training

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"regulars/data"
	"regulars/features/matrix"
	"regulars/training/churn"
	"regulars/training/metrics"
)

// GroupWorth says how the chosen churn model does without one feature group.
type GroupWorth struct {
	Group    string         `json:"group"` // "" = with all groups
	Features int            `json:"features"`
	AUC      metrics.Metric `json:"auc"`
	Lost     float64        `json:"auc_lost"` // by leaving the group out; below 0, the group did harm
}

// DropOne fits the chosen churn recipe again without each feature group in
// turn, on all rows up to D−2H, and reports the AUC of active customers at D−H.
// It explains a model that has been chosen; nothing is chosen by it.
func (p *Pipeline) DropOne(ctx context.Context) ([]GroupWorth, error) {
	o, in, err := p.churnAlone(ctx)
	if err != nil {
		return nil, fmt.Errorf("there is no churn model to explain: %w", err)
	}
	pr, orders := o.protocol, orderDays(in)
	chosen, _ := o.choice.Of(o.choice.Best)
	if f := chosen.Recipe.Family; f == churn.Gap || f == churn.BaseRate {
		return nil, fmt.Errorf("the churn model chosen is %s, which learns from no groups of features: there is none to leave out", f)
	}
	train, err := p.churnRows(pr.KnownAt(pr.Test), pr.Test, orders)
	if err != nil {
		return nil, err
	}
	test, err := p.churnRows([]data.Day{pr.Test}, pr.AsOf, orders)
	if err != nil {
		return nil, err
	}
	owners, err := p.owners(train.X)
	if err != nil {
		return nil, err
	}
	groups := append([]string{""}, slices.Compact(slices.Sorted(slices.Values(owners)))...)
	var out []GroupWorth
	for i, g := range groups {
		p.step("leaving out groups", i, len(groups))
		worth, err := p.without(ctx, chosen.Recipe, train, test, owners, g)
		if err != nil {
			return nil, fmt.Errorf("without %s: %w", g, err)
		}
		if i > 0 {
			worth.Lost = out[0].AUC.Value - worth.AUC.Value
		}
		out = append(out, worth)
	}
	p.step("leaving out groups", len(groups), len(groups))
	slices.SortStableFunc(out[1:], func(a, b GroupWorth) int { return cmp.Compare(b.Lost, a.Lost) })
	return out, nil
}

// owners returns the group of each column.
func (p *Pipeline) owners(x *matrix.Dense) ([]string, error) {
	of := map[string]string{}
	for _, g := range p.Groups {
		if g.Entity != "user" || g.Label {
			continue
		}
		for _, c := range g.Features() {
			of[c.Name] = g.Name
		}
	}
	out := make([]string, len(x.Names))
	for i, name := range x.Names {
		if out[i] = of[name]; out[i] == "" {
			return nil, fmt.Errorf("the feature %s belongs to no group", name)
		}
	}
	return out, nil
}

func (p *Pipeline) without(ctx context.Context, r churn.Recipe, train, test churn.Rows, owners []string, group string) (GroupWorth, error) {
	var keep []int
	for j, owner := range owners {
		if owner != group {
			keep = append(keep, j)
		}
	}
	active, err := churn.Active(test.X, p.Options.ActiveDays)
	if err != nil {
		return GroupWorth{}, err
	}
	model, err := r.Fit(ctx, train.Select(keep))
	if err != nil {
		return GroupWorth{}, err
	}
	raw := make([]float64, len(active))
	if err := model.Probability(test.X.Select(keep).Take(active), raw); err != nil {
		return GroupWorth{}, err
	}
	values, err := metrics.Classification(ctx, raw, pick(test.Left, active), 0, p.Options.Seed)
	if err != nil {
		return GroupWorth{}, err
	}
	return GroupWorth{Group: group, Features: len(keep), AUC: values["auc"]}, nil
}

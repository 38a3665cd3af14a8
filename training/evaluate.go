package training

import (
	"context"
	"errors"
	"fmt"

	"regulars/data"
	"regulars/features/read"
	"regulars/models"
	"regulars/training/split"
)

// evaluated is everything that publishing needs to know from the protocol.
type evaluated struct {
	*Evaluation
	interactions *read.Interactions
	recommender  *recommenderOutcome // nil: history too short to evaluate, defaults apply
	churn        *churnOutcome       // nil: not computed
	protocol     *split.Protocol     // nil: history too short for it
	Notes        []string
}

// evaluate builds the features and runs the protocol for both tasks.
func (p *Pipeline) evaluate(ctx context.Context) (*evaluated, error) {
	t, err := p.timetable()
	if err != nil {
		return nil, err
	}
	if err := p.buildAll(ctx, t); err != nil {
		return nil, err
	}
	in, err := read.Purchases(p.featureRoot(), p.Options.AsOf)
	if err != nil {
		return nil, err
	}
	if in.Events.Len() == 0 {
		return nil, fmt.Errorf("the lake holds no purchase before %s, only returns: there is nothing to recommend from", p.Options.AsOf)
	}
	out := &evaluated{Evaluation: &Evaluation{}, interactions: in, protocol: t.protocol, Notes: t.notes}
	if err := p.evaluateRanking(ctx, out); err != nil {
		return nil, err
	}
	if err := p.evaluatePropensity(ctx, t, out); err != nil {
		return nil, err
	}
	return out, p.evaluateOutlook(ctx, t, out)
}

// evaluateRanking needs less history than churn does: when there are not even
// two horizons, two ranking windows do.
func (p *Pipeline) evaluateRanking(ctx context.Context, out *evaluated) error {
	for _, step := range []int{p.Options.HorizonDays, p.Options.RankingDays} {
		test := p.Options.AsOf - data.Day(step)
		o, err := p.evaluateRecommenders(ctx, out.interactions, test-data.Day(step), test)
		if errors.Is(err, split.ErrShortHistory) || errors.Is(err, models.ErrNoData) {
			continue
		}
		if err != nil {
			return fmt.Errorf("evaluating recommenders: %w", err)
		}
		out.recommender, out.Recommendation = o, o.slice
		out.Notes = append(out.Notes, o.notes...)
		return nil
	}
	out.Notes = append(out.Notes, "recommendations are not evaluated: the history is too short for two test windows; what customers bought themselves and popularity are published")
	return nil
}

func (p *Pipeline) evaluatePropensity(ctx context.Context, t *timetable, out *evaluated) error {
	if t.protocol == nil {
		return nil
	}
	o, err := p.evaluateChurn(ctx, *t.protocol, out.interactions)
	if errors.Is(err, models.ErrNoData) {
		out.Notes = append(out.Notes, "churn models are not compared: "+err.Error())
		return nil
	}
	if err != nil {
		return fmt.Errorf("evaluating churn models: %w", err)
	}
	out.churn, out.Churn = o, o.slice
	out.Notes = append(out.Notes, o.notes...)
	return nil
}

package training

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"regulars/data"
	"regulars/features/read"
	"regulars/models"
	"regulars/training/churn"
)

// Ways to cut customers into segments.
const (
	ByStage  = "stage"  // of the life cycle
	ByValue  = "value"  // core, high value, potential, long tail
	ByOrders = "orders" // new, light, heavy
)

// Segmentations are those ways.
func Segmentations() []string { return []string{ByStage, ByValue, ByOrders} }

// ChurnReport says why customers were lost in a period.
type ChurnReport struct {
	AsOf     string        `json:"as_of"` // end of the period, exclusive
	From     string        `json:"from"`  // its begin, at which the customers were active
	By       string        `json:"by"`
	Model    string        `json:"model"`
	Segments []LostSegment `json:"segments"` // all customers first
	Notes    []string      `json:"notes,omitempty"`
}

// LostSegment is a segment of customers of whom some were lost.
type LostSegment struct {
	Segment   string      `json:"segment"` // "" = all active customers
	Customers int         `json:"customers"`
	Lost      int         `json:"lost"`
	Causes    []LostCause `json:"causes"` // the most frequent first
}

// LostCause is what drove customers away.
type LostCause struct {
	Feature      string   `json:"feature"`
	Customers    int      `json:"customers"`           // lost ones for whom it was among the three strongest for leaving
	Share        float64  `json:"share"`               // of the lost
	Contribution float64  `json:"contribution"`        // to the log-odds of leaving, mean over the lost
	Stayed       float64  `json:"contribution_stayed"` // the same of those who stayed
	Median       *float64 `json:"median,omitempty"`    // among the lost
	MedianStayed *float64 `json:"median_stayed,omitempty"`
}

// ChurnCauses explains the customers lost in the horizon before as_of: those
// who were active at its begin and did not order in it. The contributions are
// those of the best model that could be made at that begin.
func (p *Pipeline) ChurnCauses(ctx context.Context, by string) (*ChurnReport, error) {
	o, in, err := p.churnAlone(ctx)
	if err != nil {
		return nil, err
	}
	pr, orders := o.protocol, orderDays(in)
	learn, err := p.churnRows(pr.KnownAt(pr.Test), pr.Test, orders)
	if err != nil {
		return nil, err
	}
	test, err := p.churnRows([]data.Day{pr.Test}, pr.AsOf, orders)
	if err != nil {
		return nil, err
	}
	chosen, _ := o.choice.Of(o.choice.Best)
	model, err := p.churnJob().Fitted(ctx, chosen, learn, test, int32(pr.Test))
	if err != nil {
		return nil, err
	}
	segments, err := p.segmentsBy(by, pr.Test, test)
	if err != nil {
		return nil, err
	}
	owners, err := p.owners(test.X)
	if err != nil {
		return nil, err
	}
	lost, ok, err := churn.Causes(ctx, model, test.X, test.Left, segments, numbered(owners))
	if err != nil {
		return nil, err
	}
	if !ok {
		return nil, fmt.Errorf("the chosen churn model, %s, cannot say what its probabilities come from: %w", chosen.Family, models.ErrUnknown)
	}
	return &ChurnReport{AsOf: pr.AsOf.String(), From: pr.Test.String(), By: by, Model: chosen.Family, Notes: o.notes,
		Segments: lostSegments(lost, test.X.Names)}, nil
}

// churnAlone runs the protocol for churn and nothing else.
func (p *Pipeline) churnAlone(ctx context.Context) (*churnOutcome, *read.Interactions, error) {
	t, err := p.timetable()
	if err != nil {
		return nil, nil, err
	}
	if t.protocol == nil {
		return nil, nil, errors.New(t.notes[0])
	}
	if err := p.buildAll(ctx, t); err != nil {
		return nil, nil, err
	}
	in, err := read.Purchases(p.featureRoot(), p.Options.AsOf)
	if err != nil {
		return nil, nil, err
	}
	o, err := p.evaluateChurn(ctx, *t.protocol, in)
	return o, in, err
}

// segmentsBy cuts the active customers of a day; all of them come first.
func (p *Pipeline) segmentsBy(by string, day data.Day, r churn.Rows) ([]churn.Segment, error) {
	all, err := churn.Segments(r.X, p.Options.ActiveDays)
	if err != nil {
		return nil, err
	}
	if by == ByOrders { // the lapsed were lost before
		return slices.DeleteFunc(all, func(s churn.Segment) bool { return s.Name == churn.Lapsed }), nil
	}
	group, column := "lifecycle", "state"
	if by == ByValue {
		group, column = "value_level", "value_group"
	}
	ids, values, err := read.Texts(p.featureRoot(), group, column, day)
	if err != nil {
		return nil, err
	}
	out, rows := all[:1], map[string][]int{}
	var names []string
	for _, row := range all[0].Rows {
		j, ok := slices.BinarySearch(ids, r.IDs[row])
		if !ok {
			continue
		}
		if rows[values[j]] == nil {
			names = append(names, values[j])
		}
		rows[values[j]] = append(rows[values[j]], row)
	}
	slices.SortFunc(names, func(a, b string) int { return len(rows[b]) - len(rows[a]) })
	for _, name := range names {
		out = append(out, churn.Segment{Name: name, Rows: rows[name]})
	}
	return out, nil
}

func lostSegments(lost []churn.Lost, names []string) []LostSegment {
	out := make([]LostSegment, len(lost))
	for i, l := range lost {
		out[i] = LostSegment{Segment: l.Segment, Customers: l.Customers, Lost: l.Lost}
		for _, c := range l.Causes {
			out[i].Causes = append(out[i].Causes, LostCause{Feature: names[c.Column], Customers: c.Customers, Share: c.Share,
				Contribution: c.Contribution, Stayed: c.Others, Median: defined(c.Median), MedianStayed: defined(c.MedianOthers)})
		}
	}
	return out
}

// defined is nil for what is not a number.
func defined(v float64) *float64 {
	if v != v {
		return nil
	}
	return &v
}

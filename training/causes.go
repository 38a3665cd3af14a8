package training

import (
	"context"
	"errors"
	"fmt"
	"math"
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
// those of the best model that could be made at that begin; where that is the base
// rate, which knows no reasons, those of the best that does, and where too little is
// known to compare models, those of the gaps between orders.
func (p *Pipeline) ChurnCauses(ctx context.Context, by string) (*ChurnReport, error) {
	in, err := p.inquest(ctx)
	if err != nil {
		return nil, err
	}
	segments, err := p.segmentsBy(by, in.begin, in.rows)
	if err != nil {
		return nil, err
	}
	owners, err := p.owners(in.rows.X)
	if err != nil {
		return nil, err
	}
	lost, ok, err := churn.Causes(ctx, in.model, in.rows.X, in.rows.Left, segments, numbered(owners))
	if err != nil {
		return nil, err
	}
	if !ok {
		return nil, fmt.Errorf("the churn model %s cannot say what its probabilities come from: %w", in.family, models.ErrUnknown)
	}
	return &ChurnReport{AsOf: p.Options.AsOf.String(), From: in.begin.String(), By: by, Model: in.family, Notes: in.notes,
		Segments: lostSegments(lost, in.rows.X.Names, in.scale())}, nil
}

// inquest is what is needed to say why customers were lost.
type inquest struct {
	begin  data.Day
	rows   churn.Rows // of the customers at its begin, perhaps a sample
	all    int        // customers there were
	model  models.Classifier
	family string
	notes  []string
}

// scale is how many customers each row stands for.
func (q *inquest) scale() float64 {
	return float64(q.all) / float64(max(1, q.rows.X.Rows))
}

// inquest runs the protocol for churn and nothing else, as far as there is history
// and there are customers for it.
func (p *Pipeline) inquest(ctx context.Context) (*inquest, error) {
	t, err := p.timetable()
	if err != nil {
		return nil, err
	}
	q := &inquest{begin: p.Options.AsOf - data.Day(p.Options.HorizonDays)}
	if t.protocol == nil && q.begin <= t.first {
		return nil, fmt.Errorf("nobody had ordered before %s, %d days (training.horizon_days) before %s: there was nobody to lose; choose a later --as-of",
			q.begin, p.Options.HorizonDays, p.Options.AsOf)
	}
	if err := p.buildInquest(ctx, t, q.begin); err != nil {
		return nil, err
	}
	in, err := read.Purchases(p.featureRoot(), p.Options.AsOf)
	if err != nil {
		return nil, err
	}
	orders := orderDays(in)
	if q.rows, q.all, err = p.labelled(q.begin, mostRows); err != nil {
		return nil, err
	}
	if q.all > q.rows.X.Rows {
		q.notes = append(q.notes, fmt.Sprintf("the causes of %d of %d customers were looked into, and the counts scaled up from these", q.rows.X.Rows, q.all))
	}
	if t.protocol == nil {
		return q, p.byGaps(ctx, q, orders, t.notes[0])
	}
	o, err := p.evaluateChurn(ctx, *t.protocol, in)
	if errors.Is(err, models.ErrNoData) {
		return q, p.byGaps(ctx, q, orders, "churn models are not compared: "+err.Error())
	}
	if err != nil {
		return nil, err
	}
	return q, p.byChoice(ctx, q, o, orders)
}

// buildInquest builds what the protocol reads, or without one what is known of the
// customers at the begin.
func (p *Pipeline) buildInquest(ctx context.Context, t *timetable, begin data.Day) error {
	if err := p.buildAll(ctx, t); err != nil || t.protocol != nil {
		return err
	}
	paths, err := p.Lake.Tables()
	if err != nil {
		return err
	}
	if err := p.build(ctx, paths, p.customerGroups(paths), []data.Day{begin}); err != nil {
		return err
	}
	return p.buildLabels(ctx, paths, []data.Day{begin})
}

// byGaps has the gaps between orders explain, for want of a choice.
func (p *Pipeline) byGaps(ctx context.Context, q *inquest, orders [][]int32, lack string) error {
	begin := int32(q.begin)
	rows := q.rows
	rows.Orders, rows.Known = before(orders, begin), begin
	model, err := p.churnJob().Unmeasured(ctx, rows, churn.Why{})
	if err != nil {
		return fmt.Errorf("%s; gaps between orders do not tell either: %w", lack, err)
	}
	q.model, q.family = model, model.Method
	q.notes = append(q.notes, lack, "the causes are those that gaps between orders know of, and are not measured")
	return nil
}

// byChoice has the best model explain that can.
func (p *Pipeline) byChoice(ctx context.Context, q *inquest, o *churnOutcome, orders [][]int32) error {
	pr := o.protocol
	learn, err := p.churnRows(pr.KnownAt(pr.Test), pr.Test, orders)
	if err != nil {
		return err
	}
	chosen, ok := o.choice.Explaining()
	if !ok {
		return fmt.Errorf("the only churn model that could be made, %s, cannot say what its probabilities come from: %w", o.choice.Best, models.ErrUnknown)
	}
	q.family, q.notes = chosen.Family, append(q.notes, o.notes...)
	if chosen.Family != o.choice.Best {
		q.notes = append(q.notes, fmt.Sprintf("%s did best on the choice slice and knows no reasons: the causes are those that %s names", o.choice.Best, chosen.Family))
	}
	q.model, err = p.churnJob().Fitted(ctx, chosen, learn, q.rows, int32(pr.Test))
	return err
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

// lostSegments names the columns; each customer counted stands for scale.
func lostSegments(lost []churn.Lost, names []string, scale float64) []LostSegment {
	scaled := func(n int) int { return int(math.Round(scale * float64(n))) }
	out := make([]LostSegment, len(lost))
	for i, l := range lost {
		out[i] = LostSegment{Segment: l.Segment, Customers: scaled(l.Customers), Lost: scaled(l.Lost), Causes: []LostCause{}}
		for _, c := range l.Causes {
			out[i].Causes = append(out[i].Causes, LostCause{Feature: names[c.Column], Customers: scaled(c.Customers), Share: c.Share,
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

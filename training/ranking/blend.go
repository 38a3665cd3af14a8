package ranking

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"regulars/features/matrix"
	"regulars/models"
	"regulars/models/blend"
	"regulars/models/logistic"
	"regulars/training/options"
)

// BlendOptions of the family blend. The zero value is the default written at
// each field; see blend.Options for those that are not described here.
type BlendOptions struct {
	Sources string  // families, separated by commas; "" = DefaultSources
	L2      float64 // of the logistic ranker; 0 = 30

	Depth, Days, Windows, Lists, Negatives int
	RecentDays                             float64
	Seed                                   uint64
	Workers                                int
}

// DefaultSources are the families that a blend joins; of several that have an
// item equally high, the first speaks for it. One that the data cannot support is
// left out. Beside these, tifuknn and spectral were found to add nothing.
const DefaultSources = "repeat,itemknn,content,rules,ease,ials,trending,popular-recent"

// sourceSettings are what sources are fitted with unless the run says otherwise:
// in a list of what is bought next, tastes of long ago count less than the
// families' own defaults have them.
var sourceSettings = []options.Setting{
	{Model: "itemknn", Option: "half_life_days", Value: "60"},
	{Model: "ease", Option: "half_life_days", Value: "120"},
	{Model: "ials", Option: "half_life_days", Value: "60"},
}

// easeItems is up to how many items ease, whose cost grows with their cube and
// which is fitted for every window, is a source unless it is asked for.
const easeItems = 10_000

// newBlend is the family that joins others. all are those it may join.
func newBlend(all []Family) Family {
	f := newFamily[BlendOptions]("blend", nil)
	f.fit = func(ctx context.Context, d *Data, now int32, given any, run Run) (models.Recommender, error) {
		o, ok := given.(BlendOptions)
		if !ok {
			return nil, fmt.Errorf("blend: options are a %T, not a %T", given, o)
		}
		options.SetRun(&o, run.Seed, run.Workers)
		sources, err := o.families(all, d, run.Settings)
		if err != nil {
			return nil, err
		}
		return blend.Fit(ctx, blend.Input{Events: d.Events, Dated: d.Dated, Sources: sources.fitter(d, run), Ranker: o.ranker},
			now, o.own(), run.Progress)
	}
	return f
}

func (o BlendOptions) own() blend.Options {
	return blend.Options{Depth: o.Depth, Days: o.Days, Windows: o.Windows, Lists: o.Lists, Negatives: o.Negatives,
		RecentDays: o.RecentDays, Seed: o.Seed, Workers: o.Workers}
}

func (o BlendOptions) ranker(ctx context.Context, x *matrix.Dense, y []bool, _ []int32) (blend.Ranker, error) {
	l2 := o.L2
	if l2 == 0 {
		l2 = 30
	}
	return FitLogisticRanker(ctx, x, y, logistic.Options{L2: l2})
}

// joined are families with the options they are fitted with.
type joined []struct {
	Family
	options any
}

// families finds the sources that the data supports.
func (o BlendOptions) families(all []Family, d *Data, settings []options.Setting) (joined, error) {
	names := o.Sources
	if names == "" {
		names = DefaultSources
	}
	var out joined
	for _, name := range strings.Split(names, ",") {
		f, ok := named(all, name)
		if !ok {
			return nil, &models.OptionError{Model: "blend", Option: "Sources", Value: names, Want: "names of models, separated by commas"}
		}
		if f.lacks(d) != "" || o.Sources == "" && f.Name == "ease" && d.Events.Items > easeItems {
			continue
		}
		with, err := f.With(append(slices.Clone(sourceSettings), settings...))
		if err != nil {
			return nil, err
		}
		out = append(out, struct {
			Family
			options any
		}{f, with})
	}
	return out, nil
}

func named(all []Family, name string) (Family, bool) {
	for _, f := range all {
		if f.Name == strings.TrimSpace(name) {
			return f, true
		}
	}
	return Family{}, false
}

// fitter fits every source on other interactions of the same items.
func (j joined) fitter(d *Data, run Run) func(context.Context, *matrix.Events, int32, func(done, total int)) ([]blend.Source, error) {
	return func(ctx context.Context, ev *matrix.Events, now int32, _ func(done, total int)) ([]blend.Source, error) {
		then := *d
		then.Events = ev
		out := make([]blend.Source, len(j))
		for i, f := range j {
			out[i].Name = f.Name
			m, err := f.Fit(ctx, &then, now, f.options, Run{Seed: run.Seed, Workers: run.Workers})
			if errors.Is(err, models.ErrNoData) {
				continue
			}
			if err != nil {
				return nil, fmt.Errorf("%s: %w", f.Name, err)
			}
			out[i].Model = m
		}
		return out, nil
	}
}

// noteOf says who makes the lists of a blend, and why.
func noteOf(model models.Recommender) string {
	m, ok := model.(*blend.Model)
	if !ok {
		return ""
	}
	o := m.Outcome
	if o.Lists == 0 {
		return fmt.Sprintf("blend: there is too little history to learn from, the list is that of %s", m.Name(o.List))
	}
	note := fmt.Sprintf("blend: on %d customers inside train, ndcg@10 %s; the list is that of %s", o.Lists, standing(m, o.NDCG), m.Name(o.List))
	if o.NewLists > 0 {
		note += fmt.Sprintf("; new:recall@10 %s; what a customer never had is in the order of %s", standing(m, o.NewRecall), m.Name(o.New))
	}
	return note
}

// standing names the mean of the blend and of the source that is best.
func standing(m *blend.Model, means []float64) string {
	best := 0
	for s := range m.Sources {
		if means[s] > means[best] {
			best = s
		}
	}
	text := fmt.Sprintf("%s %.4f", m.Sources[best].Name, means[best])
	if len(means) > len(m.Sources) {
		text = fmt.Sprintf("blend %.4f, %s", means[len(m.Sources)], text)
	}
	return text
}

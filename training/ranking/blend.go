package ranking

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"regulars/features/matrix"
	"regulars/models"
	"regulars/models/blend"
	"regulars/models/gbdt"
	"regulars/models/logistic"
	"regulars/training/options"
)

// BlendOptions of the family blend. The zero value is the default written at
// each field; see blend.Options for those that are not described here.
type BlendOptions struct {
	Sources    string   // families, separated by commas; "" = DefaultSources
	Ranker     string   // one of the rankers below; "" = DefaultRanker
	L2         float64  // of the logistic regressions; 0 = 30
	Trees      int      // of lambdamart; 0 = 30
	Leaves     int      // of each of them; 0 = 31
	OddsWeight *float64 // of the logistic log-odds beside the trees of lambdamart; nil = 1

	Depth, Days, Windows, Lists, Negatives int
	RecentDays                             float64
	Seed                                   uint64
	Workers                                int
}

const blendName = "blend"

// Rankers of a blend.
const (
	RankerLogistic   = "logistic"   // by two regressions: LogisticRanker
	RankerLambdaMART = "lambdamart" // by trees beside them: LambdaRanker
	RankerAuto       = "auto"       // whichever is better on the blend's own latest window

	// DefaultRanker was best on windows of the real shop that lie before the
	// reported ones; it takes seconds more to learn.
	DefaultRanker = RankerLambdaMART
)

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
	f := newFamily[BlendOptions](blendName, nil)
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
		learners, err := o.learners()
		if err != nil {
			return nil, err
		}
		return blend.Fit(ctx, blend.Input{Events: d.Events, Dated: d.Dated, Sources: sources.fitter(d, run), Learners: learners},
			now, o.own(), run.Progress)
	}
	return f
}

func (o BlendOptions) own() blend.Options {
	return blend.Options{Depth: o.Depth, Days: o.Days, Windows: o.Windows, Lists: o.Lists, Negatives: o.Negatives,
		RecentDays: o.RecentDays, Seed: o.Seed, Workers: o.Workers}
}

// learners are those that compete for making the ranker, the simple one first.
func (o BlendOptions) learners() ([]blend.Learner, error) {
	if err := o.check(); err != nil {
		return nil, err
	}
	switch o.Ranker {
	case RankerLogistic:
		return []blend.Learner{o.fitLogistic}, nil
	case "", RankerLambdaMART:
		return []blend.Learner{o.fitLambda}, nil
	case RankerAuto:
		return []blend.Learner{o.fitLogistic, o.fitLambda}, nil
	}
	return nil, &models.OptionError{Model: "blend", Option: "Ranker", Value: o.Ranker, Want: RankerLogistic + ", " + RankerLambdaMART + " or " + RankerAuto}
}

func (o BlendOptions) check() error {
	switch {
	case o.L2 < 0:
		return &models.OptionError{Model: blendName, Option: "L2", Value: o.L2, Want: "above 0 (0 = default)"}
	case o.Trees < 0 || o.Trees > 1000:
		return &models.OptionError{Model: "blend", Option: "Trees", Value: o.Trees, Want: "between 1 and 1000 (0 = default)"}
	case o.Leaves < 0 || o.Leaves == 1 || o.Leaves > 1000:
		return &models.OptionError{Model: "blend", Option: "Leaves", Value: o.Leaves, Want: "between 2 and 1000 (0 = default)"}
	case o.OddsWeight != nil:
		return checkOddsWeight(*o.OddsWeight)
	}
	return nil
}

func (o BlendOptions) odds() logistic.Options {
	if o.L2 == 0 {
		o.L2 = 30
	}
	return logistic.Options{L2: o.L2}
}

func (o BlendOptions) fitLogistic(ctx context.Context, x *matrix.Dense, y []bool, _ []int32) (blend.Ranker, error) {
	return orNone(FitLogisticRanker(ctx, x, y, o.odds()))
}

func (o BlendOptions) fitLambda(ctx context.Context, x *matrix.Dense, y []bool, group []int32) (blend.Ranker, error) {
	trees := gbdt.Options{Rounds: cmp.Or(o.Trees, 30), NumLeaves: cmp.Or(o.Leaves, 31), Seed: o.Seed, Workers: o.Workers,
		// Lists of ten are measured: pairs further down cost time and change nothing.
		LearningRate: 0.15, MinDataInLeaf: 100, TruncationLevel: 15}
	weight := 1.0
	if o.OddsWeight != nil {
		weight = *o.OddsWeight
	}
	return orNone(FitLambdaRanker(ctx, x, y, group, trees, o.odds(), weight))
}

// orNone keeps a nil pointer from looking like a ranker.
func orNone[R blend.Ranker](r R, err error) (blend.Ranker, error) {
	if err != nil {
		return nil, err
	}
	return r, nil
}

// joined are families with the options they are fitted with.
type joined []struct {
	Family
	options any
}

// sources are the names of the families to join.
func (o BlendOptions) sources() []string {
	names := strings.Split(cmp.Or(o.Sources, DefaultSources), ",")
	for i := range names {
		names[i] = strings.TrimSpace(names[i])
	}
	return names
}

// families finds the sources that the data supports.
func (o BlendOptions) families(all []Family, d *Data, settings []options.Setting) (joined, error) {
	var out joined
	refused := func(want string) error {
		return &models.OptionError{Model: blendName, Option: "Sources", Value: o.Sources, Want: want}
	}
	names := o.sources()
	for i, name := range names {
		f, ok := named(all, name)
		switch {
		case !ok:
			return nil, refused("names of models, separated by commas")
		case f.PerUser:
			return nil, refused("without " + f.Name + ", which ranks by more than what users had")
		case slices.Contains(names[:i], name):
			return nil, refused("without naming " + name + " twice")
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
		if f.Name == name {
			return f, true
		}
	}
	return Family{}, false
}

// fitter fits every source on what was known of the same items on another day.
func (j joined) fitter(d *Data, run Run) func(context.Context, *matrix.Events, int32, func(done, total int)) ([]blend.Source, error) {
	return func(ctx context.Context, ev *matrix.Events, now int32, progress func(done, total int)) ([]blend.Source, error) {
		then, err := d.at(ev, now)
		if err != nil {
			return nil, err
		}
		out := make([]blend.Source, len(j))
		for i, f := range j {
			if out[i].Name = f.Name; f.lacks(then) != "" {
				continue
			}
			m, err := f.Fit(ctx, then, now, f.options, Run{Seed: run.Seed, Workers: run.Workers, Progress: part(progress, i, len(j))})
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

// part tells the progress of one of so many that are done one after the other.
func part(progress func(done, total int), i, of int) func(done, total int) {
	if progress == nil {
		return nil
	}
	return func(done, total int) {
		if total > 0 {
			progress(100*i+100*done/total, 100*of)
		}
	}
}

// noteOf says who makes the lists of a blend, and why. Without days only what a
// customer never had was there to be found, and lists are told by that alone.
func noteOf(model models.Recommender, dated bool) string {
	m, ok := model.(*blend.Model)
	if !ok {
		return ""
	}
	o := m.Outcome
	if o.Lists == 0 {
		return fmt.Sprintf("blend: there is too little history to learn from, the list is that of %s", m.Name(o.List))
	}
	if !dated {
		return fmt.Sprintf("blend: train has no column ts, so items held out of %d histories stood for what came later: new:recall@10 %s; what a customer never had is in the order of %s, and whether they have a thing again is not known",
			o.Lists, standing(m, o.NewRecall), whose(m, o.New))
	}
	note := fmt.Sprintf("blend: on %d customers inside train, ndcg@10 %s; the list is that of %s", o.Lists, standing(m, o.NDCG), whose(m, o.List))
	if o.NewLists > 0 {
		note += fmt.Sprintf("; new:recall@10 %s; what a customer never had is in the order of %s", standing(m, o.NewRecall), whose(m, o.New))
	}
	return note
}

// describeBlend adds what became of the options of a blend: sources that had too
// little data are left out, and auto has become a ranker.
func describeBlend(m *blend.Model, out map[string]any) {
	var sources []string
	for _, s := range m.Sources {
		if s.Model != nil {
			sources = append(sources, s.Name)
		}
	}
	out["sources"] = strings.Join(sources, ",")
	if ranker := rankerName(m); ranker != "" {
		out["ranker"] = ranker
	}
	out["list_by"], out["new_by"] = m.Name(m.Outcome.List), m.Name(m.Outcome.New)
}

// rankerName is "" where a blend goes without.
func rankerName(m *blend.Model) string {
	switch m.Ranker.(type) {
	case *LogisticRanker:
		return RankerLogistic
	case *LambdaRanker:
		return RankerLambdaMART
	}
	return ""
}

// whose names a choice, and the ranker where it is the blend.
func whose(m *blend.Model, choice int) string {
	name := m.Name(choice)
	if ranker := rankerName(m); choice == blend.Blend && ranker != "" {
		name += " by " + ranker
	}
	return name
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
	if at := len(m.Sources) + m.Outcome.Learner; at < len(means) {
		text = fmt.Sprintf("blend %.4f, %s", means[at], text)
	}
	return text
}

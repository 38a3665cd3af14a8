package training

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"regulars/data"
	"regulars/features/read"
	"regulars/models"
	"regulars/training/metrics"
	"regulars/training/ranking"
	"regulars/training/split"
	"regulars/training/usage"
)

// rankingCuts are the list lengths that are reported.
var rankingCuts = []int{10, 20}

// A rankedRecipe is a recipe and how it did on a slice.
type rankedRecipe struct {
	recommenderRecipe
	similar bool // it can say which items go together
	ranking *metrics.Ranking
	metrics map[string]metrics.Metric
	fit     time.Duration
	score   time.Duration
	bytes   int64          // the most memory that was used meanwhile, everything else included
	told    map[string]any // the options as they are reported
}

func (r rankedRecipe) value(key string) float64 { return r.metrics[key].Value }

// evaluateRecommenders chooses options and family on the slice at choice, and
// reports each family's chosen recipe on the slice at test.
func (p *Pipeline) evaluateRecommenders(ctx context.Context, in *read.Interactions, choice, test data.Day) (*recommenderOutcome, error) {
	tuned, notes, err := p.tuned(in, test)
	if err != nil {
		return nil, err
	}
	recipes, err := p.recommenderRecipes(in.Items.Len(), tuned)
	if err != nil {
		return nil, err
	}
	candidates, _, err := p.rankSlice(ctx, "choosing recommenders", in, choice, recipes)
	if err != nil {
		return nil, err
	}
	families, chosen := chooseRecommenders(candidates)
	tested, skipped, err := p.rankSlice(ctx, "testing recommenders", in, test, families)
	if err != nil {
		return nil, err
	}
	out := &recommenderOutcome{families: families, tuned: tuned, notes: notes, discovery: bestDiscovery(candidates), similar: bestSimilar(candidates)}
	if err := out.gate(tested, chosen, bestBaseline(candidates), p.Options.Seed); err != nil {
		return nil, err
	}
	out.slice = &Slice{Task: "recommendation", TestAsOf: test.String(), Days: p.Options.RankingDays,
		Differences: out.differences, SkippedRows: skipped, Results: rankingResults(tested, out.chosen)}
	return out, nil
}

// rankSlice fits every recipe on what lies before the day cut and measures it
// on the days behind it. A recipe that has too little to learn from drops out.
func (p *Pipeline) rankSlice(ctx context.Context, stage string, in *read.Interactions, cut data.Day, recipes []recommenderRecipe) ([]rankedRecipe, int, error) {
	train, truth, skipped, err := split.Ranking(in.Events, int32(cut), int32(p.Options.RankingDays))
	if err != nil {
		return nil, 0, fmt.Errorf("cutting interactions at %s: %w", cut, err)
	}
	if !anyTruth(truth) {
		return nil, 0, fmt.Errorf("%w: nobody known before %s bought a known item in the %d days after it", split.ErrShortHistory, cut, p.Options.RankingDays)
	}
	d, err := p.rankingData(in, train, cut)
	if err != nil {
		return nil, 0, err
	}
	var out []rankedRecipe
	for i, r := range recipes {
		p.step(stage, i, len(recipes))
		if r.lacks != nil && r.lacks(d) != "" {
			continue
		}
		ranked, err := p.rank(ctx, r, d, truth, int32(cut), p.part(stage, i, len(recipes)))
		if errors.Is(err, models.ErrNoData) {
			continue
		}
		if err != nil {
			return nil, 0, fmt.Errorf("%s on interactions before %s: %w", r.family, cut, err)
		}
		out = append(out, ranked)
	}
	p.step(stage, len(recipes), len(recipes))
	if len(out) == 0 {
		return nil, 0, fmt.Errorf("recommenders before %s: %w", cut, models.ErrNoData)
	}
	return out, skipped, nil
}

// part tells how far one of the steps of a stage has come; that it is done is
// told by whoever began it.
func (p *Pipeline) part(stage string, i, of int) func(done, total int) {
	const whole = 100
	return func(done, total int) {
		if total > 0 {
			p.step(stage, whole*i+min(whole*done/total, whole-1), whole*of)
		}
	}
}

func (p *Pipeline) rank(ctx context.Context, r recommenderRecipe, d *ranking.Data, truth [][]int32, now int32, progress func(done, total int)) (rankedRecipe, error) {
	memory, begun := usage.Begin(), time.Now()
	model, err := r.fit(ctx, d, now, progress)
	if err != nil {
		return rankedRecipe{}, err
	}
	fitted := time.Now()
	measured, err := metrics.Evaluate(ctx, model, d.Events, truth, now, rankingCuts, metrics.Options{Workers: p.Options.Workers})
	if err != nil {
		return rankedRecipe{}, err
	}
	scored, bytes := time.Now(), memory.Bytes()
	values, err := measured.Metrics(0, p.Options.Seed)
	if err != nil {
		return rankedRecipe{}, err
	}
	_, similar := model.(models.Similar)
	return rankedRecipe{recommenderRecipe: r, similar: similar, ranking: measured, metrics: values, told: ranking.Describe(model, r.options),
		fit: fitted.Sub(begun), score: scored.Sub(fitted), bytes: bytes}, nil
}

func anyTruth(truth [][]int32) bool {
	for _, t := range truth {
		if len(t) > 0 {
			return true
		}
	}
	return false
}

// chooseRecommenders returns the best recipe of each family by the family's own
// metric, in the order of the candidates, and the name of the family whose list
// is best of all. Of equals the earlier one is chosen.
func chooseRecommenders(candidates []rankedRecipe) (families []recommenderRecipe, chosen string) {
	best := map[string]rankedRecipe{}
	var order []string
	for _, c := range candidates {
		b, seen := best[c.family]
		if !seen {
			order = append(order, c.family)
		}
		if !seen || c.value(c.metric) > b.value(b.metric) {
			best[c.family] = c
		}
	}
	for _, name := range order {
		families = append(families, best[name].recommenderRecipe)
		if chosen == "" || best[name].value(listMetric) > best[chosen].value(listMetric) {
			chosen = name
		}
	}
	return families, chosen
}

// bestDiscovery returns the family that is best, with any of its candidates, at
// what customers had never bought: "" when none could be fitted. Families that
// know a customer's own purchases fill up with what is popular, which is a list
// that everybody can have; only a blend finds new things as well.
func bestDiscovery(candidates []rankedRecipe) string {
	return bestBy(candidates, discoveryMetric, func(c rankedRecipe) bool {
		return !slices.Contains(ofTheList, c.family) || c.family == kindBlend
	})
}

// bestSimilar returns, of the families that know which items the same customers
// buy, the best at discovery. What is alike in words and what lies in one basket
// are other questions, with lists of their own.
func bestSimilar(candidates []rankedRecipe) string {
	return bestBy(candidates, discoveryMetric, func(c rankedRecipe) bool {
		return c.similar && !c.baseline && c.family != kindContent && c.family != kindRules
	})
}

// bestBy returns the family of the candidate with the highest metric, of equals
// the earlier one.
func bestBy(candidates []rankedRecipe, metric string, may func(rankedRecipe) bool) string {
	best := -1
	for i, c := range candidates {
		if may(c) && (best < 0 || c.value(metric) > candidates[best].value(metric)) {
			best = i
		}
	}
	if best < 0 {
		return ""
	}
	return candidates[best].family
}

// bestBaseline returns the baseline whose list is best on the choice slice.
func bestBaseline(candidates []rankedRecipe) string {
	return bestBy(candidates, listMetric, func(c rankedRecipe) bool { return c.baseline })
}

func rankingResults(tested []rankedRecipe, chosen string) []Result {
	out := make([]Result, len(tested))
	for i, r := range tested {
		out[i] = Result{Model: r.family, Options: r.told, Metrics: r.metrics, Users: len(r.ranking.Users),
			FitSeconds: r.fit.Seconds(), ScoreSeconds: r.score.Seconds(), PeakRSSBytes: r.bytes, Chosen: r.family == chosen, Baseline: r.baseline}
	}
	return out
}

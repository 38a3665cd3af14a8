package training

import (
	"fmt"

	"regulars/training/metrics"
)

// recommenderOutcome is what the protocol found out about recommenders.
type recommenderOutcome struct {
	families    []recommenderRecipe // the chosen recipe of each family
	chosen      string              // the family to publish
	differences map[string]metrics.Metric
	slice       *Slice
	notes       []string
}

func (o *recommenderOutcome) recipe(family string) (recommenderRecipe, bool) {
	for _, r := range o.families {
		if r.family == family {
			return r, true
		}
	}
	return recommenderRecipe{}, false
}

// gate compares the chosen family with every baseline on the test slice, user
// by user. A family that a baseline surely beats (the 95% interval of the paired
// difference lies below 0) is not published; the best such baseline takes its
// place. The rule is fixed before the slice is looked at.
func (o *recommenderOutcome) gate(tested []rankedRecipe, chosen string, seed uint64) error {
	candidate, ok := findRanked(tested, chosen)
	if !ok {
		return fmt.Errorf("the chosen family %s could not be fitted on the test slice", chosen)
	}
	o.chosen, o.differences = chosen, map[string]metrics.Metric{}
	worst := 0.0
	for _, b := range tested {
		if !b.baseline || b.family == chosen {
			continue
		}
		d, err := metrics.Compare(candidate.ranking, b.ranking, listMetric, 0, seed)
		if err != nil {
			return fmt.Errorf("comparing %s with %s: %w", chosen, b.family, err)
		}
		o.differences[b.family] = d
		if d.High != nil && *d.High < 0 && d.Value < worst {
			worst, o.chosen = d.Value, b.family
		}
	}
	if o.chosen != chosen {
		o.notes = append(o.notes, fmt.Sprintf("recommendations: %s lost to the baseline %s on the test slice and is not published; %s is",
			chosen, o.chosen, o.chosen))
	}
	return nil
}

func findRanked(list []rankedRecipe, family string) (rankedRecipe, bool) {
	for _, r := range list {
		if r.family == family {
			return r, true
		}
	}
	return rankedRecipe{}, false
}

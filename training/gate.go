package training

import (
	"fmt"

	"regulars/training/metrics"
	"regulars/training/ranking"
)

// recommenderOutcome is what the protocol found out about recommenders.
type recommenderOutcome struct {
	families    []recommenderRecipe // the chosen recipe of each family
	chosen      string              // the family whose list is published
	discovery   string              // that whose new items are; "" = none could be fitted
	similar     string              // that which says what goes with an item; "" = none could be fitted
	differences map[string]metrics.Metric
	slice       *Slice
	tuned       *ranking.Tuned // what searches had found
	notes       []string
}

// recipe returns the chosen recipe of a family; without an evaluation there is none.
func (o *recommenderOutcome) recipe(family string) (recommenderRecipe, bool) {
	if o == nil {
		return recommenderRecipe{}, false
	}
	for _, r := range o.families {
		if r.family == family {
			return r, true
		}
	}
	return recommenderRecipe{}, false
}

// fewCustomers is below how many figures prove nothing.
const fewCustomers = 20

// gate compares the chosen family with every baseline on the test slice, user
// by user. A family that does not beat each of them there, or of which too few
// customers can tell, is not published: the baseline that was best on the choice
// slice takes its place. The rule is fixed before the slice is looked at.
func (o *recommenderOutcome) gate(tested []rankedRecipe, chosen, baseline string, seed uint64) error {
	candidate, ok := findRanked(tested, chosen)
	if !ok {
		return fmt.Errorf("the chosen family %s could not be fitted on the test slice", chosen)
	}
	o.chosen, o.differences = chosen, map[string]metrics.Metric{}
	n, lostTo := len(candidate.ranking.Users), ""
	for _, b := range tested {
		if !b.baseline || b.family == chosen {
			continue
		}
		d, err := metrics.Compare(candidate.ranking, b.ranking, listMetric, 0, seed)
		if err != nil {
			return fmt.Errorf("comparing %s with %s: %w", chosen, b.family, err)
		}
		o.differences[b.family] = d
		if d.Value <= 0 {
			lostTo = b.family
		}
	}
	if n < fewCustomers {
		o.notes = append(o.notes, fmt.Sprintf("recommendations: only %d customers can tell how good they are, too few to prefer anything to a baseline", n))
	}
	if (lostTo != "" || n < fewCustomers) && !candidate.baseline && baseline != "" {
		o.replace(lostTo, baseline)
	}
	return nil
}

// replace publishes a baseline instead of what was chosen.
func (o *recommenderOutcome) replace(lostTo, baseline string) {
	if lostTo != "" {
		o.notes = append(o.notes, fmt.Sprintf("recommendations: %s does not beat %s on the test slice (ndcg@10 %+.4f) and is not published; %s is",
			o.chosen, lostTo, o.differences[lostTo].Value, baseline))
	}
	o.chosen, o.differences = baseline, nil // the differences are of what is not published
}

func findRanked(list []rankedRecipe, family string) (rankedRecipe, bool) {
	for _, r := range list {
		if r.family == family {
			return r, true
		}
	}
	return rankedRecipe{}, false
}

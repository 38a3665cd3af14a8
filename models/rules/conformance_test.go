package rules_test

import (
	"context"
	"testing"

	"regulars/features/matrix"
	"regulars/models"
	"regulars/models/modeltest"
	"regulars/models/rules"
)

// In the suite's data nobody buys two things on one day, so that baskets of a
// day give no rules, and baskets of 60 days do.
func TestConformance(t *testing.T) {
	for name, o := range map[string]rules.Options{"day": {}, "two months": {BasketDays: 60}, "pairs": {BasketDays: 60, MaxItems: 2, MinSupport: 1, MaxRules: 1000}} {
		t.Run(name, func(t *testing.T) {
			modeltest.Recommender(t, func(ctx context.Context, ev *matrix.Events, now int32) (models.Recommender, error) {
				return rules.Fit(ctx, ev, now, o, nil)
			}, modeltest.Abilities{FindsWithheld: o.BasketDays > 0, Personal: o.BasketDays > 0, NeedsHistory: true})
		})
	}
}

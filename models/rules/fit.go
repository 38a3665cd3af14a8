package rules

import (
	"context"
	"fmt"

	"regulars/features/matrix"
	"regulars/models"
)

// Fit finds the rules in the baskets before day now: what a user buys within
// Options.BasketDays days, counted back from now, is one basket. The result is
// the same for any number of workers. Without any interaction the error wraps
// ErrNoData; a wrong option is an *OptionError. progress may be nil.
func Fit(ctx context.Context, ev *matrix.Events, now int32, o Options, progress func(done, total int)) (*Model, error) {
	o, err := o.resolved()
	if err != nil {
		return nil, err
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	return FitBaskets(ctx, basketsOf(ev, now, o.BasketDays, o.WindowDays), o, progress)
}

// FitBaskets finds the rules in baskets that are given: one a row, the items
// ascending and distinct; values are not looked at. Memory: up to 24 bytes an entry
// of the baskets, 16 a frequent pair and 80 a rule and worker. progress may be
// nil; it is called, never concurrently, as items are done.
func FitBaskets(ctx context.Context, baskets *matrix.CSR, o Options, progress func(done, total int)) (*Model, error) {
	o, err := o.resolved()
	if err != nil {
		return nil, err
	}
	if err := checkBaskets(baskets); err != nil {
		return nil, err
	}
	m := newMiner(baskets, o, progress)
	if m.baskets == 0 {
		return nil, fmt.Errorf("rules: no basket of 1 to %d items: %w", o.MaxBasket, models.ErrNoData)
	}
	if err := m.findPairs(ctx); err != nil {
		return nil, err
	}
	kept, err := m.findRules(ctx)
	if err != nil {
		return nil, err
	}
	return New(m.o, m.baskets, m.count, rulesOf(kept))
}

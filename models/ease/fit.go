package ease

import (
	"context"
	"fmt"
	"runtime"

	"regulars/features/matrix"
	"regulars/models"
)

// Fit learns the weights from the interactions before day now. The same data and
// options give the same bytes for any number of workers. Cost: items³ operations
// up to MaxItems, beyond it about (pairs of items of one user) + items·Neighbourhood³/3.
// Without any interaction the error wraps ErrNoData; a wrong option is an
// *OptionError. progress may be nil.
func Fit(ctx context.Context, ev *matrix.Events, now int32, o Options, progress func(done, total int)) (*Model, error) {
	o, err := o.resolved()
	if err != nil {
		return nil, err
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	x := newInteractions(ev, now, o)
	if len(x.known) == 0 {
		return nil, fmt.Errorf("ease: no interaction before day %d: %w", now, models.ErrNoData)
	}
	if o.Workers == 0 {
		o.Workers = runtime.GOMAXPROCS(0)
	}
	solve := denseWeights
	if len(x.known) > o.MaxItems {
		solve = nearWeights
	}
	b, err := solve(ctx, x, o, progress)
	if err != nil {
		return nil, fmt.Errorf("ease: weights of %d items: %w", len(x.known), err)
	}
	x.byUser, x.byItem = nil, nil
	return New(o, x.customers, b.byHistory(x.known, ev.Items))
}

package survival_test

import (
	"context"
	"testing"

	"regulars/features/matrix"
	"regulars/models"
	"regulars/models/modeltest"
	"regulars/models/survival"
)

// seenOf tells a yes or no at a horizon of 70 days as days: the orders are spread
// over the horizon.
func seenOf(y []bool) []survival.Seen {
	out := make([]survival.Seen, len(y))
	for i, ordered := range y {
		out[i].Days = 70
		if ordered {
			out[i].Next = 1 + i*13%70
		}
	}
	return out
}

func TestConformance(t *testing.T) {
	for _, elapsed := range []string{"", "first"} {
		modeltest.Classifier(t, func(ctx context.Context, x *matrix.Dense, y []bool) (models.Classifier, error) {
			o := survival.Options{Horizon: 70, Elapsed: elapsed}
			if elapsed != "" && x.Cols() > 0 {
				o.Elapsed = x.Names[0]
			}
			return survival.Fit(ctx, x, seenOf(y), o)
		}, true)
	}
}

package baserate_test

import (
	"context"
	"math"
	"testing"

	"regulars/features/matrix"
	"regulars/models"
	"regulars/models/baserate"
	"regulars/models/modeltest"
)

func TestConformance(t *testing.T) {
	modeltest.Classifier(t, func(ctx context.Context, x *matrix.Dense, y []bool) (models.Classifier, error) {
		return baserate.Fit(ctx, x, y)
	}, false)
}

func TestRate(t *testing.T) {
	m, err := baserate.Fit(t.Context(), matrix.NewDense(8, nil), []bool{true, false, false, false, true, false, false, true})
	if err != nil || m.Rate != 0.4 {
		t.Errorf("3 of 8 give %v, %v; want (3+1)/(8+2)", m, err)
	}
	for _, rate := range []float64{0, 1, -1, math.NaN()} {
		if _, err := baserate.New(nil, rate); err == nil {
			t.Errorf("a stored rate of %v is accepted", rate)
		}
	}
}

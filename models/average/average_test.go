package average_test

import (
	"context"
	"errors"
	"math"
	"testing"

	"regulars/features/matrix"
	"regulars/models"
	"regulars/models/average"
	"regulars/models/baserate"
	"regulars/models/logistic"
	"regulars/models/modeltest"
)

func TestConformance(t *testing.T) {
	modeltest.Classifier(t, func(ctx context.Context, x *matrix.Dense, y []bool) (models.Classifier, error) {
		weak, err := logistic.Fit(ctx, x, y, logistic.Options{L2: 100})
		if err != nil {
			return nil, err
		}
		strong, err := logistic.Fit(ctx, x, y, logistic.Options{})
		if err != nil {
			return nil, err
		}
		return average.New(weak, strong)
	}, true)
}

// Of 0.9 and 0.2 the log-odds are ln 9 and −ln 4, their mean half of ln(9/4):
// the odds are 3/2.
func TestMeanOfLogOdds(t *testing.T) {
	m, err := average.New(&baserate.Model{Names: []string{"a"}, Rate: 0.9}, &baserate.Model{Names: []string{"a"}, Rate: 0.2})
	if err != nil {
		t.Fatal(err)
	}
	got := make([]float64, 2)
	if err := m.Probability(matrix.NewDense(2, []string{"a"}), got); err != nil || math.Abs(got[1]-0.6) > 1e-12 {
		t.Errorf("%v, %v; want 0.6", got, err)
	}
}

func TestBadMembers(t *testing.T) {
	if _, err := average.New(); err == nil {
		t.Error("an average of nothing is accepted")
	}
	if _, err := average.New(nil); err == nil {
		t.Error("a member that is nil is accepted")
	}
	m, err := average.New(mute{})
	if err != nil {
		t.Fatal(err)
	}
	if err := m.Contributions(matrix.NewDense(1, []string{"a"}), make([]float64, 2)); !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("a member without contributions gives %v", err)
	}
	if err := m.Contributions(matrix.NewDense(1, []string{"a"}), make([]float64, 1)); err == nil {
		t.Error("too little room is accepted")
	}
}

// mute answers and gives no reasons.
type mute struct{}

func (mute) Probability(_ *matrix.Dense, dst []float64) error {
	clear(dst)
	return nil
}

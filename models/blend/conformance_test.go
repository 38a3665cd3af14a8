package blend_test

import (
	"context"
	"errors"
	"testing"

	"regulars/features/matrix"
	"regulars/models"
	"regulars/models/blend"
	"regulars/models/itemknn"
	"regulars/models/logistic"
	"regulars/models/modeltest"
	"regulars/models/personal"
	"regulars/models/popular"
)

// ranker is one regression over all columns.
type ranker struct{ *logistic.Model }

func (r ranker) Rank(x *matrix.Dense, dst []float64) error { return r.Probability(x, dst) }

func fitRanker(ctx context.Context, x *matrix.Dense, y []bool, _ []int32) (blend.Ranker, error) {
	m, err := logistic.Fit(ctx, x, y, logistic.Options{})
	if err != nil {
		return nil, err
	}
	return ranker{m}, nil
}

// learners are that one alone.
var learners = []blend.Learner{fitRanker}

// three fits neighbours, personal counts and popularity.
func three(ctx context.Context, ev *matrix.Events, now int32, _ func(done, total int)) ([]blend.Source, error) {
	out := []blend.Source{{Name: "itemknn"}, {Name: "personal"}, {Name: "popular"}}
	for i, fit := range []func() (models.Recommender, error){
		func() (models.Recommender, error) { return itemknn.Fit(ctx, ev, now, itemknn.Options{}, nil) },
		func() (models.Recommender, error) { return personal.Fit(ctx, ev, now, personal.Options{}) },
		func() (models.Recommender, error) { return popular.Fit(ctx, ev, now, popular.Options{}) },
	} {
		m, err := fit()
		if errors.Is(err, models.ErrNoData) {
			continue
		}
		if err != nil {
			return nil, err
		}
		out[i].Model = m
	}
	return out, nil
}

func TestConformance(t *testing.T) {
	for name, c := range map[string]struct {
		dated bool
		days  int
	}{"windows of days": {true, 7}, "no window": {true, 0}, "items held out": {false, 0}} {
		t.Run(name, func(t *testing.T) {
			modeltest.Recommender(t, func(ctx context.Context, ev *matrix.Events, now int32) (models.Recommender, error) {
				in := blend.Input{Events: ev, Dated: c.dated, Sources: three, Learners: learners}
				return blend.Fit(ctx, in, now, blend.Options{Days: c.days, Depth: 5}, nil)
			}, modeltest.Abilities{Personal: true})
		})
	}
}

package churn

import (
	"context"

	"regulars/features/matrix"
	"regulars/models/calibrate"
	"regulars/training/season"
)

// A Model is what is published: a classifier with its calibration.
type Model struct {
	calibrate.Calibrated
	Recipe   Recipe
	Map      *Calibration
	BaseRate *season.Forecast // expected of the active customers in the horizon that the model speaks of
	Method   string           // the family
	Why      Why              // it was used
}

// Refit makes what is published at a day: calibrated on the latest rows by a
// model that has seen only the earlier ones, then fitted on all rows whose labels
// are known. current are the customers of the day, of whom it will speak.
func (j *Job) Refit(ctx context.Context, r Recipe, why Why, earlier, latest, all Rows, current *matrix.Dense) (*Model, error) {
	raw, err := fitAndApply(ctx, r, earlier, latest.X)
	if err != nil {
		return nil, err
	}
	active, err := Active(latest.X, j.ActiveDays)
	if err != nil {
		return nil, err
	}
	c, _, err := calibrated(ctx, raw, latest.Left, active)
	if err != nil {
		return nil, err
	}
	model, err := r.fit(ctx, all)
	if err != nil {
		return nil, err
	}
	expected, err := j.forecast(ctx, all, current, all.Known)
	if err != nil {
		return nil, err
	}
	out := &Model{Calibrated: calibrate.Calibrated{Base: model, Map: c}, Recipe: r, Map: c, Method: r.Family, Why: why}
	if err := out.toSeason(j, expected, current, rarer(latest.Left)); err != nil {
		return nil, err
	}
	return out, nil
}

// toSeason shifts the model's word so that its mean over the active customers is
// the expected base rate. labels counts those of the rarer kind that the
// calibration rests on.
func (m *Model) toSeason(j *Job, expected *season.Forecast, x *matrix.Dense, labels int) error {
	active, err := Active(x, j.ActiveDays)
	if err != nil {
		return err
	}
	p := make([]float64, len(active))
	if err := m.Probability(x.Take(active), p); err != nil {
		return err
	}
	shift, err := calibrate.FitShift(p, expected.Rate)
	if err != nil {
		return err
	}
	m.BaseRate = expected
	m.Map.Shift += shift.By // a map of few labels is a shift already
	m.Map.cautious(labels, expected.Rate)
	return nil
}

func fitAndApply(ctx context.Context, r Recipe, rows Rows, x *matrix.Dense) ([]float64, error) {
	model, err := r.fit(ctx, rows)
	if err != nil {
		return nil, err
	}
	raw := make([]float64, x.Rows)
	return raw, model.Probability(x, raw)
}

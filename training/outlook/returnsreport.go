package outlook

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"

	"regulars/data"
	"regulars/models"
	"regulars/models/survival"
	"regulars/training/metrics"
)

// reported are the classification metrics that a report gives.
var reported = []string{"auc", "brier", "ece", "log_loss"}

// reportReturns measures the return probability of every horizon that is over.
func (r *run) reportReturns(ctx context.Context, family string) ([]Target, error) {
	var out []Target
	for _, h := range r.o.Horizons {
		d, ok := r.latest(r.last().AsOf, h)
		if !ok {
			r.note("return within %d days: too little history to measure it", h)
			continue
		}
		t, err := r.reportReturn(ctx, family, d, h)
		if err != nil {
			if err := r.absent(fmt.Sprintf("return within %d days", h), err); err != nil {
				return nil, err
			}
			continue
		}
		out = append(out, *t)
		if d != len(r.Dates)-2 {
			r.note("return within %d days is measured on the rows at %s: its family was chosen with a glance at the first %d days after them", h, r.Dates[d].AsOf, r.Horizon)
		}
	}
	return out, nil
}

func (r *run) reportReturn(ctx context.Context, family string, d, h int) (*Target, error) {
	rows := spread(len(r.Dates[d].IDs), maxMeasured)
	y := r.within(d, rows, h)
	t := &Target{Name: fmt.Sprintf("return within %d days", h), TestAsOf: r.Dates[d].AsOf.String(), Days: h}
	compared := []string{family}
	if family != familyGap {
		compared = append(compared, familyGap)
	}
	for i, f := range compared {
		p, err := r.calibratedAt(ctx, f, d, rows, h)
		if err != nil {
			if i > 0 && errors.Is(err, models.ErrColumns) {
				continue
			}
			return nil, err
		}
		if err := t.classify(ctx, r.o, f, i > 0, p, y); err != nil {
			return nil, err
		}
	}
	rate, err := r.baseRate(d, h)
	if err != nil {
		return t, r.absent("base rate", err)
	}
	return t, t.classify(ctx, r.o, "base-rate", true, slices.Repeat([]float64{rate}, len(y)), y)
}

// calibratedAt is the probability of an order within h days of rows of a date, by
// a model that knows nothing from that date on.
func (r *run) calibratedAt(ctx context.Context, family string, d int, rows []int, h int) ([]float64, error) {
	w, err := r.calibrated(ctx, family, r.Dates[d].AsOf)
	if err != nil {
		return nil, err
	}
	days := withDay(h)
	g, p := w.grid(days), make([]float64, len(rows))
	at, all := slices.Index(days, h), make([]float64, len(days))
	return p, r.courses(w, d, rows, func(i int, c course) {
		g.fill(c, all)
		p[i] = all[at]
	})
}

// withDay is the grid of a course with further days in it.
func withDay(more ...int) []int {
	days := append(slices.Clone(courseDays), more...)
	slices.Sort(days)
	return slices.Compact(days)
}

// baseRate is how many of the latest customers whose h days were over at a date
// ordered in them.
func (r *run) baseRate(d, h int) (float64, error) {
	before, ok := r.latest(r.Dates[d].AsOf, h)
	if !ok {
		return 0, fmt.Errorf("nobody's %d days are over before %s: %w", h, r.Dates[d].AsOf, models.ErrNoData)
	}
	ordered := 0.0
	y := r.within(before, spread(len(r.Dates[before].IDs), maxMeasured), h)
	for _, v := range y {
		if v {
			ordered++
		}
	}
	return (ordered + 0.5) / (float64(len(y)) + 1), nil
}

func (t *Target) classify(ctx context.Context, o Options, model string, baseline bool, p []float64, y []bool) error {
	all, err := metrics.Classification(ctx, p, y, o.Samples, o.Seed)
	if err != nil {
		return fmt.Errorf("%s by %s: %w", t.Name, model, err)
	}
	kept := map[string]metrics.Metric{}
	for _, key := range reported {
		if m, ok := all[key]; ok {
			kept[key] = m
		}
	}
	t.Results = append(t.Results, Result{Model: model, Baseline: baseline, Rows: len(y), Metrics: kept})
	return nil
}

// reportDates measures the day of the next order on those who ordered within the
// horizon. What is told of them is what the course says given that there is an
// order by then: its median and what lies between its tenths.
func (r *run) reportDates(ctx context.Context, family string) (*Target, error) {
	d := len(r.Dates) - 2
	known := r.Dates[d].AsOf
	w, err := r.calibrated(ctx, family, known)
	if err != nil {
		return nil, err
	}
	rows, after := r.returned(d)
	if len(rows) == 0 {
		return nil, fmt.Errorf("nobody ordered in the %d days after %s: %w", r.Horizon, known, models.ErrNoData)
	}
	early, middle, late, err := r.conditional(w, d, rows)
	if err != nil {
		return nil, err
	}
	inside := make([]float64, len(rows))
	for i, day := range after {
		if day >= early[i] && day <= late[i] {
			inside[i] = 1
		}
	}
	t := &Target{Name: "day of the next order", TestAsOf: known.String(), Days: r.Horizon}
	t.Results = append(t.Results, Result{Model: family, Rows: len(rows), Metrics: measures(len(rows), r.o, map[string]func([]int) float64{
		"median_absolute_error": medianOf(absoluteErrors(middle, after)), "coverage@80%": meanOf(inside)})})
	if expected, ok := r.expected(d, rows); ok {
		t.Results = append(t.Results, Result{Model: "own-gap", Baseline: true, Rows: len(rows), Metrics: measures(len(rows), r.o, map[string]func([]int) float64{
			"median_absolute_error": medianOf(absoluteErrors(expected, after))})})
	}
	return t, nil
}

// returned are rows of a date whose customers ordered within the horizon, and when,
// in days from the date to the middle of the day.
func (r *run) returned(d int) (rows []int, after []float64) {
	from := r.Dates[d].AsOf
	for _, i := range spread(len(r.Dates[d].IDs), maxMeasured) {
		if day, ok := r.next(d, i, from+data.Day(r.Horizon)); ok {
			rows, after = append(rows, i), append(after, float64(int(day)-int(from))+0.5)
		}
	}
	return rows, after
}

// conditional are the days by which a tenth, half and nine tenths have ordered of
// those who order within the horizon.
func (r *run) conditional(w *waiting, d int, rows []int) (early, middle, late []float64, err error) {
	days := withDay(r.Horizon)
	g, at := w.grid(days), slices.Index(days, r.Horizon)
	ordered, none := make([]float64, len(days)), make([]float32, len(days))
	err = r.courses(w, d, rows, func(_ int, c course) {
		g.fill(c, ordered)
		for k, p := range ordered {
			none[k] = float32(1 - p)
		}
		for q, to := range map[float64]*[]float64{0.1: &early, 0.5: &middle, 0.9: &late} {
			day, wrong := survival.QuantileOf(days, none, q*(1-float64(none[at])))
			err = errors.Join(err, wrong)
			*to = append(*to, day.Days)
		}
	})
	return early, middle, late, err
}

// expected is when the rows' customers would order again by their expected gap,
// at the earliest now and at the latest at the horizon.
func (r *run) expected(d int, rows []int) (days []float64, ok bool) {
	since, gap := column(r.Dates[d].X, recencyColumn), column(r.Dates[d].X, expectedColumn)
	if since == nil || gap == nil {
		return nil, false
	}
	present := slices.DeleteFunc(slices.Clone(gap), math.IsNaN)
	if len(present) == 0 {
		return nil, false
	}
	usual := medianOf(present)(spread(len(present), len(present)))
	for _, i := range rows {
		length := gap[i]
		if math.IsNaN(length) {
			length = usual
		}
		days = append(days, min(max(0, length-since[i]), float64(r.Horizon)))
	}
	return days, true
}

package propensity

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"slices"

	"regulars/features/matrix"
	"regulars/models"
	"regulars/models/calibrate"
	"regulars/training/metrics"
)

// What a page shows, however many rows there are.
const (
	curvePoints   = 200
	explainedRows = 2000 // of test, evenly spread
	shownEffects  = 20   // columns, the strongest
)

// effect is what a column of the table adds to the log-odds of test rows.
type effect struct {
	column        string
	mean          float64   // size
	contributions []float64 // one an explained row
	values        []float64 // where the row's value stands among them, from 0 to 1; NaN = missing or without an order
}

// explain adds what a page shows beyond figures.
func (w *work) explain(out *Result, model models.Classifier, platt *calibrate.Platt, e *encoding) error {
	var err error
	if out.curves, err = metrics.CurvesOf(out.probability, w.y, curvePoints); err != nil {
		return err
	}
	c, ok := calibrated(model, platt).(models.Contributor)
	if !ok || out.Baseline {
		return nil
	}
	x := e.apply(w.Test, spread(w.test, explainedRows))
	phi := make([]float64, x.Rows*(x.Cols()+1))
	err = c.Contributions(x, phi)
	if errors.Is(err, errors.ErrUnsupported) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("explaining rows of test: %w", err)
	}
	out.effects = e.effects(x, phi)
	return nil
}

// spread keeps at most so many rows, evenly.
func spread(rows []int, most int) []int {
	if len(rows) <= most {
		return rows
	}
	out := make([]int, most)
	for i := range out {
		out[i] = rows[i*len(rows)/most]
	}
	return out
}

// effects adds up the contributions of all columns that a column of the table
// became, the strongest first, shownEffects of them at most; none without effect.
func (e *encoding) effects(x *matrix.Dense, phi []float64) []effect {
	var out []effect
	at, each := 0, x.Cols()+1
	for k := range e.columns {
		c := &e.columns[k]
		f := effect{column: c.name, contributions: make([]float64, x.Rows), values: make([]float64, x.Rows)}
		for i := range x.Rows {
			for _, v := range phi[i*each+at : i*each+at+c.width()] {
				f.contributions[i] += v
			}
			f.mean += math.Abs(f.contributions[i]) / float64(x.Rows)
			f.values[i] = math.NaN()
		}
		if c.kind != byCode && c.kind != byIndicator {
			f.values = standing(x.Column(at))
		}
		at += c.width()
		out = append(out, f)
	}
	slices.SortStableFunc(out, func(a, b effect) int { return cmp.Compare(b.mean, a.mean) })
	out = slices.DeleteFunc(out, func(f effect) bool { return f.mean == 0 })
	return out[:min(len(out), shownEffects)]
}

// standing is the share of the other values that lie below a value, of equal ones
// half; NaN of a missing one, and where all are equal.
func standing(values []float64) []float64 {
	sorted := slices.Sorted(slices.Values(slices.DeleteFunc(slices.Clone(values), math.IsNaN)))
	out := make([]float64, len(values))
	for i, v := range values {
		out[i] = math.NaN()
		if math.IsNaN(v) || sorted[0] == sorted[len(sorted)-1] {
			continue
		}
		below, _ := slices.BinarySearch(sorted, v)
		equal, _ := slices.BinarySearch(sorted, math.Nextafter(v, math.Inf(1)))
		out[i] = (float64(below) + float64(equal-below-1)/2) / float64(len(sorted)-1)
	}
	return out
}

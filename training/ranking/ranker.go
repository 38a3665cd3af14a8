package ranking

import (
	"context"
	"fmt"
	"slices"

	"regulars/features/matrix"
	"regulars/models"
	"regulars/models/blend"
	"regulars/models/logistic"
)

// LogisticRanker orders the candidates of a blend by the probability of being
// bought. What makes somebody buy a thing again is not what makes them buy a
// thing for the first time: each has a regression of its own.
type LogisticRanker struct {
	Again, New Odds
}

// Odds are a regression, or one rate for all where nothing could be learned.
type Odds struct {
	Model *logistic.Model // nil: Rate holds for all
	Rate  float64         // share of candidates that were bought, between 0 and 1
}

var _ blend.Ranker = (*LogisticRanker)(nil)

// NewLogisticRanker returns the ranker of stored parts.
func NewLogisticRanker(again, fresh Odds) (*LogisticRanker, error) {
	for _, o := range []Odds{again, fresh} {
		if !(o.Rate > 0 && o.Rate < 1) {
			return nil, fmt.Errorf("blend: a rate of %v is stored: it must lie between 0 and 1", o.Rate)
		}
	}
	return &LogisticRanker{Again: again, New: fresh}, nil
}

// FitLogisticRanker learns from candidates and whether they were bought. Without
// a candidate of either label the error wraps models.ErrNoData.
func FitLogisticRanker(ctx context.Context, x *matrix.Dense, y []bool, o logistic.Options) (*LogisticRanker, error) {
	if !slices.Contains(y, true) || !slices.Contains(y, false) {
		return nil, fmt.Errorf("no candidate was bought, or all of %d: %w", len(y), models.ErrNoData)
	}
	again, fresh, err := halves(x)
	if err != nil {
		return nil, err
	}
	ofAgain, err := fitOdds(ctx, x, y, again, o)
	if err != nil {
		return nil, err
	}
	ofNew, err := fitOdds(ctx, x, y, fresh, o)
	if err != nil {
		return nil, err
	}
	return NewLogisticRanker(ofAgain, ofNew)
}

// halves returns the rows of items had before, and the others.
func halves(x *matrix.Dense) (again, fresh []int, err error) {
	had := slices.Index(x.Names, blend.ColumnHad)
	if had < 0 {
		return nil, nil, fmt.Errorf("%w: column %q is missing", models.ErrColumns, blend.ColumnHad)
	}
	for i := range x.Rows {
		if x.Row(i)[had] > 0 {
			again = append(again, i)
		} else {
			fresh = append(fresh, i)
		}
	}
	return again, fresh, nil
}

func fitOdds(ctx context.Context, x *matrix.Dense, y []bool, rows []int, o logistic.Options) (Odds, error) {
	labels, bought := make([]bool, len(rows)), 0
	for i, r := range rows {
		if labels[i] = y[r]; labels[i] {
			bought++
		}
	}
	rate := (float64(bought) + 0.5) / (float64(len(rows)) + 1)
	if bought == 0 || bought == len(rows) {
		return Odds{Rate: rate}, ctx.Err()
	}
	m, err := logistic.Fit(ctx, x.Take(rows), labels, o)
	return Odds{Model: m, Rate: rate}, err
}

// Rank writes the probability of every row.
func (r *LogisticRanker) Rank(x *matrix.Dense, dst []float64) error {
	if len(dst) != x.Rows {
		return fmt.Errorf("room for %d probabilities, there are %d candidates", len(dst), x.Rows)
	}
	again, fresh, err := halves(x)
	if err != nil {
		return err
	}
	if err := r.Again.write(x, again, dst); err != nil {
		return err
	}
	return r.New.write(x, fresh, dst)
}

func (o Odds) write(x *matrix.Dense, rows []int, dst []float64) error {
	if o.Model == nil {
		for _, r := range rows {
			dst[r] = o.Rate
		}
		return nil
	}
	p := make([]float64, len(rows))
	if err := o.Model.Probability(x.Take(rows), p); err != nil {
		return err
	}
	for i, r := range rows {
		dst[r] = p[i]
	}
	return nil
}

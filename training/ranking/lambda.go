package ranking

import (
	"context"
	"fmt"
	"math"

	"regulars/features/matrix"
	"regulars/models"
	"regulars/models/blend"
	"regulars/models/gbdt"
	"regulars/models/logistic"
)

// LambdaRanker orders the candidates of a blend by LambdaMART (Burges 2010): trees
// that learned to put what was bought at the top of each customer's list. To
// their score come the log-odds of a LogisticRanker, which knows better what of
// the many candidates further down is bought at all.
type LambdaRanker struct {
	Trees  *gbdt.Model
	Odds   *LogisticRanker
	Weight float64 // of the log-odds, at least 0
}

var _ blend.Ranker = (*LambdaRanker)(nil)

// maxOddsWeight is where the trees have nothing to say any more.
const maxOddsWeight = 1000

// NewLambdaRanker returns the ranker of stored parts.
func NewLambdaRanker(trees *gbdt.Model, odds *LogisticRanker, weight float64) (*LambdaRanker, error) {
	if trees == nil || odds == nil || trees.Classes != 1 {
		return nil, fmt.Errorf("blend: a lambdamart ranker is trees with one score a row, and odds")
	}
	if err := checkOddsWeight(weight); err != nil {
		return nil, err
	}
	return &LambdaRanker{Trees: trees, Odds: odds, Weight: weight}, nil
}

func checkOddsWeight(w float64) error {
	if !(w >= 0 && w <= maxOddsWeight) {
		return &models.OptionError{Model: "blend", Option: "OddsWeight", Value: w, Want: "between 0 and 1000"}
	}
	return nil
}

// FitLambdaRanker learns from candidates and whether they were bought; group holds
// the first row of every list and, last, the number of rows. Without a candidate
// of either label the error wraps models.ErrNoData.
func FitLambdaRanker(ctx context.Context, x *matrix.Dense, y []bool, group []int32, trees gbdt.Options, odds logistic.Options, weight float64) (*LambdaRanker, error) {
	beside, err := FitLogisticRanker(ctx, x, y, odds)
	if err != nil {
		return nil, err
	}
	rows := gbdt.Data{X: x, Y: make([]float64, len(y)), Group: make([]int32, len(group)-1)}
	for i, bought := range y {
		if bought {
			rows.Y[i] = 1
		}
	}
	for i := range rows.Group {
		rows.Group[i] = group[i+1] - group[i]
	}
	trees.Objective = gbdt.LambdaRank
	m, err := gbdt.Fit(ctx, rows, nil, trees, nil)
	if err != nil {
		return nil, err
	}
	return NewLambdaRanker(m, beside, weight)
}

// Rank writes the score of every row.
func (r *LambdaRanker) Rank(x *matrix.Dense, dst []float64) error {
	if err := r.Odds.Rank(x, dst); err != nil {
		return err
	}
	scores := make([]float64, x.Rows)
	if err := r.Trees.Predict(x, true, scores); err != nil {
		return err
	}
	for i, p := range dst {
		dst[i] = scores[i] + r.Weight*logOdds(p)
	}
	return nil
}

// logOdds keeps those of a certainty finite.
func logOdds(p float64) float64 {
	const least = 1e-12
	p = math.Min(math.Max(p, least), 1-least)
	return math.Log(p / (1 - p))
}

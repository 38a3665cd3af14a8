package training

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"time"

	"regulars/models/artifact"
	"regulars/models/snapshot"
	"regulars/training/outlook"
)

// scoresFile holds the scores of a snapshot as Parquet, a row a customer. Columns
// carry the names that marketing tools know; what is not told is null.
const scoresFile = "scores.parquet"

// saveScores writes every scored customer, by ascending id.
func (s *scoring) saveScores(path string) error {
	ids := slices.Sorted(maps.Keys(s.scores))
	all := make([]*snapshot.Scores, len(ids))
	for i, id := range ids {
		all[i] = s.scores[id]
	}
	columns := []artifact.Column{artifact.NewColumn("user_id", ids),
		numbersOf("churn_probability", all, ifChurn(func(c *snapshot.Scores) float64 { return c.Churn.Probability })),
		numbersOf("churn_percentile", all, ifChurn(func(c *snapshot.Scores) float64 { return c.Churn.Percentile })),
		numbersOf("return_probability", all, ifChurn(func(c *snapshot.Scores) float64 { return c.ReturnProbability })),
		artifact.NewColumn("lapsed", each(all, func(c *snapshot.Scores) int32 { return bit(c.Lapsed) })),
		numbersOf("recency_days", all, func(c *snapshot.Scores) float64 { return c.RFM.RecencyDays }),
		artifact.NewColumn("orders", each(all, func(c *snapshot.Scores) int64 { return c.RFM.Orders })),
		numbersOf("spend", all, func(c *snapshot.Scores) float64 { return c.RFM.Spend }),
		textsOf("stage", all, func(c *snapshot.Scores) string { return c.Stage }),
		numbersOf("value_at_risk", all, func(c *snapshot.Scores) float64 { return orNaN(c.ValueAtRisk) }),
	}
	if s.champions.outlook != nil {
		columns = append(columns, s.outlookColumns(all)...)
	}
	return artifact.WriteColumns(path, columns...)
}

func (s *scoring) outlookColumns(all []*snapshot.Scores) []artifact.Column {
	out := []artifact.Column{
		numbersOf("expected_spend", all, func(c *snapshot.Scores) float64 { return orNaN(c.Spend) }),
		numbersOf("predicted_clv", all, func(c *snapshot.Scores) float64 {
			if c.Value == nil {
				return math.NaN()
			}
			return c.Value.Amount
		}),
		textsOf("expected_next_order_date", all, s.nextOrder),
	}
	for i, days := range s.champions.outlookMade.Horizons {
		out = append(out, numbersOf(fmt.Sprintf("return_probability_%dd", days), all, func(c *snapshot.Scores) float64 {
			if i >= len(c.Returns) {
				return math.NaN()
			}
			return c.Returns[i]
		}))
	}
	return out
}

// nextOrder is the day by which the next order is as likely as not, as seen at
// as_of; empty when that is later than the course goes.
func (s *scoring) nextOrder(c *snapshot.Scores) string {
	last, day := 0.0, 0.0
	for i, d := range outlook.CourseDays() {
		if i >= len(c.Course) {
			return ""
		}
		now := -math.Log(max(float64(c.Course[i]), math.SmallestNonzeroFloat32))
		if now >= math.Ln2 {
			at := day + (float64(d)-day)*(math.Ln2-last)/(now-last)
			return time.Unix(int64(s.now)*86400, 0).UTC().AddDate(0, 0, int(at)).Format(time.DateOnly)
		}
		last, day = now, float64(d)
	}
	return ""
}

// ifChurn is not a number where there is no churn probability.
func ifChurn(of func(*snapshot.Scores) float64) func(*snapshot.Scores) float64 {
	return func(c *snapshot.Scores) float64 {
		if c.Churn == nil {
			return math.NaN()
		}
		return of(c)
	}
}

func orNaN(v *float64) float64 {
	if v == nil {
		return math.NaN()
	}
	return *v
}

func each[T any](all []*snapshot.Scores, of func(*snapshot.Scores) T) []T {
	out := make([]T, len(all))
	for i, c := range all {
		out[i] = of(c)
	}
	return out
}

// numbersOf is a column of numbers, null where there is none.
func numbersOf(name string, all []*snapshot.Scores, of func(*snapshot.Scores) float64) artifact.Column {
	values := each(all, of)
	return artifact.NewNullable(name, values, func(i int) bool { return math.IsNaN(values[i]) })
}

// textsOf is a column of texts, null where one is empty.
func textsOf(name string, all []*snapshot.Scores, of func(*snapshot.Scores) string) artifact.Column {
	values := each(all, of)
	return artifact.NewNullable(name, values, func(i int) bool { return values[i] == "" })
}

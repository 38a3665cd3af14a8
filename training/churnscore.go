package training

import (
	"fmt"
	"maps"
	"slices"
	"sort"

	"regulars/features/matrix"
	"regulars/models/artifact"
	"regulars/models/snapshot"
	"regulars/training/churn"
)

// spendColumn is what a customer has spent so far.
const spendColumn = "monetary"

// Upper bounds of the bands that a churn probability is called by.
const (
	lowBelow    = 1.0 / 3
	mediumBelow = 2.0 / 3
)

func band(probability float64) string {
	switch {
	case probability < lowBelow:
		return "low"
	case probability < mediumBelow:
		return "medium"
	}
	return "high"
}

// churnScores scores every customer who has ordered before as_of.
func (p *Pipeline) churnScores(c *champions) (map[string]*snapshot.Scores, error) {
	out := map[string]*snapshot.Scores{}
	table, err := p.customers(p.Options.AsOf)
	if err != nil {
		return nil, err
	}
	var probability []float64
	if c.churn != nil {
		probability = make([]float64, table.X.Rows)
		if err := c.churn.Probability(table.X, probability); err != nil {
			return nil, fmt.Errorf("scoring churn with version %s (train again if the features have changed): %w", c.versions[RoleChurn], err)
		}
	}
	columns, err := positions(table.X, churn.RecencyColumn, churn.OrdersColumn, spendColumn)
	if err != nil {
		return nil, err
	}
	sorted := slices.Sorted(slices.Values(probability))
	for i, id := range table.IDs {
		row := table.X.Row(i)
		s := &snapshot.Scores{RFM: &snapshot.RFM{RecencyDays: row[columns[0]], Orders: int64(row[columns[1]]), Spend: row[columns[2]]}}
		s.Lapsed = s.RFM.RecencyDays > float64(p.Options.ActiveDays)
		if c.churn == nil {
			s.Note = c.churnNote
		} else {
			s.Churn = &snapshot.Churn{Probability: probability[i], Percentile: shareBelow(sorted, probability[i]), Band: band(probability[i])}
			s.ReturnProbability = 1 - probability[i]
		}
		out[id] = s
	}
	return out, nil
}

func shareBelow(sorted []float64, v float64) float64 {
	return float64(sort.SearchFloat64s(sorted, v)) / float64(len(sorted))
}

func positions(x *matrix.Dense, names ...string) ([]int, error) {
	out := make([]int, len(names))
	for i, name := range names {
		if out[i] = slices.Index(x.Names, name); out[i] < 0 {
			return nil, fmt.Errorf("the feature %s is missing from the customer features", name)
		}
	}
	return out, nil
}

// scoresFile holds the scores of a snapshot as Parquet, a row a customer.
const scoresFile = "scores.parquet"

// saveScores writes every scored customer, by ascending id.
func (s *scoring) saveScores(path string) error {
	ids := slices.Sorted(maps.Keys(s.scores))
	n := len(ids)
	gone, percentile, back := make([]float64, n), make([]float64, n), make([]float64, n)
	recency, spend := make([]float64, n), make([]float64, n)
	lapsed, orders := make([]int32, n), make([]int64, n)
	for i, id := range ids {
		c := s.scores[id]
		gone[i], percentile[i], back[i] = c.Churn.Probability, c.Churn.Percentile, c.ReturnProbability
		lapsed[i], recency[i], orders[i], spend[i] = bit(c.Lapsed), c.RFM.RecencyDays, c.RFM.Orders, c.RFM.Spend
	}
	return artifact.WriteColumns(path, artifact.NewColumn("user_id", ids),
		artifact.NewColumn("churn_probability", gone), artifact.NewColumn("churn_percentile", percentile),
		artifact.NewColumn("return_probability", back), artifact.NewColumn("lapsed", lapsed),
		artifact.NewColumn("recency_days", recency), artifact.NewColumn("orders", orders), artifact.NewColumn("spend", spend))
}

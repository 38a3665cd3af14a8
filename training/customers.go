package training

import (
	"math"
	"slices"

	"regulars/data"
	"regulars/features"
	"regulars/features/read"
	"regulars/training/churn"
)

// notNumbers are units of columns that hold numbers without being quantities: a
// day of the calendar or a code means another thing at every date.
var notNumbers = []string{"day", "code"}

// customers reads the features of everybody who has bought before the day, as
// models see them.
func (p *Pipeline) customers(day data.Day) (*read.Table, error) {
	paths, err := p.Lake.Tables()
	if err != nil {
		return nil, err
	}
	return p.customersBy(p.customerGroups(paths), day)
}

// customersBy is customers by some groups alone, that of the recency among them.
func (p *Pipeline) customersBy(groups []features.Group, day data.Day) (*read.Table, error) {
	names := make([]string, len(groups))
	for i, g := range groups {
		names[i] = g.Name
	}
	table, err := read.Users(p.featureRoot(), names, day)
	if err != nil {
		return nil, err
	}
	return buyers(table, learned(table.X.Names, groups))
}

// learned returns the positions of the columns that are quantities.
func learned(columns []string, groups []features.Group) []int {
	dropped := map[string]bool{}
	for _, g := range groups {
		for _, c := range g.Features() {
			dropped[c.Name] = slices.Contains(notNumbers, c.Unit)
		}
	}
	var keep []int
	for j, name := range columns {
		if !dropped[name] {
			keep = append(keep, j)
		}
	}
	return keep
}

// buyers keeps the given columns of the customers who have bought: some groups
// have rows for those who only registered or looked around.
func buyers(t *read.Table, columns []int) (*read.Table, error) {
	at, err := positions(t.X, churn.RecencyColumn)
	if err != nil {
		return nil, err
	}
	var rows []int
	for i := range t.IDs {
		if !math.IsNaN(t.X.Row(i)[at[0]]) {
			rows = append(rows, i)
		}
	}
	return &read.Table{IDs: pick(t.IDs, rows), X: t.X.Select(columns).Take(rows), Skipped: t.Skipped}, nil
}

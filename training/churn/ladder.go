package churn

import "fmt"

// A Rung is a step of the ladder that a shop climbs as it grows: what so many
// customers can carry.
type Rung struct {
	Families  []string
	Customers int // active ones from which on it is stood on
}

// ladder: a regression has a coefficient for each of some 150 columns and wants
// a few customers for each that counts; trees want as many again in each of
// their leaves.
var ladder = []Rung{
	{[]string{BaseRate, Gap}, 0},
	{[]string{BaseRate, Gap, Logistic}, 200},
	{[]string{BaseRate, Gap, Logistic, Forest, Trees, Average}, 1000},
}

// rungOf returns the families for so many active customers, and why they are
// not more.
func rungOf(customers int) (families []string, why string) {
	at := 0
	for i, r := range ladder {
		if customers >= r.Customers {
			at = i
		}
	}
	if at == len(ladder)-1 {
		return ladder[at].Families, fmt.Sprintf("%d active customers are enough for all methods", customers)
	}
	next := []string{"", "regression", "trees"}[at+1]
	return ladder[at].Families, fmt.Sprintf("%d active customers are too few for %s, which want %d", customers, next, ladder[at+1].Customers)
}

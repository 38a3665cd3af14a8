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

// Why says why a method was used, in both languages.
type Why struct {
	English string `json:"en"`
	Chinese string `json:"zh"`
}

// rungOf returns the families for so many active customers, and why they are
// not more.
func rungOf(customers int) (families []string, why Why) {
	at := 0
	for i, r := range ladder {
		if customers >= r.Customers {
			at = i
		}
	}
	if at == len(ladder)-1 {
		return ladder[at].Families, Why{fmt.Sprintf("%d active customers are enough for all methods", customers), fmt.Sprintf("%d 位活跃顾客，足以比较所有方法", customers)}
	}
	next := [...]Why{{"regression", "回归"}, {"trees", "决策树"}}[at]
	needed := ladder[at+1].Customers
	return ladder[at].Families, Why{fmt.Sprintf("%d active customers are too few for %s, which want %d", customers, next.English, needed),
		fmt.Sprintf("%d 位活跃顾客，少于%s所需的 %d 位", customers, next.Chinese, needed)}
}

// best says why a family was used of those that could be.
func (w Why) best(among int) Why {
	if among < 2 {
		return w
	}
	return Why{fmt.Sprintf("best of %d methods on earlier customers; %s", among, w.English), fmt.Sprintf("在往期顾客上为 %d 种方法中最佳；%s", among, w.Chinese)}
}

package churn

import (
	"fmt"
	"slices"

	"regulars/training/metrics"
)

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

// lapsedAUC is how well a model ranks those who have not ordered for long.
const lapsedAUC = Lapsed + ":auc"

// Doubting adds to why a family was used that its order of the lapsed may be
// chance, where the untouched rows do not surely say otherwise.
func (t *Tested) Doubting(w Why) Why {
	m, ok := t.Metrics[lapsedAUC]
	if !ok || m.Low == nil || *m.Low > 0.5 {
		return w
	}
	return Why{w.English + fmt.Sprintf("; among customers lapsed for long its order is not surely better than chance (auc %.2f, 95%% interval %.2f to %.2f)", m.Value, *m.Low, *m.High),
		w.Chinese + fmt.Sprintf("；对久未下单的顾客，其排序未见明显优于随机（AUC %.2f，95%% 区间 %.2f 至 %.2f）", m.Value, *m.Low, *m.High)}
}

// lowest reports whether families are those of the lowest rung.
func lowest(families []string) bool { return slices.Equal(families, ladder[0].Families) }

// trustGaps chooses the gaps between orders although the base rate did better on
// the choice rows, unless it surely did: a few dozen customers seldom tell, and
// what is known of gaps does not come from them alone.
func (c *Choice) trustGaps(why Why, seed uint64) error {
	gaps, ok := c.Of(Gap)
	base, _ := c.Of(BaseRate)
	if !ok {
		return nil
	}
	excess, err := metrics.Paired(gaps.losses, base.losses, 0, seed)
	if err != nil {
		return fmt.Errorf("gaps between orders beside the base rate: %w", err)
	}
	if *excess.Low > 0 {
		return nil
	}
	c.Best = Gap
	c.Why = Why{"gaps between orders, drawn towards the base rate, than which they are not surely worse; " + why.English,
		"依据下单间隔，并向基准流失率收缩（未见其明显不如基准）；" + why.Chinese}
	return nil
}

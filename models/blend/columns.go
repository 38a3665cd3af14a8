package blend

import (
	"math"
	"slices"

	"regulars/features/matrix"
)

// ColumnHad is the feature that is 1 for items the customer had before and 0 for
// others: two kinds of question, which a ranker may want to learn apart.
const ColumnHad = "had"

// own are the columns that do not come from a source.
var own = []string{ColumnHad,
	"item customers", "item recent", "item season", "item trend", "item age", "item returning",
	"own days", "own weight", "own age", "own cycles", "own share", "own last",
	"customer items", "customer days", "customer again", "customer age"}

// Columns returns the features of a candidate: of every source its score, that as
// a share of the best among the items had before or among the others, and the
// logarithm of the place there; then what is known of the item, of the customer
// and the item, and of the customer.
func Columns(sources []Source) []string {
	var names []string
	for _, s := range sources {
		names = append(names, s.Name+" score", s.Name+" share", s.Name+" place")
	}
	return append(names, own...)
}

// customer is what the features say of a history.
type customer struct {
	items, days, again float64 // distinct items and days; items had on several days
	age                float64 // days since the last purchase
	last               int32
}

func summary(h matrix.History, now int32, days []int32) (c customer, scratch []int32) {
	days, c.last = days[:0], math.MinInt32
	eachItem(h, now, func(_ int32, on []int32, _ []float32) {
		c.items++
		if on[len(on)-1] > on[0] {
			c.again++
		}
		c.last = max(c.last, on[len(on)-1])
		days = append(days, on...)
	})
	slices.Sort(days)
	c.days = float64(len(slices.Compact(days)))
	c.age = float64(now) - float64(c.last)
	if c.items == 0 {
		c.age = math.NaN()
	}
	return c, days
}

// features fills the table, one row a candidate.
func (w *work) features(c *Catalogue, h matrix.History, now int32) {
	columns := w.x.Cols()
	w.x.Rows = len(w.items)
	w.x.Data = slices.Grow(w.x.Data[:0], len(w.items)*columns)[:len(w.items)*columns]
	who, scratch := summary(h, now, w.top)
	w.top = scratch
	for i := range w.items {
		row := w.x.Row(i)
		w.sourceFeatures(i, row)
		row = row[perSource*len(w.scores):]
		row[0] = 0
		c.features(w.items[i], now, row[1:7])
		for j := range row[7:13] {
			row[7+j] = math.NaN()
		}
		row[13], row[14], row[15], row[16] = who.items, who.days, who.again/math.Max(1, who.items), who.age
	}
	at := 0
	eachItem(h, now, func(item int32, days []int32, weights []float32) {
		if at < w.again && w.items[at] == item {
			row := w.x.Row(at)[perSource*len(w.scores):]
			row[0] = 1
			c.pair(item, now, days, weights, who, row[7:13])
			at++
		}
	})
}

// perSource is how many columns come from a source.
const perSource = 3

func (w *work) sourceFeatures(i int, row []float64) {
	half := 0
	if i >= w.again {
		half = 1
	}
	for s, scores := range w.scores {
		at := row[perSource*s : perSource*(s+1)]
		if !w.speaks[s] {
			at[0], at[1], at[2] = math.NaN(), math.NaN(), math.NaN()
			continue
		}
		score := float64(scores[w.items[i]])
		at[0], at[1] = score, 0
		if best := float64(w.best[s][half]); best > 0 {
			at[1] = math.Max(-1, score/best)
		}
		at[2] = math.Log2(float64(w.rank[s][i]) + 1)
	}
}

// features are the columns of an item.
func (c *Catalogue) features(item, now int32, out []float64) {
	customers, recent, season := float64(c.Customers[item]), float64(c.Recent[item]), float64(c.Season[item])
	out[0], out[1], out[2] = math.Log1p(customers), math.Log(recent+0.01), math.Log(season+0.1)
	out[3] = math.Log((recent + 1) / (season + 4))
	out[4], out[5] = math.NaN(), math.NaN()
	if first := c.First[item]; first < now {
		out[4] = math.Log1p(float64(now) - float64(first))
		out[5] = (float64(c.Returning[item]) + 1) / (customers + 10)
	}
}

// pair are the columns of a customer and an item that they had.
func (c *Catalogue) pair(item, now int32, days []int32, weights []float32, who customer, out []float64) {
	n, last := distinct(days), days[len(days)-1]
	sum := 0.0
	for _, w := range weights {
		sum += float64(w)
	}
	age := float64(now) - float64(last)
	out[0], out[1], out[2] = math.Log(float64(n)), math.Log(sum), math.Log(age)
	gap := float64(c.Gap[item])
	if n > 1 {
		gap = (float64(last) - float64(days[0])) / float64(n-1)
	}
	out[3] = math.NaN()
	if gap > 0 {
		out[3] = math.Log(age / gap)
	}
	out[4], out[5] = float64(n)/who.days, 0
	if last == who.last {
		out[5] = 1
	}
}

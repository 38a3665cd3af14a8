package blend

import (
	"fmt"
	"math"
	"slices"

	"regulars/features/matrix"
)

// Catalogue is what the blend itself knows of each item: one entry an item in
// every column.
type Catalogue struct {
	Latest    int32     // the last day with any interaction, from which popularity ages
	Customers []float32 // different customers, all time
	Recent    []float32 // customers, each counting 2^(−age/RecentDays) since they last had it
	Season    []float32 // the same with a half-life of seasonDays
	Returning []float32 // customers who had it on more than one day
	Gap       []float32 // mean days from one purchase to the next of a customer; 0 = never bought again
	First     []int32   // first day; NeverSold without any
}

// NeverSold is the first day of an item without interactions.
const NeverSold = math.MaxInt32

const seasonDays = 60

// newCatalogue counts what lies before now.
func newCatalogue(ev *matrix.Events, now int32, recentDays float64) (c Catalogue, any bool) {
	c = Catalogue{Latest: math.MinInt32, First: slices.Repeat([]int32{NeverSold}, ev.Items)}
	for _, column := range c.columns() {
		*column = make([]float32, ev.Items)
	}
	for _, d := range ev.Day {
		if d < now {
			c.Latest, any = max(c.Latest, d), true
		}
	}
	gaps := make([]float64, ev.Items)
	for u := range ev.Users {
		eachItem(ev.History(u), now, func(item int32, days []int32, _ []float32) { c.add(item, days, recentDays, gaps) })
	}
	for i, sum := range gaps {
		if sum > 0 {
			c.Gap[i] = float32(sum / float64(c.Gap[i]))
		}
	}
	return c, any
}

// add counts one customer. Gap holds numbers of gaps until all are counted.
func (c *Catalogue) add(item int32, days []int32, recentDays float64, gaps []float64) {
	first, last := days[0], days[len(days)-1]
	age := float64(c.Latest) - float64(last)
	c.Customers[item]++
	c.Recent[item] += float32(math.Exp2(-age / recentDays))
	c.Season[item] += float32(math.Exp2(-age / seasonDays))
	c.First[item] = min(c.First[item], first)
	if last > first {
		c.Returning[item]++
		c.Gap[item] += float32(distinct(days) - 1)
		gaps[item] += float64(last) - float64(first)
	}
}

// distinct counts the different days of an ascending list.
func distinct(days []int32) int {
	n := 1
	for i := 1; i < len(days); i++ {
		if days[i] != days[i-1] {
			n++
		}
	}
	return n
}

func (c *Catalogue) columns() []*[]float32 {
	return []*[]float32{&c.Customers, &c.Recent, &c.Season, &c.Returning, &c.Gap}
}

func (c *Catalogue) check() error {
	n := len(c.First)
	if n == 0 {
		return fmt.Errorf("blend: no items")
	}
	for _, column := range c.columns() {
		if len(*column) != n {
			return fmt.Errorf("blend: a column of the catalogue has %d entries, there are %d items", len(*column), n)
		}
		for i, x := range *column {
			if !(x >= 0 && x <= math.MaxFloat32) {
				return fmt.Errorf("blend: item %d has %v in the catalogue: it must be a finite number, not negative", i, x)
			}
		}
	}
	return nil
}

// eachItem calls visit with the days and weights of each item before now, days
// ascending.
func eachItem(h matrix.History, now int32, visit func(item int32, days []int32, weights []float32)) {
	for i := 0; i < len(h.Item); {
		item, from := h.Item[i], i
		to := from
		for ; i < len(h.Item) && h.Item[i] == item; i++ {
			if h.Day[i] < now {
				to = i + 1
			}
		}
		if to > from {
			visit(item, h.Day[from:to], h.Weight[from:to])
		}
	}
}

package propensity

import (
	"cmp"
	"math"
	"math/rand/v2"
	"slices"

	"regulars/data/frame"
	"regulars/features/matrix"
)

// Rows are features with one label a row.
type Rows struct {
	X           *matrix.Dense
	Categorical []int      // numbers of the columns that hold codes of categories, whole numbers from 0
	Levels      [][]string // of each column the names of its codes, nil where there are none; nil = not known
	Y           []bool
}

// take returns some of the rows.
func (r Rows) take(rows []int) Rows {
	return Rows{X: r.X.Take(rows), Categorical: r.Categorical, Levels: r.Levels, Y: pick(r.Y, rows)}
}

func pick[T any](values []T, rows []int) []T {
	out := make([]T, len(rows))
	for i, r := range rows {
		out[i] = values[r]
	}
	return out
}

// Limits of an encoding.
const (
	maxCodes      = 250 // categories of a column that get a code of their own, the commonest
	maxIndicators = 12  // categories of a column that get a column of their own
	targetFolds   = 5   // parts of train, so that no row is encoded by its own label
	targetPrior   = 20  // rows of the overall rate that a category is smoothed with
)

// An encoding turns the columns of a table into numbers. It holds what it has
// learned from train, and nothing of other rows.
type encoding struct {
	columns     []encoded
	names       []string
	categorical []int
	levels      [][]string // by code; nil of other columns
}

// encoded is how one column becomes one or more. A category that train does not
// have counts as missing where it is a code, as the overall rate where it is a
// rate, and as none of those with an indicator.
type encoded struct {
	feature
	name    string
	kind    form
	code    map[string]int32 // categories by number, the commonest first
	rate    []float64        // byRate: of each category, and of the missing behind them
	overall float64          // byRate
	missing bool             // byIndicator: one more column for those without a value
}

type form uint8

const (
	asNumber    form = iota
	byPresence       // 1 where there is a value
	byCode           // categories as whole numbers
	byIndicator      // a column a category
	byRate           // how often the label was true
)

// width is how many columns it becomes.
func (e *encoded) width() int {
	if e.kind != byIndicator {
		return 1
	}
	if e.missing {
		return len(e.code) + 1
	}
	return len(e.code)
}

// learnCodes is the encoding for models that split categories themselves.
func (t *Task) learnCodes(rows []int) (*encoding, Rows) {
	e := &encoding{}
	for _, f := range t.features {
		c := t.encoded(f)
		if c.kind == byCode {
			e.categorical = append(e.categorical, len(e.columns))
			c.code = commonest(&t.Train.Columns[f.place], rows, maxCodes)
		}
		e.add(c)
		e.levels = append(e.levels, c.levels())
	}
	return e, e.rows(t.Train, rows, t.Y)
}

// learnNumbers is the encoding for models that know only numbers: an indicator
// for each of few categories; of many, how often the label was true, in train
// counted without the row's own part of five (target encoding, Micci-Barreca 2001).
func (t *Task) learnNumbers(rows []int, seed uint64) (*encoding, Rows) {
	e := &encoding{}
	for _, f := range t.features {
		c := t.encoded(f)
		column := &t.Train.Columns[f.place]
		if c.kind == byCode {
			c.code = commonest(column, rows, math.MaxInt32)
			c.kind = byIndicator
			c.missing = slices.ContainsFunc(rows, column.Missing)
			if len(c.code) > maxIndicators {
				c.kind = byRate
				c.rate, c.overall = rates(c.numbers(column, rows), len(c.code), pick(t.Y, rows), nil, 0)
			}
		}
		e.add(c)
	}
	x := e.apply(t.Train, rows)
	y := pick(t.Y, rows)
	e.outOfFold(t.Train, rows, x, y, seed)
	return e, Rows{X: x, Y: y}
}

func (t *Task) encoded(f feature) encoded {
	c := &t.Train.Columns[f.place]
	e := encoded{feature: f, name: c.Name}
	switch {
	case f.presence:
		e.kind = byPresence
	case c.Kind == frame.Text:
		e.kind = byCode
	}
	return e
}

func (e *encoding) add(c encoded) {
	e.columns = append(e.columns, c)
	if c.kind != byIndicator {
		e.names = append(e.names, c.name)
		return
	}
	for _, level := range c.levels() {
		e.names = append(e.names, c.name+"="+level)
	}
	if c.missing {
		e.names = append(e.names, c.name+" is missing")
	}
}

// levels are the categories by number.
func (e *encoded) levels() []string {
	if e.code == nil {
		return nil
	}
	out := make([]string, len(e.code))
	for level, code := range e.code {
		out[code] = level
	}
	return out
}

// rows encodes rows of a table with the labels y of the whole table.
func (e *encoding) rows(table *frame.Table, rows []int, y []bool) Rows {
	return Rows{X: e.apply(table, rows), Categorical: e.categorical, Levels: e.levels, Y: pick(y, rows)}
}

// commonest numbers the categories that occur in rows by how often they do.
func commonest(c *frame.Column, rows []int, most int) map[string]int32 {
	count := make([]int, len(c.Levels))
	for _, r := range rows {
		if code := c.Code[r]; code >= 0 {
			count[code]++
		}
	}
	var seen []int
	for l, n := range count {
		if n > 0 {
			seen = append(seen, l)
		}
	}
	slices.SortFunc(seen, func(a, b int) int {
		return cmp.Or(cmp.Compare(count[b], count[a]), cmp.Compare(c.Levels[a], c.Levels[b]))
	})
	out := map[string]int32{}
	for i, l := range seen[:min(len(seen), most)] {
		out[c.Levels[l]] = int32(i)
	}
	return out
}

// Categories without a number.
const (
	notThere = -1
	notKnown = -2
)

// numbers returns the category of each row, notThere or notKnown.
func (e *encoded) numbers(c *frame.Column, rows []int) []int32 {
	known := make([]int32, len(c.Levels))
	for l, level := range c.Levels {
		known[l] = notKnown
		if code, ok := e.code[level]; ok {
			known[l] = code
		}
	}
	out := make([]int32, len(rows))
	for i, r := range rows {
		out[i] = notThere
		if code := c.Code[r]; code >= 0 {
			out[i] = known[code]
		}
	}
	return out
}

// rates returns how often the label was true in each category, the missing
// behind them, over the rows that are not in the given fold (fold nil = all),
// smoothed towards the overall rate.
func rates(category []int32, categories int, y []bool, fold []int, leave int) (rate []float64, overall float64) {
	rows, positive := make([]float64, categories+1), make([]float64, categories+1)
	n, p := 0.0, 0.0
	for i, c := range category {
		if fold != nil && fold[i] == leave {
			continue
		}
		at := rateOf(c, categories)
		rows[at]++
		n++
		if y[i] {
			positive[at]++
			p++
		}
	}
	overall = (p + 1) / (n + 2)
	for c := range rows {
		rows[c] = (positive[c] + targetPrior*overall) / (rows[c] + targetPrior)
	}
	return rows, overall
}

// rateOf is the place of a known category's rate.
func rateOf(category int32, categories int) int {
	if category == notThere {
		return categories
	}
	return int(category)
}

// outOfFold replaces rates of train's own rows by those of the other folds.
func (e *encoding) outOfFold(table *frame.Table, rows []int, x *matrix.Dense, y []bool, seed uint64) {
	fold := make([]int, len(rows))
	for i, r := range rand.New(rand.NewPCG(seed, 0x666f6c64)).Perm(len(rows)) {
		fold[r] = i % targetFolds
	}
	at := 0
	for k := range e.columns {
		c := &e.columns[k]
		if c.kind == byRate {
			category := c.numbers(&table.Columns[c.place], rows)
			for f := range targetFolds {
				rate, _ := rates(category, len(c.code), y, fold, f)
				for i := range rows {
					if fold[i] == f {
						x.Row(i)[at] = rate[rateOf(category[i], len(c.code))]
					}
				}
			}
		}
		at += c.width()
	}
}

// apply encodes rows of a table that has train's columns, by name.
func (e *encoding) apply(table *frame.Table, rows []int) *matrix.Dense {
	x := matrix.NewDense(len(rows), e.names)
	at := 0
	for k := range e.columns {
		c := &e.columns[k]
		c.fill(&table.Columns[table.Find(c.name)], rows, x, at)
		at += c.width()
	}
	return x
}

func (e *encoded) fill(c *frame.Column, rows []int, x *matrix.Dense, at int) {
	switch e.kind {
	case asNumber:
		for i, r := range rows {
			x.Row(i)[at] = c.Number[r]
		}
		return
	case byPresence:
		for i, r := range rows {
			if !c.Missing(r) {
				x.Row(i)[at] = 1
			}
		}
		return
	}
	for i, category := range e.numbers(c, rows) {
		e.put(x.Row(i)[at:], category)
	}
}

// put writes one category.
func (e *encoded) put(dst []float64, category int32) {
	switch {
	case e.kind == byCode && category >= 0:
		dst[0] = float64(category)
	case e.kind == byCode:
		dst[0] = math.NaN()
	case e.kind == byRate && category == notKnown:
		dst[0] = e.overall
	case e.kind == byRate:
		dst[0] = e.rate[rateOf(category, len(e.code))]
	case category >= 0:
		dst[category] = 1
	case category == notThere && e.missing:
		dst[len(e.code)] = 1
	}
}

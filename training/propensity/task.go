package propensity

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"

	"regulars/data/frame"
	"regulars/models"
)

// Task is a table with a label to be learned from the other columns.
type Task struct {
	Train *frame.Table
	Y     []bool
	Notes []string // what was left out, and why

	label    frame.Column
	features []feature
	order    []float64 // the time of each row; nil = not known
	ts       *frame.Column
}

// feature is a column of train that is learned from.
type feature struct {
	place    int  // among the columns of train
	presence bool // only whether there is a value
}

// orderColumns are the names of a column that says when a row was known.
var orderColumns = []string{"ts", "as_of"}

// NewTask takes the column label for what is to be learned, and all others but
// those in ignore for features. Constant columns and those that merely name the
// row are left out with a note; of a text that is different in every row it is
// learned whether it is there. A column ts or as_of orders the rows and is no
// feature. A label that is missing or neither boolean nor 0 and 1, one class
// only, and names that are no columns are errors.
func NewTask(train *frame.Table, label string, ignore []string) (*Task, error) {
	at := train.Find(label)
	if at < 0 {
		return nil, fmt.Errorf("%s has no column %s for the label; its columns are %s", train.Path, label, strings.Join(train.Names(), ", "))
	}
	t := &Task{Train: train, label: train.Columns[at]}
	var err error
	if t.Y, err = labels(train, &t.label); err != nil {
		return nil, err
	}
	skip := []int{at}
	for _, name := range ignore {
		j := train.Find(name)
		if j < 0 {
			return nil, fmt.Errorf("%s has no column %s to ignore; its columns are %s", train.Path, name, strings.Join(train.Names(), ", "))
		}
		skip = append(skip, j)
	}
	if len(train.Ignored) > 0 {
		t.note("columns that hold lists or groups, or nothing at all, are left out", train.Ignored)
	}
	t.setOrder(skip)
	t.choose(skip)
	if len(t.features) == 0 {
		return nil, fmt.Errorf("%s has no column to learn from: %w", train.Path, models.ErrNoData)
	}
	return t, nil
}

func (t *Task) note(what string, columns []string) {
	if len(columns) > 0 {
		t.Notes = append(t.Notes, what+": "+strings.Join(columns, ", "))
	}
}

// setOrder finds the column that says when a row was known.
func (t *Task) setOrder(skip []int) {
	for _, name := range orderColumns {
		j := t.Train.Find(name)
		if j < 0 || slices.Contains(skip, j) {
			continue
		}
		c := &t.Train.Columns[j]
		if c.Kind == frame.Text || slices.ContainsFunc(c.Number, math.IsNaN) {
			continue
		}
		t.ts, t.order = c, c.Number
		t.Notes = append(t.Notes, c.Name+" orders the rows of train and is no feature")
		return
	}
}

// choose sorts out what nothing can be learned from.
func (t *Task) choose(skip []int) {
	var constant, named, presence []string
	for j := range t.Train.Columns {
		c := &t.Train.Columns[j]
		if slices.Contains(skip, j) || c == t.ts {
			continue
		}
		missing := anyMissing(c, t.Train.Rows)
		switch {
		case isConstant(c) && !missing:
			constant = append(constant, c.Name)
		case namesRow(c):
			if !missing {
				named = append(named, c.Name)
				continue
			}
			presence = append(presence, c.Name)
			t.features = append(t.features, feature{place: j, presence: true})
		case nothing(c):
			constant = append(constant, c.Name)
		default:
			t.features = append(t.features, feature{place: j})
		}
	}
	t.note("columns of a single value are left out", constant)
	t.note("columns that only name the row are left out", named)
	t.note("of columns that differ in every row only whether there is a value is learned", presence)
}

func isNumber(c *frame.Column) bool { return c.Kind != frame.Text }

func anyMissing(c *frame.Column, rows int) bool {
	for i := range rows {
		if c.Missing(i) {
			return true
		}
	}
	return false
}

// nothing reports whether there is no value at all.
func nothing(c *frame.Column) bool {
	if isNumber(c) {
		return !slices.ContainsFunc(c.Number, func(v float64) bool { return !math.IsNaN(v) })
	}
	return len(c.Levels) == 0
}

// isConstant reports whether all values that are there are the same.
func isConstant(c *frame.Column) bool {
	if !isNumber(c) {
		return len(c.Levels) <= 1
	}
	first := math.NaN()
	for _, v := range c.Number {
		if math.IsNaN(first) {
			first = v
		}
		if !math.IsNaN(v) && v != first {
			return false
		}
	}
	return true
}

// fewRows: with as few, columns of any kind differ in every row.
const fewRows = 20

// namesRow reports whether a column is an id: a text hardly any value of which
// comes three times, or whole numbers that are all different and either count up
// from row to row or carry the name of an id.
func namesRow(c *frame.Column) bool {
	switch c.Kind {
	case frame.Text:
		return textNamesRow(c)
	case frame.Number:
		return numberNamesRow(c)
	}
	return false
}

func textNamesRow(c *frame.Column) bool {
	count := make([]int, len(c.Levels))
	present, often := 0, 0
	for _, code := range c.Code {
		if code < 0 {
			continue
		}
		present++
		if count[code]++; count[code] == 3 {
			often++
		}
	}
	return present >= fewRows && often == 0
}

func numberNamesRow(c *frame.Column) bool {
	rising := true
	values := make([]float64, 0, len(c.Number))
	for _, v := range c.Number {
		if math.IsNaN(v) {
			continue
		}
		if v != math.Trunc(v) {
			return false
		}
		if n := len(values); n > 0 && v <= values[n-1] {
			rising = false
		}
		values = append(values, v)
	}
	if len(values) < fewRows || !rising && !hasIDName(c.Name) {
		return false
	}
	if n := float64(len(values)); rising && !hasIDName(c.Name) && values[len(values)-1]-values[0] > 2*n {
		return false // sorted by it, but no count of rows
	}
	slices.Sort(values)
	return len(slices.Compact(values)) == len(c.Number)
}

func hasIDName(name string) bool {
	lower := strings.ToLower(name)
	if slices.Contains([]string{"column 1", "id", "index", "row", "unnamed: 0"}, lower) {
		return true
	}
	return strings.HasSuffix(lower, "_id") || strings.HasSuffix(lower, " id") || strings.HasSuffix(name, "ID") || strings.HasSuffix(name, "Id")
}

// Columns returns the columns that a table to be scored must have, the label
// among them.
func (t *Task) Columns() []frame.Column {
	out := []frame.Column{t.label}
	for _, f := range t.features {
		out = append(out, t.Train.Columns[f.place])
	}
	return out
}

// Labels returns the labels of another table with the label's column.
func (t *Task) Labels(table *frame.Table) ([]bool, error) {
	at := table.Find(t.label.Name)
	if at < 0 {
		return nil, fmt.Errorf("%s has no column %s for the label", table.Path, t.label.Name)
	}
	return labels(table, &table.Columns[at])
}

// labels reads a label column, which must hold both truth values.
func labels(table *frame.Table, c *frame.Column) ([]bool, error) {
	read, err := labelReader(table, c)
	if err != nil {
		return nil, err
	}
	out := make([]bool, table.Rows)
	missing, first, positive := 0, 0, 0
	for i := range out {
		if c.Missing(i) {
			first = cmp.Or(first, i+1)
			missing++
			continue
		}
		var ok bool
		if out[i], ok = read(i); !ok {
			return nil, fmt.Errorf("%s: the label %s is %s in row %d: it must be true or false, or 0 or 1", table.Path, c.Name, shown(c, i), table.Row[i])
		}
		if out[i] {
			positive++
		}
	}
	switch {
	case missing > 0:
		return nil, fmt.Errorf("%s: the label %s is missing in %d of %d rows, the first of them row %d", table.Path, c.Name, missing, table.Rows, table.Row[first-1])
	case positive == 0 || positive == table.Rows:
		return nil, fmt.Errorf("%s: the label %s is %v in all %d rows: both classes are needed: %w", table.Path, c.Name, positive > 0, table.Rows, models.ErrNoData)
	}
	return out, nil
}

func labelReader(table *frame.Table, c *frame.Column) (func(i int) (value, ok bool), error) {
	switch c.Kind {
	case frame.Text:
		truth := make([]int, len(c.Levels))
		for l, word := range c.Levels {
			truth[l] = slices.Index(truthWords, strings.ToLower(word))
		}
		return func(i int) (bool, bool) { w := truth[c.Code[i]]; return w%2 == 1, w >= 0 }, nil
	case frame.Time:
		return nil, fmt.Errorf("%s: the label %s is a time: it must be true or false, or 0 or 1", table.Path, c.Name)
	}
	return func(i int) (bool, bool) { v := c.Number[i]; return v == 1, v == 0 || v == 1 }, nil
}

// truthWords alternate between false and true.
var truthWords = []string{"false", "true", "no", "yes", "0", "1", "f", "t", "n", "y"}

func shown(c *frame.Column, i int) string {
	if c.Kind == frame.Text {
		return fmt.Sprintf("%q", c.Levels[c.Code[i]])
	}
	return fmt.Sprint(c.Number[i])
}

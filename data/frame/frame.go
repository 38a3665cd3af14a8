package frame

import (
	"slices"
	"strings"

	"regulars/data/ingest"
)

// Kind is what a column holds.
type Kind uint8

// The kinds of columns.
const (
	Number Kind = iota
	Bool
	Time
	Text
)

var kindNames = [...]string{"a number", "a truth value", "a time", "a text"}

func (k Kind) String() string { return kindNames[k] }

// Column is one column of a Table.
type Column struct {
	Name   string
	Kind   Kind
	Number []float64 // one a row, NaN = missing, else finite; a Bool is 0 or 1, a Time days since 1970-01-01 UTC; nil for Text
	Code   []int32   // Text: place in Levels, −1 = missing
	Levels []string  // Text: the different values in the order of their first row
}

// Missing reports whether row i has no value.
func (c *Column) Missing(i int) bool {
	if c.Kind == Text {
		return c.Code[i] < 0
	}
	return c.Number[i] != c.Number[i]
}

// Table holds a file by column.
type Table struct {
	Path    string
	Rows    int
	Columns []Column
	Row     []int64  // number of each row in the file, from 1, the header not counted
	Ignored []string // columns of a kind that is not read, such as lists
	Left    Left
}

// Left says which rows were left out, because they could not be split into cells.
type Left struct {
	Rows     int64        `json:"rows"`
	Examples []ingest.Bad `json:"examples"` // the first few
}

// examples is how many rows are shown.
const examples = 5

func (l *Left) add(bad []ingest.Bad) {
	l.Rows += int64(len(bad))
	for _, b := range bad {
		if len(l.Examples) < examples {
			l.Examples = append(l.Examples, b)
		}
	}
}

// Find returns the place of the named column, whatever the case of its letters
// where no name is the same; −1 when there is none.
func (t *Table) Find(name string) int {
	return find(t.Names(), name)
}

func find(names []string, name string) int {
	if i := slices.Index(names, name); i >= 0 {
		return i
	}
	return slices.IndexFunc(names, func(n string) bool { return strings.EqualFold(n, name) })
}

// Names returns the names of the columns, in order.
func (t *Table) Names() []string {
	out := make([]string, len(t.Columns))
	for i := range t.Columns {
		out[i] = t.Columns[i].Name
	}
	return out
}

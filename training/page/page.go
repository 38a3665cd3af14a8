package page

import (
	_ "embed"
	"fmt"
	"html/template"
	"io"
)

// Page is a whole page.
type Page struct {
	Lang            Lang
	Title, Subtitle string
	Sections        []Section
}

// Section is one part of a page: its charts, then its tables.
type Section struct {
	ID, Title  string
	Definition string // how the figures are meant
	Absent     string // why there are none; then Tables and Charts are empty
	Notes      []string
	Charts     []Chart
	Tables     []Table
}

// Table is figures as text.
type Table struct {
	Title  string // may be empty
	Header []string
	Rows   [][]Cell
	Dense  bool // many narrow columns
	Wordy  bool // the last column is a sentence
}

// Cell is one figure; Heat, from 0 to 1, colours it.
type Cell struct {
	Text   string
	Heat   *float64
	Strong bool
}

// Texts are plain cells.
func Texts(values ...string) []Cell {
	out := make([]Cell, len(values))
	for i, s := range values {
		out[i] = Cell{Text: s}
	}
	return out
}

// Chart is one of the charts of this package. One without data is not shown.
type Chart interface {
	draw() (drawing, bool)
}

//go:embed page.html
var text string

var layout = template.Must(template.New("page").Funcs(template.FuncMap{"heat": heat, "drawn": drawn}).Parse(text))

// Write writes the page.
func (p Page) Write(w io.Writer) error {
	if err := layout.Execute(w, p); err != nil {
		return fmt.Errorf("writing the page %q: %w", p.Title, err)
	}
	return nil
}

// heat colours a cell between none and blue, through which light and dark paper show.
func heat(v *float64) template.CSS {
	if v == nil {
		return ""
	}
	return template.CSS(fmt.Sprintf("background:rgba(60,140,230,%.3f)", 0.65*min(max(*v, 0), 1)))
}

// drawn are the charts that have something to show.
func drawn(charts []Chart) []drawing {
	var out []drawing
	for _, c := range charts {
		if d, ok := c.draw(); ok {
			out = append(out, d)
		}
	}
	return out
}

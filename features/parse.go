package features

import (
	"errors"
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"

	"regulars/data"
)

// SQLError says what is wrong with a feature file, and where.
type SQLError struct {
	File string
	Line int // from 1; 0 when no line is to blame
	Err  error
}

func (e *SQLError) Error() string {
	if e.Line == 0 {
		return fmt.Sprintf("%s: %v", e.File, e.Err)
	}
	return fmt.Sprintf("%s:%d: %v", e.File, e.Line, e.Err)
}

func (e *SQLError) Unwrap() error { return e.Err }

var (
	namePattern = regexp.MustCompile(`^[a-z][a-z0-9_]*$`)
	columnTypes = []string{"VARCHAR", "BOOLEAN", "INTEGER", "BIGINT", "DOUBLE"}
)

// Parse reads a feature file. Its header is the run of comment lines at the top,
// each "-- field: value", in this order or any other:
//
//	-- group: rfm                                   the file's name without .sql
//	-- entity: user                                 user, item or user_item
//	-- doc: one line that says what it is
//	-- needs: orders                                lake tables, separated by blanks
//	-- optional: events                             likewise; may be left out
//	-- kind: label                                  only for labels
//	-- key: user_id VARCHAR id | The customer.      name, type, unit | meaning
//	-- column: recency_days INTEGER days | Days …   one line a column, in output order
//
// A comment line that begins with four blanks continues the line above it.
// Parse checks the header alone; Lint checks the query.
func Parse(file, text string) (Group, error) {
	p := parser{group: Group{File: file, SQL: text}}
	for i, line := range strings.Split(text, "\n") {
		comment, ok := strings.CutPrefix(strings.TrimRight(line, " \r"), "--")
		if !ok {
			break
		}
		p.line(i+1, comment)
	}
	p.finish()
	return p.group, errors.Join(p.errs...)
}

type parser struct {
	group   Group
	columns []Column // the ones that are no keys
	last    *string  // what a continuation line extends
	errs    []error
}

func (p *parser) fail(line int, format string, args ...any) {
	p.errs = append(p.errs, &SQLError{File: p.group.File, Line: line, Err: fmt.Errorf(format, args...)})
}

func (p *parser) line(n int, comment string) {
	if strings.HasPrefix(comment, "    ") && p.last != nil {
		*p.last += " " + strings.TrimSpace(comment)
		return
	}
	field, value, ok := strings.Cut(strings.TrimSpace(comment), ":")
	if !ok {
		p.fail(n, "header line %q is not of the form \"-- field: value\"", strings.TrimSpace(comment))
		return
	}
	p.last = nil
	p.field(n, strings.TrimSpace(field), strings.TrimSpace(value))
}

func (p *parser) field(n int, field, value string) {
	g := &p.group
	switch field {
	case "group":
		g.Name = value
	case "entity":
		g.Entity = value
	case "doc":
		g.Doc = value
		p.last = &g.Doc
	case "kind":
		if value != "label" && value != "feature" {
			p.fail(n, "kind %q is neither feature nor label", value)
		}
		g.Label = value == "label"
	case "needs":
		g.Needs = p.tables(n, value)
	case "optional":
		g.Optional = p.tables(n, value)
	case "key":
		c := p.column(n, value)
		g.Columns = append(g.Columns, c)
		g.Keys = append(g.Keys, c.Name)
		p.last = &g.Columns[len(g.Columns)-1].Doc
	case "column":
		p.columns = append(p.columns, p.column(n, value))
		p.last = &p.columns[len(p.columns)-1].Doc
	default:
		p.fail(n, "header field %q is none of group, entity, doc, kind, needs, optional, key, column", field)
	}
}

func (p *parser) tables(n int, value string) []data.Table {
	var tables []data.Table
	for _, word := range strings.Fields(value) {
		if _, ok := data.SchemaOf(data.Table(word)); !ok {
			p.fail(n, "%q is not a lake table: they are %s", word, strings.Join(data.TableNames(), ", "))
		}
		tables = append(tables, data.Table(word))
	}
	return tables
}

func (p *parser) column(n int, value string) Column {
	spec, doc, _ := strings.Cut(value, "|")
	words := strings.Fields(spec)
	doc = strings.TrimSpace(doc)
	if len(words) != 3 || doc == "" {
		p.fail(n, "%q does not document a column as \"name TYPE unit | meaning\"", value)
		return Column{}
	}
	c := Column{Name: words[0], Type: words[1], Unit: words[2], Doc: doc}
	if !namePattern.MatchString(c.Name) {
		p.fail(n, "column name %q is not lower case letters, digits and _", c.Name)
	}
	if !slices.Contains(columnTypes, c.Type) {
		p.fail(n, "column %s has type %q: it must be one of %s", c.Name, c.Type, strings.Join(columnTypes, ", "))
	}
	return c
}

// finish checks what only the whole header can show.
func (p *parser) finish() {
	g := &p.group
	g.Columns = append(g.Columns, p.columns...)
	if want := strings.TrimSuffix(path.Base(strings.ReplaceAll(g.File, `\`, "/")), ".sql"); g.Name != want {
		p.fail(0, "header says group %q, the file is named %q", g.Name, want)
	}
	if !namePattern.MatchString(g.Name) {
		p.fail(0, "group name %q is not lower case letters, digits and _", g.Name)
	}
	if !slices.Contains(Entities(), g.Entity) {
		p.fail(0, "entity %q is none of %s", g.Entity, strings.Join(Entities(), ", "))
	}
	if g.Doc == "" {
		p.fail(0, "header has no doc line")
	}
	if len(g.Needs) == 0 {
		p.fail(0, "header has no needs line")
	}
	if len(p.columns) == 0 {
		p.fail(0, "header documents no column")
	}
	p.checkKeys()
	p.checkDistinct()
}

// checkKeys requires the ids of the entity to lead the keys: user_item has two.
func (p *parser) checkKeys() {
	ids := map[string][]string{"user": {"user_id"}, "item": {"item_id"}, "user_item": {"user_id", "item_id"}}[p.group.Entity]
	if len(p.group.Keys) < len(ids) || !slices.Equal(p.group.Keys[:len(ids)], ids) {
		p.fail(0, "keys of entity %s are %v: they must begin with %v", p.group.Entity, p.group.Keys, ids)
	}
}

func (p *parser) checkDistinct() {
	seen := map[string]bool{"as_of": true}
	for _, c := range p.group.Columns {
		if seen[c.Name] {
			p.fail(0, "column %s is documented twice, or is as_of, which every table has", c.Name)
		}
		seen[c.Name] = true
	}
}

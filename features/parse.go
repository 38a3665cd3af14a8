package features

import (
	"errors"
	"fmt"
	"path"
	"regexp"
	"slices"
	"strconv"
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
//	-- entity: user                                 user, item, user_item or shop
//	-- doc: one line that says what it is
//	-- needs: orders                                lake tables, separated by blanks
//	-- optional: events                             likewise; may be left out
//	-- uses: baskets                                shared relations, separated by blanks
//	-- parameter: cut 0.8 | The …                   a number, $cut in the query; one line each
//	-- kind: label                                  only for labels
//	-- horizon: 90                                  of a label, in days
//	-- gap: 0                                       likewise; 0 when left out
//	-- key: user_id VARCHAR id | The customer.      name, type, unit | meaning
//	-- column: recency_days INTEGER days | Days …   one line a column, in output order
//
// A shared relation says "-- shared: NAME" in place of group and entity.
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
	case "shared":
		g.Name, g.Shared = value, true
	case "uses":
		g.Uses = p.uses(n, value)
	case "horizon":
		g.Horizon = p.days(n, field, value)
	case "gap":
		g.Gap = p.days(n, field, value)
	case "parameter":
		g.Parameters = append(g.Parameters, p.parameter(n, value))
		p.last = &g.Parameters[len(g.Parameters)-1].Doc
	case "key":
		c := p.column(n, value)
		g.Columns = append(g.Columns, c)
		g.Keys = append(g.Keys, c.Name)
		p.last = &g.Columns[len(g.Columns)-1].Doc
	case "column":
		p.columns = append(p.columns, p.column(n, value))
		p.last = &p.columns[len(p.columns)-1].Doc
	default:
		p.fail(n, "header field %q is none of group, entity, doc, kind, needs, optional, uses, parameter, horizon, gap, key, column, shared", field)
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

// uses reads names of shared relations; a shared one cannot use others.
func (p *parser) uses(n int, value string) []string {
	names := strings.Fields(value)
	if strings.HasPrefix(p.group.File, "sql/shared/") {
		p.fail(n, "a shared relation reads lake tables only")
		return nil
	}
	for _, name := range names {
		if _, err := Shared(name); err != nil {
			p.fail(n, "%w", err)
		}
	}
	return names
}

func (p *parser) days(n int, field, value string) int {
	days, err := strconv.Atoi(value)
	if err != nil || days < 0 || days > maxDays {
		p.fail(n, "%s %q is not a number of days from 0 to %d", field, value, maxDays)
	}
	return days
}

// maxDays bounds horizons and gaps: a hundred years.
const maxDays = 36_525

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
	if !slices.Contains(columnTypes, c.Type) && !(p.group.Shared && c.Type == "DECIMAL(38,4)") {
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
	if !g.Shared && !slices.Contains(Entities(), g.Entity) {
		p.fail(0, "entity %q is none of %s", g.Entity, strings.Join(Entities(), ", "))
	}
	if g.Doc == "" {
		p.fail(0, "header has no doc line")
	}
	if len(g.Needs)+len(g.Uses) == 0 {
		p.fail(0, "header has no needs line (lake tables) and no uses line (shared relations)")
	}
	if len(p.columns) == 0 {
		p.fail(0, "header documents no column")
	}
	p.checkKind()
	p.checkKeys()
	p.checkDistinct()
}

// checkKind holds labels, features and shared relations apart.
func (p *parser) checkKind() {
	g := &p.group
	switch {
	case g.Shared && (g.Entity != "" || g.Label || len(g.Parameters) > 0):
		p.fail(0, "a shared relation has no entity, kind or parameter")
	case g.Label && g.Horizon == 0:
		p.fail(0, "a label has no horizon line, such as \"-- horizon: 90\"")
	case !g.Label && g.Horizon+g.Gap > 0:
		p.fail(0, "only a label (-- kind: label) has a horizon and a gap")
	case g.Label != strings.HasPrefix(g.Name, LabelPrefix):
		p.fail(0, "group name %q: labels, and only they, have names that begin with %s", g.Name, LabelPrefix)
	case g.Label && g.Entity != "user":
		p.fail(0, "a label is about entity user, not %s", g.Entity)
	}
}

// checkKeys requires the ids of the entity to lead the keys: user_item has two.
func (p *parser) checkKeys() {
	if len(p.group.Keys) == 0 {
		p.fail(0, "header has no key line")
	}
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
	declared := map[string]bool{}
	for _, q := range p.group.Parameters {
		if declared[q.Name] {
			p.fail(0, "parameter %s is declared twice", q.Name)
		}
		declared[q.Name] = true
	}
}

package features

import (
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"regulars/data"
)

// Column documents one output column of a group.
type Column struct {
	Name string
	Type string // VARCHAR, BOOLEAN, INTEGER, BIGINT or DOUBLE
	Unit string // such as days, orders, currency, ratio; "-" when it has none
	Doc  string // what it means, in one sentence
}

// Group is one feature table: a query and what documents it. The query yields
// as_of and then Columns, in their order, one row for each as_of and key.
//
// A shared relation is a Group too (Shared is set, Entity is empty): a query
// over whole lake tables, without as_of, that an engine computes once and offers
// to the groups that use it as a view of the days before each as_of.
type Group struct {
	Name       string
	Entity     string // user, item, user_item or shop
	Label      bool   // what happened after as_of; never joined to features
	Shared     bool   // read by groups that name it in Uses; no table of its own
	Shipped    bool   // part of the program, so known to keep as_of dates apart
	Doc        string
	SQL        string // the whole file, header included, so that lines agree
	File       string
	Needs      []data.Table // without these it is skipped
	Optional   []data.Table // absent ones are empty views
	Uses       []string     // shared relations that it reads
	Parameters []Parameter  // numbers that stand in the query as $name
	Columns    []Column     // keys first
	Keys       []string     // names of the leading Columns that identify a row

	Horizon, Gap int // of a label, in days
}

// Features returns the columns that are not keys.
func (g Group) Features() []Column { return g.Columns[len(g.Keys):] }

// Tables returns the lake tables that the query itself may read, needed ones first.
func (g Group) Tables() []data.Table { return slices.Concat(g.Needs, g.Optional) }

// Requires returns the lake tables without which the group is skipped: those it
// needs and those its shared relations need.
func (g Group) Requires() []data.Table {
	tables := slices.Clone(g.Needs)
	for _, name := range g.Uses {
		if s, err := Shared(name); err == nil {
			tables = append(tables, s.Needs...)
		}
	}
	slices.Sort(tables)
	return slices.Compact(tables)
}

// Table returns the name of the folder that holds the group's tables: its own,
// and for a label also how far it looks.
func (g Group) Table() string {
	if !g.Label {
		return g.Name
	}
	return fmt.Sprintf("%s_h%dg%d", g.Name, g.Horizon, g.Gap)
}

// Names returns the distinct identifiers and keywords that occur in the query,
// lower case and sorted: an engine loads only the lake columns among them.
func (g Group) Names() []string {
	var names []string
	for _, t := range lex(g.SQL) {
		if t.kind == tokenWord {
			names = append(names, t.text)
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

//go:embed sql
var shipped embed.FS

// Catalogue returns the shipped feature groups, sorted by entity and name,
// parsed and linted. An error names the file and line.
func Catalogue() ([]Group, error) {
	var groups []Group
	for _, entity := range Entities() {
		found, err := parseFolder(path.Join("sql", entity))
		if err != nil {
			return nil, err
		}
		groups = append(groups, found...)
	}
	return groups, checkNames(groups)
}

// OrderLabel returns the shipped label definition: did the customer order
// within the horizon? Its table is named by LabelGroup.
func OrderLabel() (Group, error) {
	return parseShipped("sql/labels/label_order.sql")
}

// Entities returns what a feature table can be about, sorted. Tables of the
// entity shop are for reports; models do not read them.
func Entities() []string { return []string{"item", "shop", "user", "user_item"} }

// SharedRelations returns the shipped shared relations, sorted by name.
func SharedRelations() ([]Group, error) { return parseFolder("sql/shared") }

// Shared returns the shared relation of that name.
func Shared(name string) (Group, error) {
	if !namePattern.MatchString(name) {
		return Group{}, fmt.Errorf("there is no shared relation %q: they are %s", name, strings.Join(sharedNames(), ", "))
	}
	g, err := parseShipped("sql/shared/" + name + ".sql")
	if errors.Is(err, fs.ErrNotExist) {
		return Group{}, fmt.Errorf("there is no shared relation %q: they are %s", name, strings.Join(sharedNames(), ", "))
	}
	return g, err
}

func sharedNames() []string {
	files, err := fs.Glob(shipped, "sql/shared/*.sql")
	if err != nil {
		return nil // only a malformed pattern fails
	}
	names := make([]string, len(files))
	for i, f := range files {
		names[i] = strings.TrimSuffix(path.Base(f), ".sql")
	}
	return names
}

func parseFolder(dir string) ([]Group, error) {
	files, err := fs.Glob(shipped, dir+"/*.sql")
	if err != nil {
		return nil, fmt.Errorf("list %s: %w", dir, err)
	}
	groups := make([]Group, 0, len(files))
	for _, file := range files {
		g, err := parseShipped(file)
		if err != nil {
			return nil, err
		}
		groups = append(groups, g)
	}
	return groups, nil
}

func parseShipped(file string) (Group, error) {
	text, err := shipped.ReadFile(file)
	if err != nil {
		return Group{}, fmt.Errorf("read feature file: %w", err)
	}
	g, err := Parse(file, string(text))
	if err != nil {
		return Group{}, err
	}
	g.Shipped = true
	return g, Lint(g)
}

// checkNames refuses two groups of one name, and two features of one name in
// the user groups, which are joined into one table for training.
func checkNames(groups []Group) error {
	var errs []error
	owner := map[string]string{}
	claim := func(name string, g Group) {
		if first, taken := owner[name]; taken {
			errs = append(errs, fmt.Errorf("%s and %s both define %s: rename one", first, g.File, strings.TrimPrefix(name, "/")))
		}
		owner[name] = g.File
	}
	for _, g := range groups {
		claim("/group "+g.Entity+"/"+g.Name, g)
		if g.Entity != "user" || g.Label {
			continue
		}
		for _, c := range g.Features() {
			claim("/feature "+c.Name, g)
		}
	}
	return errors.Join(errs...)
}

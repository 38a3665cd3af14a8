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
type Group struct {
	Name     string
	Entity   string // user, item or user_item
	Label    bool   // what happened after as_of; never joined to features
	Doc      string
	SQL      string // the whole file, header included, so that lines agree
	File     string
	Needs    []data.Table // without these it is skipped
	Optional []data.Table // absent ones are empty views
	Columns  []Column     // keys first
	Keys     []string     // names of the leading Columns that identify a row
}

// Features returns the columns that are not keys.
func (g Group) Features() []Column { return g.Columns[len(g.Keys):] }

// Tables returns the lake tables that the group may read, needed ones first.
func (g Group) Tables() []data.Table { return slices.Concat(g.Needs, g.Optional) }

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

// Entities returns what a feature table can be about, sorted.
func Entities() []string { return []string{"item", "user", "user_item"} }

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
	return g, Lint(g)
}

// checkNames refuses two groups of one name, and two features of one name in
// the user groups, which are joined into one table for training.
func checkNames(groups []Group) error {
	var errs []error
	owner := map[string]string{}
	claim := func(name string, g Group) {
		if first, taken := owner[name]; taken {
			errs = append(errs, fmt.Errorf("%s and %s both define %s", first, g.File, strings.TrimPrefix(name, "/")))
		}
		owner[name] = g.File
	}
	for _, g := range groups {
		claim("/group "+g.Entity+"/"+g.Name, g)
		if g.Entity != "user" {
			continue
		}
		for _, c := range g.Features() {
			claim("/feature "+c.Name, g)
		}
	}
	return errors.Join(errs...)
}

package features

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"regulars/data"
)

// WriteDocs writes the catalogue as Markdown: what docs/features.md holds for the
// shipped definitions.
func WriteDocs(w io.Writer, groups, shared, labels []Group) error {
	out := &strings.Builder{}
	out.WriteString(docsHead)
	var entity string
	for _, g := range groups {
		if g.Entity != entity {
			entity = g.Entity
			fmt.Fprintf(out, "\n## %s\n\n%s\n", entity, entityDocs[entity])
		}
		writeGroup(out, g)
	}
	out.WriteString("\n## Labels\n\nWhat happened after as_of, for training only. The name of a table says how far it looks.\n")
	for _, g := range labels {
		writeGroup(out, g)
	}
	out.WriteString("\n## Shared relations\n\nNot tables but views, for groups that say `-- uses:`. They too end the day before as_of, and have as_of and as_of_day.\n")
	for _, g := range shared {
		writeGroup(out, g)
	}
	_, err := io.WriteString(w, out.String())
	return err
}

const docsHead = `# Features

Made by ` + "`regulars features docs`" + ` from the files below features/sql; do not edit.

A row at as_of knows only records before as_of (00:00 UTC of that date). A group is built when the lake has the
tables it needs; a customer whom a group has nothing to say of has no row in it, and nulls where groups are joined.
A shop adds groups of its own in features.d, labels in labels.d, and sets parameters by ` + "`features: parameters: {group.name: value}`" + `
in regulars.yaml.
`

var entityDocs = map[string]string{
	"item":      "One row an item.",
	"shop":      "Small tables about the whole shop, for reports; models do not read them.",
	"user":      "One row a customer.",
	"user_item": "One row a customer and item.",
}

func writeGroup(out *strings.Builder, g Group) {
	title := g.Name
	if g.Entity != "" {
		title = g.Entity + "/" + g.Name
	}
	fmt.Fprintf(out, "\n### %s\n\n%s\n\n", title, g.Doc)
	if g.Label {
		fmt.Fprintf(out, "Horizon %d days after a gap of %d.\n\n", g.Horizon, g.Gap)
	}
	out.WriteString(sources(g))
	if len(g.Parameters) > 0 {
		out.WriteString("\n\n| parameter | default | meaning |\n|---|---|---|\n")
		for _, p := range g.Parameters {
			fmt.Fprintf(out, "| `%s.%s` | %s | %s |\n", g.Name, p.Name, p.Value, cell(p.Doc))
		}
	} else {
		out.WriteString("\n")
	}
	out.WriteString("\n| column | type | unit | meaning |\n|---|---|---|---|\n")
	for _, c := range g.Columns {
		name := "`" + c.Name + "`"
		if slices.Contains(g.Keys, c.Name) {
			name += " (key)"
		}
		fmt.Fprintf(out, "| %s | %s | %s | %s |\n", name, c.Type, cell(c.Unit), cell(c.Doc))
	}
}

func cell(text string) string { return strings.ReplaceAll(text, "|", `\|`) }

// sources says in one line what a group reads.
func sources(g Group) string {
	var parts []string
	for _, of := range []struct {
		verb  string
		names []string
	}{{"Needs", tableNames(g.Needs)}, {"Reads if present", tableNames(g.Optional)}, {"Uses", g.Uses}} {
		if len(of.names) > 0 {
			parts = append(parts, of.verb+" "+strings.Join(of.names, ", "))
		}
	}
	return strings.Join(parts, ". ") + "."
}

func tableNames(tables []data.Table) []string {
	names := make([]string, len(tables))
	for i, t := range tables {
		names[i] = string(t)
	}
	return names
}

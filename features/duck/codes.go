package duck

import (
	"fmt"
	"slices"
	"strings"
)

// An id occurs in every row of the largest tables, and every group groups by it.
// Within a build the ids of customers and of items, and what items are grouped by,
// are therefore codes: an ENUM whose values are all ids in byte order, so that a
// code compares, sorts, joins and prints as its id, and is four bytes long.

// maxCodes bounds how many ids are made codes; DuckDB keeps their dictionary
// outside its memory limit.
const maxCodes = 4_000_000

// coded lists the columns that share a dictionary.
var coded = []struct {
	kind    string
	columns []string
}{{base + ".person", []string{"user_id", "referrer_id"}}, {base + ".thing", []string{"item_id"}},
	{base + ".category", []string{"category"}}, {base + ".brand", []string{"brand"}}}

// createCodes makes the dictionaries of the ids in all tables to be loaded.
func (b *build) createCodes(s *session, tables []columns) error {
	b.codes = map[string]string{}
	if s.script != nil {
		return nil // a script is for people to read
	}
	for _, d := range coded {
		var sources []string
		for _, c := range tables {
			sources = append(sources, b.idsOf(c, d.columns)...)
		}
		if d.columns[0] == "user_id" {
			sources = append(sources, b.identityIDs()...)
		}
		ok, err := s.createCode(d.kind, sources)
		if err != nil {
			return fmt.Errorf("number the ids of %s: %w", d.columns[0], err)
		}
		for _, column := range d.columns {
			if ok {
				b.codes[column] = d.kind
			}
		}
	}
	return nil
}

// idsOf selects the ids of one table.
func (b *build) idsOf(c columns, ids []string) []string {
	var out []string
	for _, n := range c.names {
		if files := b.lake[c.table]; slices.Contains(ids, n) && len(files) > 0 {
			out = append(out, "SELECT DISTINCT "+c.exprs[n]+" AS id FROM "+readParquet(files))
		}
	}
	return out
}

// identityIDs lists the ids that the identities name.
func (b *build) identityIDs() []string {
	seen := map[string]bool{}
	var rows []string
	for _, d := range b.asOf {
		for _, id := range b.identities[d] {
			for _, one := range []string{id.From, id.To} {
				if !seen[one] {
					seen[one] = true
					rows = append(rows, "("+quote(one)+")")
				}
			}
		}
	}
	if len(rows) == 0 {
		return nil
	}
	return []string{"SELECT id FROM (VALUES " + strings.Join(rows, ", ") + ") AS v(id)"}
}

// createCode makes one dictionary; there is none of no ids, or of too many.
func (s *session) createCode(kind string, sources []string) (bool, error) {
	if len(sources) == 0 {
		return false, nil
	}
	ids := base + ".ids"
	if err := s.exec("CREATE TABLE " + ids + " AS SELECT DISTINCT id FROM (" + strings.Join(sources, " UNION ALL ") + ") WHERE id IS NOT NULL"); err != nil {
		return false, err
	}
	n, err := s.ints("SELECT COUNT(*) FROM "+ids, 1)
	if err != nil {
		return false, err
	}
	use := n[0] > 0 && n[0] <= maxCodes
	if use {
		if err := s.exec("CREATE TYPE " + kind + " AS ENUM (SELECT id FROM " + ids + " ORDER BY id)"); err != nil {
			return false, err
		}
	}
	return use, s.exec("DROP TABLE " + ids)
}

// encode turns an id into its code.
func (b *build) encode(column, expression string) string {
	if kind := b.codes[column]; kind != "" {
		return "CAST(" + expression + " AS " + kind + ")"
	}
	return expression
}

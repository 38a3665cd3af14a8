package duck

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"regulars/features"
)

// createIdentities makes the table of ids that stand for others, by as_of.
func (b *build) createIdentities(s *session) error {
	if len(b.identities) == 0 {
		return nil
	}
	kind := cmp.Or(b.codes["user_id"], "VARCHAR")
	if err := s.exec(`CREATE TABLE ` + base + `.identities (as_of DATE, "from" ` + kind + `, "to" ` + kind + `)`); err != nil {
		return fmt.Errorf("create identities: %w", err)
	}
	for _, d := range b.asOf {
		for chunk := range slices.Chunk(distinct(b.identities[d]), 1000) {
			rows := make([]string, len(chunk))
			for i, id := range chunk {
				rows[i] = fmt.Sprintf("(DATE '%s', %s, %s)", d, quote(id.From), quote(id.To))
			}
			if err := s.exec("INSERT INTO " + base + ".identities VALUES " + strings.Join(rows, ", ")); err != nil {
				return fmt.Errorf("load identities at %s: %w", d, err)
			}
		}
	}
	return nil
}

// distinct returns each id that stands for another once, sorted.
func distinct(list []features.Identity) []features.Identity {
	var out []features.Identity
	for _, id := range list {
		if id.From != id.To {
			out = append(out, id)
		}
	}
	slices.SortFunc(out, func(x, y features.Identity) int { return strings.Compare(x.From, y.From) })
	return slices.CompactFunc(out, func(x, y features.Identity) bool { return x.From == y.From })
}

// people are the columns that name a customer, with the alias of the join that
// finds the representative.
var people = []struct{ column, alias string }{{"user_id", "who"}, {"referrer_id", "referrer"}}

// person writes a column: the representative where it names a customer.
func (b *build) person(column, value string) string {
	for _, p := range people {
		if p.column == column && len(b.identities) > 0 {
			return `COALESCE(` + p.alias + `."to", ` + value + ")"
		}
	}
	return value
}

// joinIdentities joins the representatives of the customers that the columns name.
func (b *build) joinIdentities(columns []string) string {
	join := ""
	for _, p := range people {
		named := slices.ContainsFunc(columns, func(c string) bool { return strings.HasSuffix(c, " AS "+name(p.column)) })
		if named && len(b.identities) > 0 {
			join += fmt.Sprintf(` LEFT JOIN %s.identities %s ON %[2]s.as_of = a.as_of AND %[2]s."from" = o.%[3]s`, base, p.alias, name(p.column))
		}
	}
	return join
}

// createShared computes a shared relation over all days and makes its view. The
// customers whose ids changed hands at some as_of are left out of it and
// computed for each as_of apart, as the persons they were known to be then.
func (b *build) createShared(s *session, g features.Group) error {
	columns := b.sharedColumns(g)
	part := func(from string, only, mapped string) error {
		for _, t := range g.Needs {
			view := "CREATE OR REPLACE VIEW " + within + "." + name(string(t)) + " AS SELECT o.*" + mapped + " FROM " + stored(t) + " o" + only
			if err := s.exec(view); err != nil {
				return fmt.Errorf("create view %s of %s: %w", t, g.Name, err)
			}
		}
		if err := s.exec("SET schema = '" + within + "'; " + from + " FROM (" + g.SQL + "\n); SET schema = 'main'"); err != nil {
			return fmt.Errorf("compute %s: %w", g.Name, locate(g, err))
		}
		return nil
	}
	if err := s.exec("CREATE SCHEMA IF NOT EXISTS " + within); err != nil {
		return fmt.Errorf("create schema: %w", err)
	}
	target := base + "." + name(sharedPrefix+g.Name)
	list := strings.Join(columns, ", ")
	whole := ""
	if len(b.identities) > 0 {
		whole = " ANTI JOIN " + touched + " touched ON touched.id = o.user_id"
		if err := s.exec("CREATE TABLE IF NOT EXISTS " + touched + ` AS SELECT "from" AS id FROM ` + base + `.identities UNION SELECT "to" FROM ` + base + ".identities"); err != nil {
			return fmt.Errorf("list identities: %w", err)
		}
	}
	if err := part("CREATE TABLE "+target+" AS SELECT "+list, whole, ""); err != nil {
		return err
	}
	view := "CREATE VIEW " + name(g.Name) + " AS SELECT a.as_of, a.as_of_day, " + list + " FROM " + target + " o JOIN " + base + ".as_of a ON o.day < a.as_of_day"
	if len(b.identities) > 0 {
		persons := base + "." + name(personsPrefix+g.Name)
		for i, d := range b.asOf {
			from := "INSERT INTO " + persons + " SELECT DATE '" + d.String() + "', " + list
			if i == 0 {
				from = "CREATE TABLE " + persons + " AS SELECT DATE '" + d.String() + "' AS as_of, " + list
			}
			join := fmt.Sprintf(` JOIN %s touched ON touched.id = o.user_id LEFT JOIN %s.identities who ON who.as_of = DATE '%s' AND who."from" = o.user_id`, touched, base, d)
			if err := part(from, join, ` REPLACE (COALESCE(who."to", o.user_id) AS user_id)`); err != nil {
				return err
			}
		}
		view += " UNION ALL SELECT a.as_of, a.as_of_day, " + list + " FROM " + persons + " o JOIN " + base + ".as_of a ON o.as_of = a.as_of AND o.day < a.as_of_day"
	}
	if err := s.exec(view); err != nil {
		return fmt.Errorf("create view %s: %w", g.Name, err)
	}
	return nil
}

const (
	within        = features.ReservedPrefix + "shared"
	touched       = base + ".touched"
	sharedPrefix  = "shared_"
	personsPrefix = "persons_"
)

// sharedColumns lists the keys and the columns that some group names.
func (b *build) sharedColumns(g features.Group) []string {
	named := map[string]bool{}
	for _, user := range b.groups {
		if slices.Contains(user.Uses, g.Name) {
			for _, n := range user.Names() {
				named[n] = true
			}
		}
	}
	var out []string
	for _, c := range g.Columns {
		if named[c.Name] || slices.Contains(g.Keys, c.Name) {
			out = append(out, name(c.Name))
		}
	}
	return out
}

package duck

import (
	"fmt"
	"slices"
	"strings"

	"regulars/data"
	"regulars/features"
)

// createViews makes the view of what is known at each as_of and, for labels,
// that of the horizon.
func (b *build) createViews(s *session, t data.Table, c columns) error {
	switch t {
	case data.Items:
		return b.createValid(s, t, "item_id", c)
	case data.Users:
		return b.createValid(s, t, "user_id", c)
	case data.Promotions:
		return b.createView(s, string(t), t, b.past(t, c), `o.starts_at < a."cut"`)
	}
	if err := b.createView(s, string(t), t, b.past(t, c), `o.ts < a."cut"`); err != nil || b.horizon == 0 {
		return err
	}
	return b.createView(s, features.FuturePrefix+string(t), t, b.future(t, c), `o.ts >= a."from" AND o.ts < a."until"`)
}

func (b *build) createView(s *session, view string, t data.Table, columns []string, condition string) error {
	query := "CREATE VIEW " + name(view) + " AS SELECT a.as_of, a.as_of_day, " + strings.Join(columns, ", ") +
		" FROM " + stored(t) + " o JOIN " + base + ".as_of a ON " + condition + b.joinIdentities(columns)
	if err := s.exec(query); err != nil {
		return fmt.Errorf("create view %s: %w", view, err)
	}
	return nil
}

// past writes the columns as they were known at an as_of.
func (b *build) past(t data.Table, c columns) []string {
	var out []string
	for _, n := range c.names {
		if n == tie || n == tie2 {
			continue
		}
		value := "o." + name(n)
		if slices.Contains(c.times, n) {
			value = "CASE WHEN " + value + ` < a."cut" THEN ` + value + " END"
			out = append(out, epochDay(value)+" AS "+name(n+daySuffix))
		}
		if n == timeColumn(t) && n != "ts" {
			out = append(out, epochDay(value)+" AS "+name(n+daySuffix))
		}
		if undated(t, c, n) {
			value = "CASE WHEN o.valid_from IS NOT NULL THEN " + value + " END"
		}
		out = append(out, b.person(n, value)+" AS "+name(n))
	}
	return out
}

// future writes the columns as they are known when the horizon is over.
func (b *build) future(t data.Table, c columns) []string {
	var out []string
	for _, n := range c.names {
		value := "o." + name(n)
		if slices.Contains(c.times, n) {
			value = "CASE WHEN " + value + ` < a."until" THEN ` + value + " END"
			out = append(out, epochDay(value)+" AS "+name(n+daySuffix))
		}
		out = append(out, b.person(n, value)+" AS "+name(n))
	}
	return out
}

// mutable are the columns whose value of today says nothing of an earlier day,
// unless the row says from when it is valid.
var mutable = map[data.Table][]string{
	data.Items: {"price", "unit_cost", "in_stock", "tags"},
	data.Users: {"tier", "points", "personalization_opt_out"},
}

// undated reports whether a column is null where its row is not dated: the
// mutable ones, and those that a shop added, since nobody knows of them.
func undated(t data.Table, c columns, column string) bool {
	return slices.Contains(mutable[t], column) || mutable[t] != nil && slices.Contains(c.extra, column)
}

// createValid makes the view of a table whose rows are valid from a time on: one
// row of each id at each as_of. A row is valid until the next one of its id. Of
// several from the same time, or undated, which an import does not let in, always
// the same one counts.
func (b *build) createValid(s *session, t data.Table, id string, c columns) error {
	order := "valid_from NULLS FIRST, " + tie + ", " + tie2
	const begin = "COALESCE(valid_from, TIMESTAMP '-infinity')"
	query := fmt.Sprintf(`CREATE OR REPLACE TABLE %[1]s AS SELECT *, %[3]s AS %[4]s, LEAD(%[3]s) OVER (PARTITION BY %[2]s ORDER BY %[5]s) AS %[6]s FROM %[1]s`,
		stored(t), id, begin, name(validSince), order, name(validUntil))
	if err := s.exec(query); err != nil {
		return fmt.Errorf("order lake table %s by validity: %w", t, err)
	}
	condition := fmt.Sprintf(`o.%[1]s < a."cut" AND (o.%[2]s IS NULL OR o.%[2]s >= a."cut")`, validSince, validUntil)
	if t == data.Users {
		condition += ` AND (o.signed_up_at IS NULL OR o.signed_up_at < a."cut")`
	}
	if t != data.Users || len(b.identities) == 0 {
		return b.createView(s, string(t), t, b.past(t, c), condition)
	}
	return b.createPersons(s, t, c, condition)
}

const (
	validSince = features.ReservedPrefix + "since"
	validUntil = features.ReservedPrefix + "until"
	// They settle the order of rows from the same time: first by what even an
	// undated row shows, so that what it hides decides nothing, then by all.
	tie  = features.ReservedPrefix + "tie"
	tie2 = features.ReservedPrefix + "tie2"
)

// createPersons makes the view of users when several ids may be one person's:
// the row of the representative counts, or else the newest of the others.
func (b *build) createPersons(s *session, t data.Table, c columns, condition string) error {
	columns := append(b.past(t, c), "o.user_id AS "+name(rawUser), "o."+name(validSince))
	if err := b.createView(s, features.ReservedPrefix+"every_user", t, columns, condition); err != nil {
		return err
	}
	var names []string
	for _, column := range columns[:len(columns)-2] {
		names = append(names, column[strings.LastIndex(column, " AS ")+4:])
	}
	query := fmt.Sprintf(`CREATE VIEW %s AS SELECT as_of, as_of_day, %s FROM (SELECT *, ROW_NUMBER() OVER (PARTITION BY as_of, user_id ORDER BY CASE WHEN %s = user_id THEN 0 ELSE 1 END, %s DESC, %s) AS %s FROM %s) WHERE %s = 1`,
		name(string(t)), strings.Join(names, ", "), rawUser, validSince, rawUser, rank, features.ReservedPrefix+"every_user", rank)
	if err := s.exec(query); err != nil {
		return fmt.Errorf("create view %s: %w", t, err)
	}
	return nil
}

const (
	rawUser = features.ReservedPrefix + "raw_user"
	rank    = features.ReservedPrefix + "rank"
)

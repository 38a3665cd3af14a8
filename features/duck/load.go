package duck

import (
	"fmt"
	"slices"
	"strings"

	"regulars/data"
	"regulars/features"
)

// base is the schema of everything that feature files cannot name.
const base = features.ReservedPrefix + "lake"

// createAsOf makes the table of the dates asked for. Instants are UTC: a row
// belongs to the past of a date when its ts lies before cut, and to its labels
// when from ≤ ts < until.
func (b *build) createAsOf(s *session) error {
	rows := make([]string, len(b.asOf))
	for i, d := range b.asOf {
		rows[i] = fmt.Sprintf("(DATE '%s', %d, %s, %s, %s)", d, d, instant(d), instant(d+b.gap), instant(d+b.gap+b.horizon))
	}
	query := "CREATE SCHEMA " + base + "; CREATE TABLE " + base + `.as_of (as_of DATE, as_of_day INTEGER, "cut" TIMESTAMP, "from" TIMESTAMP, "until" TIMESTAMP); ` +
		"INSERT INTO " + base + ".as_of VALUES " + strings.Join(rows, ", ")
	if err := s.exec(query); err != nil {
		return fmt.Errorf("create as_of dates: %w", err)
	}
	return nil
}

func instant(d data.Day) string { return "TIMESTAMP '" + d.String() + " 00:00:00'" }

// last is the instant from which nothing is loaded.
func (b *build) last() data.Day { return slices.Max(b.asOf) + b.gap + b.horizon }

// load copies what the groups need of a lake table into the base schema and
// creates its views.
func (b *build) load(s *session, t data.Table) error {
	schema, _ := data.SchemaOf(t)
	if i := schema.Index("ts"); i < 0 || !schema.Columns[i].Required {
		return fmt.Errorf("lake table %s has no time of its records (ts), so it cannot be cut at as_of", t)
	}
	columns, err := b.columns(s, schema)
	if err != nil {
		return fmt.Errorf("lake table %s: %w", t, err)
	}
	from := " WHERE false"
	if files := b.lake[t]; len(files) > 0 {
		from = " FROM " + readParquet(files) + " WHERE ts IS NULL OR CAST(ts AS TIMESTAMP) < " + instant(b.last())
	}
	target := base + "." + name(string(t))
	if err := s.exec("CREATE TABLE " + target + " AS SELECT " + strings.Join(columns.load, ", ") + from); err != nil {
		return fmt.Errorf("load lake table %s from %s: %w", t, strings.Join(b.lake[t], ", "), err)
	}
	if err := b.checkRequired(s, schema, columns); err != nil {
		return err
	}
	return b.createViews(s, t, columns)
}

func readParquet(files []string) string {
	quoted := make([]string, len(files))
	for i, f := range files {
		quoted[i] = quote(f)
	}
	return "read_parquet([" + strings.Join(quoted, ", ") + "], union_by_name = true)"
}

// columns is what is taken from one lake table.
type columns struct {
	names []string // in the base table
	load  []string // the expression that makes each, with its name
	times []string // timestamps beside ts: null to an as_of that is not later
}

func (c *columns) add(column, expression string) {
	c.names = append(c.names, column)
	c.load = append(c.load, expression+" AS "+name(column))
}

// columns picks the columns of the contract and of the files that some group
// names. What the contract knows and the files lack is null.
func (b *build) columns(s *session, schema data.Schema) (columns, error) {
	var c columns
	have, err := b.inspect(s, schema)
	if err != nil {
		return c, err
	}
	named := b.named()
	for _, column := range schema.Columns {
		if column.Name != "ts" && !named[column.Name] {
			continue
		}
		expression, err := convert(column, have[column.Name])
		if err != nil {
			return c, err
		}
		c.add(column.Name, expression)
		if column.Kind == data.KindTime && column.Name != "ts" {
			c.times = append(c.times, column.Name)
		}
	}
	for _, extra := range sortedKeys(have) {
		if named[extra] && schema.Index(extra) < 0 {
			c.add(extra, name(extra))
		}
	}
	b.addDays(&c, named, have["ts"])
	return c, nil
}

func sortedKeys(m map[string]string) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

func (b *build) named() map[string]bool {
	named := map[string]bool{}
	for _, g := range b.groups {
		for _, n := range g.Names() {
			named[n] = true
		}
	}
	return named
}

// addDays adds the calendar columns: epoch days in UTC and in the shop's time
// zone, the local hour, and the local weekday with Monday = 0.
func (b *build) addDays(c *columns, named map[string]bool, tsType string) {
	utc := timestamp("ts", tsType)
	local := utc
	if b.timeZone != "" && b.timeZone != "UTC" {
		local = "timezone(" + quote(b.timeZone) + ", timezone('UTC', " + utc + "))"
	}
	localDay := epochDay(local)
	for _, day := range [][2]string{
		{"day", epochDay(utc)},
		{"local_day", localDay},
		{"local_hour", "CAST(hour(" + local + ") AS INTEGER)"},
		{"local_dow", "CAST(((" + localDay + " + 3) % 7 + 7) % 7 AS INTEGER)"}, // 1970-01-01 was a Thursday
	} {
		if named[day[0]] {
			c.add(day[0], day[1])
		}
	}
}

func epochDay(ts string) string {
	return "CAST(CAST(" + ts + " AS DATE) - DATE '1970-01-01' AS INTEGER)"
}

// inspect returns the DuckDB type of every column of the files, by name, and
// refuses a file that lacks a required column.
func (b *build) inspect(s *session, schema data.Schema) (map[string]string, error) {
	files := b.lake[schema.Table]
	have := map[string]string{}
	if len(files) == 0 {
		return have, nil
	}
	found, err := s.pairs("SELECT column_name, column_type FROM (DESCRIBE SELECT * FROM " + readParquet(files) + ")")
	if err != nil {
		return nil, fmt.Errorf("read the columns of %s: %w", strings.Join(files, ", "), err)
	}
	for _, f := range found {
		have[f[0]] = f[1]
	}
	return have, b.inspectFiles(s, schema, files)
}

func (b *build) inspectFiles(s *session, schema data.Schema, files []string) error {
	quoted := make([]string, len(files))
	for i, f := range files {
		quoted[i] = quote(f)
	}
	found, err := s.pairs("SELECT file_name, name FROM parquet_schema([" + strings.Join(quoted, ", ") + "])")
	if err != nil {
		return fmt.Errorf("read the columns of %s: %w", strings.Join(files, ", "), err)
	}
	has := map[[2]string]bool{}
	for _, f := range found {
		has[f] = true
	}
	for _, file := range files {
		for _, c := range schema.Columns {
			inFolder := strings.Contains(file, "/"+c.Name+"=") // hive partition
			if c.Required && !inFolder && !has[[2]string{file, c.Name}] {
				return fmt.Errorf("%s has no column %s, which is required", file, c.Name)
			}
		}
	}
	return nil
}

// convert returns the expression that reads a column as its kind.
func convert(c data.Column, duckType string) (string, error) {
	column := name(c.Name)
	target, accepted := sqlType(c.Kind)
	if duckType == "" {
		return "CAST(NULL AS " + target + ")", nil
	}
	plain, _, _ := strings.Cut(duckType, "(")
	if !slices.Contains(accepted, plain) {
		return "", fmt.Errorf("column %s holds %s, not %s", c.Name, duckType, c.Kind)
	}
	if c.Kind == data.KindTime {
		return timestamp(column, duckType), nil
	}
	return "CAST(" + column + " AS " + target + ")", nil
}

// timestamp reads a column as a UTC timestamp without zone.
func timestamp(column, duckType string) string {
	if duckType == "TIMESTAMP WITH TIME ZONE" {
		return "timezone('UTC', " + column + ")"
	}
	return "CAST(" + column + " AS TIMESTAMP)"
}

// sqlType returns the type of a kind in the views, and what files may hold for it.
func sqlType(k data.Kind) (target string, accepted []string) {
	integers := []string{"TINYINT", "SMALLINT", "INTEGER", "BIGINT", "UTINYINT", "USMALLINT", "UINTEGER"}
	switch k {
	case data.KindInt:
		return "BIGINT", integers
	case data.KindFloat:
		return "DOUBLE", append(integers, "FLOAT", "DOUBLE", "DECIMAL")
	case data.KindBool:
		return "BOOLEAN", []string{"BOOLEAN"}
	case data.KindTime:
		return "TIMESTAMP", []string{"TIMESTAMP", "TIMESTAMP WITH TIME ZONE", "TIMESTAMP_NS", "TIMESTAMP_MS", "TIMESTAMP_S"}
	case data.KindMoney:
		return "DECIMAL(18, 4)", append(integers, "DECIMAL")
	case data.KindList:
		return "VARCHAR[]", []string{"VARCHAR[]"}
	}
	return "VARCHAR", []string{"VARCHAR"}
}

// checkRequired refuses rows without a required value: without ts they would
// vanish from every view unseen.
func (b *build) checkRequired(s *session, schema data.Schema, c columns) error {
	var required, counts []string
	for _, column := range schema.Columns {
		if column.Required && slices.Contains(c.names, column.Name) {
			required = append(required, column.Name)
			counts = append(counts, "COUNT(*) FILTER (WHERE "+name(column.Name)+" IS NULL)")
		}
	}
	nulls, err := s.ints("SELECT "+strings.Join(counts, ", ")+" FROM "+base+"."+name(string(schema.Table)), len(required))
	if err != nil {
		return fmt.Errorf("check lake table %s: %w", schema.Table, err)
	}
	for i, n := range nulls {
		if n > 0 {
			return fmt.Errorf("lake table %s: column %s is null in %d rows of %s: import the table again, so that such rows are quarantined",
				schema.Table, required[i], n, strings.Join(b.lake[schema.Table], ", "))
		}
	}
	return nil
}

// createViews makes the view of the past and, for labels, that of the horizon.
func (b *build) createViews(s *session, t data.Table, c columns) error {
	past := make([]string, len(c.names))
	future := make([]string, len(c.names))
	for i, n := range c.names {
		future[i] = "o." + name(n)
		past[i] = future[i]
		if slices.Contains(c.times, n) {
			past[i] = "CASE WHEN o." + name(n) + ` < a."cut" THEN o.` + name(n) + " END AS " + name(n)
		}
	}
	from := " FROM " + base + "." + name(string(t)) + " o JOIN " + base + ".as_of a ON "
	view := func(view string, columns []string, condition string) error {
		err := s.exec("CREATE VIEW " + name(view) + " AS SELECT a.as_of, a.as_of_day, " + strings.Join(columns, ", ") + from + condition)
		if err != nil {
			return fmt.Errorf("create view %s: %w", view, err)
		}
		return nil
	}
	if err := view(string(t), past, `o.ts < a."cut"`); err != nil || b.horizon == 0 {
		return err
	}
	return view(features.FuturePrefix+string(t), future, `o.ts >= a."from" AND o.ts < a."until"`)
}

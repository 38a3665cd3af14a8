package duck

import (
	"errors"
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
	query := "CREATE SCHEMA " + base + "; CREATE TABLE " + base + `.dates (as_of DATE, as_of_day INTEGER, "cut" TIMESTAMP, "from" TIMESTAMP, "until" TIMESTAMP); ` +
		"INSERT INTO " + base + ".dates VALUES " + strings.Join(rows, ", ") + "; CREATE TABLE " + base + ".as_of AS FROM " + base + ".dates"
	if err := s.exec(query); err != nil {
		return fmt.Errorf("create as_of dates: %w", err)
	}
	return nil
}

// show leaves some dates in the views.
func (s *session) show(days []data.Day) error {
	list := make([]string, len(days))
	for i, d := range days {
		list[i] = "DATE '" + d.String() + "'"
	}
	return s.exec("DELETE FROM " + base + ".as_of; INSERT INTO " + base + ".as_of FROM " + base + ".dates WHERE as_of IN (" + strings.Join(list, ", ") + ")")
}

// showAll puts all dates back into the views.
func (s *session) showAll() error {
	return s.exec("DELETE FROM " + base + ".as_of; INSERT INTO " + base + ".as_of FROM " + base + ".dates")
}

func instant(d data.Day) string { return "TIMESTAMP '" + d.String() + " 00:00:00'" }

// last is the instant from which nothing is loaded.
func (b *build) last() data.Day { return slices.Max(b.asOf) + b.gap + b.horizon }

// pick chooses what the groups need of a lake table.
func (b *build) pick(s *session, t data.Table) (columns, error) {
	if t == data.Identities {
		return columns{}, fmt.Errorf("lake table %s is no view: every view shows the representative of a customer's ids already", t)
	}
	schema, _ := data.SchemaOf(t)
	c, err := b.columns(s, schema)
	if err != nil {
		return c, fmt.Errorf("lake table %s: %w", t, err)
	}
	c.table = t
	return c, nil
}

// load copies the columns of a lake table into the base schema and creates its views.
func (b *build) load(s *session, c columns) error {
	schema, _ := data.SchemaOf(c.table)
	from := " WHERE false"
	if files := b.lake[c.table]; len(files) > 0 {
		known := c.exprs[timeColumn(c.table)]
		from = " FROM " + readParquet(files) + " WHERE " + known + " IS NULL OR " + known + " < " + instant(b.last())
	}
	list := make([]string, len(c.names))
	for i, n := range c.names {
		list[i] = b.encode(n, c.exprs[n]) + " AS " + name(n)
	}
	if err := s.exec("CREATE TABLE " + stored(c.table) + " AS SELECT " + strings.Join(list, ", ") + from); err != nil {
		return fmt.Errorf("load lake table %s from %s: %w", c.table, strings.Join(b.lake[c.table], ", "), err)
	}
	if err := b.checkRequired(s, schema, c); err != nil {
		return err
	}
	return b.createViews(s, c.table, c)
}

// stored names the base table of a lake table.
func stored(t data.Table) string { return base + "." + name(string(t)) }

// timeColumn names the column that says from when a row of a table is known.
func timeColumn(t data.Table) string {
	switch t {
	case data.Items, data.Users:
		return "valid_from"
	case data.Promotions:
		return "starts_at"
	}
	return "ts"
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
	table data.Table
	names []string          // in the base table
	exprs map[string]string // the expression that makes each from the files
	times []string          // timestamps, other than the one of the table: null to an as_of that is not later
	extra []string          // columns that the contract does not know
}

func (c *columns) add(column, expression string) {
	if c.exprs == nil {
		c.exprs = map[string]string{}
	}
	c.names = append(c.names, column)
	c.exprs[column] = expression
}

// columns picks the columns of the contract and of the files that some group
// names. What the contract knows and the files lack is null.
func (b *build) columns(s *session, schema data.Schema) (columns, error) {
	var c columns
	have, err := b.inspect(s, schema)
	if err != nil {
		return c, err
	}
	named, always := b.named(), forced[schema.Table]
	for _, column := range schema.Columns {
		wanted := named[column.Name] || column.Kind == data.KindTime && named[column.Name+daySuffix]
		if column.Name != "ts" && !wanted && !slices.Contains(always, column.Name) {
			continue
		}
		expression, err := convert(column, have[column.Name])
		if err != nil {
			return c, b.blame(s, schema.Table, column, err)
		}
		c.add(column.Name, expression)
		if column.Kind == data.KindTime && column.Name != timeColumn(schema.Table) {
			c.times = append(c.times, column.Name)
		}
	}
	for _, extra := range sortedKeys(have) {
		if named[extra] && schema.Index(extra) < 0 {
			c.add(extra, name(extra))
			c.extra = append(c.extra, extra)
		}
	}
	if forced[schema.Table] != nil {
		c.add(tie, hash(have, fixed(schema)))
		c.add(tie2, hash(have, sortedKeys(have)))
	}
	if features.Dated(schema.Table) {
		b.addDays(&c, named, have["ts"])
	}
	return c, nil
}

// hash returns one number for some columns of a row of the files.
func hash(have map[string]string, columns []string) string {
	all := []string{"1"}
	for _, column := range columns {
		if have[column] != "" {
			all = append(all, name(column))
		}
	}
	return "hash(" + strings.Join(all, ", ") + ")"
}

// fixed lists the columns that even an undated row shows.
func fixed(schema data.Schema) []string {
	return slices.DeleteFunc(schema.ColumnNames(), func(c string) bool { return slices.Contains(mutable[schema.Table], c) })
}

// forced are the columns that the views of a table cannot do without.
var forced = map[data.Table][]string{
	data.Items:      {"item_id", "valid_from"},
	data.Users:      {"user_id", "valid_from", "signed_up_at"},
	data.Promotions: {"promotion_id", "starts_at"},
}

// daySuffix, after the name of a timestamp, names its UTC epoch day in a view.
const daySuffix = "_day"

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
	for _, g := range slices.Concat(b.groups, b.shared) {
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

// blame finds the first file whose column is of a wrong type.
func (b *build) blame(s *session, t data.Table, column data.Column, err error) error {
	for _, file := range b.lake[t] {
		found, failed := s.pairs("SELECT column_name, column_type FROM (DESCRIBE SELECT * FROM " + readParquet([]string{file}) + ")")
		if failed != nil {
			return errors.Join(err, failed)
		}
		for _, f := range found {
			if f[0] != column.Name {
				continue
			}
			if _, err := convert(column, f[1]); err != nil {
				return fmt.Errorf("column %s holds %s in %s, not %s: import the table again", column.Name, f[1], file, column.Kind)
			}
		}
	}
	return err
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
	if s.script != nil {
		return nil
	}
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

package duck

import (
	"errors"
	"fmt"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"

	"regulars/data"
	"regulars/features"
)

const result = base + ".result"

// rowGroupRows fixes the row groups of the files, so that their bytes do not
// depend on how threads share the work.
const rowGroupRows = 122_880

// file is a finished Parquet file and where it belongs.
type file struct{ temporary, final string }

// group runs one feature file and writes its tables, in as few passes over the
// data as memory lets it: what a pass groups by grows with its dates, and a date
// less costs far less than a spill to disk. A file of the shop's own runs for each
// date apart, with no other in its views: one that joins across dates would show
// an early date what was known at a later one.
func (b *build) group(s *session, g features.Group, d due) (tables, notes []file, err error) {
	b.step(g.Entity + "/" + g.Name)
	dates := 1
	if g.Shipped {
		dates = b.datesAtOnce
	}
	if dates >= len(b.asOf) {
		return b.groupAt(s, g, d)
	}
	for from := 0; from < len(d.days); from += dates {
		to := min(from+dates, len(d.days))
		if err := s.show(d.days[from:to]); err != nil {
			return nil, nil, fmt.Errorf("show %v alone: %w", d.days[from:to], err)
		}
		some, note, err := b.groupAt(s, g, due{d.days[from:to], d.inputs[from:to]})
		if err != nil {
			return nil, nil, err
		}
		tables, notes = append(tables, some...), append(notes, note...)
	}
	return tables, notes, s.showAll()
}

// rowBytes is about what a row of the largest table costs in a hash table that
// has nearly as many groups as rows, and hashShare the part of the memory that
// such a table may take.
const (
	rowBytes  = 100 // bytes
	hashShare = 0.5
)

// planPasses sets how many dates a group computes at once, from the rows of the
// largest table and the memory there is.
func (b *build) planPasses(s *session) error {
	b.datesAtOnce = len(b.asOf)
	if s.script != nil {
		return nil
	}
	most := int64(1)
	for _, t := range b.tables() {
		n, err := s.ints("SELECT COUNT(*) FROM "+stored(t), 1)
		if err != nil {
			return fmt.Errorf("count rows of %s: %w", t, err)
		}
		most = max(most, n[0])
	}
	atOnce := int64(float64(s.bytes) * hashShare / float64(most*rowBytes))
	b.datesAtOnce = int(min(max(atOnce, 1), int64(len(b.asOf))))
	return nil
}

// groupAt runs one feature file for the dates in the views and writes those due.
func (b *build) groupAt(s *session, g features.Group, d due) (tables, notes []file, err error) {
	if err := b.query(s, g); err != nil {
		return nil, nil, fmt.Errorf("compute features %s/%s: %w", g.Entity, g.Name, err)
	}
	for i, day := range d.days {
		f, rows, err := b.export(s, g, day)
		if err != nil {
			return nil, nil, err
		}
		note, err := b.writeInputs(f, d.inputs[i], rows)
		if err != nil {
			return nil, nil, err
		}
		b.result.Written = append(b.result.Written, features.Table{Entity: g.Entity, Group: g.Table(), AsOf: day, Path: f.final, Rows: rows})
		tables, notes = append(tables, f), append(notes, note)
	}
	return tables, notes, s.exec("DROP TABLE " + result)
}

// query computes the result of a group, ordered by as_of and keys, and holds it to
// the group's documentation.
func (b *build) query(s *session, g features.Group) error {
	body := "SELECT * FROM (" + g.Unordered() + "\n)"
	found, err := s.columnTypes(body + " LIMIT 0")
	if err != nil {
		return locate(g, err)
	}
	if err := checkColumns(g, found); err != nil {
		return &features.SQLError{File: g.File, Err: err}
	}
	order := "as_of"
	for i, key := range g.Keys {
		if found[1+i][1] == code { // sorting codes by what they stand for costs a look at the whole dictionary
			key = "enum_code(" + key + ")"
		}
		order += ", " + key
	}
	if err := s.exec("CREATE TABLE " + result + " AS " + body + " ORDER BY " + order); err != nil {
		return locate(g, err)
	}
	if err := checkValues(s, g); err != nil {
		return &features.SQLError{File: g.File, Err: err}
	}
	return nil
}

var linePattern = regexp.MustCompile(`(?m)^LINE (\d+):`)

// locate names the feature file and, when DuckDB tells it, the line. The
// query is the whole file, so the lines agree.
func locate(g features.Group, err error) error {
	e := &features.SQLError{File: g.File, Err: err}
	if m := linePattern.FindStringSubmatch(err.Error()); m != nil {
		e.Line, _ = strconv.Atoi(m[1])
	}
	return e
}

// checkColumns holds the output to its documentation: as_of, then every column
// in order, of exactly its type.
func checkColumns(g features.Group, found [][2]string) error {
	want := append([]features.Column{{Name: "as_of", Type: "DATE"}}, g.Columns...)
	var errs []error
	for i, c := range want {
		switch {
		case i >= len(found):
			errs = append(errs, fmt.Errorf("column %s is documented but not selected", c.Name))
		case found[i][0] != c.Name:
			errs = append(errs, fmt.Errorf("column %d is %s: the documentation says %s", i+1, found[i][0], c.Name))
		case found[i][1] != c.Type && !(found[i][1] == code && c.Type == "VARCHAR"):
			errs = append(errs, fmt.Errorf("column %s has type %s, documented as %s: write CAST(… AS %s)", c.Name, found[i][1], c.Type, c.Type))
		}
	}
	for _, extra := range found[min(len(want), len(found)):] {
		errs = append(errs, fmt.Errorf("column %s is not documented", extra[0]))
	}
	return errors.Join(errs...)
}

// checkValues refuses keys that are null or occur twice at one as_of, and numbers
// that are not finite.
func checkValues(s *session, g features.Group) error {
	var counts []string
	for _, c := range g.Columns {
		counts = append(counts, "COUNT(*) FILTER (WHERE "+bad(g, c)+")")
	}
	n, err := s.ints("SELECT "+strings.Join(counts, ", ")+" FROM "+result, len(counts))
	if err != nil {
		return err
	}
	for i, c := range g.Columns {
		if n[i] > 0 {
			return fmt.Errorf("column %s is null or not a finite number in %d rows", c.Name, n[i])
		}
	}
	keys := "as_of, " + strings.Join(g.Keys, ", ")
	twice, err := s.ints("SELECT COUNT(*) FROM (SELECT 1 FROM "+result+" GROUP BY "+keys+" HAVING COUNT(*) > 1)", 1)
	if err == nil && twice[0] > 0 {
		return fmt.Errorf("%d keys (%s) have several rows: group by as_of and the key", twice[0], keys)
	}
	return err
}

func bad(g features.Group, c features.Column) string {
	for _, k := range g.Keys {
		if k == c.Name {
			return name(k) + " IS NULL"
		}
	}
	if c.Type == "DOUBLE" {
		return "NOT isfinite(" + name(c.Name) + ")"
	}
	return "false"
}

// export writes the rows of one as_of, ordered by key: the query ended with that
// order and the result keeps it. Sorting by rowid once more is cheap and lets
// every row group be full, whatever the share of each thread was.
func (b *build) export(s *session, g features.Group, d data.Day) (file, int64, error) {
	names := make([]string, len(g.Columns))
	for i, c := range g.Columns {
		names[i] = name(c.Name)
		if c.Type == "VARCHAR" { // it may be a code
			names[i] = "CAST(" + name(c.Name) + " AS VARCHAR) AS " + name(c.Name)
		}
	}
	f := file{
		temporary: filepath.Join(b.work, g.Entity+"-"+g.Name+"-"+d.String()+".parquet"),
		final:     features.Path(b.root, g.Entity, g.Table(), d),
	}
	done, err := s.conn.ExecContext(s.ctx, fmt.Sprintf("COPY (SELECT %s FROM %s WHERE as_of = DATE '%s' ORDER BY rowid) TO %s (FORMAT parquet, COMPRESSION snappy, ROW_GROUP_SIZE %d)",
		strings.Join(names, ", "), result, d, quote(f.temporary), rowGroupRows))
	if err != nil {
		return f, 0, fmt.Errorf("write features %s/%s at %s: %w", g.Entity, g.Name, d, s.cause(err))
	}
	rows, err := done.RowsAffected()
	if err != nil {
		return f, 0, fmt.Errorf("write features %s/%s at %s: %w", g.Entity, g.Name, d, err)
	}
	return f, rows, nil
}

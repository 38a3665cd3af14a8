package ingest

import (
	"fmt"
	"slices"

	"regulars/data"
)

// A Table is a file of rows, CSV or Parquet by its first bytes, read as it
// stands: cells of a CSV file are strings, and null when empty.
type Table struct {
	file  foreign
	batch batch
}

// Rows are some rows of a Table, valid until the next are read.
type Rows struct {
	Rows    []data.Row
	Numbers []int64 // of each row in the file, from 1, the header not counted
	Bad     []Bad   // rows that could not be split into cells
}

// Bad is a row that cannot be used, and why.
type Bad struct {
	Number int64  `json:"row"`
	Reason string `json:"reason"`
}

// OpenTable opens the file and reads its header or footer.
func OpenTable(path string) (*Table, error) {
	f, err := openAny(path)
	if err != nil {
		return nil, err
	}
	return &Table{file: f}, nil
}

// Path returns where the file is.
func (t *Table) Path() string { return t.file.path() }

// Columns returns the headers.
func (t *Table) Columns() []string { return t.file.names() }

// Ignored returns the headers of columns that cannot be read, such as nested ones.
func (t *Table) Ignored() []string { return t.file.ignored() }

// Void returns those of Ignored that are empty throughout, without a type.
func (t *Table) Void() []string {
	if p, ok := t.file.(*parquetFile); ok {
		return p.void
	}
	return nil
}

// Typed reports whether the file says what its columns hold; if not, all are text.
func (t *Table) Typed() bool {
	_, ok := t.file.(*parquetFile)
	return ok
}

// Estimate returns how many rows there are, about.
func (t *Table) Estimate() int64 { return t.file.estimate() }

// Close closes the file.
func (t *Table) Close() error { return t.file.close() }

// Find returns the place of a column: that of the very name, or of a header
// whose lower snake case it is, such as "User ID" for user_id; -1 when absent.
func (t *Table) Find(column string) int {
	if i := slices.Index(t.Columns(), column); i >= 0 {
		return i
	}
	return slices.IndexFunc(t.Columns(), func(h string) bool { return snake(h) == column })
}

// Require is Find for a column that must be there.
func (t *Table) Require(column string) (int, error) {
	i := t.Find(column)
	if i < 0 {
		return 0, fmt.Errorf("%s has no column %s; its columns are %s", t.Path(), column, list(t.Columns()))
	}
	return i, nil
}

// Kind returns what the values of column i are read as.
func (t *Table) Kind(i int) data.Kind { return t.file.kinds()[i] }

// Converter returns what turns the values of column i, null excepted, into
// those of another kind. The result may be null (an empty text). A column whose
// type never could become that kind is an error that names it.
func (t *Table) Converter(i int, to data.Kind) (func(data.Value) (data.Value, error), error) {
	c := converterOf(t.Kind(i), to)
	if c == nil {
		return nil, fmt.Errorf("%s: column %q is %s, which cannot be read as a %s", t.Path(), t.Columns()[i], t.file.types()[i], to)
	}
	if to == data.KindString {
		c = trimmed(c)
	}
	return c, nil
}

// Select has the other columns read as null, which spares the work on those of
// a Parquet file. It must come before the first Read.
func (t *Table) Select(columns []int) error {
	p, ok := t.file.(*parquetFile)
	if !ok {
		return nil
	}
	take := slices.Clone(p.taken)
	for i := range take {
		if !slices.Contains(columns, i) {
			take[i] = -1
		}
	}
	rows, err := p.file.Reader(take)
	if err != nil {
		return err
	}
	rows, p.rows = p.rows, rows
	return rows.Close()
}

// Read returns the next rows, or io.EOF behind the last. A damaged file is an
// error that names it.
func (t *Table) Read() (Rows, error) {
	b := &t.batch
	b.rows, b.numbers, b.bad = b.rows[:0], b.numbers[:0], b.bad[:0]
	if err := t.file.next(b); err != nil {
		return Rows{}, err
	}
	out := Rows{Rows: b.rows, Numbers: b.numbers}
	for _, bad := range b.bad {
		out.Bad = append(out.Bad, Bad{bad.number, bad.reason})
	}
	return out, nil
}

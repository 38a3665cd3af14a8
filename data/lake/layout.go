package lake

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"regulars/data"
)

// layout is what a table's files hold together: the columns of the contract,
// then the extra columns of any file in ascending order of their names.
type layout struct {
	schema data.Schema
	origin map[string]string // extra column → a file that has it
}

// layoutOf opens every file and checks it against the contract and the others.
func (l *Lake) layoutOf(t data.Table, paths []string) (layout, error) {
	schema, ok := data.SchemaOf(t)
	if !ok {
		return layout{}, fmt.Errorf("there is no table %q; the tables are %s", t, strings.Join(data.TableNames(), ", "))
	}
	out := layout{schema: schema, origin: map[string]string{}}
	var extra []data.Column
	for _, path := range paths {
		columns, err := extraColumns(t, path)
		if err != nil {
			return layout{}, err
		}
		if extra, err = out.merge(extra, columns, path); err != nil {
			return layout{}, err
		}
	}
	slices.SortFunc(extra, func(a, b data.Column) int { return strings.Compare(a.Name, b.Name) })
	out.schema = schema.WithExtra(extra...)
	return out, nil
}

// merge adds the extra columns of a file to those known; a column that another
// file holds as another type is an error naming both files.
func (o *layout) merge(known, found []data.Column, path string) ([]data.Column, error) {
	for _, c := range found {
		i := slices.IndexFunc(known, func(k data.Column) bool { return strings.EqualFold(k.Name, c.Name) })
		switch {
		case i < 0:
			known = append(known, c)
			o.origin[c.Name] = path
		case known[i].Name != c.Name:
			return nil, fmt.Errorf("column %q in %s and column %q in %s differ only in upper and lower case, which SQL does not tell apart: rename one",
				known[i].Name, o.origin[known[i].Name], c.Name, path)
		case known[i].Kind != c.Kind:
			return nil, fmt.Errorf("column %q is a %s in %s and a %s in %s: one table's column must have one type",
				c.Name, known[i].Kind, o.origin[c.Name], c.Kind, path)
		}
	}
	return known, nil
}

// extraColumns checks a file and returns its columns outside the contract.
func extraColumns(t data.Table, path string) ([]data.Column, error) {
	p, err := OpenParquet(path)
	if err != nil {
		return nil, err
	}
	defer p.Close()
	if err := checkFile(t, p); err != nil {
		return nil, err
	}
	schema, _ := data.SchemaOf(t)
	var extra []data.Column
	for _, c := range p.columns {
		if schema.Index(c.Name) < 0 && c.Kind != data.KindNull {
			extra = append(extra, data.Column{Name: c.Name, Kind: c.Kind})
		}
	}
	return extra, nil
}

// checkFile compares a file's columns with the contract of its table.
func checkFile(t data.Table, p *ParquetFile) error {
	schema, _ := data.SchemaOf(t)
	for _, want := range schema.Columns {
		i := p.index(want.Name)
		switch {
		case i < 0 && want.Required:
			return fmt.Errorf("%s: required column %q of table %s is missing", p.path, want.Name, t)
		case i < 0:
		case p.columns[i].Kind != want.Kind || !p.columns[i].contract:
			return fmt.Errorf("%s: column %q is %s, where table %s has %s", p.path, want.Name, p.columns[i].Type, t, contractType(want.Kind))
		}
	}
	return nil
}

func contractType(k data.Kind) string {
	switch k {
	case data.KindTime:
		return "int64 timestamp(unit=micros)"
	case data.KindMoney:
		return "int64 decimal(18,4)"
	}
	return k.String()
}

// Reader returns the rows of all visible files of a table, file by file in
// order of path (which is that of the imports), and the schema they have in common: the columns of the
// contract (null where a file has none), then all extra columns by name. The
// set of files is fixed at the call. A number that is not finite is an error.
func (l *Lake) Reader(t data.Table) (data.Reader, data.Schema, error) {
	paths, err := l.Paths(t)
	if err != nil {
		return nil, data.Schema{}, err
	}
	lay, err := l.layoutOf(t, paths)
	if err != nil {
		return nil, data.Schema{}, err
	}
	return &tableReader{paths: paths, schema: lay.schema}, lay.schema, nil
}

// tableReader reads one file after the other.
type tableReader struct {
	paths  []string // still to be read
	schema data.Schema
	file   *ParquetFile
	rows   data.Reader
}

func (r *tableReader) Read(rows []data.Row) (int, error) {
	for {
		if r.rows == nil {
			if len(r.paths) == 0 {
				return 0, io.EOF
			}
			if err := r.next(); err != nil {
				return 0, err
			}
		}
		n, err := r.rows.Read(rows)
		if !errors.Is(err, io.EOF) {
			return n, errors.Join(err, r.check(rows[:n]))
		}
		if err := r.Close(); err != nil {
			return 0, err
		}
	}
}

func (r *tableReader) next() error {
	p, err := OpenParquet(r.paths[0])
	if err != nil {
		return err
	}
	r.paths = r.paths[1:]
	columns := make([]int, len(r.schema.Columns))
	for i, c := range r.schema.Columns {
		columns[i] = p.index(c.Name)
	}
	rows, err := p.Reader(columns)
	if err != nil {
		return errors.Join(err, p.Close())
	}
	r.file, r.rows = p, rows
	return nil
}

func (r *tableReader) check(rows []data.Row) error {
	for i, c := range r.schema.Columns {
		if c.Kind != data.KindFloat {
			continue
		}
		if err := finite(rows, i); err != nil {
			return fmt.Errorf("%s: column %q %w", r.file.path, c.Name, err)
		}
	}
	return nil
}

// Close closes the file being read.
func (r *tableReader) Close() error {
	if r.rows == nil {
		return nil
	}
	err := errors.Join(r.rows.Close(), r.file.Close())
	r.rows, r.file = nil, nil
	return err
}

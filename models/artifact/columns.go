package artifact

import (
	"errors"
	"fmt"
	"io"
	"math"
	"os"

	"github.com/parquet-go/parquet-go"
)

// Cell lists the types of values that a column can hold.
type Cell interface {
	float32 | float64 | int32 | int64 | string
}

// Column is one named column of float32, float64, int32, int64 or string values.
type Column struct {
	name   string
	values any              // []float32, []float64, []int32, []int64 or []string
	null   func(i int) bool // nil: there is a value in every row
}

// NewColumn returns a column over values, which it aliases.
func NewColumn[T Cell](name string, values []T) Column {
	return Column{name: name, values: values}
}

// NewNullable returns a column over values of which some are absent: null in the
// file, for other tools to read; ReadColumns refuses such files.
func NewNullable[T Cell](name string, values []T, null func(i int) bool) Column {
	return Column{name: name, values: values, null: null}
}

// Name returns the column's name.
func (c Column) Name() string { return c.name }

// Len returns how many values the column has.
func (c Column) Len() int {
	switch v := c.values.(type) {
	case []float32:
		return len(v)
	case []float64:
		return len(v)
	case []int32:
		return len(v)
	case []int64:
		return len(v)
	case []string:
		return len(v)
	}
	return 0
}

// Columns is the content of a file of columns.
type Columns struct {
	path string
	Rows int
	List []Column
}

// Values returns the values of the named column. A column that is missing or
// of another type is an error that names the file and the column.
func Values[T Cell](c *Columns, name string) ([]T, error) {
	for _, col := range c.List {
		if col.name != name {
			continue
		}
		if v, ok := col.values.([]T); ok {
			return v, nil
		}
		return nil, fmt.Errorf("%s: column %q holds %T, not %T", c.path, name, col.values, []T(nil))
	}
	return nil, fmt.Errorf("%s: column %q is missing", c.path, name)
}

// rowGroupRows bounds what a writer or reader holds in pages at once.
const rowGroupRows = 1 << 17

// WriteColumns stores columns of equal length as a Parquet file that other
// tools read; the columns keep their order. The same values give the same bytes.
// A NaN or infinity is an error that names the file, column and row.
func WriteColumns(path string, cols ...Column) (err error) {
	if err := checkColumns(cols); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	if err := writeColumns(f, cols); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return nil
}

func checkColumns(cols []Column) error {
	if len(cols) == 0 {
		return errors.New("there is no column to write")
	}
	seen := map[string]bool{}
	for _, c := range cols {
		switch {
		case c.name == "" || c.values == nil:
			return errors.New("a column has no name or no values")
		case seen[c.name]:
			return fmt.Errorf("two columns are named %q", c.name)
		case c.Len() != cols[0].Len():
			return fmt.Errorf("column %q has %d rows, column %q has %d", c.name, c.Len(), cols[0].name, cols[0].Len())
		}
		if row := c.notFinite(); row >= 0 {
			return fmt.Errorf("column %q row %d is not a finite number", c.name, row)
		}
		seen[c.name] = true
	}
	return nil
}

// notFinite returns the first row with NaN or an infinity, counted from 0, or -1.
func (c Column) notFinite() int {
	switch v := c.values.(type) {
	case []float32:
		for i, x := range v {
			if f := float64(x); (math.IsNaN(f) || math.IsInf(f, 0)) && !c.isNull(i) {
				return i
			}
		}
	case []float64:
		for i, f := range v {
			if (math.IsNaN(f) || math.IsInf(f, 0)) && !c.isNull(i) {
				return i
			}
		}
	}
	return -1
}

func (c Column) isNull(i int) bool { return c.null != nil && c.null(i) }

func writeColumns(w io.Writer, cols []Column) error {
	pw := parquet.NewWriter(w, schemaOf(cols))
	buf := make([]parquet.Value, 0, 1024)
	rows := cols[0].Len()
	for lo := 0; lo < rows; lo += rowGroupRows {
		hi := min(lo+rowGroupRows, rows)
		for i, cw := range pw.ColumnWriters() {
			if err := writeSlice(cw, cols[i], i, lo, hi, buf); err != nil {
				return fmt.Errorf("column %q: %w", cols[i].name, err)
			}
		}
		if err := pw.Flush(); err != nil {
			return err
		}
	}
	return pw.Close()
}

// writeSlice writes rows lo to hi of one column, a buffer at a time.
func writeSlice(w *parquet.ColumnWriter, c Column, index, lo, hi int, buf []parquet.Value) error {
	for lo < hi {
		end := min(lo+cap(buf), hi)
		buf = buf[:0]
		for i := lo; i < end; i++ {
			buf = append(buf, c.cell(i, index))
		}
		if _, err := w.WriteRowValues(buf); err != nil {
			return err
		}
		lo = end
	}
	return nil
}

// cell is a value with the levels that say whether it is there.
func (c Column) cell(i, index int) parquet.Value {
	switch {
	case c.null == nil:
		return c.value(i).Level(0, 0, index)
	case c.null(i):
		return parquet.NullValue().Level(0, 0, index)
	}
	return c.value(i).Level(0, 1, index)
}

func (c Column) value(i int) parquet.Value {
	switch v := c.values.(type) {
	case []float32:
		return parquet.FloatValue(v[i])
	case []float64:
		return parquet.DoubleValue(v[i])
	case []int32:
		return parquet.Int32Value(v[i])
	case []int64:
		return parquet.Int64Value(v[i])
	case []string:
		return parquet.ByteArrayValue([]byte(v[i]))
	}
	return parquet.Value{}
}

func (c Column) node() parquet.Node {
	switch c.values.(type) {
	case []float32:
		return parquet.Leaf(parquet.FloatType)
	case []float64:
		return parquet.Leaf(parquet.DoubleType)
	case []int32:
		return parquet.Leaf(parquet.Int32Type)
	case []int64:
		return parquet.Leaf(parquet.Int64Type)
	}
	return parquet.String()
}

// ordered is a group of columns in the order given; parquet.Group sorts them by name.
type ordered struct {
	parquet.Group
	fields []parquet.Field
}

func (o ordered) Fields() []parquet.Field { return o.fields }

func schemaOf(cols []Column) *parquet.Schema {
	names, nodes := make([]string, len(cols)), make([]parquet.Node, len(cols))
	for i, c := range cols {
		names[i], nodes[i] = c.name, parquet.Compressed(c.node(), &parquet.Zstd)
		if c.null != nil {
			nodes[i] = parquet.Optional(nodes[i])
		}
	}
	return OrderedSchema("columns", names, nodes)
}

// OrderedSchema is a schema of columns in the order given: names are distinct, a
// node each.
func OrderedSchema(name string, names []string, nodes []parquet.Node) *parquet.Schema {
	group := parquet.Group{}
	for i, column := range names {
		group[column] = nodes[i]
	}
	byName := map[string]parquet.Field{}
	for _, f := range group.Fields() {
		byName[f.Name()] = f
	}
	o := ordered{Group: group}
	for _, column := range names {
		o.fields = append(o.fields, byName[column])
	}
	return parquet.NewSchema(name, o)
}

// ReadColumns reads a Parquet file of required float, double, int32, int64 and
// string columns. Anything else, a null, a NaN or an infinity is an error that
// names the file, the column and the row, counted from 0.
func ReadColumns(path string) (*Columns, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	pf, err := parquet.OpenFile(f, info.Size(), parquet.SkipBloomFilters(true))
	if err != nil {
		return nil, fmt.Errorf("%s is not a readable Parquet file: %w", path, err)
	}
	out := &Columns{path: path, Rows: int(pf.NumRows())}
	for _, leaf := range pf.Root().Columns() {
		c, err := readColumn(pf, leaf)
		if err != nil {
			return nil, fmt.Errorf("%s: column %q: %w", path, leaf.Name(), err)
		}
		if row := c.notFinite(); row >= 0 {
			return nil, fmt.Errorf("%s: column %q row %d is not a finite number", path, c.name, row)
		}
		if c.Len() != out.Rows {
			return nil, fmt.Errorf("%s: column %q has %d values of %d rows", path, c.name, c.Len(), out.Rows)
		}
		out.List = append(out.List, c)
	}
	return out, nil
}

func readColumn(pf *parquet.File, leaf *parquet.Column) (Column, error) {
	if !leaf.Leaf() || leaf.Repeated() || leaf.Optional() {
		return Column{}, errors.New("it is nested, repeated or optional: columns here are plain and required")
	}
	switch leaf.Type().Kind() {
	case parquet.Float:
		return read(pf, leaf, parquet.Value.Float)
	case parquet.Double:
		return read(pf, leaf, parquet.Value.Double)
	case parquet.Int32:
		return read(pf, leaf, parquet.Value.Int32)
	case parquet.Int64:
		return read(pf, leaf, parquet.Value.Int64)
	case parquet.ByteArray:
		return read(pf, leaf, func(v parquet.Value) string { return string(v.ByteArray()) })
	}
	return Column{}, fmt.Errorf("its type is %s", leaf.Type())
}

func read[T Cell](pf *parquet.File, leaf *parquet.Column, get func(parquet.Value) T) (Column, error) {
	var out []T // grown as rows come: a footer may promise any number of them
	buf := make([]parquet.Value, 1024)
	for _, group := range pf.RowGroups() {
		pages := group.ColumnChunks()[leaf.Index()].Pages()
		err := eachValue(pages, buf, func(v parquet.Value) { out = append(out, get(v)) })
		if err := errors.Join(err, pages.Close()); err != nil {
			return Column{}, fmt.Errorf("after row %d: %w", len(out), err)
		}
	}
	return NewColumn(leaf.Name(), out), nil
}

func eachValue(pages parquet.Pages, buf []parquet.Value, visit func(parquet.Value)) error {
	for {
		page, err := pages.ReadPage()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		err = eachOfPage(page.Values(), buf, visit)
		parquet.Release(page)
		if err != nil {
			return err
		}
	}
}

func eachOfPage(values parquet.ValueReader, buf []parquet.Value, visit func(parquet.Value)) error {
	for {
		n, err := values.ReadValues(buf)
		for _, v := range buf[:n] {
			visit(v)
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

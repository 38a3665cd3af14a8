package read

import (
	"errors"
	"fmt"
	"io"
	"math"
	"os"

	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/encoding"
)

// file is an open feature table.
type file struct {
	path string
	disk *os.File
	*parquet.File
}

func open(path string) (*file, error) {
	disk, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("open feature table: %w", err)
	}
	info, err := disk.Stat()
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open feature table: %w", err), disk.Close())
	}
	f, err := parquet.OpenFile(disk, info.Size(), parquet.SkipPageIndex(true), parquet.SkipBloomFilters(true))
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open feature table %s: %w", path, err), disk.Close())
	}
	return &file{path: path, disk: disk, File: f}, nil
}

// close closes the file and turns a panic of the Parquet library, which some
// damaged files cause, into an error. It must be deferred.
func (f *file) close(err *error) {
	if p := recover(); p != nil {
		*err = fmt.Errorf("feature table %s is damaged (%v): build it again", f.path, p)
	}
	*err = errors.Join(*err, f.disk.Close())
}

// column returns the position and kind of a column.
func (f *file) column(name string) (int, parquet.Kind, error) {
	leaf, ok := f.Schema().Lookup(name)
	if !ok || !leaf.Node.Leaf() || leaf.MaxRepetitionLevel > 0 {
		return 0, 0, fmt.Errorf("feature table %s has no plain column %s", f.path, name)
	}
	return leaf.ColumnIndex, leaf.Node.Type().Kind(), nil
}

// pages hands every page of a column to visit, with the row it begins at.
func (f *file) pages(name string, column int, visit func(page parquet.Page, row int) error) error {
	row := 0
	for _, group := range f.RowGroups() {
		pages := group.ColumnChunks()[column].Pages()
		n, err := eachPage(pages, row, visit)
		if err = errors.Join(err, pages.Close()); err != nil {
			return fmt.Errorf("feature table %s, column %s: %w", f.path, name, err)
		}
		row += n
	}
	if int64(row) != f.NumRows() {
		return fmt.Errorf("feature table %s, column %s holds %d of %d rows", f.path, name, row, f.NumRows())
	}
	return nil
}

func eachPage(pages parquet.Pages, row int, visit func(parquet.Page, int) error) (rows int, err error) {
	for {
		page, err := pages.ReadPage()
		if errors.Is(err, io.EOF) {
			return rows, nil
		}
		if err != nil {
			return rows, err
		}
		err = visit(page, row+rows)
		rows += int(page.NumRows())
		parquet.Release(page)
		if err != nil {
			return rows, err
		}
	}
}

// noNulls refuses a page of a column in which every row must have a value.
func noNulls(page parquet.Page, row int) error {
	if page.NumNulls() == 0 {
		return nil
	}
	for i, level := range page.DefinitionLevels() {
		if level == 0 {
			return fmt.Errorf("row %d is null", row+i+1)
		}
	}
	return fmt.Errorf("a row from %d on is null", row+1)
}

// idColumn is a column of ids: ids in order of first appearance, and for every
// row the position of its id.
type idColumn struct {
	ids   []string
	codes []int32
	index map[string]int32
}

// readIDs reads a column of ids, looking at each entry of a dictionary once
// instead of at each row.
func (f *file) readIDs(name string) (*idColumn, error) {
	column, kind, err := f.column(name)
	if err != nil {
		return nil, err
	}
	if kind != parquet.ByteArray {
		return nil, fmt.Errorf("feature table %s, column %s holds %s, not ids", f.path, name, kind)
	}
	c := &idColumn{codes: make([]int32, 0, f.NumRows()), index: map[string]int32{}}
	var seen parquet.Dictionary
	var codeOf []int32 // of each entry of seen; -1 = not met yet
	return c, f.pages(name, column, func(page parquet.Page, row int) error {
		if err := noNulls(page, row); err != nil {
			return err
		}
		values := page.Data()
		dictionary := page.Dictionary()
		if dictionary == nil {
			c.plain(&values)
			return nil
		}
		if dictionary != seen {
			seen, codeOf = dictionary, unknown(dictionary.Len())
		}
		return c.indexed(dictionary, values.Int32(), codeOf)
	})
}

func unknown(n int) []int32 {
	codes := make([]int32, n)
	for i := range codes {
		codes[i] = -1
	}
	return codes
}

func (c *idColumn) indexed(dictionary parquet.Dictionary, entries, codeOf []int32) error {
	for _, e := range entries {
		if e < 0 || int(e) >= len(codeOf) {
			return fmt.Errorf("entry %d of a dictionary of %d", e, len(codeOf))
		}
		if codeOf[e] < 0 {
			codeOf[e] = c.code(dictionary.Index(e).ByteArray())
		}
		c.codes = append(c.codes, codeOf[e])
	}
	return nil
}

func (c *idColumn) plain(values *encoding.Values) {
	text, offsets := values.ByteArray()
	for i := 1; i < len(offsets); i++ {
		c.codes = append(c.codes, c.code(text[offsets[i-1]:offsets[i]]))
	}
}

func (c *idColumn) code(id []byte) int32 {
	if code, ok := c.index[string(id)]; ok {
		return code
	}
	code := int32(len(c.ids))
	c.ids = append(c.ids, string(id))
	c.index[c.ids[code]] = code
	return code
}

// readInts reads a column of whole numbers without nulls.
func (f *file) readInts(name string) ([]int64, error) {
	column, kind, err := f.column(name)
	if err != nil {
		return nil, err
	}
	if kind != parquet.Int32 && kind != parquet.Int64 {
		return nil, fmt.Errorf("feature table %s, column %s holds %s, not whole numbers", f.path, name, kind)
	}
	out := make([]int64, 0, f.NumRows())
	err = f.pages(name, column, func(page parquet.Page, row int) error {
		if err := noNulls(page, row); err != nil {
			return err
		}
		var err error
		out, err = appendInts(out, page, kind)
		return err
	})
	return out, err
}

func appendInts(out []int64, page parquet.Page, kind parquet.Kind) ([]int64, error) {
	values := page.Data()
	if dictionary := page.Dictionary(); dictionary != nil {
		entries := dictionary.Page().Data()
		table := appendWide(nil, &entries, kind)
		for _, e := range values.Int32() {
			if e < 0 || int(e) >= len(table) {
				return out, fmt.Errorf("entry %d of a dictionary of %d", e, len(table))
			}
			out = append(out, table[e])
		}
		return out, nil
	}
	return appendWide(out, &values, kind), nil
}

func appendWide(out []int64, values *encoding.Values, kind parquet.Kind) []int64 {
	if kind == parquet.Int64 {
		return append(out, values.Int64()...)
	}
	for _, v := range values.Int32() {
		out = append(out, int64(v))
	}
	return out
}

// readFloats reads a column of numbers or booleans (0 and 1); null is NaN.
func (f *file) readFloats(name string) ([]float64, error) {
	column, _, err := f.column(name)
	if err != nil {
		return nil, err
	}
	out := make([]float64, 0, f.NumRows())
	buffer := make([]parquet.Value, 512)
	err = f.pages(name, column, func(page parquet.Page, _ int) error {
		var err error
		out, err = appendFloats(out, page.Values(), buffer)
		return err
	})
	return out, err
}

func appendFloats(out []float64, values parquet.ValueReader, buffer []parquet.Value) ([]float64, error) {
	for {
		n, err := values.ReadValues(buffer)
		for _, v := range buffer[:n] {
			x, err := number(v)
			if err != nil {
				return out, fmt.Errorf("row %d: %w", len(out)+1, err)
			}
			out = append(out, x)
		}
		if errors.Is(err, io.EOF) {
			return out, nil
		}
		if err != nil {
			return out, err
		}
	}
}

func number(v parquet.Value) (float64, error) {
	if v.IsNull() {
		return math.NaN(), nil
	}
	switch v.Kind() {
	case parquet.Boolean:
		if v.Boolean() {
			return 1, nil
		}
		return 0, nil
	case parquet.Int32:
		return float64(v.Int32()), nil
	case parquet.Int64:
		return float64(v.Int64()), nil
	case parquet.Double:
		return finite(v.Double())
	case parquet.Float:
		return finite(float64(v.Float()))
	}
	return 0, fmt.Errorf("holds %s, not a number", v.Kind())
}

func finite(x float64) (float64, error) {
	if math.IsNaN(x) || math.IsInf(x, 0) {
		return 0, fmt.Errorf("%v is not a finite number", x)
	}
	return x, nil
}

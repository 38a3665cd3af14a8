package lake

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/format"

	"regulars/data"
)

// FileColumn is a column of a Parquet file, ours or foreign.
type FileColumn struct {
	Name string
	Kind data.Kind // what its values are read as; KindNull when they cannot be
	Type string    // the Parquet type in words, for messages
	Void bool      // the type has no value but null, as tools write columns that are empty throughout

	leaf      int // index among the file's leaf columns
	contract  bool
	decode    func(parquet.Value) data.Value
	listLevel int // definition level of an empty list; 0 in a flat column
}

// ParquetFile is an open Parquet file, whose columns are read one by one.
type ParquetFile struct {
	path    string
	handle  *os.File
	file    *parquet.File
	columns []FileColumn
}

// OpenParquet opens the file and reads its footer. A file that is missing, a
// folder, truncated or no Parquet is an error that names it.
func OpenParquet(path string) (*ParquetFile, error) {
	h, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	p := &ParquetFile{path: path, handle: h}
	if err := p.open(); err != nil {
		return nil, errors.Join(fmt.Errorf("%s: %w", path, err), h.Close())
	}
	return p, nil
}

func (p *ParquetFile) open() error {
	info, err := p.handle.Stat()
	if err != nil {
		return err
	}
	if info.IsDir() {
		return errors.New("is a folder, not a Parquet file")
	}
	if err := p.readFooter(info.Size()); err != nil {
		return fmt.Errorf("not a whole Parquet file (damaged or cut short?): %w", err)
	}
	return nil
}

// readFooter turns the decoder's panics on damaged footers into errors:
// whatever is in a file is data.
func (p *ParquetFile) readFooter(size int64) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("decoding the footer: %v", r)
		}
	}()
	if err := checkTail(p.handle, size); err != nil {
		return err
	}
	if p.file, err = parquet.OpenFile(p.handle, size, parquet.SkipPageIndex(true), parquet.SkipBloomFilters(true)); err != nil {
		return err
	}
	for _, c := range p.file.Root().Columns() {
		p.columns = append(p.columns, describe(c))
	}
	return nil
}

// checkTail reads the last eight bytes, the footer's length and the magic word,
// before the decoder makes room for a footer of whatever length they claim.
func checkTail(r io.ReaderAt, size int64) error {
	const magic, tail = "PAR1", 8
	if size < int64(len(magic)+tail) {
		return fmt.Errorf("it has only %d bytes", size)
	}
	var b [tail]byte
	if _, err := r.ReadAt(b[:], size-tail); err != nil {
		return err
	}
	if string(b[4:]) != magic {
		return fmt.Errorf("it does not end with %s", magic)
	}
	if n := int64(binary.LittleEndian.Uint32(b[:])); n > size-int64(len(magic)+tail) {
		return fmt.Errorf("its footer claims %d bytes of %d", n, size)
	}
	return nil
}

// Path returns where the file is.
func (p *ParquetFile) Path() string { return p.path }

// Rows returns the number of rows.
func (p *ParquetFile) Rows() int64 { return p.file.NumRows() }

// Columns returns the top-level columns in file order.
func (p *ParquetFile) Columns() []FileColumn { return p.columns }

// Close closes the file.
func (p *ParquetFile) Close() error { return p.handle.Close() }

func (p *ParquetFile) index(name string) int {
	for i := range p.columns {
		if p.columns[i].Name == name {
			return i
		}
	}
	return -1
}

// describe says how a column's values are read.
func describe(c *parquet.Column) FileColumn {
	out := FileColumn{Name: c.Name(), Type: typeName(c), Void: isVoid(c)}
	switch {
	case c.Leaf() && !c.Repeated():
		out.leaf = int(c.Index())
		out.Kind, out.decode = decoderOf(c.Type())
		out.contract = isContract(c.Type(), out.Kind)
	case isStringList(c):
		leaf := c.Columns()[0].Columns()[0]
		out.Kind, out.leaf, out.decode, out.contract = data.KindList, int(leaf.Index()), decodeString, true
		out.listLevel = c.Columns()[0].MaxDefinitionLevel() // of the repeated group: 1 + that of the empty list
	}
	return out
}

// isStringList recognises the three-level LIST of the Parquet format document.
func isStringList(c *parquet.Column) bool {
	if c.Leaf() || c.Repeated() || len(c.Columns()) != 1 || !c.Columns()[0].Repeated() {
		return false
	}
	group := c.Columns()[0]
	if group.Leaf() || len(group.Columns()) != 1 {
		return false
	}
	leaf := group.Columns()[0]
	return leaf.Leaf() && !leaf.Repeated() && leaf.Type().Kind() == parquet.ByteArray && !isDecimal(leaf.Type())
}

func isVoid(c *parquet.Column) bool {
	if !c.Leaf() || c.Type().LogicalType() == nil {
		return false
	}
	_, ok := c.Type().LogicalType().Value.(*format.NullType)
	return ok
}

func isDecimal(t parquet.Type) bool {
	lt := t.LogicalType()
	if lt == nil {
		return false
	}
	_, ok := lt.Value.(*format.DecimalType)
	return ok
}

// isContract reports whether a flat column has exactly the form that lake
// files have: see the kinds of package data.
func isContract(t parquet.Type, k data.Kind) bool {
	lt := t.LogicalType()
	switch k {
	case data.KindString:
		return t.Kind() == parquet.ByteArray
	case data.KindInt:
		return t.Kind() == parquet.Int64 && !isUnsigned(t)
	case data.KindFloat:
		return t.Kind() == parquet.Double
	case data.KindBool:
		return true
	case data.KindTime:
		if lt == nil { // INT96
			return false
		}
		ts, ok := lt.Value.(*format.TimestampType)
		if !ok {
			return false
		}
		_, micros := ts.Unit.Value.(*format.MicroSeconds)
		return micros
	case data.KindMoney:
		d, ok := lt.Value.(*format.DecimalType)
		return ok && t.Kind() == parquet.Int64 && d.Scale == 4
	}
	return false
}

func typeName(c *parquet.Column) string {
	if !c.Leaf() {
		return "a nested group"
	}
	name := strings.ToLower(c.Type().Kind().String())
	if lt := c.Type().LogicalType(); lt != nil {
		name = fmt.Sprintf("%s %s", name, strings.ToLower(c.Type().String()))
	}
	if c.Repeated() {
		return "repeated " + name
	}
	return name
}

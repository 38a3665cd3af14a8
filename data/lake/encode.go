package lake

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"
	"reflect"
	"unsafe"

	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/compress/zstd"

	"regulars/data"
)

// groupRows is the number of rows in a row group, the unit that a parallel
// reader takes; a multiple of batchRows.
const groupRows = 128 << 10

// dictionaryBytes is the size at which a string column turns from dictionary
// to plain encoding: beyond it the words hardly repeat.
const dictionaryBytes = 1 << 20

// orderedGroup is a Parquet group whose columns stay in the contract's order;
// the library's own sorts them by name.
type orderedGroup struct {
	parquet.Group
	fields []parquet.Field
}

func (g orderedGroup) Fields() []parquet.Field { return g.fields }

type namedNode struct {
	parquet.Node
	name string
}

func (f namedNode) Name() string { return f.name }

func (f namedNode) Value(base reflect.Value) reflect.Value {
	return base.MapIndex(reflect.ValueOf(f.name))
}

func parquetSchema(name string, columns []data.Column) *parquet.Schema {
	g := orderedGroup{Group: parquet.Group{}}
	for _, c := range columns {
		node := parquetNode(c.Kind)
		if !c.Required {
			node = parquet.Optional(node)
		}
		g.Group[c.Name] = node
		g.fields = append(g.fields, namedNode{node, c.Name})
	}
	return parquet.NewSchema(name, g)
}

func parquetNode(k data.Kind) parquet.Node {
	switch k {
	case data.KindInt:
		return parquet.Int(64)
	case data.KindFloat:
		return parquet.Leaf(parquet.DoubleType)
	case data.KindBool:
		return parquet.Leaf(parquet.BooleanType)
	case data.KindTime:
		return parquet.TimestampAdjusted(parquet.Microsecond, true)
	case data.KindMoney:
		return parquet.Decimal(4, 18, parquet.Int64Type)
	case data.KindList:
		return parquet.List(parquet.Encoded(parquet.String(), &parquet.RLEDictionary))
	}
	return parquet.Encoded(parquet.String(), &parquet.RLEDictionary)
}

// fileWriter writes rows into one staged Parquet file, column by column. The
// bytes depend on the rows alone, not on how they are cut into calls.
type fileWriter struct {
	path    string
	file    *os.File
	sum     hash.Hash
	w       *parquet.GenericWriter[any]
	columns []data.Column
	chunk   []data.Row // rows not encoded yet, at most batchRows
	arena   data.Row   // what chunk points into
	buf     []parquet.Value
	rows    int64
}

func createFile(path string, name string, columns []data.Column) (*fileWriter, error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o644)
	if err != nil {
		return nil, err
	}
	sum := sha256.New()
	w := parquet.NewGenericWriter[any](io.MultiWriter(f, sum), parquetSchema(name, columns),
		parquet.Compression(&zstd.Codec{Level: zstd.SpeedFastest}),
		parquet.CreatedBy("regulars", "1", ""),
		parquet.DictionaryMaxBytes(dictionaryBytes),
		parquet.DataPageStatistics(true), // bounds of ts, for Span and for engines that skip row groups
		parquet.SkipPageBounds("raw"))
	return &fileWriter{path: path, file: f, sum: sum, w: w, columns: columns,
		arena: make(data.Row, batchRows*len(columns))}, nil
}

// write copies the rows, which the caller may reuse, and encodes full chunks:
// where a page ends then depends on the rows alone.
func (w *fileWriter) write(rows []data.Row) error {
	for _, row := range rows {
		if len(w.chunk) == batchRows {
			if err := w.encode(); err != nil {
				return err
			}
		}
		n, width := len(w.chunk), len(w.columns)
		w.chunk = append(w.chunk, w.arena[n*width:(n+1)*width:(n+1)*width])
		copy(w.chunk[n], row)
		w.rows++
	}
	return nil
}

// encode writes the chunk, and ends the row group when it is full.
func (w *fileWriter) encode() error {
	if len(w.chunk) == 0 {
		return nil // a file of no rows
	}
	for i := range w.columns {
		w.buf = appendColumn(w.buf[:0], w.chunk, i, w.columns[i])
		if _, err := w.w.ColumnWriters()[i].WriteRowValues(w.buf); err != nil {
			return fmt.Errorf("column %q: %w", w.columns[i].Name, err)
		}
	}
	w.chunk = w.chunk[:0]
	if w.rows%groupRows != 0 {
		return nil
	}
	return w.w.Flush()
}

// close ends the file and makes it survive a power failure.
func (w *fileWriter) close(l *Lake) error {
	err := errors.Join(w.encode(), w.w.Close(), w.abandon())
	if err != nil {
		return err
	}
	return l.fs.SyncFile(w.path)
}

// abandon closes the file as it stands, if it is open.
func (w *fileWriter) abandon() error {
	if w.file == nil {
		return nil
	}
	f := w.file
	w.file = nil
	return f.Close()
}

func (w *fileWriter) checksum() string { return hex.EncodeToString(w.sum.Sum(nil)) }

// appendColumn appends column i of the rows in Parquet's form: the definition
// level says whether an optional value is there.
func appendColumn(dst []parquet.Value, rows []data.Row, i int, c data.Column) []parquet.Value {
	if c.Kind == data.KindList {
		return appendLists(dst, rows, i, c)
	}
	level := 0
	if !c.Required {
		level = 1
	}
	for _, row := range rows {
		if row[i].IsNull() {
			dst = append(dst, parquet.NullValue().Level(0, 0, i))
			continue
		}
		dst = append(dst, parquetValue(&row[i]).Level(0, level, i))
	}
	return dst
}

// appendLists writes optional lists: 0 = null, 1 = empty, 2 = an element. No
// contract has a required list.
func appendLists(dst []parquet.Value, rows []data.Row, i int, c data.Column) []parquet.Value {
	base := 1
	if c.Required {
		base = 0
	}
	for _, row := range rows {
		if row[i].IsNull() {
			dst = append(dst, parquet.NullValue().Level(0, 0, i))
			continue
		}
		list := row[i].List()
		if len(list) == 0 {
			dst = append(dst, parquet.NullValue().Level(0, base, i))
		}
		for n, s := range list {
			dst = append(dst, parquet.ByteArrayValue(stringBytes(s)).Level(min(n, 1), base+1, i))
		}
	}
	return dst
}

func parquetValue(v *data.Value) parquet.Value {
	switch v.Kind() {
	case data.KindString:
		return parquet.ByteArrayValue(stringBytes(v.Str()))
	case data.KindFloat:
		return parquet.DoubleValue(v.Float())
	case data.KindBool:
		return parquet.BooleanValue(v.Bool())
	case data.KindTime:
		return parquet.Int64Value(v.Micros())
	case data.KindMoney:
		return parquet.Int64Value(int64(v.Money()))
	}
	return parquet.Int64Value(v.Int())
}

// stringBytes views a string as bytes, which the column writer only copies
// from: a copy of every id here would double the cost of writing.
func stringBytes(s string) []byte { return unsafe.Slice(unsafe.StringData(s), len(s)) }

package lake

import (
	"errors"
	"fmt"
	"io"
	"math"

	"github.com/parquet-go/parquet-go"

	"regulars/data"
)

// Reader returns the rows of the file: row[i] holds the column numbered
// columns[i] of Columns(), and is null where that is -1. The file must stay
// open as long as the reader is used.
func (p *ParquetFile) Reader(columns []int) (data.Reader, error) {
	for _, c := range columns {
		if c >= 0 && p.columns[c].decode == nil {
			return nil, fmt.Errorf("%s: column %q is %s, which cannot be read", p.path, p.columns[c].Name, p.columns[c].Type)
		}
	}
	return &fileReader{file: p, columns: columns, groups: p.file.RowGroups()}, nil
}

// fileReader walks the row groups, and in each of them all columns in step.
type fileReader struct {
	file    *ParquetFile
	columns []int
	groups  []parquet.RowGroup
	cursors []*cursor
	left    int64 // rows of the current row group not read yet
	done    int64 // rows read so far, for messages
}

func (r *fileReader) Read(rows []data.Row) (n int, err error) {
	// The decoder panics on some damaged pages: whatever is in a file is data.
	defer func() {
		if p := recover(); p != nil {
			n, err = 0, fmt.Errorf("%s: damaged near row %d: %v", r.file.path, r.done+1, p)
		}
	}()
	if err := r.nextGroup(); err != nil {
		return 0, err
	}
	n = int(min(int64(len(rows)), r.left))
	rows = rows[:n]
	prepare(rows, len(r.columns))
	for i, c := range r.cursors {
		if c == nil {
			continue
		}
		if err := c.fill(rows, i); err != nil {
			return 0, fmt.Errorf("%s: column %q, damaged near row %d: %w", r.file.path, c.column.Name, r.done+1, err)
		}
	}
	r.left -= int64(n)
	r.done += int64(n)
	return n, nil
}

// prepare gives every row the wanted length, all null.
func prepare(rows []data.Row, width int) {
	var fresh data.Row
	for i := range rows {
		if cap(rows[i]) >= width {
			rows[i] = rows[i][:width]
			clear(rows[i])
			continue
		}
		if fresh == nil {
			fresh = make(data.Row, width*(len(rows)-i))
		}
		rows[i], fresh = fresh[:width:width], fresh[width:]
	}
}

func (r *fileReader) nextGroup() error {
	for r.left == 0 {
		if err := r.closeCursors(); err != nil {
			return err
		}
		if len(r.groups) == 0 {
			return io.EOF
		}
		group := r.groups[0]
		r.groups = r.groups[1:]
		r.left = group.NumRows()
		r.cursors = make([]*cursor, len(r.columns))
		for i, c := range r.columns {
			if c >= 0 {
				r.cursors[i] = newCursor(&r.file.columns[c], group)
			}
		}
	}
	return nil
}

func (r *fileReader) closeCursors() error {
	var err error
	for _, c := range r.cursors {
		if c != nil {
			err = errors.Join(err, c.close())
		}
	}
	r.cursors = nil
	return err
}

// Close frees the pages held; the file stays open.
func (r *fileReader) Close() error {
	r.groups, r.left = nil, 0
	return r.closeCursors()
}

// cursorValues is how many values of a column are decoded at a time.
const cursorValues = 1024

// cursor yields the values of one column of one row group.
type cursor struct {
	column *FileColumn
	pages  parquet.Pages
	page   parquet.Page
	values parquet.ValueReader
	buf    []parquet.Value
	lo, hi int // the values of buf not consumed yet
	words  words
}

func newCursor(column *FileColumn, group parquet.RowGroup) *cursor {
	return &cursor{column: column, pages: group.ColumnChunks()[column.leaf].Pages(), buf: make([]parquet.Value, cursorValues)}
}

func (c *cursor) close() error {
	parquet.Release(c.page)
	return c.pages.Close()
}

// refill decodes more values; io.EOF says that the row group has no more.
func (c *cursor) refill() error {
	for {
		if c.values == nil {
			parquet.Release(c.page)
			c.page = nil
			page, err := c.pages.ReadPage()
			if err != nil {
				return err
			}
			c.page, c.values = page, page.Values()
		}
		n, err := c.values.ReadValues(c.buf)
		if err != nil && !errors.Is(err, io.EOF) {
			return err
		}
		if err != nil || n == 0 {
			c.values = nil
		}
		if n > 0 {
			c.lo, c.hi = 0, n
			return nil
		}
	}
}

// fill puts the next values into column i of the rows.
func (c *cursor) fill(rows []data.Row, i int) error {
	if c.column.Kind == data.KindList {
		return c.fillLists(rows, i)
	}
	for len(rows) > 0 {
		if c.lo == c.hi {
			if err := c.refill(); err != nil {
				return noEOF(err)
			}
		}
		n := min(len(rows), c.hi-c.lo)
		if err := c.fillFlat(rows[:n], i, c.buf[c.lo:c.lo+n]); err != nil {
			return err
		}
		rows, c.lo = rows[n:], c.lo+n
	}
	return nil
}

var errNotFinite = errors.New("holds a number that is not finite")

func (c *cursor) fillFlat(rows []data.Row, i int, values []parquet.Value) error {
	for r := range rows {
		v := values[r]
		switch {
		case v.IsNull():
		case c.column.Kind == data.KindString:
			rows[r][i] = data.String(c.words.share(v.ByteArray()))
		default:
			rows[r][i] = c.column.decode(v)
		}
	}
	return nil
}

// fillLists assembles lists: repetition level 0 begins a row; a definition
// level below listLevel-1 is a null list, listLevel-1 an empty one, listLevel a
// null element, which is left out.
func (c *cursor) fillLists(rows []data.Row, i int) error {
	for r := range rows {
		var list []string
		null := false
		for first := true; ; first = false {
			if c.lo == c.hi {
				if err := c.refill(); err != nil {
					if errors.Is(err, io.EOF) && !first {
						break
					}
					return noEOF(err)
				}
			}
			v := c.buf[c.lo]
			if !first && v.RepetitionLevel() == 0 {
				break
			}
			c.lo++
			null = v.DefinitionLevel() < c.column.listLevel-1
			if !v.IsNull() {
				list = append(list, c.words.share(v.ByteArray()))
			}
		}
		if !null {
			rows[r][i] = data.List(list)
		}
	}
	return nil
}

func noEOF(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

// words hands out one string for equal bytes: ids repeat, and a shared string
// costs neither memory nor collection.
type words struct {
	last  string
	known map[string]string
}

// maxWords bounds the memory of words; longer texts are unlikely to repeat.
const (
	maxWords   = 1 << 15
	maxWordLen = 64
)

func (w *words) share(b []byte) string {
	if string(b) == w.last {
		return w.last
	}
	if len(b) > maxWordLen {
		return string(b)
	}
	s, ok := w.known[string(b)]
	if !ok {
		if w.known == nil || len(w.known) >= maxWords {
			w.known = make(map[string]string, 256)
		}
		s = string(b)
		w.known[s] = s
	}
	w.last = s
	return s
}

// finite refuses NaN and infinities, which no lake file may hold.
func finite(rows []data.Row, i int) error {
	for _, row := range rows {
		if f := row[i].Float(); row[i].Kind() == data.KindFloat && (math.IsNaN(f) || math.IsInf(f, 0)) {
			return errNotFinite
		}
	}
	return nil
}

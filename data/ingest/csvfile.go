package ingest

import (
	"bufio"
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"unicode/utf8"

	"regulars/data"
	"regulars/data/lake"
)

// csvFile is a CSV file with a header line, read as strings.
type csvFile struct {
	name    string
	size    int64
	handle  *os.File
	text    *recorder
	reader  *csv.Reader
	headers []string
	done    int64 // records read
	share   map[string]string
}

func openCSV(path string) (*csvFile, error) {
	h, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	c := &csvFile{name: path, handle: h}
	if err := c.open(); err != nil {
		return nil, errors.Join(fmt.Errorf("%s: %w", path, err), h.Close())
	}
	return c, nil
}

func (c *csvFile) open() error {
	info, err := c.handle.Stat()
	if err != nil {
		return err
	}
	c.size = info.Size()
	in := bufio.NewReaderSize(c.handle, 1<<16)
	head, err := in.Peek(in.Size())
	if err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	if err := checkText(head); err != nil {
		return err
	}
	if bytes.HasPrefix(head, []byte("\ufeff")) {
		head = head[3:]
		if _, err := in.Discard(3); err != nil {
			return err
		}
	}
	c.text = &recorder{in: in}
	c.reader = csv.NewReader(c.text)
	c.reader.Comma = separator(head)
	c.reader.ReuseRecord = true
	return c.readHeader()
}

// foreignHeads are the first bytes of files that are often taken for CSV.
var foreignHeads = []struct{ head, complaint string }{
	{"\xff\xfe", "is UTF-16 text: save it as CSV in UTF-8"},
	{"\xfe\xff", "is UTF-16 text: save it as CSV in UTF-8"},
	{"\x1f\x8b", "is gzip-compressed: unpack it first"},
	{"PK\x03\x04", "is a ZIP archive, such as an Excel workbook: save it as CSV in UTF-8"},
}

// checkText says what a file is that begins like no CSV in UTF-8.
func checkText(head []byte) error {
	for _, f := range foreignHeads {
		if bytes.HasPrefix(head, []byte(f.head)) {
			return errors.New(f.complaint)
		}
	}
	line, _, _ := bytes.Cut(head, []byte("\n"))
	if bytes.IndexByte(line, 0) >= 0 {
		return errors.New("is UTF-16 text without a mark, or no text at all (its first line holds a zero byte): save it as CSV in UTF-8")
	}
	return nil
}

// separators are what may stand between cells.
const separators = ",;\t|"

// separator returns the one that the header line has most of outside of quotes;
// of equals the first of separators, which is also that of a single column.
func separator(head []byte) rune {
	var counts [len(separators)]int
	quoted := false
	for _, b := range head {
		if b == '\n' && !quoted {
			break
		}
		if b == '"' {
			quoted = !quoted
		}
		if i := strings.IndexByte(separators, b); i >= 0 && !quoted {
			counts[i]++
		}
	}
	best := 0
	for i, n := range counts {
		if n > counts[best] {
			best = i
		}
	}
	return rune(separators[best])
}

func (c *csvFile) readHeader() error {
	record, err := c.reader.Read()
	if errors.Is(err, io.EOF) {
		return errors.New("is empty: the first line must name the columns")
	}
	if err != nil {
		return fmt.Errorf("reading the header: %w", err)
	}
	seen := map[string]bool{}
	for i, h := range record {
		h = strings.Clone(strings.TrimSpace(h))
		if !utf8.ValidString(h) {
			return fmt.Errorf("header %d is not valid UTF-8", i+1)
		}
		if h != "" && seen[h] {
			return fmt.Errorf("two columns are named %q", h)
		}
		seen[h] = true
		c.headers = append(c.headers, h)
	}
	c.text.cut(c.reader.InputOffset())
	return nil
}

func (c *csvFile) path() string      { return c.name }
func (c *csvFile) names() []string   { return c.headers }
func (c *csvFile) ignored() []string { return nil }
func (c *csvFile) close() error      { return c.handle.Close() }

func (c *csvFile) kinds() []data.Kind {
	out := make([]data.Kind, len(c.headers))
	for i := range out {
		out[i] = data.KindString
	}
	return out
}

func (c *csvFile) types() []string {
	out := make([]string, len(c.headers))
	for i := range out {
		out[i] = "text"
	}
	return out
}

// estimate supposes lines of 12 bytes a column.
func (c *csvFile) estimate() int64 { return c.size / int64(12*len(c.headers)) }

func (c *csvFile) next(b *batch) error {
	b.rows, b.numbers, b.bad = grow(b.rows)[:0], b.numbers[:0], b.bad[:0]
	for len(b.rows)+len(b.bad) < batchRows {
		record, err := c.reader.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		raw := c.text.cut(c.reader.InputOffset())
		c.done++
		if err != nil {
			bad, err := c.badRecord(err, raw)
			if err != nil {
				return err
			}
			b.bad = append(b.bad, bad)
			continue
		}
		b.numbers = append(b.numbers, c.done)
		b.rows = c.appendRow(b.rows, record)
	}
	if len(b.rows)+len(b.bad) == 0 {
		return io.EOF
	}
	return nil
}

// appendRow turns cells into values: an empty cell is null.
func (c *csvFile) appendRow(rows []data.Row, record []string) []data.Row {
	n := len(rows)
	rows = rows[:n+1]
	row := rows[n]
	if len(row) != len(record) {
		row = make(data.Row, len(record))
	}
	for i, cell := range record {
		row[i] = data.Null
		if cell != "" {
			row[i] = data.String(c.intern(cell))
		}
	}
	rows[n] = row
	return rows
}

// intern copies a cell out of the reader's line: one copy for all equal cells,
// or each short cell would keep its whole line alive.
func (c *csvFile) intern(cell string) string {
	const maxCells, maxCellLen = 1 << 15, 64
	if len(cell) > maxCellLen {
		return strings.Clone(cell)
	}
	if s, ok := c.share[cell]; ok {
		return s
	}
	if c.share == nil || len(c.share) >= maxCells {
		c.share = make(map[string]string, 256)
	}
	s := strings.Clone(cell)
	c.share[s] = s
	return s
}

// badRecord says what is wrong with a record. A quote that never closes has
// swallowed the rest of the file, and a failing disk ends the file too: those
// are errors of the file, not of a row.
func (c *csvFile) badRecord(err error, raw []byte) (badRow, error) {
	var p *csv.ParseError
	if !errors.As(err, &p) {
		return badRow{}, fmt.Errorf("reading %s: %w", c.name, err)
	}
	if errors.Is(err, csv.ErrQuote) && bytes.Count(raw, []byte{'"'})%2 == 1 {
		return badRow{}, fmt.Errorf("%s: line %d, column %d: a quoted cell that begins on line %d never ends (is the file cut short?)",
			c.name, p.Line, p.Column, p.StartLine)
	}
	reason := "the quotes of the line are wrong"
	if errors.Is(err, csv.ErrFieldCount) {
		reason = "the line has more or fewer cells than the header"
	}
	text := lake.RowJSON([]string{"line"}, data.Row{data.String(strings.TrimRight(string(raw), "\r\n"))})
	return badRow{number: c.done, reason: reason, raw: text}, nil
}

// recorder keeps what was read since the last cut, so that a record that the
// CSV reader refuses can be shown as it stood.
type recorder struct {
	in    io.Reader
	kept  []byte
	start int64 // offset of kept[0]
}

func (r *recorder) Read(p []byte) (int, error) {
	n, err := r.in.Read(p)
	r.kept = append(r.kept, p[:n]...)
	return n, err
}

// cut forgets what lies before the offset and returns it.
func (r *recorder) cut(offset int64) []byte {
	n := offset - r.start
	text := r.kept[:n]
	r.kept = r.kept[n:]
	r.start = offset
	return text
}

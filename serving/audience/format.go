package audience

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/parquet-go/parquet-go"

	"regulars/models/artifact"
	"regulars/serving"
	"regulars/serving/filter"
)

// Format is what an audience is written as.
type Format string

// The formats.
const (
	JSONL   Format = "jsonl" // what is not known is absent
	CSV     Format = "csv"
	Parquet Format = "parquet"
)

// Formats returns the names of all formats.
func Formats() []string { return []string{string(JSONL), string(CSV), string(Parquet)} }

// A rowWriter writes rows as they come; close ends the file.
type rowWriter interface {
	row(cells []Cell) error
	close() error
}

func newRowWriter(w io.Writer, format Format, columns []Column, lang serving.Lang) (rowWriter, error) {
	switch format {
	case JSONL:
		return newJSONLines(w, columns), nil
	case CSV:
		return newCSVFile(w, columns, lang)
	case Parquet:
		return newParquetFile(w, columns), nil
	}
	return nil, wrong("format", "%q is not one of %s", format, strings.Join(Formats(), ", "))
}

// jsonLines writes an object a line.
type jsonLines struct {
	w       io.Writer
	columns []Column
	names   [][]byte
	line    []byte
}

func newJSONLines(w io.Writer, columns []Column) *jsonLines {
	j := &jsonLines{w: w, columns: columns}
	for _, c := range columns {
		j.names = append(j.names, appendJSON(nil, c.Name))
	}
	return j
}

// appendJSON writes a text; what is not UTF-8 in it is replaced.
func appendJSON(b []byte, s string) []byte {
	text, err := json.Marshal(s)
	if err != nil {
		panic(err) // texts can always be written
	}
	return append(b, text...)
}

func (j *jsonLines) row(cells []Cell) error {
	b := append(j.line[:0], '{')
	for i, c := range cells {
		if !c.Known {
			continue
		}
		if len(b) > 1 {
			b = append(b, ',')
		}
		b = append(append(b, j.names[i]...), ':')
		switch j.columns[i].Kind {
		case filter.Number:
			b = strconv.AppendFloat(b, c.Num, 'g', -1, 64)
		case filter.Bool:
			b = strconv.AppendBool(b, c.Yes)
		default:
			b = appendJSON(b, textOf(c, j.columns[i].Kind))
		}
	}
	j.line = append(b, '}', '\n')
	_, err := j.w.Write(j.line)
	return err
}

func (j *jsonLines) close() error { return nil }

// textOf is a cell as a person reads it; what is not known is empty.
func textOf(c Cell, kind filter.Kind) string {
	switch {
	case !c.Known:
		return ""
	case kind == filter.Number:
		return strconv.FormatFloat(c.Num, 'f', -1, 64)
	case kind == filter.Date:
		return day(c.Num)
	case kind == filter.Bool:
		return strconv.FormatBool(c.Yes)
	}
	return c.Text
}

// csvFile writes as RFC 4180 says, safe to open in a spreadsheet.
type csvFile struct {
	w       *csv.Writer
	columns []Column
	record  []string
}

// byteOrderMark tells Excel that a file is UTF-8.
const byteOrderMark = "\ufeff"

func newCSVFile(w io.Writer, columns []Column, lang serving.Lang) (*csvFile, error) {
	f := &csvFile{w: csv.NewWriter(w), columns: columns, record: make([]string, len(columns))}
	f.w.UseCRLF = true
	for i, c := range columns {
		f.record[i] = inert(c.Name)
		if lang == serving.Chinese {
			f.record[i] = inert(c.Title)
		}
	}
	if lang == serving.Chinese {
		if _, err := io.WriteString(w, byteOrderMark); err != nil {
			return nil, err
		}
	}
	return f, f.w.Write(f.record)
}

func (f *csvFile) row(cells []Cell) error {
	for i, c := range cells {
		kind := f.columns[i].Kind
		f.record[i] = textOf(c, kind)
		if kind == filter.String {
			f.record[i] = inert(f.record[i])
		}
	}
	return f.w.Write(f.record)
}

func (f *csvFile) close() error {
	f.w.Flush()
	return f.w.Error()
}

var plainNumber = regexp.MustCompile(`^[+-]?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]+)?$`)

// Signs that begin a formula, full-width ones too, or that a spreadsheet passes
// over in front of one; and those at which it may begin a new cell: many expect
// semicolons between cells, and take a quotation mark within one for a letter
// (https://owasp.org/www-community/attacks/CSV_Injection).
const (
	formulaSigns = "=+-@\t\r\n＝＋－＠"
	cellEnds     = ";\t\r\n"
)

// inert keeps a spreadsheet from taking a text, or a part of one, for a formula:
// an apostrophe goes before what could begin one, unless it is a number.
func inert(s string) string {
	if !strings.ContainsAny(s, formulaSigns) {
		return s
	}
	var b strings.Builder
	for from := 0; from < len(s); {
		end := len(s)
		if i := strings.IndexAny(s[from:], cellEnds); i >= 0 {
			end = from + i
		}
		part := s[from:end]
		first, _ := utf8.DecodeRuneInString(s[from:])
		if strings.ContainsRune(formulaSigns, first) && !plainNumber.MatchString(part) && (from == 0 || part != "") {
			b.WriteByte('\'')
		}
		next := min(end+1, len(s))
		b.WriteString(s[from:next])
		from = next
	}
	return b.String()
}

// groupRows is how many rows a row group of a Parquet file has, which is what is
// held in memory.
const groupRows = 10_000

// parquetFile writes optional columns of strings, doubles, booleans and dates.
type parquetFile struct {
	w       *parquet.GenericWriter[any]
	columns []Column
	values  parquet.Row
	rows    int
}

func newParquetFile(w io.Writer, columns []Column) *parquetFile {
	return &parquetFile{columns: columns, w: parquet.NewGenericWriter[any](w, parquetSchema(columns), parquet.Compression(&parquet.Zstd), parquet.CreatedBy("regulars", "1", ""))}
}

func parquetSchema(columns []Column) *parquet.Schema {
	names, nodes := make([]string, len(columns)), make([]parquet.Node, len(columns))
	for i, c := range columns {
		names[i], nodes[i] = c.Name, parquet.Optional(parquetNode(c.Kind))
	}
	return artifact.OrderedSchema("audience", names, nodes)
}

func parquetNode(kind filter.Kind) parquet.Node {
	switch kind {
	case filter.Number:
		return parquet.Leaf(parquet.DoubleType)
	case filter.Bool:
		return parquet.Leaf(parquet.BooleanType)
	case filter.Date:
		return parquet.Date()
	}
	return parquet.String()
}

func (f *parquetFile) row(cells []Cell) error {
	f.values = f.values[:0]
	for i, c := range cells {
		if !c.Known {
			f.values = append(f.values, parquet.NullValue().Level(0, 0, i))
			continue
		}
		f.values = append(f.values, parquetValue(c, f.columns[i].Kind).Level(0, 1, i))
	}
	if _, err := f.w.WriteRows([]parquet.Row{f.values}); err != nil {
		return fmt.Errorf("writing Parquet: %w", err)
	}
	if f.rows++; f.rows%groupRows != 0 {
		return nil
	}
	return f.w.Flush()
}

func parquetValue(c Cell, kind filter.Kind) parquet.Value {
	switch kind {
	case filter.Number:
		return parquet.DoubleValue(c.Num)
	case filter.Bool:
		return parquet.BooleanValue(c.Yes)
	case filter.Date:
		return parquet.Int32Value(int32(c.Num))
	}
	return parquet.ByteArrayValue([]byte(c.Text))
}

func (f *parquetFile) close() error { return f.w.Close() }

package ingest

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"

	"regulars/data"
	"regulars/data/lake"
)

// format is a kind of file.
type format uint8

const (
	formatCSV format = iota
	formatParquet
)

func (f format) String() string {
	if f == formatParquet {
		return "parquet"
	}
	return "csv"
}

// batchRows is how many rows are brought in at a time.
const batchRows = 1024

// batch is a number of rows as they stand in a file.
type batch struct {
	path    string
	names   []string // of the columns, as the file spells them
	rows    []data.Row
	numbers []int64 // of each row in the file, from 1, the header not counted
	bad     []badRow
}

// badRow is a row that could not even be split into columns.
type badRow struct {
	number int64
	reason string
	raw    string // JSON
}

func (b *batch) raw(i int) string { return lake.RowJSON(b.names, b.rows[i]) }

// foreign is an open file of the outside world.
type foreign interface {
	path() string
	names() []string    // the headers
	kinds() []data.Kind // what the columns are read as; a CSV file has only strings
	types() []string    // the columns' types in the file's own words
	ignored() []string  // headers of columns that cannot be read
	estimate() int64    // rows, about
	next(b *batch) error
	close() error
}

// checkRegular refuses what cannot be read twice, before it is opened: opening a
// pipe would wait for whoever writes into it. What is not there at all is left
// to the opening, whose message says so.
func checkRegular(path string) error {
	info, err := os.Stat(path)
	switch {
	case err != nil || info.Mode().IsRegular():
		return nil
	case info.IsDir():
		return fmt.Errorf("%s is a folder: name the files in it", path)
	}
	return fmt.Errorf("%s is not a regular file: it is read twice, which a pipe or a device does not allow; save it to a file first", path)
}

// sniff says by the first bytes what a file is.
func sniff(path string) (format, error) {
	if err := checkRegular(path); err != nil {
		return 0, err
	}
	f, err := os.Open(path)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	head := make([]byte, 4)
	n, err := io.ReadFull(f, head)
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		return 0, fmt.Errorf("reading %s: %w", path, err)
	}
	if bytes.Equal(head[:n], []byte("PAR1")) {
		return formatParquet, nil
	}
	return formatCSV, nil
}

// openAs opens a file that should be of the given format.
func openAs(path string, want format) (foreign, error) {
	got, err := sniff(path)
	if err != nil {
		return nil, err
	}
	if got == formatParquet && want == formatCSV {
		return nil, fmt.Errorf("%s is a Parquet file, not CSV: import it as parquet", path)
	}
	return open(path, want)
}

// openAny opens a file as what its first bytes say.
func openAny(path string) (foreign, error) {
	f, err := sniff(path)
	if err != nil {
		return nil, err
	}
	return open(path, f)
}

func open(path string, f format) (foreign, error) {
	if f == formatParquet {
		return openParquet(path)
	}
	return openCSV(path)
}

// parquetFile is a foreign Parquet file; columns that cannot be read are left out.
type parquetFile struct {
	file    *lake.ParquetFile
	rows    data.Reader
	columns []lake.FileColumn
	taken   []int // of each column, its number in the file
	skipped []string
	void    []string // those of skipped that are empty throughout
	done    int64
}

func openParquet(path string) (*parquetFile, error) {
	file, err := lake.OpenParquet(path)
	if err != nil {
		return nil, err
	}
	p := &parquetFile{file: file}
	for i, c := range file.Columns() {
		if c.Kind == data.KindNull {
			p.skipped = append(p.skipped, c.Name)
			if c.Void {
				p.void = append(p.void, c.Name)
			}
			continue
		}
		p.taken = append(p.taken, i)
		p.columns = append(p.columns, c)
	}
	if p.rows, err = file.Reader(p.taken); err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return p, nil
}

func (p *parquetFile) path() string      { return p.file.Path() }
func (p *parquetFile) ignored() []string { return p.skipped }
func (p *parquetFile) estimate() int64   { return p.file.Rows() }
func (p *parquetFile) close() error      { return errors.Join(p.rows.Close(), p.file.Close()) }

func (p *parquetFile) names() []string {
	out := make([]string, len(p.columns))
	for i, c := range p.columns {
		out[i] = c.Name
	}
	return out
}

func (p *parquetFile) kinds() []data.Kind {
	out := make([]data.Kind, len(p.columns))
	for i, c := range p.columns {
		out[i] = c.Kind
	}
	return out
}

func (p *parquetFile) types() []string {
	out := make([]string, len(p.columns))
	for i, c := range p.columns {
		out[i] = c.Type
	}
	return out
}

func (p *parquetFile) next(b *batch) error {
	b.rows = grow(b.rows)
	n, err := p.rows.Read(b.rows)
	if err != nil {
		return err
	}
	b.rows, b.numbers = b.rows[:n], b.numbers[:0]
	for range n {
		p.done++
		b.numbers = append(b.numbers, p.done)
	}
	return nil
}

// grow returns rows at full batch length, keeping those allocated before.
func grow(rows []data.Row) []data.Row {
	if cap(rows) < batchRows {
		return make([]data.Row, batchRows)
	}
	return rows[:batchRows]
}

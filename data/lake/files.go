package lake

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/parquet-go/parquet-go"

	"regulars/data"
)

// File is one visible file of the lake.
type File struct {
	Table  data.Table `json:"table"`
	Path   string     `json:"path"` // relative to lake/, with slashes
	Rows   int64      `json:"rows"`
	Bytes  int64      `json:"bytes"`
	SHA256 string     `json:"sha256"` // of the content, in hex
}

// Files returns the visible files of the named tables (none named: of all),
// sorted by path within the order of the tables, after checking each footer: a
// file that cannot be read, lacks a required column, or holds a column of
// another type than its table's contract or than another file, is an error
// that names file and column. Every file is read in full for its checksum.
func (l *Lake) Files(tables ...data.Table) ([]File, error) {
	if len(tables) == 0 {
		for _, s := range data.Schemas() {
			tables = append(tables, s.Table)
		}
	}
	var out []File
	for _, t := range tables {
		paths, err := l.Paths(t)
		if err != nil {
			return nil, err
		}
		if _, err := l.layoutOf(t, paths); err != nil {
			return nil, err
		}
		for _, p := range paths {
			f, err := l.file(t, p)
			if err != nil {
				return nil, err
			}
			out = append(out, f)
		}
	}
	return out, nil
}

func (l *Lake) file(t data.Table, path string) (File, error) {
	p, err := OpenParquet(path)
	if err != nil {
		return File{}, err
	}
	defer p.Close()
	rel, err := filepath.Rel(l.dir(), path)
	if err != nil {
		return File{}, err
	}
	sum, size, err := Checksum(path)
	return File{Table: t, Path: filepath.ToSlash(rel), Rows: p.Rows(), Bytes: size, SHA256: sum}, err
}

// Checksum returns the SHA-256 of a file in hex, and its size in bytes.
func Checksum(path string) (sum string, size int64, err error) {
	f, err := os.Open(path)
	if err != nil {
		return "", 0, err
	}
	defer f.Close()
	h := sha256.New()
	size, err = io.Copy(h, f)
	if err != nil {
		return "", 0, fmt.Errorf("reading %s: %w", path, err)
	}
	return hex.EncodeToString(h.Sum(nil)), size, nil
}

// Span returns the days of the earliest and the latest ts of a table, from the
// files' column statistics where they have them; ok is false when the table
// has no ts column or no row with one.
func (l *Lake) Span(t data.Table) (first, last data.Day, ok bool, err error) {
	paths, err := l.Paths(t)
	if err != nil {
		return 0, 0, false, err
	}
	var s span
	for _, path := range paths {
		if err := s.addFile(t, path); err != nil {
			return 0, 0, false, err
		}
	}
	return data.DayOfMicros(s.first), data.DayOfMicros(s.last), s.any, nil
}

// span is a range of microseconds since 1970, both ends included.
type span struct {
	first, last int64
	any         bool
}

func (s *span) add(lo, hi int64) {
	if !s.any {
		s.first, s.last, s.any = lo, hi, true
		return
	}
	s.first, s.last = min(s.first, lo), max(s.last, hi)
}

func (s *span) addFile(t data.Table, path string) error {
	p, err := OpenParquet(path)
	if err != nil {
		return err
	}
	defer p.Close()
	if err := checkFile(t, p); err != nil {
		return err
	}
	i := p.index("ts")
	if i < 0 {
		return nil
	}
	if s.addStatistics(p, i) {
		return nil
	}
	return s.addRows(p, i)
}

// addStatistics reports whether every row group that has rows states its bounds.
func (s *span) addStatistics(p *ParquetFile, column int) bool {
	whole := *s
	for _, g := range p.file.RowGroups() {
		chunk, ok := g.ColumnChunks()[p.columns[column].leaf].(*parquet.FileColumnChunk)
		if !ok {
			return false
		}
		lo, hi, ok := chunk.Bounds()
		if !ok {
			return false
		}
		whole.add(lo.Int64(), hi.Int64())
	}
	*s = whole
	return true
}

func (s *span) addRows(p *ParquetFile, column int) error {
	r, err := p.Reader([]int{column})
	if err != nil {
		return err
	}
	return errors.Join(eachBatch(r, func(rows []data.Row) error {
		for _, row := range rows {
			if !row[0].IsNull() {
				s.add(row[0].Micros(), row[0].Micros())
			}
		}
		return nil
	}), r.Close())
}

// batchRows is how many rows are read and hashed at a time.
const batchRows = 1024

// eachBatch gives all rows of r to do, in batches that are reused.
func eachBatch(r data.Reader, do func([]data.Row) error) error {
	rows := make([]data.Row, batchRows)
	for {
		n, err := r.Read(rows)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if err := do(rows[:n]); err != nil {
			return err
		}
	}
}

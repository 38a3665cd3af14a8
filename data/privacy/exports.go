package privacy

import (
	"bufio"
	"bytes"
	"context"
	"encoding/csv"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"regulars/data"
	"regulars/data/durable"
	"regulars/data/lake"
)

// Exports is the place of audiences written to the workspace: Parquet, CSV and
// JSON lines. A file of another kind that holds an id anywhere is removed.
type Exports struct {
	Root string // the workspace's exports folder, which need not exist
	Disk durable.FS
}

// Each gives do the rows of the person.
func (x Exports) Each(ctx context.Context, s lake.Subject, do func(where, row string) error) error {
	ids := setOf(s.IDs)
	return x.files(func(path string) error {
		return kindOf(path).each(ctx, path, ids, func(row string) error { return do("exports", row) })
	})
}

// Erase writes the files that name the person anew without them.
func (x Exports) Erase(ctx context.Context, s lake.Subject) error {
	ids := setOf(s.IDs)
	return x.files(func(path string) error {
		kind := kindOf(path)
		err := kind.each(ctx, path, ids, func(string) error { return errFound })
		if !errors.Is(err, errFound) {
			return err
		}
		if kind.without == nil {
			return x.Disk.Remove(path)
		}
		return x.Disk.WriteFile(path, func(w io.Writer) error { return kind.without(ctx, path, w, ids) })
	})
}

// files gives do every file. What goes away meanwhile is passed over.
func (x Exports) files(do func(path string) error) error {
	return filepath.WalkDir(x.Root, func(path string, e fs.DirEntry, err error) error {
		if err == nil && e.Type().IsRegular() {
			err = do(path)
		}
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		return err
	})
}

// kind is how the rows of a file are found and left out.
type kind struct {
	each    func(ctx context.Context, path string, ids map[string]bool, do func(row string) error) error
	without func(ctx context.Context, path string, w io.Writer, ids map[string]bool) error // nil: not at all
}

func kindOf(path string) kind {
	switch strings.ToLower(filepath.Ext(path)) {
	case ".parquet":
		return kind{eachRowOf, copyRows}
	case ".csv":
		return textKind(csvRecords)
	case ".jsonl", ".ndjson":
		return textKind(jsonLines)
	}
	return kind{each: wholeFile}
}

// records gives do every record of a text as it stands, its end included, and
// whether it names one of the ids.
type records func(text io.Reader, ids map[string]bool, do func(raw []byte, named bool) error) error

func textKind(of records) kind {
	run := func(path string, ids map[string]bool, do func(raw []byte, named bool) error) (err error) {
		f, err := os.Open(path)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, f.Close()) }()
		return of(f, ids, do)
	}
	return kind{
		each: func(ctx context.Context, path string, ids map[string]bool, do func(row string) error) error {
			return run(path, ids, func(raw []byte, named bool) error {
				if !named {
					return ctx.Err()
				}
				return do(quoted(raw))
			})
		},
		without: func(ctx context.Context, path string, w io.Writer, ids map[string]bool) error {
			return run(path, ids, func(raw []byte, named bool) error {
				if named {
					return ctx.Err()
				}
				_, err := w.Write(raw)
				return err
			})
		},
	}
}

// quoted is a record as a JSON object.
func quoted(raw []byte) string {
	return lake.RowJSON([]string{"record"}, data.Row{data.String(strings.TrimRight(string(raw), "\r\n"))})
}

func jsonLines(text io.Reader, ids map[string]bool, do func(raw []byte, named bool) error) error {
	in := bufio.NewReader(text)
	for {
		line, err := in.ReadBytes('\n')
		if err != nil && !errors.Is(err, io.EOF) {
			return err
		}
		if len(line) > 0 {
			if err := do(line, lake.Names(string(line), func(s string) bool { return ids[s] })); err != nil {
				return err
			}
		}
		if err != nil {
			return nil
		}
	}
}

// csvRecords takes records as they stand, with the line breaks within quotes.
func csvRecords(text io.Reader, ids map[string]bool, do func(raw []byte, named bool) error) error {
	var raw bytes.Buffer // what was read and not given yet
	in := csv.NewReader(io.TeeReader(text, &raw))
	in.FieldsPerRecord, in.LazyQuotes, in.ReuseRecord = -1, true, true
	given := int64(0)
	for {
		record, err := in.Read()
		if errors.Is(err, io.EOF) {
			if raw.Len() == 0 {
				return nil
			}
			return do(raw.Bytes(), false) // empty lines
		}
		if err != nil {
			return err
		}
		end := in.InputOffset()
		if err := do(raw.Next(int(end-given)), recordNames(record, ids)); err != nil {
			return err
		}
		given = end
	}
}

// recordNames looks behind the byte-order mark of the first field and the
// apostrophe that keeps a spreadsheet from reading a formula.
func recordNames(record []string, ids map[string]bool) bool {
	for _, field := range record {
		field = strings.TrimPrefix(field, "\ufeff")
		if ids[field] || ids[strings.TrimPrefix(field, "'")] {
			return true
		}
	}
	return false
}

// wholeFile gives do one row for a file that holds an id anywhere.
func wholeFile(_ context.Context, path string, ids map[string]bool, do func(row string) error) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	for id := range ids {
		if id != "" && bytes.Contains(text, []byte(id)) {
			return do(`{"file":true}`)
		}
	}
	return nil
}

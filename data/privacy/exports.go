package privacy

import (
	"bufio"
	"bytes"
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"unicode/utf8"

	"regulars/data"
	"regulars/data/durable"
	"regulars/data/lake"
)

// Exports is the place of audiences written to the workspace: Parquet, CSV and
// JSON lines. A file of another kind that holds an id anywhere is removed.
type Exports struct {
	Root string // the workspace's exports folder, which need not exist
	// List names the files that were exported to elsewhere in the workspace, whose
	// folder it lies in: a JSON text a line, the path from that folder. It need not exist.
	List string
	Disk durable.FS
}

// Note lists a file that is about to be written. It reports false for one outside
// the workspace, which is out of reach. Commands that do so at once wait for each other.
func (x Exports) Note(ctx context.Context, path string) (within bool, err error) {
	base, err := realFolder(x.List)
	if err != nil {
		return false, err
	}
	folder, err := realFolder(path)
	if err != nil {
		return false, err
	}
	rel, err := filepath.Rel(base, filepath.Join(folder, filepath.Base(path)))
	if err != nil || !filepath.IsLocal(rel) {
		return false, nil // on another drive, or above
	}
	lock, err := durable.AcquireLockWait(ctx, filepath.Join(base, "."+filepath.Base(x.List)+".lock"))
	if err != nil {
		return true, err
	}
	defer func() { err = errors.Join(err, lock.Release()) }()
	listed, err := x.listed()
	if err != nil || slices.Contains(listed, rel) {
		return true, err
	}
	return true, x.Disk.WriteFile(x.List, func(w io.Writer) error {
		out := json.NewEncoder(w)
		for _, name := range append(listed, rel) {
			if err := out.Encode(filepath.ToSlash(name)); err != nil {
				return err
			}
		}
		return nil
	})
}

// realFolder is the folder that a file lies in, whatever links lead there.
func realFolder(path string) (string, error) {
	folder, err := filepath.EvalSymlinks(filepath.Dir(path))
	if err != nil {
		return "", err
	}
	return filepath.Abs(folder)
}

// listed returns the paths of List, from its folder.
func (x Exports) listed() (names []string, err error) {
	text, err := os.ReadFile(x.List)
	if errors.Is(err, fs.ErrNotExist) || x.List == "" {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	in := json.NewDecoder(bytes.NewReader(text))
	for {
		var name string
		switch err := in.Decode(&name); {
		case errors.Is(err, io.EOF):
			return names, nil
		case err != nil:
			return nil, fmt.Errorf("reading which audiences were exported, %s: %w", filepath.Base(x.List), err)
		case filepath.IsLocal(filepath.FromSlash(name)):
			names = append(names, filepath.FromSlash(name))
		}
	}
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
	walk := func(path string, e fs.DirEntry, err error) error {
		if err == nil && e.Type().IsRegular() {
			err = do(path)
		}
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		return err
	}
	listed, err := x.listed()
	if err != nil {
		return err
	}
	if err := filepath.WalkDir(x.Root, walk); err != nil {
		return err
	}
	for _, name := range listed {
		path := filepath.Join(filepath.Dir(x.List), name)
		if within, err := filepath.Rel(x.Root, path); err == nil && filepath.IsLocal(within) {
			continue // walked through above
		}
		info, err := os.Lstat(path)
		if err == nil && info.IsDir() {
			continue
		}
		var entry fs.DirEntry
		if err == nil {
			entry = fs.FileInfoToDirEntry(info)
		}
		if err := walk(path, entry, err); err != nil {
			return err
		}
	}
	return nil
}

// kind is how the rows of a file are found and left out.
type kind struct {
	each    func(ctx context.Context, path string, ids map[string]bool, do func(row string) error) error
	without func(ctx context.Context, path string, w io.Writer, ids map[string]bool) error // nil: not at all
}

// kindOf goes by the name, but for Parquet, whose values are packed: a file of it may
// go by any name, and one that goes by its name may be none.
func kindOf(path string) kind {
	if isParquet(path) {
		return kind{eachRowOf, copyRows}
	}
	switch strings.ToLower(filepath.Ext(path)) {
	case ".csv":
		return textKind(csvRecords)
	case ".jsonl", ".ndjson":
		return textKind(jsonLines)
	}
	return kind{each: wholeFile}
}

// isParquet reports whether a file begins as those of Parquet do; one that cannot be
// read is an error to whoever reads it then.
func isParquet(path string) bool {
	f, err := os.Open(path)
	if err != nil {
		return false
	}
	defer f.Close()
	var magic [4]byte
	_, err = io.ReadFull(f, magic[:])
	return err == nil && string(magic[:]) == "PAR1"
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
// apostrophes that keep a spreadsheet from reading formulas.
func recordNames(record []string, ids map[string]bool) bool {
	for _, field := range record {
		field = strings.TrimPrefix(field, "\ufeff")
		if ids[field] || ids[unguarded(field)] {
			return true
		}
	}
	return false
}

// unguarded is a field without the apostrophes that an export puts where a cell may
// begin, before the signs that begin a formula.
func unguarded(field string) string {
	if !strings.Contains(field, "'") {
		return field
	}
	var b strings.Builder
	for i := range len(field) {
		if field[i] == '\'' && (i == 0 || strings.IndexByte(";\t\r\n", field[i-1]) >= 0) {
			if next, _ := utf8.DecodeRuneInString(field[i+1:]); strings.ContainsRune("=+-@\t\r\n＝＋－＠", next) {
				continue
			}
		}
		b.WriteByte(field[i])
	}
	return b.String()
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

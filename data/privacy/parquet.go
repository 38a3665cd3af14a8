package privacy

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/parquet-go/parquet-go"

	"regulars/data"
	"regulars/data/lake"
)

// rowsAtATime is how many rows are held while a file is read.
const rowsAtATime = 1024

// EachRow gives do the rows of a Parquet file that name one of the ids in any
// column of texts, as JSON objects.
func EachRow(ctx context.Context, path string, ids []string, do func(row string) error) error {
	return eachRowOf(ctx, path, setOf(ids), do)
}

func eachRowOf(ctx context.Context, path string, ids map[string]bool, do func(row string) error) (err error) {
	p, err := lake.OpenParquet(path)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, p.Close()) }()
	var names []string
	var columns []int
	for i, c := range p.Columns() {
		if c.Kind != data.KindNull {
			names, columns = append(names, c.Name), append(columns, i)
		}
	}
	r, err := p.Reader(columns)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, r.Close()) }()
	rows := make([]data.Row, rowsAtATime)
	for {
		n, err := r.Read(rows)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err := errors.Join(err, ctx.Err()); err != nil {
			return err
		}
		for _, row := range rows[:n] {
			if !rowNames(row, ids) {
				continue
			}
			if err := do(lake.RowJSON(names, row)); err != nil {
				return err
			}
		}
	}
}

func rowNames(row data.Row, ids map[string]bool) bool {
	for i := range row {
		switch row[i].Kind() {
		case data.KindString:
			if ids[row[i].Str()] {
				return true
			}
		case data.KindList:
			for _, s := range row[i].List() {
				if ids[s] {
					return true
				}
			}
		}
	}
	return false
}

// RemoveRows writes a Parquet file anew, in place, without the rows that name one
// of the ids in any column of texts, and reports whether there was one; else
// nothing is written. All other rows keep their values and order. It is for a
// file that nobody reads yet: a kill leaves it cut short.
func RemoveRows(ctx context.Context, path string, ids []string) (had bool, err error) {
	set := setOf(ids)
	if had, err = namesIn(ctx, path, set); err != nil || !had {
		return false, err
	}
	stage := path + ".without"
	out, err := os.Create(stage)
	if err != nil {
		return false, err
	}
	err = errors.Join(copyRows(ctx, path, out, set), out.Close())
	if err != nil {
		return false, errors.Join(fmt.Errorf("writing %s anew: %w", path, err), os.Remove(stage))
	}
	return true, os.Rename(stage, path)
}

// errFound ends a search.
var errFound = errors.New("found")

func namesIn(ctx context.Context, path string, ids map[string]bool) (bool, error) {
	err := eachRowOf(ctx, path, ids, func(string) error { return errFound })
	if errors.Is(err, errFound) {
		return true, nil
	}
	return false, err
}

// copyRows keeps the file's columns, encodings and row groups as they are.
func copyRows(ctx context.Context, path string, out io.Writer, ids map[string]bool) (err error) {
	// The decoder panics on some damaged pages: whatever is in a file is data.
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("%s is damaged: %v", path, p)
		}
	}()
	in, err := os.Open(path)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, in.Close()) }()
	info, err := in.Stat()
	if err != nil {
		return err
	}
	file, err := parquet.OpenFile(in, info.Size())
	if err != nil {
		return err
	}
	w := parquet.NewGenericWriter[any](out, file.Schema())
	for _, group := range file.RowGroups() {
		if err := copyGroup(ctx, w, group, ids); err != nil {
			return err
		}
	}
	return w.Close()
}

func copyGroup(ctx context.Context, w *parquet.GenericWriter[any], group parquet.RowGroup, ids map[string]bool) (err error) {
	rows := group.Rows()
	defer func() { err = errors.Join(err, rows.Close()) }()
	buf := make([]parquet.Row, rowsAtATime)
	for {
		n, readErr := rows.ReadRows(buf)
		if readErr != nil && !errors.Is(readErr, io.EOF) {
			return readErr
		}
		kept := buf[:0:0]
		for _, row := range buf[:n] {
			if !valuesName(row, ids) {
				kept = append(kept, row)
			}
		}
		if _, err := w.WriteRows(kept); err != nil {
			return err
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		if readErr != nil {
			return w.Flush()
		}
	}
}

func valuesName(row parquet.Row, ids map[string]bool) bool {
	for _, v := range row {
		if v.Kind() == parquet.ByteArray && ids[string(v.ByteArray())] {
			return true
		}
	}
	return false
}

func setOf(list []string) map[string]bool {
	out := make(map[string]bool, len(list))
	for _, s := range list {
		out[s] = true
	}
	return out
}

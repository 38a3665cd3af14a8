package lake_test

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/parquet-go/parquet-go"

	"regulars/data"
	"regulars/data/durable"
	"regulars/data/lake"
)

// fataler is what testing.TB and rapid.T have in common.
type fataler interface {
	Helper()
	Fatal(args ...any)
	Fatalf(format string, args ...any)
}

func open(t fataler, dir string, disk durable.FS) *lake.Lake {
	t.Helper()
	l, err := lake.Open(dir, disk)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// order returns a row of orders of the contract's width.
func order(id string, line data.Value, user string, us int64) data.Row {
	s, _ := data.SchemaOf(data.Orders)
	row := make(data.Row, len(s.Columns))
	for name, v := range map[string]data.Value{"order_id": data.String(id), "line_number": line, "user_id": data.String(user), "item_id": data.String("i"),
		"ts": data.Micros(us), "quantity": data.Int(1), "unit_price": data.Amount(12_500), "is_return": data.Bool(false)} {
		row[s.Index(name)] = v
	}
	return row
}

const day0 = 1_300_000_000_000_000 // microseconds, some day of 2011

func batch(t data.Table, source string, rows ...data.Row) lake.Batch {
	s, _ := data.SchemaOf(t)
	return lake.Batch{Schema: s, Source: source, First: 1, Rows: rows}
}

// importAll writes the batches in one import.
func importAll(t fataler, l *lake.Lake, source lake.Source, batches ...lake.Batch) lake.Report {
	t.Helper()
	im, err := l.Begin()
	if err != nil {
		t.Fatal(err)
	}
	if source.SHA256 != "" {
		im.AddSource(source)
	}
	for _, b := range batches {
		if err := im.Write(b); err != nil {
			t.Fatal(errors.Join(err, im.Abort()))
		}
	}
	report, err := im.Commit()
	if err != nil {
		t.Fatal(err)
	}
	return report
}

func readAll(t fataler, l *lake.Lake, table data.Table) ([]data.Row, data.Schema) {
	t.Helper()
	r, s, err := l.Reader(table)
	if err != nil {
		t.Fatal(err)
	}
	rows, err := drain(r)
	if err != nil {
		t.Fatal(err)
	}
	return rows, s
}

func drain(r data.Reader) ([]data.Row, error) {
	var out []data.Row
	for {
		rows := make([]data.Row, 7)
		n, err := r.Read(rows)
		if errors.Is(err, io.EOF) {
			return out, r.Close()
		}
		if err != nil {
			return out, errors.Join(err, r.Close())
		}
		out = append(out, rows[:n]...)
	}
}

func writeParquet[T any](t fataler, path string, rows []T, options ...parquet.WriterOption) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := parquet.WriteFile(path, rows, options...); err != nil {
		t.Fatal(err)
	}
}

// tree returns all names below dir with the content of the files.
func tree(t fataler, dir string) string {
	t.Helper()
	var out []byte
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		out = fmt.Appendf(out, "%s\n", path)
		if e.IsDir() {
			return nil
		}
		b, err := os.ReadFile(path)
		out = append(out, b...)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}

// expectError fails unless the message holds every part.
func expectError(t *testing.T, err error, parts ...string) {
	t.Helper()
	if err == nil {
		t.Fatalf("no error, want one with %q", parts)
	}
	for _, p := range parts {
		if !strings.Contains(err.Error(), p) {
			t.Errorf("error %q does not say %q", err, p)
		}
	}
}

package ingest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"regulars/data"
	"regulars/data/lake"
)

// Options says how an import goes about its work.
type Options struct {
	// Progress, when set, is told now and then how many rows of all files are
	// done. The total of CSV files is an estimate.
	Progress func(doneRows, totalRows int64)
}

// CSV imports CSV files (a header line, quotes as in RFC 4180, UTF-8) into one
// table. What separates the cells, comma, semicolon, tab or |, is what the header
// line has most of. The mapping names for a lake column the header to take it
// from; columns not named there are taken from a header of the same name, in
// any case or spelling that gives the same lower snake case. A name that the
// contract does not know makes an extra column.
//
// An empty cell is null. White space around an id is no part of it, and an id of
// nothing else is null. Timestamps have one of the TimeFormats. Booleans are true/false, t/f, yes/no, 1/0. A list is a
// JSON array of strings, or words with ";" in between.
//
// Orders may come without is_return: then a quantity below 0 is a return, which
// is stored with positive quantity and is_return = true.
func CSV(ctx context.Context, l *lake.Lake, table data.Table, mapping map[string]string, files []string, o Options) (lake.Report, error) {
	return generic(ctx, l, table, mapping, files, formatCSV, o)
}

// Parquet imports Parquet files into one table, with the mapping and the rules
// of CSV. A column whose type can never become what the table wants (a number
// for a timestamp) is an error; whole numbers serve as ids and amounts.
func Parquet(ctx context.Context, l *lake.Lake, table data.Table, mapping map[string]string, files []string, o Options) (lake.Report, error) {
	return generic(ctx, l, table, mapping, files, formatParquet, o)
}

func generic(ctx context.Context, l *lake.Lake, table data.Table, mapping map[string]string, files []string, f format, o Options) (lake.Report, error) {
	schema, ok := data.SchemaOf(table)
	if !ok {
		return lake.Report{}, fmt.Errorf("there is no table %q; the tables are %s", table, strings.Join(data.TableNames(), ", "))
	}
	r := &run{ctx: ctx, options: o, as: describeMapping(f, table, mapping)}
	r.open = func(path string) (foreign, error) { return openAs(path, f) }
	r.plan = func(f foreign) (handler, error) {
		m, err := newMapper(schema, mapping, f)
		if err != nil {
			return nil, err
		}
		return m.take, nil
	}
	return r.do(l, files)
}

// describeMapping is what tells two imports of one file apart.
func describeMapping(f format, table data.Table, mapping map[string]string) string {
	words := []string{f.String(), string(table)}
	for _, column := range slices.Sorted(maps.Keys(mapping)) {
		words = append(words, column+"="+mapping[column])
	}
	return strings.Join(words, " ")
}

// handler takes the rows of one file into the import.
type handler func(im *lake.Import, b *batch) error

// run is one import of any number of files.
type run struct {
	ctx     context.Context
	options Options
	as      string
	open    func(path string) (foreign, error)
	plan    func(f foreign) (handler, error)
	finish  func(im *lake.Import) error // after the last file; may be nil

	done, total int64
}

func (r *run) do(l *lake.Lake, files []string) (_ lake.Report, err error) {
	if len(files) == 0 {
		return lake.Report{}, errors.New("no files to import: name at least one")
	}
	sources, err := r.inspect(files)
	if err != nil {
		return lake.Report{}, err
	}
	im, err := l.Begin()
	if err != nil {
		return lake.Report{}, err
	}
	defer func() { err = errors.Join(err, im.Abort()) }()
	for _, s := range sources {
		if err := r.file(im, s); err != nil {
			return lake.Report{}, err
		}
	}
	if r.finish != nil {
		if err := r.finish(im); err != nil {
			return lake.Report{}, err
		}
	}
	return im.Commit()
}

// inspect opens every file and checks its columns before any is read.
func (r *run) inspect(files []string) ([]lake.Source, error) {
	var sources []lake.Source
	for _, path := range files {
		f, err := r.open(path)
		if err != nil {
			return nil, err
		}
		_, planErr := r.plan(f)
		s := lake.Source{Path: path, As: r.as, Ignored: f.ignored()}
		r.total += f.estimate()
		if err := errors.Join(planErr, f.close()); err != nil {
			return nil, err
		}
		if s.SHA256, _, err = lake.Checksum(path); err != nil {
			return nil, err
		}
		sources = append(sources, s)
	}
	return sources, nil
}

// file brings one file in, unless its content is known.
func (r *run) file(im *lake.Import, s lake.Source) (err error) {
	if im.Known(s) {
		im.AddSource(s)
		return nil
	}
	f, err := r.open(s.Path)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.close()) }()
	take, err := r.plan(f)
	if err != nil {
		return err
	}
	if s.Rows, err = r.rows(im, f, take); err != nil {
		return err
	}
	im.AddSource(s)
	return nil
}

func (r *run) rows(im *lake.Import, f foreign, take handler) (int64, error) {
	b := &batch{path: f.path(), names: f.names()}
	var n int64
	for {
		if err := r.ctx.Err(); err != nil {
			return n, fmt.Errorf("importing %s: %w", f.path(), err)
		}
		err := f.next(b)
		if errors.Is(err, io.EOF) {
			return n, nil
		}
		if err != nil {
			return n, err
		}
		if err := take(im, b); err != nil {
			return n, fmt.Errorf("importing %s: %w", f.path(), err)
		}
		read := int64(len(b.rows) + len(b.bad))
		n += read
		r.done += read
		if r.options.Progress != nil {
			r.options.Progress(r.done, max(r.done, r.total))
		}
	}
}

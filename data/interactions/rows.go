package interactions

import (
	"context"
	"errors"
	"fmt"
	"io"

	"regulars/data"
	"regulars/data/ingest"
)

// readRows hands every row of the file to use and quarantines those that cannot
// be read or that use refuses. It returns how many rows there were. progress may
// be nil.
func readRows(ctx context.Context, file *ingest.Table, q *Quarantine, use func(data.Row) error, progress func(done, total int64)) (read int64, err error) {
	for {
		if err := ctx.Err(); err != nil {
			return read, fmt.Errorf("reading %s: %w", file.Path(), err)
		}
		b, err := file.Read()
		if errors.Is(err, io.EOF) {
			return read, nil
		}
		if err != nil {
			return read, err
		}
		for _, bad := range b.Bad {
			q.add(bad.Number, bad.Reason)
		}
		for i, row := range b.Rows {
			if err := use(row); err != nil {
				q.add(b.Numbers[i], err.Error())
			}
		}
		read += int64(len(b.Rows) + len(b.Bad))
		if progress != nil {
			progress(read, max(read, file.Estimate()))
		}
	}
}

// checkAny refuses a file of which no row is left.
func checkAny(path string, read int64, kept int, q Quarantine) error {
	switch {
	case read == 0:
		return fmt.Errorf("%s has no rows", path)
	case kept == 0:
		return fmt.Errorf("%s: none of its %d rows can be used; row %d: %s", path, read, q.Examples[0].Row, q.Examples[0].Reason)
	}
	return nil
}

package events

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"
)

// seen is up to where each table is in the overlay.
type seen struct{ events, links, items, erased int64 }

// writer is the one goroutine that writes. It owns a connection and what is
// prepared on it.
type writer struct {
	db         *DB
	conn       *sql.Conn
	statements map[string]*sql.Stmt
	overlay    *overlay
	seen       seen
	erased     int   // rows, of those in the overlay
	version    int64 // of the file, by which the writes of others show
}

// batch is one transaction of the writer.
type batch struct {
	*writer
	ctx  context.Context
	now  time.Time
	seen seen
	live []func(*overlay) // what the overlay learns once all is on disk
}

func newWriter(ctx context.Context, db *DB, o *overlay) (*writer, error) {
	conn, err := db.sql.Conn(ctx)
	if err != nil {
		return nil, explain(err)
	}
	w := &writer{db: db, conn: conn, statements: map[string]*sql.Stmt{}, overlay: o}
	if err := w.load(ctx); err != nil {
		return nil, errors.Join(explain(err), conn.Close())
	}
	return w, nil
}

func (w *writer) close() error {
	var err error
	for _, s := range w.statements {
		err = errors.Join(err, s.Close())
	}
	return errors.Join(err, w.conn.Close())
}

// commit carries out jobs in one transaction. All of them are on disk when it
// returns nil, and none when it returns an error.
func (w *writer) commit(ctx context.Context, jobs []*job, now time.Time) (err error) {
	if err := w.exec(ctx, "BEGIN IMMEDIATE"); err != nil {
		return err
	}
	defer func() {
		if err != nil { // which may have ended the transaction already
			_, _ = w.conn.ExecContext(ctx, "ROLLBACK")
		}
	}()
	if err := w.catchUp(ctx); err != nil {
		return err
	}
	b := &batch{writer: w, ctx: ctx, now: now, seen: w.seen}
	for _, j := range jobs {
		if err := j.write(b); err != nil {
			return err
		}
	}
	if err := w.exec(ctx, "COMMIT"); err != nil {
		return err
	}
	for _, tell := range b.live {
		tell(w.overlay)
	}
	w.seen = b.seen
	return nil
}

// catchUp takes in what others have written, if they have.
func (w *writer) catchUp(ctx context.Context) error {
	version, err := w.fileVersion(ctx)
	if err != nil || version == w.version {
		return err
	}
	if err := w.read(ctx, w.seen); err != nil {
		return err
	}
	w.version = version
	return nil
}

// fileVersion changes when another connection has written.
func (w *writer) fileVersion(ctx context.Context) (v int64, err error) {
	row, err := w.row(ctx, "PRAGMA data_version")
	if err != nil {
		return 0, err
	}
	return v, row.Scan(&v)
}

// prepared returns a statement that is kept.
func (w *writer) prepared(ctx context.Context, query string) (*sql.Stmt, error) {
	if s := w.statements[query]; s != nil {
		return s, nil
	}
	s, err := w.conn.PrepareContext(ctx, query)
	if err != nil {
		return nil, fmt.Errorf("preparing a statement: %w", err)
	}
	w.statements[query] = s
	return s, nil
}

func (w *writer) exec(ctx context.Context, query string, args ...any) error {
	_, err := w.change(ctx, query, args...)
	return err
}

// change returns how many rows a statement has changed.
func (w *writer) change(ctx context.Context, query string, args ...any) (int64, error) {
	s, err := w.prepared(ctx, query)
	if err != nil {
		return 0, err
	}
	result, err := s.ExecContext(ctx, args...)
	if err != nil {
		return 0, err
	}
	return result.RowsAffected()
}

func (w *writer) row(ctx context.Context, query string, args ...any) (*sql.Row, error) {
	s, err := w.prepared(ctx, query)
	if err != nil {
		return nil, err
	}
	return s.QueryRowContext(ctx, args...), nil
}

// each gives every row of a query to do, which scans it.
func (w *writer) each(ctx context.Context, query string, args []any, do func(*sql.Rows) error) error {
	s, err := w.prepared(ctx, query)
	if err != nil {
		return err
	}
	rows, err := s.QueryContext(ctx, args...)
	if err != nil {
		return err
	}
	return scan(rows, do)
}

// scan gives every row to do and closes the rows.
func scan(rows *sql.Rows, do func(*sql.Rows) error) error {
	for rows.Next() {
		if err := do(rows); err != nil {
			return errors.Join(err, rows.Close())
		}
	}
	return errors.Join(rows.Err(), rows.Close())
}

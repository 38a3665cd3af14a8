package state

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"time"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// ErrUnusable says that the file is no state database that this program can
// work with: damaged, made by something else, or by a later version.
var ErrUnusable = errors.New("unusable state database")

// ErrFull says that nothing could be written for want of room on the disk.
var ErrFull = errors.New("the disk is full")

// busyTimeout is how long a statement waits for another process's write.
const busyTimeout = 10 * time.Second

// DB is an open state database, safe for concurrent use. Any number of
// processes may hold the same file open.
type DB struct {
	// Now tells the time that is recorded for runs which bring none.
	Now func() time.Time

	sql    *sql.DB
	path   string
	format Format
}

// Open opens the state database at path, made on first use, and brings its
// tables up to date. Its folder must exist. The error wraps ErrUnusable when the
// file is damaged, foreign or newer than this program.
func Open(path string) (*DB, error) { return openFormat(path, ownFormat) }

func openFormat(path string, f Format) (*DB, error) {
	abs, err := filepath.Abs(path)
	if err != nil {
		return nil, fmt.Errorf("%s %s: %w", f.Name, path, err)
	}
	if _, err := os.Stat(filepath.Dir(abs)); err != nil {
		return nil, fmt.Errorf("%s %s: its folder cannot be used: %w", f.Name, path, err)
	}
	handle, err := sql.Open("sqlite", dsn(abs))
	if err != nil {
		return nil, fmt.Errorf("%s %s: %w", f.Name, path, err)
	}
	// Each connection has its own page cache, so the pool is bounded.
	handle.SetMaxOpenConns(4)
	db := &DB{Now: time.Now, sql: handle, path: abs, format: f}
	if err := db.prepare(context.Background()); err != nil {
		return nil, errors.Join(db.explain("opening", err), handle.Close())
	}
	return db, nil
}

// dsn asks for: waiting instead of failing while another process writes,
// enforced foreign keys, every commit on disk before it returns, zeros where
// something was deleted, and write locks taken at the start of a transaction,
// where waiting for them works.
func dsn(abs string) string {
	query := fmt.Sprintf("?_pragma=busy_timeout(%d)&_pragma=foreign_keys(1)&_pragma=synchronous(full)&_pragma=secure_delete(1)&_txlock=immediate",
		busyTimeout.Milliseconds())
	return "file:" + (&url.URL{Path: abs}).EscapedPath() + query
}

// Close releases the file. The last process to close it folds the write-ahead
// log into it.
func (db *DB) Close() error {
	if err := db.sql.Close(); err != nil {
		return db.explain("closing", err)
	}
	return nil
}

// Dir returns the absolute folder that the database lies in: the workspace.
func (db *DB) Dir() string { return filepath.Dir(db.path) }

// explain wraps err with the file, what was being done, and what to do about it.
func (db *DB) explain(doing string, err error) error {
	if errors.Is(err, ErrUnusable) {
		return err // names the file already
	}
	if damaged(err) {
		return fmt.Errorf("%w: %s is damaged or not a SQLite file: restore it from a backup, or move it and its -wal and -shm files aside to start an empty history (%w)",
			ErrUnusable, db.path, err)
	}
	if isCode(err, sqlite3.SQLITE_FULL) {
		return fmt.Errorf("%s %s: %s: %w: make room, nothing else is needed: %w", db.format.Name, db.path, doing, ErrFull, err)
	}
	return fmt.Errorf("%s %s: %s: %w", db.format.Name, db.path, doing, err)
}

func damaged(err error) bool { return isCode(err, sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB) }

// isCode reports whether an error is of SQLite, with one of these primary codes.
func isCode(err error, codes ...int) bool {
	var failed *sqlite.Error
	return errors.As(err, &failed) && slices.Contains(codes, failed.Code()&0xff) // the low byte is the primary code
}

package state

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// applicationID marks a SQLite file as ours ("RGLS"), in the header field that
// SQLite reserves for this.
const applicationID = 0x52474c53

// migrations bring a database from version i to i+1. A released one is never
// edited; changes are appended. History:
//
//	1  job runs; times in microseconds since 1970 UTC
//	2  keys of the server
//	3  who was erased, as salted hashes, with receipts; opt-outs told to the server
var migrations = []string{
	`CREATE TABLE runs (
		id          TEXT PRIMARY KEY,
		job         TEXT NOT NULL,
		trigger     TEXT NOT NULL CHECK (trigger IN ('manual', 'schedule')),
		status      TEXT NOT NULL CHECK (status IN ('running', 'succeeded', 'failed', 'interrupted', 'skipped')),
		as_of       TEXT NOT NULL,
		started_at  INTEGER NOT NULL,
		finished_at INTEGER,
		pid         INTEGER NOT NULL,
		exit_code   INTEGER NOT NULL,
		error       TEXT NOT NULL,
		log         TEXT NOT NULL,
		detail      TEXT,
		CHECK ((status = 'running') = (finished_at IS NULL))
	) STRICT;
	CREATE INDEX runs_by_job ON runs (job, id);
	CREATE INDEX runs_unfinished ON runs (id) WHERE status = 'running';`,
	`CREATE TABLE keys (
		id           TEXT PRIMARY KEY,
		name         TEXT NOT NULL,
		role         TEXT NOT NULL CHECK (role <> ''),
		hash         BLOB NOT NULL UNIQUE CHECK (length(hash) = 32),
		created_at   INTEGER NOT NULL,
		expires_at   INTEGER,
		last_used_at INTEGER,
		revoked_at   INTEGER
	) STRICT;`,
	`CREATE TABLE salt (
		id    INTEGER PRIMARY KEY CHECK (id = 1),
		value BLOB NOT NULL CHECK (length(value) = 32)
	) STRICT;
	CREATE TABLE erasures (
		id           TEXT PRIMARY KEY,
		person       TEXT NOT NULL,
		requested_at INTEGER NOT NULL,
		finished_at  INTEGER,
		lifted_at    INTEGER,
		who          TEXT,
		receipt      TEXT,
		CHECK ((finished_at IS NULL) = (who IS NOT NULL))
	) STRICT;
	CREATE TABLE erased (
		hash    BLOB NOT NULL CHECK (length(hash) = 32),
		erasure TEXT NOT NULL REFERENCES erasures (id),
		PRIMARY KEY (hash, erasure)
	) STRICT, WITHOUT ROWID;
	CREATE TABLE opt_outs (
		user_id TEXT PRIMARY KEY,
		refused INTEGER NOT NULL CHECK (refused IN (0, 1)),
		told_at INTEGER NOT NULL
	) STRICT, WITHOUT ROWID;`,
}

// prepare checks that the file is ours and sound, and migrates it.
func (db *DB) prepare(ctx context.Context) error {
	if err := db.checkOwner(ctx, db.sql); err != nil {
		return err
	}
	if err := db.useWAL(ctx); err != nil {
		return err
	}
	if !db.format.Large {
		if err := db.checkSound(ctx); err != nil {
			return err
		}
	}
	return db.inTx(ctx, func(tx *sql.Tx) error {
		// Again, now that nobody else can write: another process may have
		// made or migrated the file since.
		if err := db.checkOwner(ctx, tx); err != nil {
			return err
		}
		return db.migrate(ctx, tx)
	})
}

type querier interface {
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

// checkOwner refuses a database of another program and one of a later version.
func (db *DB) checkOwner(ctx context.Context, q querier) error {
	var id, version, tables int
	err := q.QueryRowContext(ctx, `SELECT (SELECT application_id FROM pragma_application_id),
		(SELECT user_version FROM pragma_user_version), (SELECT count(*) FROM sqlite_schema)`).Scan(&id, &version, &tables)
	if err != nil {
		return err
	}
	if id != int(db.format.ApplicationID) && (id != 0 || version != 0 || tables != 0) {
		return fmt.Errorf("%w: %s belongs to another program: name another workspace, or move the file away", ErrUnusable, db.path)
	}
	if version > len(db.format.Migrations) {
		return fmt.Errorf("%w: %s has version %d, this program knows up to %d: use the later program that wrote it",
			ErrUnusable, db.path, version, len(db.format.Migrations))
	}
	return nil
}

// useWAL switches a new file to write-ahead logging, which then stays with it.
// SQLite does not wait by itself when two processes switch at once.
func (db *DB) useWAL(ctx context.Context) error {
	for deadline := time.Now().Add(busyTimeout); ; time.Sleep(10 * time.Millisecond) {
		var mode string
		err := db.sql.QueryRowContext(ctx, "PRAGMA journal_mode = wal").Scan(&mode)
		switch {
		case busy(err) && time.Now().Before(deadline):
			continue
		case err != nil:
			return err
		case mode != "wal":
			return fmt.Errorf("the file system does not allow write-ahead logging (mode is %q): put the workspace on a local disk", mode)
		}
		return nil
	}
}

func busy(err error) bool {
	var failed *sqlite.Error
	return errors.As(err, &failed) && failed.Code()&0xff == sqlite3.SQLITE_BUSY
}

// checkSound reads every page once: damage is told when the program starts,
// not in the middle of a job. The file is small.
func (db *DB) checkSound(ctx context.Context) error {
	var verdict string
	if err := db.sql.QueryRowContext(ctx, "PRAGMA quick_check(1)").Scan(&verdict); err != nil {
		return err
	}
	if verdict != "ok" {
		return fmt.Errorf("%w: %s is damaged (%s): restore it from a backup, or move it and its -wal and -shm files aside to start an empty history",
			ErrUnusable, db.path, verdict)
	}
	return nil
}

func (db *DB) migrate(ctx context.Context, tx *sql.Tx) error {
	var version int
	migrations := db.format.Migrations
	if err := tx.QueryRowContext(ctx, "PRAGMA user_version").Scan(&version); err != nil {
		return err
	}
	if version == len(migrations) {
		return nil
	}
	for i := version; i < len(migrations); i++ {
		if _, err := tx.ExecContext(ctx, migrations[i]); err != nil {
			return fmt.Errorf("migrating to version %d: %w", i+1, err)
		}
	}
	stamp := fmt.Sprintf("PRAGMA user_version = %d; PRAGMA application_id = %d", len(migrations), db.format.ApplicationID)
	_, err := tx.ExecContext(ctx, stamp)
	return err
}

// inTx runs do in a transaction that holds the write lock from its start.
func (db *DB) inTx(ctx context.Context, do func(*sql.Tx) error) error {
	tx, err := db.sql.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	if err := do(tx); err != nil {
		return errors.Join(err, tx.Rollback())
	}
	return tx.Commit()
}

package state

import (
	"context"
	"crypto/rand"
	"database/sql"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"time"
)

// ErrNoErasure says that no erasure has the id asked for.
var ErrNoErasure = errors.New("no such erasure")

// Erasure is one request to forget a person. Who holds the person's ids while
// the work is going on, and nothing once it is done: what stays is a hash.
type Erasure struct {
	ID          string          // of the receipt
	Person      string          // salted hash of the id asked for, in hex
	RequestedAt time.Time       // UTC
	FinishedAt  time.Time       // zero while it is pending
	LiftedAt    time.Time       // zero unless the person may come back
	Who         json.RawMessage // whom to erase; nil when finished
	Receipt     json.RawMessage // what was found and removed; nil before it was looked for
}

// Pending reports whether there is work left.
func (e Erasure) Pending() bool { return e.FinishedAt.IsZero() }

const erasureColumns = "id, person, requested_at, finished_at, lifted_at, who, receipt"

// RequestErasure records durably that a person is to be forgotten, and blocks
// the ids from then on; the first is the one asked for. Asked again for an id of
// a pending erasure it returns that.
func (db *DB) RequestErasure(ctx context.Context, ids []string, who json.RawMessage) (e Erasure, err error) {
	if len(ids) == 0 {
		return e, errors.New("an erasure without an id")
	}
	salt, err := db.salt(ctx)
	if err != nil {
		return e, err
	}
	err = db.inTx(ctx, func(tx *sql.Tx) error {
		if e, err = pendingFor(ctx, tx, salt.hash(ids[0])); !errors.Is(err, sql.ErrNoRows) {
			return err
		}
		e = Erasure{ID: rand.Text(), Person: hex.EncodeToString(salt.hash(ids[0])), RequestedAt: db.Now().UTC().Truncate(time.Microsecond), Who: who}
		_, err := tx.ExecContext(ctx, "INSERT INTO erasures ("+erasureColumns+") VALUES (?, ?, ?, NULL, NULL, ?, NULL)",
			e.ID, e.Person, e.RequestedAt.UnixMicro(), string(who))
		if err != nil {
			return err
		}
		return block(ctx, tx, salt, e.ID, ids)
	})
	if err != nil {
		return Erasure{}, db.explain("recording an erasure", err)
	}
	return e, nil
}

func pendingFor(ctx context.Context, tx *sql.Tx, hash []byte) (Erasure, error) {
	return scanErasure(tx.QueryRowContext(ctx, "SELECT "+erasureColumns+` FROM erasures
		WHERE finished_at IS NULL AND id IN (SELECT erasure FROM erased WHERE hash = ?) ORDER BY requested_at LIMIT 1`, hash))
}

func block(ctx context.Context, tx *sql.Tx, salt salt, id string, ids []string) error {
	for _, one := range ids {
		if _, err := tx.ExecContext(ctx, "INSERT OR IGNORE INTO erased (hash, erasure) VALUES (?, ?)", salt.hash(one), id); err != nil {
			return err
		}
	}
	return nil
}

// UpdateErasure records what has become known of a pending erasure: whom it is
// about, with all ids to block, and what was found.
func (db *DB) UpdateErasure(ctx context.Context, id string, ids []string, who, receipt json.RawMessage) error {
	salt, err := db.salt(ctx)
	if err != nil {
		return err
	}
	err = db.inTx(ctx, func(tx *sql.Tx) error {
		res, err := tx.ExecContext(ctx, "UPDATE erasures SET who = ?, receipt = ? WHERE id = ? AND finished_at IS NULL",
			string(who), nullJSON(receipt), id)
		if err != nil {
			return err
		}
		if n, err := res.RowsAffected(); err != nil || n == 0 {
			return errors.Join(err, fmt.Errorf("erasure %s: %w that is pending", id, ErrNoErasure))
		}
		return block(ctx, tx, salt, id, ids)
	})
	if err != nil {
		return db.explain("recording an erasure", err)
	}
	return nil
}

// FinishErasure records the receipt and forgets whom it was about: the file is
// overwritten where the ids stood, and so is the write-ahead log.
func (db *DB) FinishErasure(ctx context.Context, id string, receipt json.RawMessage) (Erasure, error) {
	e, err := scanErasure(db.sql.QueryRowContext(ctx,
		"UPDATE erasures SET finished_at = coalesce(finished_at, ?), who = NULL, receipt = ? WHERE id = ? RETURNING "+erasureColumns,
		db.Now().UnixMicro(), string(receipt), id))
	if err != nil {
		return Erasure{}, db.explainErasure("finishing", id, err)
	}
	return e, db.Scrub(ctx)
}

// Scrub empties the write-ahead log into the file, so that what was deleted is
// nowhere any more. A reader that is at work is waited for.
func (db *DB) Scrub(ctx context.Context) error {
	var busy, log, done int
	if err := db.sql.QueryRowContext(ctx, "PRAGMA wal_checkpoint(TRUNCATE)").Scan(&busy, &log, &done); err != nil {
		return db.explain("emptying the write-ahead log", err)
	}
	if busy != 0 {
		return db.explain("emptying the write-ahead log", errors.New("somebody else reads it: what was deleted may stand in it until it is next emptied"))
	}
	return nil
}

// LiftErasure lets the ids of a finished erasure be taken in again; its receipt
// stays. The error wraps ErrNoErasure when there is none of that id.
func (db *DB) LiftErasure(ctx context.Context, id string) (e Erasure, err error) {
	err = db.inTx(ctx, func(tx *sql.Tx) error {
		e, err = scanErasure(tx.QueryRowContext(ctx, `UPDATE erasures SET lifted_at = coalesce(lifted_at, ?)
			WHERE id = ? AND finished_at IS NOT NULL RETURNING `+erasureColumns, db.Now().UnixMicro(), id))
		if err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, "DELETE FROM erased WHERE erasure = ?", id)
		return err
	})
	if err != nil {
		return Erasure{}, db.explainErasure("lifting", id, err)
	}
	return e, nil
}

func (db *DB) explainErasure(doing, id string, err error) error {
	if errors.Is(err, sql.ErrNoRows) {
		return fmt.Errorf("%s erasure %q: %w in %s", doing, id, ErrNoErasure, db.path)
	}
	return db.explain(doing+" erasure "+id, err)
}

// Erasures returns all erasures, the oldest first.
func (db *DB) Erasures(ctx context.Context) ([]Erasure, error) {
	return db.listErasures(ctx, "SELECT "+erasureColumns+" FROM erasures ORDER BY requested_at, id")
}

// PendingErasures returns those with work left, the oldest first.
func (db *DB) PendingErasures(ctx context.Context) ([]Erasure, error) {
	return db.listErasures(ctx, "SELECT "+erasureColumns+" FROM erasures WHERE finished_at IS NULL ORDER BY requested_at, id")
}

// Erasure returns the erasure with the given id. The error wraps ErrNoErasure
// when there is none.
func (db *DB) Erasure(ctx context.Context, id string) (Erasure, error) {
	e, err := scanErasure(db.sql.QueryRowContext(ctx, "SELECT "+erasureColumns+" FROM erasures WHERE id = ?", id))
	if err != nil {
		return Erasure{}, db.explainErasure("reading", id, err)
	}
	return e, nil
}

// ErasuresOf returns the erasures that block an id, the oldest first.
func (db *DB) ErasuresOf(ctx context.Context, id string) ([]Erasure, error) {
	salt, err := db.salt(ctx)
	if err != nil {
		return nil, err
	}
	return db.listErasures(ctx, "SELECT "+erasureColumns+" FROM erasures WHERE id IN (SELECT erasure FROM erased WHERE hash = ?) ORDER BY requested_at, id", salt.hash(id))
}

func (db *DB) listErasures(ctx context.Context, query string, args ...any) (out []Erasure, err error) {
	rows, err := db.sql.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, db.explain("reading erasures", err)
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		e, err := scanErasure(rows)
		if err != nil {
			return nil, db.explain("reading erasures", err)
		}
		out = append(out, e)
	}
	if err := rows.Err(); err != nil {
		return nil, db.explain("reading erasures", err)
	}
	return out, nil
}

func scanErasure(row interface{ Scan(...any) error }) (Erasure, error) {
	var e Erasure
	var requested int64
	var finished, lifted sql.NullInt64
	var who, receipt sql.NullString
	if err := row.Scan(&e.ID, &e.Person, &requested, &finished, &lifted, &who, &receipt); err != nil {
		return Erasure{}, err
	}
	e.RequestedAt, e.FinishedAt, e.LiftedAt = time.UnixMicro(requested).UTC(), timeOrZero(finished), timeOrZero(lifted)
	if who.Valid {
		e.Who = json.RawMessage(who.String)
	}
	if receipt.Valid {
		e.Receipt = json.RawMessage(receipt.String)
	}
	return e, nil
}

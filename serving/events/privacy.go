package events

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"regulars/data"
	"regulars/data/lake"
)

// Person is somebody of whom something may be held.
type Person struct {
	IDs      []string // as a customer
	Aliases  []string // those that mean nobody else
	Sessions []string // of theirs alone
}

// people are the parameters of a query about a person, as tables.
const people = "WITH ids AS (SELECT value FROM json_each(?1)), aliases AS (SELECT value FROM json_each(?2)), sessions AS (SELECT value FROM json_each(?3)) "

func (p Person) parameters() ([]any, error) {
	var out []any
	for _, list := range [][]string{p.IDs, p.Aliases, p.Sessions} {
		text, err := json.Marshal(append([]string{}, list...))
		if err != nil {
			return nil, err
		}
		out = append(out, string(text))
	}
	return out, nil
}

// held says what of a table is a person's.
type held struct {
	table   string
	columns []data.Column
	where   string
}

// A session that is known to be somebody else's is theirs.
const ofSession = "links.source = '" + sessionSource + "'"

var allHeld = []held{
	{"events", eventSchema.Columns, "user_id IN ids OR user_id IS NULL AND (session_id IN (SELECT alias FROM links WHERE " + ofSession + " AND user_id IN ids) OR " +
		"session_id IN sessions AND session_id NOT IN (SELECT alias FROM links WHERE " + ofSession + " AND user_id NOT IN ids))"},
	{"contacts", contactSchema.Columns, "user_id IN ids"},
	// Last: it tells whose the events are.
	{"identities", linkSchema.Columns[1:], "user_id IN ids OR NOT " + ofSession + " AND alias IN aliases"},
}

// source is the table in the file, which calls identities links.
func (h held) source() string {
	if h.table == "identities" {
		return "links"
	}
	return h.table
}

// Each gives do all rows held of a person, as JSON objects with the table that
// they are of. What anonymous sessions of theirs did is among it. It holds one
// row at a time.
func (db *DB) Each(ctx context.Context, p Person, do func(table, row string) error) error {
	args, err := p.parameters()
	if err != nil {
		return fmt.Errorf("reading what is held of a customer: %w", err)
	}
	for _, h := range allHeld {
		s := data.Schema{Columns: h.columns}
		names, row := s.ColumnNames(), make(data.Row, len(h.columns))
		err := db.each(ctx, people+"SELECT "+strings.Join(names, ", ")+" FROM "+h.source()+" WHERE "+h.where, args, func(rows *sql.Rows) error {
			if err := rows.Scan(cells(h.columns, row)...); err != nil {
				return explain(err)
			}
			return do(h.table, lake.RowJSON(names, row))
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// each gives do every row of a query.
func (db *DB) each(ctx context.Context, query string, args []any, do func(*sql.Rows) error) error {
	rows, err := db.sql.QueryContext(ctx, query, args...)
	if err != nil {
		return explain(err)
	}
	return scan(rows, do)
}

// Sessions returns the sessions that are known to be of these customers.
func (db *DB) Sessions(ctx context.Context, ids []string) (out []string, err error) {
	args, err := Person{IDs: ids}.parameters()
	if err != nil {
		return nil, err
	}
	err = db.each(ctx, people+"SELECT alias FROM links WHERE "+ofSession+" AND user_id IN ids ORDER BY alias", args, func(rows *sql.Rows) error {
		var session string
		err := rows.Scan(&session)
		out = append(out, session)
		return explain(err)
	})
	return out, err
}

// Link says that an alias is a customer's.
type Link struct {
	Source, Alias, UserID string
	At                    time.Time
}

// Aliases returns the links of aliases that are held, whether or not the lake has
// them; those of sessions are not among them.
func (db *DB) Aliases(ctx context.Context) (out []Link, err error) {
	err = db.each(ctx, "SELECT source, alias, user_id, ts FROM links WHERE NOT "+ofSession+" ORDER BY seq", nil, func(rows *sql.Rows) error {
		var l Link
		var at int64
		err := rows.Scan(&l.Source, &l.Alias, &l.UserID, &at)
		l.At = microTime(at)
		out = append(out, l)
		return explain(err)
	})
	return out, err
}

// Erase deletes all that is held of a person and takes nothing in of them from
// now on, until Lift of the same erasure. It may be repeated. What was deleted
// is in no byte of the file, nor of its log, when it returns nil; where readers
// keep it in use, that is an error, and repeating it mends it. A server that
// holds the file open takes nothing in of the person from the moment on, and has
// forgotten them within a second.
func (db *DB) Erase(ctx context.Context, erasure string, p Person, now time.Time) error {
	args, err := p.parameters()
	if err != nil {
		return fmt.Errorf("erasing a customer: %w", err)
	}
	sessions, err := db.Sessions(ctx, p.IDs)
	if err != nil {
		return fmt.Errorf("erasing a customer: %w", err)
	}
	err = db.inTx(ctx, func(tx *sql.Tx) error {
		for _, h := range allHeld {
			if _, err := tx.ExecContext(ctx, people+"DELETE FROM "+h.source()+" WHERE "+h.where, args...); err != nil {
				return err
			}
		}
		for _, list := range [][]string{p.IDs, p.Sessions, sessions} {
			if err := block(ctx, tx, erasure, list, now); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("erasing a customer: %w", err)
	}
	return db.scrub(ctx)
}

// block takes nothing in of these ids.
func block(ctx context.Context, tx *sql.Tx, erasure string, ids []string, now time.Time) error {
	for _, id := range ids {
		h := hashOf(id)
		_, err := tx.ExecContext(ctx, "INSERT INTO erased (hash, erasure, ts) VALUES (?, ?, ?) ON CONFLICT DO NOTHING", h[:], erasure, now.UnixMicro())
		if err != nil {
			return err
		}
	}
	return nil
}

// Lift lets what an erasure keeps out be taken in again.
func (db *DB) Lift(ctx context.Context, erasure string) error {
	_, err := db.sql.ExecContext(ctx, "DELETE FROM erased WHERE erasure = ?", erasure)
	return explain(err)
}

// scrubWait bounds how long others may keep the write-ahead log in use: SQLite
// itself waits for readers, but not for somebody else who empties it.
const scrubWait = 5 * time.Second

// scrub empties the write-ahead log into the file.
func (db *DB) scrub(ctx context.Context) error {
	for deadline := time.Now().Add(scrubWait); ; {
		var busy, log, done int
		err := db.sql.QueryRowContext(ctx, "PRAGMA wal_checkpoint(TRUNCATE)").Scan(&busy, &log, &done)
		if err != nil || busy == 0 {
			return explain(err)
		}
		if time.Now().After(deadline) {
			return errors.New("emptying the write-ahead log of the event log: somebody else reads it, so that what was deleted may stand in it; try again")
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(10 * time.Millisecond):
		}
	}
}

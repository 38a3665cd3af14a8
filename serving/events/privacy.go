package events

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"regulars/data"
	"regulars/data/lake"
)

// held says what of a table is a customer's: ?1 is a JSON array of their ids.
type held struct {
	table   string
	columns []data.Column
	where   string
}

const among = " IN (SELECT value FROM json_each(?1))"

var allHeld = []held{
	{"events", eventSchema.Columns, "user_id" + among + " OR user_id IS NULL AND session_id IN (SELECT alias FROM links WHERE source = '" +
		sessionSource + "' AND user_id" + among + ")"},
	{"contacts", contactSchema.Columns, "user_id" + among},
	{"opt_outs", []data.Column{{Name: "user_id", Kind: data.KindString}, {Name: "out", Kind: data.KindBool}, {Name: "ts", Kind: data.KindTime}}, "user_id" + among},
	{"identities", linkSchema.Columns[1:], "user_id" + among}, // last: it tells whose the events are
}

// source is the table in the file, which calls identities links.
func (h held) source() string {
	if h.table == "identities" {
		return "links"
	}
	return h.table
}

// Of returns all rows held of the customer with these ids, as JSON objects by
// table; tables without any are left out. What anonymous sessions of theirs did
// is among it.
func (db *DB) Of(ctx context.Context, ids []string) (map[string][]json.RawMessage, error) {
	list, err := json.Marshal(ids)
	if err != nil {
		return nil, fmt.Errorf("reading what is held of a customer: %w", err)
	}
	out := map[string][]json.RawMessage{}
	for _, h := range allHeld {
		s := data.Schema{Columns: h.columns}
		rows, err := db.sql.QueryContext(ctx, "SELECT "+strings.Join(s.ColumnNames(), ", ")+" FROM "+h.source()+" WHERE "+h.where, string(list))
		if err != nil {
			return nil, explain(err)
		}
		err = scan(rows, func(rows *sql.Rows) error {
			row := make(data.Row, len(h.columns))
			if err := rows.Scan(cells(h.columns, row)...); err != nil {
				return err
			}
			out[h.table] = append(out[h.table], json.RawMessage(lake.RowJSON(s.ColumnNames(), row)))
			return nil
		})
		if err != nil {
			return nil, explain(err)
		}
	}
	return out, nil
}

// Erase deletes all that is held of the customer with these ids and takes
// nothing in of them from now on. It returns how many rows were deleted, by
// table; tables without any are left out. A server that holds the file open
// knows within a second.
func (db *DB) Erase(ctx context.Context, ids []string, now time.Time) (map[string]int64, error) {
	list, err := json.Marshal(ids)
	if err != nil {
		return nil, fmt.Errorf("erasing a customer: %w", err)
	}
	out := map[string]int64{}
	err = db.inTx(ctx, func(tx *sql.Tx) error {
		// What is deleted is overwritten, not merely given up.
		if _, err := tx.ExecContext(ctx, "PRAGMA secure_delete = on"); err != nil {
			return err
		}
		for _, h := range allHeld {
			n, err := changed(tx.ExecContext(ctx, "DELETE FROM "+h.source()+" WHERE "+h.where, string(list)))
			if err != nil {
				return err
			}
			if n > 0 {
				out[h.table] = n
			}
		}
		for _, id := range ids {
			h := hashOf(id)
			if _, err := tx.ExecContext(ctx, "INSERT INTO erased (hash, ts) VALUES (?, ?) ON CONFLICT DO NOTHING", h[:], now.UnixMicro()); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("erasing a customer: %w", err)
	}
	// The log beside the file still has what was deleted, until it is folded in;
	// where readers keep it busy, that comes later by itself.
	_, err = db.sql.ExecContext(ctx, "PRAGMA wal_checkpoint(TRUNCATE)")
	return out, explain(err)
}

// Erase is that of DB, in force at once.
func (s *Store) Erase(ctx context.Context, ids []string) (map[string]int64, error) {
	out, err := s.db.Erase(ctx, ids, s.opts.Now())
	if err != nil {
		return nil, err
	}
	return out, s.Sync(ctx)
}

// Of is that of DB.
func (s *Store) Of(ctx context.Context, ids []string) (map[string][]json.RawMessage, error) {
	return s.db.Of(ctx, ids)
}

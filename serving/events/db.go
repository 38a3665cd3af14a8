package events

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"regulars/data"
	"regulars/data/state"
)

// FileName is the event log's name inside a workspace.
const FileName = "events.db"

// Reasons why nothing could be taken in. What was told before is kept.
var (
	ErrBusy        = errors.New("too much has queued up to be written")
	ErrFull        = state.ErrFull
	ErrUnavailable = errors.New("the event log cannot be written")
)

// DB is an open event log, safe for concurrent use; several processes may hold
// one open. A server opens a Store, which takes in; jobs open a DB.
type DB struct{ sql *sql.DB }

// OpenDB opens the event log at path, which is made where it is missing.
func OpenDB(path string) (*DB, error) {
	handle, err := state.OpenFile(path, format)
	if err != nil {
		return nil, explain(err)
	}
	return &DB{handle}, nil
}

// Close releases the file.
func (db *DB) Close() error { return explain(db.sql.Close()) }

// Result codes of SQLite that say what is the matter, see its documentation.
const (
	codeReadOnly = 8
	codeFull     = 13
)

// explain tells a disk that is full, or may not be written, from other faults.
func explain(err error) error {
	var coded interface {
		error
		Code() int
	}
	switch {
	case err == nil:
		return nil
	case errors.As(err, &coded) && coded.Code()&0xff == codeFull:
		return fmt.Errorf("%w: make room, nothing else is needed: %w", ErrFull, err)
	case errors.As(err, &coded) && coded.Code()&0xff == codeReadOnly:
		return fmt.Errorf("%w: allow writing to its file and folder: %w", ErrUnavailable, err)
	}
	return fmt.Errorf("%w: %w", ErrUnavailable, err)
}

// inTx runs do in a transaction that holds the write lock from its start.
func (db *DB) inTx(ctx context.Context, do func(*sql.Tx) error) error {
	tx, err := db.sql.BeginTx(ctx, nil)
	if err != nil {
		return explain(err)
	}
	if err := do(tx); err != nil {
		return errors.Join(explain(err), tx.Rollback())
	}
	return explain(tx.Commit())
}

// argument returns a value as SQLite takes it.
func argument(v data.Value) any {
	switch v.Kind() {
	case data.KindNull:
		return nil
	case data.KindString:
		return v.Str()
	case data.KindFloat:
		return v.Float()
	}
	return v.Int() // times, amounts, truth: all are whole numbers inside
}

// cell scans one value of a column.
type cell struct {
	kind data.Kind
	into *data.Value
}

// Scan takes what SQLite holds, see sql.Scanner.
func (c cell) Scan(from any) error {
	switch v := from.(type) {
	case nil:
		*c.into = data.Null
	case string:
		*c.into = data.String(v)
	case float64:
		*c.into = data.Float(v)
	case int64:
		*c.into = whole(c.kind, v)
	default:
		return fmt.Errorf("a %T where a %s is kept", from, c.kind)
	}
	return nil
}

func whole(kind data.Kind, n int64) data.Value {
	switch kind {
	case data.KindBool:
		return data.Bool(n != 0)
	case data.KindTime:
		return data.Micros(n)
	case data.KindMoney:
		return data.Amount(data.Money(n))
	}
	return data.Int(n)
}

// cells scan a row of the columns into row.
func cells(columns []data.Column, row data.Row) []any {
	out := make([]any, len(columns))
	for i, c := range columns {
		out[i] = cell{c.Kind, &row[i]}
	}
	return out
}

package state

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"database/sql"
	"errors"
	"sync/atomic"
	"time"
)

// salt keeps hashes of ids from being guessed by those who do not have the database.
type salt []byte

// hash is the HMAC-SHA-256 of an id.
func (s salt) hash(id string) []byte {
	mac := hmac.New(sha256.New, s)
	_, _ = mac.Write([]byte(id)) // a hash cannot fail
	return mac.Sum(nil)
}

// salt returns the database's own, made on first use.
func (db *DB) salt(ctx context.Context) (s salt, err error) {
	err = db.sql.QueryRowContext(ctx, "SELECT value FROM salt").Scan(&s)
	if errors.Is(err, sql.ErrNoRows) {
		fresh := make([]byte, sha256.Size)
		_, _ = rand.Read(fresh) // never fails: see crypto/rand
		// Another process may have been first.
		if _, err = db.sql.ExecContext(ctx, "INSERT OR IGNORE INTO salt (id, value) VALUES (1, ?)", fresh); err == nil {
			err = db.sql.QueryRowContext(ctx, "SELECT value FROM salt").Scan(&s)
		}
	}
	if err != nil {
		return nil, db.explain("reading the salt of hashed ids", err)
	}
	return s, nil
}

// Marks answers from memory who was erased, and who has said since the last
// scoring whether they want personalisation. It is safe for concurrent use;
// Watch keeps it up to date.
type Marks struct {
	db   *DB
	held atomic.Pointer[marks]
}

type marks struct {
	salt   salt
	erased map[[sha256.Size]byte]bool
	optOut map[string]bool
}

// Marks reads the marks and returns them for use.
func (db *DB) Marks(ctx context.Context) (*Marks, error) {
	m := &Marks{db: db}
	return m, m.Refresh(ctx)
}

// ReadMarks reads the marks of a database that Open cannot open, as ReadKeyring
// reads its keys. They stay as they were read.
func ReadMarks(ctx context.Context, path string) (*Marks, error) {
	m := &Marks{}
	m.held.Store(&marks{})
	err := readAlone(ctx, path, "opt_outs", func(db *DB, held bool) error {
		if !held { // of a version that had none
			return nil
		}
		m.db = db
		return m.Refresh(ctx)
	})
	return m, err
}

// Erased reports whether a customer was erased, or is being erased.
func (m *Marks) Erased(userID string) bool {
	held := m.held.Load()
	if len(held.erased) == 0 {
		return false // the shop of most days: nothing is hashed
	}
	return held.erased[[sha256.Size]byte(held.salt.hash(userID))]
}

// AnyErased reports whether anybody was erased.
func (m *Marks) AnyErased() bool { return len(m.held.Load().erased) > 0 }

// OptedOut returns what a customer has said of personalisation here; not known:
// what the data say holds.
func (m *Marks) OptedOut(userID string) (out, known bool) {
	out, known = m.held.Load().optOut[userID]
	return out, known
}

// Watch reads the marks again at every interval. While the database cannot be
// read, those last known stay in use. report is told of each new failure, and
// nil when all is well again. It returns ctx.Err() once ctx ends.
func (m *Marks) Watch(ctx context.Context, interval time.Duration, report func(error)) error {
	repeat(ctx, interval, onChange(report), m.Refresh)
	return ctx.Err()
}

// Refresh reads the marks again.
func (m *Marks) Refresh(ctx context.Context) (err error) {
	next := &marks{erased: map[[sha256.Size]byte]bool{}}
	if err := m.db.readErased(ctx, next.erased); err != nil {
		return m.db.explain("reading who was erased", err)
	}
	if len(next.erased) > 0 { // else there may be none yet, and a full disk would not take one
		if next.salt, err = m.db.salt(ctx); err != nil {
			return err
		}
	}
	if next.optOut, err = m.db.OptOuts(ctx); err != nil {
		return err
	}
	m.held.Store(next)
	return nil
}

func (db *DB) readErased(ctx context.Context, into map[[sha256.Size]byte]bool) (err error) {
	rows, err := db.sql.QueryContext(ctx, "SELECT hash FROM erased")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		var hash []byte
		if err := rows.Scan(&hash); err != nil {
			return err
		}
		into[[sha256.Size]byte(hash)] = true
	}
	return rows.Err()
}

// SetOptOut records durably whether a customer refuses personalisation. It says
// so until the customer says otherwise, whatever the data say.
func (db *DB) SetOptOut(ctx context.Context, userID string, out bool) error {
	_, err := db.sql.ExecContext(ctx, `INSERT INTO opt_outs (user_id, refused, told_at) VALUES (?, ?, ?)
		ON CONFLICT (user_id) DO UPDATE SET refused = excluded.refused, told_at = excluded.told_at`, userID, out, db.Now().UnixMicro())
	if err != nil {
		return db.explain("recording an opt-out", err)
	}
	return nil
}

// OptOuts returns what customers have said of personalisation, by id: whether
// they refuse it.
func (db *DB) OptOuts(ctx context.Context) (out map[string]bool, err error) {
	rows, err := db.sql.QueryContext(ctx, "SELECT user_id, refused FROM opt_outs")
	if err != nil {
		return nil, db.explain("reading opt-outs", err)
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	out = map[string]bool{}
	for rows.Next() {
		var id string
		var refused bool
		if err := rows.Scan(&id, &refused); err != nil {
			return nil, db.explain("reading opt-outs", err)
		}
		out[id] = refused
	}
	if err := rows.Err(); err != nil {
		return nil, db.explain("reading opt-outs", err)
	}
	return out, nil
}

// RemoveOptOuts forgets what was said by the customers of these ids.
func (db *DB) RemoveOptOuts(ctx context.Context, ids []string) error {
	err := db.inTx(ctx, func(tx *sql.Tx) error {
		for _, id := range ids {
			if _, err := tx.ExecContext(ctx, "DELETE FROM opt_outs WHERE user_id = ?", id); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return db.explain("removing opt-outs", err)
	}
	return nil
}

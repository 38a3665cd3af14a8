package state

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"errors"
	"fmt"
	"time"
)

// ErrNoKey says that no key has the id asked for.
var ErrNoKey = errors.New("no such key")

const keyColumns = "id, name, role, hash, created_at, expires_at, last_used_at, revoked_at"

// CreateKey makes a key with the Name, Role and ExpiresAt of k, and returns it
// as recorded, with its text: nothing can tell that again.
func (db *DB) CreateKey(ctx context.Context, k Key) (Key, string, error) {
	now := db.Now().UTC().Truncate(time.Microsecond)
	if err := k.validate(now); err != nil {
		return Key{}, "", err
	}
	id, text := newKeyText()
	out := Key{ID: id, Name: k.Name, Role: k.Role, CreatedAt: now, hash: sha256.Sum256([]byte(text))}
	if !k.ExpiresAt.IsZero() {
		out.ExpiresAt = k.ExpiresAt.UTC().Truncate(time.Microsecond)
	}
	_, err := db.sql.ExecContext(ctx, "INSERT INTO keys ("+keyColumns+") VALUES (?, ?, ?, ?, ?, ?, NULL, NULL)",
		out.ID, out.Name, out.Role, out.hash[:], out.CreatedAt.UnixMicro(), nullTime(out.ExpiresAt))
	if err != nil {
		return Key{}, "", db.explain("recording a key", err)
	}
	return out, text, nil
}

// Keys returns all keys that were made, oldest first: also those that are
// revoked or have expired, unless they were forgotten.
func (db *DB) Keys(ctx context.Context) ([]Key, error) {
	rows, err := db.sql.QueryContext(ctx, "SELECT "+keyColumns+" FROM keys ORDER BY created_at, id")
	if err != nil {
		return nil, db.explain("reading keys", err)
	}
	keys, err := scanKeys(rows)
	if err != nil {
		return nil, db.explain("reading keys", err)
	}
	return keys, nil
}

// RevokeKey ends a key for good and returns it as it then is. Revoking it again
// changes nothing. The error wraps ErrNoKey when no key has the id.
func (db *DB) RevokeKey(ctx context.Context, id string) (Key, error) {
	return db.changeKey(ctx, "revoking", id,
		"UPDATE keys SET revoked_at = coalesce(revoked_at, ?) WHERE id = ? RETURNING "+keyColumns, db.Now().UnixMicro(), id)
}

// ForgetKey revokes a key by taking it off the list, and returns it as it was.
// The error wraps ErrNoKey when no key has the id.
func (db *DB) ForgetKey(ctx context.Context, id string) (Key, error) {
	return db.changeKey(ctx, "forgetting", id, "DELETE FROM keys WHERE id = ? RETURNING "+keyColumns, id)
}

func (db *DB) changeKey(ctx context.Context, doing, id, change string, args ...any) (Key, error) {
	k, err := scanKey(db.sql.QueryRowContext(ctx, change, args...))
	if errors.Is(err, sql.ErrNoRows) {
		return Key{}, fmt.Errorf("%s key %q: %w in %s", doing, id, ErrNoKey, db.path)
	}
	if err != nil {
		return Key{}, db.explain(doing+" key "+id, err)
	}
	return k, nil
}

// recordUse writes when keys were last used, by id. Several servers may use the
// same keys: the latest counts.
func (db *DB) recordUse(ctx context.Context, used map[string]time.Time) error {
	err := db.inTx(ctx, func(tx *sql.Tx) error {
		for id, at := range used {
			_, err := tx.ExecContext(ctx, "UPDATE keys SET last_used_at = max(coalesce(last_used_at, 0), ?) WHERE id = ?", at.UnixMicro(), id)
			if err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return db.explain("recording the use of keys", err)
	}
	return nil
}

func scanKeys(rows *sql.Rows) ([]Key, error) {
	defer rows.Close()
	var keys []Key
	for rows.Next() {
		k, err := scanKey(rows)
		if err != nil {
			return nil, err
		}
		keys = append(keys, k)
	}
	return keys, rows.Err()
}

func scanKey(row interface{ Scan(...any) error }) (Key, error) {
	var k Key
	var hash []byte
	var created int64
	var expires, used, revoked sql.NullInt64
	if err := row.Scan(&k.ID, &k.Name, &k.Role, &hash, &created, &expires, &used, &revoked); err != nil {
		return Key{}, err
	}
	copy(k.hash[:], hash) // 32 bytes: the table sees to that
	k.CreatedAt = time.UnixMicro(created).UTC()
	k.ExpiresAt, k.LastUsedAt, k.RevokedAt = timeOrZero(expires), timeOrZero(used), timeOrZero(revoked)
	return k, nil
}

func timeOrZero(t sql.NullInt64) time.Time {
	if !t.Valid {
		return time.Time{}
	}
	return time.UnixMicro(t.Int64).UTC()
}

package state

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"sync"
	"sync/atomic"
	"time"
)

// useInterval is how often it is written down when keys were last used.
const useInterval = time.Minute

// Keyring answers from memory whose a key is, so that no request waits for the
// database. It is safe for concurrent use; Watch keeps it up to date.
type Keyring struct {
	db     *DB
	keys   atomic.Pointer[map[string]*heldKey] // by id; replaced as a whole
	needed atomic.Bool
}

// heldKey is a key in memory. Its use outlives it: the next reading of the keys
// takes it over.
type heldKey struct {
	Key
	use *keyUse
}

type keyUse struct {
	last    atomic.Int64 // seconds since 1970; 0: not used through this keyring
	written int64        // what the database was told
}

// Keyring reads the keys and returns them for use.
func (db *DB) Keyring(ctx context.Context) (*Keyring, error) {
	k := emptyKeyring(db)
	return k, k.refresh(ctx)
}

func emptyKeyring(db *DB) *Keyring {
	k := &Keyring{db: db}
	k.keys.Store(&map[string]*heldKey{})
	return k
}

// ReadKeyring reads the keys of a database that Open cannot open, such as on a
// full disk, without writing anything. They stay as they were read: Watch is not
// for them. A file that is damaged, or has changes that only Open could read, is
// an error.
func ReadKeyring(ctx context.Context, path string) (k *Keyring, err error) {
	err = readAlone(ctx, path, "keys", func(db *DB, held bool) (err error) {
		if !held { // of a version that had none
			k = emptyKeyring(db)
			return nil
		}
		k, err = db.Keyring(ctx)
		return err
	})
	return k, err
}

// readAlone opens a database that Open cannot open, such as on a full disk, for
// use to read, without writing anything; held says whether it has the table.
func readAlone(ctx context.Context, path, table string, use func(db *DB, held bool) error) (err error) {
	if log, err := os.Stat(path + "-wal"); err == nil && log.Size() > 0 {
		return fmt.Errorf("state database %s: its latest changes are in its -wal file, which cannot be read alone", path)
	}
	handle, err := sql.Open("sqlite", "file:"+(&url.URL{Path: path}).EscapedPath()+"?immutable=1")
	if err != nil {
		return fmt.Errorf("state database %s: %w", path, err)
	}
	db := &DB{Now: time.Now, sql: handle, path: path, format: ownFormat}
	defer func() { err = errors.Join(err, db.Close()) }()
	if err := db.checkOwner(ctx, handle); err != nil {
		return db.explain("reading "+table, err)
	}
	if err := db.checkSound(ctx); err != nil {
		return db.explain("reading "+table, err)
	}
	var tables int
	if err := handle.QueryRowContext(ctx, "SELECT count(*) FROM sqlite_schema WHERE name = ?", table).Scan(&tables); err != nil {
		return db.explain("reading "+table, err)
	}
	return use(db, tables > 0)
}

// Needed reports whether a key is needed to ask: once a key has been made, even
// if it was revoked or has expired since. It never goes back to false, so that a
// server which has kept its doors shut does not open them by itself.
func (k *Keyring) Needed() bool { return k.needed.Load() }

// Usable returns how many keys are valid now.
func (k *Keyring) Usable() int {
	n, now := 0, k.db.Now()
	for _, held := range *k.keys.Load() {
		if held.Status(now) == KeyValid {
			n++
		}
	}
	return n
}

// Check returns the key with the given text, and whether it is valid now. The
// key is zero when it is unknown. How long this takes says nothing of how much
// of a wrong text was right.
func (k *Keyring) Check(text string) (Key, KeyStatus) {
	id, ok := keyID(text)
	if !ok {
		return Key{}, KeyUnknown
	}
	held, known := (*k.keys.Load())[id]
	var want [sha256.Size]byte // compared also when the id is unknown, in the same time
	if known {
		want = held.hash
	}
	got := sha256.Sum256([]byte(text))
	if same := subtle.ConstantTimeCompare(got[:], want[:]) == 1; !same || !known {
		return Key{}, KeyUnknown
	}
	now := k.db.Now()
	status := held.Status(now)
	if status == KeyValid {
		held.use.note(now.Unix())
	}
	return held.Key, status
}

// note writes only when the second has changed: the line of memory stays shared
// between cores.
func (u *keyUse) note(now int64) {
	if u.last.Load() != now {
		u.last.Store(now)
	}
}

// Watch reads the keys again at every interval, and writes down every minute,
// and at the end, when they were last used. While the database cannot be read,
// the last known keys stay in use. report is told of each new failure, and nil
// when all is well again. It returns ctx.Err() once ctx ends.
func (k *Keyring) Watch(ctx context.Context, interval time.Duration, report func(error)) error {
	var loops sync.WaitGroup
	loops.Go(func() { repeat(ctx, interval, onChange(report), k.refresh) })
	// On its own: waiting for another writer must not keep a revoked key alive.
	loops.Go(func() { repeat(ctx, useInterval, onChange(report), k.writeUse) })
	loops.Wait()
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), busyTimeout)
	defer cancel()
	if err := k.writeUse(last); err != nil {
		report(err)
	}
	return ctx.Err()
}

func repeat(ctx context.Context, interval time.Duration, report func(error), do func(context.Context) error) {
	ticker := time.NewTicker(interval)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			if err := do(ctx); ctx.Err() == nil {
				report(err)
			}
		}
	}
}

// onChange passes on only what differs from what was passed on before.
func onChange(report func(error)) func(error) {
	before := ""
	return func(err error) {
		now := ""
		if err != nil {
			now = err.Error()
		}
		if now != before {
			report(err)
		}
		before = now
	}
}

func (k *Keyring) refresh(ctx context.Context) error {
	list, err := k.db.Keys(ctx)
	if err != nil {
		return err
	}
	before := *k.keys.Load()
	keys := make(map[string]*heldKey, len(list))
	for _, key := range list {
		held := &heldKey{Key: key, use: &keyUse{}}
		if old, ok := before[key.ID]; ok {
			held.use = old.use
		}
		keys[key.ID] = held
	}
	if len(list) > 0 {
		k.needed.Store(true) // before the keys, so that none is known and not needed
	}
	k.keys.Store(&keys)
	return nil
}

// writeUse writes what has changed since it was last written. Only one
// goroutine at a time may call it.
func (k *Keyring) writeUse(ctx context.Context) error {
	held := *k.keys.Load()
	used := map[string]time.Time{}
	for id, h := range held {
		if last := h.use.last.Load(); last != h.use.written {
			used[id] = time.Unix(last, 0)
		}
	}
	if len(used) == 0 {
		return nil
	}
	if err := k.db.recordUse(ctx, used); err != nil {
		return err
	}
	for id, at := range used {
		held[id].use.written = at.Unix()
	}
	return nil
}

package state

import (
	"context"
	"database/sql"
	"encoding/base64"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// clock is a time that a test sets.
type clock struct{ micros atomic.Int64 }

func (c *clock) set(t time.Time) { c.micros.Store(t.UnixMicro()) }
func (c *clock) now() time.Time  { return time.UnixMicro(c.micros.Load()).UTC() }

// openAt opens a new database whose clock the test sets.
func openAt(t *testing.T, path, now string) (*DB, *clock) {
	t.Helper()
	db, c := open(t, path), &clock{}
	c.set(at(now))
	db.Now = c.now
	return db, c
}

func create(t *testing.T, db *DB, k Key) (Key, string) {
	t.Helper()
	k, text, err := db.CreateKey(t.Context(), k)
	if err != nil {
		t.Fatal(err)
	}
	return k, text
}

func keyring(t *testing.T, db *DB) *Keyring {
	t.Helper()
	k, err := db.Keyring(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func TestKeyLife(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state.db")
	db, c := openAt(t, path, "2026-01-02T03:04:05.678Z")
	ring := keyring(t, db)
	if ring.Needed() {
		t.Error("a key is needed before there is one")
	}
	shop, text := create(t, db, Key{ID: "ignored", Name: "网店", Role: "storefront", ExpiresAt: at("2026-01-03T00:00:00Z"), RevokedAt: c.now()})
	other, otherText := create(t, db, Key{Role: "admin"})
	if want := (Key{ID: shop.ID, Name: "网店", Role: "storefront", CreatedAt: at("2026-01-02T03:04:05.678Z"), ExpiresAt: at("2026-01-03T00:00:00Z"), hash: shop.hash}); shop != want {
		t.Errorf("made %+v, want %+v", shop, want)
	}
	check := func(when, text string, want KeyStatus, id string) {
		t.Helper()
		if err := ring.refresh(t.Context()); err != nil {
			t.Fatal(err)
		}
		if k, got := ring.Check(text); got != want || k.ID != id {
			t.Errorf("%s: key %q is %s, want %s of %q", when, k.ID, got, want, id)
		}
	}
	if _, got := ring.Check(text); got != KeyUnknown {
		t.Errorf("known before the keys were read again: %s", got)
	}
	check("new", text, KeyValid, shop.ID)
	if !ring.Needed() || ring.Usable() != 2 {
		t.Errorf("needed %v, %d usable", ring.Needed(), ring.Usable())
	}
	c.set(at("2026-01-02T23:59:59.999999Z"))
	check("at the last moment", text, KeyValid, shop.ID)
	c.set(at("2026-01-03T00:00:00Z"))
	check("then", text, KeyExpired, shop.ID)
	revoked, err := db.RevokeKey(t.Context(), shop.ID)
	if err != nil || !revoked.RevokedAt.Equal(c.now()) {
		t.Fatal(revoked, err)
	}
	c.set(at("2026-01-04T00:00:00Z"))
	if again, err := db.RevokeKey(t.Context(), shop.ID); err != nil || again != revoked {
		t.Errorf("revoked again: %+v, %v; want %+v", again, err, revoked)
	}
	check("revoked", text, KeyRevoked, shop.ID)
	check("the other", otherText, KeyValid, other.ID)
	for _, id := range []string{shop.ID, other.ID} {
		if _, err := db.ForgetKey(t.Context(), id); err != nil {
			t.Error(err)
		}
	}
	check("forgotten", otherText, KeyUnknown, "")
	if keys, err := db.Keys(t.Context()); len(keys) != 0 || err != nil {
		t.Errorf("left %v, %v", keys, err)
	}
	if !ring.Needed() || keyring(t, db).Needed() {
		t.Error("who needed keys still does; who starts without any does not")
	}
}

// The text must be nowhere in the files, and nothing in the files opens anything.
func TestOnlyAHashIsKept(t *testing.T) {
	dir := t.TempDir()
	db := open(t, filepath.Join(dir, "state.db"))
	k, text := create(t, db, Key{Role: "admin"})
	secret := text[strings.LastIndex(text[:len(keyPrefix)+keyIDLen+1], "_")+1:]
	raw, err := base64.RawURLEncoding.DecodeString(secret)
	if err != nil || len(raw) != 32 || !strings.HasPrefix(text, "regulars_"+k.ID+"_") {
		t.Fatalf("%s: %d bytes, %v", text, len(raw), err)
	}
	files, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	found := false
	for _, f := range files {
		content, err := os.ReadFile(filepath.Join(dir, f.Name()))
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(content), secret) || strings.Contains(string(content), string(raw)) {
			t.Errorf("%s holds the secret", f.Name())
		}
		found = found || strings.Contains(string(content), string(k.hash[:]))
	}
	if !found {
		t.Error("no file holds the hash: this test looks in the wrong place")
	}
	ring := keyring(t, db)
	for _, stolen := range []string{k.ID, string(k.hash[:]), keyPrefix + k.ID + "_" + base64.RawURLEncoding.EncodeToString(k.hash[:])} {
		if _, got := ring.Check(stolen); got != KeyUnknown {
			t.Errorf("%q is %s", stolen, got)
		}
	}
}

// Every change of the text, however small, makes another key of it: also one
// that base64 decodes to the same bytes.
func TestNearMissesAreUnknown(t *testing.T) {
	db := open(t, filepath.Join(t.TempDir(), "state.db"))
	_, text := create(t, db, Key{Role: "admin"})
	_, other := create(t, db, Key{Role: "storefront"})
	ring := keyring(t, db)
	cut := len(keyPrefix) + keyIDLen
	for _, wrong := range []string{"", text[:len(text)-1], text + "A", text[:cut] + other[cut:], strings.ToUpper(text), " " + text[1:], strings.Repeat("x", 1<<20)} {
		if k, got := ring.Check(wrong); got != KeyUnknown || k != (Key{}) {
			t.Errorf("%.80q is %s", wrong, got)
		}
	}
	rapid.Check(t, func(rt *rapid.T) {
		b := []byte(text)
		i := rapid.IntRange(0, len(b)-1).Draw(rt, "position")
		b[i] ^= byte(rapid.IntRange(1, 255).Draw(rt, "change"))
		if _, got := ring.Check(string(b)); got != KeyUnknown {
			rt.Fatalf("%q is %s", b, got)
		}
	})
	if _, got := ring.Check(text); got != KeyValid {
		t.Errorf("the key itself is %s", got)
	}
}

func TestKeyMisuse(t *testing.T) {
	db, _ := openAt(t, filepath.Join(t.TempDir(), "state.db"), "2026-01-02T00:00:00Z")
	createErr := func(k Key) error { _, _, err := db.CreateKey(t.Context(), k); return err }
	_, revoke := db.RevokeKey(t.Context(), "nothing")
	_, forget := db.ForgetKey(t.Context(), "' OR 1=1 --")
	for _, c := range []struct {
		err  error
		want string
	}{
		{createErr(Key{}), "needs a role"},
		{createErr(Key{Role: "admin", Name: strings.Repeat("茶", 101)}), "has 101 characters: at most 100"},
		{createErr(Key{Role: "admin", Name: "a\nb"}), "cannot be printed"},
		{createErr(Key{Role: "admin", Name: "\xff"}), "cannot be printed"},
		{createErr(Key{Role: "admin", ExpiresAt: at("2026-01-02T00:00:00Z")}), "expired at 2026-01-02T00:00:00Z already"},
		{revoke, `revoking key "nothing": no such key`},
		{forget, "no such key"},
	} {
		if c.err == nil || !strings.Contains(c.err.Error(), c.want) {
			t.Errorf("got %v, want it to say %q", c.err, c.want)
		}
	}
	if !errors.Is(revoke, ErrNoKey) || !errors.Is(forget, ErrNoKey) {
		t.Errorf("%v and %v are not ErrNoKey", revoke, forget)
	}
	if keys, err := db.Keys(t.Context()); len(keys) != 0 || err != nil {
		t.Errorf("recorded %v, %v", keys, err)
	}
}

// Use is noted in memory and written later, in one go; what another server has
// written later than that stays.
func TestUseIsWrittenLazily(t *testing.T) {
	db, c := openAt(t, filepath.Join(t.TempDir(), "state.db"), "2026-01-02T00:00:00Z")
	used, text := create(t, db, Key{Role: "admin"})
	idle, _ := create(t, db, Key{Role: "admin"})
	ended, endedText := create(t, db, Key{Role: "admin"})
	if _, err := db.RevokeKey(t.Context(), ended.ID); err != nil {
		t.Fatal(err)
	}
	ring := keyring(t, db)
	c.set(at("2026-01-02T10:00:00.9Z"))
	ring.Check(text)
	ring.Check(endedText)
	ring.Check(keyPrefix + idle.ID + text[len(keyPrefix)+keyIDLen:])
	want := func(when string, last time.Time) {
		t.Helper()
		keys, err := db.Keys(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, k := range keys {
			if k.ID == used.ID && !k.LastUsedAt.Equal(last) || k.ID != used.ID && !k.LastUsedAt.IsZero() {
				t.Errorf("%s: %s was used at %v", when, k.ID, k.LastUsedAt)
			}
		}
	}
	want("before it is written", time.Time{})
	if err := ring.refresh(t.Context()); err != nil { // which keeps what was noted
		t.Fatal(err)
	}
	if err := ring.writeUse(t.Context()); err != nil {
		t.Fatal(err)
	}
	want("written", at("2026-01-02T10:00:00Z"))
	if err := db.recordUse(t.Context(), map[string]time.Time{used.ID: at("2026-01-02T09:00:00Z")}); err != nil {
		t.Fatal(err)
	}
	want("another server was earlier", at("2026-01-02T10:00:00Z"))
}

// A watching keyring learns what another process does, and writes use at its end.
func TestWatch(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state.db")
	server, operator := open(t, path), open(t, path)
	ring := keyring(t, server)
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- ring.Watch(ctx, time.Millisecond, func(err error) { t.Errorf("reported %v", err) }) }()
	k, text := create(t, operator, Key{Role: "admin"})
	await := func(want KeyStatus) {
		t.Helper()
		for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(time.Millisecond) {
			if _, got := ring.Check(text); got == want {
				return
			} else if time.Now().After(deadline) {
				t.Fatalf("the key is %s, want %s", got, want)
			}
		}
	}
	await(KeyValid)
	if _, err := operator.RevokeKey(t.Context(), k.ID); err != nil {
		t.Fatal(err)
	}
	await(KeyRevoked)
	stop()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Errorf("ended with %v", err)
	}
	keys, err := operator.Keys(t.Context())
	if err != nil || len(keys) != 1 || keys[0].LastUsedAt.IsZero() {
		t.Errorf("at the end: %+v, %v", keys, err)
	}
}

// While the database cannot be read, the last known keys stay, and each failure
// is told once.
func TestWatchOfAnUnreadableDatabase(t *testing.T) {
	db := open(t, filepath.Join(t.TempDir(), "state.db"))
	_, text := create(t, db, Key{Role: "admin"})
	ring := keyring(t, db)
	hide := func(from, to string) {
		t.Helper()
		if _, err := db.sql.Exec("ALTER TABLE " + from + " RENAME TO " + to); err != nil {
			t.Fatal(err)
		}
	}
	reports := make(chan error, 100)
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- ring.Watch(ctx, time.Millisecond, func(err error) { reports <- err }) }()
	hide("keys", "hidden")
	if err := <-reports; err == nil || !strings.Contains(err.Error(), "no such table: keys") {
		t.Errorf("reported %v", err)
	}
	if _, got := ring.Check(text); got != KeyValid || !ring.Needed() {
		t.Errorf("the key is %s", got)
	}
	hide("hidden", "keys")
	if err := <-reports; err != nil {
		t.Errorf("reported %v", err)
	}
	stop()
	<-ended
	if len(reports) > 0 {
		t.Errorf("reported also %v", <-reports)
	}
}

func TestCheckWhileKeysChange(t *testing.T) {
	db := open(t, filepath.Join(t.TempDir(), "state.db"))
	_, text := create(t, db, Key{Role: "admin"})
	ring := keyring(t, db)
	var stop atomic.Bool
	var clients sync.WaitGroup
	for range 4 {
		clients.Go(func() {
			for !stop.Load() {
				if _, got := ring.Check(text); got != KeyValid {
					t.Errorf("a key that nobody touched is %s", got)
					return
				}
			}
		})
	}
	for range 15 {
		k, _ := create(t, db, Key{Role: "storefront"})
		if err := errors.Join(ring.refresh(t.Context()), ring.writeUse(t.Context())); err != nil {
			t.Error(err)
		}
		if _, err := db.RevokeKey(t.Context(), k.ID); err != nil {
			t.Error(err)
		}
	}
	stop.Store(true)
	clients.Wait()
}

// A file that cannot be opened for writing still tells its keys, if it can be
// trusted to be whole.
func TestReadKeyring(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "a?folder#%20", "state.db")
	if err := os.Mkdir(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	db, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	_, text := create(t, db, Key{Role: "admin"})
	if _, err := ReadKeyring(t.Context(), path); err == nil || !strings.Contains(err.Error(), "-wal") {
		t.Errorf("changes beside the file: %v", err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	ring, err := ReadKeyring(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	if k, got := ring.Check(text); got != KeyValid || k.Role != "admin" || !ring.Needed() {
		t.Errorf("the key is %s", got)
	}
	first := fmt.Sprintf("%s; PRAGMA application_id = %d; PRAGMA user_version = 1", migrations[0], applicationID)
	if ring, err = ReadKeyring(t.Context(), statement(t, dir, "first.db", first)); err != nil || ring.Needed() {
		t.Errorf("a file from before there were keys: %v", err)
	}
	if _, got := ring.Check(text); got != KeyUnknown {
		t.Errorf("there the key is %s", got)
	}
	broken := filepath.Join(dir, "broken.db")
	if err := os.WriteFile(broken, soundFile(t)[:4096], 0o600); err != nil {
		t.Fatal(err)
	}
	for _, bad := range []string{broken, statement(t, dir, "foreign.db", "CREATE TABLE keys (title TEXT)")} {
		if _, err := ReadKeyring(t.Context(), bad); !errors.Is(err, ErrUnusable) {
			t.Errorf("%s: %v", bad, err)
		}
	}
}

// A database of the first version keeps its runs and gets a place for keys.
func TestMigrationFromTheFirstVersion(t *testing.T) {
	made := fmt.Sprintf("%s; INSERT INTO runs VALUES ('r', 'train', 'manual', 'succeeded', '', 1, 2, 0, 0, '', '', NULL); PRAGMA application_id = %d; PRAGMA user_version = 1",
		migrations[0], applicationID)
	db := open(t, statement(t, t.TempDir(), "state.db", made))
	if runs, err := db.Runs(t.Context(), RunFilter{}); err != nil || len(runs) != 1 {
		t.Errorf("runs %v, %v", runs, err)
	}
	k, _ := create(t, db, Key{Role: "admin"})
	if keys, err := db.Keys(t.Context()); err != nil || !slices.Equal(keys, []Key{k}) {
		t.Errorf("keys %v, %v", keys, err)
	}
	err := db.inTx(t.Context(), func(tx *sql.Tx) error {
		_, err := tx.Exec("INSERT INTO keys ("+keyColumns+") VALUES ('x', '', 'admin', ?, 1, NULL, NULL, NULL)", []byte("short"))
		return err
	})
	if err == nil {
		t.Error("a hash that is none was recorded")
	}
}

// BenchmarkCheck: what a request pays for its key. That wrong keys take as long
// as right ones, wherever they differ, shows as equal lines.
func BenchmarkCheck(b *testing.B) {
	db, err := Open(filepath.Join(b.TempDir(), "state.db"))
	if err != nil {
		b.Fatal(err)
	}
	defer db.Close()
	_, text, err := db.CreateKey(b.Context(), Key{Role: "admin"})
	if err != nil {
		b.Fatal(err)
	}
	ring, err := db.Keyring(b.Context())
	if err != nil {
		b.Fatal(err)
	}
	flip := func(i int) string {
		wrong := []byte(text)
		wrong[i] ^= 1
		return string(wrong)
	}
	for _, c := range []struct{ name, text string }{
		{"right", text}, {"wrong at the end", flip(keyLen - 1)}, {"wrong secret", flip(len(keyPrefix) + keyIDLen + 1)}, {"unknown id", flip(len(keyPrefix))},
	} {
		b.Run(c.name, func(b *testing.B) {
			for b.Loop() {
				ring.Check(c.text)
			}
		})
	}
}

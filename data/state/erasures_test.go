package state

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

const zebra = "zebra-7731-erase-me"

// erasing opens a database with a pending erasure of the zebra and an alias.
func erasing(t *testing.T) (*DB, Erasure) {
	t.Helper()
	db := open(t, filepath.Join(t.TempDir(), "state.db"))
	who := json.RawMessage(`{"ids":["` + zebra + `","` + zebra + `@x"]}`)
	e, err := db.RequestErasure(t.Context(), []string{zebra, zebra + "@x"}, who)
	if err != nil {
		t.Fatal(err)
	}
	return db, e
}

func TestErasureLeavesNoIDBehind(t *testing.T) {
	db, e := erasing(t)
	path := filepath.Join(db.Dir(), "state.db")
	if !e.Pending() || len(e.Person) != 64 || e.Who == nil {
		t.Errorf("requested: %+v", e)
	}
	again, err := db.RequestErasure(t.Context(), []string{zebra + "@x"}, json.RawMessage(`{}`))
	if err != nil || again.ID != e.ID {
		t.Errorf("asked again for another id of the same person: %+v (%v)", again, err)
	}
	if err := db.UpdateErasure(t.Context(), e.ID, []string{zebra, "third-of-" + zebra}, e.Who, json.RawMessage(`{"removed":[]}`)); err != nil {
		t.Fatal(err)
	}
	marks, err := db.Marks(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for id, want := range map[string]bool{zebra: true, zebra + "@x": true, "third-of-" + zebra: true, "ann": false, "": false} {
		if marks.Erased(id) != want {
			t.Errorf("erased(%q) is not %v", id, want)
		}
	}
	if !inFiles(t, path, zebra) {
		t.Error("the test looks in the wrong place: a pending erasure has the id")
	}
	done, err := db.FinishErasure(t.Context(), e.ID, json.RawMessage(`{"removed":[]}`))
	if err != nil || done.Pending() || done.Who != nil {
		t.Fatalf("finished: %+v (%v)", done, err)
	}
	if inFiles(t, path, zebra) {
		t.Error("the id still stands in the database's bytes")
	}
	if list, err := db.PendingErasures(t.Context()); err != nil || len(list) != 0 {
		t.Errorf("pending: %v (%v)", list, err)
	}
	if of, err := db.ErasuresOf(t.Context(), "third-of-"+zebra); err != nil || len(of) != 1 {
		t.Errorf("receipts of a later id: %v (%v)", of, err)
	}
	// Another one may be asked for: the first is done.
	if second, err := db.RequestErasure(t.Context(), []string{zebra}, e.Who); err != nil || second.ID == e.ID || second.Person != e.Person {
		t.Errorf("a second erasure: %+v (%v)", second, err)
	}
}

// inFiles looks through the bytes of the database and its log.
func inFiles(t *testing.T, path, text string) bool {
	t.Helper()
	for _, suffix := range []string{"", "-wal", "-shm"} {
		b, err := os.ReadFile(path + suffix)
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			t.Fatal(err)
		}
		if bytes.Contains(b, []byte(text)) {
			return true
		}
	}
	return false
}

func TestLiftedErasureLetsBack(t *testing.T) {
	db, e := erasing(t)
	if _, err := db.LiftErasure(t.Context(), e.ID); !errors.Is(err, ErrNoErasure) {
		t.Errorf("a pending erasure was lifted: %v", err)
	}
	if _, err := db.FinishErasure(t.Context(), e.ID, json.RawMessage(`{}`)); err != nil {
		t.Fatal(err)
	}
	lifted, err := db.LiftErasure(t.Context(), e.ID)
	if err != nil || lifted.LiftedAt.IsZero() {
		t.Fatalf("%+v (%v)", lifted, err)
	}
	marks, err := db.Marks(t.Context())
	if err != nil || marks.AnyErased() || marks.Erased(zebra) {
		t.Errorf("still blocked (%v)", err)
	}
	if all, err := db.Erasures(t.Context()); err != nil || len(all) != 1 {
		t.Errorf("the receipt is gone: %v (%v)", all, err)
	}
	for _, err := range []error{second(db.Erasure(t.Context(), "none")), second(db.LiftErasure(t.Context(), "none")),
		second(db.FinishErasure(t.Context(), "none", nil)), db.UpdateErasure(t.Context(), e.ID, nil, nil, nil)} {
		if !errors.Is(err, ErrNoErasure) {
			t.Errorf("%v, want ErrNoErasure", err)
		}
	}
	if _, err := db.RequestErasure(t.Context(), nil, nil); err == nil {
		t.Error("an erasure of nobody was recorded")
	}
}

func second[T any](_ T, err error) error { return err }

// Hashes are of the database: the same id elsewhere has another.
func TestHashesAreSalted(t *testing.T) {
	_, one := erasing(t)
	_, other := erasing(t)
	if one.Person == other.Person || strings.Contains(one.Person, zebra) {
		t.Errorf("hashes %s and %s", one.Person, other.Person)
	}
}

func TestOptOuts(t *testing.T) {
	db := open(t, filepath.Join(t.TempDir(), "state.db"))
	marks, err := db.Marks(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	failed := make(chan error, 10)
	go func() { _ = marks.Watch(t.Context(), time.Millisecond, func(err error) { failed <- err }) }()
	for _, step := range []struct {
		tell       func() error
		out, known bool
	}{
		{func() error { return nil }, false, false},
		{func() error { return db.SetOptOut(t.Context(), "ann", true) }, true, true},
		{func() error { return db.SetOptOut(t.Context(), "ann", false) }, false, true},
		{func() error { return db.RemoveOptOuts(t.Context(), []string{"ann", "nobody"}) }, false, false},
	} {
		if err := step.tell(); err != nil {
			t.Fatal(err)
		}
		for deadline := time.Now().Add(time.Minute); ; time.Sleep(time.Millisecond) {
			out, known := marks.OptedOut("ann")
			if out == step.out && known == step.known {
				break
			}
			if time.Now().After(deadline) {
				t.Fatalf("opted out %v, known %v: want %v, %v", out, known, step.out, step.known)
			}
		}
	}
	select {
	case err := <-failed:
		t.Error(err)
	default:
	}
}

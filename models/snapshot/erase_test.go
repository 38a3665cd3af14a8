package snapshot

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"go.etcd.io/bbolt"

	"regulars/data/durable"
	"regulars/models/artifact"
)

const zebra = "zebra-7731-erase-me"

// shop fills a snapshot of three customers, or of two without the zebra.
func shop(with bool) func(w *Writer) error {
	return func(w *Writer) error {
		err := w.Items(catalogue(5))
		beside := "ann\nbob\n"
		for _, id := range []string{"ann", "bob"} {
			err = errors.Join(err, w.User(id, User{Candidates: []Candidate{{Item: 3, Score: .5, Strategy: 1}}, Bought: []int32{0, 4},
				Lists: [][]Candidate{{{Item: 1, Score: 2}}}, Scores: &Scores{Stage: "active", Method: "gbdt"}}))
		}
		if with {
			err = errors.Join(err, w.User(zebra, User{Candidates: []Candidate{{Item: 2, Score: .5, Strategy: 1}}, Scores: &Scores{Stage: "active"}}))
			beside += zebra + "\n"
		}
		return errors.Join(err, w.Similar(2, []Candidate{{Item: 1, Score: .9, Strategy: 1}}), w.Popular([]Candidate{{Item: 4, Score: 10, Strategy: 2}}),
			w.Attach("scores.txt", func(path string) error { return os.WriteFile(path, []byte(beside), 0o600) }))
	}
}

// lines takes the zebra's line out of a text file.
func lines(_ context.Context, path string) (bool, error) {
	text, err := os.ReadFile(path)
	if err != nil || !bytes.Contains(text, []byte(zebra)) {
		return false, err
	}
	return true, os.WriteFile(path, bytes.ReplaceAll(text, []byte(zebra+"\n"), nil), 0o600)
}

func erasing(root string, fault func(durable.Op, string) error) Erasure {
	return Erasure{Root: root, Disk: durable.FS{Fault: fault}, IDs: []string{zebra, "nobody"}, Attached: lines}
}

// What takes the place of a snapshot holds what scoring without the person would
// have published, and the same again where it is erased elsewhere.
func TestErasedSnapshotIsThatOfOthers(t *testing.T) {
	root := t.TempDir()
	later := info()
	later.AsOf = "2011-12-09T00:00:00Z"
	old, current := publish(t, root, info(), shop(true)), publish(t, root, later, shop(true))
	if err := SetCurrent(root, durable.FS{}, current); err != nil {
		t.Fatal(err)
	}
	served := open(t, root, current)
	theirs := filepath.Join(root, "notes")
	if err := os.Mkdir(theirs, 0o755); err != nil {
		t.Fatal(err)
	}
	gone, err := erasing(root, nil).Erase(t.Context())
	if err != nil || !slices.Equal(gone, []string{old, current}) {
		t.Fatalf("gone %q (%v), want %q", gone, err, []string{old, current})
	}
	other := t.TempDir()
	want := pairs(t, filepath.Join(other, publish(t, other, info(), shop(false))))
	have, err := artifact.Versions(root)
	if err != nil || len(have) != 3 || have[2] != "notes" {
		t.Fatalf("there is %q (%v), want two versions and the notes", have, err)
	}
	for _, version := range have[:2] {
		if !slices.Equal(pairs(t, filepath.Join(root, version)), want) {
			t.Errorf("%s holds something else than a snapshot without the person", version)
		}
	}
	publish(t, other, info(), shop(true))
	if _, err := erasing(other, nil).Erase(t.Context()); err != nil {
		t.Fatal(err)
	}
	open(t, other, have[0]) // the same name, so the same bytes
	if now, _, err := Current(root); err != nil || now != have[1] {
		t.Errorf("current is %q (%v), want %q", now, err, have[1])
	}
	if _, known, err := open(t, root, have[1]).User(zebra); err != nil || known {
		t.Errorf("the person is there still (%v)", err)
	}
	if _, known, err := served.User("ann"); err != nil || !known {
		t.Errorf("what a server has open is of no use any more (%v)", err)
	}
	expectNowhere(t, root)
	if gone, err := erasing(root, nil).Erase(t.Context()); err != nil || len(gone) > 0 {
		t.Errorf("erasing again took away %q (%v)", gone, err)
	}
}

// pairs returns the whole content of a store, sorted.
func pairs(t *testing.T, dir string) (out []string) {
	t.Helper()
	db, err := openStore(filepath.Join(dir, storeName))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	err = db.View(func(tx *bbolt.Tx) error {
		return tx.ForEach(func(name []byte, b *bbolt.Bucket) error {
			return b.ForEach(func(k, v []byte) error {
				out = append(out, fmt.Sprintf("%s %q %q", name, k, v))
				return nil
			})
		})
	})
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(out)
	return out
}

func expectNowhere(t *testing.T, root string) {
	t.Helper()
	err := filepath.WalkDir(root, func(path string, e os.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		b, err := os.ReadFile(path)
		if bytes.Contains(b, []byte(zebra)) {
			t.Errorf("%s holds the id", path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// A person who stands beside the store alone is found, and a version that
// cannot be searched goes.
func TestErasureBesideTheStoreAndFromDamaged(t *testing.T) {
	root := t.TempDir()
	later := info()
	later.AsOf = "2011-12-09T00:00:00Z"
	beside := publish(t, root, info(), func(w *Writer) error {
		return errors.Join(small(w), w.Attach("scores.txt", func(path string) error { return os.WriteFile(path, []byte("a\n"+zebra+"\n"), 0o600) }))
	})
	damaged := publish(t, root, later, shop(true))
	if err := os.Truncate(filepath.Join(root, damaged, storeName), 100); err != nil {
		t.Fatal(err)
	}
	gone, err := erasing(root, nil).Erase(t.Context())
	if err != nil || !slices.Equal(gone, []string{beside, damaged}) {
		t.Fatalf("gone %q (%v)", gone, err)
	}
	if have, err := artifact.Versions(root); err != nil || len(have) != 1 {
		t.Errorf("there is %q (%v), want one version", have, err)
	}
	expectNowhere(t, root)
}

// At every moment there is a whole current snapshot, and a second go ends the work.
func TestErasureOfSnapshotsIsFinishedAfterAnyFault(t *testing.T) {
	fault, steps := errors.New("killed"), 0
	for ; ; steps++ {
		root, left := t.TempDir(), steps
		version := publish(t, root, info(), shop(true))
		if err := SetCurrent(root, durable.FS{}, version); err != nil {
			t.Fatal(err)
		}
		_, err := erasing(root, func(durable.Op, string) error {
			if left--; left < 0 {
				return fault
			}
			return nil
		}).Erase(t.Context())
		if err != nil && !errors.Is(err, fault) {
			t.Fatal(err)
		}
		now, _, currentErr := Current(root)
		if currentErr != nil {
			t.Fatal(currentErr)
		}
		open(t, root, now)
		if err == nil {
			break
		}
		if err := CleanUp(root, durable.FS{}); err != nil {
			t.Fatal(err)
		}
		if _, err := erasing(root, nil).Erase(t.Context()); err != nil {
			t.Fatalf("after a fault at step %d: %v", steps, err)
		}
		expectNowhere(t, root)
		if have, err := artifact.Versions(root); err != nil || len(have) != 1 {
			t.Fatalf("after a fault at step %d there is %q (%v)", steps, have, err)
		}
	}
	if steps < 8 {
		t.Errorf("only %d steps could fail", steps)
	}
}

package snapshot

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"regulars/data/durable"
	"regulars/models/artifact"
)

const zebra = "zebra-7731-erase-me"

// shopInfo is info with a field by which customers name one another.
func shopInfo() Info {
	in := info()
	in.UserFields = append(slices.Clone(fields), Field{Name: "referrer_id", Kind: String})
	return in
}

// profile is one that differs from others', with who brought the customer.
func profile(tier, referrer string) []Value {
	out := []Value{StringValue(tier), NumberValue(1.5), BoolValue(true), TimeValue(1e15), {}}
	if referrer != "" {
		out[4] = StringValue(referrer)
	}
	return out
}

// shop fills a snapshot of three customers, or of two without the zebra, in the
// order in which scoring writes. The zebra comes before one of them, is the first
// whose scores use some texts, and the others name it.
func shop(with bool) func(w *Writer) error {
	return func(w *Writer) error {
		stages := map[string]string{"ann": "active", zebra: "lost", "zed": "lapsing"}
		people, beside, referrer := []string{"ann", "zed"}, "ann\nzed\n", ""
		theirs := []Alias{{Source: "app", ID: "ann-app"}}
		if with {
			people, beside, referrer = []string{"ann", zebra, "zed"}, "ann\nzed\n"+zebra+"\n", zebra
			theirs = append(theirs, Alias{Source: "old", ID: zebra + "-app"})
		}
		factors := make([]float32, 2*5)
		factors[3] = 1.5
		err := errors.Join(w.Items(catalogue(5)), w.Popular([]Candidate{{Item: 4, Score: 10, Strategy: 2}}),
			w.Factors(FactorKind{Role: "ials", Width: 2, Options: []byte("{}")}, factors),
			w.Shared(1, []Candidate{{Item: 0, Score: 1, Strategy: 2}}), w.Grouped(3, [][]Candidate{{{Item: 1, Score: 2, Strategy: 3}}, nil}),
			w.Similar(2, []Candidate{{Item: 1, Score: .9, Strategy: 1}}))
		for _, id := range people {
			u := User{Candidates: []Candidate{{Item: 3, Score: .5, Strategy: 1}}, Bought: []int32{0, 4}, Groups: []int32{0, 0, 0, 2},
				Lists: [][]Candidate{{{Item: 1, Score: 2}}, nil, {{Item: 2, Score: 3, Strategy: 1}}}, Scores: &Scores{Stage: stages[id], Method: "gbdt"}, Profile: profile(id, "")}
			switch id {
			case "ann":
				u.Profile, u.Aliases = profile(id, referrer), theirs
			case zebra:
				u.Aliases = []Alias{{Source: "app", ID: zebra + "-app"}}
			}
			err = errors.Join(err, w.User(id, u))
		}
		err = errors.Join(err, w.Alias("ann-app", "ann"))
		if with {
			err = errors.Join(err, w.Alias(zebra+"-app", zebra), w.Alias(zebra+"-moved", "ann"))
		}
		return errors.Join(err, w.Attach("scores.txt", func(path string) error { return os.WriteFile(path, []byte(beside), 0o600) }))
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
	return Erasure{Root: root, Disk: durable.FS{Fault: fault}, IDs: []string{zebra, zebra + "-app", zebra + "-moved", "nobody"},
		References: []string{"referrer_id", "points", "nothing"}, Attached: lines}
}

// What takes the place of a snapshot holds what scoring without the person would
// have published, and the same again where it is erased elsewhere.
func TestErasedSnapshotIsThatOfOthers(t *testing.T) {
	root := t.TempDir()
	later := shopInfo()
	later.AsOf = "2011-12-09T00:00:00Z"
	old, current := publish(t, root, shopInfo(), shop(true)), publish(t, root, later, shop(true))
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
	want := []string{publish(t, other, shopInfo(), shop(false)), publish(t, other, later, shop(false)), "notes"}
	have, err := artifact.Versions(root)
	if err != nil || !slices.Equal(have, want) { // a version's name is the checksum of its bytes
		t.Fatalf("there is %q (%v), want %q", have, err, want)
	}
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
	later := shopInfo()
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
		version := publish(t, root, shopInfo(), shop(true))
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

// Those who only refer to the person, or whose other id it is, are found as well,
// and told by where they name it.
func TestTracesOfAPerson(t *testing.T) {
	root := t.TempDir()
	dir := filepath.Join(root, publish(t, root, shopInfo(), shop(true)))
	traces := func(ids ...string) (out []string) {
		t.Helper()
		err := Each(t.Context(), dir, ids, []string{"referrer_id"}, func(at Trace) error {
			if at.Customer != nil {
				out = append(out, "customer "+at.Customer.ID())
			} else {
				out = append(out, "field "+at.Field+" id "+at.ID)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	for _, c := range []struct{ ids, want []string }{
		{[]string{zebra}, []string{"customer " + zebra, "field referrer_id id " + zebra}},
		{[]string{zebra + "-moved"}, []string{"field  id " + zebra + "-moved"}},
		{[]string{"ann", "ann-app"}, []string{"customer ann"}},
		{[]string{"nobody", ""}, nil},
	} {
		if got := traces(c.ids...); !slices.Equal(got, c.want) {
			t.Errorf("%q has the traces %q, want %q", c.ids, got, c.want)
		}
	}
}

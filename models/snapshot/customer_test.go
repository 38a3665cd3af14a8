package snapshot

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"regulars/data/durable"
)

// TestEach: whatever the customers and their aliases, a walk visits each customer
// behind the given id once, in order, and as asking by id tells.
func TestEach(t *testing.T) {
	root, run := t.TempDir(), 0
	rapid.Check(t, func(rt *rapid.T) {
		all := rapid.SliceOfNDistinct(rapid.StringN(1, 6, 24), 0, 3*eachChunk, rapid.ID).Draw(rt, "ids")
		others := min(len(all)/3, rapid.IntRange(0, 5).Draw(rt, "aliases"))
		aliases, ids := all[:others], all[others:]
		slices.Sort(ids)
		run++
		dir := filepath.Join(root, fmt.Sprint(run))
		v, err := Publish(dir, durable.FS{}, info(), func(w *Writer) error {
			errs := []error{w.Items(catalogue(2))}
			for i, id := range ids {
				errs = append(errs, w.User(id, User{Bought: []int32{int32(i % 2)}}))
			}
			for i, alias := range aliases {
				errs = append(errs, w.Alias(alias, ids[i]))
			}
			return errors.Join(errs...)
		})
		if err != nil {
			rt.Fatal(err)
		}
		s, err := Open(filepath.Join(dir, v))
		if err != nil {
			rt.Fatal(err)
		}
		defer s.Close()
		after := rapid.SampledFrom(append(all, "", "m")).Draw(rt, "after")
		var seen []string
		err = s.Each(after, func(c *Customer) error {
			u, err := c.User()
			if asked, ok, _ := s.User(c.ID()); !ok || !same(u, asked) {
				rt.Errorf("%q is %+v in the walk, %+v otherwise", c.ID(), u, asked)
			}
			seen = append(seen, c.ID())
			return err
		})
		want := slices.DeleteFunc(slices.Clone(ids), func(id string) bool { return id <= after })
		if err != nil || !slices.Equal(seen, want) {
			rt.Fatalf("visited %q after %q, %v; want %q", seen, after, err, want)
		}
		for i, alias := range aliases {
			if u, ok, err := s.User(alias); !ok || err != nil || u.ID != ids[i] {
				rt.Errorf("alias %q is customer %q, %v %v, want %q", alias, u.ID, ok, err, ids[i])
			}
		}
		stop := errors.New("stop")
		if err := s.Each("", func(*Customer) error { return stop }); len(ids) > 0 && err != stop {
			rt.Errorf("a visit that fails does not end the walk: %v", err)
		}
	})
}

// TestAliasesAreRefused where they would hide a customer or lead nowhere, in
// words that name nobody.
func TestAliasesAreRefused(t *testing.T) {
	for name, pair := range map[string][2]string{"a customer": {"nora", "zoe"}, "of nobody": {"x", "nobody"}, "empty": {"", "zoe"}, "of an alias": {"y", "x"}} {
		_, err := Publish(t.TempDir(), durable.FS{}, info(), func(w *Writer) error {
			return errors.Join(w.Items(catalogue(1)), w.User("nora", User{}), w.User("zoe", User{}), w.Alias(pair[0], pair[1]))
		})
		if err == nil || !strings.Contains(err.Error(), "alias number 1") || strings.Contains(err.Error(), "nora") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestDamagedRecordsAreNeverTold flips a bit of every byte of the records, with
// the snapshot open and before: nobody is told anything but what was published,
// and verifying finds it.
func TestDamagedRecordsAreNeverTold(t *testing.T) {
	root := t.TempDir()
	fill := func(w *Writer) error {
		return errors.Join(small(w), w.User("u2", User{Scores: whole(), Profile: []Value{StringValue("gold"), NumberValue(3), {}, {}}}), w.User("u3", User{Bought: []int32{1}}))
	}
	dir := filepath.Join(root, publish(t, root, info(), fill))
	s := open(t, root, filepath.Base(dir))
	want := map[string]User{}
	for _, id := range []string{"u1", "u2", "u3"} {
		want[id], _, _ = s.User(id)
	}
	path := filepath.Join(dir, bulkName)
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := s.Verify(context.Background()); err != nil {
		t.Fatal(err)
	}
	b := make([]byte, 1)
	for at := range s.size {
		if _, err := f.ReadAt(b, at); err != nil {
			t.Fatal(err)
		}
		write := func(v byte) {
			if _, err := f.WriteAt([]byte{v}, at); err != nil {
				t.Fatal(err)
			}
		}
		write(b[0] ^ byte(1<<(at%8)))
		hit := 0
		for id, u := range want {
			got, ok, err := s.User(id)
			if errors.Is(err, ErrDamaged) && !ok {
				hit++
			} else if err != nil || !ok || !same(got, u) {
				t.Errorf("byte %d: customer %s is %+v, %v", at, id, got, err)
			}
		}
		if err := s.Verify(context.Background()); hit != 1 || !errors.Is(err, ErrDamaged) {
			t.Fatalf("byte %d: %d records are refused, verifying says %v", at, hit, err)
		}
		write(b[0])
	}
	if err := os.Truncate(path, s.size-1); err != nil {
		t.Fatal(err)
	}
	if _, _, err := s.User("u3"); !errors.Is(err, ErrDamaged) {
		t.Errorf("the last record, cut: %v", err)
	}
	if other, err := Open(dir); !errors.Is(err, ErrDamaged) {
		other.Close()
		t.Errorf("a file that is too short was opened: %v", err)
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(dir); !errors.Is(err, ErrDamaged) {
		t.Errorf("opened without its records: %v", err)
	}
}

// TestVerifyIsStopped by its context, and finds what is wrong with files that
// nobody opens.
func TestVerifyIsStopped(t *testing.T) {
	root := t.TempDir()
	s := open(t, root, publish(t, root, info(), func(w *Writer) error {
		return errors.Join(small(w), w.Attach("scores.parquet", func(path string) error { return os.WriteFile(path, []byte("PAR1"), 0o644) }))
	}))
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := s.Verify(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("stopped: %v", err)
	}
	if err := os.Remove(filepath.Join(s.dir, "scores.parquet")); err != nil {
		t.Fatal(err)
	}
	if err := s.Verify(context.Background()); !errors.Is(err, ErrDamaged) || !strings.Contains(err.Error(), "scores.parquet is missing") {
		t.Errorf("a file is gone: %v", err)
	}
}

func TestFactors(t *testing.T) {
	root := t.TempDir()
	kind := FactorKind{Role: "ials", Width: 2, Options: json.RawMessage(`{"Factors": 2}`)}
	values := []float32{1, 2, 0, 0, -3, .5}
	write := func(kind FactorKind, values []float32) (string, error) {
		return Publish(root, durable.FS{}, info(), func(w *Writer) error { return errors.Join(w.Items(catalogue(3)), w.Factors(kind, values)) })
	}
	v, err := write(kind, values)
	if err != nil {
		t.Fatal(err)
	}
	got, ok := open(t, root, v).Factors()
	var options struct{ Factors int }
	if err := json.Unmarshal(got.Options, &options); err != nil || !ok || got.Role != "ials" || options.Factors != 2 || !slices.Equal(got.Values, values) {
		t.Errorf("%+v, %v, %v", got, ok, err)
	}
	if _, ok := open(t, root, publish(t, root, info(), small)).Factors(); ok {
		t.Error("there are factors where none were written")
	}
	wrong := kind
	wrong.Role = "nobody's"
	for name, try := range map[string]func() (string, error){
		"too few":   func() (string, error) { return write(kind, values[:4]) },
		"NaN":       func() (string, error) { return write(kind, []float32{1, 2, 3, 4, 5, float32(math.NaN())}) },
		"no model":  func() (string, error) { return write(wrong, values) },
		"no width":  func() (string, error) { return write(FactorKind{Role: "ials", Options: kind.Options}, nil) },
		"no number": func() (string, error) { return write(FactorKind{Role: "ials", Width: 2}, values) },
	} {
		if _, err := try(); err == nil {
			t.Errorf("%s: written", name)
		}
	}
	path := filepath.Join(root, v, factorsName)
	if err := os.WriteFile(path, []byte("changed"), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(filepath.Join(root, v)); !errors.Is(err, ErrDamaged) {
		t.Errorf("factors that were changed: %v", err)
	}
}

// FuzzPlace: whatever an index says, a record lies within the file.
func FuzzPlace(f *testing.F) {
	f.Add(place{3, 5, 1}.append(nil), int64(8))
	f.Add(place{math.MaxInt64, math.MaxUint32, 1}.append(nil), int64(8))
	f.Fuzz(func(t *testing.T, v []byte, size int64) {
		p, err := placeOf(v, max(size, 0))
		if err == nil && (p.offset < 0 || p.length > maxRecord || p.offset+int64(p.length) > max(size, 0) || string(p.append(nil)) != string(v)) {
			t.Errorf("%+v of a file of %d", p, size)
		}
	})
}

// TestPartsOfACustomer: what is decoded alone is what stands in the whole.
func TestPartsOfACustomer(t *testing.T) {
	root := t.TempDir()
	s := open(t, root, publish(t, root, info(), func(w *Writer) error {
		return errors.Join(small(w), w.User("u2", User{Scores: whole(), Profile: []Value{StringValue("gold"), NumberValue(3), {}, {}}}), w.User("u3", User{Bought: []int32{1}}))
	}))
	for _, id := range []string{"u1", "u2", "u3"} {
		c, err := s.Customer(id)
		if err != nil || c == nil {
			t.Fatal(id, err)
		}
		u, err := c.User()
		if err != nil {
			t.Fatal(err)
		}
		if scores, err := c.Scores(); err != nil || !same(User{ID: id, Scores: scores}, User{ID: id, Scores: u.Scores}) {
			t.Errorf("%s has the scores %+v, %v; want %+v", id, scores, err, u.Scores)
		}
		for n := range s.Info().UserFields {
			if v, err := c.Value(n); err != nil || v != u.Profile[n] {
				t.Errorf("%s has %+v in field %d, %v; want %+v", id, v, n, err, u.Profile[n])
			}
		}
	}
}

package served

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"regulars/data/durable"
)

const zebra = "zebra-7731-erase-me"

// theirs is what is meant by the zebra: its id, and a session without a customer.
func theirs(user, session string) bool {
	return user == zebra || user == "" && session == zebra+"-visit"
}

// shown writes down lists of the zebra and of others, in some files.
func shown(t *testing.T, dir string) {
	t.Helper()
	l, err := Open(dir, Options{Bytes: 300})
	if err != nil {
		t.Fatal(err)
	}
	for i := range 12 {
		r := Record{ID: fmt.Sprint("r", i), At: time.Now(), Placement: "home", Arm: "a", User: []string{"ann", zebra, "", "茶"}[i%4], Session: []string{"s", zebra + "-visit", zebra + "-visit", zebra + "-visit"}[i%4],
			Items: []Shown{{"i1", "repeat", .5}}}
		add(l, r)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
}

func readAll(t *testing.T, dir string) ([]Record, Skipped) {
	t.Helper()
	return read(t, dir, time.Now().Add(-time.Hour), time.Now().Add(time.Hour))
}

func contents(t *testing.T, dir string) []byte {
	t.Helper()
	list, err := files(dir)
	if err != nil {
		t.Fatal(err)
	}
	var all []byte
	for _, f := range list {
		b, err := os.ReadFile(filepath.Join(dir, f.name))
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, b...)
	}
	return all
}

// Lists of the person stay without them; every other byte is as it was.
func TestForgottenListsStillCount(t *testing.T) {
	dir := t.TempDir()
	shown(t, dir)
	before, _ := readAll(t, dir)
	var want []byte
	for _, line := range bytes.SplitAfter(contents(t, dir), []byte("\n")) {
		if r, ok := parse(line); ok && theirs(r.User, r.Session) {
			r.User, r.Session = "", ""
			line = r.appendJSON(nil)
		}
		want = append(want, line...)
	}
	told := 0
	err := Each(t.Context(), dir, theirs, func(line string) error {
		if told++; !strings.Contains(line, zebra) || strings.HasSuffix(line, "\n") {
			t.Errorf("told %q", line)
		}
		return nil
	})
	if err != nil || told != 6 {
		t.Errorf("%d lists are told, want 6 (%v)", told, err)
	}
	for range 2 {
		if err := Forget(t.Context(), durable.FS{}, dir, theirs, 0); err != nil {
			t.Fatal(err)
		}
		if got := contents(t, dir); !bytes.Equal(got, want) {
			t.Fatalf("now it is\n%s\nwant\n%s", got, want)
		}
	}
	if after, skipped := readAll(t, dir); len(after) != len(before) || skipped > 0 {
		t.Errorf("%d lists are left of %d", len(after), len(before))
	}
	if err := Forget(t.Context(), durable.FS{}, filepath.Join(dir, "none"), theirs, 0); err != nil {
		t.Errorf("no folder: %v", err)
	}
}

// A torn line may hold a part of any id: it goes, whoever else is in the file.
func TestForgettingTakesTornLines(t *testing.T) {
	dir := t.TempDir()
	shown(t, dir)
	list, err := files(dir)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, list[0].name)
	f, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
	if err == nil {
		_, err = f.WriteString(`{"ts":"2011-12-08T12:00:00Z","recommendation_id":"x","user_id":"` + zebra[:12])
		err = errors.Join(err, f.Close())
	}
	if err != nil {
		t.Fatal(err)
	}
	if err := Forget(t.Context(), durable.FS{}, dir, theirs, 0); err != nil {
		t.Fatal(err)
	}
	if b := contents(t, dir); bytes.Contains(b, []byte(zebra[:12]+"\n")) || bytes.HasSuffix(b, []byte(zebra[:12])) {
		t.Errorf("a torn line stayed:\n%s", b)
	}
}

// Whatever fails, every file is whole, and doing it again ends the work.
func TestForgettingIsFinishedAfterAnyFault(t *testing.T) {
	fault := errors.New("killed")
	for steps := 0; ; steps++ {
		dir, left := t.TempDir(), steps
		shown(t, dir)
		disk := durable.FS{Fault: func(durable.Op, string) error {
			if left--; left < 0 {
				return fault
			}
			return nil
		}}
		err := Forget(t.Context(), disk, dir, theirs, 0)
		if all, skipped := readAll(t, dir); len(all) != 12 || skipped > 0 {
			t.Fatalf("after a fault at step %d there are %d lists, %d torn", steps, len(all), skipped)
		}
		if err == nil {
			if steps < 10 {
				t.Errorf("only %d steps could fail", steps)
			}
			return
		}
		if !errors.Is(err, fault) {
			t.Fatal(err)
		}
		if err := Forget(t.Context(), durable.FS{}, dir, theirs, 0); err != nil || bytes.Contains(contents(t, dir), []byte(`"user_id":"`+zebra)) {
			t.Fatalf("after a fault at step %d: %v\n%s", steps, err, contents(t, dir))
		}
	}
}

// A log that writes meanwhile begins anew and loses nothing; what it is given
// later goes by who is erased by then.
func TestForgettingBesideAWriter(t *testing.T) {
	dir := t.TempDir()
	var known, erased atomic.Bool
	l, err := Open(dir, Options{Erased: func(id string) bool { return known.Load() && strings.HasPrefix(id, zebra) }, Renew: func() error { known.Store(erased.Load()); return nil }})
	if err != nil {
		t.Fatal(err)
	}
	list := func(n int) {
		add(l, Record{ID: fmt.Sprint("r", n), At: time.Now(), Placement: "home", User: zebra, Session: zebra + "-visit"})
		add(l, Record{ID: fmt.Sprint("o", n), At: time.Now(), Placement: "home", User: "ann", Session: "s"})
	}
	list(0)
	for deadline := time.Now().Add(time.Minute); !bytes.Contains(contents(t, dir), []byte(zebra)); {
		if time.Sleep(10 * time.Millisecond); time.Now().After(deadline) {
			t.Fatal("nothing is written down")
		}
	}
	if err := Forget(t.Context(), durable.FS{}, dir, theirs, 0); err == nil || !strings.Contains(err.Error(), "stop it") {
		t.Errorf("a file that is written to was taken: %v", err)
	}
	erased.Store(true)
	stop, done := make(chan struct{}), make(chan struct{})
	n := 1
	go func() {
		defer close(done)
		for ; ; n++ {
			select {
			case <-stop:
				return
			case <-time.After(time.Millisecond):
				list(n)
			}
		}
	}()
	if err := Forget(t.Context(), durable.FS{}, dir, theirs, time.Minute); err != nil {
		t.Fatal(err)
	}
	close(stop)
	<-done
	list(n)
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(contents(t, dir), []byte(zebra)) {
		t.Error("the person is written down still")
	}
	all, skipped := readAll(t, dir)
	ids := map[string]bool{}
	for _, r := range all {
		ids[r.ID] = true
	}
	if len(all) != 2*(n+1) || len(ids) != len(all) || skipped > 0 || l.Status().Dropped > 0 {
		t.Errorf("%d lists, %d of them distinct, of %d; %d torn", len(all), len(ids), 2*(n+1), skipped)
	}
	if named := slices.ContainsFunc(all, func(r Record) bool { return r.ID == "o0" && r.User == "ann" && r.Session == "s" }); !named {
		t.Error("others' lists are not as they were")
	}
}

package durable_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"regulars/data/durable"
)

var errFault = errors.New("injected fault")

// dieAt returns a disk on which the step numbered n and all later ones fail,
// as when the process is killed there, and a counter of the steps asked for.
func dieAt(n int) (durable.FS, *int) {
	steps := 0
	return durable.FS{Fault: func(durable.Op, string) error {
		steps++
		if steps > n {
			return errFault
		}
		return nil
	}}, &steps
}

func put(s string) func(io.Writer) error {
	return func(w io.Writer) error {
		_, err := io.WriteString(w, s)
		return err
	}
}

func names(t *testing.T, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, e := range entries {
		out = append(out, e.Name())
	}
	return out
}

func TestWriteFileKilledAtEveryStep(t *testing.T) {
	old, fresh := strings.Repeat("old", 1000), strings.Repeat("new", 2000)
	for n := 0; ; n++ {
		dir := t.TempDir()
		path := filepath.Join(dir, "champion")
		if err := (durable.FS{}).WriteFile(path, put(old)); err != nil {
			t.Fatal(err)
		}
		disk, steps := dieAt(n)
		err := disk.WriteFile(path, put(fresh))
		got, readErr := os.ReadFile(path)
		if readErr != nil {
			t.Fatalf("step %d: %v", n, readErr)
		}
		if err == nil {
			if string(got) != fresh || *steps != 5 {
				t.Fatalf("a write without faults took %d steps and left %d bytes", *steps, len(got))
			}
			return
		}
		if !errors.Is(err, errFault) || !strings.Contains(err.Error(), path) {
			t.Errorf("step %d: error %v does not wrap the fault and name the file", n, err)
		}
		if string(got) != old && string(got) != fresh {
			t.Errorf("step %d: %d bytes that are neither old nor new", n, len(got))
		}
		if err := (durable.FS{}).RemoveTemp(dir); err != nil {
			t.Fatal(err)
		}
		if left := names(t, dir); len(left) != 1 {
			t.Errorf("step %d: RemoveTemp left %v", n, left)
		}
	}
}

func TestWriteFileCleansUpAfterItsOwnError(t *testing.T) {
	dir := t.TempDir()
	err := durable.FS{}.WriteFile(filepath.Join(dir, "f"), func(w io.Writer) error {
		return errors.Join(put("half")(w), errFault)
	})
	if !errors.Is(err, errFault) {
		t.Fatal(err)
	}
	if left := names(t, dir); len(left) != 0 {
		t.Errorf("left %v", left)
	}
}

func fillTwo(tmp string) error {
	if err := os.MkdirAll(filepath.Join(tmp, "sub"), 0o755); err != nil {
		return err
	}
	return errors.Join(os.WriteFile(filepath.Join(tmp, "a"), []byte("a"), 0o644),
		os.WriteFile(filepath.Join(tmp, "sub", "b"), []byte("b"), 0o644))
}

func TestPublishDirKilledAtEveryStep(t *testing.T) {
	for n := 0; ; n++ {
		dir := t.TempDir()
		path := filepath.Join(dir, "v1")
		disk, _ := dieAt(n)
		err := disk.PublishDir(path, fillTwo)
		if _, statErr := os.Stat(path); statErr == nil {
			b, err := os.ReadFile(filepath.Join(path, "sub", "b"))
			if err != nil || string(b) != "b" {
				t.Fatalf("step %d: visible but not whole: %v", n, err)
			}
		} else if err == nil {
			t.Fatalf("step %d: no error and no folder", n)
		}
		if err == nil {
			return
		}
		if err := (durable.FS{}).RemoveTemp(dir); err != nil {
			t.Fatal(err)
		}
		for _, name := range names(t, dir) {
			if name != "v1" {
				t.Errorf("step %d: RemoveTemp left %s", n, name)
			}
		}
	}
}

func TestPublishDirRefusesWhatExists(t *testing.T) {
	path := filepath.Join(t.TempDir(), "v1")
	if err := os.Mkdir(path, 0o755); err != nil {
		t.Fatal(err)
	}
	err := durable.FS{}.PublishDir(path, fillTwo)
	if !errors.Is(err, fs.ErrExist) || !strings.Contains(err.Error(), path) {
		t.Errorf("got %v", err)
	}
	err = durable.FS{}.PublishDir(filepath.Join(filepath.Dir(path), "v2"), func(string) error { return errFault })
	if !errors.Is(err, errFault) {
		t.Errorf("got %v", err)
	}
	if left := names(t, filepath.Dir(path)); len(left) != 1 {
		t.Errorf("left %v", left)
	}
}

func TestRemoveTempKeepsTheRest(t *testing.T) {
	if err := (durable.FS{}).RemoveTemp(filepath.Join(t.TempDir(), "missing")); err != nil {
		t.Error(err)
	}
	dir := t.TempDir()
	for _, name := range []string{"keep", ".hidden", ".tmp-x"} {
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.MkdirAll(filepath.Join(dir, ".tmp-y", "deep"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := (durable.FS{}).RemoveTemp(dir); err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprint(names(t, dir)); got != "[.hidden keep]" {
		t.Errorf("kept %v", got)
	}
}

func TestMakeDirs(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a", "b", "c")
	for range 2 {
		if err := (durable.FS{}).MakeDirs(dir); err != nil {
			t.Fatal(err)
		}
	}
	file := filepath.Join(dir, "f")
	if err := os.WriteFile(file, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := (durable.FS{}).MakeDirs(filepath.Join(file, "d")); err == nil {
		t.Error("a folder below a file was made")
	}
}

func TestFaultNamesStepAndPath(t *testing.T) {
	var seen bytes.Buffer
	disk := durable.FS{Fault: func(op durable.Op, path string) error {
		fmt.Fprintf(&seen, "%s %s\n", op, filepath.Base(path))
		return nil
	}}
	dir := t.TempDir()
	if err := disk.WriteFile(filepath.Join(dir, "f"), put("x")); err != nil {
		t.Fatal(err)
	}
	want := fmt.Sprintf("create f\nwrite f\nsync f\nrename f\nsyncdir %s\n", filepath.Base(dir))
	if seen.String() != want {
		t.Errorf("steps\n%swant\n%s", seen.String(), want)
	}
}

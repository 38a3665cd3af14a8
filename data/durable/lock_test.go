package durable_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"regulars/data/durable"
)

// childDir tells a copy of the test binary to play the process that is killed.
const childDir = "REGULARS_TEST_CHILD_DIR"

func TestMain(m *testing.M) {
	if dir := os.Getenv(childDir); dir != "" {
		if err := holdAndWrite(dir); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

// holdAndWrite takes the lock and rewrites one file until it is killed.
func holdAndWrite(dir string) error {
	l, err := durable.AcquireLock(filepath.Join(dir, "lock"))
	if err != nil {
		return err
	}
	defer l.Release()
	for n := 0; ; n++ {
		body := strings.Repeat(fmt.Sprintf("%09d\n", n), 5000)
		err := durable.FS{}.WriteFile(filepath.Join(dir, "file"), func(w io.Writer) error {
			for half := range 2 { // two writes, so that a kill can fall between them
				if _, err := io.WriteString(w, body[half*len(body)/2:(half+1)*len(body)/2]); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
		fmt.Println(n)
	}
}

func TestKilledChildLeavesWholeFileAndFreeLock(t *testing.T) {
	for round := range 8 {
		dir := t.TempDir()
		pid := killChild(t, dir, time.Duration(round)*3*time.Millisecond)
		checkWhole(t, filepath.Join(dir, "file"))
		l, err := durable.AcquireLock(filepath.Join(dir, "lock"))
		if err != nil {
			t.Fatalf("the lock of killed process %d is not free: %v", pid, err)
		}
		if err := (durable.FS{}).RemoveTemp(dir); err != nil {
			t.Fatal(err)
		}
		if got := fmt.Sprint(names(t, dir)); got != "[file lock]" {
			t.Errorf("left %v", got)
		}
		if err := l.Release(); err != nil {
			t.Fatal(err)
		}
	}
}

// killChild starts the child, lets it write at least once, finds its lock held,
// waits a little and kills it.
func killChild(t *testing.T, dir string, wait time.Duration) int {
	t.Helper()
	cmd := exec.Command(os.Args[0], "-test.run=none")
	cmd.Env = append(os.Environ(), childDir+"="+dir)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if _, err := bufio.NewReader(out).ReadString('\n'); err != nil {
		t.Fatalf("the child wrote nothing: %v", err)
	}
	_, err = durable.AcquireLock(filepath.Join(dir, "lock"))
	if !errors.Is(err, durable.ErrLocked) || !strings.Contains(err.Error(), fmt.Sprintf("process %d ", cmd.Process.Pid)) {
		t.Errorf("lock held by child %d: %v", cmd.Process.Pid, err)
	}
	time.Sleep(wait)
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err == nil {
		t.Fatal("the child ended by itself")
	}
	return cmd.Process.Pid
}

func checkWhole(t *testing.T, path string) {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if len(b) != 50_000 || strings.Count(string(b), string(b[:10])) != 5000 {
		t.Errorf("the file is not whole: %d bytes", len(b))
	}
}

func TestLockIsExclusiveWithinAProcess(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lock")
	first, err := durable.AcquireLock(path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := durable.AcquireLock(path); !errors.Is(err, durable.ErrLocked) {
		t.Fatalf("second handle: %v", err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Millisecond)
	defer cancel()
	if _, err := durable.AcquireLockWait(ctx, path); !errors.Is(err, durable.ErrLocked) || !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("waiting in vain: %v", err)
	}
	got := make(chan error, 1)
	go func() {
		second, err := durable.AcquireLockWait(context.Background(), path)
		if err == nil {
			err = second.Release()
		}
		got <- err
	}()
	for range 2 {
		if err := first.Release(); err != nil {
			t.Fatal(err)
		}
	}
	if err := <-got; err != nil {
		t.Errorf("waiting: %v", err)
	}
}

func TestLockInMissingFolder(t *testing.T) {
	_, err := durable.AcquireLock(filepath.Join(t.TempDir(), "none", "lock"))
	if !errors.Is(err, os.ErrNotExist) {
		t.Errorf("got %v", err)
	}
}

// The lock is what the kernel holds; a note that cannot be written takes
// nothing away from it.
func TestLockWithoutRoomForTheNote(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lock")
	if err := os.Symlink("/dev/full", path); err != nil { // every write fails: no space left
		t.Fatal(err)
	}
	if f, err := os.OpenFile(path, os.O_RDWR, 0); err != nil {
		t.Skip("no /dev/full here: ", err)
	} else if _, err := f.WriteString("x"); err == nil {
		t.Skip("/dev/full takes what is written")
	} else if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute) // all of the machine share the device
	defer cancel()
	holdOnce(ctx, t, path)
}

func TestLockInReadOnlyFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lock")
	if err := os.WriteFile(path, nil, 0o444); err != nil {
		t.Fatal(err)
	}
	if f, err := os.OpenFile(path, os.O_RDWR, 0); err == nil {
		f.Close()
		t.Skip("this user may write to read-only files")
	}
	holdOnce(context.Background(), t, path)
}

// holdOnce takes the lock, finds it exclusive, and frees it.
func holdOnce(ctx context.Context, t *testing.T, path string) {
	t.Helper()
	l, err := durable.AcquireLockWait(ctx, path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := durable.AcquireLock(path); !errors.Is(err, durable.ErrLocked) {
		t.Errorf("second handle: %v", err)
	}
	if err := l.Release(); err != nil {
		t.Fatal(err)
	}
	again, err := durable.AcquireLockWait(ctx, path)
	if err != nil {
		t.Fatalf("after the release: %v", err)
	}
	if err := again.Release(); err != nil {
		t.Error(err)
	}
}

package durable

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// ErrLocked says that another process, or another handle of this one, holds the lock.
var ErrLocked = errors.New("locked")

// waitStep is how often a waiter asks again: short beside any job.
const waitStep = 50 * time.Millisecond

// Lock is an exclusive lock on a file. The kernel frees it when its holder
// dies, however it dies; the file itself stays, so that two holders can never
// lock two different files of one name.
type Lock struct{ file *os.File }

// AcquireLock takes the lock on the file at path, which is created where it is
// missing, and notes in it who holds it, where the disk has room for the note
// and the file may be written. It does not wait: a lock held elsewhere is an
// error that wraps ErrLocked and names the holder.
func AcquireLock(path string) (*Lock, error) {
	f, err := openLock(path)
	if err != nil {
		return nil, fmt.Errorf("opening the lock: %w", err)
	}
	if err := flock(f); err != nil {
		defer f.Close()
		if errors.Is(err, syscall.EWOULDBLOCK) {
			return nil, fmt.Errorf("%s is %w by %s", path, ErrLocked, holder(f))
		}
		return nil, fmt.Errorf("locking %s: %w", path, err)
	}
	l := &Lock{file: f}
	l.sign()
	return l, nil
}

// openLock opens the file to be written, or only read where it may not be.
func openLock(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o644)
	if errors.Is(err, fs.ErrPermission) || errors.Is(err, syscall.EROFS) {
		if f, err := os.Open(path); err == nil {
			return f, nil
		}
	}
	return f, err
}

// AcquireLockWait is AcquireLock that waits until the lock is free or ctx is done.
func AcquireLockWait(ctx context.Context, path string) (*Lock, error) {
	tick := time.NewTicker(waitStep)
	defer tick.Stop()
	for {
		l, err := AcquireLock(path)
		if !errors.Is(err, ErrLocked) {
			return l, err
		}
		select {
		case <-ctx.Done():
			return nil, errors.Join(err, ctx.Err())
		case <-tick.C:
		}
	}
}

// Release frees the lock. Releasing twice does nothing.
func (l *Lock) Release() error {
	if l.file == nil {
		return nil
	}
	f := l.file
	l.file = nil
	_ = f.Truncate(0) // the note, which is no part of the lock: see sign
	return f.Close()
}

func flock(f *os.File) error {
	for {
		err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if !errors.Is(err, syscall.EINTR) {
			return err
		}
	}
}

// sign writes the pid and the program's words into the lock file, as far as it
// can: the kernel holds the lock, and the note only words the message to whom
// it keeps out. A full disk must not keep its owner from making room.
func (l *Lock) sign() {
	_ = l.file.Truncate(0)
	_, _ = l.file.WriteAt([]byte(fmt.Sprintf("process %d (%s)\n", os.Getpid(), command())), 0)
}

// command is the program's name and its first two words, such as "regulars run
// pipeline"; the rest might hold what is nobody else's business.
func command() string {
	words := append([]string{filepath.Base(os.Args[0])}, os.Args[1:min(len(os.Args), 3)]...)
	return strings.Join(words, " ")
}

func holder(f *os.File) string {
	b, err := io.ReadAll(io.LimitReader(io.NewSectionReader(f, 0, 1<<12), 1<<12))
	if who := strings.TrimSpace(string(b)); err == nil && who != "" {
		return who
	}
	return "another process"
}

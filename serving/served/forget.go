package served

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"regulars/data/durable"
)

// Whose says of the customer and the session of a list, of which either may be
// "", whether a person is meant.
type Whose func(user, session string) bool

// Each gives do every line of a folder that names the person, as it stands. A
// folder that is not there holds none.
func Each(ctx context.Context, dir string, of Whose, do func(line string) error) error {
	return eachFile(dir, func(path string) error {
		return eachLine(ctx, path, func(line []byte, r *Record) error {
			if r == nil || !of(r.User, r.Session) {
				return nil
			}
			return do(string(bytes.TrimSpace(line)))
		})
	})
}

// Forget takes the customer and the session out of the lines that name the
// person. The lists still count. Logs that write to the folder begin new files
// first; where one does not within wait, that is an error, and nothing is lost
// by doing it again. A kill leaves whole files.
func Forget(ctx context.Context, disk durable.FS, dir string, of Whose, wait time.Duration) error {
	if _, err := os.Stat(dir); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err := disk.RemoveTemp(dir); err != nil {
		return err
	}
	if err := disk.WriteFile(filepath.Join(dir, askName), func(io.Writer) error { return nil }); err != nil {
		return err
	}
	deadline := time.Now().Add(wait)
	return eachFile(dir, func(path string) error {
		if err := untilClosed(ctx, path, deadline); err != nil {
			return err
		}
		named, err := names(ctx, path, of)
		if err != nil || !named {
			return err
		}
		return disk.WriteFile(path, func(w io.Writer) error { return copyWithout(ctx, path, w, of) })
	})
}

// askName is the file whose change asks logs to begin new files.
const askName = ".begin-anew"

// asked is when logs were asked last to begin new files.
func asked(dir string) time.Time {
	info, err := os.Stat(filepath.Join(dir, askName))
	if err != nil {
		return time.Time{}
	}
	return info.ModTime()
}

// eachFile gives do every file of the folder. One that expires meanwhile is passed over.
func eachFile(dir string, do func(path string) error) error {
	list, err := files(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	for _, f := range list {
		if err := do(filepath.Join(dir, f.name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}

// untilClosed waits until no log writes to a file.
func untilClosed(ctx context.Context, path string, deadline time.Time) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	for {
		err := syscall.Flock(int(f.Fd()), syscall.LOCK_SH|syscall.LOCK_NB)
		switch {
		case err == nil:
			return nil // closing frees it
		case !errors.Is(err, syscall.EWOULDBLOCK) && !errors.Is(err, syscall.EINTR):
			return fmt.Errorf("looking whether %s is written to: %w", filepath.Base(path), err)
		case time.Now().After(deadline):
			return errors.New("a server writes down lists shown, and has not begun a new file when asked: try again, or stop it")
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// hold marks a new file as being written to, as long as it is open.
func hold(f *os.File) error {
	for {
		if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX); !errors.Is(err, syscall.EINTR) {
			return err
		}
	}
}

var errFound = errors.New("found")

// names reports whether a file has lines to write anew: those of the person, and
// torn ones, which may name anybody.
func names(ctx context.Context, path string, of Whose) (bool, error) {
	err := eachLine(ctx, path, func(_ []byte, r *Record) error {
		if r == nil || of(r.User, r.Session) {
			return errFound
		}
		return nil
	})
	if errors.Is(err, errFound) {
		return true, nil
	}
	return false, err
}

func copyWithout(ctx context.Context, path string, w io.Writer, of Whose) error {
	return eachLine(ctx, path, func(line []byte, r *Record) error {
		if r == nil {
			return nil
		}
		if of(r.User, r.Session) {
			r.User, r.Session = "", ""
			line = r.appendJSON(nil)
		}
		_, err := w.Write(line)
		return err
	})
}

// eachLine gives do every line with its end, and what it says: nil of one that
// cannot be read.
func eachLine(ctx context.Context, path string, do func(line []byte, r *Record) error) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	in := bufio.NewReaderSize(f, 1<<16)
	for {
		line, err := in.ReadBytes('\n')
		if err != nil && !errors.Is(err, io.EOF) {
			return fmt.Errorf("reading lists shown: %w", err)
		}
		if len(line) > 0 {
			r, _ := parse(line)
			if err := do(line, r); err != nil {
				return err
			}
		}
		if err != nil {
			return nil
		}
		if err := ctx.Err(); err != nil {
			return err
		}
	}
}

package durable

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// Op names one step of a durable write.
type Op string

// The steps at which a write can fail.
const (
	OpCreate  Op = "create"  // of a temporary file or folder
	OpWrite   Op = "write"   // of content
	OpSync    Op = "sync"    // of a file
	OpRename  Op = "rename"  // of the temporary name to the final one
	OpSyncDir Op = "syncdir" // of the folder that holds the name
	OpRemove  Op = "remove"  // of a leftover
)

// TempPrefix begins the name of everything that is not complete yet. Names
// that begin with a dot are invisible to readers of the workspace.
const TempPrefix = ".tmp-"

// FS is the disk. Its zero value is the real one; Fault, when set, is asked
// before every step and its error is returned in place of doing the step.
type FS struct {
	Fault func(op Op, path string) error
}

func (f FS) fault(op Op, path string) error {
	if f.Fault == nil {
		return nil
	}
	if err := f.Fault(op, path); err != nil {
		return fmt.Errorf("%s %s: %w", op, path, err)
	}
	return nil
}

// WriteFile replaces the file at path by what write produces. On an error, and
// at any kill, the file is what it was before or wholly new. An error after the
// rename (of the folder's sync) leaves the new file in place, its survival of a
// power failure unsure.
func (f FS) WriteFile(path string, write func(io.Writer) error) error {
	if err := f.writeFile(path, write); err != nil {
		return fmt.Errorf("writing %s: %w", path, err)
	}
	return nil
}

func (f FS) writeFile(path string, write func(io.Writer) error) (err error) {
	dir := filepath.Dir(path)
	if err := f.fault(OpCreate, path); err != nil {
		return err
	}
	tmp, err := os.CreateTemp(dir, TempPrefix+filepath.Base(path)+"-*")
	if err != nil {
		return err
	}
	// A write that failed cleans up behind itself; only a killed one leaves its temporary file.
	renamed := false
	defer func() {
		if err != nil && !renamed {
			err = errors.Join(err, ignoreMissing(f.remove(tmp.Name())))
		}
	}()
	if err := f.fill(tmp, path, write); err != nil {
		return errors.Join(err, tmp.Close())
	}
	if err := tmp.Close(); err != nil {
		return err
	}
	if err := f.Rename(tmp.Name(), path); err != nil {
		return err
	}
	renamed = true
	return f.SyncDir(dir)
}

func (f FS) fill(tmp *os.File, path string, write func(io.Writer) error) error {
	if err := tmp.Chmod(0o644); err != nil {
		return err
	}
	if err := f.fault(OpWrite, path); err != nil {
		return err
	}
	w := bufio.NewWriterSize(tmp, 1<<18)
	if err := write(w); err != nil {
		return err
	}
	if err := w.Flush(); err != nil {
		return err
	}
	if err := f.fault(OpSync, path); err != nil {
		return err
	}
	return tmp.Sync()
}

// PublishDir makes the folder path appear complete: fill writes into a
// temporary sibling, whose files and folders are then synced, and which is
// renamed to path. A path that exists already is an error wrapping fs.ErrExist.
func (f FS) PublishDir(path string, fill func(tmp string) error) error {
	if err := f.publishDir(path, fill); err != nil {
		return fmt.Errorf("publishing %s: %w", path, err)
	}
	return nil
}

func (f FS) publishDir(path string, fill func(tmp string) error) (err error) {
	if err := refuseExisting(path); err != nil {
		return err
	}
	parent := filepath.Dir(path)
	if err := f.fault(OpCreate, path); err != nil {
		return err
	}
	tmp, err := os.MkdirTemp(parent, TempPrefix+filepath.Base(path)+"-*")
	if err != nil {
		return err
	}
	renamed := false
	defer func() {
		if err != nil && !renamed {
			err = errors.Join(err, ignoreMissing(f.remove(tmp)))
		}
	}()
	if err := os.Chmod(tmp, 0o755); err != nil {
		return err
	}
	if err := f.fault(OpWrite, path); err != nil {
		return err
	}
	if err := fill(tmp); err != nil {
		return err
	}
	if err := f.SyncTree(tmp); err != nil {
		return err
	}
	// Renaming a folder onto an empty one would succeed, so look once more.
	if err := refuseExisting(path); err != nil {
		return err
	}
	if err := f.Rename(tmp, path); err != nil {
		return err
	}
	renamed = true
	return f.SyncDir(parent)
}

func refuseExisting(path string) error {
	_, err := os.Lstat(path)
	if err == nil {
		return fs.ErrExist
	}
	return ignoreMissing(err)
}

// Rename gives the file or folder at from the name to, replacing a file there.
// The caller syncs the folder.
func (f FS) Rename(from, to string) error {
	if err := f.fault(OpRename, to); err != nil {
		return err
	}
	return os.Rename(from, to)
}

// SyncTree syncs every file and folder at and below dir.
func (f FS) SyncTree(dir string) error {
	return filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case e.IsDir():
			return f.SyncDir(path)
		case e.Type().IsRegular():
			return f.SyncFile(path)
		}
		return nil
	})
}

// SyncFile makes the content of a file survive a power failure.
func (f FS) SyncFile(path string) error {
	if err := f.fault(OpSync, path); err != nil {
		return err
	}
	return syncPath(path)
}

// SyncDir makes the names within a folder survive a power failure.
func (f FS) SyncDir(dir string) error {
	if err := f.fault(OpSyncDir, dir); err != nil {
		return err
	}
	return syncPath(dir)
}

func syncPath(path string) error {
	h, err := os.Open(path)
	if err != nil {
		return err
	}
	err = h.Sync()
	// Some file systems cannot sync a folder; they keep names in order by themselves.
	if errors.Is(err, syscall.EINVAL) || errors.Is(err, syscall.ENOTSUP) {
		err = nil
	}
	return errors.Join(err, h.Close())
}

// MakeDirs creates the folder and its missing parents and syncs the folders
// that got a new name.
func (f FS) MakeDirs(dir string) error {
	if info, err := os.Stat(dir); err == nil && info.IsDir() {
		return nil
	}
	parent := filepath.Dir(dir)
	if parent != dir {
		if err := f.MakeDirs(parent); err != nil {
			return err
		}
	}
	if err := f.fault(OpCreate, dir); err != nil {
		return err
	}
	if err := os.Mkdir(dir, 0o755); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return f.SyncDir(parent)
}

// RemoveTemp removes the leftovers of killed writers that lie directly in dir.
// A folder that does not exist is fine. The caller holds the lock that keeps
// writers out, or a writer at work would lose its file.
func (f FS) RemoveTemp(dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return ignoreMissing(err)
	}
	for _, e := range entries {
		if !strings.HasPrefix(e.Name(), TempPrefix) {
			continue
		}
		if err := f.remove(filepath.Join(dir, e.Name())); err != nil {
			return fmt.Errorf("removing a leftover: %w", err)
		}
	}
	return nil
}

// Remove deletes a file, or a folder with all it holds; missing is fine.
func (f FS) Remove(path string) error { return f.remove(path) }

func (f FS) remove(path string) error {
	if err := f.fault(OpRemove, path); err != nil {
		return err
	}
	return os.RemoveAll(path)
}

func ignoreMissing(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

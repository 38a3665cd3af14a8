package snapshot

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"go.etcd.io/bbolt"

	"regulars/data/durable"
	"regulars/models/artifact"
)

// Erasure says what to take out of the snapshots below Root.
type Erasure struct {
	Root string
	Disk durable.FS
	IDs  []string // of the person, as customers
	// Attached takes the person out of a file beside the store, in place, and
	// reports whether there was anything of them.
	Attached func(ctx context.Context, path string) (had bool, err error)
}

// Erase publishes every snapshot that holds the person again without them, as
// another version, makes that the current one where the old was, and removes the
// old. What this program cannot read it cannot search either: such a version is
// removed. It returns the versions that are gone. Done again, it finishes what a
// kill interrupted; the caller holds the workspace's lock.
func (e Erasure) Erase(ctx context.Context) (gone []string, err error) {
	versions, err := artifact.Versions(e.Root)
	if err != nil {
		return nil, err
	}
	for _, version := range versions {
		if !artifact.IsVersion(version) {
			continue // somebody else's folder
		}
		removed, err := e.eraseFrom(ctx, version)
		if err != nil {
			return gone, fmt.Errorf("erasing from snapshot %s: %w", version, err)
		}
		if removed {
			gone = append(gone, version)
		}
	}
	return gone, nil
}

func (e Erasure) eraseFrom(ctx context.Context, version string) (removed bool, err error) {
	dir := filepath.Join(e.Root, version)
	info, err := readInfo(dir)
	if err == nil {
		err = artifact.Verify(dir, info.Files)
	}
	if errors.Is(err, ErrFormat) || errors.Is(err, ErrDamaged) {
		return true, artifact.RemoveFolder(e.Disk, dir)
	}
	if err != nil {
		return false, err
	}
	named, err := e.named(ctx, dir, info)
	if err != nil || !named {
		return false, err
	}
	without, err := e.publishWithout(ctx, dir, info)
	if err != nil {
		return false, err
	}
	current, _, err := Current(e.Root)
	if err != nil {
		return false, err
	}
	if current == version {
		if err := SetCurrent(e.Root, e.Disk, without); err != nil {
			return false, err
		}
	}
	return true, artifact.RemoveFolder(e.Disk, dir)
}

// named reports whether the snapshot holds the person, in the store or beside it.
func (e Erasure) named(ctx context.Context, dir string, info Info) (named bool, err error) {
	held, err := Held(dir, e.IDs)
	if err != nil || len(held) > 0 {
		return len(held) > 0, err
	}
	scratch, err := os.MkdirTemp(e.Root, durable.TempPrefix+"search-*")
	if err != nil {
		return false, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(scratch)) }()
	for _, f := range info.Files {
		if f.Name == storeName {
			continue
		}
		copied := filepath.Join(scratch, filepath.Base(f.Name))
		if err := copyFile(filepath.Join(dir, filepath.FromSlash(f.Name)), copied); err != nil {
			return false, err
		}
		if had, err := e.Attached(ctx, copied); err != nil || had {
			return had, err
		}
	}
	return false, nil
}

// publishWithout publishes the snapshot in dir without the person.
func (e Erasure) publishWithout(ctx context.Context, dir string, info Info) (string, error) {
	held, err := Held(dir, e.IDs)
	if err != nil {
		return "", err
	}
	files := info.Files
	info.Users -= len(held)
	info.Version, info.Files = "", nil
	return artifact.PublishFolder(e.Disk, e.Root, artifact.Folder{
		AsOf: info.AsOf,
		Fill: func(stage string) error {
			for _, f := range files {
				if err := e.copyWithout(ctx, dir, stage, f.Name); err != nil {
					return err
				}
			}
			return nil
		},
		Manifest: func(files []artifact.FileEntry) (any, error) {
			info.Files = files
			return info, nil
		},
		Named: func(version string) any { info.Version = version; return info },
	})
}

func (e Erasure) copyWithout(ctx context.Context, dir, stage, name string) error {
	from, to := filepath.Join(dir, filepath.FromSlash(name)), filepath.Join(stage, filepath.FromSlash(name))
	if name == storeName {
		return copyStore(ctx, from, to, e.IDs)
	}
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		return err
	}
	if err := copyFile(from, to); err != nil {
		return err
	}
	_, err := e.Attached(ctx, to)
	return err
}

func copyFile(from, to string) (err error) {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, in.Close()) }()
	out, err := os.Create(to)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, out.Close()) }()
	_, err = io.Copy(out, in)
	return err
}

// Held returns those of the ids that are customers of the snapshot in dir,
// without verifying its files.
func Held(dir string, ids []string) (held []string, err error) {
	db, err := openStore(filepath.Join(dir, storeName))
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	err = db.View(func(tx *bbolt.Tx) error {
		users := tx.Bucket([]byte(bucketUsers))
		if users == nil {
			return fmt.Errorf("there is no bucket %q: %w", bucketUsers, ErrDamaged)
		}
		for _, id := range ids {
			if users.Get([]byte(id)) != nil {
				held = append(held, id)
			}
		}
		return nil
	})
	return held, err
}

// copyStore writes the store anew without these customers, pair by pair.
func copyStore(ctx context.Context, from, to string, ids []string) (err error) {
	in, err := openStore(from)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, in.Close()) }()
	out, err := createStore(to)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, out.Close()) }()
	gone := make(map[string]bool, len(ids))
	for _, id := range ids {
		gone[id] = true
	}
	w := &Writer{db: out}
	defer func() { err = errors.Join(err, w.rollback()) }()
	err = in.View(func(tx *bbolt.Tx) error {
		for _, name := range []string{bucketItems, bucketUsers, bucketSimilar, bucketLists} {
			if err := w.copyBucket(ctx, tx, name, func(key []byte) bool { return name == bucketUsers && gone[string(key)] }); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	return w.commit()
}

func (w *Writer) copyBucket(ctx context.Context, tx *bbolt.Tx, name string, skip func(key []byte) bool) error {
	bucket := tx.Bucket([]byte(name))
	if bucket == nil {
		return fmt.Errorf("there is no bucket %q: %w", name, ErrDamaged)
	}
	if w.tx != nil {
		if err := w.commit(); err != nil {
			return err
		}
	}
	if err := w.begin(name); err != nil { // also where there is nothing to put
		return err
	}
	return bucket.ForEach(func(key, value []byte) error {
		if skip(key) {
			return ctx.Err()
		}
		return w.put(name, key, value)
	})
}

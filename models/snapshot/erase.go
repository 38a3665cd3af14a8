package snapshot

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"

	"go.etcd.io/bbolt"

	"regulars/data/durable"
	"regulars/models/artifact"
)

// Erasure says what to take out of the snapshots below Root.
type Erasure struct {
	Root string
	Disk durable.FS
	IDs  []string // of the person: as customers, and as aliases
	// References are those of Info.UserFields by which other customers may name the
	// person: they are null afterwards.
	References []string
	// Attached takes the person out of a file beside the snapshot's own, in place,
	// and reports whether there was anything of them.
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
	without, err := e.publishWithout(ctx, dir)
	if errors.Is(err, ErrDamaged) { // in what no checksum tells of
		return true, artifact.RemoveFolder(e.Disk, dir)
	}
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

// named reports whether the snapshot holds the person, in its own files or beside them.
func (e Erasure) named(ctx context.Context, dir string, info Info) (named bool, err error) {
	found := errors.New("found")
	err = Each(ctx, dir, e.IDs, e.References, func(Trace) error { return found })
	if errors.Is(err, found) || errors.Is(err, ErrDamaged) {
		return true, nil
	}
	if err != nil {
		return false, err
	}
	scratch, err := os.MkdirTemp(e.Root, durable.TempPrefix+"search-*")
	if err != nil {
		return false, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(scratch)) }()
	for _, f := range info.Files {
		if own(f.Name) {
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

// own is true of the files that the format names.
func own(name string) bool { return opened(name) || name == bulkName }

// publishWithout publishes the snapshot in dir without the person, as scoring
// without them would have: what is of other customers is written by its bytes,
// in the order in which scoring writes.
func (e Erasure) publishWithout(ctx context.Context, dir string) (version string, err error) {
	snap, err := Open(dir)
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, snap.Close()) }()
	info := *snap.Info()
	info.Users, info.Files = 0, nil
	return Publish(e.Root, e.Disk, info, func(w *Writer) error { return e.fill(ctx, snap, w) })
}

func (e Erasure) fill(ctx context.Context, from *Snapshot, w *Writer) error {
	if err := from.db.View(func(tx *bbolt.Tx) error { return w.copyShared(from, tx) }); err != nil {
		return err
	}
	if err := e.copyUsers(ctx, from, w); err != nil {
		return err
	}
	if err := e.copyAliases(from, w); err != nil {
		return err
	}
	for _, f := range from.info.Files {
		if f.Name == storeName || f.Name == bulkName {
			continue
		}
		to := filepath.Join(w.dir, filepath.FromSlash(f.Name))
		if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
			return err
		}
		if err := copyFile(filepath.Join(from.dir, filepath.FromSlash(f.Name)), to); err != nil {
			return err
		}
		if own(f.Name) {
			continue
		}
		if _, err := e.Attached(ctx, to); err != nil {
			return err
		}
	}
	return nil
}

// copyShared copies what is of no customer: the catalogue, and what everybody sees.
func (w *Writer) copyShared(from *Snapshot, tx *bbolt.Tx) error {
	for _, name := range []string{bucketItems, bucketLists, bucketSimilar} {
		bucket := tx.Bucket([]byte(name))
		if bucket == nil {
			return from.missing(name)
		}
		if name == bucketLists {
			for _, key := range from.sharedKeys() {
				if err := w.copyPair(bucket, name, key); err != nil {
					return err
				}
			}
			continue
		}
		err := bucket.ForEach(func(key, value []byte) error { return w.put(name, key, value) })
		if err != nil {
			return err
		}
	}
	w.items = len(from.items)
	return nil
}

// sharedKeys are the keys of the lists in the order in which scoring puts them;
// the words come last, and anew.
func (s *Snapshot) sharedKeys() []string {
	keys := []string{keyByID, keyPopular}
	for n, kind := range s.info.Lists {
		switch {
		case kind.Shared:
			keys = append(keys, keyShared(n))
		case len(kind.Groups) > 0:
			keys = append(keys, keyGrouped(n))
		}
	}
	return keys
}

func (w *Writer) copyPair(bucket *bbolt.Bucket, name, key string) error {
	if v := bucket.Get([]byte(key)); v != nil {
		return w.put(name, []byte(key), v)
	}
	return nil
}

// copyUsers writes all other customers. Their scores are encoded anew, because
// they number texts by who was first to use them, which may have been the person.
func (e Erasure) copyUsers(ctx context.Context, from *Snapshot, w *Writer) error {
	refers := from.info.fieldsNamed(e.References)
	return from.Each("", func(c *Customer) error {
		if err := ctx.Err(); err != nil {
			return err
		}
		if slices.Contains(e.IDs, c.id) {
			return nil
		}
		u, err := c.User()
		if err != nil {
			return err
		}
		for _, n := range refers {
			if v := u.Profile[n]; !v.IsNull() && slices.Contains(e.IDs, v.Text) {
				u.Profile[n] = Value{}
			}
		}
		u.Aliases = slices.DeleteFunc(u.Aliases, func(a Alias) bool { return slices.Contains(e.IDs, a.ID) })
		return w.again(u, c.lists)
	})
}

// again writes a customer whose lists beside the main one are encoded already.
func (w *Writer) again(u User, lists []byte) error {
	w.buf = append(appendUser(w.buf[:0], u, w.words, w.info.UserFields), lists...)
	return w.record(u.ID, w.buf)
}

func (e Erasure) copyAliases(from *Snapshot, w *Writer) error {
	return from.eachAlias(func(id, person string) error {
		if slices.Contains(e.IDs, id) || slices.Contains(e.IDs, person) {
			return nil
		}
		return w.Alias(id, person)
	})
}

// fieldsNamed returns the places of the customers' fields of these names that hold texts.
func (in *Info) fieldsNamed(names []string) (places []int) {
	for n, f := range in.UserFields {
		if f.Kind == String && slices.Contains(names, f.Name) {
			places = append(places, n)
		}
	}
	return places
}

func (s *Snapshot) eachAlias(do func(id, person string) error) error {
	return s.db.View(func(tx *bbolt.Tx) error {
		aliases := tx.Bucket([]byte(bucketAliases))
		if aliases == nil {
			return s.missing(bucketAliases)
		}
		return aliases.ForEach(func(id, person []byte) error { return do(string(id), string(person)) })
	})
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

// Trace is where a snapshot names a person.
type Trace struct {
	Customer *Customer // a customer who is the person; until the visit ends
	Field    string    // or the field by which another customer refers to them; "" = as an alias
	ID       string    // that another customer refers to, or is known by
}

// Each gives do every trace of the person with these ids in the snapshot in dir,
// whose customers may refer to them by the fields of these names. It reads all
// customers where there are such fields, or aliases.
func Each(ctx context.Context, dir string, ids, references []string, do func(Trace) error) (err error) {
	s, err := Open(dir)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	for _, id := range ids {
		c, err := s.Customer(id)
		if err != nil {
			return err
		}
		if c == nil || c.id != id { // an alias of somebody
			continue
		}
		if err := do(Trace{Customer: c}); err != nil {
			return err
		}
	}
	return s.eachReference(ctx, ids, s.info.fieldsNamed(references), do)
}

func (s *Snapshot) eachReference(ctx context.Context, ids []string, refers []int, do func(Trace) error) error {
	err := s.eachAlias(func(id, person string) error {
		if slices.Contains(ids, id) && !slices.Contains(ids, person) {
			return do(Trace{ID: id})
		}
		return ctx.Err()
	})
	if err != nil {
		return err
	}
	return s.Each("", func(c *Customer) error {
		if slices.Contains(ids, c.id) {
			return ctx.Err()
		}
		values, aliases, err := c.Profile()
		if err != nil {
			return err
		}
		for _, n := range refers {
			if v := values[n]; !v.IsNull() && slices.Contains(ids, v.Text) {
				if err := do(Trace{Field: s.info.UserFields[n].Name, ID: v.Text}); err != nil {
					return err
				}
			}
		}
		for _, a := range aliases {
			if slices.Contains(ids, a.ID) {
				if err := do(Trace{ID: a.ID}); err != nil {
					return err
				}
			}
		}
		return ctx.Err()
	})
}

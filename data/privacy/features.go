package privacy

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strconv"
	"strings"

	"regulars/data/durable"
	"regulars/data/lake"
)

// Features is the place of feature tables. They are made from the lake, so that a
// table that names the person is removed whole: the next run builds it anew.
type Features struct {
	Root string // the workspace's features folder
	Disk durable.FS
}

// Each gives do the rows of the person, by entity and group, with the day that a
// row is of, which stands in the name of its folder.
func (f Features) Each(ctx context.Context, s lake.Subject, do func(where, row string) error) error {
	ids := setOf(s.IDs)
	return f.tables(func(dir, file string) error {
		where, err := filepath.Rel(f.Root, filepath.Dir(dir))
		if err != nil {
			return err
		}
		asOf := strconv.Quote(strings.TrimPrefix(filepath.Base(dir), "as_of="))
		return eachRowOf(ctx, file, ids, func(row string) error {
			return do(path.Join("features", filepath.ToSlash(where)), `{"as_of":`+asOf+","+row[1:])
		})
	})
}

// Erase removes the tables that name the person.
func (f Features) Erase(ctx context.Context, s lake.Subject) error {
	ids := setOf(s.IDs)
	return f.tables(func(dir, file string) error {
		named, err := namesIn(ctx, file, ids)
		if err != nil || !named {
			return err
		}
		// Renamed first, so that no reader sees half of it; what a kill leaves goes as any leftover.
		gone := filepath.Join(f.Root, durable.TempPrefix+"erased")
		if err := f.Disk.Remove(gone); err != nil {
			return err
		}
		if err := f.Disk.Rename(dir, gone); err != nil {
			return err
		}
		if err := f.Disk.SyncDir(filepath.Dir(dir)); err != nil {
			return err
		}
		return f.Disk.Remove(gone)
	})
}

// tables gives do every feature table that lies in its folder as_of=….
func (f Features) tables(do func(dir, file string) error) error {
	dirs, err := filepath.Glob(filepath.Join(escapeGlob(f.Root), "*", "*", "as_of=*"))
	if err != nil {
		return err
	}
	for _, dir := range dirs {
		entries, err := os.ReadDir(dir)
		if errors.Is(err, fs.ErrNotExist) {
			continue // built anew, or removed, since it was listed
		}
		if err != nil {
			return err
		}
		for _, e := range entries {
			if e.IsDir() || !strings.HasSuffix(e.Name(), ".parquet") || strings.HasPrefix(e.Name(), ".") {
				continue
			}
			// A table of several files may be gone with the first of them.
			if err := do(dir, filepath.Join(dir, e.Name())); err != nil && !errors.Is(err, fs.ErrNotExist) {
				return err
			}
		}
	}
	return nil
}

// escapeGlob has a folder's name stand for itself.
func escapeGlob(dir string) string {
	return strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`).Replace(dir)
}

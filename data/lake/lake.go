package lake

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"regulars/data"
	"regulars/data/durable"
)

// Lake is the tables of one workspace.
type Lake struct {
	workspace string
	fs        durable.FS
	erased    func() (func(id string) bool, error) // see Refuse; nil: nobody
}

const (
	lakeDir       = "lake"
	quarantineDir = "quarantine"
	journalDir    = ".imports" // below lakeDir
)

// Open returns the lake of the workspace folder, which must exist. It creates
// nothing, and reading needs no lock: an import in progress is not seen.
// Writers must hold the workspace's lock.
func Open(workspace string, disk durable.FS) (*Lake, error) {
	info, err := os.Stat(workspace)
	if err != nil {
		return nil, fmt.Errorf("opening the workspace: %w", err)
	}
	if !info.IsDir() {
		return nil, fmt.Errorf("opening the workspace: %s is not a folder", workspace)
	}
	abs, err := filepath.Abs(workspace)
	if err != nil {
		return nil, fmt.Errorf("opening the workspace: %w", err)
	}
	return &Lake{workspace: abs, fs: disk}, nil
}

func (l *Lake) dir(elem ...string) string {
	return filepath.Join(append([]string{l.workspace, lakeDir}, elem...)...)
}

// Paths returns the absolute paths of a table's visible files, sorted; none
// when the table is absent.
func (l *Lake) Paths(t data.Table) ([]string, error) {
	if _, ok := data.SchemaOf(t); !ok {
		return nil, fmt.Errorf("there is no table %q; the tables are %s", t, strings.Join(data.TableNames(), ", "))
	}
	return l.stable(func() ([]string, error) { return listParquet(l.dir(string(t))) })
}

// stable lists files while no import is being published: one that is between
// its commit and its end is seen by nobody, and one that ended in between is
// listed anew. This is what makes several tables visible at one instant.
func (l *Lake) stable(list func() ([]string, error)) ([]string, error) {
	for {
		before, err := l.journalNames()
		if err != nil {
			return nil, err
		}
		paths, err := list()
		if err != nil {
			return nil, err
		}
		hidden, err := l.hidden(before)
		if errors.Is(err, fs.ErrNotExist) {
			continue // a pending journal was finished meanwhile
		}
		if err != nil {
			return nil, err
		}
		after, err := l.journalNames()
		if err != nil {
			return nil, err
		}
		if slices.Equal(before, after) {
			return slices.DeleteFunc(paths, func(p string) bool { return hidden[p] }), nil
		}
	}
}

// listParquet returns the Parquet files at and below dir, sorted, leaving out
// names that begin with "." or "_".
func listParquet(dir string) ([]string, error) {
	var paths []string
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		switch {
		case err != nil:
			if path == dir && errors.Is(err, fs.ErrNotExist) {
				return nil
			}
			return err
		case path != dir && invisible(e.Name()):
			if e.IsDir() {
				return fs.SkipDir
			}
			return nil
		case !e.IsDir() && strings.HasSuffix(e.Name(), ".parquet"):
			paths = append(paths, path)
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("listing the lake: %w", err)
	}
	slices.Sort(paths)
	return paths, nil
}

func invisible(name string) bool { return name[0] == '.' || name[0] == '_' }

// Tables returns the paths of every table that has visible files, as Paths does.
func (l *Lake) Tables() (map[data.Table][]string, error) {
	tables := map[data.Table][]string{}
	for _, s := range data.Schemas() {
		files, err := l.Paths(s.Table)
		if err != nil {
			return nil, err
		}
		if len(files) > 0 {
			tables[s.Table] = files
		}
	}
	return tables, nil
}

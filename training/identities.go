package training

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"regulars/data"
	"regulars/data/durable"
	"regulars/data/identity"
	"regulars/data/lake"
	"regulars/features"
)

// undoneName is the workspace's file of aliases that are not used any more.
const undoneName = "identities.undo"

// IdentityLinks reads every link of the lake's identities table; none when the
// lake has no such table.
func IdentityLinks(l *lake.Lake) (links []identity.Link, err error) {
	files, err := l.Paths(data.Identities)
	if err != nil || len(files) == 0 {
		return nil, err
	}
	r, schema, err := l.Reader(data.Identities)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, r.Close()) }()
	return identity.ReadLinks(r, schema)
}

// ReadUndone reads the aliases of a workspace that were taken back.
func ReadUndone(workspace string) (*identity.Undone, error) {
	f, err := os.Open(filepath.Join(workspace, undoneName))
	if errors.Is(err, fs.ErrNotExist) {
		return &identity.Undone{}, nil
	}
	if err != nil {
		return nil, err
	}
	u, err := identity.ReadUndone(f)
	if err = errors.Join(err, f.Close()); err != nil {
		return nil, fmt.Errorf("%s: %w", f.Name(), err)
	}
	return u, nil
}

// WriteUndone replaces that file. The caller holds the workspace's lock.
func WriteUndone(disk durable.FS, workspace string, u *identity.Undone) error {
	return disk.WriteFile(filepath.Join(workspace, undoneName), func(w io.Writer) error { return u.Write(w) })
}

// Identities resolves the links known at each day, for features.Request: all
// ids that are another customer's, in byte order. A day without any has no entry.
func Identities(l *lake.Lake, workspace string, days []data.Day) (map[data.Day][]features.Identity, error) {
	links, err := IdentityLinks(l)
	if err != nil || len(links) == 0 {
		return nil, err
	}
	undone, err := ReadUndone(workspace)
	if err != nil {
		return nil, err
	}
	links = undone.Keep(links)
	out := map[data.Day][]features.Identity{}
	for _, d := range days {
		var list []features.Identity
		for from, to := range identity.Resolve(links, d) {
			list = append(list, features.Identity{From: from, To: to})
		}
		slices.SortFunc(list, func(a, b features.Identity) int { return strings.Compare(a.From, b.From) })
		if len(list) > 0 {
			out[d] = list
		}
	}
	return out, nil
}

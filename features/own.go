package features

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Load returns the shipped feature groups and every definition (*.sql) in the
// folders, which are the shop's own features.d and labels.d; a folder that does
// not exist has none. Labels are among the result, see Split. A file that does
// not parse, breaks the portable subset, or takes a name that is taken, is an
// error with its file, line and reason; all are reported at once.
func Load(folders ...string) ([]Group, error) {
	groups, err := Catalogue()
	if err != nil {
		return nil, err
	}
	var errs []error
	for _, folder := range folders {
		own, err := loadFolder(folder)
		groups = append(groups, own...)
		errs = append(errs, err)
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	return groups, checkNames(groups)
}

func loadFolder(folder string) ([]Group, error) {
	entries, err := os.ReadDir(folder)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read feature definitions: %w", err)
	}
	var groups []Group
	var errs []error
	for _, e := range entries {
		if e.IsDir() || filepath.Ext(e.Name()) != ".sql" || strings.HasPrefix(e.Name(), ".") {
			continue
		}
		g, err := loadFile(filepath.Join(folder, e.Name()))
		groups = append(groups, g)
		errs = append(errs, err)
	}
	return groups, errors.Join(errs...)
}

func loadFile(file string) (Group, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return Group{}, fmt.Errorf("read feature definition: %w", err)
	}
	g, err := Parse(file, string(text))
	if err != nil {
		return Group{}, err
	}
	switch folder := filepath.Base(filepath.Dir(file)); {
	case g.Shared:
		return Group{}, &SQLError{File: file, Line: 1, Err: errors.New("shared relations are shipped only: write a group")}
	case g.Label && folder == "features.d":
		return Group{}, &SQLError{File: file, Line: 1, Err: errors.New("this is a label: it belongs in labels.d")}
	case !g.Label && folder == "labels.d":
		return Group{}, &SQLError{File: file, Line: 1, Err: errors.New("this is no label (-- kind: label): it belongs in features.d")}
	}
	if group, err := OrderLabel(); err != nil || group.Name == g.Name {
		return Group{}, errors.Join(err, &SQLError{File: file, Line: 1, Err: fmt.Errorf("%s is a shipped label: choose another name", g.Name)})
	}
	return g, Lint(g)
}

// Split separates feature groups from labels, keeping their order.
func Split(groups []Group) (features, labels []Group) {
	for _, g := range groups {
		if g.Label {
			labels = append(labels, g)
		} else {
			features = append(features, g)
		}
	}
	return features, labels
}

// Find returns the groups of that name, of which there is one an entity at most;
// "entity/name" picks one. No group of that name is an error that lists those near it.
func Find(groups []Group, name string) ([]Group, error) {
	var found []Group
	var names []string
	for _, g := range groups {
		if name == g.Name || name == g.Entity+"/"+g.Name {
			found = append(found, g)
		}
		names = append(names, g.Entity+"/"+g.Name)
	}
	if len(found) == 0 {
		slices.Sort(names)
		return nil, fmt.Errorf("there is no feature group %q: they are %s", name, strings.Join(names, ", "))
	}
	return found, nil
}

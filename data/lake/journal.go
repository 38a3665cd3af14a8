package lake

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"regulars/data/durable"
)

const (
	pendingSuffix = ".pending.json"
	doneSuffix    = ".json"
	stageDir      = durable.TempPrefix + "import" // below lakeDir; one import at a time
)

// journal is the durable record of one import.
type journal struct {
	Report
	Files []journalFile `json:"files"`
}

// journalFile is a staged file; paths are relative to the workspace, with slashes.
type journalFile struct {
	From   string `json:"from"`
	To     string `json:"to"`
	Rows   int64  `json:"rows"`
	SHA256 string `json:"sha256"`
}

// journalNames returns the names of all journals, sorted; temporary files left out.
func (l *Lake) journalNames() ([]string, error) {
	entries, err := os.ReadDir(l.dir(journalDir))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("listing the imports: %w", err)
	}
	var names []string
	for _, e := range entries {
		if !invisible(e.Name()) && strings.HasSuffix(e.Name(), doneSuffix) {
			names = append(names, e.Name())
		}
	}
	return names, nil
}

func (l *Lake) readJournal(name string) (journal, error) {
	var j journal
	b, err := os.ReadFile(l.dir(journalDir, name))
	if err != nil {
		return j, err
	}
	if err := json.Unmarshal(b, &j); err != nil {
		return j, fmt.Errorf("reading the import journal %s: %w", l.dir(journalDir, name), err)
	}
	return j, nil
}

// Imports returns the reports of all finished imports, in order of their ids.
func (l *Lake) Imports() ([]Report, error) {
	names, err := l.journalNames()
	if err != nil {
		return nil, err
	}
	var out []Report
	for _, name := range names {
		if strings.HasSuffix(name, pendingSuffix) {
			continue
		}
		j, err := l.readJournal(name)
		if err != nil {
			return nil, err
		}
		out = append(out, j.Report)
	}
	return out, nil
}

// hidden returns the absolute paths of files whose import is committed but not finished.
func (l *Lake) hidden(journals []string) (map[string]bool, error) {
	out := map[string]bool{}
	for _, name := range journals {
		if !strings.HasSuffix(name, pendingSuffix) {
			continue
		}
		j, err := l.readJournal(name)
		if err != nil {
			return nil, err
		}
		for _, f := range j.Files {
			out[l.abs(f.To)] = true
		}
	}
	return out, nil
}

func (l *Lake) abs(rel string) string { return filepath.Join(l.workspace, filepath.FromSlash(rel)) }

// commit writes the pending journal: from here on the import happens, even if
// this process does not live to see it.
func (l *Lake) commit(j journal) error {
	if err := l.fs.MakeDirs(l.dir(journalDir)); err != nil {
		return err
	}
	return l.writeJournal(l.pendingPath(j.ID), j)
}

func (l *Lake) writeJournal(path string, j journal) error {
	return l.fs.WriteFile(path, func(w io.Writer) error {
		enc := json.NewEncoder(w)
		enc.SetIndent("", "  ")
		return enc.Encode(j)
	})
}

func (l *Lake) pendingPath(id string) string { return l.dir(journalDir, id+pendingSuffix) }

// committed reports whether the pending journal is there.
func (l *Lake) committed(id string) (bool, error) {
	_, err := os.Stat(l.pendingPath(id))
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return err == nil, err
}

// finish moves the staged files of a committed import to their places and
// marks it done. It may be repeated after a kill at any step.
func (l *Lake) finish(j journal) error {
	for _, f := range j.Files {
		if err := l.place(f); err != nil {
			return fmt.Errorf("finishing import %s: %w", j.ID, err)
		}
	}
	if err := l.syncPlaces(j.Files); err != nil {
		return fmt.Errorf("finishing import %s: %w", j.ID, err)
	}
	if err := l.fs.Rename(l.pendingPath(j.ID), l.dir(journalDir, j.ID+doneSuffix)); err != nil {
		return fmt.Errorf("finishing import %s: %w", j.ID, err)
	}
	if err := l.fs.SyncDir(l.dir(journalDir)); err != nil {
		return fmt.Errorf("finishing import %s: %w", j.ID, err)
	}
	return l.fs.Remove(l.dir(stageDir))
}

func (l *Lake) place(f journalFile) error {
	from, to := l.abs(f.From), l.abs(f.To)
	if _, err := os.Stat(from); errors.Is(err, fs.ErrNotExist) {
		_, err := os.Stat(to) // moved before an earlier kill
		return err
	}
	if err := l.fs.MakeDirs(filepath.Dir(to)); err != nil {
		return err
	}
	return l.fs.Rename(from, to)
}

func (l *Lake) syncPlaces(files []journalFile) error {
	synced := map[string]bool{}
	for _, f := range files {
		dir := filepath.Dir(l.abs(f.To))
		if synced[dir] {
			continue
		}
		synced[dir] = true
		if err := l.fs.SyncDir(dir); err != nil {
			return err
		}
	}
	return nil
}

// Recover finishes an import that was committed and removes what a killed one
// left before its commit. The caller holds the workspace's lock.
func (l *Lake) Recover() error {
	names, err := l.journalNames()
	if err != nil {
		return err
	}
	for _, name := range names {
		if !strings.HasSuffix(name, pendingSuffix) {
			continue
		}
		j, err := l.readJournal(name)
		if err != nil {
			return err
		}
		if err := l.finish(j); err != nil {
			return err
		}
	}
	return errors.Join(l.fs.RemoveTemp(l.dir(journalDir)), l.fs.RemoveTemp(l.dir()))
}

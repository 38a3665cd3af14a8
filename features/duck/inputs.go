package duck

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"regulars/data"
	"regulars/features"
)

// engineVersion changes whenever this package makes other tables of the same
// inputs: then all are built anew.
const engineVersion = "2 duckdb 1.5.6"

// inputsName is the file beside a table that says what it was made from.
const inputsName = "_inputs.json"

// inputs is everything that decides what a table holds, and the table that it
// led to: only both together, unchanged, spare a build.
type inputs struct {
	Engine     string   `json:"engine"`
	SQL        string   `json:"sql"` // checksum of the query and of the shared relations it uses
	TimeZone   string   `json:"time_zone"`
	AsOf       string   `json:"as_of"`
	Gap        int      `json:"gap"`
	Horizon    int      `json:"horizon"`
	Identities string   `json:"identities,omitempty"` // checksum
	Sources    []source `json:"sources"`
	Table      made     `json:"table"`
}

// made is a finished table.
type made struct {
	Rows   int64  `json:"rows"`
	Bytes  int64  `json:"bytes"`
	SHA256 string `json:"sha256"`
}

// source is a lake file. Its footer holds the size and the extremes of every
// column chunk; with the time of its last change it stands for the content.
type source struct {
	Table    string `json:"table"`
	Path     string `json:"path"`
	Bytes    int64  `json:"bytes"`
	Modified int64  `json:"modified"` // nanoseconds since 1970
	End      string `json:"end"`      // checksum of the last endBytes
}

const endBytes = 64 << 10

// fingerprints looks at every file of the lake once.
func (b *build) fingerprints() (map[data.Table][]source, error) {
	out := map[data.Table][]source{}
	for t, files := range b.lake {
		for _, path := range files {
			f, err := fingerprint(path)
			if err != nil {
				return nil, fmt.Errorf("lake table %s: %w", t, err)
			}
			f.Table = string(t)
			for _, other := range out[t] {
				if err := refuseTwin(other, f); err != nil {
					return nil, fmt.Errorf("lake table %s: %w", t, err)
				}
			}
			out[t] = append(out[t], f)
		}
	}
	return out, nil
}

// refuseTwin refuses a file that is there twice: its rows would count double.
func refuseTwin(a, b source) error {
	if a.Path == b.Path {
		return fmt.Errorf("%s is listed twice", a.Path)
	}
	if a.Bytes != b.Bytes || a.End != b.End {
		return nil
	}
	first, err := measure(a.Path)
	if err != nil {
		return err
	}
	second, err := measure(b.Path)
	if err == nil && first == second {
		return fmt.Errorf("%s and %s are the same file twice: remove one", a.Path, b.Path)
	}
	return err
}

func fingerprint(path string) (out source, err error) {
	f, err := os.Open(path)
	if err != nil {
		return out, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	info, err := f.Stat()
	if err != nil {
		return out, err
	}
	h := sha256.New()
	if _, err := io.Copy(h, io.NewSectionReader(f, max(0, info.Size()-endBytes), endBytes)); err != nil {
		return out, fmt.Errorf("read %s: %w", path, err)
	}
	return source{Path: path, Bytes: info.Size(), Modified: info.ModTime().UnixNano(), End: hex.EncodeToString(h.Sum(nil))}, nil
}

// inputsOf lists what decides the table of a group at a date.
func (b *build) inputsOf(g features.Group, d data.Day, prints map[data.Table][]source) (inputs, error) {
	in := inputs{Engine: engineVersion, TimeZone: b.timeZone, AsOf: d.String(), Gap: int(b.gap), Horizon: int(b.horizon), Identities: checksum(identityText(b.identities[d]))}
	text := []string{g.Query()}
	tables := map[data.Table]bool{}
	for _, t := range g.Tables() {
		tables[t] = true
	}
	for _, name := range g.Uses {
		s, err := features.Shared(name)
		if err != nil {
			return in, err
		}
		text = append(text, s.SQL)
		for _, t := range s.Tables() {
			tables[t] = true
		}
	}
	in.SQL = checksum(strings.Join(text, "\x00"))
	for _, s := range data.Schemas() {
		if tables[s.Table] {
			in.Sources = append(in.Sources, prints[s.Table]...)
		}
	}
	return in, nil
}

func identityText(list []features.Identity) string {
	var text strings.Builder
	for _, id := range distinct(list) {
		fmt.Fprintf(&text, "%q %q\n", id.From, id.To)
	}
	return text.String()
}

func checksum(text string) string {
	if text == "" {
		return ""
	}
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:])
}

// unchanged reports whether the table at path was made from these inputs and is
// still what it was then, and its rows. Whatever cannot be read is built anew.
func unchanged(path string, want inputs) (rows int64, ok bool) {
	text, err := os.ReadFile(filepath.Join(filepath.Dir(path), inputsName))
	if err != nil {
		return 0, false
	}
	var have inputs
	if json.Unmarshal(text, &have) != nil {
		return 0, false
	}
	table := have.Table
	have.Table = made{}
	was, err1 := json.Marshal(have)
	is, err2 := json.Marshal(want)
	if err1 != nil || err2 != nil || !bytes.Equal(was, is) {
		return 0, false
	}
	now, err := measure(path)
	now.Rows = table.Rows
	return table.Rows, err == nil && now == table
}

func measure(path string) (m made, err error) {
	f, err := os.Open(path)
	if err != nil {
		return m, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	h := sha256.New()
	if m.Bytes, err = io.Copy(h, f); err != nil {
		return m, fmt.Errorf("read %s: %w", path, err)
	}
	m.SHA256 = hex.EncodeToString(h.Sum(nil))
	return m, nil
}

// writeInputs writes the note that belongs beside a finished table.
func (b *build) writeInputs(table file, in inputs, rows int64) (file, error) {
	var err error
	if in.Table, err = measure(table.temporary); err != nil {
		return file{}, fmt.Errorf("measure feature table: %w", err)
	}
	in.Table.Rows = rows
	text, err := json.MarshalIndent(in, "", "  ")
	if err != nil {
		return file{}, fmt.Errorf("describe feature table: %w", err)
	}
	note := file{temporary: table.temporary + inputsName, final: filepath.Join(filepath.Dir(table.final), inputsName)}
	if err := os.WriteFile(note.temporary, append(text, '\n'), 0o644); err != nil {
		return file{}, fmt.Errorf("describe feature table: %w", err)
	}
	return note, nil
}

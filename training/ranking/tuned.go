package ranking

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"io/fs"
	"maps"
	"os"
	"runtime/debug"
	"slices"

	"regulars/training/options"
)

// Tuned is what a search found, as it is kept in a file.
type Tuned struct {
	FormatVersion int               `json:"format_version"`
	Models        map[string]Winner `json:"models"`
}

// Winner is the best trial of a family.
type Winner struct {
	Options map[string]any `json:"options"` // what differs from the defaults; empty = the defaults won
	Metric  string         `json:"metric"`
	Value   float64        `json:"value"`
	Default float64        `json:"default"` // what the defaults reached
	Trials  int            `json:"trials"`
	Full    bool           `json:"full,omitempty"` // every candidate of Tuning was among the trials
	Slice   string         `json:"slice"`          // on what, in words
	From    string         `json:"from,omitempty"` // first day of that; absent: not known
	To      string         `json:"to,omitempty"`   // last day of that
	Data    []string       `json:"data,omitempty"` // by which the data are known again: see sketch
	Seed    uint64         `json:"seed"`
}

// tunedFormat is the version of both files. 1: the first.
const tunedFormat = 1

// Settings returns the winners' options as settings.
func (t *Tuned) Settings() []options.Setting {
	if t == nil {
		return nil
	}
	var out []options.Setting
	for _, model := range slices.Sorted(maps.Keys(t.Models)) {
		out = append(out, settingsOf(model, t.Models[model].Options)...)
	}
	return out
}

// settingsOf writes options as text, in the order of their names. A number is
// written as JSON has it.
func settingsOf(model string, values map[string]any) []options.Setting {
	var out []options.Setting
	for _, name := range slices.Sorted(maps.Keys(values)) {
		out = append(out, options.Setting{Model: model, Option: name, Value: fmt.Sprint(values[name])})
	}
	return out
}

// ReadTuned reads what a search found; without the file it is nil. A damaged
// file, or one that names what no model has, is an error.
func ReadTuned(path string) (*Tuned, error) {
	var t Tuned
	if err := readJSON(path, &t); errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	} else if err != nil {
		return nil, err
	}
	if t.FormatVersion != tunedFormat {
		return nil, fmt.Errorf("%s has format version %d, this program reads %d: tune again", path, t.FormatVersion, tunedFormat)
	}
	if err := CheckSettings(t.Settings()); err != nil {
		return nil, fmt.Errorf("%s: %w (remove the file, or tune again)", path, err)
	}
	return &t, nil
}

func readJSON(path string, into any) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.UseNumber()
	if err := dec.Decode(into); err != nil {
		return fmt.Errorf("%s is damaged (remove it and search again): %w", path, err)
	}
	return nil
}

func (s *search) writeJSON(path string, v any) error {
	return s.FS.WriteFile(path, func(w io.Writer) error {
		enc := json.NewEncoder(w)
		enc.SetIndent("", "  ")
		return enc.Encode(v)
	})
}

// trials is the file of an unfinished search.
type trials struct {
	FormatVersion int     `json:"format_version"`
	Fingerprint   string  `json:"fingerprint"` // of the slice and of what is searched
	Trials        []Trial `json:"trials"`
}

func (s *search) trialsFile() string { return s.File + ".trials" }

// resume takes over the trials of a search of the same slice in the same way.
func (s *search) resume() error {
	if s.File == "" {
		return nil
	}
	var t trials
	if err := readJSON(s.trialsFile(), &t); errors.Is(err, fs.ErrNotExist) {
		return nil
	} else if err != nil {
		return err
	}
	if t.FormatVersion != tunedFormat || t.Fingerprint != s.fingerprint {
		return nil // of other data: begun anew
	}
	s.done = t.Trials
	for _, t := range s.done {
		if slices.ContainsFunc(s.families, func(f Family) bool { return f.Name == t.Model }) {
			s.spent += seconds(t.Seconds)
		}
	}
	return nil
}

func (s *search) keep() error {
	if s.File == "" {
		return nil
	}
	return s.writeJSON(s.trialsFile(), trials{tunedFormat, s.fingerprint, s.done})
}

// finish picks the winners, of equals the earlier trial, and adds them to the
// file, in which other models' winners stay.
func (s *search) finish() (*Tuned, error) {
	found := &Tuned{FormatVersion: tunedFormat, Models: map[string]Winner{}}
	for i, f := range s.families {
		if w, ok := s.winner(i); ok {
			found.Models[f.Name] = w
		}
	}
	if len(found.Models) == 0 {
		return nil, fmt.Errorf("no trial was finished within the budget of %v: give more minutes", s.Budget)
	}
	if s.File == "" {
		return found, nil
	}
	all, err := ReadTuned(s.File)
	if err != nil {
		return nil, err
	}
	if all == nil {
		all = &Tuned{FormatVersion: tunedFormat, Models: map[string]Winner{}}
	}
	maps.Copy(all.Models, found.Models)
	return found, s.writeJSON(s.File, all)
}

func (s *search) winner(family int) (w Winner, ok bool) {
	for n := range s.trialsOf(family) {
		t, tried := s.find(s.families[family].Name, n)
		if !tried {
			break
		}
		w.Trials++
		if t.Failed != "" {
			continue
		}
		if n == 0 {
			w.Default = t.Value
		}
		if !ok || t.Value > w.Value {
			w.Options, w.Metric, w.Value, ok = t.Options, t.Metric, t.Value, true
		}
	}
	w.Full = s.Candidates != nil && w.Trials >= len(s.firsts[family])
	w.Slice, w.Seed = s.Slice, s.Seed
	w.From, w.To = s.slice.span()
	w.Data = sketch(&s.slice.Data)
	return w, ok
}

// fingerprint is of everything that a trial's value depends on, and of what is
// drawn from. Which models
// are searched is no part of it, nor the budget: a search may be widened.
func (s *Split) fingerprint(t Tuning) string {
	h := sha256.New()
	put := func(values any) { _ = binary.Write(h, binary.LittleEndian, values) } // a hash takes everything
	for _, column := range [][]int32{s.Events.Item, s.Events.Day} {
		put(int64(len(column)))
		put(column)
	}
	put(s.Events.Weight)
	put(s.Events.Indptr)
	for _, truth := range s.Truth {
		put(int64(len(truth)))
		put(truth)
	}
	put(s.Group)
	put(s.Now)
	put(s.Repeat)
	put(t.Seed)
	for _, f := range Families() {
		fmt.Fprintf(h, "%s by %s of %v in %s, ", f.Name, t.Metric(f.Name), options.Describe(f.Options), f.space())
	}
	fmt.Fprint(h, program())
	if t.Candidates != nil {
		for _, f := range Families() {
			fmt.Fprintf(h, "%s from %v, ", f.Name, t.Candidates(f.Name))
		}
	}
	fmt.Fprintf(h, "%v %v", t.Fixed, s.Items)
	return hex.EncodeToString(h.Sum(nil))
}

// space tells apart what a search may draw: by what it would draw first.
func (f Family) space() string {
	return fmt.Sprint(f.draw(1, 0, true), f.draw(2, 0, true), f.draw(3, 0, false))
}

// program is the version of the program, whose models may learn otherwise than
// those of another: as far as a build says.
func program() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return ""
	}
	version := info.Main.Version
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" || s.Key == "vcs.modified" {
			version += " " + s.Value
		}
	}
	return version
}

func hash(text string) uint64 {
	h := fnv.New64a()
	_, _ = h.Write([]byte(text)) // never fails
	return h.Sum64()
}

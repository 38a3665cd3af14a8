package served

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"time"
	"unicode/utf8"
)

// lineJSON is a line as it is read.
type lineJSON struct {
	ID        string     `json:"recommendation_id"`
	At        time.Time  `json:"ts"`
	Placement string     `json:"placement"`
	Arm       string     `json:"arm"`
	User      string     `json:"user_id"`
	Session   string     `json:"session_id"`
	Items     []itemJSON `json:"items"`
}

type itemJSON struct {
	ID         string  `json:"item_id"`
	Position   int     `json:"position"` // from 1
	Strategy   string  `json:"strategy"`
	Propensity float64 `json:"propensity"`
}

// appendJSON appends the line of a record: what lineJSON reads, without what is
// not known.
func (r *Record) appendJSON(b []byte) []byte {
	b = append(b, `{"ts":"`...)
	b = r.At.UTC().AppendFormat(b, time.RFC3339Nano)
	b = append(b, '"')
	for _, f := range [...]struct{ name, text string }{{"recommendation_id", r.ID}, {"placement", r.Placement}, {"arm", r.Arm}, {"user_id", r.User}, {"session_id", r.Session}} {
		if f.text != "" {
			b = append(append(append(b, `,"`...), f.name...), `":`...)
			b = appendText(b, f.text)
		}
	}
	b = append(b, `,"items":[`...)
	for i, it := range r.Items {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendText(append(b, `{"item_id":`...), it.ID)
		b = strconv.AppendInt(append(b, `,"position":`...), int64(i+1), 10)
		b = appendText(append(b, `,"strategy":`...), it.Strategy)
		if it.Propensity > 0 {
			b = strconv.AppendFloat(append(b, `,"propensity":`...), it.Propensity, 'g', -1, 64)
		}
		b = append(b, '}')
	}
	return append(b, "]}\n"...)
}

// appendText appends a text as JSON; most need nothing escaped.
func appendText(b []byte, s string) []byte {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c == '"' || c == '\\' || c >= utf8.RuneSelf {
			quoted, _ := json.Marshal(s) // a text has no error
			return append(b, quoted...)
		}
	}
	return append(append(append(b, '"'), s...), '"')
}

// Skipped counts lines that could not be read: at most the last of each file
// that a killed program left.
type Skipped int

// Read calls visit with the lists shown from one instant up to another, file by
// file; the record is visit's only until it returns. A folder that is not there
// holds none.
func Read(dir string, from, to time.Time, visit func(r *Record) error) (Skipped, error) {
	names, err := files(dir)
	if errors.Is(err, os.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	const slack = time.Minute // a list is written a little after it was shown
	var skipped Skipped
	for _, f := range names {
		if f.begun.After(to.Add(slack)) || f.begun.Add(hourly+slack).Before(from) {
			continue
		}
		n, err := readFile(filepath.Join(dir, f.name), from, to, visit)
		if skipped += n; err != nil && !errors.Is(err, os.ErrNotExist) { // it may just have expired
			return skipped, err
		}
	}
	return skipped, nil
}

func readFile(path string, from, to time.Time, visit func(r *Record) error) (skipped Skipped, err error) {
	err = eachLine(context.Background(), path, func(_ []byte, r *Record) error {
		switch {
		case r == nil:
			skipped++
		case !r.At.Before(from) && r.At.Before(to):
			return visit(r)
		}
		return nil
	})
	return skipped, err
}

// parse reads a line; ok is false of one that is torn or none of ours.
func parse(line []byte) (r *Record, ok bool) {
	var l lineJSON
	if !bytes.HasSuffix(line, []byte("}\n")) || json.Unmarshal(line, &l) != nil || l.ID == "" {
		return nil, false
	}
	r = &Record{ID: l.ID, At: l.At, Placement: l.Placement, Arm: l.Arm, User: l.User, Session: l.Session}
	for _, it := range l.Items {
		r.Items = append(r.Items, Shown{it.ID, it.Strategy, it.Propensity})
	}
	return r, true
}

package identity

import (
	"errors"
	"fmt"
	"io"

	"regulars/data"
)

// Link says that an alias, which is unique within its source, is a customer.
type Link struct {
	Source, Alias string
	UserID        string
	Dated         bool
	Micros        int64 // since when it is known, microseconds since 1970; only when Dated
}

// Key names the alias of a link.
type Key struct {
	Source string `json:"source"`
	Alias  string `json:"alias"`
}

// Key returns which alias the link is about.
func (l Link) Key() Key { return Key{l.Source, l.Alias} }

// Known reports whether the link may be used at asOf: an undated link always, a
// dated one when it lies before the day begins.
func (l Link) Known(asOf data.Day) bool { return !l.Dated || l.Micros < asOf.Micros() }

// ReadLinks reads every row of the identities table; schema is that of the
// reader, which stays open.
func ReadLinks(r data.Reader, schema data.Schema) ([]Link, error) {
	var at [4]int
	for i, name := range []string{"source", "alias", "user_id", "ts"} {
		if at[i] = schema.Index(name); at[i] < 0 {
			return nil, fmt.Errorf("table %s has no column %s", schema.Table, name)
		}
	}
	var links []Link
	rows := make([]data.Row, 1024)
	for {
		n, err := r.Read(rows)
		for _, row := range rows[:n] {
			ts := row[at[3]]
			links = append(links, Link{Source: row[at[0]].Str(), Alias: row[at[1]].Str(), UserID: row[at[2]].Str(),
				Dated: !ts.IsNull(), Micros: ts.Micros()})
		}
		if errors.Is(err, io.EOF) {
			return links, nil
		}
		if err != nil {
			return nil, fmt.Errorf("reading identities, after row %d: %w", len(links), err)
		}
	}
}

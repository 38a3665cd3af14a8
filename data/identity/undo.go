package identity

import (
	"bufio"
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
)

// Undone is the set of aliases whose links are not used any more. The zero value
// is empty and ready.
type Undone struct{ keys map[Key]bool }

// Add takes the links of an alias out of use and reports whether they were in it.
func (u *Undone) Add(k Key) bool {
	if u.keys[k] {
		return false
	}
	if u.keys == nil {
		u.keys = map[Key]bool{}
	}
	u.keys[k] = true
	return true
}

// Remove lets the links of an alias be used again and reports whether they were not.
func (u *Undone) Remove(k Key) bool {
	had := u.keys[k]
	delete(u.keys, k)
	return had
}

// Has reports whether the links of an alias are out of use.
func (u *Undone) Has(k Key) bool { return u.keys[k] }

// Keys returns the aliases, by source and alias.
func (u *Undone) Keys() []Key {
	return slices.SortedFunc(maps.Keys(u.keys), func(a, b Key) int {
		return cmp.Or(cmp.Compare(a.Source, b.Source), cmp.Compare(a.Alias, b.Alias))
	})
}

// Keep returns the links that are in use.
func (u *Undone) Keep(links []Link) []Link {
	return slices.DeleteFunc(slices.Clone(links), func(l Link) bool { return u.keys[l.Key()] })
}

// Write writes the set as JSON, one alias a line, sorted: ReadUndone reads it.
func (u *Undone) Write(w io.Writer) error {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	for _, k := range u.Keys() {
		if err := enc.Encode(k); err != nil {
			return fmt.Errorf("writing undone identities: %w", err)
		}
	}
	return nil
}

// ReadUndone reads what Write wrote. An error names the line.
func ReadUndone(r io.Reader) (*Undone, error) {
	u := &Undone{}
	in := bufio.NewReader(r)
	for n := 1; ; n++ {
		line, err := in.ReadBytes('\n')
		if err != nil && !errors.Is(err, io.EOF) {
			return nil, fmt.Errorf("reading undone identities: %w", err)
		}
		if len(bytes.TrimSpace(line)) > 0 {
			k, err := parseKey(line)
			if err != nil {
				return nil, fmt.Errorf("undone identities, line %d: %w", n, err)
			}
			u.Add(k)
		}
		if err != nil {
			return u, nil
		}
	}
}

func parseKey(line []byte) (Key, error) {
	var k Key
	dec := json.NewDecoder(bytes.NewReader(line))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&k); err != nil {
		return k, fmt.Errorf(`want {"source":"…","alias":"…"}: %w`, err)
	}
	if dec.More() {
		return k, errors.New("want one alias a line")
	}
	if k.Source == "" || k.Alias == "" {
		return k, errors.New("source and alias must not be empty")
	}
	return k, nil
}

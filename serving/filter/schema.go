package filter

import (
	"crypto/sha256"
	"fmt"
	"math"
	"time"
)

// Kind is what values a field has.
type Kind string

// Kinds of fields.
const (
	String  Kind = "string"
	Number  Kind = "number"
	Bool    Kind = "bool"
	Strings Kind = "strings" // a list of texts, such as tags
	Date    Kind = "date"    // a day, written as a text such as "2026-11-23"
)

// noun names a value of the kind in messages.
func (k Kind) noun() string {
	switch k {
	case Number:
		return "a number"
	case Bool:
		return "a yes or no"
	case Strings:
		return "a list of texts"
	case Date:
		return "a day"
	}
	return "a text"
}

// Field is something that a filter may ask about.
type Field struct {
	Name  string
	Kind  Kind
	Doc   string   // in English
	DocZh string   // in Chinese
	Also  []string // other names for it
}

// Set is what a field belongs to.
type Set int

// Sets of fields: a path begins with the name of one.
const (
	Item Set = iota
	User
	Score
	sets
)

var setNames = [sets]string{"item", "user", "score"}

func (s Set) String() string { return setNames[s] }

// Schema is the fields that filters may ask about. It does not change.
type Schema struct {
	fields [sets][]Field
	byName [sets]map[string]int
	key    [sha256.Size]byte // of names and kinds in their order: what a compiled filter depends on
}

// NewSchema returns a schema of the fields of items, customers and scores. A
// Row is asked by a field's place in its list. Of two fields of one name the
// first is meant, so that a shop's column never hides a field that is fixed.
func NewSchema(item, user, score []Field) (*Schema, error) {
	s := &Schema{fields: [sets][]Field{item, user, score}}
	hash := sha256.New()
	for set, fields := range s.fields {
		s.byName[set] = make(map[string]int, len(fields))
		for i, f := range fields {
			if err := f.check(); err != nil {
				return nil, fmt.Errorf("field %d of %s: %w", i+1, Set(set), err)
			}
			s.name(Set(set), i, f.Name)
		}
		for i, f := range fields {
			for _, other := range f.Also {
				s.name(Set(set), i, other)
			}
			fmt.Fprintf(hash, "%d %q %s %q\n", set, f.Name, f.Kind, f.Also)
		}
	}
	hash.Sum(s.key[:0])
	return s, nil
}

func (s *Schema) name(set Set, i int, name string) {
	if _, taken := s.byName[set][name]; !taken {
		s.byName[set][name] = i
	}
}

func (f Field) check() error {
	switch {
	case f.Name == "":
		return fmt.Errorf("it has no name")
	case f.Kind != String && f.Kind != Number && f.Kind != Bool && f.Kind != Strings && f.Kind != Date:
		return fmt.Errorf("%s is of an unknown kind %q", f.Name, f.Kind)
	}
	return nil
}

// Fields returns the fields of a set. The caller must not change them.
func (s *Schema) Fields(set Set) []Field { return s.fields[set] }

// sets names those that have fields.
func (s *Schema) sets() (names []string) {
	for set, fields := range s.fields {
		if len(fields) > 0 {
			names = append(names, setNames[set])
		}
	}
	return names
}

// Lookup returns the place of a field of a set by any of its names.
func (s *Schema) Lookup(set Set, name string) (int, bool) {
	i, ok := s.byName[set][name]
	return i, ok
}

// cacheKey names the filter that a source is by this schema.
func (s *Schema) cacheKey(source string) string { return string(s.key[:]) + source }

// Truth is a yes or no that may not be known.
type Truth uint8

// Truths; the zero value is not known.
const (
	Unknown Truth = iota
	No
	Yes
)

// Is returns the Truth of what is known.
func Is(yes bool) Truth {
	if yes {
		return Yes
	}
	return No
}

// Row is an item, a customer or their scores: the values of the fields of one
// set by their place in the schema. It is asked only by the method of the
// field's kind.
type Row interface {
	Number(field int) float64 // of a Number, and of a Date as DayOf gives it; NaN: not known
	Text(field int) string    // empty: not known
	Truth(field int) Truth
	Texts(field int) []string
}

// Rows is what a filter is asked of. Of a row that is nil nothing is known.
type Rows struct{ Item, User, Score Row }

func (r *Rows) of(set Set) Row {
	switch set {
	case Item:
		return r.Item
	case User:
		return r.User
	}
	return r.Score
}

var nan = math.NaN()

// DayOf returns the day that a moment lies in, in UTC, as the days since 1970,
// which is how a Row gives a Date.
func DayOf(t time.Time) float64 { return math.Floor(float64(t.Unix()) / (24 * 60 * 60)) }

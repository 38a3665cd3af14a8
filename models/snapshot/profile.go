package snapshot

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"unicode/utf8"
)

// Kind is what a Field holds.
type Kind uint8

// The kinds of fields. Null is the kind of a Value that is not known, never of
// a Field.
const (
	Null Kind = iota
	String
	Number
	Bool
	Time // microseconds since 1970 UTC, as a number
)

var kindNames = [...]string{"null", "string", "number", "bool", "time"}

func (k Kind) String() string {
	if int(k) < len(kindNames) {
		return kindNames[k]
	}
	return "unknown kind"
}

// MarshalText writes the kind's name.
func (k Kind) MarshalText() ([]byte, error) { return []byte(k.String()), nil }

// UnmarshalText reads the name of a kind that a field may have.
func (k *Kind) UnmarshalText(text []byte) error {
	for i, name := range kindNames {
		if i > 0 && name == string(text) {
			*k = Kind(i)
			return nil
		}
	}
	return fmt.Errorf("the kind %q is not known", text)
}

// Field describes a column that the manifest names: one of the customers'
// profile, or a further one of the items.
type Field struct {
	Name string `json:"name"`
	Kind Kind   `json:"kind"`
	Doc  string `json:"doc,omitempty"`
}

// Value is what a field holds of one customer or item. The zero Value is null.
type Value struct {
	Kind Kind    // that of the field, or Null
	Text string  // of a String
	Num  float64 // of a Number or Time, finite; 1 of a Bool that is true
}

// IsNull reports whether the value is not known.
func (v Value) IsNull() bool { return v.Kind == Null }

// Bool returns the truth of a Bool; null is false.
func (v Value) Bool() bool { return v.Kind == Bool && v.Num != 0 }

// StringValue returns a text.
func StringValue(s string) Value { return Value{Kind: String, Text: s} }

// NumberValue returns a number, or null where it is not finite.
func NumberValue(f float64) Value { return finiteValue(Number, f) }

// TimeValue returns an instant by its microseconds since 1970 UTC.
func TimeValue(us float64) Value { return finiteValue(Time, us) }

// BoolValue returns a truth.
func BoolValue(b bool) Value {
	if b {
		return Value{Kind: Bool, Num: 1}
	}
	return Value{Kind: Bool}
}

func finiteValue(kind Kind, f float64) Value {
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return Value{}
	}
	return Value{Kind: kind, Num: f}
}

// Alias is another id of a customer, and what system knows them by it.
type Alias struct{ Source, ID string }

// Limits of profiles.
const (
	maxFields  = 1024
	maxAliases = 1 << 12 // of one customer
	maxTags    = 1 << 12 // of one item
)

func checkFields(what string, fields []Field) error {
	if len(fields) > maxFields {
		return fmt.Errorf("%s has %d fields: at most %d fit", what, len(fields), maxFields)
	}
	seen := map[string]bool{}
	for _, f := range fields {
		if f.Name == "" || !utf8.ValidString(f.Name) || seen[f.Name] {
			return fmt.Errorf("%s: the field %q is named twice, or its name is empty or not UTF-8", what, f.Name)
		}
		if f.Kind == Null || int(f.Kind) >= len(kindNames) {
			return fmt.Errorf("%s: the field %q holds no kind of value that is known", what, f.Name)
		}
		seen[f.Name] = true
	}
	return nil
}

// checkValues refuses values that are not those of the fields: none, or one each.
func checkValues(values []Value, fields []Field) error {
	if len(values) != 0 && len(values) != len(fields) {
		return fmt.Errorf("%d values for %d fields", len(values), len(fields))
	}
	for i, v := range values {
		switch {
		case v.Kind == Null:
		case v.Kind != fields[i].Kind:
			return fmt.Errorf("the field %s holds a %s, not a %s", fields[i].Name, fields[i].Kind, v.Kind)
		case !utf8.ValidString(v.Text):
			return fmt.Errorf("the field %s holds a text that is not UTF-8", fields[i].Name)
		case math.IsNaN(v.Num) || math.IsInf(v.Num, 0):
			return fmt.Errorf("the field %s holds %v", fields[i].Name, v.Num)
		}
	}
	return nil
}

func checkAliases(list []Alias) error {
	if len(list) > maxAliases {
		return fmt.Errorf("%d aliases are more than the %d that fit", len(list), maxAliases)
	}
	for i, a := range list {
		if !utf8.ValidString(a.Source) || !validID(a.ID) {
			return errors.New("an alias or its source is not 1 to 512 bytes of UTF-8")
		}
		if i > 0 && !before(list[i-1], a) {
			return errors.New("aliases do not ascend by source and id")
		}
	}
	return nil
}

func before(a, b Alias) bool { return a.Source < b.Source || a.Source == b.Source && a.ID < b.ID }

// appendValues writes a value a field, all null where there are none:
//
//	string   uvarint length + 1, text; 0 = null
//	bool     byte 0 null, 1 false, 2 true
//	number   as the numbers of scores; not known = null
func appendValues(b []byte, values []Value, fields []Field) []byte {
	for i, f := range fields {
		var v Value
		if len(values) > 0 {
			v = values[i]
		}
		b = appendValue(b, v, f.Kind)
	}
	return b
}

func appendValue(b []byte, v Value, kind Kind) []byte {
	switch {
	case v.Kind != Null && kind == String:
		return append(binary.AppendUvarint(b, uint64(len(v.Text))+1), v.Text...)
	case v.Kind != Null && kind == Bool:
		return append(b, 1+byte(v.Num))
	case v.Kind != Null:
		return appendNumber(b, v.Num)
	}
	return append(b, 0) // in every kind
}

func (d *decoder) values(fields []Field) []Value {
	i := -1
	return many(len(fields), func() Value { i++; return d.value(fields[i]) })
}

func (d *decoder) value(f Field) Value {
	switch f.Kind {
	case String:
		if n := d.uvarint(); n > 0 {
			return StringValue(string(d.take(n - 1)))
		}
		return Value{}
	case Bool:
		n := d.byte()
		if n > 2 {
			d.fail(errors.New("a stored truth is neither true nor false"))
		}
		if n == 0 {
			return Value{}
		}
		return BoolValue(n == 2)
	}
	return finiteValue(f.Kind, d.number())
}

// skipValue steps over the value of a field of some kind.
func (d *decoder) skipValue(kind Kind) {
	switch kind {
	case String:
		if n := d.uvarint(); n > 0 {
			d.take(n - 1)
		}
	case Bool:
		d.byte()
	default:
		d.number()
	}
}

func appendAliases(b []byte, list []Alias) []byte {
	b = binary.AppendUvarint(b, uint64(len(list)))
	for _, a := range list {
		b = appendText(appendText(b, a.Source), a.ID)
	}
	return b
}

func (d *decoder) aliases() []Alias {
	n := d.uvarint()
	if n > maxAliases {
		d.fail(fmt.Errorf("a customer has %d aliases: at most %d fit", n, maxAliases))
		return nil
	}
	return many(int(n), func() Alias { return Alias{Source: d.text(), ID: d.text()} })
}

func appendTexts(b []byte, list []string) []byte {
	b = binary.AppendUvarint(b, uint64(len(list)))
	for _, s := range list {
		b = appendText(b, s)
	}
	return b
}

func (d *decoder) texts(most uint64) []string {
	n := d.uvarint()
	if n > most {
		d.fail(fmt.Errorf("a stored list has %d texts: at most %d fit", n, most))
		return nil
	}
	return many(int(n), d.text)
}

package api

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// A field is a name that the object in a body may hold, and where its value goes.
type field struct {
	name string
	into any // pointer
}

// decodeBody reads a body that must be one JSON object with no other fields
// than these. It is stricter than encoding/json, which takes "K" for "k",
// lets the second of two equal names win and mends broken UTF-8: each of them
// is a mistake that the caller wants to hear of.
func decodeBody(r io.Reader, fields []field) error {
	body, err := readBody(r)
	if err != nil {
		return err
	}
	d := json.NewDecoder(bytes.NewReader(body))
	if open, err := d.Token(); err != nil || open != json.Delim('{') {
		return badRequest("the body is not a JSON object")
	}
	var seen []string
	for d.More() {
		name, err := fieldName(d)
		if err != nil {
			return err
		}
		if slices.Contains(seen, name) {
			return badRequest("field %q is given twice: once is enough", clip(name))
		}
		seen = append(seen, name)
		if err := decodeField(d, name, fields); err != nil {
			return err
		}
	}
	return nil
}

// readBody returns a body that is well-formed JSON as a whole.
func readBody(r io.Reader) ([]byte, error) {
	body, err := io.ReadAll(r)
	var large *http.MaxBytesError
	switch {
	case errors.As(err, &large):
		return nil, newProblem(http.StatusRequestEntityTooLarge, "the body has more than %d bytes", large.Limit)
	case err != nil:
		return nil, badRequest("the body ended before it was whole")
	case len(bytes.TrimSpace(body)) == 0:
		return nil, badRequest("the body is empty: it must hold a JSON object")
	case !utf8.Valid(body):
		return nil, badRequest("the body is not valid UTF-8 at byte %d", validUTF8(body)+1)
	}
	var whole json.RawMessage
	if err := json.Unmarshal(body, &whole); err != nil {
		var at *json.SyntaxError
		if !errors.As(err, &at) {
			return nil, err
		}
		return nil, badRequest("the body is not JSON at byte %d: %s", at.Offset, at)
	}
	if at := halfCharacter(body); at >= 0 {
		return nil, badRequest("the body has half a character at byte %d: escapes from \\ud800 to \\udfff go in pairs", at+1)
	}
	return body, nil
}

// halfCharacter returns where well-formed JSON escapes half of a surrogate pair,
// and -1 where it does nowhere. encoding/json reads each such half as U+FFFD, so
// that ids which differ would be one.
func halfCharacter(body []byte) int {
	for i := bytes.IndexByte(body, '\\'); i >= 0; {
		length := escapeLength(body[i:])
		if length == 0 {
			return i
		}
		next := bytes.IndexByte(body[i+length:], '\\')
		if next < 0 {
			break
		}
		i += length + next
	}
	return -1
}

// escapeLength returns how many bytes the escaped character at the beginning of
// well-formed JSON takes, and 0 where it is half a character.
func escapeLength(b []byte) int {
	if b[1] != 'u' {
		return 2
	}
	first := utf16Unit(b)
	switch {
	case !utf16.IsSurrogate(first):
		return 6
	case len(b) >= 12 && b[6] == '\\' && b[7] == 'u' && utf16.DecodeRune(first, utf16Unit(b[6:])) != utf8.RuneError:
		return 12
	}
	return 0
}

// utf16Unit reads an escape such as \ud83d.
func utf16Unit(b []byte) rune {
	n, _ := strconv.ParseUint(string(b[2:6]), 16, 16) // well-formed
	return rune(n)
}

// validUTF8 returns how many bytes at the beginning of b are valid.
func validUTF8(b []byte) (n int) {
	for n < len(b) {
		r, size := utf8.DecodeRune(b[n:])
		if r == utf8.RuneError && size == 1 {
			break
		}
		n += size
	}
	return n
}

func fieldName(d *json.Decoder) (string, error) {
	t, err := d.Token()
	name, ok := t.(string)
	if err != nil || !ok {
		return "", errors.Join(errors.New("a field of a well-formed object has no name"), err)
	}
	return name, nil
}

func decodeField(d *json.Decoder, name string, fields []field) error {
	i := slices.IndexFunc(fields, func(f field) bool { return f.name == name })
	if i < 0 {
		return badRequest("unknown field %q at byte %d: the body may hold %s", clip(name), d.InputOffset(), fieldNames(fields))
	}
	var value json.RawMessage
	if err := d.Decode(&value); err != nil {
		return err
	}
	err := json.Unmarshal(value, fields[i].into)
	if err == nil {
		return nil
	}
	var wrong *json.UnmarshalTypeError
	if !errors.As(err, &wrong) {
		return err
	}
	start := d.InputOffset() - int64(len(value))
	return badRequest("%s: the %s near byte %d is not %s", name, wrong.Value, start+wrong.Offset, inWords(wrong.Type))
}

func fieldNames(fields []field) string {
	if len(fields) == 0 {
		return "none"
	}
	names := make([]string, len(fields))
	for i, f := range fields {
		names[i] = f.name
	}
	return strings.Join(names, ", ")
}

// inWords names a type of Go as a user of the API would.
func inWords(t reflect.Type) string {
	switch t.Kind() {
	case reflect.Slice:
		if t.Elem().Kind() == reflect.String {
			return "a list of texts"
		}
		return "a list"
	case reflect.Int:
		return "a whole number"
	case reflect.Bool:
		return "true or false"
	}
	return "a text"
}

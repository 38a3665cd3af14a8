package lake

import (
	"encoding/json"
	"strconv"
	"strings"
	"time"

	"regulars/data"
)

// RowJSON returns a row as a JSON object with the given names, in order; a
// value without a JSON form, such as NaN, is written as a string. Rows without
// a value for a name leave it out.
func RowJSON(names []string, row data.Row) string {
	b := make([]byte, 0, 64+32*len(names))
	b = append(b, '{')
	for i, name := range names {
		if i >= len(row) {
			break
		}
		if i > 0 {
			b = append(b, ',')
		}
		b = append(appendJSON(b, name), ':')
		b = appendJSONValue(b, row[i])
	}
	return string(append(b, '}'))
}

func appendJSONValue(b []byte, v data.Value) []byte {
	switch v.Kind() {
	case data.KindString:
		return appendJSON(b, v.Str())
	case data.KindInt:
		return strconv.AppendInt(b, v.Int(), 10)
	case data.KindBool:
		return strconv.AppendBool(b, v.Bool())
	case data.KindTime:
		return appendJSON(b, v.Time().Format(time.RFC3339Nano))
	case data.KindMoney:
		return append(b, v.Money().String()...)
	case data.KindFloat:
		return appendJSONFloat(b, v.Float())
	case data.KindList:
		b = append(b, '[')
		for i, s := range v.List() {
			if i > 0 {
				b = append(b, ',')
			}
			b = appendJSON(b, s)
		}
		return append(b, ']')
	}
	return append(b, "null"...)
}

func appendJSONFloat(b []byte, f float64) []byte {
	text, err := json.Marshal(f)
	if err != nil { // NaN and infinities
		return appendJSON(b, strconv.FormatFloat(f, 'g', -1, 64))
	}
	return append(b, text...)
}

// appendJSON quotes a string; what is not valid UTF-8 becomes U+FFFD.
func appendJSON(b []byte, s string) []byte {
	if plain(s) {
		return append(append(append(b, '"'), s...), '"')
	}
	var text strings.Builder
	enc := json.NewEncoder(&text)
	enc.SetEscapeHTML(false)
	_ = enc.Encode(s) // a string always has a JSON form, and a Builder takes it
	return append(b, strings.TrimSuffix(text.String(), "\n")...)
}

// plain reports whether a string needs no escape: printable ASCII.
func plain(s string) bool {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c > '~' || c == '"' || c == '\\' {
			return false
		}
	}
	return true
}

package api

import (
	"encoding/json"
	"math"
	"strconv"
	"unicode/utf8"
)

// appendJSON writes what encoding/json would write, byte for byte, in a fraction
// of the time: lists are most of what the server answers.
func (l *listJSON) appendJSON(b []byte) []byte {
	b = append(b, '{')
	b = appendGiven(b, "user_id", l.UserID)
	b = appendGiven(b, "item_id", l.ItemID)
	b = append(b, `"items":[`...)
	for i := range l.Items {
		if i > 0 {
			b = append(b, ',')
		}
		b = l.Items[i].appendJSON(b)
	}
	b = append(b, `],`...)
	b = appendGivenList(b, "unknown_items", l.UnknownItems)
	if l.Fallback != nil {
		b = append(strconv.AppendBool(append(b, `"fallback":`...), *l.Fallback), ',')
	}
	b = appendGiven(b, "recommendation_id", l.RecommendationID)
	b = appendGiven(b, "arm", l.Arm)
	b = appendGivenList(b, "relaxed_rules", l.RelaxedRules)
	b = appendText(append(b, `"as_of":`...), l.AsOf)
	b = appendText(append(b, `,"model_version":`...), l.ModelVersion)
	return append(b, '}')
}

func (it *itemJSON) appendJSON(b []byte) []byte {
	b = appendText(append(b, `{"item_id":`...), it.ItemID)
	b = appendFloat32(append(b, `,"score":`...), it.Score)
	b = appendText(append(b, `,"strategy":`...), it.Strategy)
	b = append(appendText(append(b, `,"reason":`...), it.Reason), ',')
	if r := it.Because; r != nil {
		b = append(appendText(append(b, `"because":{"kind":`...), r.Kind), ',')
		b = appendGiven(b, "item_id", r.ItemID)
		b = appendGiven(b, "title", r.Title)
		if r.Days != 0 {
			b = append(strconv.AppendInt(append(b, `"days":`...), int64(r.Days), 10), ',')
		}
		b = append(closed(appendGiven(b, "name", r.Name)), ',')
	}
	return closed(appendGivenList(b, "rules", it.Rules))
}

// closed ends an object, of which every field was followed by a comma.
func closed(b []byte) []byte {
	b[len(b)-1] = '}'
	return b
}

// appendGiven writes a field with a comma behind it, unless it is empty.
func appendGiven(b []byte, name, value string) []byte {
	if value == "" {
		return b
	}
	b = append(append(append(b, '"'), name...), `":`...)
	return append(appendText(b, value), ',')
}

func appendGivenList(b []byte, name string, values []string) []byte {
	if len(values) == 0 {
		return b
	}
	b = append(append(append(b, '"'), name...), `":[`...)
	for i, value := range values {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendText(b, value)
	}
	return append(b, `],`...)
}

// appendText writes a text as encoding/json does. What needs escaping is left to it.
func appendText(b []byte, s string) []byte {
	if !isPlain(s) {
		text, err := json.Marshal(s)
		if err != nil {
			panic(err) // a text always has a form
		}
		return append(b, text...)
	}
	return append(append(append(b, '"'), s...), '"')
}

// isPlain reports whether encoding/json writes a text as it is.
func isPlain(s string) bool {
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c >= utf8.RuneSelf:
			return isPlainUnicode(s[i:])
		case c < ' ' || c == '"' || c == '\\' || c == '<' || c == '>' || c == '&':
			return false
		}
	}
	return true
}

func isPlainUnicode(s string) bool {
	for i, r := range s {
		switch r {
		case '"', '\\', '<', '>', '&', '\u2028', '\u2029':
			return false
		case utf8.RuneError:
			if _, size := utf8.DecodeRuneInString(s[i:]); size == 1 {
				return false
			}
		}
		if r < ' ' {
			return false
		}
	}
	return true
}

// appendFloat32 writes a finite number as encoding/json does.
func appendFloat32(b []byte, f float32) []byte {
	size := float32(math.Abs(float64(f)))
	return appendFloat(b, float64(f), size != 0 && (size < 1e-6 || size >= 1e21), 32)
}

func appendFloat64(b []byte, f float64) []byte {
	size := math.Abs(f)
	return appendFloat(b, f, size != 0 && (size < 1e-6 || size >= 1e21), 64)
}

// appendFloat writes the form of ES6: with an exponent only below 1e-6 and from
// 1e21, without a zero in front of it.
func appendFloat(b []byte, f float64, exponent bool, bits int) []byte {
	if !exponent {
		return strconv.AppendFloat(b, f, 'f', -1, bits)
	}
	b = strconv.AppendFloat(b, f, 'e', -1, bits)
	if n := len(b); n >= 4 && b[n-4] == 'e' && b[n-3] == '-' && b[n-2] == '0' {
		b[n-2] = b[n-1]
		b = b[:n-1]
	}
	return b
}

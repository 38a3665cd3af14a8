package filter

import (
	"fmt"
	"regexp"
	"strings"
)

// instead says what to write for what people bring from SQL and from office
// programs, by the token that the parser stumbles over, in small letters.
var instead = map[string]string{
	"=":       "two values are compared with ==, or with <= and >=",
	">":       "unequal is !=",
	"and":     "and is written in small letters",
	"or":      "or is written in small letters",
	"in":      "in is written in small letters",
	"like":    "texts are searched with contains, startsWith, endsWith and matches",
	"between": "write x >= 1 and x <= 2",
	"is":      "known(x) and unknown(x) ask whether a field has a value",
	",":       "a list stands in [ ], and a fraction behind a point",
}

var (
	unexpected = regexp.MustCompile(`^unexpected token \w+\("(.*)"\)$`)
	curly      = regexp.MustCompile("[“”„‘’«»＂＇]")
)

// reworded says what the parser says in other words, and what to write instead
// where that can be guessed.
func reworded(message string) string {
	if curly.MatchString(message) {
		return message + `: quotation marks are " or '`
	}
	m := unexpected.FindStringSubmatch(message)
	if m == nil {
		return strings.ReplaceAll(message, "unexpected token EOF", "it ends too early")
	}
	message = fmt.Sprintf("%q is not expected here", m[1])
	if hint, ok := instead[strings.ToLower(m[1])]; ok {
		message += ": " + hint
	}
	return message
}

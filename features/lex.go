package features

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

type tokenKind uint8

const (
	tokenWord   tokenKind = iota // identifier or keyword, lower case
	tokenNumber                  // digits, with point and exponent
	tokenString                  // 'text', quotes kept
	tokenQuoted                  // "name" or `name`, quotes kept
	tokenSymbol                  // anything else; :: and // are one token each
)

type token struct {
	kind tokenKind
	text string
	line int
	at   int // byte in the text
}

// lex splits SQL into tokens, without comments. Whatever is not closed (a
// string, a comment) reaches to the end of the text: the engine will refuse it.
func lex(text string) []token {
	var tokens []token
	line, at := 1, 0
	for len(text) > 0 {
		n, kind, keep := scan(text)
		if keep {
			word := text[:n]
			if kind == tokenWord {
				word = strings.ToLower(word)
			}
			tokens = append(tokens, token{kind, word, line, at})
		}
		line += strings.Count(text[:n], "\n")
		text, at = text[n:], at+n
	}
	return tokens
}

// scan measures what text, which is not empty, begins with; keep is false for
// blanks and comments.
func scan(text string) (n int, kind tokenKind, keep bool) {
	r, size := utf8.DecodeRuneInString(text)
	switch {
	case unicode.IsSpace(r):
		return size, 0, false
	case strings.HasPrefix(text, "--"):
		return until(text, 2, "\n"), 0, false
	case strings.HasPrefix(text, "/*"):
		return until(text, 2, "*/"), 0, false
	case r == '\'':
		return until(text, 1, "'"), tokenString, true
	case r == '"' || r == '`':
		return until(text, 1, string(r)), tokenQuoted, true
	case unicode.IsDigit(r):
		return run(text, func(r rune) bool { return unicode.IsDigit(r) || r == '.' || r == 'e' || r == 'E' }), tokenNumber, true
	case isWord(r):
		return run(text, isWord), tokenWord, true
	case strings.HasPrefix(text, "::") || strings.HasPrefix(text, "//"):
		return 2, tokenSymbol, true
	}
	return size, tokenSymbol, true
}

func isWord(r rune) bool { return r == '_' || r == '$' || unicode.IsLetter(r) || unicode.IsDigit(r) }

// until returns the length of text up to and with the first end after skip bytes.
func until(text string, skip int, end string) int {
	if i := strings.Index(text[skip:], end); i >= 0 {
		return skip + i + len(end)
	}
	return len(text)
}

func run(text string, in func(rune) bool) int {
	if i := strings.IndexFunc(text, func(r rune) bool { return !in(r) }); i >= 0 {
		return i
	}
	return len(text)
}

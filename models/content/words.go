package content

import (
	"strings"
	"unicode"
)

// words returns the terms of a title: its words of two or more letters or
// digits in lower case. Scripts that are written without spaces (Chinese,
// Japanese) are cut into pairs of neighbouring characters; a lone character is
// a term of its own. Full-width forms are the same as plain ones.
func words(text string) []string {
	var out []string
	var run []rune
	dense := false
	flush := func() {
		out = appendRun(out, run, dense)
		run = run[:0]
	}
	for _, r := range text {
		r = fold(r)
		if !unicode.IsLetter(r) && !unicode.IsDigit(r) && !unicode.IsMark(r) && r != '_' {
			flush()
			continue
		}
		if d := unspaced(r); d != dense {
			flush()
			dense = d
		}
		run = append(run, r)
	}
	flush()
	return out
}

func appendRun(out []string, run []rune, dense bool) []string {
	switch {
	case len(run) == 0:
	case dense && len(run) == 1:
		out = append(out, string(run))
	case dense:
		for i := 1; i < len(run); i++ {
			out = append(out, string(run[i-1:i+1]))
		}
	case len(run) > 1:
		out = append(out, string(run))
	}
	return out
}

func unspaced(r rune) bool {
	return unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana)
}

// fold maps full-width ASCII (U+FF01 to U+FF5E) to ASCII, and to lower case.
func fold(r rune) rune {
	if r >= 0xFF01 && r <= 0xFF5E {
		r -= 0xFEE0
	}
	return unicode.ToLower(r)
}

// name is a category, brand or tag as it is compared: without outer space and
// in one case. "" means that there is none.
func name(text string) string {
	return strings.ToLower(strings.TrimSpace(text))
}

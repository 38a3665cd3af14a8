package filter

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"
)

// Error says what is wrong with a filter, and where.
type Error struct {
	Message string
	Line    int // from 1
	Column  int // in characters, from 1
	// Excerpt is the line, cut around the place if it is long, and below it a
	// caret that points at the place.
	Excerpt string
}

// Error returns message, place and excerpt on three lines.
func (e *Error) Error() string {
	return fmt.Sprintf("%s (line %d, column %d)\n%s", e.Message, e.Line, e.Column, e.Excerpt)
}

// errorAt points at the character numbered at, from 0.
func errorAt(source string, at int, format string, args ...any) *Error {
	e := &Error{Message: fmt.Sprintf(format, args...), Line: 1, Column: 1}
	line := []rune(strings.ToValidUTF8(source, "�"))
	at = max(0, min(at, len(line)))
	for i := slices.Index(line[:at], '\n'); i >= 0; i = slices.Index(line[:at], '\n') {
		line, at = line[i+1:], at-i-1
		e.Line++
	}
	if end := slices.Index(line, '\n'); end >= 0 {
		line = line[:end]
	}
	e.Column = at + 1
	e.Excerpt = excerpt(line, at)
	return e
}

// around is how many characters of a long line an excerpt shows on either side.
const around = 50

func excerpt(line []rune, at int) string {
	from, to := max(0, at-around), min(len(line), at+around)
	var text, below strings.Builder
	if from > 0 {
		text.WriteRune('…')
		below.WriteByte(' ')
	}
	for i, r := range line[from:to] {
		if r < ' ' {
			r = ' '
		}
		text.WriteRune(r)
		if from+i < at {
			below.WriteRune(blank(r))
		}
	}
	if to < len(line) {
		text.WriteRune('…')
	}
	return text.String() + "\n" + below.String() + "^"
}

// blank is as wide as the character is where all are of one width, and Chinese
// ones of two.
func blank(r rune) rune {
	if r >= 0x1100 {
		return '　'
	}
	return ' '
}

// nearest returns the name that a misspelt one was likely meant to be, or "".
func nearest(name string, names []string) string {
	best, least := "", max(1, utf8.RuneCountInString(name)/3)+1
	for _, n := range names {
		if d := distance(strings.ToLower(name), strings.ToLower(n)); d < least {
			best, least = n, d
		}
	}
	return best
}

// distance is how many letters must be put in, taken out or changed to make one
// word of the other (Levenshtein 1966).
func distance(a, b string) int {
	to := []rune(b)
	row := make([]int, len(to)+1)
	for j := range row {
		row[j] = j
	}
	i := 0
	for _, from := range a {
		diagonal := row[0]
		i++
		row[0] = i
		for j, r := range to {
			change := diagonal
			if from != r {
				change++
			}
			diagonal = row[j+1]
			row[j+1] = min(change, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(to)]
}

package filter

import (
	"fmt"
	"math/bits"
	"regexp"
	"regexp/syntax"
	"strings"
)

// compilePattern compiles a pattern and tells its size. One that is longer than
// room is refused: matching takes time in proportion to the length of the text
// times that of the pattern, in which every repetition is written out.
func compilePattern(pattern string, room int) (re *regexp.Regexp, size int, err error) {
	tree, err := syntax.Parse(pattern, syntax.Perl)
	if err != nil {
		return nil, 0, fmt.Errorf("the pattern cannot be read: %s", strings.TrimPrefix(err.Error(), "error parsing regexp: "))
	}
	if size = patternSize(tree); size > room {
		return nil, size, fmt.Errorf("the pattern is too long: written out without repetitions it has %d steps, and all patterns of a filter together may have %d", size, maxPattern)
	}
	re, err = regexp.Compile(pattern)
	return re, size, err
}

// patternSize is about how many instructions a pattern becomes.
func patternSize(re *syntax.Regexp) int {
	size := 1
	switch re.Op {
	case syntax.OpCharClass:
		size += bits.Len(uint(len(re.Rune))) // its ranges are looked up by halves
	default:
		size += len(re.Rune)
	}
	for _, sub := range re.Sub {
		size += patternSize(sub)
	}
	if re.Op == syntax.OpRepeat {
		size *= max(1, re.Min, re.Max)
	}
	return size
}

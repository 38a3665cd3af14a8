package filter

import (
	"fmt"
	"regexp"
	"regexp/syntax"
	"strings"
)

// compilePattern refuses a pattern that would take long: matching takes time in
// proportion to the length of the text times that of the pattern, in which every
// repetition is written out.
func compilePattern(pattern string) (*regexp.Regexp, error) {
	tree, err := syntax.Parse(pattern, syntax.Perl)
	if err != nil {
		return nil, fmt.Errorf("the pattern cannot be read: %s", strings.TrimPrefix(err.Error(), "error parsing regexp: "))
	}
	if size := patternSize(tree); size > maxPattern {
		return nil, fmt.Errorf("the pattern is too long: written out without repetitions it has %d steps, and at most %d are allowed", size, maxPattern)
	}
	return regexp.Compile(pattern)
}

// patternSize is about how many instructions a pattern becomes.
func patternSize(re *syntax.Regexp) int {
	size := 1 + len(re.Rune)
	for _, sub := range re.Sub {
		size += patternSize(sub)
	}
	if re.Op == syntax.OpRepeat {
		size *= max(1, re.Min, re.Max)
	}
	return size
}

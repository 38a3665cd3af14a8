package filter

import (
	"regexp"
	"slices"
)

// fieldValue reads a field of a row.
func fieldValue(set Set, i int, kind Kind) value {
	v := value{kind: kind, uses: 1 << set}
	switch kind {
	case Number, Date:
		x := fieldNumber(set, i)
		v.number, v.known = x, func(r *Rows) Truth { n := x(r); return Is(n == n) }
	case Bool:
		x := fieldTruth(set, i)
		v.truth, v.known = x, func(r *Rows) Truth { return Is(x(r) != Unknown) }
	case Strings:
		x := fieldTexts(set, i)
		v.texts, v.known = x, func(r *Rows) Truth { return Is(len(x(r)) > 0) }
	default:
		x := fieldText(set, i)
		v.text, v.known = x, func(r *Rows) Truth { return Is(x(r) != "") }
	}
	return v
}

func fieldNumber(set Set, i int) number {
	return func(r *Rows) float64 {
		if row := r.of(set); row != nil {
			return row.Number(i)
		}
		return nan
	}
}

func fieldText(set Set, i int) text {
	return func(r *Rows) string {
		if row := r.of(set); row != nil {
			return row.Text(i)
		}
		return ""
	}
}

func fieldTexts(set Set, i int) texts {
	return func(r *Rows) []string {
		if row := r.of(set); row != nil {
			return row.Texts(i)
		}
		return nil
	}
}

func fieldTruth(set Set, i int) truth {
	return func(r *Rows) Truth {
		if row := r.of(set); row != nil {
			return row.Truth(i)
		}
		return Unknown
	}
}

func not(x truth) truth {
	return func(r *Rows) Truth {
		switch x(r) {
		case Yes:
			return No
		case No:
			return Yes
		}
		return Unknown
	}
}

func and(a, b truth) truth {
	return func(r *Rows) Truth {
		x := a(r)
		if x == No {
			return No
		}
		if y := b(r); y != Yes {
			return y
		}
		return x
	}
}

func or(a, b truth) truth {
	return func(r *Rows) Truth {
		x := a(r)
		if x == Yes {
			return Yes
		}
		if y := b(r); y != No {
			return y
		}
		return x
	}
}

func compareTruths(equal bool, a, b truth) truth {
	return func(r *Rows) Truth {
		x, y := a(r), b(r)
		if x == Unknown || y == Unknown {
			return Unknown
		}
		return Is((x == y) == equal)
	}
}

// holds has a function for every operator of comparison.
func holds[T float64 | string](operator string) func(a, b T) bool {
	switch operator {
	case "==":
		return func(a, b T) bool { return a == b }
	case "!=":
		return func(a, b T) bool { return a != b }
	case "<":
		return func(a, b T) bool { return a < b }
	case "<=":
		return func(a, b T) bool { return a <= b }
	case ">":
		return func(a, b T) bool { return a > b }
	}
	return func(a, b T) bool { return a >= b }
}

func compareNumbers(operator string, a, b number) truth {
	holds := holds[float64](operator)
	return func(r *Rows) Truth {
		x, y := a(r), b(r)
		if x != x || y != y {
			return Unknown
		}
		return Is(holds(x, y))
	}
}

// compareWith compares with a number that is written out, which is what filters
// mostly do.
func compareWith(operator string, a number, y float64) truth {
	holds := holds[float64](operator)
	return func(r *Rows) Truth {
		x := a(r)
		if x != x || y != y {
			return Unknown
		}
		return Is(holds(x, y))
	}
}

func compareTexts(operator string, a, b text) truth {
	holds := holds[string](operator)
	return func(r *Rows) Truth {
		x, y := a(r), b(r)
		if x == "" || y == "" {
			return Unknown
		}
		return Is(holds(x, y))
	}
}

func searchText(a, b text, find func(s, part string) bool) truth {
	return func(r *Rows) Truth {
		x, y := a(r), b(r)
		if x == "" || y == "" {
			return Unknown
		}
		return Is(find(x, y))
	}
}

func matchText(a text, re *regexp.Regexp) truth {
	return func(r *Rows) Truth {
		x := a(r)
		if x == "" {
			return Unknown
		}
		return Is(re.MatchString(x))
	}
}

func inWords(a text, words map[string]bool) truth {
	return func(r *Rows) Truth {
		x := a(r)
		if x == "" {
			return Unknown
		}
		return Is(words[x])
	}
}

func inNumbers(a number, numbers map[float64]bool) truth {
	return func(r *Rows) Truth {
		x := a(r)
		if x != x {
			return Unknown
		}
		return Is(numbers[x])
	}
}

func inTexts(a text, list texts) truth {
	return func(r *Rows) Truth {
		x := a(r)
		if x == "" {
			return Unknown
		}
		return Is(slices.Contains(list(r), x))
	}
}

// compute calculates; what is divided by zero is not known.
func compute(operator string, a, b number) number {
	switch operator {
	case "+":
		return func(r *Rows) float64 { return a(r) + b(r) }
	case "-":
		return func(r *Rows) float64 { return a(r) - b(r) }
	case "*":
		return func(r *Rows) float64 { return a(r) * b(r) }
	}
	return func(r *Rows) float64 {
		y := b(r)
		if y == 0 {
			return nan
		}
		return a(r) / y
	}
}

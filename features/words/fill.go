package words

import (
	"math"
	"strconv"
	"strings"
)

// fill puts values into a text. A place for a value is {form} for the feature's
// own and {1:form} for that of the first companion, and so on; forms are those
// of Style.form. What stands in [brackets] is left out unless all values that it
// mentions are known.
func (s Style) fill(text string, values []float64) string {
	var b strings.Builder
	text = withKnown(text, values)
	for {
		plain, rest, ok := strings.Cut(text, "{")
		b.WriteString(plain)
		if !ok {
			return b.String()
		}
		place, after, _ := strings.Cut(rest, "}")
		b.WriteString(s.place(place, values))
		text = after
	}
}

// withKnown takes the brackets away, and with them those clauses that mention a
// value that is not known.
func withKnown(text string, values []float64) string {
	var b strings.Builder
	for {
		plain, rest, ok := strings.Cut(text, "[")
		b.WriteString(plain)
		if !ok {
			return b.String()
		}
		clause, after, _ := strings.Cut(rest, "]")
		if allKnown(clause, values) {
			b.WriteString(clause)
		}
		text = after
	}
}

func allKnown(clause string, values []float64) bool {
	for i, x := range values {
		if unknown(x) && strings.Contains(clause, "{"+strconv.Itoa(i)+":") {
			return false
		}
	}
	return true
}

func (s Style) place(place string, values []float64) string {
	if i, form, ok := strings.Cut(place, ":"); ok {
		return s.form(form, values[i[0]-'0'])
	}
	return s.form(place, values[0])
}

// form writes a value:
//
//	n          82, 1,250, 2.6
//	day|days   that number and the English noun that goes with it
//	money      £41.20
//	share      25%
//	times      2.6 times, 2.6 倍
//	apart      how far from 1: 7% for 0.93 and for 1.07
//	hour       14:00 for 14
//	more       of orders: 2 more than, 2 fewer than, as many as; 多 2 单, 少 2 单, 持平
//	above      of money: £5.00 more than, …, as much as; 多 £5.00, …, 持平
//	spread n   of an entropy: how many equal parts have it; any count may follow
func (s Style) form(form string, x float64) string {
	if rest, ok := strings.CutPrefix(form, "spread "); ok {
		return s.form(rest, equalParts(x))
	}
	if one, many, ok := strings.Cut(form, "|"); ok {
		return count(one, many, x)
	}
	switch form {
	case "n":
		return number(x)
	case "money":
		return s.money(x)
	case "share":
		return s.share(x)
	case "times":
		return s.times(x)
	case "apart":
		return s.share(math.Abs(x - 1))
	case "hour":
		return hour(x)
	case "more":
		return s.more(x)
	case "above":
		return s.above(x)
	}
	return "{" + form + "}" // which no text of this package has, and tests see
}

package words

import (
	"math"
	"slices"
	"strings"
)

// A Style is how a sentence is worded. Languages are "en" and "zh"; another one
// counts as "en".
type Style struct {
	Lang     string
	Currency string // that amounts of money are in, such as GBP; may be empty
}

// template words one feature.
type template struct {
	with   []string // other features whose values the texts mention
	pivot  float64  // the value that wording.at is for: 0, or 1 for a comparison
	en, zh wording
}

// wording is what is said in one language. Where at or below is empty, some is
// said; where unknown is, that what is named is not known.
type wording struct {
	name    string // for tables and charts
	some    string // of any value, or of one above the pivot
	at      string // of the pivot itself; of a boolean, false
	none    string // of the pivot itself where the companions are known to be 0: nothing is compared with nothing
	below   string // of less than the pivot; a negative value loses its sign
	unknown string
}

// Known reports whether a feature has a sentence of its own.
func Known(feature string) bool { _, ok := templates[feature]; return ok }

// With names the other features whose values the sentence of a feature needs,
// in the order in which Sentence takes them. The slice is not to be changed.
func With(feature string) []string { return templates[feature].with }

// Name names a feature in a few words, for a table or a chart: "days since the
// last order". A feature that is not Known keeps the name it has.
func (s Style) Name(feature string) string {
	t, ok := templates[feature]
	if !ok {
		return feature
	}
	return s.wording(t).name
}

// Sentence words what a feature says of a customer: values[0] is its own value,
// the others are those of With; NaN = not known, and so is an infinite value. A
// boolean is 1 or 0. The sentence has no capital and no full stop. A feature that
// is not Known, or another number of values, gives "".
func (s Style) Sentence(feature string, values []float64) string {
	t, ok := templates[feature]
	if !ok || len(values) != 1+len(t.with) {
		return ""
	}
	w, x := s.wording(t), values[0]
	switch {
	case unknown(x):
		return s.unknown(w)
	case x == t.pivot && w.none != "" && allZero(values[1:]):
		return w.none
	case x == t.pivot && w.at != "":
		return s.fill(w.at, values)
	case x < t.pivot && w.below != "":
		values = slices.Clone(values)
		values[0] = math.Abs(x)
		return s.fill(w.below, values)
	}
	return s.fill(w.some, values)
}

func allZero(values []float64) bool {
	return !slices.ContainsFunc(values, func(x float64) bool { return x != 0 })
}

// longestDoc bounds what Plain repeats of a documentation, in characters.
const longestDoc = 80

// Plain words a feature that has no sentence of its own, such as one of the
// shop's own definitions, by what documents it: "Visits to the shop: 3 days". Of
// a long documentation it takes the beginning; without any, the name. The unit is
// as in a feature file; NaN = not known.
func (s Style) Plain(name, doc, unit string, value float64) string {
	about := strings.TrimRight(strings.Join(strings.Fields(doc), " "), ".。")
	if about == "" {
		about = strings.ReplaceAll(name, "_", " ")
	}
	if r := []rune(about); len(r) > longestDoc {
		about = strings.TrimSpace(string(r[:longestDoc-1])) + "…"
	}
	return about + s.say(": ", "：") + s.plainValue(unit, value)
}

func (s Style) plainValue(unit string, value float64) string {
	if unknown(value) {
		return s.say("not known", "未知")
	}
	switch unit {
	case "currency":
		return s.money(value)
	case "days":
		return s.say(count("day", "days", value), number(value)+" 天")
	case "orders":
		return s.say(count("order", "orders", value), number(value)+" 单")
	case "ratio", "-", "":
		return number(value)
	}
	return number(value) + " " + unit
}

func (s Style) unknown(w wording) string {
	if w.unknown != "" {
		return w.unknown
	}
	return w.name + s.say(" not known", "未知")
}

func (s Style) wording(t template) wording {
	if s.Lang == "zh" {
		return t.zh
	}
	return t.en
}

// say picks one of two texts.
func (s Style) say(en, zh string) string {
	if s.Lang == "zh" {
		return zh
	}
	return en
}

func unknown(x float64) bool { return math.IsNaN(x) || math.IsInf(x, 0) }

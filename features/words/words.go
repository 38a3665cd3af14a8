package words

import (
	"fmt"
	"math"
	"strconv"
)

// A Style is how a sentence is worded. Languages are "en" and "zh"; another one
// counts as "en".
type Style struct {
	Lang     string
	Currency string // that amounts of money are in, such as GBP; may be empty
}

// template words one feature.
type template struct {
	with   []string // other features whose values the sentence needs
	en, zh func(s Style, v []float64) string
}

var templates = map[string]template{
	"recency_days": {with: []string{"next_order_elapsed_ratio"},
		en: func(_ Style, v []float64) string {
			return count(v[0], "%s days since the last order") + ratio(v[1], ", %s times the usual gap")
		},
		zh: func(_ Style, v []float64) string {
			return count(v[0], "上次下单距今 %s 天") + ratio(v[1], "，是其平均间隔的 %s 倍")
		}},
}

// Known reports whether a feature has a sentence of its own.
func Known(feature string) bool { _, ok := templates[feature]; return ok }

// With names the other features whose values the sentence of a feature needs,
// in the order in which Sentence takes them.
func With(feature string) []string { return templates[feature].with }

// Sentence words what a feature says of a customer: values[0] is its own value,
// the others are those of With; NaN = not known. A feature that is not Known
// gives "".
func (s Style) Sentence(feature string, values []float64) string {
	t, ok := templates[feature]
	if !ok || len(values) != 1+len(t.with) {
		return ""
	}
	if s.Lang == "zh" {
		return t.zh(s, values)
	}
	return t.en(s, values)
}

// Plain words a feature that has no sentence of its own, such as one of the
// shop's own definitions, by what documents it.
func (s Style) Plain(name, doc, unit string, value float64) string {
	return fmt.Sprintf("%s (%s): %s", name, doc, number(value))
}

func count(v float64, format string) string { return fmt.Sprintf(format, number(v)) }

func ratio(v float64, format string) string {
	if math.IsNaN(v) {
		return ""
	}
	return fmt.Sprintf(format, number(v))
}

// number writes whole numbers as such and others with one decimal.
func number(v float64) string {
	if v == math.Trunc(v) {
		return strconv.FormatFloat(v, 'f', 0, 64)
	}
	return strconv.FormatFloat(v, 'f', 1, 64)
}

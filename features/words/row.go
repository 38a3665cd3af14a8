package words

import (
	"slices"
	"strings"
)

// row words one feature or a family of them that differ in one word. The mark #
// in the key, in companions and in texts stands for that word.
type row struct {
	key    string // the feature
	over   []variant
	with   []string
	pivot  float64
	en, zh wording
}

// variant is a member of a family: what # stands for.
type variant struct{ key, en, zh string }

var (
	rows = slices.Concat(orders, rhythm, baskets, tastes, visits, dealings)

	// templates are the wordings of all rows, by feature.
	templates = expand(rows)
)

func expand(rows []row) map[string]template {
	out := map[string]template{}
	for _, r := range rows {
		if r.over == nil {
			out[r.key] = template{r.with, r.pivot, r.en, r.zh}
			continue
		}
		for _, v := range r.over {
			out[put(r.key, v.key)] = r.member(v)
		}
	}
	return out
}

func (r row) member(v variant) template {
	with := make([]string, len(r.with))
	for i, name := range r.with {
		with[i] = put(name, v.key)
	}
	return template{with, r.pivot, r.en.member(v.en), r.zh.member(v.zh)}
}

func (w wording) member(word string) wording {
	return wording{put(w.name, word), put(w.some, word), put(w.at, word), put(w.none, word), put(w.below, word), put(w.unknown, word)}
}

func put(text, word string) string { return strings.ReplaceAll(text, "#", word) }

// spans returns a family of windows, in days.
func spans(days ...string) []variant {
	out := make([]variant, len(days))
	for i, d := range days {
		out[i] = variant{d, d, d}
	}
	return out
}

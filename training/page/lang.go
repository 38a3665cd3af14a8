package page

import "fmt"

// Lang is the language that a page is read in.
type Lang int

// The languages.
const (
	English Lang = iota
	Chinese
)

// ParseLang reads "en" or "zh".
func ParseLang(s string) (Lang, error) {
	for _, l := range []Lang{English, Chinese} {
		if s == l.Code() {
			return l, nil
		}
	}
	return 0, fmt.Errorf("language %q is neither en nor zh", s)
}

// Code is "en" or "zh".
func (l Lang) Code() string { return l.Say("en", "zh") }

// Say picks one of two texts.
func (l Lang) Say(en, zh string) string {
	if l == Chinese {
		return zh
	}
	return en
}

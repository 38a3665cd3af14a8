package words_test

import (
	"fmt"
	"math"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode"

	"pgregory.net/rapid"

	"regulars/features"
	"regulars/features/words"
)

var (
	nan      = math.NaN()
	english  = words.Style{Lang: "en", Currency: "GBP"}
	chinese  = words.Style{Lang: "zh", Currency: "CNY"}
	numbers  = []string{"BOOLEAN", "INTEGER", "BIGINT", "DOUBLE"} // types that reach models
	noNumber = []string{"day", "code"}                            // units of numbers that are no quantities
)

// userColumns returns the shipped features of customers by name, and those among
// them that churn models read.
func userColumns(t testing.TB) (all map[string]features.Column, learned []string) {
	t.Helper()
	groups, err := features.Catalogue()
	if err != nil {
		t.Fatal(err)
	}
	all = map[string]features.Column{}
	for _, g := range groups {
		if g.Entity != "user" || g.Label {
			continue
		}
		for _, c := range g.Features() {
			all[c.Name] = c
			if g.Name != "freshness" && g.Name != "hours" && slices.Contains(numbers, c.Type) && !slices.Contains(noNumber, c.Unit) {
				learned = append(learned, c.Name)
			}
		}
	}
	return all, learned
}

func TestEveryLearnedFeatureIsKnown(t *testing.T) {
	all, learned := userColumns(t)
	if len(learned) < 150 {
		t.Fatalf("the catalogue has %d learned features", len(learned))
	}
	for _, name := range learned {
		if !words.Known(name) {
			t.Errorf("%s (%s) has no wording: %s", name, all[name].Unit, all[name].Doc)
		}
		for _, other := range words.With(name) {
			if _, ok := all[other]; !ok || other == name {
				t.Errorf("%s is worded with %s, which the catalogue does not have besides it", name, other)
			}
		}
	}
}

func TestNoWordingWithoutFeature(t *testing.T) {
	_, learned := userColumns(t)
	seen := map[string]bool{}
	for _, name := range words.Features() {
		if !slices.Contains(learned, name) {
			t.Errorf("%s has a wording and is no feature that models read", name)
		}
		if seen[name] {
			t.Errorf("%s is worded twice", name)
		}
		seen[name] = true
	}
}

func TestNames(t *testing.T) {
	_, learned := userColumns(t)
	for _, s := range []words.Style{english, chinese} {
		owner := map[string]string{}
		for _, feature := range learned {
			name := s.Name(feature)
			if err := wellFormed(s, name); err != nil {
				t.Errorf("%s is named %q: %v", feature, name, err)
			}
			if n := len([]rune(name)); n > 60 {
				t.Errorf("%s is named %q, of %d characters", feature, name, n)
			}
			if other, taken := owner[name]; taken {
				t.Errorf("%s and %s are both named %q", other, feature, name)
			}
			owner[name] = feature
		}
	}
}

// special are values at which wordings change.
var special = []float64{0, 1, -1, 2, 0.25, 2.6, 0.004, 1e-9, 0.9996, 1.04, -0.001, -7.5, 365, 1250, 1e6, 1e12, 1e300, -1e300, nan, math.Inf(1), math.Inf(-1)}

func TestSentencesAreWellFormed(t *testing.T) {
	_, learned := userColumns(t)
	for _, s := range []words.Style{english, chinese, {Currency: "XYZ"}, {Lang: "zh"}} {
		for _, feature := range learned {
			others := []float64{nan}
			if words.With(feature) != nil {
				others = []float64{nan, 0, 1, -2, 1e300}
			}
			for _, x := range special {
				for _, other := range others {
					if err := checkSentence(s, feature, withOthers(feature, x, other)); err != nil {
						t.Fatal(err)
					}
				}
			}
		}
	}
}

// withOthers returns the values of a sentence: x and the same for each companion.
func withOthers(feature string, x, other float64) []float64 {
	return append([]float64{x}, slices.Repeat([]float64{other}, len(words.With(feature)))...)
}

func TestSentencesOfAnyNumbers(t *testing.T) {
	_, learned := userColumns(t)
	value := rapid.OneOf(rapid.Float64(), rapid.Float64Range(-2, 2), rapid.Float64Range(0, 1000), rapid.SampledFrom(special),
		rapid.Map(rapid.IntRange(-400, 400), func(i int) float64 { return float64(i) }))
	rapid.Check(t, func(r *rapid.T) {
		s := words.Style{Lang: rapid.SampledFrom([]string{"en", "zh"}).Draw(r, "language"),
			Currency: rapid.SampledFrom([]string{"GBP", "CNY", "JPY", "USD", "EUR", "", "XYZ"}).Draw(r, "currency")}
		feature := rapid.SampledFrom(learned).Draw(r, "feature")
		values := rapid.SliceOfN(value, 1+len(words.With(feature)), 1+len(words.With(feature))).Draw(r, "values")
		if err := checkSentence(s, feature, values); err != nil {
			r.Fatal(err)
		}
	})
}

// TestSentencesTellValuesApart: a wording that forgot its number would say the
// same of 3 and of 12; booleans have but two values.
func TestSentencesTellValuesApart(t *testing.T) {
	all, learned := userColumns(t)
	for _, s := range []words.Style{english, chinese} {
		for _, feature := range learned {
			values := []float64{3, 12, nan}
			if all[feature].Type == "BOOLEAN" {
				values = []float64{1, 0, nan}
			}
			said := map[string]float64{}
			for _, x := range values {
				text := s.Sentence(feature, withOthers(feature, x, x)) // trends tell theirs by the numbers behind them
				if other, same := said[text]; same {
					t.Errorf("%s says %q of both %v and %v", feature, text, other, x)
				}
				said[text] = x
			}
		}
	}
}

// TestUnknownIsSaid: that a value is not known is not taken for a value.
func TestUnknownIsSaid(t *testing.T) {
	_, learned := userColumns(t)
	for _, s := range []words.Style{english, chinese} {
		owner := map[string]string{}
		for _, feature := range learned {
			values := withOthers(feature, nan, nan)
			text := s.Sentence(feature, values)
			for _, x := range []float64{0, 1, 12, -3, 0.5} {
				values[0] = x
				if s.Sentence(feature, values) == text {
					t.Errorf("%s says %q of %v and of what is not known", feature, text, x)
				}
			}
			if other, taken := owner[text]; taken && !interchangeable[text] {
				t.Errorf("%s and %s both say %q", other, feature, text)
			}
			owner[text] = feature
		}
	}
}

// interchangeable are sentences that say all there is to say of several features.
var interchangeable = map[string]bool{"no order known yet": true, "尚无订单可参考": true}

func checkSentence(s words.Style, feature string, values []float64) error {
	text := s.Sentence(feature, values)
	if err := wellFormed(s, text); err != nil {
		return fmt.Errorf("%s of %v in %+v: %q: %w", feature, values, s, text, err)
	}
	return nil
}

var (
	latin    = regexp.MustCompile(`[A-Za-z]+`)
	brands   = []string{"RFM", "NPS", "XYZ"} // that Chinese keeps in letters
	mistakes = []string{"NaN", "Inf", "%!", "  ", "_", "{", "}", "[", "]", "#", "|", "<nil>", " ,", " .", "e+", "e-0", "--", "-0 ", "-0%"}
	once     = regexp.MustCompile(`(?:^|[^-.,\d])1 (?:[a-z]+ )?[a-z]+s\b`) // a plural after 1
	narrow   = regexp.MustCompile(`[;()?!]|\D[,:]|[,:]\D`)                 // half-width signs, but for those in numbers and times
)

// wellFormed says what is wrong with a text of that style.
func wellFormed(s words.Style, text string) error {
	if text == "" || strings.TrimSpace(text) != text {
		return fmt.Errorf("empty, or blank at an end")
	}
	for _, bad := range mistakes {
		if strings.Contains(text, bad) {
			return fmt.Errorf("holds %q", bad)
		}
	}
	if len([]rune(text)) > 200 {
		return fmt.Errorf("%d characters", len([]rune(text)))
	}
	han := strings.ContainsFunc(text, func(r rune) bool { return unicode.Is(unicode.Han, r) })
	if s.Lang != "zh" {
		switch {
		case han || !latin.MatchString(text):
			return fmt.Errorf("not English")
		case once.MatchString(text):
			return fmt.Errorf("a plural after 1")
		}
		return nil
	}
	if !han || narrow.MatchString(text) {
		return fmt.Errorf("not Chinese, or with other signs")
	}
	for _, word := range latin.FindAllString(text, -1) {
		if !slices.Contains(brands, word) {
			return fmt.Errorf("holds %q", word)
		}
	}
	return nil
}

package snapshot

import (
	"fmt"
	"math"
	"slices"
	"unicode/utf8"
)

// check refuses what would not be an answer: numbers that are not finite or out
// of range, and lists that do not fit what the manifest announces.
func (s *Scores) check(in *Info) error {
	if s == nil {
		return nil
	}
	for _, check := range []func(*Info) error{s.checkChurn, s.checkCourse, s.checkAmounts, s.checkNext, s.checkResponse, s.checkReasons} {
		if err := check(in); err != nil {
			return err
		}
	}
	return nil
}

func (s *Scores) checkChurn(*Info) error {
	if c := s.Churn; c != nil {
		for _, p := range []float64{c.Probability, c.Percentile, s.ReturnProbability} {
			if err := checkUnit("probability or percentile", p); err != nil {
				return err
			}
		}
		if err := checkWord("band", c.Band); err != nil {
			return err
		}
	}
	if r := s.RFM; r != nil {
		if sum := r.RecencyDays + r.Spend; math.IsNaN(sum) || math.IsInf(sum, 0) || r.Orders < 0 {
			return fmt.Errorf("recency %v, orders %d or spend %v is not a number that counts", r.RecencyDays, r.Orders, r.Spend)
		}
	}
	if err := checkWord("stage", s.Stage); err != nil {
		return err
	}
	return checkWord("method", s.Method)
}

func (s *Scores) checkCourse(in *Info) error {
	if n := len(s.Returns); n != 0 && n != len(in.Horizons) {
		return fmt.Errorf("%d return probabilities for %d horizons", n, len(in.Horizons))
	}
	for i, p := range s.Returns {
		if err := checkUnit("return probability", p); err != nil {
			return err
		}
		if i > 0 && p < s.Returns[i-1] {
			return fmt.Errorf("the return probability falls from %v to %v where the horizon is longer", s.Returns[i-1], p)
		}
	}
	if n := len(s.Course); n != 0 && n != len(in.CourseDays) {
		return fmt.Errorf("a course of %d probabilities for %d days", n, len(in.CourseDays))
	}
	for i, p := range s.Course {
		if err := checkUnit("probability of no order yet", float64(p)); err != nil {
			return err
		}
		if i > 0 && p > s.Course[i-1] {
			return fmt.Errorf("the probability of no order yet rises from %v to %v", s.Course[i-1], p)
		}
	}
	return nil
}

func (s *Scores) checkAmounts(*Info) error {
	for i, v := range s.amounts() {
		if *v != nil && !(**v >= 0 && !math.IsInf(**v, 0)) {
			return fmt.Errorf("the %s is %v: it must be finite and not below 0", amountNames[i], **v)
		}
	}
	if r := s.Value; r != nil {
		if !(r.Low >= 0 && r.Low <= r.High && r.Amount >= 0) || math.IsInf(r.High, 0) || math.IsInf(r.Amount, 0) {
			return fmt.Errorf("a lifetime value of %v, %v to %v: it must be finite, not below 0 and in order", r.Amount, r.Low, r.High)
		}
	}
	return nil
}

// amounts are the single amounts, in the order of amountNames and of the store.
func (s *Scores) amounts() [3]**float64 {
	return [...]**float64{&s.SpendIfOrder, &s.Spend, &s.ValueAtRisk}
}

var amountNames = [...]string{"spend if they order", "expected spend", "value at risk"}

func (s *Scores) checkNext(*Info) error {
	if len(s.Next) > maxNext {
		return fmt.Errorf("%d kinds of what comes next are more than the %d that fit", len(s.Next), maxNext)
	}
	for i, next := range s.Next {
		if !slices.Contains([]string{NextCategory, NextBrand, NextPriceBand}, next.Kind) {
			return fmt.Errorf("what comes next is of the kind %q: it must be %s, %s or %s", next.Kind, NextCategory, NextBrand, NextPriceBand)
		}
		if slices.ContainsFunc(s.Next[:i], func(other NextKind) bool { return other.Kind == next.Kind }) {
			return fmt.Errorf("what comes next has the kind %s twice", next.Kind)
		}
		if err := next.check(); err != nil {
			return fmt.Errorf("next %s: %w", next.Kind, err)
		}
	}
	return nil
}

func (k NextKind) check() error {
	if n := len(k.Likely); n < 1 || n > maxNext {
		return fmt.Errorf("%d names: there must be 1 to %d", n, maxNext)
	}
	for i, l := range k.Likely {
		if err := checkName("name", l.Name); err != nil {
			return err
		}
		if err := checkUnit("probability", float64(l.Probability)); err != nil {
			return err
		}
		if i > 0 && l.Probability > k.Likely[i-1].Probability {
			return fmt.Errorf("the probability rises from %v to %v: the likeliest comes first", k.Likely[i-1].Probability, l.Probability)
		}
		if slices.ContainsFunc(k.Likely[:i], func(other Likely) bool { return other.Name == l.Name }) {
			return fmt.Errorf("%q is named twice", l.Name)
		}
	}
	return nil
}

func (s *Scores) checkResponse(*Info) error {
	if len(s.Response) > maxChannels {
		return fmt.Errorf("responses by %d channels are more than the %d that fit", len(s.Response), maxChannels)
	}
	for i, r := range s.Response {
		if err := checkName("channel", r.Channel); err != nil {
			return err
		}
		if err := checkUnit("probability of a response", float64(r.Probability)); err != nil {
			return err
		}
		if r.Sent < 0 {
			return fmt.Errorf("a response that rests on %d messages", r.Sent)
		}
		if slices.ContainsFunc(s.Response[:i], func(other Response) bool { return other.Channel == r.Channel }) {
			return fmt.Errorf("the channel %q has two responses", r.Channel)
		}
	}
	if h := s.Hour; h != nil {
		if h.Hour < 0 || h.Hour > 23 {
			return fmt.Errorf("the best hour is %d: it must be 0 to 23", h.Hour)
		}
		return checkUnit("share of the best hour", float64(h.Share))
	}
	return nil
}

func (s *Scores) checkReasons(in *Info) error {
	if len(s.Reasons) > maxReasons {
		return fmt.Errorf("%d reasons are more than the %d that fit", len(s.Reasons), maxReasons)
	}
	for i, r := range s.Reasons {
		if err := r.check(in); err != nil {
			return err
		}
		if i > 0 && abs(r.Contribution) > abs(s.Reasons[i-1].Contribution) {
			return fmt.Errorf("a reason adds %v, the one before it %v: the strongest comes first", r.Contribution, s.Reasons[i-1].Contribution)
		}
	}
	return nil
}

func (r FeatureReason) check(in *Info) error {
	if r.Feature < 0 || r.Feature >= len(in.Features) {
		return fmt.Errorf("a reason is about feature %d of %d", r.Feature, len(in.Features))
	}
	f := in.Features[r.Feature]
	if c := float64(r.Contribution); math.IsNaN(c) || math.IsInf(c, 0) {
		return fmt.Errorf("the feature %s adds %v to the log-odds", f.Name, c)
	}
	if len(r.Values) != 1+len(f.With) {
		return fmt.Errorf("a reason about %s has %d values: it must have its own and %d others", f.Name, len(r.Values), len(f.With))
	}
	if slices.ContainsFunc(r.Values, func(v float64) bool { return math.IsInf(v, 0) }) {
		return fmt.Errorf("a reason about %s has a value that is infinite", f.Name)
	}
	return nil
}

func abs(v float32) float32 { return max(v, -v) }

func checkUnit(what string, p float64) error {
	if !(p >= 0 && p <= 1) {
		return fmt.Errorf("a %s is %v: it must lie in [0, 1]", what, p)
	}
	return nil
}

// checkWord checks a text that may be empty, checkName one that may not.
func checkWord(what, text string) error {
	if len(text) > maxWordBytes || !utf8.ValidString(text) {
		return fmt.Errorf("the %s of %d bytes is not up to %d bytes of UTF-8", what, len(text), maxWordBytes)
	}
	return nil
}

func checkName(what, text string) error {
	if text == "" {
		return fmt.Errorf("a %s is empty", what)
	}
	return checkWord(what, text)
}

// checkScores checks what the manifest says of the scores.
func (in *Info) checkScores() error {
	if err := checkGrid("horizons", in.Horizons); err != nil {
		return err
	}
	if err := checkGrid("course_days", in.CourseDays); err != nil {
		return err
	}
	if in.ValueDays < 0 || in.ValueDays > maxDays || !(in.ValueDiscount >= 0) || math.IsInf(in.ValueDiscount, 0) {
		return fmt.Errorf("a lifetime value over %d days discounted by %v a year: neither may be below 0", in.ValueDays, in.ValueDiscount)
	}
	if r := in.BaseRate; r != nil && !(r.Low >= 0 && r.Low <= r.Rate && r.Rate <= r.High && r.High <= 1) {
		return fmt.Errorf("the base rate is %v, %v to %v: they must lie in [0, 1] and in order", r.Rate, r.Low, r.High)
	}
	return in.checkFeatures()
}

// checkGrid checks days, which ascend from 1.
func checkGrid(name string, days []int) error {
	if len(days) > maxGrid {
		return fmt.Errorf("%s has %d days: at most %d fit", name, len(days), maxGrid)
	}
	last := 0
	for _, d := range days {
		if d <= last || d > maxDays {
			return fmt.Errorf("%s are %v: they must ascend, from 1 to at most %d", name, days, maxDays)
		}
		last = d
	}
	return nil
}

func (in *Info) checkFeatures() error {
	if len(in.Features) > maxFeatures {
		return fmt.Errorf("%d features are more than the %d that fit", len(in.Features), maxFeatures)
	}
	seen := make(map[string]bool, len(in.Features))
	for _, f := range in.Features {
		if f.Name == "" || seen[f.Name] {
			return fmt.Errorf("two features go by the name %q, or it is empty", f.Name)
		}
		if len(f.With) > maxWith {
			return fmt.Errorf("the feature %s stands with %d others: at most %d fit", f.Name, len(f.With), maxWith)
		}
		seen[f.Name] = true
	}
	return nil
}

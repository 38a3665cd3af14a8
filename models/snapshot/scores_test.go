package snapshot

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"regulars/data/durable"
)

// unknown stands for NaN where texts are compared.
const unknown = -123456.789

// same compares what is stored of a customer; NaN equals NaN.
func same(a, b User) bool {
	return reflect.DeepEqual(withoutNaN(a), withoutNaN(b))
}

func withoutNaN(u User) User {
	if u.Scores == nil {
		return u
	}
	s := *u.Scores
	s.Reasons = slices.Clone(s.Reasons)
	for i := range s.Reasons {
		s.Reasons[i].Values = slices.Clone(s.Reasons[i].Values)
		for j, v := range s.Reasons[i].Values {
			if math.IsNaN(v) {
				s.Reasons[i].Values[j] = unknown
			}
		}
	}
	u.Scores = &s
	return u
}

func pointer(v float64) *float64 { return &v }

// whole returns scores of which nothing is missing.
func whole() *Scores {
	likely := func(names ...string) (out []Likely) {
		for i, n := range names {
			out = append(out, Likely{Name: n, Probability: .5 / float32(i+1)})
		}
		return out
	}
	course := make([]float32, len(courseDays))
	for i, d := range courseDays {
		course[i] = float32(math.Exp(-float64(d) / 200))
	}
	return &Scores{Churn: &Churn{Probability: .21, Percentile: .18, Band: "low"}, ReturnProbability: .79, RFM: &RFM{RecencyDays: 82, Orders: 34, Spend: 5391.21},
		Stage: "growth", Method: "gbdt", Returns: []float64{.4, .79, .9}, Course: course,
		SpendIfOrder: pointer(196.19), Spend: pointer(154.99), ValueAtRisk: pointer(41.2), Value: &Range{Amount: 612.5, Low: 100.25, High: 1400.75},
		Next:     []NextKind{{Kind: NextCategory, Likely: likely("tea")}, {Kind: NextBrand, Likely: likely("Acme")}, {Kind: NextPriceBand, Likely: likely("low")}},
		Response: []Response{{Channel: "email", Probability: .12, Sent: 40}, {Channel: "sms", Probability: .05}},
		Hour:     &Hour{Hour: 20, Share: .17},
		Reasons: []FeatureReason{{Feature: 0, Contribution: -.75, Values: []float64{82, 2.6}}, {Feature: 1, Contribution: .4, Values: []float64{math.NaN(), 1e9, .5}},
			{Feature: 2, Contribution: -.1, Values: []float64{-7}}}}
}

func drawScores(rt *rapid.T) *Scores {
	if rapid.Bool().Draw(rt, "unscored") {
		return nil
	}
	unit, amount, yes := rapid.Float64Range(0, 1), rapid.Float64Range(0, 1e9), func(label string) bool { return rapid.Bool().Draw(rt, label) }
	word := rapid.StringN(0, 9, -1)
	s := &Scores{Note: rapid.String().Draw(rt, "note"), Lapsed: yes("lapsed"), Stage: word.Draw(rt, "stage"), Method: word.Draw(rt, "method")}
	if yes("churn") {
		s.Churn = &Churn{Probability: unit.Draw(rt, "p"), Percentile: unit.Draw(rt, "pct"), Band: word.Draw(rt, "band")}
		s.ReturnProbability = unit.Draw(rt, "return")
	}
	if yes("rfm") {
		s.RFM = &RFM{RecencyDays: rapid.Float64Range(0, 1e4).Draw(rt, "r"), Orders: rapid.Int64Range(0, 1e9).Draw(rt, "f"), Spend: rapid.Float64Range(-1e6, 1e9).Draw(rt, "m")}
	}
	if yes("returns") {
		s.Returns = slices.Sorted(slices.Values(rapid.SliceOfN(unit, 3, 3).Draw(rt, "returns")))
	}
	if yes("course") {
		s.Course = rapid.SliceOfN(rapid.Float32Range(0, 1), len(courseDays), len(courseDays)).Draw(rt, "course")
		slices.SortFunc(s.Course, func(a, b float32) int { return cmp.Compare(b, a) })
	}
	for i, into := range s.amounts() {
		if yes(amountNames[i]) {
			*into = pointer(amount.Draw(rt, amountNames[i]))
		}
	}
	if yes("value") {
		ends := slices.Sorted(slices.Values(rapid.SliceOfN(amount, 2, 2).Draw(rt, "value")))
		s.Value = &Range{Amount: amount.Draw(rt, "amount"), Low: ends[0], High: ends[1]}
	}
	if yes("hour") {
		s.Hour = &Hour{Hour: rapid.IntRange(0, 23).Draw(rt, "hour"), Share: rapid.Float32Range(0, 1).Draw(rt, "share")}
	}
	s.Next, s.Response, s.Reasons = drawNext(rt), drawResponse(rt), drawReasons(rt)
	return s
}

func drawNext(rt *rapid.T) (next []NextKind) {
	for _, kind := range rapid.Permutation([]string{NextCategory, NextBrand, NextPriceBand}).Draw(rt, "kinds")[:rapid.IntRange(0, 3).Draw(rt, "of")] {
		k := NextKind{Kind: kind}
		for _, name := range rapid.SliceOfNDistinct(rapid.StringN(1, 20, -1), 1, 3, rapid.ID).Draw(rt, "names") {
			k.Likely = append(k.Likely, Likely{Name: name, Probability: rapid.Float32Range(0, 1).Draw(rt, "likely")})
		}
		slices.SortFunc(k.Likely, func(a, b Likely) int { return cmp.Compare(b.Probability, a.Probability) })
		next = append(next, k)
	}
	return next
}

func drawResponse(rt *rapid.T) (list []Response) {
	for _, channel := range rapid.SliceOfNDistinct(rapid.StringN(1, 8, -1), 0, 4, rapid.ID).Draw(rt, "channels") {
		list = append(list, Response{Channel: channel, Probability: rapid.Float32Range(0, 1).Draw(rt, "answers"), Sent: rapid.Int64Range(0, math.MaxInt64).Draw(rt, "sent")})
	}
	return list
}

func drawReasons(rt *rapid.T) (list []FeatureReason) {
	in := info()
	value := rapid.OneOf(rapid.Float64Range(-math.MaxFloat64, math.MaxFloat64), rapid.SampledFrom([]float64{math.NaN(), 0, math.Copysign(0, -1), 1 << 53, -1 << 53, 1 << 60, .5, math.MaxInt64, 82}))
	for range rapid.IntRange(0, 3).Draw(rt, "reasons") {
		f := rapid.IntRange(0, len(in.Features)-1).Draw(rt, "feature")
		n := 1 + len(in.Features[f].With)
		list = append(list, FeatureReason{Feature: f, Contribution: rapid.Float32Range(-9, 9).Draw(rt, "contribution"), Values: rapid.SliceOfN(value, n, n).Draw(rt, "values")})
	}
	slices.SortFunc(list, func(a, b FeatureReason) int { return cmp.Compare(abs(b.Contribution), abs(a.Contribution)) })
	return list
}

// TestScoresAreSmall: everything that is said of a customer fits in 400 bytes,
// the texts that customers share aside.
func TestScoresAreSmall(t *testing.T) {
	l, s := newLexicon(), whole()
	for i := range 5000 { // of a large shop
		l.number(fmt.Sprintf("category %d", i))
	}
	for i := range s.Next {
		s.Next[i].Likely = nil
		for j := range 3 {
			s.Next[i].Likely = append(s.Next[i].Likely, Likely{Name: fmt.Sprintf("another category %d %d", i, j)})
		}
	}
	s.Response = append(s.Response, Response{Channel: "push", Sent: 1000}, Response{Channel: "phone", Sent: 3})
	for i := range s.Reasons { // numbers of which none is short
		for j := range s.Reasons[i].Values {
			s.Reasons[i].Values[j] = math.Pi
		}
	}
	if n := len(appendUser(nil, User{Scores: s}, l, nil)) - len(appendUser(nil, User{}, l, nil)); n > 400 {
		t.Errorf("they have %d bytes", n)
	}
}

func TestWriterRefusesScores(t *testing.T) {
	nan, inf := math.NaN(), math.Inf(1)
	for want, change := range map[string]func(s *Scores){
		"2 return probabilities for 3 horizons":               func(s *Scores) { s.Returns = s.Returns[:2] },
		"a return probability is NaN":                         func(s *Scores) { s.Returns[1] = nan },
		"a return probability is 1.5":                         func(s *Scores) { s.Returns[2] = 1.5 },
		"the return probability falls from 0.4 to 0.3":        func(s *Scores) { s.Returns[1] = .3 },
		"a course of 15 probabilities for 16 days":            func(s *Scores) { s.Course = s.Course[1:] },
		"a probability of no order yet is -0.5":               func(s *Scores) { s.Course[15] = -.5 },
		"a probability of no order yet is NaN":                func(s *Scores) { s.Course[0] = float32(nan) },
		"the probability of no order yet rises from":          func(s *Scores) { s.Course[3] = 1 },
		"the expected spend is NaN":                           func(s *Scores) { s.Spend = &nan },
		"the spend if they order is +Inf":                     func(s *Scores) { s.SpendIfOrder = &inf },
		"the value at risk is -1: it must be finite and not":  func(s *Scores) { s.ValueAtRisk = pointer(-1) },
		"a lifetime value of 1, 3 to 2":                       func(s *Scores) { s.Value = &Range{1, 3, 2} },
		"a lifetime value of NaN":                             func(s *Scores) { s.Value.Amount = nan },
		"a lifetime value of 1, 0 to +Inf":                    func(s *Scores) { s.Value = &Range{1, 0, inf} },
		`is of the kind "colour": it must be category, brand`: func(s *Scores) { s.Next[0].Kind = "colour" },
		"has the kind brand twice":                            func(s *Scores) { s.Next[0].Kind = NextBrand },
		"4 kinds of what comes next":                          func(s *Scores) { s.Next = append(s.Next, s.Next[0]) },
		"next category: 0 names":                              func(s *Scores) { s.Next[0].Likely = nil },
		"next category: a name is empty":                      func(s *Scores) { s.Next[0].Likely[0].Name = "" },
		"next category: the name of 1 bytes is not":           func(s *Scores) { s.Next[0].Likely[0].Name = "\xff" },
		"next category: a probability is 2":                   func(s *Scores) { s.Next[0].Likely[0].Probability = 2 },
		`next brand: "Acme" is named twice`:                   func(s *Scores) { s.Next[1].Likely = append(s.Next[1].Likely, s.Next[1].Likely[0]) },
		"next brand: the probability rises":                   func(s *Scores) { s.Next[1].Likely = append(s.Next[1].Likely, Likely{"x", .9}) },
		"a channel is empty":                                  func(s *Scores) { s.Response[0].Channel = "" },
		`the channel "sms" has two responses`:                 func(s *Scores) { s.Response[0].Channel = "sms" },
		"a probability of a response is NaN":                  func(s *Scores) { s.Response[0].Probability = float32(nan) },
		"rests on -1 messages":                                func(s *Scores) { s.Response[0].Sent = -1 },
		"65 channels are more than":                           func(s *Scores) { s.Response = make([]Response, 65) },
		"the best hour is 24":                                 func(s *Scores) { s.Hour.Hour = 24 },
		"a share of the best hour is NaN":                     func(s *Scores) { s.Hour.Share = float32(nan) },
		"4 reasons are more than":                             func(s *Scores) { s.Reasons = append(s.Reasons, s.Reasons[2]) },
		"a reason is about feature 3 of 3":                    func(s *Scores) { s.Reasons[0].Feature = 3 },
		"a reason is about feature -1 of 3":                   func(s *Scores) { s.Reasons[0].Feature = -1 },
		"the feature recency_days adds NaN":                   func(s *Scores) { s.Reasons[0].Contribution = float32(nan) },
		"a reason adds -0.75, the one before it 0.5: the strongest comes": func(s *Scores) {
			s.Reasons[0], s.Reasons[1] = s.Reasons[1], s.Reasons[0]
			s.Reasons[0].Contribution = .5
		},
		"recency_days has 1 values: it must have its own and 1 others": func(s *Scores) { s.Reasons[0].Values = []float64{1} },
		"recency_days has a value that is infinite":                    func(s *Scores) { s.Reasons[0].Values[1] = inf },
		"the stage of 513 bytes":                                       func(s *Scores) { s.Stage = strings.Repeat("x", 513) },
		"the method of 1 bytes is not up to 512 bytes of UTF-8":        func(s *Scores) { s.Method = "\xff" },
		"the band of 1 bytes":                                          func(s *Scores) { s.Churn.Band = "\xff" },
	} {
		s, in := whole(), info()
		if err := s.check(&in); err != nil {
			t.Fatal(err)
		}
		change(s)
		_, err := Publish(t.TempDir(), durable.FS{}, in, func(w *Writer) error {
			return errors.Join(w.Items(catalogue(1)), w.User("u", User{Scores: s}))
		})
		if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "user number 1") {
			t.Errorf("error %v, want %q", err, want)
		}
		// What a writer refuses, a reader does too: the check is not bypassed.
		l := newLexicon()
		b := appendUser(nil, User{Scores: s}, l, nil)
		words, werr := loadWords(l.packed)
		d := &decoder{b: b}
		if d.user(bounds{items: 1, words: words, info: &in}); errors.Join(d.end(), werr) == nil {
			t.Errorf("%q was read", want)
		}
	}
}

// TestOldFormatSaysWhatToDo: a snapshot of another format is refused with the
// command that makes a new one.
func TestOldFormatSaysWhatToDo(t *testing.T) {
	root := t.TempDir()
	path := filepath.Join(root, publish(t, root, info(), small), "manifest.json")
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	old := strings.Replace(string(text), `"format_version": 4`, `"format_version": 3`, 1)
	if err := os.WriteFile(path, []byte(old), 0o644); err != nil || old == string(text) {
		t.Fatal(err, "or the format was not found")
	}
	if _, err := Open(filepath.Dir(path)); !errors.Is(err, ErrFormat) || !strings.Contains(err.Error(), "`regulars score` makes one") {
		t.Errorf("error %v", err)
	}
}

package snapshot

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
)

// Scores in the store, behind the flags of a customer. How many there are of a
// list, where nothing else is said, the manifest tells. A word is a uvarint: the
// number, from 1, of a text that the store holds once for all customers; 0 = "".
// A number is a byte that says how it is written (see below), and what follows.
//
//	text note, word stage, word method
//	churn     3 × float64 (probability, percentile, return probability), word band
//	rfm       float64 recency, uvarint orders, float64 spend
//	returns   a float64 a horizon
//	course    a float32 a day of the grid
//	amounts   float64 each: spend if they order, spend, value at risk
//	value     3 × float64
//	hour      byte hour, float32 share
//	next      byte n, n × (word kind, byte m, m × (word name, float32 probability))
//	response  byte n, n × (word channel, float32 probability, uvarint sent)
//	reasons   byte n, n × (uvarint feature, float32 contribution, numbers: its own
//	          value and those of the features it stands with)
const (
	flagScored = 1 << iota
	flagChurn
	flagLapsed
	flagRFM
	flagReturns
	flagCourse
	flagIfOrder // this and the two that follow: Scores.amounts
	flagSpend
	flagAtRisk
	flagValue
	flagHour
)

// How a number is written: in as few bytes as hold all of it.
const (
	numberUnknown = iota // NaN
	numberWhole          // varint
	numberSingle         // float32
	numberDouble         // float64
)

// A lexicon numbers the texts that many customers share.
type lexicon struct {
	numbers map[string]uint64
	packed  []byte // the texts, by number
}

func newLexicon() *lexicon { return &lexicon{numbers: map[string]uint64{"": 0}} }

func (l *lexicon) number(text string) uint64 {
	n, ok := l.numbers[text]
	if !ok {
		n = uint64(len(l.numbers))
		l.numbers[text] = n
		l.packed = appendText(l.packed, text)
	}
	return n
}

func (s *Scores) flags() uint64 {
	if s == nil {
		return 0
	}
	flags := uint64(flagScored)
	for _, f := range []struct {
		set  bool
		flag uint64
	}{{s.Churn != nil, flagChurn}, {s.Lapsed, flagLapsed}, {s.RFM != nil, flagRFM}, {len(s.Returns) > 0, flagReturns}, {len(s.Course) > 0, flagCourse},
		{s.SpendIfOrder != nil, flagIfOrder}, {s.Spend != nil, flagSpend}, {s.ValueAtRisk != nil, flagAtRisk}, {s.Value != nil, flagValue}, {s.Hour != nil, flagHour}} {
		if f.set {
			flags |= f.flag
		}
	}
	return flags
}

func appendScores(b []byte, s *Scores, l *lexicon) []byte {
	b = appendText(b, s.Note)
	b = binary.AppendUvarint(b, l.number(s.Stage))
	b = binary.AppendUvarint(b, l.number(s.Method))
	b = appendMeasures(appendChurn(b, s, l), s)
	return appendReasons(appendResponse(appendNext(b, s.Next, l), s.Response, l), s.Reasons)
}

func appendChurn(b []byte, s *Scores, l *lexicon) []byte {
	if c := s.Churn; c != nil {
		b = appendFloat(b, c.Probability, c.Percentile, s.ReturnProbability)
		b = binary.AppendUvarint(b, l.number(c.Band))
	}
	if r := s.RFM; r != nil {
		b = appendFloat(b, r.RecencyDays)
		b = binary.AppendUvarint(b, uint64(r.Orders))
		b = appendFloat(b, r.Spend)
	}
	return b
}

func appendMeasures(b []byte, s *Scores) []byte {
	b = appendSingle(appendFloat(b, s.Returns...), s.Course...)
	for _, v := range s.amounts() {
		if *v != nil {
			b = appendFloat(b, **v)
		}
	}
	if v := s.Value; v != nil {
		b = appendFloat(b, v.Amount, v.Low, v.High)
	}
	if h := s.Hour; h != nil {
		b = appendSingle(append(b, byte(h.Hour)), h.Share)
	}
	return b
}

func appendNext(b []byte, next []NextKind, l *lexicon) []byte {
	b = append(b, byte(len(next)))
	for _, k := range next {
		b = append(binary.AppendUvarint(b, l.number(k.Kind)), byte(len(k.Likely)))
		for _, one := range k.Likely {
			b = appendSingle(binary.AppendUvarint(b, l.number(one.Name)), one.Probability)
		}
	}
	return b
}

func appendResponse(b []byte, list []Response, l *lexicon) []byte {
	b = append(b, byte(len(list)))
	for _, r := range list {
		b = appendSingle(binary.AppendUvarint(b, l.number(r.Channel)), r.Probability)
		b = binary.AppendUvarint(b, uint64(r.Sent))
	}
	return b
}

func appendReasons(b []byte, list []FeatureReason) []byte {
	b = append(b, byte(len(list)))
	for _, r := range list {
		b = appendSingle(binary.AppendUvarint(b, uint64(r.Feature)), r.Contribution)
		for _, v := range r.Values {
			b = appendNumber(b, v)
		}
	}
	return b
}

func appendFloat(b []byte, list ...float64) []byte {
	for _, f := range list {
		b = binary.LittleEndian.AppendUint64(b, math.Float64bits(f))
	}
	return b
}

func appendSingle(b []byte, list ...float32) []byte {
	for _, f := range list {
		b = binary.LittleEndian.AppendUint32(b, math.Float32bits(f))
	}
	return b
}

func appendNumber(b []byte, v float64) []byte {
	const exact = 1 << 53 // whole numbers below are those of float64
	switch whole := int64(max(-exact, min(v, exact))); {
	case math.IsNaN(v):
		return append(b, numberUnknown)
	case math.Float64bits(float64(whole)) == math.Float64bits(v):
		return binary.AppendVarint(append(b, numberWhole), whole)
	case float64(float32(v)) == v:
		return appendSingle(append(b, numberSingle), float32(v))
	}
	return appendFloat(append(b, numberDouble), v)
}

func (d *decoder) scores(flags uint64, in bounds) *Scores {
	s := &Scores{Note: d.text(), Stage: d.word(in), Method: d.word(in), Lapsed: flags&flagLapsed != 0}
	d.churn(s, flags, in)
	d.measures(s, flags, in.info)
	s.Next = many(d.count(maxNext), func() NextKind { return d.next(in) })
	s.Response = many(d.count(maxChannels), func() Response {
		return Response{Channel: d.word(in), Probability: d.single(), Sent: int64(d.uvarint())}
	})
	s.Reasons = many(d.count(maxReasons), func() FeatureReason { return d.featureReason(in) })
	if d.err == nil {
		d.err = s.check(in.info)
	}
	return s
}

func (d *decoder) churn(s *Scores, flags uint64, in bounds) {
	if flags&flagChurn != 0 {
		s.Churn = &Churn{Probability: d.float(), Percentile: d.float()}
		s.ReturnProbability = d.float()
		s.Churn.Band = d.word(in)
	}
	if flags&flagRFM != 0 {
		s.RFM = &RFM{RecencyDays: d.float(), Orders: int64(d.uvarint()), Spend: d.float()}
	}
}

func (d *decoder) measures(s *Scores, flags uint64, info *Info) {
	if flags&flagReturns != 0 {
		s.Returns = many(len(info.Horizons), d.float)
	}
	if flags&flagCourse != 0 {
		s.Course = many(len(info.CourseDays), d.single)
	}
	for i, into := range s.amounts() {
		if flags&(flagIfOrder<<i) != 0 {
			v := d.float()
			*into = &v
		}
	}
	if flags&flagValue != 0 {
		s.Value = &Range{Amount: d.float(), Low: d.float(), High: d.float()}
	}
	if flags&flagHour != 0 {
		s.Hour = &Hour{Hour: int(d.byte()), Share: d.single()}
	}
}

// many takes n values in their order, nil where there are none.
func many[T any](n int, one func() T) []T {
	if n == 0 {
		return nil
	}
	out := make([]T, n)
	for i := range out {
		out[i] = one()
	}
	return out
}

func (d *decoder) next(in bounds) NextKind {
	return NextKind{Kind: d.word(in), Likely: many(d.count(maxNext), func() Likely {
		return Likely{Name: d.word(in), Probability: d.single()}
	})}
}

func (d *decoder) featureReason(in bounds) FeatureReason {
	f := d.uvarint()
	if f >= uint64(len(in.info.Features)) {
		d.fail(fmt.Errorf("a reason is about feature %d of %d", f, len(in.info.Features)))
		return FeatureReason{}
	}
	return FeatureReason{Feature: int(f), Contribution: d.single(), Values: many(1+len(in.info.Features[f].With), d.number)}
}

// count takes how many follow, at most most.
func (d *decoder) count(most int) int {
	n := int(d.byte())
	if n > most {
		d.fail(fmt.Errorf("a stored list has %d entries: at most %d fit", n, most))
		return 0
	}
	return n
}

func (d *decoder) word(in bounds) string {
	switch n := d.uvarint(); {
	case n == 0:
		return ""
	case n > uint64(len(in.words)):
		d.fail(fmt.Errorf("a stored value names word %d of %d", n, len(in.words)))
		return ""
	default:
		return in.words[n-1]
	}
}

func (d *decoder) single() float32 {
	b := d.take(4)
	if b == nil {
		return 0
	}
	return math.Float32frombits(binary.LittleEndian.Uint32(b))
}

func (d *decoder) number() float64 {
	switch kind := d.byte(); kind {
	case numberUnknown:
		return math.NaN()
	case numberWhole:
		v, n := binary.Varint(d.b)
		if n <= 0 {
			d.fail(errCut)
			return 0
		}
		d.take(uint64(n))
		return float64(v)
	case numberSingle:
		return float64(d.single())
	case numberDouble:
		return d.float()
	default:
		d.fail(errors.New("a stored number is of a kind that is not known"))
		return 0
	}
}

// fail keeps the first error.
func (d *decoder) fail(err error) {
	if d.err == nil {
		d.err = err
	}
}

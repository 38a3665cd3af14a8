package snapshot

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"

	"regulars/models"
)

// Values in the store. Integers are little-endian or uvarint, texts are a
// uvarint length and bytes.
//
//	candidates  uvarint n, n × (uint32 strategy<<24 | item, float32 score), then
//	            n × (byte kind of reason, and uvarint of what where it has one)
//	lists       for each: uvarint number of bytes, candidates; of a customer's
//	            list by group instead uvarint group, from 1, 0 = none
//	item        byte flags (1 in stock), text id, title, brand, category, number
//	            price, uvarint n, n × text tag, then int64 microseconds where the
//	            flags say so (2 from, 4 available from), then values
//	record      of a customer: uvarint number of bytes, core; uvarint number of bytes, profile;
//	            then lists
//	core        uvarint flags, candidates, uvarint n, n × uvarint step to the next
//	            bought item, then scores if there are any
//	profile     values, uvarint n, n × (text source, text alias)
const (
	flagInStock = 1 << iota
	flagFrom
	flagAvailableFrom
)

var errCut = errors.New("a stored value ends too early")

func appendText(b []byte, s string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}

func appendCandidates(b []byte, list []Candidate) []byte {
	b = binary.AppendUvarint(b, uint64(len(list)))
	for _, c := range list {
		b = binary.LittleEndian.AppendUint32(b, uint32(c.Strategy)<<24|uint32(c.Item))
		b = binary.LittleEndian.AppendUint32(b, math.Float32bits(c.Score))
	}
	for _, c := range list {
		if b = append(b, byte(c.Reason.Kind)); c.Reason.hasOf() {
			b = binary.AppendUvarint(b, uint64(c.Reason.Of))
		}
	}
	return b
}

// appendLists lets a reader step over the lists that it does not want.
func appendLists(b []byte, lists [][]Candidate) []byte {
	var one []byte
	for _, list := range lists {
		one = appendCandidates(one[:0], list)
		b = appendSized(b, one)
	}
	return b
}

func appendSized(b, value []byte) []byte {
	return append(binary.AppendUvarint(b, uint64(len(value))), value...)
}

// hasOf reports whether a reason of this kind is about something.
func (r Reason) hasOf() bool {
	return r.Kind == models.ReasonBought || r.Kind == models.ReasonTogether || r.Kind == models.ReasonUsual
}

func appendItem(b []byte, it Item, fields []Field) []byte {
	at := len(b)
	b = append(b, 0)
	for _, text := range []string{it.ID, it.Title, it.Brand, it.Category} {
		b = appendText(b, text)
	}
	b = appendTexts(appendNumber(b, it.Price), it.Tags)
	if it.InStock {
		b[at] |= flagInStock
	}
	if it.From != Undated {
		b[at] |= flagFrom
		b = binary.LittleEndian.AppendUint64(b, uint64(it.From))
	}
	if it.AvailableFrom != Undated {
		b[at] |= flagAvailableFrom
		b = binary.LittleEndian.AppendUint64(b, uint64(it.AvailableFrom))
	}
	return appendValues(b, it.Extra, fields)
}

func appendUser(b []byte, u User, l *lexicon, fields []Field) []byte {
	b = appendSized(b, appendCore(nil, u, l))
	b = appendSized(b, appendAliases(appendValues(nil, u.Profile, fields), u.Aliases))
	var one []byte
	for n := range max(len(u.Lists), len(u.Groups)) {
		switch {
		case n < len(u.Groups) && u.Groups[n] > 0:
			one = binary.AppendUvarint(one[:0], uint64(u.Groups[n]))
		case n < len(u.Lists):
			one = appendCandidates(one[:0], u.Lists[n])
		default:
			one = append(one[:0], 0) // no list, and no group
		}
		b = appendSized(b, one)
	}
	return b
}

func appendCore(b []byte, u User, l *lexicon) []byte {
	b = binary.AppendUvarint(b, u.Scores.flags())
	b = appendCandidates(b, u.Candidates)
	b = binary.AppendUvarint(b, uint64(len(u.Bought)))
	last := int32(0)
	for _, it := range u.Bought {
		b = binary.AppendUvarint(b, uint64(it-last))
		last = it
	}
	if u.Scores == nil {
		return b
	}
	return appendScores(b, u.Scores, l)
}

// A decoder takes values off the front of b; after the first error it yields zeros.
type decoder struct {
	b   []byte
	err error
}

func (d *decoder) take(n uint64) []byte {
	if d.err == nil && n > uint64(len(d.b)) {
		d.err = errCut
	}
	if d.err != nil {
		return nil
	}
	out := d.b[:n]
	d.b = d.b[n:]
	return out
}

func (d *decoder) uvarint() uint64 {
	v, n := binary.Uvarint(d.b)
	if n <= 0 {
		d.take(math.MaxUint64)
		return 0
	}
	d.take(uint64(n))
	return v
}

func (d *decoder) byte() byte {
	if b := d.take(1); b != nil {
		return b[0]
	}
	return 0
}

func (d *decoder) float() float64 {
	b := d.take(8)
	if b == nil {
		return 0
	}
	f := math.Float64frombits(binary.LittleEndian.Uint64(b))
	if math.IsNaN(f) || math.IsInf(f, 0) {
		d.err = errors.New("a stored number is not finite")
	}
	return f
}

// text copies, because the bytes belong to a memory map that will be closed.
func (d *decoder) text() string { return string(d.take(d.uvarint())) }

// bounds are what numbers in a value may not reach, so that nobody later
// indexes outside.
type bounds struct {
	items, strategies int
	words             []string // that a value may name, the first by 1
	info              *Info    // what scores are made of
}

func (d *decoder) candidates(in bounds) []Candidate {
	list, _ := d.leading(in, maxItems)
	return list
}

// leading decodes the first candidates of a list, at most so many; where there
// are more, what stands behind the list cannot be decoded.
func (d *decoder) leading(in bounds, most int) (list []Candidate, more bool) {
	n := d.uvarint()
	if n > maxItems {
		d.take(math.MaxUint64)
		return nil, false
	}
	b := d.take(8 * n)
	if b == nil || n == 0 {
		return nil, false
	}
	out := make([]Candidate, min(n, uint64(most)))
	for i := range out {
		packed := binary.LittleEndian.Uint32(b[8*i:])
		out[i] = Candidate{Item: int32(packed & (maxItems - 1)), Strategy: uint8(packed >> 24),
			Score: math.Float32frombits(binary.LittleEndian.Uint32(b[8*i+4:])), Reason: d.reason()}
		if err := out[i].check(in); err != nil && d.err == nil {
			d.err = err
		}
		if d.err != nil {
			return nil, false
		}
	}
	return out, len(out) < int(n)
}

// skipCandidates steps over a list.
func (d *decoder) skipCandidates() {
	n := d.uvarint()
	if n > maxItems {
		d.take(math.MaxUint64)
		return
	}
	d.take(8 * n)
	for ; n > 0 && d.err == nil; n-- {
		if r := (Reason{Kind: models.ReasonKind(d.byte())}); r.hasOf() {
			d.skipUvarints(1)
		}
	}
}

// skipBought steps over the items bought.
func (d *decoder) skipBought() { d.skipUvarints(d.uvarint()) }

// skipUvarints steps over so many: each ends with the first byte below 0x80.
func (d *decoder) skipUvarints(n uint64) {
	at := 0
	for ; n > 0 && at < len(d.b); at++ {
		if d.b[at] < 0x80 {
			n--
		}
	}
	if d.take(uint64(at)); n > 0 {
		d.fail(errCut)
	}
}

func (d *decoder) reason() Reason {
	r := Reason{Kind: models.ReasonKind(d.byte())}
	if r.hasOf() {
		of := d.uvarint()
		if of > math.MaxInt32 {
			of = math.MaxUint32 // −1, which check refuses
		}
		r.Of = int32(uint32(of))
	}
	return r
}

func (c Candidate) check(in bounds) error {
	switch f := float64(c.Score); {
	case c.Item < 0 || int(c.Item) >= in.items:
		return fmt.Errorf("candidate names item %d of %d", c.Item, in.items)
	case int(c.Strategy) >= in.strategies:
		return fmt.Errorf("candidate names strategy %d of %d", c.Strategy, in.strategies)
	case math.IsNaN(f) || math.IsInf(f, 0):
		return fmt.Errorf("candidate item %d has the score %v", c.Item, c.Score)
	}
	if err := c.Reason.check(in); err != nil {
		return fmt.Errorf("candidate item %d: %w", c.Item, err)
	}
	return nil
}

func (r Reason) check(in bounds) error {
	switch {
	case r.Kind > maxReason:
		return fmt.Errorf("a reason of kind %d is not known", r.Kind)
	case r.Kind == models.ReasonUsual && r.Of < 1:
		return fmt.Errorf("its reason is usual every %d days", r.Of)
	case r.Kind != models.ReasonUsual && r.hasOf() && (r.Of < 0 || int(r.Of) >= in.items):
		return fmt.Errorf("its reason names item %d of %d", r.Of, in.items)
	case !r.hasOf() && r.Of != 0:
		return fmt.Errorf("its reason of kind %d is about nothing, but says %d", r.Kind, r.Of)
	}
	return nil
}

// nth has the value numbered n decoded, of which there may be fewer; what stands
// behind it is left out.
func (d *decoder) nth(n int, decode func(one *decoder)) {
	for ; n > 0 && len(d.b) > 0; n-- {
		d.take(d.uvarint())
	}
	if len(d.b) == 0 {
		return
	}
	one := &decoder{b: d.take(d.uvarint()), err: d.err}
	decode(one)
	d.b, d.err = nil, one.end()
}

// list decodes the list numbered n: one that is missing is empty.
func (d *decoder) list(n int, in bounds) (out []Candidate) {
	d.nth(n, func(one *decoder) { out = one.candidates(in) })
	if d.err != nil {
		return nil
	}
	return out
}

// group decodes which of so many groups the customer belongs to for the list
// numbered n, from 1; 0 = none.
func (d *decoder) group(n, groups int) (group int) {
	d.nth(n, func(one *decoder) {
		g := one.uvarint()
		if g > uint64(groups) {
			one.fail(fmt.Errorf("the customer is of group %d of %d", g, groups))
			return
		}
		group = int(g)
	})
	if d.err != nil {
		return 0
	}
	return group
}

// groupLists decodes one list for each group.
func (d *decoder) groupLists(groups int, in bounds) [][]Candidate {
	out := make([][]Candidate, groups)
	for g := range out {
		one := &decoder{b: d.take(d.uvarint()), err: d.err}
		out[g] = one.candidates(in)
		if err := one.end(); err != nil {
			d.fail(err)
			return nil
		}
	}
	return out
}

// item keeps the texts of an item in one piece of memory.
func (d *decoder) item(fields []Field) Item {
	flags := d.byte()
	whole, behind := string(d.b), len(d.b)
	text := func() string {
		n := d.uvarint()
		at := behind - len(d.b)
		return whole[at : at+len(d.take(n))]
	}
	it := Item{ID: text(), Title: text(), Brand: text(), Category: text(), InStock: flags&flagInStock != 0,
		Price: d.number(), Tags: d.texts(maxTags), From: Undated, AvailableFrom: Undated}
	if flags&flagFrom != 0 {
		it.From = d.int64()
	}
	if flags&flagAvailableFrom != 0 {
		it.AvailableFrom = d.int64()
	}
	it.Extra = d.values(fields)
	return it
}

func (d *decoder) int64() int64 {
	b := d.take(8)
	if b == nil {
		return 0
	}
	return int64(binary.LittleEndian.Uint64(b))
}

func (d *decoder) core(in bounds) User {
	flags := d.uvarint()
	u := User{Candidates: d.candidates(in), Bought: d.bought(in.items)}
	if flags&flagScored != 0 {
		u.Scores = d.scores(flags, in)
	}
	return u
}

func (d *decoder) bought(items int) []int32 {
	n := d.uvarint()
	if n == 0 || n > uint64(len(d.b)) { // every step takes at least a byte
		if n > 0 {
			d.take(math.MaxUint64)
		}
		return nil
	}
	out := make([]int32, n)
	at := uint64(0)
	for i := range out {
		step := d.uvarint()
		if at += step; step >= uint64(items) || at >= uint64(items) || i > 0 && step == 0 {
			d.err = fmt.Errorf("bought item %d is out of range or order", i)
			return nil
		}
		out[i] = int32(at)
	}
	return out
}

// end returns the first error, or one when bytes are left over.
func (d *decoder) end() error {
	if d.err == nil && len(d.b) > 0 {
		return fmt.Errorf("a stored value has %d bytes too many", len(d.b))
	}
	return d.err
}

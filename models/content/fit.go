package content

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"
	"strings"

	"regulars/features/matrix"
	"regulars/models"
)

// itemsAStep is how many items are read between looks at the context.
const itemsAStep = 4096

// Fit reads the attributes of every item of the vocabulary, sold or not, and the
// recent popularity of the items from the interactions before day now. Without
// one, or without an attribute of any item, the error wraps models.ErrNoData. A wrong option is an *models.OptionError. progress may be
// nil; it is called with the items read, twice over.
// Memory: about 16 bytes a term of an item, and the terms.
func Fit(ctx context.Context, ev *matrix.Events, a Attributes, now int32, o Options, progress func(done, total int)) (*Model, error) {
	o, err := o.resolved()
	if err != nil {
		return nil, err
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if !slices.ContainsFunc(ev.Day, func(d int32) bool { return d < now }) {
		return nil, fmt.Errorf("content: no interaction before day %d: %w", now, models.ErrNoData)
	}
	if err := a.check(ev.Items); err != nil {
		return nil, err
	}
	b := &builder{ctx: ctx, o: o, items: ev.Items, reader: newReader(a, o), progress: progress}
	frequency, err := b.frequency()
	if err != nil {
		return nil, err
	}
	b.choose(frequency)
	if len(b.terms) == 0 {
		return nil, fmt.Errorf("content: no item has a title, category, brand, price or tag that can be used: %w", models.ErrNoData)
	}
	vectors, err := b.vectors()
	if err != nil {
		return nil, err
	}
	return New(o, vectors, b.fieldsOf(), b.texts(), recentShare(ev, now, o.RecentDays))
}

// alwaysSearched is how many items a word may have in any catalogue: MaxShare is
// there for the cost of searching, which such a word does not have.
const alwaysSearched = 100

type builder struct {
	ctx      context.Context
	o        Options
	items    int
	reader   *reader
	progress func(done, total int)
	terms    []term // by field and text
	idf      []float64
	number   map[term]int32
}

func (t term) compare(u term) int {
	return cmp.Or(cmp.Compare(t.field, u.field), strings.Compare(t.text, u.text))
}

// each calls visit for every item, and reports it as so many of total.
func (b *builder) each(done int, visit func(item int)) error {
	for i := range b.items {
		if i%itemsAStep == 0 {
			if err := b.ctx.Err(); err != nil {
				return err
			}
			if b.progress != nil {
				b.progress(done+i, 2*b.items)
			}
		}
		visit(i)
	}
	if b.progress != nil {
		b.progress(done+b.items, 2*b.items)
	}
	return nil
}

// frequency counts the items of each term.
func (b *builder) frequency() (map[term]int, error) {
	count := map[term]int{}
	err := b.each(0, func(item int) {
		for _, c := range b.reader.terms(item) {
			count[c.term]++
		}
	})
	return count, err
}

// choose keeps the terms that are neither too rare nor too common, and weighs
// words and tags by ln((1+n)/(1+df)) + 1, the smooth idf of scikit-learn.
func (b *builder) choose(frequency map[term]int) {
	most := math.Max(b.o.MaxShare*float64(b.items), alwaysSearched)
	for t, n := range frequency {
		free := t.field == title || t.field == tags
		if !free || n >= b.o.MinItems && float64(n) <= most {
			b.terms = append(b.terms, t)
		}
	}
	slices.SortFunc(b.terms, term.compare)
	b.number = make(map[term]int32, len(b.terms))
	b.idf = make([]float64, len(b.terms))
	for i, t := range b.terms {
		b.number[t], b.idf[i] = int32(i), 1
		if t.field == title || t.field == tags {
			b.idf[i] = math.Log(float64(1+b.items)/float64(1+frequency[t])) + 1
		}
	}
}

// vectors returns items × terms: each attribute's part has the length √weight,
// and all of an item's together the length 1.
func (b *builder) vectors() (*matrix.CSR, error) {
	v := &matrix.CSR{Rows: b.items, Cols: len(b.terms), Indptr: make([]int64, 1, b.items+1)}
	var row []float64
	err := b.each(b.items, func(item int) {
		row = row[:0]
		var squares [fields]float64
		for _, c := range b.reader.terms(item) {
			if at, ok := b.number[c.term]; ok {
				x := c.count * b.idf[at]
				v.Indices, row = append(v.Indices, at), append(row, x)
				squares[c.field] += x * x
			}
		}
		v.Values = b.appendScaled(v.Values, v.Indices[len(v.Values):], row, squares)
		v.Indptr = append(v.Indptr, int64(len(v.Indices)))
	})
	return v, err
}

func (b *builder) appendScaled(values []float32, terms []int32, row []float64, squares [fields]float64) []float32 {
	all := 0.0
	for f, s := range squares {
		if s > 0 {
			all += b.o.weight(field(f))
		}
	}
	for i, at := range terms {
		f := b.terms[at].field
		values = append(values, float32(row[i]*math.Sqrt(b.o.weight(f)/squares[f]/all)))
	}
	return values
}

func (b *builder) fieldsOf() []uint8 {
	out := make([]uint8, len(b.terms))
	for i, t := range b.terms {
		out[i] = uint8(t.field)
	}
	return out
}

// texts returns what each term says; brands and categories as the first item
// that has them writes them, because people read those.
func (b *builder) texts() []string {
	written := map[term]string{}
	for i := range b.items {
		b.write(written, brand, b.reader.a.Brand, i)
		b.write(written, category, b.reader.a.Category, i)
	}
	out := make([]string, len(b.terms))
	for i, t := range b.terms {
		out[i] = t.text
		if w, ok := written[t]; ok {
			out[i] = w
		}
	}
	return out
}

func (b *builder) write(written map[term]string, f field, table []string, item int) {
	if table == nil {
		return
	}
	t := term{f, name(table[item])}
	if _, ok := written[t]; !ok {
		written[t] = strings.TrimSpace(table[item])
	}
}

package content

import (
	"fmt"
	"math"
	"slices"
	"sort"
	"strconv"
)

// Attributes describe the items of a vocabulary, sold or not: each table has one
// entry an item, in the order of their numbers, or is nil. "" and NaN mean that
// it is not known.
type Attributes struct {
	Title, Category, Brand []string
	Price                  []float64 // NaN unknown, else finite and not negative
	Tags                   [][]string
}

func (a Attributes) check(items int) error {
	for _, c := range []struct {
		name string
		n    int
	}{{"titles", len(a.Title)}, {"categories", len(a.Category)}, {"brands", len(a.Brand)}, {"prices", len(a.Price)}, {"lists of tags", len(a.Tags)}} {
		if c.n != 0 && c.n != items {
			return fmt.Errorf("content: %d %s of %d items: there must be one an item, or none at all", c.n, c.name, items)
		}
	}
	for i, p := range a.Price {
		if p < 0 || math.IsInf(p, 0) {
			return fmt.Errorf("content: price of item %d is %v: it must be a finite number, not negative, or NaN where it is not known", i, p)
		}
	}
	return nil
}

// A term is one word, category, brand, price band or tag.
type term struct {
	field field
	text  string
}

// reader turns the attributes of one item into counted terms.
type reader struct {
	a     Attributes
	o     Options
	edges []float64 // upper ends of all price bands but the last, ascending
	found []counted
}

type counted struct {
	term
	count float64
}

func newReader(a Attributes, o Options) *reader {
	return &reader{a: a, o: o, edges: bandEdges(a.Price, o.PriceBands)}
}

// bandEdges cuts the known prices into bands of as many items each; equal prices
// stay together, so that there may be fewer bands.
func bandEdges(prices []float64, bands int) []float64 {
	known := slices.DeleteFunc(slices.Clone(prices), func(p float64) bool { return math.IsNaN(p) })
	slices.Sort(known)
	var edges []float64
	for b := 1; b < bands && len(known) > 0; b++ {
		edges = append(edges, known[(len(known)-1)*b/bands])
	}
	return slices.Compact(edges)
}

// terms returns the distinct terms of an item by field and text. The result is
// reused by the next call.
func (r *reader) terms(item int) []counted {
	r.found = r.found[:0]
	if r.a.Title != nil {
		for _, w := range words(r.a.Title[item]) {
			r.add(title, w, 1)
		}
	}
	if r.a.Category != nil {
		r.add(category, name(r.a.Category[item]), 1)
	}
	if r.a.Brand != nil {
		r.add(brand, name(r.a.Brand[item]), 1)
	}
	if r.a.Price != nil && !math.IsNaN(r.a.Price[item]) {
		r.addBand(r.a.Price[item])
	}
	if r.a.Tags != nil {
		for _, tag := range r.a.Tags[item] {
			r.add(tags, name(tag), 1)
		}
	}
	return r.merged()
}

func (r *reader) add(f field, text string, count float64) {
	if text != "" && r.o.weight(f) > 0 {
		r.found = append(r.found, counted{term{f, text}, count})
	}
}

// addBand adds the band of a price, and half of those beside it, so that two
// prices on either side of an edge are still alike.
func (r *reader) addBand(p float64) {
	band := sort.SearchFloat64s(r.edges, p)
	r.add(price, strconv.Itoa(band), 1)
	if band > 0 {
		r.add(price, strconv.Itoa(band-1), 0.5)
	}
	if band < len(r.edges) {
		r.add(price, strconv.Itoa(band+1), 0.5)
	}
}

// merged sorts what was found and adds up equal terms.
func (r *reader) merged() []counted {
	slices.SortFunc(r.found, func(a, b counted) int { return a.compare(b.term) })
	n := 0
	for _, c := range r.found {
		if n > 0 && r.found[n-1].term == c.term {
			r.found[n-1].count += c.count
			continue
		}
		r.found[n] = c
		n++
	}
	return r.found[:n]
}

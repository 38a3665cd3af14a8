package synth

import (
	"fmt"
	"math"
	"math/rand/v2"

	"regulars/data"
)

// factors is the number of latent dimensions of taste.
const factors = 6

type vector [factors]float64

func (a *vector) dot(b *vector) float64 {
	sum := 0.0
	for i := range a {
		sum += a[i] * b[i]
	}
	return sum
}

func normal(r *rand.Rand, spread float64) vector {
	var v vector
	for i := range v {
		v[i] = spread * r.NormFloat64()
	}
	return v
}

// item is what the simulation knows of an item.
type item struct {
	id, title  string
	category   int
	brand      string
	character  vector
	popularity float64    // weight within its category
	cycle      int        // days until a buyer needs it again; 0 = never
	price      data.Money // in whole cents
	newPrice   data.Money // from repriced on
	repriced   data.Day   // never when at or after the shop's end
	launched   data.Day
	soldOut    data.Day // out of stock from here on; the shop's end when it is not
}

func (it *item) onSale(d data.Day) bool { return it.launched <= d && d < it.soldOut }

func (it *item) priceOn(d data.Day) data.Money {
	if d >= it.repriced {
		return it.newPrice
	}
	return it.price
}

// cents is one hundredth of the currency unit: prices are whole cents.
const cents = data.MoneyScale / 100

// buildCatalogue draws all items. Items of a category are dealt like cards, so
// that even a small catalogue has all of its categories.
func (s *Shop) buildCatalogue() {
	r := s.stream(streamCatalogue, 0)
	count := min(len(categories), max(3, s.opts.Items/40))
	s.categories = categories[:count]
	s.aisles = make([][]int32, count)
	s.items = make([]item, s.opts.Items)
	for i := range s.items {
		c := i % count
		s.items[i] = s.newItem(r, i, c)
		s.aisles[c] = append(s.aisles[c], int32(i))
	}
	for c := range s.aisles {
		s.rank(r, s.aisles[c])
	}
	// A category's share of all sales is Zipf too.
	s.categoryWeight = make([]float64, count)
	for i, place := range r.Perm(count) {
		s.categoryWeight[i] = math.Pow(float64(place+1), -0.5)
	}
}

// rank gives the items of one category their Zipf popularity, in random order,
// with the two first always on sale, so that no category is ever empty.
func (s *Shop) rank(r *rand.Rand, aisle []int32) {
	for place, at := range r.Perm(len(aisle)) {
		it := &s.items[aisle[at]]
		it.popularity = math.Pow(float64(place+1), -0.8)
		if place < 2 {
			it.launched, it.soldOut = s.start, s.opts.End
		}
	}
}

func (s *Shop) newItem(r *rand.Rand, number, c int) item {
	cat := &categories[c]
	it := item{id: fmt.Sprintf("i%05d", number+1), category: c, character: normal(r, 1),
		launched: s.start, repriced: s.opts.End, soldOut: s.opts.End}
	noun := cat.nouns[r.IntN(len(cat.nouns))]
	it.brand = brandOf(r, c)
	it.title = fmt.Sprintf("%s %s %s", it.brand, adjectives[r.IntN(len(adjectives))], noun)
	it.price = pretty(cat.price * math.Exp(0.5*r.NormFloat64()))
	if cat.replenish && chance(r, 0.7) {
		it.cycle = between(r, 18, 60)
	}
	span := int(s.opts.End - s.start)
	if chance(r, 0.25) {
		it.launched += data.Day(r.IntN(span))
	}
	if chance(r, 0.2) {
		it.repriced = s.start + data.Day(r.IntN(span))
		it.newPrice = pretty(it.price.Float() * (0.8 + 0.5*r.Float64()))
	}
	if chance(r, 0.03) {
		it.soldOut = max(it.launched, s.opts.End-data.Day(between(r, 1, 20)))
	}
	return it
}

// pretty makes a price of whole units less one or five cents, at least 0.95.
func pretty(units float64) data.Money {
	whole := data.Money(max(1, math.Round(units))) * data.MoneyScale
	if whole > 20*data.MoneyScale {
		return whole - 1*cents
	}
	return whole - 5*cents
}

// brandOf draws one of the brands of a category; the first are the largest.
func brandOf(r *rand.Rand, c int) string {
	place := min(geometric(r, 0.7), brandsPerCategory-1)
	return brands[(c*5+place*3)%len(brands)]
}

const brandsPerCategory = 8

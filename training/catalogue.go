package training

import (
	"fmt"
	"io"
	"maps"
	"math"
	"slices"

	"regulars/data"
	"regulars/data/interactions"
	"regulars/features/matrix"
	"regulars/features/read"
	"regulars/models/snapshot"
	"regulars/training/ranking"
)

// catalogue is every item that is known at as_of, by ascending id.
type catalogue struct {
	vocabulary *matrix.Vocabulary
	items      []snapshot.Item
	fields     []snapshot.Field // of snapshot.Item.Extra
}

// catalogueAt unites the items of the items table, as valid at as_of, with
// those that were ever bought. An item the table does not speak of is taken to
// be in stock.
func (p *Pipeline) catalogueAt(bought []string) (*catalogue, error) {
	fields, err := p.ownColumns(data.Items, nil)
	if err != nil {
		return nil, err
	}
	known, err := p.itemsAt(p.Options.AsOf, fields...)
	if err != nil {
		return nil, err
	}
	ids := append([]string(nil), bought...)
	for id := range known {
		ids = append(ids, id)
	}
	c := &catalogue{vocabulary: matrix.NewVocabulary(ids), fields: fields}
	c.items = make([]snapshot.Item, c.vocabulary.Len())
	for i, id := range c.vocabulary.IDs() {
		c.items[i] = snapshot.Item{ID: id, InStock: true, Price: math.NaN(), From: snapshot.Undated, AvailableFrom: snapshot.Undated}
		if it, ok := known[id]; ok {
			c.items[i] = snapshot.Item{ID: id, Title: it.title, Brand: it.brand, Category: it.category, InStock: it.inStock,
				Price: it.listed, Tags: it.tags, Extra: it.extra, From: it.from, AvailableFrom: it.available}
		}
	}
	return c, nil
}

// itemAt is the version of an item that holds at a date.
type itemAt struct {
	title, brand, category string
	price                  float64 // NaN where it is not known, or not since when
	listed                 float64 // price, since whenever: for display, not for learning; NaN where it is not known
	tags                   []string
	inStock                bool  // and available already
	available              int64 // microseconds; the smallest = always
	from                   int64 // microseconds; the smallest when the row is undated
	extra                  []snapshot.Value
}

// itemsAt returns the version of every item that holds at a date, with these
// columns of the shop's own.
func (p *Pipeline) itemsAt(day data.Day, own ...snapshot.Field) (map[string]itemAt, error) {
	out := map[string]itemAt{}
	asOf := day.Micros()
	columns := []string{"item_id", "valid_from", "title", "in_stock", "available_from", "brand", "category", "price", "tags"}
	contract := len(columns)
	for _, f := range own {
		columns = append(columns, f.Name)
	}
	err := p.scan(data.Items, columns, func(row data.Row) {
		it := itemAt{title: row[2].Str(), inStock: row[3].IsNull() || row[3].Bool(), from: minInt64,
			brand: row[5].Str(), category: row[6].Str(), price: math.NaN(), listed: math.NaN(), available: minInt64}
		if !row[7].IsNull() {
			it.listed = row[7].Money().Float()
		}
		if !row[8].IsNull() {
			it.tags = slices.Clone(row[8].List())
		}
		if !row[1].IsNull() {
			it.from = row[1].Micros()
			// Without a date it might be today's price, which nobody knew then.
			it.price = it.listed
		}
		if it.from >= asOf {
			return
		}
		if !row[4].IsNull() {
			it.available = row[4].Micros()
			it.inStock = it.inStock && it.available <= asOf
		}
		for _, v := range row[contract:] {
			it.extra = append(it.extra, valueOf(v))
		}
		if old, ok := out[row[0].Str()]; !ok || it.from >= old.from {
			out[row[0].Str()] = it
		}
	})
	return out, err
}

// rankingData is what recommenders may learn from at a date: interactions
// before it, and what items were like then, and were at each day before.
func (p *Pipeline) rankingData(in *read.Interactions, before *matrix.Events, day data.Day) (*ranking.Data, error) {
	items, err := p.attributesAt(day)
	if err != nil {
		return nil, err
	}
	at := func(now int32) (*interactions.Items, error) { return p.attributesAt(data.Day(now)) }
	return &ranking.Data{Events: before, Dated: true, Items: items, ItemsAt: at, IDs: in.Items}, nil
}

// attributesAt says what items were like at a date; nil when nothing is known.
func (p *Pipeline) attributesAt(day data.Day) (*interactions.Items, error) {
	known, err := p.itemsAt(day)
	if err != nil {
		return nil, err
	}
	out := &interactions.Items{}
	described := false
	for _, id := range slices.Sorted(maps.Keys(known)) {
		it := known[id]
		described = described || it.title != "" || it.brand != "" || it.category != "" || len(it.tags) > 0
		out.IDs, out.Title, out.Brand = append(out.IDs, id), append(out.Title, it.title), append(out.Brand, it.brand)
		out.Category, out.Price, out.Tags = append(out.Category, it.category), append(out.Price, it.price), append(out.Tags, it.tags)
	}
	if !described {
		return nil, nil
	}
	return out, nil
}

const minInt64 = -1 << 63

// registered returns the ids of the users table that were registered before as_of.
func (p *Pipeline) registered() ([]string, error) {
	var ids []string
	asOf := p.Options.AsOf.Micros()
	err := p.scan(data.Users, []string{"user_id", "valid_from", "signed_up_at"}, func(row data.Row) {
		for _, since := range row[1:] {
			if !since.IsNull() && since.Micros() >= asOf {
				return
			}
		}
		ids = append(ids, row[0].Str())
	})
	return ids, err
}

// scan calls each with the named columns of every row of a table; a table that
// is absent has no rows.
func (p *Pipeline) scan(table data.Table, columns []string, each func(data.Row)) (err error) {
	paths, err := p.Lake.Paths(table)
	if err != nil || len(paths) == 0 {
		return err
	}
	reader, schema, err := p.Lake.Reader(table)
	if err != nil {
		return err
	}
	defer func() {
		if closed := reader.Close(); err == nil {
			err = closed
		}
	}()
	positions := make([]int, len(columns))
	for i, c := range columns {
		if positions[i] = schema.Index(c); positions[i] < 0 {
			return fmt.Errorf("table %s has no column %s", table, c)
		}
	}
	rows, picked := make([]data.Row, 1024), make(data.Row, len(columns))
	for {
		n, err := reader.Read(rows)
		for _, row := range rows[:n] {
			for i, at := range positions {
				picked[i] = row[at]
			}
			each(picked)
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return fmt.Errorf("reading table %s: %w", table, err)
		}
	}
}

package interactions

import (
	"context"
	"errors"
	"fmt"
	"math"

	"regulars/data"
	"regulars/data/ingest"
)

// Items says what items are like. Every list that is not nil has one value an id.
type Items struct {
	IDs                    []string  // distinct
	Title, Category, Brand []string  // "" = not known; nil: the file has no such column
	Price                  []float64 // NaN = not known
	Tags                   [][]string
	Quarantine             Quarantine
}

// ReadItems reads a file with the column item_id and any of title, category,
// brand, price and tags, at least one. Of several rows of one item the last
// counts. A row without item, or with a price that is no number, goes to the
// quarantine.
func ReadItems(ctx context.Context, path string) (_ *Items, err error) {
	file, err := ingest.OpenTable(path)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	r := &itemReader{file: file, known: map[string]int32{}, out: &Items{Quarantine: Quarantine{File: path}}}
	if err := r.plan(); err != nil {
		return nil, err
	}
	if _, err := readRows(ctx, r.file, &r.out.Quarantine, r.row, nil); err != nil {
		return nil, err
	}
	if len(r.out.IDs) == 0 {
		return nil, fmt.Errorf("%s has no row that can be used", path)
	}
	return r.out, nil
}

// itemReader reads each column that is there into its list.
type itemReader struct {
	file    *ingest.Table
	out     *Items
	id      int
	toID    convert
	known   map[string]int32
	columns []itemColumn
}

// itemColumn puts a cell (null = not known) at the place of its item.
type itemColumn struct {
	name string
	from int
	to   convert
	put  func(place int, v data.Value)
}

func (r *itemReader) plan() (err error) {
	if r.id, err = r.file.Require("item_id"); err != nil {
		return err
	}
	if r.toID, err = r.file.Converter(r.id, data.KindString); err != nil {
		return err
	}
	for _, c := range []struct {
		name string
		kind data.Kind
		put  func(int, data.Value)
	}{
		{"title", data.KindString, func(i int, v data.Value) { set(&r.out.Title, i, v.Str()) }},
		{"category", data.KindString, func(i int, v data.Value) { set(&r.out.Category, i, v.Str()) }},
		{"brand", data.KindString, func(i int, v data.Value) { set(&r.out.Brand, i, v.Str()) }},
		{"price", data.KindFloat, func(i int, v data.Value) { set(&r.out.Price, i, priceOf(v)) }},
		{"tags", data.KindList, func(i int, v data.Value) { set(&r.out.Tags, i, v.List()) }},
	} {
		from := r.file.Find(c.name)
		if from < 0 {
			continue
		}
		to, err := r.file.Converter(from, c.kind)
		if err != nil {
			return err
		}
		r.columns = append(r.columns, itemColumn{c.name, from, to, c.put})
	}
	if len(r.columns) == 0 {
		return fmt.Errorf("%s has none of the columns title, category, brand, price and tags; its columns are %v", r.file.Path(), r.file.Columns())
	}
	return nil
}

// set writes at place i, which is at most one behind the end.
func set[T any](list *[]T, i int, v T) {
	if i == len(*list) {
		*list = append(*list, v)
		return
	}
	(*list)[i] = v
}

func priceOf(v data.Value) float64 {
	if v.IsNull() {
		return math.NaN()
	}
	return v.Float()
}

func (r *itemReader) row(row data.Row) error {
	id, err := text(row[r.id], r.toID, "item_id")
	if err != nil {
		return err
	}
	cells := make([]data.Value, len(r.columns))
	for i, c := range r.columns {
		if row[c.from].IsNull() {
			continue
		}
		if cells[i], err = c.to(row[c.from]); err != nil {
			return fmt.Errorf("%s %w", c.name, err)
		}
		if c.name == "price" && cells[i].Float() < 0 {
			return errors.New("price is below 0")
		}
	}
	place := int(code(r.known, &r.out.IDs, id))
	for i, c := range r.columns {
		c.put(place, cells[i])
	}
	return nil
}

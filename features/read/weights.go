package read

import (
	"fmt"
	"math"

	"github.com/parquet-go/parquet-go"

	"regulars/data"
	"regulars/features/matrix"
)

// Weights is who did how much of something with what: Users × Items.
type Weights struct {
	Users, Items *matrix.Vocabulary
	CSR          *matrix.CSR // rows without weight are left out
}

// InteractionWeights reads one weight or count column of user_item/interactions,
// such as purchase_weight, as a sparse matrix. Null and 0 are no entry.
func InteractionWeights(root, column string, asOf data.Day) (_ *Weights, err error) {
	f, err := openTable(root, "user_item", "interactions", asOf)
	if err != nil {
		return nil, err
	}
	defer f.close(&err)
	users, user, err := f.readVocabulary("user_id")
	if err != nil {
		return nil, err
	}
	items, item, err := f.readVocabulary("item_id")
	if err != nil {
		return nil, err
	}
	weight, err := f.readNumbers(column)
	if err != nil {
		return nil, err
	}
	m, err := compress(users.Len(), items.Len(), user, item, weight)
	if err != nil {
		return nil, fmt.Errorf("feature table %s, column %s: %w", f.path, column, err)
	}
	return &Weights{Users: users, Items: items, CSR: m}, nil
}

// compress builds rows from entries that are sorted by user and item, each once.
func compress(users, items int, user, item []int32, weight []float64) (*matrix.CSR, error) {
	m := &matrix.CSR{Rows: users, Cols: items, Indptr: make([]int64, users+1), Indices: make([]int32, 0, len(user)), Values: make([]float32, 0, len(user))}
	for i, u := range user {
		if i > 0 && (user[i-1] > u || user[i-1] == u && item[i-1] >= item[i]) {
			return nil, fmt.Errorf("row %d does not come after row %d by user and item: build it again", i+1, i)
		}
		w := float32(weight[i])
		switch {
		case math.IsNaN(weight[i]) || w == 0:
			continue
		case w < 0 || math.IsInf(float64(w), 0):
			return nil, fmt.Errorf("row %d is %v: a weight is finite and not below 0", i+1, weight[i])
		}
		m.Indices, m.Values = append(m.Indices, item[i]), append(m.Values, w)
		m.Indptr[u+1]++
	}
	for u := range users {
		m.Indptr[u+1] += m.Indptr[u]
	}
	return m, nil
}

// readNumbers is readFloats for the columns of large tables: pages of doubles
// without nulls are copied whole, every other page goes value by value.
func (f *file) readNumbers(name string) ([]float64, error) {
	column, kind, err := f.column(name)
	if err != nil {
		return nil, err
	}
	if kind != parquet.Double {
		return f.readFloats(name)
	}
	out := make([]float64, 0, f.NumRows())
	buffer := make([]parquet.Value, 512)
	return out, f.pages(name, column, func(page parquet.Page, _ int) error {
		if page.NumNulls() > 0 {
			out, err = appendFloats(out, page.Values(), buffer)
			return err
		}
		from := len(out)
		if out, err = appendDoubles(out, page); err != nil {
			return err
		}
		for i, x := range out[from:] {
			if _, err := finite(x); err != nil {
				return fmt.Errorf("row %d: %w", from+i+1, err)
			}
		}
		return nil
	})
}

func appendDoubles(out []float64, page parquet.Page) ([]float64, error) {
	values := page.Data()
	dictionary := page.Dictionary()
	if dictionary == nil {
		return append(out, values.Double()...), nil
	}
	entries := dictionary.Page().Data()
	table := entries.Double()
	for _, e := range values.Int32() {
		if e < 0 || int(e) >= len(table) {
			return out, fmt.Errorf("entry %d of a dictionary of %d", e, len(table))
		}
		out = append(out, table[e])
	}
	return out, nil
}

package read

import (
	"fmt"
	"math"

	"regulars/data"
	"regulars/features/matrix"
)

// Interactions is who bought what, when.
type Interactions struct {
	Users, Items *matrix.Vocabulary
	Events       *matrix.Events // weight = distinct orders of the item that day
}

// Purchases reads every purchase before as_of.
func Purchases(root string, asOf data.Day) (_ *Interactions, err error) {
	f, err := openTable(root, "user_item", "purchases", asOf)
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
	day, err := f.readDays("day")
	if err != nil {
		return nil, err
	}
	weight, err := f.readWeights("orders")
	if err != nil {
		return nil, err
	}
	events, err := matrix.NewEventsFromColumns(users.Len(), items.Len(), user, item, day, weight)
	if err != nil {
		return nil, fmt.Errorf("feature table %s: %w", f.path, err)
	}
	return &Interactions{Users: users, Items: items, Events: events}, nil
}

// readVocabulary returns the distinct ids of a column and, for every row, the
// number of its id.
func (f *file) readVocabulary(name string) (*matrix.Vocabulary, []int32, error) {
	c, err := f.readIDs(name)
	if err != nil {
		return nil, nil, err
	}
	v := matrix.NewVocabulary(c.ids)
	number := make([]int32, len(c.ids))
	for code, id := range c.ids {
		if number[code], err = v.Require(id); err != nil {
			return nil, nil, err
		}
	}
	for i, code := range c.codes {
		c.codes[i] = number[code]
	}
	return v, c.codes, nil
}

func (f *file) readDays(name string) ([]int32, error) {
	values, err := f.readInts(name)
	if err != nil {
		return nil, err
	}
	days := make([]int32, len(values))
	for i, v := range values {
		if v < math.MinInt32 || v > math.MaxInt32 {
			return nil, fmt.Errorf("feature table %s, column %s: row %d (%d) is not a day", f.path, name, i+1, v)
		}
		days[i] = int32(v)
	}
	return days, nil
}

func (f *file) readWeights(name string) ([]float32, error) {
	values, err := f.readInts(name)
	if err != nil {
		return nil, err
	}
	weights := make([]float32, len(values))
	for i, v := range values {
		weights[i] = float32(v)
	}
	return weights, nil
}

package synth

import (
	"hash/fnv"
	"math/rand/v2"
	"slices"

	"regulars/data"
)

// dirt adds bad rows and leaves the good ones as they are. It draws from a
// stream of its own.
type dirt struct {
	share  float64
	schema data.Schema
	stream func(n int) *rand.Rand
}

// spread puts, behind a share of the good rows, a broken copy.
func (d *dirt) spread(rows []data.Row, unit int) []data.Row {
	if d.share == 0 {
		return rows
	}
	name := fnv.New32a()
	_, _ = name.Write([]byte(d.schema.Table)) // a hash cannot fail
	r := d.stream(unit<<8 | int(name.Sum32()&0xff))
	var out []data.Row
	for _, row := range rows {
		out = append(out, row)
		if chance(r, d.share) {
			out = append(out, d.broken(r, row))
		}
	}
	return out
}

// broken returns a copy of the row: without its first required value, with a
// quantity below zero (tables without one: a required value emptied), or as it
// is, a duplicate.
func (d *dirt) broken(r *rand.Rand, row data.Row) data.Row {
	bad := slices.Clone(row)
	required := slices.IndexFunc(d.schema.Columns, func(c data.Column) bool { return c.Required })
	positive := slices.IndexFunc(d.schema.Columns, func(c data.Column) bool { return c.Positive })
	switch r.IntN(3) {
	case 0:
		bad[required] = data.Null
	case 1:
		if positive >= 0 {
			bad[positive] = data.Int(-bad[positive].Int())
		} else if d.schema.Columns[required].Kind == data.KindString {
			bad[required] = data.String("")
		} else {
			bad[required] = data.Null
		}
	}
	return bad
}

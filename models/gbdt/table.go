package gbdt

import "context"

// groupSize is how many columns share a word; a histogram of them fits the
// nearest cache.
const groupSize = 8

// table holds the binned rows: eight columns to a 64-bit word, the words of a
// group of columns one after the other by row. Only columns with more than one
// bin are in it.
type table struct {
	rows    int
	columns []*bins    // column c is byte c%8 of group c/8
	groups  [][]uint64 // groups × rows
}

// newTable bins the rows of d.
func newTable(ctx context.Context, d *Data, all []*bins, o *Options) (*table, error) {
	t := &table{rows: d.X.Rows}
	for _, b := range all {
		if b.count > 1 {
			t.columns = append(t.columns, b)
		}
	}
	t.groups = make([][]uint64, (len(t.columns)+groupSize-1)/groupSize)
	for g := range t.groups {
		t.groups[g] = make([]uint64, t.rows)
	}
	parallelRows(o.Workers, t.rows, func(from, to int) {
		if ctx.Err() != nil {
			return
		}
		for c, b := range t.columns {
			words, shift := t.groups[c/groupSize], 8*uint(c%groupSize)
			for i := from; i < to; i++ {
				words[i] |= uint64(b.bin(d.X.Data[i*len(all)+b.column])) << shift
			}
		}
	})
	return t, ctx.Err()
}

// bin returns the bin of column c in a row.
func (t *table) bin(c int, row int32) uint8 {
	return uint8(t.groups[c/groupSize][row] >> (8 * uint(c%groupSize)))
}

// width returns how many columns group g holds.
func (t *table) width(g int) int { return min(groupSize, len(t.columns)-g*groupSize) }

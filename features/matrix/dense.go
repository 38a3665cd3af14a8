package matrix

import (
	"fmt"
	"slices"
)

// Dense is a table of numeric features: Rows × len(Names), row-major in Data.
// A missing value is NaN; an infinity never occurs.
type Dense struct {
	Names []string // one a column
	Rows  int
	Data  []float64 // length Rows*len(Names)
}

// NewDense returns a table of zeros.
func NewDense(rows int, names []string) *Dense {
	return &Dense{Names: names, Rows: rows, Data: make([]float64, rows*len(names))}
}

// Cols returns the number of features.
func (d *Dense) Cols() int { return len(d.Names) }

// Row returns the features of row i; the slice aliases the table.
func (d *Dense) Row(i int) []float64 {
	c := len(d.Names)
	return d.Data[i*c : (i+1)*c : (i+1)*c]
}

// Column copies feature j of every row.
func (d *Dense) Column(j int) []float64 {
	out := make([]float64, d.Rows)
	for i := range out {
		out[i] = d.Data[i*len(d.Names)+j]
	}
	return out
}

// Take returns the rows with the given numbers, in that order.
func (d *Dense) Take(rows []int) *Dense {
	out := NewDense(len(rows), d.Names)
	for i, r := range rows {
		copy(out.Row(i), d.Row(r))
	}
	return out
}

// Append returns the rows of a, then those of b. The columns must be the same.
func Append(a, b *Dense) (*Dense, error) {
	if !slices.Equal(a.Names, b.Names) {
		return nil, fmt.Errorf("tables of different features cannot be appended: %v and %v", a.Names, b.Names)
	}
	return &Dense{Names: a.Names, Rows: a.Rows + b.Rows, Data: slices.Concat(a.Data, b.Data)}, nil
}

// Select returns the columns with the given numbers, in that order.
func (d *Dense) Select(columns []int) *Dense {
	names := make([]string, len(columns))
	for i, j := range columns {
		names[i] = d.Names[j]
	}
	out := NewDense(d.Rows, names)
	for r := range d.Rows {
		from, to := d.Row(r), out.Row(r)
		for i, j := range columns {
			to[i] = from[j]
		}
	}
	return out
}

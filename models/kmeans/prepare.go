package kmeans

import (
	"math"

	"regulars/features/matrix"
)

const (
	skewed   = 1.0 // skewness in size beyond which a column goes through a logarithm
	farthest = 5.0 // bound of a prepared value in standard deviations: one wild row makes no group
)

// Column is how one column of training is prepared: (f(x) − Mean) / Std, with f
// the identity or the signed log1p, bounded to ±5; a missing x is 0, the mean.
type Column struct {
	Column    int  // its number in training
	Log       bool // signed log1p before standardisation
	Mean, Std float64
}

func (c Column) shape(x float64) float64 {
	if c.Log {
		return math.Copysign(math.Log1p(math.Abs(x)), x)
	}
	return x
}

// unshape undoes shape.
func (c Column) unshape(y float64) float64 {
	if c.Log {
		return math.Copysign(math.Expm1(math.Abs(y)), y)
	}
	return y
}

func (c Column) value(x float64) float64 {
	if math.IsNaN(x) {
		return 0
	}
	return min(max((c.shape(x)-c.Mean)/c.Std, -farthest), farthest)
}

// prepare standardises every column that has two different values. The logarithm
// is taken where the skewness of the present values is beyond 1 in size and the
// logarithm lowers it.
func prepare(x *matrix.Dense) []Column {
	var out []Column
	for j := range x.Names {
		values := x.Column(j)
		c := Column{Column: j}
		m := c.moments(values)
		if math.Abs(m.skewness()) > skewed {
			logged := Column{Column: j, Log: true}
			if after := logged.moments(values); math.Abs(after.skewness()) < math.Abs(m.skewness()) {
				c, m = logged, after
			}
		}
		c.Mean, c.Std = m.mean, math.Sqrt(m.second)
		if c.Std > 1e-12*math.Max(1, math.Abs(c.Mean)) && !math.IsInf(c.Std, 0) {
			out = append(out, c)
		}
	}
	return out
}

// moments are the count, mean and central moments (divided by n) of present values.
type moments struct{ n, mean, second, third float64 }

func (m moments) skewness() float64 {
	if m.second == 0 {
		return 0
	}
	return m.third / math.Pow(m.second, 1.5)
}

func (c Column) moments(values []float64) moments {
	var m moments
	for _, x := range values {
		if !math.IsNaN(x) {
			m.n++
			m.mean += c.shape(x)
		}
	}
	m.mean /= math.Max(1, m.n)
	for _, x := range values {
		if !math.IsNaN(x) {
			d := c.shape(x) - m.mean
			m.second += d * d
			m.third += d * d * d
		}
	}
	m.second /= math.Max(1, m.n)
	m.third /= math.Max(1, m.n)
	return m
}

// points are prepared rows: n × d, row-major.
type points struct {
	n, d int
	data []float64
}

func (p *points) row(i int) []float64 { return p.data[i*p.d : (i+1)*p.d] }

func (p *points) take(rows []int) *points {
	out := &points{n: len(rows), d: p.d, data: make([]float64, 0, len(rows)*p.d)}
	for _, r := range rows {
		out.data = append(out.data, p.row(r)...)
	}
	return out
}

func apply(columns []Column, x *matrix.Dense) *points {
	p := &points{n: x.Rows, d: len(columns), data: make([]float64, x.Rows*len(columns))}
	for i := range x.Rows {
		in, out := x.Row(i), p.row(i)
		for j, c := range columns {
			out[j] = c.value(in[c.Column])
		}
	}
	return p
}

// squared returns the squared Euclidean distance.
func squared(a, b []float64) float64 {
	var s float64
	for i, x := range a {
		d := x - b[i]
		s += d * d
	}
	return s
}

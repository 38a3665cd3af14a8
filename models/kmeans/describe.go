package kmeans

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"regulars/features/matrix"
	"regulars/models"
)

// alike is the correlation beyond which a feature says nothing new beside
// another that is already named.
const alike = 0.8

// Cluster is what one group is like.
type Cluster struct {
	Size   int
	Traits []Trait // the most distinguishing first
}

// Trait is a feature by which a group differs from all other rows.
type Trait struct {
	Feature    string
	Difference float64 // mean inside − mean outside, prepared, in standard deviations
	Inside     float64 // mean of the present values, of skewed columns that of their logarithms, undone; NaN when there is none
	Outside    float64
}

// Describe names at most n traits of each group, by the size of the difference;
// of features that correlate beyond ±0.8 only the first is named. cluster holds
// the group of each row of x, as Assign gives it.
func (m *Model) Describe(x *matrix.Dense, cluster []int32, n int) ([]Cluster, error) {
	if err := models.CheckColumns(m.Names, x.Names); err != nil {
		return nil, err
	}
	if len(cluster) != x.Rows || n < 1 {
		return nil, fmt.Errorf("kmeans: %d clusters of %d rows, %d traits asked for", len(cluster), x.Rows, n)
	}
	out := make([]Cluster, len(m.Centroids))
	for i, k := range cluster {
		if k < 0 || int(k) >= len(out) {
			return nil, fmt.Errorf("kmeans: row %d is of group %d of %d", i, k, len(out))
		}
		out[k].Size++
	}
	p := apply(m.Columns, x)
	means := centres(p)
	for k := range out {
		out[k].Traits = m.traits(x, p, means, cluster, int32(k), n)
	}
	return out, nil
}

// centres returns the mean of every prepared column.
func centres(p *points) []float64 {
	out := make([]float64, p.d)
	for i := range p.n {
		for j, v := range p.row(i) {
			out[j] += v
		}
	}
	for j := range out {
		out[j] /= float64(max(1, p.n))
	}
	return out
}

func (m *Model) traits(x *matrix.Dense, p *points, means []float64, cluster []int32, k int32, n int) []Trait {
	inside, outside := make([]float64, p.d), make([]float64, p.d)
	var in, rest float64
	for i, c := range cluster {
		sums := outside
		if c == k {
			sums = inside
			in++
		} else {
			rest++
		}
		for j, v := range p.row(i) {
			sums[j] += v
		}
	}
	if in == 0 || rest == 0 {
		return nil
	}
	order := make([]int, p.d)
	for j := range order {
		order[j] = j
		inside[j] = inside[j]/in - outside[j]/rest // now the difference
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(math.Abs(inside[b]), math.Abs(inside[a])) })
	var chosen []int
	var out []Trait
	for _, j := range order {
		if len(out) == n || inside[j] == 0 {
			break
		}
		if slices.ContainsFunc(chosen, func(other int) bool { return math.Abs(correlation(p, means, j, other)) > alike }) {
			continue
		}
		chosen = append(chosen, j)
		t := Trait{Feature: m.Names[m.Columns[j].Column], Difference: inside[j]}
		t.Inside, t.Outside = typical(x, m.Columns[j], cluster, k)
		out = append(out, t)
	}
	return out
}

func correlation(p *points, means []float64, a, b int) float64 {
	var ab, aa, bb float64
	for i := range p.n {
		row := p.row(i)
		u, v := row[a]-means[a], row[b]-means[b]
		ab, aa, bb = ab+u*v, aa+u*u, bb+v*v
	}
	if aa == 0 || bb == 0 {
		return 0
	}
	return ab / math.Sqrt(aa*bb)
}

// typical returns the mean of the present values of a column inside and outside a
// group; of a column that goes through the logarithm, the value that the mean
// logarithm belongs to, so that it lies on the side that the difference says.
func typical(x *matrix.Dense, c Column, cluster []int32, k int32) (inside, outside float64) {
	var in, rest float64
	for i, g := range cluster {
		switch v := x.Data[i*len(x.Names)+c.Column]; {
		case math.IsNaN(v):
		case g == k:
			inside += c.shape(v)
			in++
		default:
			outside += c.shape(v)
			rest++
		}
	}
	return c.unshape(inside / in), c.unshape(outside / rest)
}

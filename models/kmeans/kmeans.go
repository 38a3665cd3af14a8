package kmeans

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"regulars/features/matrix"
	"regulars/models"
)

// Model is a set of centroids. It is immutable and safe for concurrent use.
type Model struct {
	Names     []string    // columns of training
	Columns   []Column    // those that count, and how they are prepared
	Centroids [][]float64 // k × len(Columns), prepared; by falling number of rows in training
	Choices   []Choice    // what was tried, by number of groups
	Inertia   float64     // squared distances of the training rows to their centroids, summed
}

// Choice is how well a number of groups did on the rows drawn for the choice.
type Choice struct {
	Clusters   int     `json:"clusters"`
	Silhouette float64 `json:"silhouette"` // mean, in [−1, 1]
}

// Fit groups the rows of x; missing values are NaN. The number of groups is the
// one with the highest mean silhouette, the smaller of equals. With fewer than
// two distinct rows, or no column with two values, the error wraps models.ErrNoData.
func Fit(ctx context.Context, x *matrix.Dense, o Options) (*Model, error) {
	o, err := o.resolved()
	if err != nil {
		return nil, err
	}
	if err := finite(x); err != nil {
		return nil, err
	}
	f := fit{Options: o}
	columns := prepare(x)
	if x.Rows < 2 || len(columns) == 0 {
		return nil, fmt.Errorf("kmeans: %d rows, %d columns with two values: %w", x.Rows, len(columns), models.ErrNoData)
	}
	all := apply(columns, x)
	best, choices, err := f.choose(ctx, all)
	if err != nil {
		return nil, err
	}
	if err := best.lloyd(ctx, all, o.Iterations, o.Workers); err != nil {
		return nil, err
	}
	return &Model{Names: slices.Clone(x.Names), Columns: columns, Centroids: bySize(best, all.d), Choices: choices, Inertia: best.inertia}, nil
}

// New checks and returns a model read from elsewhere.
func New(names []string, columns []Column, centroids [][]float64) (*Model, error) {
	for _, c := range columns {
		if c.Column < 0 || c.Column >= len(names) || !(c.Std > 0) || math.IsInf(c.Std, 0) || math.IsNaN(c.Mean) || math.IsInf(c.Mean, 0) {
			return nil, fmt.Errorf("kmeans: column %d of %d with mean %v and deviation %v", c.Column, len(names), c.Mean, c.Std)
		}
	}
	if len(centroids) == 0 || len(columns) == 0 {
		return nil, fmt.Errorf("kmeans: %d centroids of %d columns", len(centroids), len(columns))
	}
	for i, c := range centroids {
		if len(c) != len(columns) || slices.ContainsFunc(c, func(v float64) bool { return math.IsNaN(v) || math.IsInf(v, 0) }) {
			return nil, fmt.Errorf("kmeans: centroid %d is %v: want %d finite numbers", i, c, len(columns))
		}
	}
	return &Model{Names: names, Columns: columns, Centroids: centroids}, nil
}

// Assign writes the nearest centroid of each row of x into cluster and its
// distance, in standard deviations, into distance; both have length x.Rows.
func (m *Model) Assign(x *matrix.Dense, cluster []int32, distance []float64) error {
	if err := models.CheckColumns(m.Names, x.Names); err != nil {
		return err
	}
	if len(cluster) != x.Rows || len(distance) != x.Rows {
		return fmt.Errorf("kmeans: room for %d clusters and %d distances of %d rows", len(cluster), len(distance), x.Rows)
	}
	if err := finite(x); err != nil {
		return err
	}
	flat := slices.Concat(m.Centroids...)
	p := apply(m.Columns, x)
	for i := range x.Rows {
		var s float64
		cluster[i], s = nearest(p.row(i), flat, p.d)
		distance[i] = math.Sqrt(s)
	}
	return nil
}

// finite refuses infinities; NaN stands for missing.
func finite(x *matrix.Dense) error {
	for i, v := range x.Data {
		if math.IsInf(v, 0) {
			return fmt.Errorf("kmeans: column %q, row %d is infinite", x.Names[i%len(x.Names)], i/len(x.Names))
		}
	}
	return nil
}

type fit struct{ Options }

// choose solves for every number of groups on drawn rows.
func (f fit) choose(ctx context.Context, all *points) (*clustering, []Choice, error) {
	random := rand.New(rand.NewPCG(f.Seed, 0x6b6d65616e73))
	drawn := all.take(sample(random, all.n, f.ChoiceRows))
	rows := sample(random, drawn.n, f.Silhouette)
	distance := distances(drawn, rows, f.Workers)
	var best *clustering
	var choices []Choice
	for k := f.MinClusters; k <= min(f.MaxClusters, drawn.n); k++ {
		c, err := f.solve(ctx, drawn, k, random)
		if err != nil {
			return nil, nil, err
		}
		if c.k < k { // no more distinct rows than that
			break
		}
		group := make([]int32, len(rows))
		for i, r := range rows {
			group[i] = c.nearest[r]
		}
		choice := Choice{k, silhouette(distance, group, k)}
		if best == nil || choice.Silhouette > choices[indexOf(choices, best.k)].Silhouette {
			best = c
		}
		choices = append(choices, choice)
	}
	if best == nil {
		return nil, nil, fmt.Errorf("kmeans: fewer than %d distinct rows: %w", f.MinClusters, models.ErrNoData)
	}
	return best, choices, nil
}

func indexOf(choices []Choice, k int) int {
	return slices.IndexFunc(choices, func(c Choice) bool { return c.Clusters == k })
}

// solve keeps the best of several seedings.
func (f fit) solve(ctx context.Context, p *points, k int, random *rand.Rand) (*clustering, error) {
	var best *clustering
	for range f.Restarts {
		c := seed(p, k, random)
		if err := c.lloyd(ctx, p, f.Iterations, f.Workers); err != nil {
			return nil, err
		}
		if best == nil || c.inertia < best.inertia {
			best = c
		}
	}
	return best, nil
}

// sample draws at most size of n rows, ascending; all of them when they are no more.
func sample(random *rand.Rand, n, size int) []int {
	rows := make([]int, n)
	for i := range rows {
		rows[i] = i
	}
	if n <= size {
		return rows
	}
	for i := range size {
		j := i + random.IntN(n-i)
		rows[i], rows[j] = rows[j], rows[i]
	}
	slices.Sort(rows[:size])
	return rows[:size]
}

// bySize returns the centroids of groups that have rows, the largest first.
func bySize(c *clustering, d int) [][]float64 {
	count := make([]int, c.k)
	for _, k := range c.nearest {
		count[k]++
	}
	order := make([]int, 0, c.k)
	for k := range c.k {
		if count[k] > 0 {
			order = append(order, k)
		}
	}
	slices.SortFunc(order, func(a, b int) int {
		return cmp.Or(cmp.Compare(count[b], count[a]), slices.Compare(c.centroid(d, a), c.centroid(d, b)))
	})
	out := make([][]float64, len(order))
	for i, k := range order {
		out[i] = slices.Clone(c.centroid(d, k))
	}
	return out
}

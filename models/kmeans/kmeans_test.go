package kmeans_test

import (
	"context"
	"encoding/csv"
	"errors"
	"math"
	"math/rand/v2"
	"os"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"

	"regulars/features/matrix"
	"regulars/models"
	"regulars/models/kmeans"
)

// iris reads Fisher's 150 flowers (1936): four measures, and the species.
func iris(t *testing.T) (*matrix.Dense, []int32) {
	t.Helper()
	f, err := os.Open("testdata/iris.csv")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	lines, err := csv.NewReader(f).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	x := matrix.NewDense(len(lines)-1, lines[0][:4])
	species := make([]int32, x.Rows)
	for i, line := range lines[1:] {
		for j := range 5 {
			v, err := strconv.ParseFloat(line[j], 64)
			if err != nil {
				t.Fatal(err)
			}
			if j < 4 {
				x.Row(i)[j] = v
			} else {
				species[i] = int32(v)
			}
		}
	}
	return x, species
}

func fit(t *testing.T, x *matrix.Dense, o kmeans.Options) (*kmeans.Model, []int32) {
	t.Helper()
	m, err := kmeans.Fit(context.Background(), x, o)
	if err != nil {
		t.Fatal(err)
	}
	cluster, distance := make([]int32, x.Rows), make([]float64, x.Rows)
	if err := m.Assign(x, cluster, distance); err != nil {
		t.Fatal(err)
	}
	return m, cluster
}

func sizes(cluster []int32, k int) []int {
	out := make([]int, k)
	for _, c := range cluster {
		out[c]++
	}
	return out
}

// TestIris: inertia, silhouette and sizes of the best of 200 runs of
// scikit-learn 1.9.1, KMeans(k, n_init=200, random_state=0, tol=0) and
// silhouette_score on StandardScaler().fit_transform(load_iris().data). With four
// groups and more there are many solutions within a thousandth of the best.
func TestIris(t *testing.T) {
	x, species := iris(t)
	tests := []struct {
		k                   int
		inertia, silhouette float64
		sizes               []int
	}{
		{2, 222.36170496502302, 0.5817500491982808, []int{100, 50}},
		{3, 139.82049635974982, 0.45994823920518635, []int{53, 50, 47}},
		{4, 114.0923282435746, 0, nil},
		{5, 90.80728315078542, 0, nil},
		{6, 79.99855804596771, 0, nil},
	}
	for _, test := range tests {
		m, cluster := fit(t, x, kmeans.Options{MinClusters: test.k, MaxClusters: test.k, Restarts: 100})
		if test.sizes == nil {
			if m.Inertia > test.inertia*(1+1e-3) {
				t.Errorf("%d groups: inertia %v, want %v", test.k, m.Inertia, test.inertia)
			}
			continue
		}
		if math.Abs(m.Inertia-test.inertia) > 1e-9 {
			t.Errorf("%d groups: inertia %v, want %v", test.k, m.Inertia, test.inertia)
		}
		if got := m.Choices[0].Silhouette; math.Abs(got-test.silhouette) > 1e-6 { // distances are kept as float32
			t.Errorf("%d groups: silhouette %v, want %v", test.k, got, test.silhouette)
		}
		if got := sizes(cluster, test.k); !slices.Equal(got, test.sizes) {
			t.Errorf("%d groups of %v rows, want %v", test.k, got, test.sizes)
		}
		if test.k == 3 { // adjusted_rand_score of the same
			if got := adjustedRand(cluster, species); math.Abs(got-0.6201351808870379) > 1e-12 {
				t.Errorf("adjusted Rand index %v", got)
			}
		}
	}
	if m, _ := fit(t, x, kmeans.Options{}); len(m.Centroids) != 2 || len(m.Choices) != 9 {
		t.Errorf("chose %d groups of %d numbers tried; the silhouette is highest for 2", len(m.Centroids), len(m.Choices))
	}
}

// adjustedRand is the index of Hubert and Arabie (1985): 1 for the same
// partition, about 0 for unrelated ones.
func adjustedRand(a, b []int32) float64 {
	pairs := func(n int) float64 { return float64(n) * float64(n-1) / 2 }
	both, inA, inB := map[[2]int32]int{}, map[int32]int{}, map[int32]int{}
	for i := range a {
		both[[2]int32{a[i], b[i]}]++
		inA[a[i]]++
		inB[b[i]]++
	}
	var same, sumA, sumB float64
	for _, n := range both {
		same += pairs(n)
	}
	for _, n := range inA {
		sumA += pairs(n)
	}
	for _, n := range inB {
		sumB += pairs(n)
	}
	expected := sumA * sumB / pairs(len(a))
	return (same - expected) / ((sumA+sumB)/2 - expected)
}

// blobs simulates k groups around distinct centres. Of the columns, one is
// skewed (exp) and one constant; one in twenty values may be missing.
func blobs(k, rows int, spread float64, missing bool, seed uint64) (*matrix.Dense, []int32) {
	random := rand.New(rand.NewPCG(seed, 7))
	names := []string{"a", "b", "c", "d", "skewed", "constant"}
	x := matrix.NewDense(rows, names)
	centres := make([]float64, k*5)
	for i := range centres {
		centres[i] = 10 * random.NormFloat64()
	}
	truth := make([]int32, rows)
	for i := range rows {
		g := random.IntN(k)
		truth[i] = int32(g)
		row := x.Row(i)
		for j := range 5 {
			row[j] = centres[5*g+j] + spread*random.NormFloat64()
		}
		row[4] = math.Exp(row[4] / 4)
		row[5] = 42
		if missing && random.IntN(4) == 0 {
			row[random.IntN(5)] = math.NaN()
		}
	}
	return x, truth
}

func TestBlobs(t *testing.T) {
	for _, k := range []int{2, 4, 8} {
		x, truth := blobs(k, 3000, 0.4, false, uint64(k))
		m, cluster := fit(t, x, kmeans.Options{Seed: 3})
		if got := adjustedRand(cluster, truth); len(m.Centroids) != k || got < 0.999 {
			t.Errorf("%d blobs: found %d groups, adjusted Rand index %v", k, len(m.Centroids), got)
		}
		// A missing value moves a row to the middle of the column, seldom to another group.
		x, truth = blobs(k, 3000, 0.4, true, uint64(k))
		if _, cluster = fit(t, x, kmeans.Options{Seed: 3}); adjustedRand(cluster, truth) < 0.9 {
			t.Errorf("%d blobs with missing values: adjusted Rand index %v", k, adjustedRand(cluster, truth))
		}
	}
}

// TestSame: the number of goroutines changes nothing, the seed only the way.
func TestSame(t *testing.T) {
	x, _ := blobs(4, 9000, 2.5, true, 1)
	first, _ := fit(t, x, kmeans.Options{Seed: 5, Workers: 1, Restarts: 2, ChoiceRows: 3000, Silhouette: 500})
	for _, workers := range []int{2, 7} {
		again, _ := fit(t, x, kmeans.Options{Seed: 5, Workers: workers, Restarts: 2, ChoiceRows: 3000, Silhouette: 500})
		if !reflect.DeepEqual(first, again) {
			t.Errorf("%d goroutines give another model", workers)
		}
	}
	read, err := kmeans.New(first.Names, first.Columns, first.Centroids)
	if err != nil {
		t.Fatal(err)
	}
	a, b, d := make([]int32, x.Rows), make([]int32, x.Rows), make([]float64, x.Rows)
	if err := errors.Join(first.Assign(x, a, d), read.Assign(x, b, d)); err != nil || !slices.Equal(a, b) {
		t.Errorf("the model read from its parts groups differently: %v", err)
	}
}

// TestDescribe: two groups that differ in b by much, in a copy of b, and in a by less.
func TestDescribe(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	x := matrix.NewDense(400, []string{"a", "b", "copy", "noise"})
	truth := make([]int32, x.Rows)
	for i := range x.Rows {
		g := float64(min(1, i/300)) // 300 rows of one, 100 of the other
		truth[i] = int32(g)
		b := 8*g + random.NormFloat64()
		copy(x.Row(i), []float64{2*g + random.NormFloat64(), b, 2 * b, random.NormFloat64()})
	}
	x.Row(0)[1] = math.NaN()
	m, cluster := fit(t, x, kmeans.Options{})
	if !slices.Equal(cluster, truth) {
		t.Fatalf("groups of %v", sizes(cluster, len(m.Centroids)))
	}
	got, err := m.Describe(x, cluster, 2)
	if err != nil {
		t.Fatal(err)
	}
	if got[0].Size != 300 || got[1].Size != 100 || len(got[1].Traits) != 2 {
		t.Fatalf("%+v", got)
	}
	top, next := got[1].Traits[0], got[1].Traits[1]
	if top.Feature != "copy" && top.Feature != "b" || next.Feature != "a" {
		t.Errorf("traits %+v: want b or its copy, then a", got[1].Traits)
	}
	if top.Difference < 2 || got[0].Traits[0].Difference > -2 {
		t.Errorf("differences %v and %v: want about ±2.2 standard deviations", top.Difference, got[0].Traits[0].Difference)
	}
	var inside, outside float64
	for i := range x.Rows {
		if v := x.Row(i)[0]; truth[i] == 1 {
			inside += v / 100
		} else {
			outside += v / 300
		}
	}
	if math.Abs(next.Inside-inside) > 1e-9 || math.Abs(next.Outside-outside) > 1e-9 {
		t.Errorf("means of a %v and %v, want %v and %v", next.Inside, next.Outside, inside, outside)
	}
	skewedColumn := matrix.NewDense(100, []string{"spend"})
	for i := range skewedColumn.Rows {
		skewedColumn.Data[i] = math.Exp(float64(2+6*(i/80))) - 1 // 80 rows of log1p 2, 20 of 8
	}
	m, cluster = fit(t, skewedColumn, kmeans.Options{MaxClusters: 2})
	skew, err := m.Describe(skewedColumn, cluster, 1)
	if err != nil || math.Abs(skew[1].Traits[0].Inside-(math.Exp(8)-1)) > 1e-6 || math.Abs(skew[1].Traits[0].Outside-(math.Exp(2)-1)) > 1e-6 {
		t.Errorf("a skewed column: %+v, %v", skew, err)
	}
	if _, err := m.Describe(skewedColumn, append(slices.Clone(cluster[1:]), 7), 2); err == nil {
		t.Error("a row of group 7 of 2 is described")
	}
}

func TestRefuses(t *testing.T) {
	constant := matrix.NewDense(50, []string{"a"})
	twins := matrix.NewDense(50, []string{"a"})
	for i := range 25 {
		twins.Row(i)[0] = 1
	}
	infinite := matrix.NewDense(5, []string{"a"})
	infinite.Data[3] = math.Inf(1)
	ctx := context.Background()
	for name, x := range map[string]*matrix.Dense{"constant": constant, "no row": matrix.NewDense(0, []string{"a"}), "one row": matrix.NewDense(1, []string{"a"})} {
		if _, err := kmeans.Fit(ctx, x, kmeans.Options{}); !errors.Is(err, models.ErrNoData) {
			t.Errorf("%s: error %v", name, err)
		}
	}
	if _, err := kmeans.Fit(ctx, twins, kmeans.Options{MinClusters: 3}); !errors.Is(err, models.ErrNoData) {
		t.Errorf("three groups of two distinct rows: error %v", err)
	}
	if m, cluster := fit(t, twins, kmeans.Options{}); len(m.Centroids) != 2 || m.Choices[0].Silhouette != 1 || sizes(cluster, 2)[0] != 25 {
		t.Errorf("two distinct rows: %+v", m)
	}
	if _, err := kmeans.Fit(ctx, infinite, kmeans.Options{}); err == nil || !strings.Contains(err.Error(), `column "a", row 3 is infinite`) {
		t.Errorf("infinity: error %v", err)
	}
	for option, o := range map[string]kmeans.Options{"min_clusters": {MinClusters: 1}, "max_clusters": {MaxClusters: 1}, "restarts": {Restarts: -1},
		"silhouette": {Silhouette: 5}, "choice_rows": {ChoiceRows: 20}, "iterations": {Iterations: -1}, "workers": {Workers: -1}} {
		var bad *models.OptionError
		if _, err := kmeans.Fit(ctx, twins, o); !errors.As(err, &bad) || bad.Option != option {
			t.Errorf("%s: error %v", option, err)
		}
	}
	ended, cancel := context.WithCancel(ctx)
	cancel()
	if _, err := kmeans.Fit(ended, twins, kmeans.Options{}); !errors.Is(err, context.Canceled) {
		t.Errorf("after the end: error %v", err)
	}
	m, _ := fit(t, twins, kmeans.Options{})
	if err := m.Assign(matrix.NewDense(1, []string{"b"}), make([]int32, 1), make([]float64, 1)); !errors.Is(err, models.ErrColumns) {
		t.Errorf("another column: error %v", err)
	}
	for name, bad := range map[string][][]float64{"none": nil, "short": {{}}, "NaN": {{math.NaN()}}} {
		if _, err := kmeans.New(m.Names, m.Columns, bad); err == nil {
			t.Errorf("centroids %s are accepted", name)
		}
	}
}

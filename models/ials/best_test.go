package ials

import (
	"cmp"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"regulars/features/matrix"
)

// Best must be what sorting all inner products gives, whatever may be shown.
func TestBestEqualsSortedProducts(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d, n := rapid.IntRange(1, 9).Draw(t, "d"), rapid.IntRange(1, 60).Draw(t, "items")
		small := rapid.Map(rapid.IntRange(-3, 3), func(x int) float32 { return float32(x) }) // exact in float32, many equal
		m, err := New(Options{Factors: d}, rapid.SliceOfN(small, n*d, n*d).Draw(t, "factors"))
		if err != nil {
			t.Fatal(err)
		}
		user := rapid.SliceOfN(small, d, d).Draw(t, "user")
		shown := rapid.SliceOfN(rapid.Bool(), n, n).Draw(t, "shown")
		k := rapid.IntRange(0, n+1).Draw(t, "k")
		before := []Scored{{Item: 7, Score: -1}}
		got, err := m.Best(user, k, func(i int32) bool { return shown[i] }, before)
		if err != nil || !slices.Equal(got[1:], sorted(m, user, k, shown)) || got[0] != before[0] {
			t.Fatalf("%v, %v, want %v", got, err, sorted(m, user, k, shown))
		}
	})
}

func sorted(m *Model, user []float32, k int, shown []bool) (all []Scored) {
	for i := range int32(m.Items()) {
		var sum float32
		for j, x := range m.row(int(i)) {
			sum += x * user[j]
		}
		if sum > 0 && shown[i] {
			all = append(all, Scored{i, sum})
		}
	}
	slices.SortFunc(all, func(a, b Scored) int { return cmp.Or(cmp.Compare(b.Score, a.Score), cmp.Compare(a.Item, b.Item)) })
	return all[:min(k, len(all))]
}

func TestBestRefuses(t *testing.T) {
	m, err := New(Options{Factors: 2}, []float32{1, 2, 3, 4})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := m.Best([]float32{1}, 1, nil, nil); err == nil {
		t.Error("a customer of one factor is none of two")
	}
}

func TestNearest(t *testing.T) {
	m, err := New(Options{Factors: 2}, []float32{1, 0, 9, 9, 0, 2, 0, 0, 3, .5})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		item  int32
		among []int32
		want  int32
		ok    bool
	}{{0, []int32{1, 2, 4}, 4, true}, {2, []int32{3, 0, 1}, 1, true}, {2, []int32{3}, 0, false}, {3, []int32{0}, 0, false}, {0, nil, 0, false}, {0, []int32{2}, 0, false}} {
		if got, ok := m.Nearest(c.item, c.among); got != c.want || ok != c.ok {
			t.Errorf("nearest to %d of %v: %d %v, want %d %v", c.item, c.among, got, ok, c.want, c.ok)
		}
	}
}

// BenchmarkBest is the search through 100,000 items of 64 factors: all of one
// length, so that no bound helps, and of the lengths of sales by Zipf's law.
func BenchmarkBest(b *testing.B) {
	for name, length := range map[string]func(i int) float64{
		"alike": func(int) float64 { return 1 },
		"zipf":  func(i int) float64 { return math.Pow(float64(i+1), -.3) },
	} {
		b.Run(name, func(b *testing.B) {
			const n, d = 100_000, 64
			r := rand.New(rand.NewPCG(1, 2))
			factors, at := make([]float32, n*d), r.Perm(n)
			for i := range n {
				for j := range d {
					factors[i*d+j] = float32(r.NormFloat64() * length(at[i]))
				}
			}
			m, err := New(Options{}, factors)
			if err != nil {
				b.Fatal(err)
			}
			user := make([]float32, d)
			h := matrix.History{Item: []int32{1, 20, 300, 4000, 50000}, Day: make([]int32, 5), Weight: []float32{1, 1, 1, 1, 1}}
			var list []Scored
			for b.Loop() {
				if err := m.User(h, 1, user); err != nil {
					b.Fatal(err)
				}
				if list, err = m.Best(user, 100, func(int32) bool { return true }, list[:0]); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

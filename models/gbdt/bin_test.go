package gbdt

import (
	"math"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// anyFloat draws finite numbers of every size, often equal ones and zeros.
func anyFloat() *rapid.Generator[float64] {
	return rapid.OneOf(rapid.Float64Range(-math.MaxFloat64, math.MaxFloat64), rapid.Float64Range(-2, 2),
		rapid.SampledFrom([]float64{0, math.Copysign(0, -1), 1, -1, 1e-36, -1e-36, math.MaxFloat64, -math.MaxFloat64, math.SmallestNonzeroFloat64}))
}

func TestKeysKeepTheOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b := anyFloat().Draw(t, "a"), anyFloat().Draw(t, "b")
		if (a < b) != (key(a) < key(b)) || (a == b) != (key(a) == key(b)) || unkey(key(a)) != a {
			t.Fatalf("keys of %v and %v are %d and %d", a, b, key(a), key(b))
		}
	})
}

func TestSorted(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		some := rapid.SliceOfN(anyFloat(), 1, 50).Draw(t, "values")
		var values []float64
		for i := range 5000 { // enough for the radix sort
			values = append(values, some[i*i%len(some)]+float64(i%7))
		}
		want := slices.Sorted(slices.Values(values))
		if got := sorted(values); !slices.Equal(got, want) {
			t.Fatalf("got %v", got)
		}
	})
}

// TestBins checks that a value is at most the bound of a bin exactly when it falls
// into that bin or one below, and that there are no more bins than asked for.
func TestBins(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		values := rapid.SliceOfN(anyFloat(), 1, 600).Draw(t, "values")
		o := Options{MaxBins: rapid.IntRange(2, 255).Draw(t, "bins"), MinDataInBin: rapid.IntRange(1, 10).Draw(t, "least")}
		missing := rapid.Bool().Draw(t, "missing")
		b := numericBins(distinct(slices.Clone(values)), missing, &o)
		if b.count > o.MaxBins || !slices.IsSorted(b.upper) || len(slices.Compact(slices.Clone(b.upper))) != len(b.upper) {
			t.Fatalf("%d bins of at most %d: %v", b.count, o.MaxBins, b.upper)
		}
		for _, v := range append(values, rapid.SliceOf(anyFloat()).Draw(t, "others")...) {
			at := int(b.bin(v))
			if at >= len(b.upper) || v > b.upper[at] || at > 0 && v <= b.upper[at-1] {
				t.Fatalf("%v falls into bin %d of %v", v, at, b.upper)
			}
		}
		if missing && b.bin(math.NaN()) != uint8(len(b.upper)) {
			t.Fatalf("missing values fall into bin %d of %d", b.bin(math.NaN()), b.count)
		}
	})
}

// TestCategoricalBins has more categories than bins: the commonest have their own.
func TestCategoricalBins(t *testing.T) {
	var list []counted
	for c := range 400 {
		list = append(list, counted{float64(c), 5 + c%50})
	}
	o := Options{MaxBins: 255, MinDataInBin: 3}
	b := categoricalBins(slices.Clone(list), &o)
	if b.count != 256 {
		t.Fatalf("%d bins", b.count)
	}
	least, most := math.MaxInt, 0
	for _, c := range list {
		if at := b.bin(c.value); at > 0 && float64(b.categories[at]) != c.value {
			t.Errorf("category %v falls into the bin of %d", c.value, b.categories[at])
		} else if at > 0 {
			least = min(least, c.n)
		} else {
			most = max(most, c.n)
		}
	}
	if least < most || b.bin(1000) != 0 || b.bin(math.NaN()) != 0 {
		t.Errorf("a category of %d rows has a bin, one of %d has not", least, most)
	}
}

// TestScale checks that no sum of n numbers overflows and that little is lost.
func TestScale(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, math.MaxInt32).Draw(t, "n")
		size := math.Pow(10, rapid.Float64Range(-300, 300).Draw(t, "size"))
		u := unit(n, size)
		if sum := u * size * float64(n); !(sum <= 0x1p62) {
			t.Fatalf("%d numbers of %v in units of 1/%v add up to %v", n, size, u, sum)
		}
		if u*size < 0x1p28 && u < 0x1p1000 {
			t.Fatalf("%v is only %v units", size, u*size)
		}
	})
}

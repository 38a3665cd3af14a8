package gbdt

import (
	"cmp"
	"context"
	"math"
	"math/rand/v2"
	"slices"

	"regulars/models"
)

// zeroLimit bounds the bin of zero, as in LightGBM: sparse columns keep their
// zeros apart from small numbers.
const zeroLimit = 1e-35

// sampleRows is how many rows the bins are found on.
const sampleRows = 200_000

// bins says how the values of one column fall into at most 256 bins. Numeric:
// bin b holds the values up to upper[b], the last of them +Inf; missing values,
// where there are any, have the bin after it. Categorical: bin b > 0 is the
// category categories[b]; bin 0 is every other one and the missing.
type bins struct {
	column      int
	categorical bool
	missing     bool
	count       int
	upper       []float64
	search      [256]int64 // the keys of upper, filled up with the largest
	categories  []int32
	code        map[int32]uint8
	lo, hi      float64 // range of the values present
	monotone    int8
}

// valueBins is how many bins hold numbers rather than missing values.
func (b *bins) valueBins() int { return len(b.upper) }

// bin returns the bin of a value.
func (b *bins) bin(v float64) uint8 {
	if math.IsNaN(v) {
		return uint8(b.missingBin())
	}
	if b.categorical {
		return b.code[int32(v)]
	}
	i, k := 0, key(v)
	for step := 128; step > 0; step >>= 1 {
		i += step & -int(above(k, b.search[(i+step-1)&255])) // without a branch
	}
	return uint8(i)
}

func (b *bins) missingBin() int {
	if b.categorical || !b.missing {
		return 0
	}
	return b.count - 1
}

// counted is a distinct value and how often it occurs.
type counted struct {
	value float64
	n     int
}

// distinct counts the values of a sample, ascending, the missing ones left out.
func distinct(values []float64) (list []counted) {
	present := slices.DeleteFunc(values, math.IsNaN)
	for _, v := range sorted(present) {
		if n := len(list); n > 0 && list[n-1].value == v {
			list[n-1].n++
			continue
		}
		list = append(list, counted{v, 1})
	}
	return list
}

// sorted returns the numbers in ascending order: a radix sort of their keys by
// eleven bits at a time where there are many.
func sorted(values []float64) []float64 {
	if len(values) < 4096 {
		slices.Sort(values)
		return values
	}
	from, to := make([]uint64, len(values)), make([]uint64, len(values))
	for i, v := range values {
		from[i] = uint64(key(v)) ^ 1<<63
	}
	for shift := uint(0); shift < 64; shift += 11 {
		var next [2049]int
		for _, k := range from {
			next[k>>shift&2047+1]++
		}
		for d := range 2048 {
			next[d+1] += next[d]
		}
		for _, k := range from {
			d := k >> shift & 2047
			to[next[d]] = k
			next[d]++
		}
		from, to = to, from
	}
	for i, k := range from {
		values[i] = unkey(int64(k ^ 1<<63))
	}
	return values
}

// numericBins finds the bounds of a numeric column as LightGBM does: about
// equally many rows a bin, zero in a bin of its own.
func numericBins(list []counted, missing bool, o *Options) *bins {
	b := &bins{missing: missing}
	limit := o.MaxBins
	if missing {
		limit--
	}
	b.upper = bounds(list, max(limit, 1), o.MinDataInBin)
	b.count = len(b.upper)
	if missing {
		b.count++
	}
	for i := range b.search {
		b.search[i] = math.MaxInt64
		if i < len(b.upper) {
			b.search[i] = key(b.upper[i])
		}
	}
	return b
}

// bounds returns at most limit ascending upper bounds, the last +Inf.
func bounds(list []counted, limit, minimum int) []float64 {
	below, _ := slices.BinarySearchFunc(list, -zeroLimit, compareValue)
	for below < len(list) && list[below].value <= -zeroLimit {
		below++
	}
	above := below
	for above < len(list) && list[above].value <= zeroLimit {
		above++
	}
	total, negative, zero := rows(list), rows(list[:below]), rows(list[below:above])
	var out []float64
	if below > 0 && limit > 1 {
		share := int(float64(negative) / float64(total-zero) * float64(limit-1))
		out = greedy(list[:below], max(share, 1), negative, minimum)
		out[len(out)-1] = -zeroLimit
	}
	if rest := limit - 1 - len(out); above < len(list) && rest > 0 {
		out = append(out, zeroLimit)
		return append(out, greedy(list[above:], rest, total-zero-negative, minimum)...)
	}
	return append(out, math.Inf(1))
}

func compareValue(c counted, v float64) int { return cmp.Compare(c.value, v) }

func rows(list []counted) int {
	sum := 0
	for _, c := range list {
		sum += c.n
	}
	return sum
}

// greedy gives each bin its equal share of the rows; a value that has more than
// a share gets a bin to itself and the others share what is left.
func greedy(list []counted, limit, total, minimum int) []float64 {
	if len(list) <= limit {
		return eachValue(list, minimum)
	}
	limit = max(1, min(limit, total/minimum))
	share := float64(total) / float64(limit)
	big := make([]bool, len(list)+1)
	restBins, restRows := limit, total
	for i, c := range list {
		if float64(c.n) >= share {
			big[i] = true
			restBins--
			restRows -= c.n
		}
	}
	share = float64(restRows) / float64(restBins)
	var out []float64
	inBin := 0
	for i, c := range list[:len(list)-1] {
		if len(out) == limit-1 {
			break
		}
		if !big[i] {
			restRows -= c.n
		}
		inBin += c.n
		if full := big[i] || float64(inBin) >= share || big[i+1] && float64(inBin) >= max(1, share/2); !full {
			continue
		}
		out = append(out, between(c.value, list[i+1].value))
		inBin = 0
		if !big[i] {
			restBins--
			share = float64(restRows) / float64(restBins)
		}
	}
	return append(slices.Compact(out), math.Inf(1))
}

// eachValue gives a bin to each value, joining neighbours until a bin has enough rows.
func eachValue(list []counted, minimum int) []float64 {
	var out []float64
	inBin := 0
	for i, c := range list[:len(list)-1] {
		if inBin += c.n; inBin >= minimum {
			out = append(out, between(c.value, list[i+1].value))
			inBin = 0
		}
	}
	return append(slices.Compact(out), math.Inf(1))
}

// between returns a bound that a is not above and b is, halving before adding so
// that the largest numbers do not overflow.
func between(a, b float64) float64 {
	middle := math.Nextafter(a/2+b/2, math.Inf(1))
	if middle >= b {
		return a
	}
	return max(a, middle)
}

// categoricalBins gives bins to the commonest categories; rare ones share bin 0.
func categoricalBins(list []counted, o *Options) *bins {
	b := &bins{categorical: true, categories: []int32{-1}, code: map[int32]uint8{}}
	slices.SortStableFunc(list, func(x, y counted) int { return cmp.Compare(y.n, x.n) })
	for i, c := range list {
		if len(b.categories) > o.MaxBins || c.n < o.MinDataInBin && i > 1 {
			break
		}
		b.code[int32(c.value)] = uint8(len(b.categories))
		b.categories = append(b.categories, int32(c.value))
	}
	b.count = len(b.categories)
	return b
}

// findBins returns the bins of every column.
func findBins(ctx context.Context, d *Data, o *Options) ([]*bins, error) {
	categorical, err := d.categorical()
	if err != nil {
		return nil, err
	}
	monotone, err := o.monotone(d.X.Names)
	if err != nil {
		return nil, err
	}
	for j := range monotone {
		if monotone[j] != 0 && categorical[j] {
			return nil, &models.OptionError{Model: "gbdt", Option: "Monotone", Value: d.X.Names[j], Want: "a column without categories"}
		}
	}
	extents := findExtents(d, o.Workers)
	sample := sampled(d.X.Rows, sampleRows, rand.New(rand.NewPCG(o.Seed, 0)))
	out := make([]*bins, d.X.Cols())
	parallel(o.Workers, len(out), func(j int) {
		if ctx.Err() != nil {
			return
		}
		e := extents[j]
		values := make([]float64, len(sample))
		for i, r := range sample {
			values[i] = d.X.Data[int(r)*len(out)+j]
		}
		list := distinct(values)
		switch {
		case len(list) == 0:
			out[j] = &bins{categorical: categorical[j], count: 1}
		case categorical[j]:
			out[j] = categoricalBins(list, o)
		default:
			out[j] = numericBins(list, e.missing, o)
		}
		out[j].column, out[j].lo, out[j].hi, out[j].monotone = j, e.lo, e.hi, monotone[j]
	})
	return out, ctx.Err()
}

// extent is the range of a column and whether it has missing values.
type extent struct {
	lo, hi  float64
	missing bool
}

func newExtents(columns int) []extent {
	return slices.Repeat([]extent{{lo: math.Inf(1), hi: math.Inf(-1)}}, columns)
}

// findExtents looks at every row, so that the bins of a sample know of rare missing
// values.
func findExtents(d *Data, workers int) []extent {
	columns := d.X.Cols()
	chunks := make([][]extent, (d.X.Rows+chunkRows-1)/chunkRows)
	parallelRows(workers, d.X.Rows, func(from, to int) {
		chunk := newExtents(columns)
		for i := from; i < to; i++ {
			for j, v := range d.X.Row(i) {
				chunk[j].add(v)
			}
		}
		chunks[from/chunkRows] = chunk
	})
	out := newExtents(columns)
	for _, chunk := range chunks {
		for j, e := range chunk {
			out[j] = extent{min(out[j].lo, e.lo), max(out[j].hi, e.hi), out[j].missing || e.missing}
		}
	}
	return out
}

func (e *extent) add(v float64) {
	if math.IsNaN(v) {
		e.missing = true
		return
	}
	if v < e.lo {
		e.lo = v
	}
	if v > e.hi {
		e.hi = v
	}
}

// sampled draws k of the rows 0 … n−1 without replacement, ascending (selection
// sampling, Knuth 3.4.2 S); all of them when k ≥ n.
func sampled(n, k int, rng *rand.Rand) []int32 {
	k = min(k, n)
	out := make([]int32, 0, k)
	for i := 0; len(out) < k; i++ {
		if left := n - i; left <= k-len(out) || rng.IntN(left) < k-len(out) {
			out = append(out, int32(i))
		}
	}
	return out
}

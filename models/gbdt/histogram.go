package gbdt

// A histogram has the sums of gradients and of hessians of each bin, one after
// the other: column c starts at c·stride, bin b is at c·stride + 2·b.
type histogram []int64

const stride = 2 * 256

// column returns the sums of column c, of so many bins.
func (h histogram) column(c, bins int) []int64 { return h[c*stride : c*stride+2*bins] }

// subtract takes the sums of columns from up to to out of h.
func (h histogram) subtract(t *table, other histogram, from, to int) {
	for c := from; c < to; c++ {
		a, b := h.column(c, t.columns[c].count), other.column(c, t.columns[c].count)
		for i, v := range b {
			a[i] -= v
		}
	}
}

// addGroup adds the sums of one group, other, to those of its columns in h.
func (h histogram) addGroup(t *table, g int, other histogram) {
	for c := range t.width(g) {
		bins := t.columns[g*groupSize+c].count
		a, b := h.column(g*groupSize+c, bins), other.column(c, bins)
		for i, v := range b {
			a[i] += v
		}
	}
}

// gatherRows is how many words are fetched before they are added up.
const gatherRows = 512

// accumulate adds the gradients of rows to the sums of the columns of a group, whose
// bins are the bytes of words. gradients is in the order of rows. The words of a leaf
// lie far apart in memory; fetching them in a loop of its own lets the processor wait
// for many at a time.
func accumulate(words []uint64, rows []int32, gradients []pair, few bool, sums *[groupSize * stride]int64) {
	var fetched [gatherRows]uint64
	for len(rows) > 0 {
		n := min(len(rows), gatherRows)
		for i, r := range rows[:n] {
			fetched[i&(gatherRows-1)] = words[r]
		}
		if few {
			addFour(fetched[:n], gradients, sums)
		} else {
			addEight(fetched[:n], gradients, sums)
		}
		rows, gradients = rows[n:], gradients[n:]
	}
}

// addEight adds to the sums of eight columns; columns that a group does not have
// are in bin 0 of what nobody reads.
func addEight(words []uint64, gradients []pair, sums *[groupSize * stride]int64) {
	gradients = gradients[:len(words)]
	for i, w := range words {
		p := gradients[i]
		b := w << 1 & 0x1fe
		sums[b] += p.g
		sums[b+1] += p.h
		b = stride + w>>7&0x1fe
		sums[b] += p.g
		sums[b+1] += p.h
		b = 2*stride + w>>15&0x1fe
		sums[b] += p.g
		sums[b+1] += p.h
		b = 3*stride + w>>23&0x1fe
		sums[b] += p.g
		sums[b+1] += p.h
		b = 4*stride + w>>31&0x1fe
		sums[b] += p.g
		sums[b+1] += p.h
		b = 5*stride + w>>39&0x1fe
		sums[b] += p.g
		sums[b+1] += p.h
		b = 6*stride + w>>47&0x1fe
		sums[b] += p.g
		sums[b+1] += p.h
		b = 7*stride + w>>55&0x1fe
		sums[b] += p.g
		sums[b+1] += p.h
	}
}

// addFour is addEight for groups of at most four columns.
func addFour(words []uint64, gradients []pair, sums *[groupSize * stride]int64) {
	gradients = gradients[:len(words)]
	for i, w := range words {
		p := gradients[i]
		b := w << 1 & 0x1fe
		sums[b] += p.g
		sums[b+1] += p.h
		b = stride + w>>7&0x1fe
		sums[b] += p.g
		sums[b+1] += p.h
		b = 2*stride + w>>15&0x1fe
		sums[b] += p.g
		sums[b+1] += p.h
		b = 3*stride + w>>23&0x1fe
		sums[b] += p.g
		sums[b+1] += p.h
	}
}

package kernel

import "sync"

// Syrk adds Σ_r w[r]·x_r·x_rᵀ to the lower triangle of C (n × n, leading dimension
// ldc). Row r of x begins at x[r*ldx] and has n entries; w nil means ones. What is
// above the diagonal of C may be overwritten.
func Syrk(n, rows int, w, x []float32, ldx int, c []float32, ldc int) {
	requireMatrix(x, rows, n, ldx)
	syrk(n, rows, nil, w, x, ldx, c, ldc)
}

// SyrkRows is Syrk over rows gathered from a table: x_r begins at x[idx[r]*ldx].
func SyrkRows(n int, idx []int32, w, x []float32, ldx int, c []float32, ldc int) {
	syrk(n, len(idx), idx, w, x, ldx, c, ldc)
}

func syrk(n, rows int, idx []int32, w, x []float32, ldx int, c []float32, ldc int) {
	if n <= 0 || rows <= 0 {
		return
	}
	requireMatrix(c, n, n, ldc)
	g := gatherers.Get().(*gatherer)
	defer gatherers.Put(g)
	g.reset(n, 32)
	for r := 0; r < rows; r += g.chunk {
		count := min(g.chunk, rows-r)
		if idx == nil {
			g.consecutive(x[r*ldx:], ldx, part(w, r, count), count)
		} else {
			g.rows(idx[r:], count, part(w, r, count), x, ldx)
		}
		g.lower(count, c, ldc)
	}
}

func part(w []float32, from, count int) []float32 {
	if w == nil {
		return nil
	}
	_ = w[from+count-1]
	return w[from : from+count]
}

// gatherer collects rows of n numbers, filled up with zeros to a multiple of 16,
// as they are and times their weight.
type gatherer struct {
	n, padded       int
	chunk           int // rows it holds
	plain, weighted []float32
	tile            []float32
	ones            []float32
	natural         []int32 // 0, 1, 2, …
}

// chunkFloats is how much of plain, and of weighted, stays in the first-level cache.
const chunkFloats = 4096

// reset prepares for rows of n numbers, at most most of them at a time.
func (g *gatherer) reset(n, most int) {
	g.n, g.padded = n, roundUp(n, 16)
	g.chunk = min(max(8, chunkFloats/g.padded), most)
	g.plain = atLeast(g.plain, g.chunk*g.padded)
	g.weighted = atLeast(g.weighted, g.chunk*g.padded)
	if g.padded > n {
		clear(g.plain)
		clear(g.weighted)
	}
	for len(g.ones) < g.chunk {
		g.natural, g.ones = append(g.natural, int32(len(g.ones))), append(g.ones, 1)
	}
}

// consecutive takes count rows of x; w nil means ones.
func (g *gatherer) consecutive(x []float32, ldx int, w []float32, count int) {
	g.rows(g.natural[:count], count, w, x, ldx)
}

// rows takes the rows of x that idx[:count] names; those after may be fetched ahead.
func (g *gatherer) rows(idx []int32, count int, w, x []float32, ldx int) {
	if w == nil {
		w = g.ones
	}
	idx = g.checked(idx, count, x, ldx)
	if vectors := g.n / active.width; vectors > 0 {
		active.gather(vectors, idx, count, w[:count], x, ldx, g.plain, g.weighted, g.padded)
	}
	if whole := g.n / active.width * active.width; whole < g.n {
		g.tails(idx[:count], w, x[whole:], ldx, whole)
	}
}

// weightedRows takes the rows times w only.
func (g *gatherer) weightedRows(idx []int32, count int, w, x []float32, ldx int) {
	idx = g.checked(idx, count, x, ldx)
	if vectors := g.n / active.width; vectors > 0 {
		active.gatherWeighted(vectors, idx, count, w[:count], x, ldx, g.weighted, g.padded)
	}
	if whole := g.n / active.width * active.width; whole < g.n {
		g.tails(idx[:count], w, x[whole:], ldx, whole)
	}
}

// checked is the part of idx that is looked at, all of it rows of x.
func (g *gatherer) checked(idx []int32, count int, x []float32, ldx int) []int32 {
	idx = idx[:min(len(idx), count+8)]
	for _, i := range idx {
		_ = x[int(i)*ldx:][g.n-1]
	}
	return idx
}

// tails copies what is left of the rows after their whole vectors.
func (g *gatherer) tails(idx []int32, w, x []float32, ldx, whole int) {
	for r, i := range idx {
		to := r*g.padded + whole
		for j, v := range x[int(i)*ldx:][:g.n-whole] {
			g.plain[to+j], g.weighted[to+j] = v, w[r]*v
		}
	}
}

// lower adds the products of the rows to the lower triangle of C.
func (g *gatherer) lower(count int, c []float32, ldc int) {
	for i := 0; i < g.n; i += 8 {
		vectors := (i + 8 + active.width - 1) / active.width
		if columns := vectors * active.width; i+8 <= g.n && columns <= g.n {
			active.tiles8(vectors, count, g.weighted[i:], g.padded, g.plain, g.padded, c[i*ldc:], ldc, add)
			continue
		}
		g.lowerEdge(i, vectors, count, c, ldc)
	}
}

// lowerEdge does eight rows of C of which some, or some columns, do not exist.
func (g *gatherer) lowerEdge(i, vectors, count int, c []float32, ldc int) {
	ld := vectors * active.width
	g.tile = atLeast(g.tile, 8*ld)
	active.tiles8(vectors, count, g.weighted[i:], g.padded, g.plain, g.padded, g.tile, ld, store)
	for r := i; r < min(i+8, g.n); r++ {
		axpyGo(1, g.tile[(r-i)*ld:(r-i)*ld+r+1], c[r*ldc:])
	}
}

// upper adds the products of the weighted rows with themselves to the upper
// triangle of C, padded × padded, and calls between after every eight rows of C.
func (g *gatherer) upper(count int, c []float32, between func()) {
	for i := 0; i < g.n; i += 8 {
		between()
		first := i / active.width * active.width
		active.tiles8((g.padded-first)/active.width, count, g.weighted[i:], g.padded, g.weighted[first:], g.padded, c[i*g.padded+first:], g.padded, add)
	}
}

var gatherers = sync.Pool{New: func() any { return new(gatherer) }}

package kernel

import (
	"math"
	"math/bits"
	"unsafe"
)

// Blocks of a product, after Goto and van de Geijn 2008 ("Anatomy of
// High-Performance Matrix Multiplication"): a packed block of A and one of B stay
// in the second-level cache, a panel of A in the first.
const (
	blockRows    = 256
	blockColumns = 768 // a multiple of 3·8 and 3·16
	blockDepth   = 256

	// streamed is from how many numbers on a product goes past the caches, which
	// it would only fill: what is there would have to be read first. It does so by
	// whole cache lines, or a part of one would wait for the rest.
	streamed = 4 << 20
)

// operand is one factor of a product; trans says that data holds its transpose.
type operand struct {
	data  []float32
	ld    int
	trans bool
}

// from is the operand without its first i rows and j columns.
func (o operand) from(i, j int) operand {
	if o.trans {
		i, j = j, i
	}
	o.data = o.data[i*o.ld+j:]
	return o
}

func (o operand) at(i, j int) float32 {
	if o.trans {
		i, j = j, i
	}
	return o.data[i*o.ld+j]
}

func (o operand) require(rows, columns int) {
	if o.trans {
		rows, columns = columns, rows
	}
	requireMatrix(o.data, rows, columns, o.ld)
}

// Gemm computes C = beta·C + alpha·op(A)·op(B), with op(A) m × k, op(B) k × n and
// C m × n; trans means that the slice holds the transpose. beta is 0 or 1, and 0
// overwrites whatever C held, NaN included. At most workers goroutines compute.
func Gemm(transA, transB bool, m, n, k int, alpha float32, a []float32, lda int, b []float32, ldb int, beta float32, c []float32, ldc int, workers int) {
	if m <= 0 || n <= 0 {
		return
	}
	requireMatrix(c, m, n, ldc)
	if k <= 0 || alpha == 0 {
		if beta == 0 {
			zero(m, n, c, ldc)
		}
		return
	}
	x, y := operand{a, lda, transA}, operand{b, ldb, transB}
	x.require(m, k)
	y.require(k, n)
	mode := add
	if beta == 0 {
		mode = store
		if 3*active.width%16 == 0 && k <= blockDepth && m*n >= streamed && ldc%16 == 0 && uintptr(unsafe.Pointer(&c[0]))%64 == 0 {
			mode = stream
		}
	}
	p := &product{m, n, k, alpha, x, y, c, ldc, mode, false}
	if down, across := pieces(m, blockRows), pieces(n, blockColumns); down == 1 || across == 1 && down > 4 {
		p.eachPacking(max(workers, 1)) // one factor is needed once, the other is small
		return
	}
	p.packedOnce(max(workers, 1))
}

// pieces is how many pieces of the given size n is cut into.
func pieces(n, size int) int { return (n + size - 1) / size }

func zero(m, n int, c []float32, ldc int) {
	for i := range m {
		clear(c[i*ldc : i*ldc+n])
	}
}

// product is C = A·B by one of the modes of tile, times alpha.
type product struct {
	m, n, k   int
	alpha     float32
	x, y      operand
	c         []float32
	ldc, mode int
	lower     bool // what is above the diagonal of C may be left out
}

// modeAt is the mode of the slices of the depth from step l on.
func (p *product) modeAt(l int) int {
	if l > 0 && p.mode == store {
		return add
	}
	return p.mode
}

// eachPacking computes the blocks of C, every one of which packs its factors itself.
func (p *product) eachPacking(workers int) {
	down := pieces(p.m, blockRows)
	inParallel(workers, down*pieces(p.n, blockColumns), func(ws *workspace, t int) {
		i, j := t%down*blockRows, t/down*blockColumns
		m, n := min(blockRows, p.m-i), min(blockColumns, p.n-j)
		for l := 0; l < p.k; l += blockDepth {
			depth := min(blockDepth, p.k-l)
			ws.a = packA(ws.a, m, depth, p.alpha, p.x.from(i, l))
			ws.b = packB(ws.b, depth, n, p.y.from(l, j))
			ws.panels(m, n, depth, ws.a, ws.b, p.c[i*p.ldc+j:], p.ldc, p.modeAt(l), everything)
		}
	})
}

// sharedSlices is how many slices of blockDepth are packed before they are multiplied.
const sharedSlices = 2

// packedOnce packs both factors for all workers: where C has many blocks, each
// packing for itself would take a fifth of the time.
func (p *product) packedOnce(workers int) {
	shared := workspaces.Get().(*workspace)
	defer workspaces.Put(shared)
	for l := 0; l < p.k; l += sharedSlices * blockDepth {
		s := p.pack(l, min(sharedSlices*blockDepth, p.k-l), shared, workers)
		s.multiply(workers)
	}
}

// packedSlices are factors of a few slices of the depth, one behind the other.
type packedSlices struct {
	*product
	l, depth int
	a, b     []float32
}

// at returns the factors of slice i from a row of C and a column on, and their depth.
func (s *packedSlices) at(i, row, column int) (a, b []float32, depth int) {
	l := i * blockDepth
	depth = min(blockDepth, s.depth-l)
	a = s.a[roundUp(s.m, 8)*l+row*depth:]
	b = s.b[roundUp(s.n, 3*active.width)*l+column*depth:]
	return a, b, depth
}

func (p *product) pack(l, depth int, room *workspace, workers int) *packedSlices {
	room.a, room.b = atLeast(room.a, roundUp(p.m, 8)*depth), atLeast(room.b, roundUp(p.n, 3*active.width)*depth)
	s := &packedSlices{p, l, depth, room.a, room.b}
	count, down := pieces(depth, blockDepth), pieces(p.m, blockRows)
	inParallel(workers, count*(down+pieces(p.n, blockColumns)), func(_ *workspace, t int) {
		i, t := t%count, t/count
		if from := l + i*blockDepth; t < down {
			row := t * blockRows
			a, _, depth := s.at(i, row, 0)
			packA(a, min(blockRows, p.m-row), depth, p.alpha, p.x.from(row, from))
		} else {
			column := (t - down) * blockColumns
			_, b, depth := s.at(i, 0, column)
			packB(b, depth, min(blockColumns, p.n-column), p.y.from(from, column))
		}
	})
	return s
}

func (s *packedSlices) multiply(workers int) {
	columns, down := blockColumns, pieces(s.m, blockRows)
	for columns > blockColumns/8 && down*pieces(s.n, columns) < 8*workers {
		columns /= 2 // or one worker would wait for the other
	}
	inParallel(workers, down*pieces(s.n, columns), func(ws *workspace, t int) {
		i, j := t%down*blockRows, t/down*columns
		m, n, above := min(blockRows, s.m-i), min(columns, s.n-j), everything
		if s.lower {
			above = j - i
		}
		for slice := range pieces(s.depth, blockDepth) {
			a, b, depth := s.at(slice, i, j)
			ws.panels(m, n, depth, a, b, s.c[i*s.ldc+j:], s.ldc, s.modeAt(s.l+slice*blockDepth), above)
		}
	})
}

// everything is a diagonal with nothing above it.
const everything = math.MinInt / 2

// panels multiplies the packed a by the packed b. Of C it leaves out tiles whose
// columns all lie more than their row less above to the right of it.
func (ws *workspace) panels(m, n, depth int, packed, b, c []float32, ldc, mode, above int) {
	across := 3 * active.width
	for j := 0; j < n; j += across {
		columns, panel := min(across, n-j), b[j*depth:]
		for i := max(0, (above+j)/8*8); i < m; i += 8 {
			a, to := packed[i*depth:], c[i*ldc+j:]
			if m-i >= 8 && columns%active.width == 0 {
				active.tile8(columns/active.width, depth, a, 8, panel, across, to, ldc, mode)
				continue
			}
			ws.edge(min(8, m-i), columns, depth, a, panel, to, ldc, mode)
		}
	}
}

// edge computes a tile of which only rows × columns belong to C.
func (ws *workspace) edge(rows, columns, depth int, a, b, c []float32, ldc, mode int) {
	across := 3 * active.width
	ws.c = atLeast(ws.c, 8*across)
	active.tile8(3, depth, a, 8, b, across, ws.c, across, store)
	for r := range rows {
		from, to := ws.c[r*across:r*across+columns], c[r*ldc:r*ldc+columns]
		for j, x := range from {
			switch mode {
			case store, stream:
				to[j] = x
			case add:
				to[j] += x
			}
		}
	}
}

// packA lays alpha·x, m × depth, out in panels of eight rows held by columns, the
// last filled up with zeros.
func packA(dst []float32, m, depth int, alpha float32, x operand) []float32 {
	dst = atLeast(dst, roundUp(m, 8)*depth)
	x.trans = !x.trans
	packPanels(dst, 8, depth, m, x)
	if alpha != 1 {
		for i := range dst {
			dst[i] *= alpha
		}
	}
	return dst
}

// packB lays y, depth × n, out in panels of three vectors, the last filled up with zeros.
func packB(dst []float32, depth, n int, y operand) []float32 {
	across := 3 * active.width
	dst = atLeast(dst, roundUp(n, across)*depth)
	packPanels(dst, across, depth, n, y)
	return dst
}

// packPanels lays y, depth × n, out in panels of width columns, each held by rows.
// It reads y along its rows in memory.
func packPanels(dst []float32, width, depth, n int, y operand) {
	if whole := n / width * width; whole < n {
		clear(dst[whole*depth:])
	}
	if !y.trans {
		for l := range depth {
			packRow(dst[l*width:], width, depth, y.data[l*y.ld:l*y.ld+n])
		}
		return
	}
	j := 0
	for ; j+8 <= n; j += 8 {
		to, l := dst[j/width*width*depth+j%width:], 0
		for ; l+8 <= depth; l += 8 {
			active.transpose8(to[l*width:], width, y.data[j*y.ld+l:], y.ld)
		}
		for ; l < depth; l++ {
			for i := range 8 {
				to[l*width+i] = y.data[(j+i)*y.ld+l]
			}
		}
	}
	for ; j < n; j++ {
		to := dst[j/width*width*depth+j%width:]
		for l, v := range y.data[j*y.ld : j*y.ld+depth] {
			to[l*width] = v
		}
	}
}

// packRow deals one row out to the panels.
func packRow(dst []float32, width, depth int, row []float32) {
	for ; len(row) >= width; row = row[width:] {
		if width == 8 {
			*(*[8]float32)(dst) = [8]float32(row)
		} else {
			copy(dst[:width], row)
		}
		dst = dst[min(width*depth, len(dst)):]
	}
	copy(dst, row)
}

// Packed is the right side of products with many left sides, laid out once for
// the strips that hold those.
type Packed struct {
	k, n int
	data []float32
}

// Pack lays op(B), k × n, out.
func Pack(trans bool, k, n int, b []float32, ldb, workers int) *Packed {
	p := &Packed{k: k, n: n}
	if k <= 0 || n <= 0 {
		return p
	}
	y := operand{b, ldb, trans}
	y.require(k, n)
	across := 3 * active.width
	p.data = Zeros(roundUp(n, across) * k)
	inParallel(max(workers, 1), (n+blockColumns-1)/blockColumns, func(_ *workspace, t int) {
		j := t * blockColumns
		columns := min(blockColumns, n-j)
		packPanels(p.data[j*k:(j+roundUp(columns, across))*k], across, k, columns, y.from(0, j))
	})
	return p
}

// PanelColumns is the number of which the first column of a Strip's Columns is a multiple.
func PanelColumns() int { return 3 * active.width }

// Strip is a few rows on the left of a Packed. Not safe for concurrent use.
type Strip struct {
	p          *Packed
	m          int
	ws         workspace
	thresholds []float32
}

// NewStrip returns an empty strip.
func (p *Packed) NewStrip() *Strip { return &Strip{p: p} }

// Load makes A, m × k, the rows of the strip.
func (s *Strip) Load(m int, a []float32, lda int) {
	if s.m = m; m > 0 && s.p.k > 0 {
		x := operand{a, lda, false}
		x.require(m, s.p.k)
		s.ws.a = packA(s.ws.a, m, s.p.k, 1, x)
	}
}

// Columns writes A·B[:, from:to] into C (m × (to−from)), on this goroutine. from
// is a multiple of PanelColumns.
func (s *Strip) Columns(from, to int, c []float32, ldc int) {
	if s.m <= 0 || from >= to {
		return
	}
	requireMatrix(c, s.m, to-from, ldc)
	if s.p.k <= 0 {
		zero(s.m, to-from, c, ldc)
		return
	}
	_ = s.p.data[roundUp(to, 3*active.width)*s.p.k-1]
	s.ws.panels(s.m, to-from, s.p.k, s.ws.a, s.p.data[from*s.p.k:], c, ldc, store, everything)
}

// Offer offers the elements of row i of A·B[:, from:to], with their columns as
// numbers, to selector i. Few of them are ever kept: what a selector would not
// take is seen while it is still in the first-level cache, and goes no further.
func (s *Strip) Offer(from, to int, selectors []Selector) {
	s.startThresholds(selectors)
	across, k := 3*active.width, s.p.k
	s.ws.c = atLeast(s.ws.c, 8*across)
	for j := from; j < to; j += across {
		columns := min(across, to-j)
		for i := 0; i < s.m; i += 8 {
			rows := active.productAbove(k, s.ws.a[i*k:], s.p.data[j*k:], s.ws.c, s.thresholds[i:i+8])
			for ; rows != 0; rows &= rows - 1 {
				r := bits.TrailingZeros(uint(rows))
				selectors[i+r].offerPanel(s.ws.c[r*across:(r+1)*across], columns, j)
				s.thresholds[i+r] = selectors[i+r].least()
			}
		}
	}
}

// startThresholds notes what the selectors take; rows that only fill up take nothing.
func (s *Strip) startThresholds(selectors []Selector) {
	s.thresholds = s.thresholds[:0]
	for i := range roundUp(s.m, 8) {
		t := float32(math.Inf(1))
		if i < s.m {
			t = selectors[i].least()
		}
		s.thresholds = append(s.thresholds, t)
	}
}

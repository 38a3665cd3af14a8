package kernel

import "math"

// Normal accumulates and solves the normal equations of one weighted
// least-squares problem after another:
//
//	(G + ridge·I + Σ_r w_r²·x_r·x_rᵀ)·y = Σ_r v_r·w_r·x_r
//
// Each begins with Start and ends with Solve or with Hold; systems held are solved
// together, which is faster. Not safe for concurrent use: make one for each goroutine.
type Normal struct {
	n, padded int
	g         gatherer
	lanes     *lanes    // nil where systems are solved one by one
	a         []float32 // of every slot padded × padded, the upper triangle, and a gap
	right     []float32 // of every slot padded
	inverse   []float32
	scratch   []float32
	held      []held // by slot; the next slot is the current one

	stream  []int32 // rows that are coming
	taken   int     // of the stream by Add
	fetched int     // of the stream from memory
	table   []float32
	ld      int
}

// held is where the solution of a slot goes, and what its failure is called.
type held struct {
	y   []float32
	tag int
}

const (
	slots   = 16
	slotGap = 16 // keeps the slots from falling into the same places of the cache
)

// NewNormal returns the scratch for systems of n unknowns, with room to hold
// several where that is asked for and of use.
func NewNormal(n int, hold bool) *Normal {
	s := &Normal{n: n, padded: roundUp(n, 16), scratch: make([]float32, 64)}
	s.g.reset(n, 64)
	count := 1
	if hold {
		s.lanes = newLanes(s.padded)
	}
	if s.lanes != nil {
		count = slots
	}
	s.a = atLeast(nil, count*s.step())
	s.right, s.inverse = make([]float32, count*s.padded), make([]float32, s.padded)
	return s
}

func (s *Normal) step() int { return s.padded*s.padded + slotGap }

// slot returns the matrix and the right side of a slot.
func (s *Normal) slot(i int) (a, right []float32) {
	return s.a[i*s.step():][:s.padded*s.padded], s.right[i*s.padded : (i+1)*s.padded]
}

// current is the slot being filled.
func (s *Normal) current() (a, right []float32) { return s.slot(len(s.held)) }

// Start begins a system with the symmetric matrix G, leading dimension ldg, of
// which only the upper triangle is read, and the right side 0.
func (s *Normal) Start(g []float32, ldg int) {
	a, right := s.current()
	clear(right)
	if s.n == s.padded && ldg == s.padded {
		copy(a, g[:len(a)])
		return
	}
	for i := range s.n {
		copy(a[i*s.padded+i:i*s.padded+s.n], g[i*ldg+i:])
		clear(a[i*s.padded+s.n : (i+1)*s.padded])
	}
	clear(a[s.n*s.padded:])
}

// Add adds the rows of x that idx names: x_r begins at x[idx[r]*ldx]. w are the
// roots of their weights in the matrix, v·w the weights in the right side.
func (s *Normal) Add(idx []int32, w, v, x []float32, ldx int) {
	a, right := s.current()
	for r := 0; r < len(idx); r += s.g.chunk {
		count := min(s.g.chunk, len(idx)-r)
		s.g.weightedRows(idx[r:], count, w[r:], x, ldx)
		s.taken += count
		s.g.upper(count, a, s.fetch)
		active.weightedSum(s.padded/active.width, count, v[r:r+count], s.g.weighted, s.padded, right)
	}
}

// Coming names the rows of x that the calls of Add from now on will take, in that
// order: each is fetched from memory while those before it are computed.
func (s *Normal) Coming(idx []int32, x []float32, ldx int) {
	s.stream, s.taken, s.fetched, s.table, s.ld = idx, 0, 0, x, ldx
}

// fetch asks the memory for a few of the rows ahead: for no more cache lines at a
// time than can be on their way, or the machine would wait for them.
func (s *Normal) fetch() {
	const lines = 16
	from := max(s.fetched, s.taken)
	to := min(from+max(1, lines*16/s.n), s.taken+s.g.chunk+s.g.chunk/2, len(s.stream))
	if from < to {
		active.prefetch(s.stream[from:to], s.table, s.ld, 4*s.n)
		s.fetched = to
	}
}

// AddRight adds v to the right side.
func (s *Normal) AddRight(v []float32) {
	_, right := s.current()
	active.axpy(1, v[:s.n], right)
}

// finish completes the matrix of the current slot.
func (s *Normal) finish(ridge float32) {
	a, _ := s.current()
	for i := range s.n {
		a[i*s.padded+i] += ridge
	}
	unitDiagonal(a, s.n, s.padded)
}

// Solve writes the solution into y. It is false where the matrix is not positive
// definite in float32.
func (s *Normal) Solve(ridge float32, y []float32) bool {
	s.finish(ridge)
	a, right := s.current()
	if !factorUpper(s.padded, a, s.padded, s.inverse, s.scratch) {
		return false
	}
	solveUpper(s.padded, a, s.padded, s.inverse, right, s.scratch)
	return finite(y[:s.n], right)
}

func finite(y, from []float32) bool {
	for i := range y {
		y[i] = from[i]
		if !(y[i] >= -math.MaxFloat32 && y[i] <= math.MaxFloat32) {
			return false
		}
	}
	return true
}

// Hold leaves the solution, into y, to the next Flush, or an earlier time. The
// tags of systems that cannot be solved are appended to failed.
func (s *Normal) Hold(ridge float32, y []float32, tag int, failed []int) []int {
	if s.lanes == nil {
		if !s.Solve(ridge, y) {
			failed = append(failed, tag)
		}
		return failed
	}
	s.finish(ridge)
	if s.held = append(s.held, held{y, tag}); len(s.held) == slots {
		failed = s.Flush(failed)
	}
	return failed
}

// Flush solves what is held.
func (s *Normal) Flush(failed []int) []int {
	if len(s.held) == 0 {
		return failed
	}
	for i := len(s.held); i < slots; i++ { // what is left in idle slots is not looked at
		a, right := s.slot(i)
		clear(a)
		clear(right)
		unitDiagonal(a, 0, s.padded)
	}
	s.lanes.solve(s.a, s.step(), s.right)
	for i, h := range s.held {
		if _, right := s.slot(i); !finite(h.y[:s.n], right) {
			failed = append(failed, h.tag)
		}
	}
	s.held = s.held[:0]
	return failed
}

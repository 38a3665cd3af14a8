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

	shared []float32 // G of the systems held and the current one, added when they are solved; nil where their matrices hold it
	fresh  bool      // the current matrix is nothing yet but what is shared

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
// which only the upper triangle is read, and the right side 0. G stays as it is
// until the system is solved.
func (s *Normal) Start(g []float32, ldg int) {
	a, right := s.current()
	clear(right)
	if s.fresh = s.share(g, ldg); s.fresh {
		return
	}
	for i := range s.n {
		copy(a[i*s.padded+i:i*s.padded+s.n], g[i*ldg+i:])
		clear(a[i*s.padded+s.n : (i+1)*s.padded])
	}
	clear(a[s.n*s.padded:])
}

// share tells whether G can be left to the solution of the systems held, which
// adds it to all of them: copying it for each would take as long as a few rows.
func (s *Normal) share(g []float32, ldg int) bool {
	if s.lanes == nil {
		return false
	}
	same := s.shared != nil && &s.shared[0] == &g[0]
	if s.n == s.padded && ldg == s.n && (same || len(s.held) == 0) {
		s.shared = g[:s.n*s.n]
		return true
	}
	if s.shared != nil {
		for i := range s.held {
			a, _ := s.slot(i)
			active.axpy(1, s.shared, a)
		}
		s.shared = nil
	}
	return false
}

// Add adds the rows of x that idx names: x_r begins at x[idx[r]*ldx]. w are the
// roots of their weights in the matrix, v·w the weights in the right side.
func (s *Normal) Add(idx []int32, w, v, x []float32, ldx int) {
	a, right := s.current()
	for r := 0; r < len(idx); r += s.g.chunk {
		count := min(s.g.chunk, len(idx)-r)
		s.g.weightedRows(idx[r:], count, w[r:], x, ldx)
		s.taken += count
		s.upper(count, a)
		active.weightedSum(s.padded/active.width, count, v[r:r+count], s.g.weighted, s.padded, right)
	}
}

// upper adds the rows gathered to the upper triangle of a, or stores them where
// there is nothing to add to.
func (s *Normal) upper(count int, a []float32) {
	if active.upper == nil {
		s.g.upper(count, a, s.fetch)
		return
	}
	mode := add
	if s.fresh {
		mode, s.fresh = store, false
	}
	from, to := s.ahead(len(s.stream))
	s.fetched = max(to, s.fetched)
	active.upper(s.padded, count, s.g.weighted[:count*s.padded], a, mode, s.stream[from:to], s.table, 4*s.ld)
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
	if from, to := s.ahead(max(1, lines*16/s.n)); from < to {
		active.prefetch(s.stream[from:to], s.table, s.ld, 4*s.n)
		s.fetched = to
	}
}

// ahead is which part of the stream to fetch next, at most most rows.
func (s *Normal) ahead(most int) (from, to int) {
	from = min(max(s.fetched, s.taken), len(s.stream))
	return from, max(from, min(from+most, s.taken+s.g.chunk+s.g.chunk/2, len(s.stream)))
}

// AddRight adds v to the right side.
func (s *Normal) AddRight(v []float32) {
	_, right := s.current()
	active.axpy(1, v[:s.n], right)
}

// finish completes the matrix of the current slot but for what is shared.
func (s *Normal) finish(ridge float32) {
	a, _ := s.current()
	if s.fresh {
		clear(a)
		s.fresh = false
	}
	for i := 0; i < s.n && ridge != 0; i++ {
		a[i*s.padded+i] += ridge
	}
	unitDiagonal(a, s.n, s.padded, s.padded)
}

// Solve writes the solution into y. It is false where the matrix is not positive
// definite in float32.
func (s *Normal) Solve(ridge float32, y []float32) bool {
	s.finish(ridge)
	a, right := s.current()
	if s.shared != nil {
		active.axpy(1, s.shared, a)
	}
	if !factorUpper(s.padded, a, s.padded, s.inverse, s.scratch) {
		return false
	}
	solveUpper(s.padded, a, s.padded, s.inverse, right, s.scratch)
	return finite(y[:s.n], right)
}

// finite copies the solution into y. It is false where a number is not finite, or
// so large that its square is not.
func finite(y, from []float32) bool {
	copy(y, from)
	return active.dot(y, y) <= math.MaxFloat32
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
	later := ridge // for all systems at once
	if s.n < s.padded {
		later = 0
	}
	s.finish(ridge - later)
	s.lanes.ridge[len(s.held)] = later
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
	s.lanes.solve(s.a, s.step(), s.shared, s.right) // what lies in idle slots is not looked at
	for i, h := range s.held {
		if _, right := s.slot(i); !finite(h.y[:s.n], right) {
			failed = append(failed, h.tag)
		}
	}
	s.held = s.held[:0]
	return failed
}

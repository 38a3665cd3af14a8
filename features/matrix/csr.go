package matrix

// CSR is a sparse matrix by rows: row r holds the columns
// Indices[Indptr[r]:Indptr[r+1]], ascending and distinct, with their Values.
type CSR struct {
	Rows, Cols int
	Indptr     []int64 // length Rows+1
	Indices    []int32 // length nnz
	Values     []float32
}

// NNZ returns how many entries are stored.
func (m *CSR) NNZ() int { return len(m.Indices) }

// Row returns the columns and values of row r; the slices alias the matrix.
func (m *CSR) Row(r int) ([]int32, []float32) {
	lo, hi := m.Indptr[r], m.Indptr[r+1]
	return m.Indices[lo:hi], m.Values[lo:hi]
}

// Transpose returns the Cols × Rows matrix with the same entries, columns
// ascending in each row. It is a counting sort: O(nnz + Rows + Cols).
func (m *CSR) Transpose() *CSR {
	t := &CSR{Rows: m.Cols, Cols: m.Rows, Indptr: make([]int64, m.Cols+1),
		Indices: make([]int32, m.NNZ()), Values: make([]float32, m.NNZ())}
	for _, c := range m.Indices {
		t.Indptr[c+1]++
	}
	for c := 0; c < m.Cols; c++ {
		t.Indptr[c+1] += t.Indptr[c]
	}
	next := append([]int64(nil), t.Indptr[:m.Cols]...)
	for r := 0; r < m.Rows; r++ {
		cols, vals := m.Row(r)
		for i, c := range cols {
			t.Indices[next[c]], t.Values[next[c]] = int32(r), vals[i]
			next[c]++
		}
	}
	return t
}

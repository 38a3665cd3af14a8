package itemknn

import (
	"math"

	"regulars/features/matrix"
)

// factors are the two sides of the product whose rows are similarities:
// similarity(a, b) = scale[b] · Σ_u from[a, u]·to[u, b].
type factors struct {
	from  *matrix.CSR // items × users
	to    *matrix.CSR // users × items
	scale []float64   // one an item
}

// weigh turns the weights of pairs into factors. It takes over the values of r.
func weigh(r *matrix.CSR, o Options) factors {
	switch o.Kind {
	case KindCosine:
		toCosine(r)
	case KindBM25:
		toBM25(r, *o.K1, *o.B)
	default:
		return rp3beta(r, *o.Alpha, *o.Beta)
	}
	f := factors{from: r.Transpose(), to: r, scale: make([]float64, r.Cols)}
	for i := range f.scale {
		f.scale[i] = 1
	}
	return f
}

// toCosine gives every column length 1.
func toCosine(r *matrix.CSR) {
	norm := make([]float64, r.Cols)
	for i, c := range r.Indices {
		norm[c] += float64(r.Values[i]) * float64(r.Values[i])
	}
	for i, c := range r.Indices {
		r.Values[i] = float32(float64(r.Values[i]) / math.Sqrt(norm[c]))
	}
}

// toBM25 replaces weights as written at KindBM25.
func toBM25(r *matrix.CSR, k1, b float64) {
	length, mean := make([]float64, r.Cols), 0.0
	for i, c := range r.Indices {
		length[c] += float64(r.Values[i])
	}
	for _, l := range length {
		mean += l / float64(r.Cols)
	}
	for u := range r.Rows {
		cols, vals := r.Row(u)
		idf := math.Max(0, math.Log(float64(r.Cols))-math.Log1p(float64(len(cols))))
		for i, c := range cols {
			v := float64(vals[i])
			vals[i] = float32(idf * v * (k1 + 1) / (v + k1*(1-b+b*length[c]/mean)))
		}
	}
}

// rp3beta makes both steps of the walk: from an item to its users, from a user
// to their items.
func rp3beta(r *matrix.CSR, alpha, beta float64) factors {
	users, items := sums(r)
	from := &matrix.CSR{Rows: r.Rows, Cols: r.Cols, Indptr: r.Indptr, Indices: r.Indices, Values: make([]float32, r.NNZ())}
	degree := make([]float64, r.Cols)
	for u := range r.Rows {
		for i := r.Indptr[u]; i < r.Indptr[u+1]; i++ {
			v, c := float64(r.Values[i]), r.Indices[i]
			from.Values[i] = float32(math.Pow(v/items[c], alpha))
			r.Values[i] = float32(math.Pow(v/users[u], alpha))
			degree[c]++
		}
	}
	f := factors{from: from.Transpose(), to: r, scale: degree}
	for i, n := range degree {
		f.scale[i] = math.Pow(math.Max(n, 1), -beta)
	}
	return f
}

// sums returns the sum of every row and every column.
func sums(r *matrix.CSR) (rows, cols []float64) {
	rows, cols = make([]float64, r.Rows), make([]float64, r.Cols)
	for u := range r.Rows {
		for i := r.Indptr[u]; i < r.Indptr[u+1]; i++ {
			v := float64(r.Values[i])
			rows[u] += v
			cols[r.Indices[i]] += v
		}
	}
	return rows, cols
}

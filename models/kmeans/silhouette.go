package kmeans

import "math"

// distances are the Euclidean distances between the given rows: len(rows)².
func distances(p *points, rows []int, workers int) [][]float32 {
	out := make([][]float32, len(rows))
	parallel(workers, len(rows), func(_, from, to int) {
		for i := from; i < to; i++ {
			line := make([]float32, len(rows))
			for j, r := range rows {
				line[j] = float32(math.Sqrt(squared(p.row(rows[i]), p.row(r))))
			}
			out[i] = line
		}
	})
	return out
}

// silhouette returns the mean over rows of (b − a) / max(a, b) (Rousseeuw 1987),
// a the mean distance to the others of the row's own group and b the least mean
// distance to another group; a row alone in its group counts 0.
func silhouette(distance [][]float32, group []int32, k int) float64 {
	var sum float64
	for i, line := range distance {
		sum += silhouetteOf(line, group, i, k)
	}
	return sum / float64(len(distance))
}

func silhouetteOf(line []float32, group []int32, i, k int) float64 {
	total, count := make([]float64, k), make([]float64, k)
	for j, d := range line {
		if j != i {
			total[group[j]] += float64(d)
			count[group[j]]++
		}
	}
	own := group[i]
	if count[own] == 0 {
		return 0
	}
	a, b := total[own]/count[own], math.Inf(1)
	for g := range k {
		if int32(g) != own && count[g] > 0 {
			b = min(b, total[g]/count[g])
		}
	}
	if math.IsInf(b, 1) || max(a, b) == 0 {
		return 0
	}
	return (b - a) / max(a, b)
}

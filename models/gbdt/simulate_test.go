package gbdt_test

import (
	"math"
	"math/rand/v2"

	"regulars/features/matrix"
	"regulars/models/gbdt"
)

// names has two characters that LightGBM's format cannot hold.
var names = []string{"steady", "days since, last", "category", "few", "zeros", "noise"}

// simulated draws rows whose labels depend on numbers, on a value being missing, on
// eight categories and on three, and on many zeros; groups are of ten rows.
func simulated(rows int, objective string, seed uint64) gbdt.Data {
	rng := rand.New(rand.NewPCG(seed, 1))
	d := gbdt.Data{X: matrix.NewDense(rows, names), Categorical: []int{2, 3}, Y: make([]float64, rows)}
	for i := range rows {
		row := d.X.Row(i)
		copy(row, []float64{rng.NormFloat64(), rng.ExpFloat64(), float64(3 * rng.IntN(8)), float64(rng.IntN(3)), 0, rng.NormFloat64()})
		if rng.IntN(3) == 0 {
			row[4] = rng.NormFloat64()
		}
		signal := row[0] + math.Sin(3*row[1]) + 0.8*math.Cos(row[2]) + row[3]/2 + row[4]
		if rng.IntN(5) == 0 {
			row[1] = math.NaN()
			signal += 0.7
		}
		if rng.IntN(10) == 0 {
			row[2] = math.NaN()
		}
		d.Y[i] = label(objective, signal, rng)
	}
	if objective == gbdt.LambdaRank {
		for range rows / 10 {
			d.Group = append(d.Group, 10)
		}
	}
	return d
}

func label(objective string, signal float64, rng *rand.Rand) float64 {
	switch objective {
	case gbdt.Binary:
		if rng.Float64() < 1/(1+math.Exp(-signal)) {
			return 1
		}
		return 0
	case gbdt.Multiclass:
		return math.Trunc(min(max(1.2+signal/2+rng.NormFloat64()/2, 0), 2))
	case gbdt.Poisson:
		return poissonDraw(math.Exp(signal/2), rng)
	case gbdt.Tweedie:
		return poissonDraw(math.Exp(signal/2), rng) * rng.ExpFloat64()
	case gbdt.LambdaRank:
		return math.Trunc(min(max(1+signal+rng.NormFloat64()/2, 0), 4))
	}
	return signal + 0.3*rng.NormFloat64()
}

func poissonDraw(mean float64, rng *rand.Rand) float64 {
	n, p, floor := 0.0, rng.Float64(), math.Exp(-mean)
	for ; p > floor; n++ {
		p *= rng.Float64()
	}
	return n
}

// probes are rows with everything that scoring may meet.
func probes(objective string) *matrix.Dense {
	d := simulated(16, objective, 77)
	odd := [][]float64{
		{math.NaN(), math.NaN(), math.NaN(), math.NaN(), math.NaN(), math.NaN()},
		{0, 0, -1, 7, 0, 0}, {1e-36, -1e-36, 3.7, 1000, 1e-36, 0}, {-9, 9, 1e9, 1.5, -1e300, 1e300}, {2, 1, 4, 0, math.Copysign(0, -1), 0},
	}
	for i, row := range odd {
		copy(d.X.Row(i), row)
	}
	return d.X
}

var objectives = []string{gbdt.Binary, gbdt.Multiclass, gbdt.Regression, gbdt.Poisson, gbdt.Tweedie, gbdt.LambdaRank}

func classes(objective string) int {
	if objective == gbdt.Multiclass {
		return 3
	}
	return 0
}

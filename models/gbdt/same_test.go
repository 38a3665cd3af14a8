package gbdt_test

import (
	"math"
	"testing"

	"regulars/features/matrix"
	"regulars/models/gbdt"
)

func renamed(x *matrix.Dense, names []string) *matrix.Dense {
	return &matrix.Dense{Names: names, Rows: x.Rows, Data: x.Data}
}

// TestSameTrees trains with the options of the stored models on the same rows: the
// trees must be LightGBM's but for rounding, since LightGBM keeps gradients in 32
// bits and takes the sigmoid of lambdarank from a table.
func TestSameTrees(t *testing.T) {
	stored := storedModels(t)
	tolerance := map[string]float64{gbdt.LambdaRank: 1e-3, gbdt.Poisson: 1e-4}
	for _, objective := range objectives {
		t.Run(objective, func(t *testing.T) {
			d := simulated(600, objective, 3)
			hessian := float64(leastHessian)
			m := fitted(t, d, gbdt.Options{Objective: objective, Classes: classes(objective), Rounds: 5, NumLeaves: 6, MinDataInLeaf: 1,
				MinSumHessian: &hessian, MinDataPerGroup: 20, LearningRate: 0.2})
			got, want := predict(t, m, d.X, true), predict(t, reread(t, stored[objective].Model), renamed(d.X, theirNames), true)
			worst := 0.0
			for i := range got {
				worst = max(worst, math.Abs(got[i]-want[i]))
			}
			if limit := max(1e-6, tolerance[objective]); worst > limit {
				t.Errorf("raw scores differ by up to %v, want %v", worst, limit)
			}
		})
	}
}

package models

import (
	"fmt"
	"math"

	"regulars/features/matrix"
)

// Certain is how near to 0 and 1 the log-odds of a probability are told.
const Certain = 1e-9

// LogOdds returns ln(p/(1−p)). A probability nearer to 0 or 1 than Certain counts as
// that near, so that the log-odds are finite: a forest, for one, may give 0.
func LogOdds(p float64) float64 {
	p = min(max(p, Certain), 1-Certain)
	return math.Log(p) - math.Log1p(-p)
}

// CheckContributions returns an error unless the columns of x are those of training
// (else it wraps ErrColumns) and dst has room for what Contributions writes.
func CheckContributions(trained []string, x *matrix.Dense, dst []float64) error {
	if err := CheckColumns(trained, x.Names); err != nil {
		return err
	}
	if want := x.Rows * (x.Cols() + 1); len(dst) != want {
		return fmt.Errorf("room for %d contributions: %d rows of %d columns need %d", len(dst), x.Rows, x.Cols(), want)
	}
	return nil
}

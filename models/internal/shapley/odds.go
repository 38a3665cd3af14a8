package shapley

import (
	"math"

	"regulars/models"
)

// ToLogOdds turns the contributions of columns to a probability, and the
// probability before any column behind them, into contributions to its log-odds.
// All are multiplied by what a unit of probability is worth between the base and
// the row, so that they keep their signs and proportions and add up to the log-odds
// of the row's probability, those of the base behind them.
func ToLogOdds(phi []float64) {
	columns, base := phi[:len(phi)-1], phi[len(phi)-1]
	gap := 0.0
	for _, v := range columns {
		gap += v
	}
	scale, rest := worth(base, gap), models.LogOdds(base+gap)
	for j := range columns {
		columns[j] *= scale
		rest -= columns[j]
	}
	phi[len(phi)-1] = rest // the log-odds of the base, up to rounding
}

// worth is the mean slope of the log-odds over the gap, that at the base where
// there is none. It keeps its digits however small the gap is.
func worth(base, gap float64) float64 {
	from := min(max(base, models.Certain), 1-models.Certain)
	room := from * (1 - from)
	switch {
	case gap == 0:
		return 1 / room
	case math.Abs(gap) > room/2 || from != base:
		return (models.LogOdds(base+gap) - models.LogOdds(base)) / gap
	}
	return (math.Log1p(gap/from) - math.Log1p(-gap/(1-from))) / gap
}

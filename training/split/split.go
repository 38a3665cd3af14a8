package split

import (
	"errors"
	"fmt"
	"slices"

	"regulars/data"
	"regulars/features/matrix"
)

// ErrShortHistory says that there are too few days for the protocol of a run.
var ErrShortHistory = errors.New("history is too short")

// Protocol is the timetable of a run at AsOf with a horizon of H days: every
// label window [day, day+H) ends where the next later one begins, or before.
type Protocol struct {
	AsOf    data.Day
	Horizon int        // H, in days
	Test    data.Day   // AsOf − H: figures are reported on these rows
	Choice  data.Day   // AsOf − 2H: models are chosen and calibrated on these
	Train   []data.Day // AsOf − 3H, AsOf − 4H, …, latest first
}

// NewProtocol returns the timetable of a run at asOf. first is the first day of
// the history; a training row needs a horizon of history before it, to have
// features at all. At most maxTrain training days are taken (0 = as many as
// there are). Without room for one the error wraps ErrShortHistory and says how
// many days are needed.
func NewProtocol(asOf data.Day, horizonDays, maxTrain int, first data.Day) (Protocol, error) {
	if horizonDays < 1 {
		return Protocol{}, fmt.Errorf("horizon of %d days: it must be at least 1", horizonDays)
	}
	if maxTrain < 0 {
		return Protocol{}, fmt.Errorf("at most %d training days: it must be 0 (no limit) or more", maxTrain)
	}
	h := int64(horizonDays)
	days := int64(asOf) - int64(first)
	if days < 4*h {
		return Protocol{}, fmt.Errorf("%w: %d days from %s to %s, a horizon of %d days needs %d (a shorter horizon needs fewer)",
			ErrShortHistory, max(0, days), first, asOf, h, 4*h)
	}
	p := Protocol{AsOf: asOf, Horizon: horizonDays, Test: asOf - data.Day(h), Choice: asOf - data.Day(2*h)}
	for n := int64(3); (n+1)*h <= days && (maxTrain == 0 || len(p.Train) < maxTrain); n++ {
		p.Train = append(p.Train, asOf-data.Day(n*h))
	}
	return p, nil
}

// Days returns every day of the timetable that needs features, ascending.
func (p Protocol) Days() []data.Day {
	days := append(slices.Clone(p.Train), p.Choice, p.Test, p.AsOf)
	slices.Sort(days)
	return days
}

// Ranking cuts interactions at the day cut: train is everything before it, truth
// the distinct items of each user (ascending) in the following days. Truth keeps
// only users and items that occur in train; skipped counts the users who were
// active in those days and are left with none. Vocabulary sizes are unchanged.
func Ranking(ev *matrix.Events, cut, days int32) (train *matrix.Events, truth [][]int32, skipped int, err error) {
	if days < 1 {
		return nil, nil, 0, fmt.Errorf("truth of %d days: it must be at least 1", days)
	}
	train = ev.Before(cut)
	if train.Len() == 0 {
		return nil, nil, 0, fmt.Errorf("%w: nothing happened before %s", ErrShortHistory, data.Day(cut))
	}
	known := make([]bool, ev.Items)
	for _, it := range train.Item {
		known[it] = true
	}
	after := ev.Between(cut, cut+days)
	truth = make([][]int32, ev.Users)
	for u := range truth {
		bought := after.History(u).Item
		if len(bought) == 0 {
			continue
		}
		if len(train.History(u).Item) > 0 {
			truth[u] = knownItems(bought, known)
		}
		if len(truth[u]) == 0 {
			skipped++
		}
	}
	return train, truth, skipped, nil
}

func knownItems(sorted []int32, known []bool) []int32 {
	out := slices.Compact(slices.Clone(sorted))
	return slices.DeleteFunc(out, func(it int32) bool { return !known[it] })
}

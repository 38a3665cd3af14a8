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

// Protocol is the timetable of a run at AsOf with a horizon of H days. The label
// window [day, day+H) of a training row ends before the choice rows are looked
// at, that of a choice row before the test rows are.
type Protocol struct {
	AsOf    data.Day
	Horizon int        // H, in days
	Test    data.Day   // AsOf − H: figures are reported on these rows
	Choice  data.Day   // AsOf − 2H: models are chosen and calibrated on these
	Past    []data.Day // AsOf − H and earlier, latest first: all rows whose labels are known at AsOf
}

// Plan says which past days a timetable takes.
type Plan struct {
	HorizonDays int
	Parts       int // days a horizon that rows are taken at: label windows overlap where there are several; 0 = 1
	MaxTrain    int // training days at most, the latest; 0 = as many as there are
}

func (pl Plan) check() error {
	switch {
	case pl.HorizonDays < 1:
		return fmt.Errorf("horizon of %d days: it must be at least 1", pl.HorizonDays)
	case pl.Parts < 0 || pl.Parts > pl.HorizonDays:
		return fmt.Errorf("a horizon in %d parts: there may be 1 to %d, one a day", pl.Parts, pl.HorizonDays)
	case pl.MaxTrain < 0:
		return fmt.Errorf("at most %d training days: it must be 0 (no limit) or more", pl.MaxTrain)
	}
	return nil
}

// NewProtocol returns the timetable of a run at asOf. first is the first day of
// the history; a training row needs a horizon of history before it, to have
// features at all. Without room for one the error wraps ErrShortHistory and says
// how many days are needed.
func NewProtocol(asOf data.Day, pl Plan, first data.Day) (Protocol, error) {
	if err := pl.check(); err != nil {
		return Protocol{}, err
	}
	h, parts := data.Day(pl.HorizonDays), data.Day(max(pl.Parts, 1))
	if asOf-4*h < first {
		return Protocol{}, fmt.Errorf("%w: %d days from %s to %s, a horizon of %d days needs %d (a shorter horizon needs fewer)",
			ErrShortHistory, max(0, asOf-first), first, asOf, h, 4*h)
	}
	p := Protocol{AsOf: asOf, Horizon: pl.HorizonDays, Test: asOf - h, Choice: asOf - 2*h}
	train := 0
	for i := data.Day(0); ; i++ {
		day := p.Test - i*h/parts // every multiple of a horizon is among them
		if day <= asOf-3*h {
			if day-h < first || pl.MaxTrain > 0 && train == pl.MaxTrain {
				return p, nil
			}
			train++
		}
		p.Past = append(p.Past, day)
	}
}

// Train returns the days of the training rows, latest first: AsOf − 3H and
// earlier.
func (p Protocol) Train() []data.Day { return p.KnownAt(p.Choice) }

// KnownAt returns the past days whose labels are known at a day, latest first.
func (p Protocol) KnownAt(day data.Day) []data.Day {
	return slices.DeleteFunc(slices.Clone(p.Past), func(d data.Day) bool { return d > day-data.Day(p.Horizon) })
}

// Days returns every day of the timetable that needs features, ascending.
func (p Protocol) Days() []data.Day {
	days := append(slices.Clone(p.Past), p.AsOf)
	slices.Sort(days)
	return days
}

// Whole returns AsOf and the past days whole horizons before it, ascending:
// their label windows do not overlap.
func (p Protocol) Whole() []data.Day {
	return slices.DeleteFunc(p.Days(), func(d data.Day) bool { return (p.AsOf-d)%data.Day(p.Horizon) != 0 })
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

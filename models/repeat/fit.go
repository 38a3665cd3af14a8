package repeat

import (
	"context"
	"fmt"
	"math"

	"regulars/features/matrix"
	"regulars/models"
)

// usersAStep is how many users are read between looks at the context.
const usersAStep = 4096

// Fit learns popularity and gap laws of the items from the interactions before
// day now, in one pass over them. Without any the error wraps models.ErrNoData;
// a wrong option is an *models.OptionError. progress may be nil; it is called
// with the number of users read.
func Fit(ctx context.Context, ev *matrix.Events, now int32, o Options, progress func(done, total int)) (*Model, error) {
	o, err := o.resolved()
	if err != nil {
		return nil, err
	}
	latest, found := latestBefore(ev, now)
	if !found {
		return nil, fmt.Errorf("repeat: no interaction before day %d: %w", now, models.ErrNoData)
	}
	f := &fit{now: now, latest: latest, halfLife: o.RecentDays,
		recent: make([]float64, ev.Items), customers: make([]float64, ev.Items), gaps: make([]gapSum, ev.Items)}
	for u := range ev.Users {
		if u%usersAStep == 0 {
			if err := ctx.Err(); err != nil {
				return nil, err
			}
			report(progress, u, ev.Users)
		}
		eachItem(ev.History(u), now, f.item)
	}
	report(progress, ev.Users, ev.Users)
	mean, variance := f.cycles(o.ItemPseudoGaps)
	return New(o, f.share(), mean, variance)
}

func report(progress func(done, total int), done, total int) {
	if progress != nil {
		progress(done, total)
	}
}

// latestBefore returns the last day before now on which anything happened.
// Popularity ages from there, so that a pause of the shop does not erase it.
func latestBefore(ev *matrix.Events, now int32) (latest int32, found bool) {
	latest = math.MinInt32
	for _, d := range ev.Day {
		if d < now {
			latest, found = max(latest, d), true
		}
	}
	return latest, found
}

// eachItem calls visit with the purchases of each item before now, days ascending.
func eachItem(h matrix.History, now int32, visit func(item int32, days []int32, weights []float32)) {
	for i := 0; i < len(h.Item); {
		item, from := h.Item[i], i
		to := from
		for ; i < len(h.Item) && h.Item[i] == item; i++ {
			if h.Day[i] < now {
				to = i + 1
			}
		}
		if to > from {
			visit(item, h.Day[from:to], h.Weight[from:to])
		}
	}
}

type fit struct {
	now, latest int32
	halfLife    float64
	recent      []float64 // customers, counting 2^(−age/halfLife) since they last bought it
	customers   []float64
	gaps        []gapSum
}

func (f *fit) item(item int32, days []int32, _ []float32) {
	age := float64(f.latest) - float64(days[len(days)-1])
	f.recent[item] += math.Exp2(-age / f.halfLife)
	f.customers[item]++
	addGaps(&f.gaps[item], days)
}

// addGaps adds the days between each purchase and the next; several purchases on
// one day are one.
func addGaps(g *gapSum, days []int32) {
	for i := 1; i < len(days); i++ {
		if gap := float64(days[i]) - float64(days[i-1]); gap > 0 {
			g.add(gap)
		}
	}
}

// share is the recent popularity of every item in [0, 1]. A thousandth of the
// all-time popularity orders what nobody bought lately.
func (f *fit) share() []float32 {
	recent, customers := 0.0, 0.0
	for i := range f.recent {
		recent, customers = math.Max(recent, f.recent[i]), math.Max(customers, f.customers[i])
	}
	out := make([]float32, len(f.recent))
	for i := range out {
		out[i] = float32((f.recent[i]/recent + floor*f.customers[i]/customers) / (1 + floor))
	}
	return out
}

// cycles returns the mean and variance of the logarithm of the gaps of every
// item, shrunk towards those of all items, which themselves start from a random
// month.
func (f *fit) cycles(pseudo float64) (mean, variance []float32) {
	var all gapSum
	for _, g := range f.gaps {
		all.n += g.n
		all.sum += g.sum
		all.squares += g.squares
	}
	pooled := cycle{mean: math.Log(30) - eulerGamma, variance: randomVariance}.update(all, pseudo)
	mean, variance = make([]float32, len(f.gaps)), make([]float32, len(f.gaps))
	for i, g := range f.gaps {
		c := pooled.update(g, pseudo)
		mean[i], variance[i] = float32(c.mean), float32(c.variance)
	}
	return mean, variance
}

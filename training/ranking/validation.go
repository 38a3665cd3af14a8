package ranking

import (
	"fmt"
	"math/rand/v2"
	"slices"

	"regulars/data"
	"regulars/features/matrix"
	"regulars/models"
)

// heldOut is the share of the interactions that options are chosen by, and
// tuners how many users at most: more tell hardly better and cost more.
const (
	heldOut = 0.15
	tuners  = 10_000
)

// Validation cuts train once more, for choosing options. Where there are days
// and the truth of s lies later than train, so does that of the slice: it is as
// many days, but at most a third of all, or the last 15% of the interactions
// where the days are not known. Else 15% of each user's items are held out, by
// the seed. what says in words what was done.
func (s *Split) Validation(seed uint64) (v *Split, what string, err error) {
	if s.Dated && !s.mixed {
		if cut, days := s.lastPart(); days > 0 {
			if v, err := NewSplitAt(s.Data, cut, days, s.Repeat); err == nil {
				v.thin()
				return v, fmt.Sprintf("the %d days of train from %s on", days, data.Day(cut)), nil
			}
		}
	}
	if v, err = s.holdOut(seed); err != nil {
		return nil, "", err
	}
	v.thin()
	return v, fmt.Sprintf("%.0f%% of each user's train items, drawn by seed %d", 100*heldOut, seed), nil
}

// lastPart returns the day at which train is cut, and the days from there on.
func (s *Split) lastPart() (cut, days int32) {
	sorted := slices.Sorted(slices.Values(s.Events.Day))
	first, end := sorted[0], sorted[len(sorted)-1]+1
	days = int32(s.horizon)
	if days == 0 {
		days = end - sorted[int(float64(len(sorted))*(1-heldOut))]
	}
	days = min(days, (end-first)/3)
	return end - days, days
}

// holdOut takes a share of every user's items (of their interactions, where
// items may repeat and days tell them apart) out of train; the first of a draw
// stays, so that nobody is left without history.
func (s *Split) holdOut(seed uint64) (*Split, error) {
	v := &Split{Data: s.Data, Now: s.Now, Repeat: s.Repeat, Truth: make([][]int32, s.Events.Users)}
	in := s.Events
	out := &matrix.Events{Users: in.Users, Items: in.Items, Indptr: make([]int64, in.Users+1)}
	for u := range in.Users {
		rng := rand.New(rand.NewPCG(seed, uint64(u)))
		h, held := in.History(u), false
		start := out.Len()
		for i, it := range h.Item {
			if again := i > 0 && h.Item[i-1] == it; !again || s.Repeat {
				held = rng.Float64() < heldOut
			}
			if held && !(i == len(h.Item)-1 && out.Len() == start) {
				v.Truth[u] = append(v.Truth[u], it)
				continue
			}
			out.Item, out.Day, out.Weight = append(out.Item, it), append(out.Day, h.Day[i]), append(out.Weight, h.Weight[i])
		}
		v.Truth[u] = slices.Compact(v.Truth[u])
		out.Indptr[u+1] = int64(out.Len())
	}
	v.Events = out
	v.keepKnown()
	v.cutTruth()
	if !v.any() {
		return nil, fmt.Errorf("no user of train has two items, one of which could be held out: %w", models.ErrNoData)
	}
	return v, nil
}

// keepKnown cuts truth to items that are left in train.
func (s *Split) keepKnown() {
	known := make([]bool, s.Events.Items)
	for _, it := range s.Events.Item {
		known[it] = true
	}
	for u := range s.Truth {
		s.Truth[u] = slices.DeleteFunc(s.Truth[u], func(it int32) bool { return !known[it] })
	}
}

// thin leaves truth to so many users, evenly spread.
func (s *Split) thin() {
	total := 0
	for _, t := range s.Truth {
		if len(t) > 0 {
			total++
		}
	}
	if total <= tuners {
		return
	}
	row := 0
	for u, t := range s.Truth {
		if len(t) == 0 {
			continue
		}
		if row*tuners/total == (row+1)*tuners/total {
			s.Truth[u] = nil
		}
		row++
	}
}

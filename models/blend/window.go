package blend

import (
	"math/rand/v2"
	"slices"

	"regulars/features/matrix"
)

// heldOut is the share of a user's items that stand for a later window where
// there are no days.
const heldOut = 0.2

// window is a moment of the past: what was known then, and what came after.
type window struct {
	ev    *matrix.Events
	now   int32
	users []int32   // with a history and a truth, at most Options.Lists
	truth [][]int32 // of each of users: distinct items that were known at now, ascending
}

// windows returns the latest moments to learn from, the latest first. Those in
// which nobody has both a history and a truth are left out.
func windows(in Input, now int32, o Options) []window {
	if !in.Dated {
		if w := holdOut(in.Events, now, o); len(w.users) > 0 {
			return []window{w}
		}
		return nil
	}
	var out []window
	for n := 1; n <= o.Windows+1; n++ {
		cut := int64(now) - int64(n)*int64(o.Days)
		if cut < int64(slices.Min(in.Events.Day)) {
			break
		}
		w := window{ev: in.Events, now: int32(cut)}
		w.fill(func(u int) []int32 { return bought(in.Events.History(u), w.now, w.now+int32(o.Days)) }, o)
		if len(w.users) > 0 {
			out = append(out, w)
		}
	}
	return out
}

// bought returns the distinct items of the days [from, to).
func bought(h matrix.History, from, to int32) []int32 {
	var out []int32
	for i, it := range h.Item {
		if from <= h.Day[i] && h.Day[i] < to && (len(out) == 0 || out[len(out)-1] != it) {
			out = append(out, it)
		}
	}
	return out
}

// holdOut takes a share of everybody's items out of what is known before now;
// nobody is left without any.
func holdOut(ev *matrix.Events, now int32, o Options) window {
	known := ev.Before(now)
	left := &matrix.Events{Users: ev.Users, Items: ev.Items, Indptr: make([]int64, ev.Users+1)}
	held := make([][]int32, ev.Users)
	for u := range ev.Users {
		held[u] = drawn(known.History(u), rand.New(rand.NewPCG(o.Seed, uint64(u))))
		h := known.History(u)
		for i, it := range h.Item {
			if _, out := slices.BinarySearch(held[u], it); !out {
				left.Item, left.Day, left.Weight = append(left.Item, it), append(left.Day, h.Day[i]), append(left.Weight, h.Weight[i])
			}
		}
		left.Indptr[u+1] = int64(left.Len())
	}
	w := window{ev: left, now: now}
	w.fill(func(u int) []int32 { return held[u] }, o)
	return w
}

// drawn returns the items to hold out of a history, not all of them.
func drawn(h matrix.History, rng *rand.Rand) []int32 {
	items, _ := h.Sum()
	var out []int32
	for _, it := range items {
		if rng.Float64() < heldOut && len(out)+1 < len(items) {
			out = append(out, it)
		}
	}
	return out
}

// fill finds the users, and thins them evenly where they are more than a window
// needs.
func (w *window) fill(truth func(u int) []int32, o Options) {
	known := make([]bool, w.ev.Items)
	for i, it := range w.ev.Item {
		known[it] = known[it] || w.ev.Day[i] < w.now
	}
	for u := range w.ev.Users {
		if len(bought(w.ev.History(u), minDay, w.now)) == 0 {
			continue
		}
		items := slices.DeleteFunc(truth(u), func(it int32) bool { return !known[it] })
		if len(items) > 0 {
			w.users, w.truth = append(w.users, int32(u)), append(w.truth, items)
		}
	}
	n := len(w.users)
	if n <= o.Lists {
		return
	}
	users, all := make([]int32, o.Lists), make([][]int32, o.Lists)
	for i := range users {
		at := i * n / o.Lists
		users[i], all[i] = w.users[at], w.truth[at]
	}
	w.users, w.truth = users, all
}

// part returns every second user, from the given one on.
func (w window) part(first int) window {
	out := window{ev: w.ev, now: w.now}
	for i := first; i < len(w.users); i += 2 {
		out.users, out.truth = append(out.users, w.users[i]), append(out.truth, w.truth[i])
	}
	return out
}

// before returns the part of a history that was known.
func before(h matrix.History, now int32) matrix.History {
	if !slices.ContainsFunc(h.Day, func(d int32) bool { return d >= now }) {
		return h
	}
	var out matrix.History
	for i, d := range h.Day {
		if d < now {
			out.Item, out.Day, out.Weight = append(out.Item, h.Item[i]), append(out.Day, d), append(out.Weight, h.Weight[i])
		}
	}
	return out
}
